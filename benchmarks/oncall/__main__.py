"""How fast five years of a watch are resolved: `python -m benchmarks.oncall`.

Method. Twelve people stand in four layers in New York: weeks around the clock, working
days, nights and weekends, each handed over weekly, with a secondary and a shadow beside
the primary. There are 200 overrides and 60 absences, spread evenly. All three duties of
all five years are resolved at once; a calendar, a feed or a report asks for a part of
them. Nothing is kept from one round to the next. Of eleven rounds the median is given
with the fastest and the slowest; the garbage collector is off within a round. Times are
those of the processor, which this machine may share with others: on an idle one the
clock on the wall shows the same, for nothing here waits. It is printed beside.

The naive walk asks at every hour of the same years who holds each duty, in the plainest
way: it counts the weeks since the first hand-over, tries the layers from the top, tries
the overrides from the last, and begins a new shift where the holder differs. It is
right only because everything here begins on the hour. Both must find the same holders
before anything is timed; the walk is run once, in the same process.

The peak of memory is that of one more round, under tracemalloc, above what was there.
"""

import gc
import platform
import statistics
import tracemalloc
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from time import perf_counter, process_time
from zoneinfo import ZoneInfo

from watchbill.core.layers import Layer
from watchbill.core.oncall import (
    DUTIES,
    Absence,
    Duty,
    Follow,
    Override,
    Schedule,
    Shift,
    by_holder,
    holder,
    on_call,
    resolve,
)
from watchbill.core.recurrence import Rhythm
from watchbill.core.temporal import Interval, WeeklyHours

ROUNDS = 11
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)

ZONE = ZoneInfo("America/New_York")
PEOPLE = tuple(f"person-{number}" for number in range(12))
FIVE_YEARS = Interval(
    starts_at=datetime(2026, 1, 1, tzinfo=UTC), ends_at=datetime(2031, 1, 1, tzinfo=UTC)
)


def _layer(key: str, turn: int, days: range, starts: int, ends: int) -> Layer:
    """Return a layer of all twelve, of whom another begins in each layer."""
    rhythm = Rhythm(first_day=date(2026, 1, 2), handover=time(10), zone=ZONE)
    hours = WeeklyHours(
        days=frozenset(days), starts=time(starts), ends=time(ends), zone=ZONE
    )
    return Layer(
        key=key,
        members=PEOPLE[turn:] + PEOPLE[:turn],
        rhythm=rhythm,
        hours=(hours,) if starts or ends else (),
    )


SCHEDULE = Schedule(
    key="watch",
    title="Watch",
    zone=ZONE,
    layers=(
        _layer("weeks", 0, range(7), 0, 0),
        _layer("days", 3, range(5), 8, 20),
        _layer("nights", 6, range(7), 20, 8),
        _layer("weekends", 9, range(5, 7), 8, 20),
    ),
    secondary=Follow(offset=-1),
    shadow=Follow(offset=1),
)


def _stretch(number: int, of: int, length: timedelta) -> Interval:
    whole = (FIVE_YEARS.ends_at - FIVE_YEARS.starts_at) // HOUR
    starts_at = FIVE_YEARS.starts_at + number * whole // of * HOUR
    return Interval(starts_at=starts_at, ends_at=starts_at + length)


OVERRIDES = tuple(
    Override(
        schedule="watch",
        duty=DUTIES[number % 3],
        contact=PEOPLE[number * 7 % 12],
        during=_stretch(number, 200, (4 + number % 68) * HOUR),
        number=number + 1,
    )
    for number in range(200)
)
ABSENCES = tuple(
    Absence(
        contact=PEOPLE[number * 5 % 12],
        during=_stretch(number, 60, (1 + number % 14) * DAY),
    )
    for number in range(60)
)


def find() -> tuple[Shift, ...]:
    """Resolve everything."""
    return resolve(SCHEDULE, during=FIVE_YEARS, overrides=OVERRIDES, absences=ABSENCES)


Held = list[tuple[datetime, str | None]]
"""From when on, and who."""


