"""Schedules: from the on-call section as it is written to the values of the book.

The short form is a schedule of one layer. What a layer does not say of its hand-over
is said by what it stands in: the duty's own entry first, then the schedule. A layer of
a shift's hours reads them in its own zone, so that "night" is the night of whoever
holds the watch.
"""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from watchbill.core.layers import Layer
from watchbill.core.oncall import Follow, Schedule, Stand
from watchbill.core.recurrence import Rhythm, Unit
from watchbill.core.temporal import WeeklyHours
from watchbill.plan import schema
from watchbill.plan.sections.oncall import (
    EveryEntry,
    LayerEntry,
    RhythmEntry,
    ScheduleEntry,
    StandEntry,
    WatchEntry,
    WatchHoursEntry,
)
from watchbill.plan.values import Every, Neighbor

ONLY_LAYER = "main"
"""The key of the one layer of a schedule that is written without any."""

_OFFSET = {Neighbor.PREVIOUS: -1, Neighbor.NEXT: 1}

_UNIT = {Every.DAY: Unit.DAY, Every.WEEK: Unit.WEEK, Every.MONTH: Unit.MONTH}

Shifts = Mapping[str, schema.HoursEntry]


def build_schedule(
    key: str, entry: ScheduleEntry, *, shifts: Shifts, zone: ZoneInfo
) -> Schedule:
    """Return the schedule of an entry; names in it may still lead nowhere."""
    zone = entry.zone or zone
    return Schedule(
        key=key,
        title=entry.title,
        zone=zone,
        layers=_layers(entry, (entry,), shifts=shifts, zone=zone),
        secondary=_stand(entry, entry.secondary, shifts=shifts, zone=zone),
        shadow=_stand(entry, entry.shadow, shifts=shifts, zone=zone),
        specialty=entry.specialty,
    )


def build_hours(entry: schema.HoursEntry, zone: ZoneInfo) -> WeeklyHours:
    """Return hours of the week in a zone."""
    return WeeklyHours(
        days=entry.days,
        starts=entry.from_,
        ends=entry.to,
        zone=zone,
        closed_on=frozenset(day for dates in entry.closed for day in dates),
    )


def layer_entries(watch: WatchEntry) -> dict[str, LayerEntry | WatchEntry]:
    """Return the layers by their keys, of the short form the entry itself."""
    return {**watch.layers} if watch.layers is not None else {ONLY_LAYER: watch}


def _stand(
    schedule: ScheduleEntry,
    stand: Neighbor | StandEntry,
    *,
    shifts: Shifts,
    zone: ZoneInfo,
) -> Stand | None:
    if isinstance(stand, StandEntry):
        own_zone = stand.zone or zone
        return _layers(stand, (stand, schedule), shifts=shifts, zone=own_zone)
    offset = _OFFSET.get(stand)
    return None if offset is None else Follow(offset=offset)


def _layers(
    watch: WatchEntry,
    above: tuple[RhythmEntry, ...],
    *,
    shifts: Shifts,
    zone: ZoneInfo,
) -> tuple[Layer, ...]:
    return tuple(
        _layer(key, entry, above, shifts=shifts, zone=entry.zone or zone)
        for key, entry in layer_entries(watch).items()
    )


def _layer(
    key: str,
    entry: LayerEntry | WatchEntry,
    above: tuple[RhythmEntry, ...],
    *,
    shifts: Shifts,
    zone: ZoneInfo,
) -> Layer:
    return Layer(
        key=key,
        members=entry.members or (),
        rhythm=_rhythm((entry, *above), zone),
        hours=tuple(
            hours
            for form in entry.hours
            if (hours := _hours(form, shifts, zone)) is not None
        ),
        # Of the schedule's day only the hand-overs are counted: cover begins with
        # the plan (A23), and that of a further layer on the day that it names.
        first_day=None if isinstance(entry, WatchEntry) else entry.begins_on,
        last_day=entry.until,
    )


def _hours(
    form: str | WatchHoursEntry, shifts: Shifts, zone: ZoneInfo
) -> WeeklyHours | None:
    if isinstance(form, str):
        return build_hours(shifts[form], zone) if form in shifts else None
    return WeeklyHours(days=form.days, starts=form.from_, ends=form.to, zone=zone)


def _rhythm(said: tuple[RhythmEntry, ...], zone: ZoneInfo) -> Rhythm:
    """The rhythm of a layer: what it says itself, else what it stands in says."""
    first_day = next(day for one in said if (day := one.begins_on))
    handover = next(one.handover for one in said if one.handover is not None)
    # How long a turn is and on which days it ends is one saying.
    turn = next((one for one in said if one.every or one.weekdays), said[0])
    unit, count = _turn(turn.every or Every.WEEK)
    return Rhythm(
        first_day=first_day,
        handover=handover,
        zone=zone,
        unit=unit,
        every=count,
        weekdays=turn.weekdays or frozenset(),
    )


def _turn(every: Every | EveryEntry) -> tuple[Unit, int]:
    if isinstance(every, Every):
        return _UNIT[every], 1
    counts = (
        (Unit.DAY, every.days),
        (Unit.WEEK, every.weeks),
        (Unit.MONTH, every.months),
    )
    return next((unit, count) for unit, count in counts if count is not None)
