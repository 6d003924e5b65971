"""How fast the two questions asked most are answered: `python -m benchmarks.core`.

Method. Each subject answers the same prepared questions in one process on one
thread; no clock, file or database is involved. A round is long enough to last about a
fifth of a second; of seven rounds the median is reported with the fastest and the
slowest, because a shared machine is noisier upwards than downwards. The garbage
collector is off within a round.

`escalation.advance` climbs the whole first ladder of a P1 (nine steps) minute by
minute for three hours, as an engine would that asks too often; an answer in which
nothing is due is counted like one in which a step fires. The naive loop beside it
compares each step's time with the minute and keeps a set of keys: no reasons, no
stops, nobody to reach. The ratio is the price of a decision that says why.

`Rhythm.turn_at` is asked for instants spread over twenty years. The naive loop adds
weeks from the first handover until it passes the instant; it is right for a zone
without changes only, and its cost grows with the age of the rotation.
"""

import gc
import platform
import statistics
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from time import perf_counter
from zoneinfo import ZoneInfo

from watchbill.core.escalation import Progress, advance
from watchbill.core.ladder import (
    ChannelTarget,
    DutyTarget,
    Ladder,
    RoleTarget,
    Situation,
    Step,
    StopOn,
    Verb,
)
from watchbill.core.layers import Layer
from watchbill.core.oncall import Duty, Follow, Schedule
from watchbill.core.people import Contact, Directory
from watchbill.core.recurrence import Rhythm
from watchbill.core.roster import Roster

ROUNDS = 7
ROUND_SECONDS = 0.2

MINUTE, WEEK = timedelta(minutes=1), timedelta(days=7)
DECLARED = datetime(2026, 2, 6, 5, 30, tzinfo=UTC)

YANGON = ZoneInfo("Asia/Yangon")
RHYTHM = Rhythm(first_day=date(2026, 2, 6), handover=time(10, 0), zone=YANGON)
SCHEDULE = Schedule(
    key="primary",
    title="Primary on-call",
    zone=YANGON,
    layers=(Layer(key="weeks", members=("ana", "ben", "chi"), rhythm=RHYTHM),),
    secondary=Follow(offset=-1),
    shadow=Follow(offset=1),
)
ROSTER = Roster(
    directory=Directory(
        contacts=tuple(
            Contact(key=key, roles=(role,), level="L2", email=f"{key}@x.test")
            for key, role in (
                ("ana", "devops"),
                ("ben", "devops"),
                ("chi", "devops"),
                ("dan", "lead"),
                ("eve", "manager"),
                ("fay", "cto"),
                ("gil", "ceo"),
            )
        )
    ),
    schedules={"primary": SCHEDULE},
)


def _step(minute: int, verb: Verb, *targets: RoleTarget | DutyTarget) -> Step:
    return Step(
        key=f"{verb}/{minute}",
        title=f"{verb} at {minute}",
        after=minute * MINUTE,
        verb=verb,
        targets=targets,
        stop_on=StopOn.ACKNOWLEDGED if verb is Verb.PAGE else StopOn.RESOLVED,
    )


_PRIMARY = DutyTarget(schedule="primary", duty=Duty.PRIMARY)
_SECONDARY = DutyTarget(schedule="primary", duty=Duty.SECONDARY)

LADDER = Ladder(
    steps=(
        replace(_step(0, Verb.POST), targets=(ChannelTarget(channel="#incidents"),)),
        _step(0, Verb.PAGE, _PRIMARY),
        _step(2, Verb.PAGE, _PRIMARY),
        _step(5, Verb.PAGE, _SECONDARY),
        _step(10, Verb.PAGE, RoleTarget(role="devops")),
        _step(15, Verb.ESCALATE, RoleTarget(role="lead")),
        _step(30, Verb.NOTIFY, RoleTarget(role="manager")),
        _step(60, Verb.NOTIFY, RoleTarget(role="cto")),
        _step(120, Verb.NOTIFY, RoleTarget(role="ceo")),
    )
)

INSTANTS = [DECLARED + minute * MINUTE for minute in range(180)]
TWENTY_YEARS = [DECLARED + number * timedelta(hours=1753) for number in range(100)]


def climb() -> int:
    """Ask the core at every minute."""
    progress, fired = Progress(), 0
    incident = Situation(declared_at=DECLARED)
    for now in INSTANTS:
        answer = advance(LADDER, progress, incident, ROSTER, now=now)
        progress = answer.progress
        fired += len(answer.firings)
    assert fired == len(LADDER.steps)
    return len(INSTANTS)


def climb_naively() -> int:
    """Compare times and remember keys."""
    done: set[str] = set()
    for now in INSTANTS:
        elapsed = now - DECLARED
        for step in LADDER.steps:
            if step.key not in done and step.after <= elapsed:
                done.add(step.key)
    assert len(done) == len(LADDER.steps)
    return len(INSTANTS)


def find_turns() -> int:
    """Ask the core for the turn at each instant."""
    for at in TWENTY_YEARS:
        RHYTHM.turn_at(at)
    return len(TWENTY_YEARS)


def find_turns_naively() -> int:
    """Add weeks until the instant is passed."""
    first = datetime.combine(
        RHYTHM.first_day, RHYTHM.handover, tzinfo=RHYTHM.zone
    ).astimezone(UTC)
    for at in TWENTY_YEARS:
        start, week = first, 0
        while start + WEEK <= at:
            start, week = start + WEEK, week + 1
        assert at is not TWENTY_YEARS[-1] or week == RHYTHM.turn_at(at).number
    return len(TWENTY_YEARS)


def rates(subject: Callable[[], int]) -> list[float]:
    """Return answers a second of each round."""
    subject()
    found = []
    for _ in range(ROUNDS):
        gc.collect()
        gc.disable()
        answers, start = 0, perf_counter()
        while (spent := perf_counter() - start) < ROUND_SECONDS:
            answers += subject()
        gc.enable()
        found.append(answers / spent)
    return found


def main() -> None:
    """Print a table of rates and what each costs against its naive loop."""
    print(f"Python {platform.python_version()}, {ROUNDS} rounds of {ROUND_SECONDS} s")
    print(f"{'':28}{'median/s':>12}{'slowest':>12}{'fastest':>12}{'us each':>10}")
    pairs = (
        ("escalation.advance", climb, climb_naively),
        ("Rhythm.turn_at", find_turns, find_turns_naively),
    )
    for name, subject, naive in pairs:
        medians = []
        for label, one in ((name, subject), ("  naive loop", naive)):
            found = rates(one)
            median = statistics.median(found)
            medians.append(median)
            print(
                f"{label:28}{median:>12,.0f}{min(found):>12,.0f}{max(found):>12,.0f}"
                f"{1e6 / median:>10.2f}"
            )
        print(f"{'  naive / core':28}{medians[1] / medians[0]:>12.2f}")


if __name__ == "__main__":
    main()