def find_naively() -> dict[Duty, Held]:
    """Ask at every hour."""
    held: dict[Duty, Held] = {duty: [] for duty in DUTIES}
    at = FIVE_YEARS.starts_at
    while at < FIVE_YEARS.ends_at:
        taken: set[str | None] = set()
        for duty, offset in zip(DUTIES, (0, -1, 1), strict=True):
            who = _ask(duty, offset, at, taken)
            taken.add(who)
            if not held[duty] or held[duty][-1][1] != who:
                held[duty].append((at, who))
        at += HOUR
    return held


def _ask(duty: Duty, offset: int, at: datetime, taken: set[str | None]) -> str | None:
    for override in reversed(OVERRIDES):
        if override.duty is duty and at in override.during:
            return override.contact if override.contact not in taken else None
    local = at.astimezone(ZONE).replace(tzinfo=None)
    # The uppermost layer that is active; the lowest one always is.
    layer = next(
        one
        for one in reversed(SCHEDULE.layers)
        if not one.hours or one.hours[0].contains(at)
    )
    first = datetime.combine(layer.rhythm.first_day, layer.rhythm.handover)
    place = max((local - first) // WEEK, 0) + offset
    absent = {one.contact for one in ABSENCES if at in one.during}
    members = [layer.members[(place + step) % 12] for step in range(12)]
    if members[0] not in absent:
        return members[0] if members[0] not in taken else None
    return next((one for one in members if one not in absent | taken), None)


def compare(shifts: tuple[Shift, ...], naive: dict[Duty, Held]) -> None:
    """Hold one answer against the other."""
    for duty in DUTIES:
        mine = [
            (one.during.starts_at, one.holder)
            for one in by_holder(one for one in shifts if one.duty is duty)
        ]
        assert mine == naive[duty], f"the walk found another {duty}"


def times(clock: Callable[[], float]) -> list[float]:
    """Return the seconds of each round, by a clock."""
    found = []
    for _ in range(ROUNDS):
        gc.collect()
        gc.disable()
        start = clock()
        find()
        found.append(clock() - start)
        gc.enable()
    return found


def peak() -> int:
    """Return the bytes that a round needs at once, its answer included."""
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    find()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most - before


def point(question: Callable[[datetime], object]) -> float:
    """Return the microseconds of one question about one instant."""
    instants = [FIVE_YEARS.starts_at + number * 97 * HOUR for number in range(400)]
    start = process_time()
    for at in instants:
        question(at)
    return (process_time() - start) / len(instants) * 1e6


def _holder(at: datetime) -> str | None:
    return holder(
        SCHEDULE, Duty.SECONDARY, at=at, overrides=OVERRIDES, absences=ABSENCES
    )


def _on_call(at: datetime) -> Shift:
    return on_call(
        SCHEDULE, Duty.SECONDARY, at=at, overrides=OVERRIDES, absences=ABSENCES
    )


def main() -> None:
    """Print how long it takes, and how much longer the walk does."""
    shifts = find()
    start = process_time()
    naive = find_naively()
    walked = process_time() - start
    compare(shifts, naive)
    print(f"Python {platform.python_version()}, {ROUNDS} rounds")
    print(f"shifts in five years       {len(shifts):>10,}")
    found = times(process_time)
    for label, times_found in (
        ("resolve", found),
        ("  by the clock on the wall", times(perf_counter)),
    ):
        median, slowest = statistics.median(times_found), max(times_found)
        print(
            f"{label:27}{median * 1e3:>10.1f} ms"
            f"   (fastest {min(times_found) * 1e3:.1f}, slowest {slowest * 1e3:.1f})"
        )
    print(f"naive hourly walk          {walked * 1e3:>10.0f} ms")
    print(f"walk / resolve             {walked / statistics.median(found):>10.0f}")
    print(f"peak of memory             {peak() / 2**20:>10.1f} MiB")
    print(f"holder at an instant       {point(_holder):>10.0f} us")
    print(f"on_call, the whole shift   {point(_on_call):>10.0f} us")


if __name__ == "__main__":
    main()
