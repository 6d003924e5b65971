"""The shifts of Grafana OnCall: recurring events in the words of iCal.

A shift lasts ``duration`` seconds from ``start`` on and comes again each ``interval``
hours, days, weeks or months, on the days of ``by_day``. In *rolling_users* the next
group takes over each interval, weeks counted from ``week_start``; in *recurrent_event*
the same people come again. A plan says the same as a rhythm of turns and the hours of
the week in which it is active.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from watchbill.migrate.model import Layer, Unit
from watchbill.migrate.reading import FieldError, Fields, Notes
from watchbill.migrate.week import WHOLE_WEEK, Week, daily

_DAY, _WEEK = timedelta(days=1), timedelta(days=7)
_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Event:
    """A recurring event, as it was written."""

    #: In the zone of the shift.
    first: datetime
    lasts: timedelta
    every: int
    days: tuple[int, ...]
    week_start: int


def layer_of(one: Fields, zone: ZoneInfo, notes: Notes) -> Layer:
    """Return a recurring shift as a layer; FieldError when a plan cannot say it."""
    if one.text("type") not in {"rolling_users", "recurrent_event"}:
        message = f"its type {one.text('type') or 'is missing'} is not known"
        raise FieldError(message)
    own = one.zone("time_zone") if one.text("time_zone") else zone
    begins = one.instant_or_none("rotation_start", zone=own)
    starts_at = one.instant("start", zone=own)
    event = _Event(
        first=starts_at.astimezone(own),
        lasts=timedelta(seconds=one.number("duration")),
        every=one.number("interval", default=1) or 1,
        days=_days(one),
        week_start=_day(one.text("week_start") or "MO"),
    )
    if one.get("by_month", "by_monthday"):
        message = "it comes on days of a month; a plan has days of a week"
        raise FieldError(message)
    unit, first, week, weekdays = _rhythm(one.text("frequency"), event)
    return Layer(
        name=one.text("name") or "shift",
        people=people_of(one, notes),
        starts_at=first,
        not_before=begins,
        ends_at=one.instant_or_none("until", zone=own),
        unit=unit,
        every=event.every,
        week=week,
        weekdays=weekdays,
        zone=own,
    )


def people_of(one: Fields, notes: Notes) -> tuple[str, ...]:
    """Return who takes turns, one for each turn, beginning with the first."""
    groups = _groups(one)
    at = one.number("start_rotation_from_user_index", default=0)
    if any(len(group) > 1 for group in groups):
        because = "several are on call together; the first of them takes the turn"
        notes.guessed("shift", one.text("name"), because, one.place)
    people = tuple(group[0] for group in groups if group)
    at = at % len(people) if people else 0
    return (*people[at:], *people[:at])


def _groups(one: Fields) -> list[tuple[str, ...]]:
    rolling = one.get("rolling_users")
    if one.text("type") == "rolling_users" or (rolling and not one.get("users")):
        rows = rolling if isinstance(rolling, list) else []
        return [_names(row) for row in rows]
    return [one.texts("users")]


def _names(row: object) -> tuple[str, ...]:
    if isinstance(row, str):
        return (row,) if row else ()
    values: Iterable[object] = row.values() if isinstance(row, dict) else ()
    values = row if isinstance(row, list) else values
    return tuple(one for one in values if isinstance(one, str) and one)


def _days(one: Fields) -> tuple[int, ...]:
    return tuple(sorted({_day(text) for text in one.texts("by_day")}))


def _day(text: str) -> int:
    if text not in _DAYS:
        message = f"{text} is no day of the week"
        raise FieldError(message)
    return _DAYS.index(text)


_Rhythm = tuple[Unit, datetime, Week, frozenset[int]]


def _rhythm(frequency: str, event: _Event) -> _Rhythm:
    match frequency:
        case "hourly" if event.lasts == event.every * timedelta(hours=1):
            week = _on_days(event, _DAY) if event.days else WHOLE_WEEK
            return Unit.HOUR, event.first, week, frozenset()
        case "daily" if event.days and event.every == 1 and event.lasts <= _DAY:
            return _each_of_days(event)
        case "daily" if not event.days:
            return Unit.DAY, event.first, _span(event, _DAY, range(7)), frozenset()
        case "weekly" if event.days and event.lasts <= _DAY:
            return Unit.WEEK, _week_of(event), _on_days(event, event.lasts), frozenset()
        case "weekly" if not event.days:
            day = [event.first.weekday()]
            return Unit.WEEK, event.first, _span(event, _WEEK, day), frozenset()
        case "monthly" if event.lasts >= 28 * _DAY:
            return Unit.MONTH, event.first, WHOLE_WEEK, frozenset()
    message = (
        f"it comes {frequency or 'once'}, each {event.every}, for {event.lasts}; a plan"
        " repeats hours of a week or whole turns"
    )
    raise FieldError(message)


def _span(event: _Event, unit: timedelta, days: Iterable[int]) -> Week:
    """The hours of shifts that come each unit and may be shorter than it."""
    if event.lasts == event.every * unit:
        return WHOLE_WEEK
    if event.every == 1 and event.lasts < unit:
        return daily(days, event.first.time(), event.lasts)
    message = (
        f"it lasts {event.lasts} of each {event.every * unit};"
        " a plan has the same hours each week"
    )
    raise FieldError(message)


def _on_days(event: _Event, lasts: timedelta) -> Week:
    return daily(event.days, event.first.time(), lasts)


def _week_of(event: _Event) -> datetime:
    """The first day of the first week, at the time at which its shifts begin.

    A shift that begins on the last evening of a week is still that week's then.
    """
    back = (event.first.weekday() - event.week_start) % 7
    return event.first - back * _DAY


def _each_of_days(event: _Event) -> _Rhythm:
    """The next one takes over on each of the days."""
    week = _on_days(event, event.lasts)
    return Unit.WEEK, event.first, week, frozenset(event.days)
