"""The cast of the tests of the core: four people, one schedule, short spellings.

Ana, Ben and Chi share the watch; Dan is an expert who never holds it. The instants
are Friday, 6 February 2026, the first day of the first plan.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from watchbill.core.ladder import (
    ChannelTarget,
    DutyTarget,
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
from watchbill.core.layers import Layer
from watchbill.core.oncall import Absence, Duty, Follow, Override, Schedule
from watchbill.core.people import Contact, Directory
from watchbill.core.recurrence import Rhythm
from watchbill.core.roster import Roster
from watchbill.core.severity import Urgency
from watchbill.core.temporal import Interval, WeeklyHours

YANGON = ZoneInfo("Asia/Yangon")

ANA = Contact(key="ana", roles=("devops",), level="L2", name="Ana", email="ana@x.test")
BEN = Contact(key="ben", roles=("devops",), level="L2", name="Ben", phone="+959111")
CHI = Contact(key="chi", roles=("lead",), level="L2", name="Chi", slack_id="U3")
DAN = Contact(
    key="dan",
    roles=("dba",),
    level="L3",
    name="Dan",
    email="dan@x.test",
    expertise=frozenset({"database"}),
)
PEOPLE = (ANA, BEN, CHI, DAN)

WEEKLY = Layer(
    key="weeks",
    members=("ana", "ben", "chi"),
    rhythm=Rhythm(first_day=date(2026, 2, 6), handover=time(10, 0), zone=YANGON),
)
SCHEDULE = Schedule(
    key="primary",
    title="Primary on-call",
    zone=YANGON,
    layers=(WEEKLY,),
    secondary=Follow(offset=-1),
    shadow=Follow(offset=1),
)

#: 12:00 in Yangon: Ana is primary, Chi secondary, Ben shadow.
T0 = datetime(2026, 2, 6, 5, 30, tzinfo=UTC)

OFFICE_HOURS = WeeklyHours(
    days=frozenset(range(5)), starts=time(9), ends=time(17), zone=YANGON
)


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def after(number: float) -> datetime:
    """The instant so many minutes after the incident was declared."""
    return T0 + minutes(number)


def at(text: str, zone: ZoneInfo = YANGON) -> datetime:
    """The instant at which clocks in a zone show ``2026-02-06 10:00``."""
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def roster(
    *unreachable: str,
    people: tuple[Contact, ...] = PEOPLE,
    overrides: tuple[Override, ...] = (),
    absences: tuple[Absence, ...] = (),
    open_hours: WeeklyHours | None = None,
) -> Roster:
    groups = {"everybody": ("devops", "lead")}
    return Roster(
        directory=Directory(contacts=people, groups=groups, default_expert="dan"),
        schedules={"primary": SCHEDULE},
        overrides=overrides,
        absences=absences,
        open_hours=open_hours,
        unreachable=frozenset(unreachable),
    )


def role(name: str) -> RoleTarget:
    return RoleTarget(role=name)


def duty(which: Duty) -> DutyTarget:
    return DutyTarget(schedule="primary", duty=which)


def channel(name: str) -> ChannelTarget:
    return ChannelTarget(channel=name)


def step(
    key: str,
    minute: float,
    *targets: Target,
    verb: Verb = Verb.PAGE,
    stop_on: StopOn | None = None,
    since: Since = Since.DECLARED,
    when: When = When.ALWAYS,
    urgency: Urgency = Urgency.HIGH,
) -> Step:
    """A step; a page stops at the acknowledgement unless told otherwise."""
    usual = StopOn.ACKNOWLEDGED if verb is Verb.PAGE else StopOn.RESOLVED
    return Step(
        key=key,
        title=key.capitalize(),
        after=minutes(minute),
        verb=verb,
        targets=targets,
        stop_on=stop_on or usual,
        since=since,
        when=when,
        urgency=urgency,
    )


def ladder(
    *steps: Step,
    fallback: tuple[Target, ...] = (),
    repeat_after: timedelta | None = None,
) -> Ladder:
    return Ladder(steps=steps, fallback=fallback, repeat_after=repeat_after)


def situation(
    *,
    acknowledged: float | None = None,
    mitigated: float | None = None,
    resolved: float | None = None,
    category: str | None = None,
    confidential: bool = False,
) -> Situation:
    """An incident declared at T0, with what happened after so many minutes."""
    return Situation(
        declared_at=T0,
        acknowledged_at=None if acknowledged is None else after(acknowledged),
        mitigated_at=None if mitigated is None else after(mitigated),
        resolved_at=None if resolved is None else after(resolved),
        category=category,
        confidential=confidential,
    )


def override(
    which: Duty, contact: str, starts_at: datetime, ends_at: datetime
) -> Override:
    return Override(
        schedule="primary",
        duty=which,
        contact=contact,
        during=Interval(starts_at=starts_at, ends_at=ends_at),
    )


def absence(contact: str, starts_at: datetime, ends_at: datetime) -> Absence:
    return Absence(
        contact=contact, during=Interval(starts_at=starts_at, ends_at=ends_at)
    )


def between(starts: str, ends: str) -> Interval:
    """The stretch between two wall times in Yangon."""
    return Interval(starts_at=at(starts), ends_at=at(ends))
