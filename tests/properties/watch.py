"""A watch that is stood minute by minute: the oracle of the properties of on-call.

It shares no arithmetic with the product. Hand-overs are counted one by one along the
calendar; a wall time is looked for among all offsets that its zone has around the day;
whoever asks for an instant gets every rule applied to it from the beginning.
"""

from bisect import bisect_right
from calendar import monthrange
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import strategies as st

from watchbill.core.layers import Layer
from watchbill.core.oncall import (
    DUTIES,
    Absence,
    Duty,
    Follow,
    Override,
    Schedule,
)
from watchbill.core.recurrence import Rhythm, Unit
from watchbill.core.temporal import Interval, WeeklyHours

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

#: Where clocks do what few do: by half an hour, for Ramadan, never, at 00:01, by a day.
ODD_ZONES = (
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Asia/Yangon",
    "America/St_Johns",
    "Pacific/Apia",
)
ZONES = (*ODD_ZONES, "America/New_York", "Asia/Tehran", "Europe/Dublin", "UTC")
ALL_ZONES = sorted(available_timezones())

_FIRST, _LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2037, 12, 1, tzinfo=UTC)


def offset(at: datetime, zone: ZoneInfo) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta(0)


@cache
def zone_changes(name: str) -> tuple[datetime, ...]:
    """The first instants of each new offset from 2000 to 2037, found by halving."""
    zone, found = ZoneInfo(name), []
    for number in range((_LAST - _FIRST).days // 10):
        low, high = _FIRST + 10 * number * DAY, _FIRST + 10 * (number + 1) * DAY
        if offset(low, zone) == offset(high, zone):
            continue
        while high - low > MINUTE:
            middle = low + (high - low) // 2 // MINUTE * MINUTE
            if offset(middle, zone) == offset(low, zone):
                low = middle
            else:
                high = middle
        found.append(high)
    return tuple(found)


@cache
def first_showing(day: date, wall: time, zone: ZoneInfo) -> datetime:
    """The first instant that shows a wall time, or would have without a change."""
    unzoned = datetime.combine(day, wall, tzinfo=UTC)
    around = [offset(unzoned + hours * HOUR, zone) for hours in range(-40, 41)]
    shows = datetime.combine(day, wall)
    found = [
        unzoned - one
        for one in set(around)
        if (unzoned - one).astimezone(zone).replace(tzinfo=None, fold=0) == shows
    ]
    return min(found, default=unzoned - around[0])


def is_handed_over_on(rhythm: Rhythm, day: date) -> bool:
    """Whether the calendar has a hand-over on a day."""
    first = rhythm.first_day
    match rhythm.unit:
        case Unit.DAY:
            return (day - first).days % rhythm.every == 0
        case Unit.WEEK:
            monday, first_monday = (
                one - timedelta(days=one.weekday()) for one in (day, first)
            )
            weeks = (monday - first_monday).days // 7
            weekdays = rhythm.weekdays or {first.weekday()}
            return weeks % rhythm.every == 0 and day.weekday() in weekdays
        case Unit.MONTH:
            months = (day.year - first.year) * 12 + day.month - first.month
            shown = min(first.day, monthrange(day.year, day.month)[1])
            return months % rhythm.every == 0 and day.day == shown


def handovers(rhythm: Rhythm, until: datetime) -> list[datetime]:
    """All hand-overs from the first one on, one by one."""
    days = (until.date() - rhythm.first_day).days + 3
    return [
        first_showing(day, rhythm.handover, rhythm.zone)
        for day in (rhythm.first_day + number * DAY for number in range(days))
        if is_handed_over_on(rhythm, day)
    ]


class Oracle:
    """Answers for one instant after the other, up to a last one."""

    def __init__(
        self,
        schedule: Schedule,
        overrides: Sequence[Override],
        absences: Sequence[Absence],
        *,
        until: datetime,
    ) -> None:
        self._schedule = schedule
        self._overrides = [one for one in overrides if one.schedule == schedule.key]
        self._absences = absences
        layers = [
            layer
            for stand in (schedule.layers, schedule.secondary, schedule.shadow)
            if isinstance(stand, tuple)
            for layer in stand
        ]
        self._handovers = {
            layer.rhythm: handovers(layer.rhythm, until) for layer in layers
        }

    def holders(self, at: datetime) -> tuple[str | None, ...]:
        """Who is primary, secondary and shadow at an instant."""
        absent = {
            one.contact
            for one in self._absences
            if one.during.starts_at <= at < one.during.ends_at
        }
        held: list[str | None] = []
        for duty in DUTIES:
            held.append(self._holder(duty, at, absent, held))
        return tuple(held)

    def _holder(
        self, duty: Duty, at: datetime, absent: set[str], held: list[str | None]
    ) -> str | None:
        wanted = None
        for override in self._overrides:
            during = override.during
            if override.duty is duty and during.starts_at <= at < during.ends_at:
                wanted = override.contact
        if wanted is not None:
            return None if wanted in held else wanted
        line = self._line(duty, at)
        if line and line[0] not in absent:
            return None if line[0] in held else line[0]
        for one in line:
            if one not in absent and one not in held:
                return one
        return None

    def _line(self, duty: Duty, at: datetime) -> list[str]:
        """The members of the layer that counts, whose turn it is first."""
        stand = {
            Duty.PRIMARY: self._schedule.layers,
            Duty.SECONDARY: self._schedule.secondary,
            Duty.SHADOW: self._schedule.shadow,
        }[duty]
        if stand is None:
            return []
        layers = self._schedule.layers if isinstance(stand, Follow) else stand
        ahead = stand.offset if isinstance(stand, Follow) else 0
        line: list[str] = []
        for number, layer in enumerate(layers):
            if self._is_active(layer, at, is_lowest=number == 0):
                turn = bisect_right(self._handovers[layer.rhythm], at) - 1
                members = list(layer.members)
                first = (max(turn, 0) + ahead) % len(members)
                line = members[first:] + members[:first]
        return line

    def _is_active(self, layer: Layer, at: datetime, *, is_lowest: bool) -> bool:
        zone = layer.rhythm.zone
        first, last = layer.first_day, layer.last_day
        if first and not is_lowest and at < first_showing(first, time(), zone):
            return False
        if last and at >= first_showing(last + DAY, time(), zone):
            return False
        return not layer.hours or any(_is_within(one, at) for one in layer.hours)


def _is_within(hours: WeeklyHours, at: datetime) -> bool:
    for number in range(-3, 4):
        day = at.astimezone(hours.zone).date() + number * DAY
        if day.weekday() in hours.days and day not in hours.closed_on:
            last = day + DAY if hours.ends <= hours.starts else day
            start = first_showing(day, hours.starts, hours.zone)
            if start <= at < first_showing(last, hours.ends, hours.zone):
                return True
    return False


walls = st.sampled_from(
    [
        time(hour, minute)
        for hour, minute in [
            (0, 0),
            (0, 1),
            (1, 30),
            (2, 0),
            (2, 30),
            (3, 15),
            (8, 0),
            (10, 0),
            (20, 0),
            (23, 59),
        ]
    ]
)
people = st.sampled_from("abcdef")


@st.composite
def moments(draw: st.DrawFn, zone: str) -> datetime:
    """A minute near a change of the zone, or any where it has none."""
    changes = zone_changes(zone)
    if changes:
        return draw(st.sampled_from(changes)) + draw(st.integers(-3000, 3000)) * MINUTE
    return _FIRST + draw(st.integers(0, (_LAST - _FIRST) // MINUTE)) * MINUTE


@st.composite
def rhythms(draw: st.DrawFn, zone: str, near: datetime) -> Rhythm:
    unit = draw(st.sampled_from(Unit))
    weekdays = st.sets(st.integers(0, 6), max_size=3).map(frozenset)
    return Rhythm(
        first_day=near.date() + draw(st.integers(-120, 10)) * DAY,
        handover=draw(walls),
        zone=ZoneInfo(zone),
        unit=unit,
        every=draw(st.integers(1, 3)),
        weekdays=draw(weekdays) if unit is Unit.WEEK else frozenset(),
    )


@st.composite
def layers(draw: st.DrawFn, zone: str, near: datetime, key: str) -> Layer:
    days = st.none() | st.integers(-3, 3).map(lambda n: near.date() + n * DAY)
    hours = st.builds(
        WeeklyHours,
        days=st.sets(st.integers(0, 6), min_size=1).map(frozenset),
        starts=walls,
        ends=walls,
        zone=st.just(ZoneInfo(zone)),
    )
    return Layer(
        key=key,
        members=tuple(draw(st.lists(people, min_size=1, max_size=4))),
        rhythm=draw(rhythms(zone, near)),
        hours=tuple(draw(st.lists(hours, max_size=2))),
        first_day=draw(days),
        last_day=draw(days),
    )


@st.composite
def schedules(draw: st.DrawFn, zone: str, near: datetime) -> Schedule:
    def stack(name: str, most: int) -> tuple[Layer, ...]:
        count = draw(st.integers(1, most))
        return tuple(draw(layers(zone, near, f"{name}{n}")) for n in range(count))

    def stand(name: str) -> Follow | tuple[Layer, ...] | None:
        kind = draw(st.sampled_from(["follows", "follows", "layers", "none"]))
        if kind == "layers":
            return stack(name, 2)
        return Follow(offset=draw(st.integers(-2, 2))) if kind == "follows" else None

    return Schedule(
        key="watch",
        title="Watch",
        zone=ZoneInfo(zone),
        layers=stack("p", 3),
        secondary=stand("s"),
        shadow=stand("t"),
    )


@st.composite
def spans(draw: st.DrawFn, near: datetime) -> Interval:
    """A stretch of up to three days around a moment."""
    starts_at = near + draw(st.integers(-4000, 3000)) * MINUTE
    return Interval(
        starts_at=starts_at, ends_at=starts_at + draw(st.integers(1, 4000)) * MINUTE
    )


@st.composite
def override_lists(draw: st.DrawFn, near: datetime) -> tuple[Override, ...]:
    made = st.builds(
        Override,
        schedule=st.sampled_from(["watch", "watch", "other"]),
        duty=st.sampled_from(Duty),
        contact=people,
        during=spans(near),
        number=st.integers(1, 9),
        is_swap=st.booleans(),
    )
    return tuple(draw(st.lists(made, max_size=4)))


@st.composite
def absence_lists(draw: st.DrawFn, near: datetime) -> tuple[Absence, ...]:
    made = st.builds(Absence, contact=people, during=spans(near))
    return tuple(draw(st.lists(made, max_size=3)))
