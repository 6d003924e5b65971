"""Which stretch of the calendar a page shows: days of one zone, in whole weeks.

A day is as long as its zone makes it. What is drawn is linear in real time, so that a
day of 23 or 25 hours is as much narrower or wider than the others.
"""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from watchbill.core.oncall import Schedule
from watchbill.core.recurrence import Unit
from watchbill.core.temporal import Interval, at_wall

_DAY, _WEEK = timedelta(days=1), 7
_MARGIN = timedelta(days=35)
_EARLIEST, _LATEST = date(1971, 1, 1), date(2200, 1, 1)
_MONDAY = 0
_WEEKDAYS = frozenset("0123456")


class View(StrEnum):
    """How much of the calendar is shown at once."""

    WEEK = "week"
    FORTNIGHT = "fortnight"
    FOUR_WEEKS = "four-weeks"
    MONTH = "month"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The days that are shown, from the first weekday of a week on."""

    view: View
    #: The day that was asked for; the frame contains it.
    day: date
    #: On which day of the week a row begins, from Monday = 0.
    begins_on: int
    zone: ZoneInfo

    @property
    def first(self) -> date:
        """The first day that is shown."""
        day = self.day.replace(day=1) if self.view is View.MONTH else self.day
        return day - (day.weekday() - self.begins_on) % _WEEK * _DAY

    @property
    def length(self) -> int:
        """How many days are shown: a multiple of seven."""
        match self.view:
            case View.WEEK:
                return _WEEK
            case View.FORTNIGHT:
                return 2 * _WEEK
            case View.FOUR_WEEKS:
                return 4 * _WEEK
            case View.MONTH:
                last = monthrange(self.day.year, self.day.month)[1]
                days = (self.day.replace(day=last) - self.first).days + 1
                return -(-days // _WEEK) * _WEEK

    @property
    def during(self) -> Interval:
        """The stretch from the first midnight to the last."""
        return stretch(self.first, self.length, self.zone)

    @property
    def around(self) -> Interval:
        """A stretch so much wider that what crosses its ends has its own ends."""
        during = self.during
        return Interval(
            starts_at=during.starts_at - _MARGIN, ends_at=during.ends_at + _MARGIN
        )

    @property
    def rows(self) -> Iterator[tuple[date, int]]:
        """The first day and the length of each row that is drawn: a week each.

        Two weeks in one row would leave a phone no room for a name.
        """
        for offset in range(0, self.length, _WEEK):
            yield self.first + offset * _DAY, _WEEK

    @property
    def previous(self) -> date:
        """A day of the frame before."""
        if self.view is View.MONTH:
            return self.day.replace(day=1) - _DAY
        return self.day - self.length * _DAY

    @property
    def next(self) -> date:
        """A day of the frame after."""
        if self.view is View.MONTH:
            last = monthrange(self.day.year, self.day.month)[1]
            return self.day.replace(day=last) + _DAY
        return self.day + self.length * _DAY


def stretch(first: date, days: int, zone: ZoneInfo) -> Interval:
    """Return so many days of a zone, from midnight to midnight."""
    return Interval(
        starts_at=at_wall(first, time.min, zone),
        ends_at=at_wall(first + days * _DAY, time.min, zone),
    )


def frame(
    view: str,
    day: str,
    begins_on: str,
    *,
    schedule: Schedule,
    zone: ZoneInfo,
    now: datetime,
) -> Frame:
    """Return the frame that an address asks for; what makes no sense is passed over."""
    return Frame(
        view=View(view) if view in list(View) else View.WEEK,
        day=_day(day) or now.astimezone(zone).date(),
        begins_on=int(begins_on) if begins_on in _WEEKDAYS else handover_day(schedule),
        zone=zone,
    )


def handover_day(schedule: Schedule) -> int:
    """Return the weekday on which the watch changes hands; Monday where it varies."""
    rhythm = schedule.layers[0].rhythm
    if rhythm.unit is not Unit.WEEK:
        return _MONDAY
    return min(rhythm.weekdays, default=rhythm.first_day.weekday())


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if _EARLIEST <= found <= _LATEST else None
