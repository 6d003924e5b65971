"""The rotations and rules of GoAlert.

A rotation is a list and a place in it; the place moves on at each hand-over. What the
place was in the past is not kept, so the turns are counted from the last hand-over,
at which the active one took over.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from watchbill.migrate.model import Layer, Unit
from watchbill.migrate.reading import FieldError, Fields, Notes, wall_of
from watchbill.migrate.week import DAY, Week, daily

_UNITS = {
    "hourly": Unit.HOUR,
    "daily": Unit.DAY,
    "weekly": Unit.WEEK,
    "monthly": Unit.MONTH,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """A rotation as a layer without hours."""

    layer: Layer


def rotation_of(one: Fields, notes: Notes) -> Rotation:
    """Return a rotation; FieldError when its turns cannot be counted."""
    one.ignore("description", "isFavorite", "favorite", "users")
    name = one.required("name")
    unit = _UNITS.get(one.required("type"))
    if unit is None:
        message = f"its type {one.text('type')} is not known"
        raise FieldError(message)
    people = one.texts("userIDs") or tuple(
        row.required("id") for row in one.items("users")
    )
    if not people:
        message = "nobody takes turns in it"
        raise FieldError(message)
    active = one.number("activeUserIndex", default=0) % len(people)
    zone = one.zone("timeZone")
    every = one.number("shiftLength", default=1)
    starts_at = _last_handoff(one, unit, every, zone)
    if starts_at is None:
        starts_at = one.instant("start")
        because = "its turns are counted from its start, for want of nextHandoffTimes"
        notes.guessed("rotation", name, because, one.place)
    return Rotation(
        layer=Layer(
            name=name,
            zone=zone,
            people=(*people[active:], *people[:active]),
            starts_at=starts_at,
            unit=unit,
            every=every,
        )
    )


_SIZES = {
    Unit.HOUR: timedelta(hours=1),
    Unit.DAY: timedelta(days=1),
    Unit.WEEK: timedelta(days=7),
}


def _last_handoff(
    one: Fields, unit: Unit, every: int, zone: ZoneInfo
) -> datetime | None:
    """When the active turn began, which is one turn before the coming hand-over."""
    one.ignore("start")
    times = one.texts("nextHandoffTimes")
    if not times or every > _MOST_HOURS or unit is Unit.MONTH:
        return None
    coming = Fields({"nextHandoffTimes": times[0]}, one.place)
    there = coming.instant("nextHandoffTimes").astimezone(zone)
    if unit is Unit.HOUR:
        return (there.astimezone(UTC) - every * _SIZES[unit]).astimezone(UTC)
    wall = there.replace(tzinfo=None) - every * _SIZES[unit]
    return wall.replace(tzinfo=zone).astimezone(UTC)


_MOST_HOURS = 24 * 400


def rule_of(one: Fields) -> Week:
    """Return the minutes of the week of a rule, whose days begin on Sunday."""
    one.ignore("id", "target")
    flags = one.get("weekdayFilter")
    if not isinstance(flags, list) or len(flags) != 7:
        flags = [True] * 7
    days = [(number - 1) % 7 for number, flag in enumerate(flags) if flag is True]
    starts, ends = wall_of(one.required("start")), wall_of(one.required("end"))
    minutes = (ends.hour - starts.hour) * 60 + ends.minute - starts.minute
    return daily(days, starts, timedelta(minutes=minutes % DAY or DAY))
