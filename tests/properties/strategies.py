"""Everything that the properties of escalation draw: ladders, states, instants.

The incident is declared on Friday, 13 February 2026, at 16:40 in Yangon. The watch is
handed over ten minutes later and the office closes after twenty, so that what is
drawn within the hour meets both.
"""

from dataclasses import replace
from datetime import datetime, time, timedelta

from hypothesis import strategies as st

from tests.core.cast import OFFICE_HOURS, PEOPLE, SCHEDULE, WEEKLY, at
from watchbill.core.escalation import Progress
from watchbill.core.ladder import (
    ChannelTarget,
    DutyTarget,
    ExpertTarget,
    Ladder,
    RoleTarget,
    Since,
    Situation,
    Step,
    StopOn,
    Target,
    Verb,
    When,
)
from watchbill.core.oncall import Duty
from watchbill.core.people import Directory
from watchbill.core.roster import Roster
from watchbill.core.severity import Urgency

DECLARED = at("2026-02-13 16:40")
HANDOVER_MINUTE = 10
CLOSING_MINUTE = 20

#: Who answers to what, in the plan's order; the model of the tests reads the same.
ROLES = {
    "devops": ("ana", "ben"),
    "lead": ("chi",),
    "dba": ("dan",),
    "everybody": ("ana", "ben", "chi"),
}
KEYS = tuple(one.key for one in PEOPLE)

_RHYTHM = replace(WEEKLY.rhythm, handover=time(16, 50))
_SCHEDULE = replace(SCHEDULE, layers=(replace(WEEKLY, rhythm=_RHYTHM),))
_DIRECTORY = Directory(
    contacts=PEOPLE, groups={"everybody": ("devops", "lead")}, default_expert="dan"
)


def instant(minute: float) -> datetime:
    return DECLARED + timedelta(minutes=minute)


def roster_without(unreachable: frozenset[str], *, office: bool = True) -> Roster:
    return Roster(
        directory=_DIRECTORY,
        schedules={"primary": _SCHEDULE},
        open_hours=OFFICE_HOURS if office else None,
        unreachable=unreachable,
    )


minutes = st.integers(min_value=0, max_value=45)
half_minutes = st.integers(min_value=-10, max_value=160).map(lambda half: half / 2)
repeat_afters = st.integers(min_value=1, max_value=30).map(
    lambda minutes: timedelta(minutes=minutes)
)
deaf = st.sets(st.sampled_from(KEYS)).map(frozenset)
rosters = st.builds(
    lambda unreachable, office: roster_without(unreachable, office=office),
    deaf,
    st.booleans(),
)

targets: st.SearchStrategy[Target] = st.one_of(
    st.sampled_from([*ROLES, *KEYS]).map(lambda role: RoleTarget(role=role)),
    st.sampled_from(Duty).map(lambda duty: DutyTarget(schedule="primary", duty=duty)),
    st.just(ExpertTarget(level="L3")),
    st.just(ChannelTarget(channel="#incidents")),
)


@st.composite
def steps(draw: st.DrawFn, key: str) -> Step:
    return Step(
        key=key,
        title=key,
        after=timedelta(minutes=draw(minutes)),
        # Mostly people: that is where the rules are.
        verb=draw(st.sampled_from([Verb.PAGE, Verb.ESCALATE, Verb.NOTIFY, *Verb])),
        targets=tuple(draw(st.lists(targets, max_size=2))),
        stop_on=draw(st.sampled_from(StopOn)),
        since=draw(st.sampled_from([Since.DECLARED, Since.DECLARED, Since.RESOLVED])),
        when=draw(st.sampled_from([When.ALWAYS, When.ALWAYS, *When])),
        urgency=draw(st.sampled_from(Urgency)),
    )


@st.composite
def ladders(draw: st.DrawFn) -> Ladder:
    count = draw(st.integers(min_value=0, max_value=6))
    return Ladder(
        steps=tuple(draw(steps(f"s{number}")) for number in range(count)),
        fallback=tuple(draw(st.lists(targets, max_size=1))),
        repeat_after=draw(st.none() | repeat_afters),
    )


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    def happened() -> datetime | None:
        minute = draw(st.none() | minutes)
        return None if minute is None else instant(minute)

    return Situation(
        declared_at=DECLARED,
        acknowledged_at=happened(),
        mitigated_at=happened(),
        resolved_at=happened(),
        category=draw(st.sampled_from([None, "database", "payments"])),
        confidential=draw(st.booleans()),
    )


@st.composite
def progress_on(draw: st.DrawFn, ladder: Ladder) -> Progress:
    keys = [step.key for step in ladder.steps]
    if not keys:
        return Progress()
    some = st.sets(st.sampled_from(keys))
    fallback = draw(st.none() | minutes)
    repeat = draw(st.none() | minutes)
    return Progress(
        # Often all: what is repeated comes after the last step.
        done=frozenset(draw(some | st.just(set(keys)))),
        brought_forward={key: instant(draw(minutes)) for key in sorted(draw(some))},
        fallback_at=None if fallback is None else instant(fallback),
        fallback_tries=0 if fallback is None else draw(st.integers(1, 9)),
        repeat_at=None if repeat is None else instant(repeat),
        repeats=draw(st.integers(0, 9)),
    )
