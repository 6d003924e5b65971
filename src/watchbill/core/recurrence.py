"""Recurrence: at which instants the watch changes hands.

A *rhythm* divides all time into *turns*, numbered from its first hand-over, each from
one hand-over to the next: half-open, so that two turns share no instant and leave none
out. Hand-overs are wall-clock times in an IANA zone; a turn may therefore last an hour
more or less than usual, and a time that clocks skip or show twice is read as
:func:`watchbill.core.temporal.at_wall` reads it. Everything is closed arithmetic on
the calendar: the turn of an instant decades away costs what tomorrow's does.

Several hand-overs a week are the days that RFC 5545 means by ``FREQ=WEEKLY`` with
``BYDAY`` and weeks that begin on Monday: with an interval of two, both days belong to
the same week. A month that is too short is handed over on its last day, counted from
the first hand-over each time, so that the 31st comes back after a February.

A turn can vanish: Samoa had no 30 December 2011, and a watch that is handed over daily
at 10:00 had its hand-overs of the 30th and the 31st at one instant. Whoever would have
stood for no time at all is passed over, and no turn is ever empty.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from watchbill.core.temporal import Interval, Period, at_wall

_DAY = timedelta(days=1)


class Unit(StrEnum):
    """What the length of a turn is counted in."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One stretch between two hand-overs."""

    #: 0 begins at the rhythm's first hand-over; negative before it.
    number: int
    during: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """When the watch changes hands, such as each Friday at 10:00 in Yangon."""

    #: The day of the first hand-over, or, with ``weekdays``, the day on or after
    #: which it falls.
    first_day: date
    handover: time
    zone: ZoneInfo
    unit: Unit = Unit.WEEK
    every: int = 1
    #: For weeks: hand over on each of these days (Monday = 0); empty is the weekday of
    #: ``first_day``. With ``every`` 2, on these days of every other week.
    weekdays: frozenset[int] = frozenset()
    #: The Monday from which weeks are counted.
    _monday: date = field(init=False, repr=False, compare=False)
    #: The weekdays of a hand-over, in order.
    _offsets: tuple[int, ...] = field(init=False, repr=False, compare=False)
    #: How many hand-overs of the first week lie before the first day.
    _skipped: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.every < 1:
            message = f"a turn must last at least one {self.unit}, not {self.every}"
            raise ValueError(message)
        if self.weekdays and self.unit is not Unit.WEEK:
            message = f"weekdays belong to a rhythm of weeks, not of {self.unit}s"
            raise ValueError(message)
        if not self.weekdays <= frozenset(range(7)):
            message = f"weekdays are 0 (Monday) to 6, not {sorted(self.weekdays)}"
            raise ValueError(message)
        first = self.first_day.weekday()
        offsets = tuple(sorted(self.weekdays)) or (first,)
        object.__setattr__(self, "_monday", self.first_day - first * _DAY)
        object.__setattr__(self, "_offsets", offsets)
        object.__setattr__(self, "_skipped", sum(one < first for one in offsets))

    def turn_at(self, at: datetime) -> Turn:
        """Return the turn that contains an instant."""
        number = self._number_on(at.astimezone(self.zone).date())
        # Yesterday's turn before today's hand-over; and tomorrow's where clocks go
        # back across midnight and show today again after a hand-over at 00:00 (St.
        # John's, until 2011).
        while at < self.starts_at(number):
            number -= 1
        while at >= self.starts_at(number + 1):
            number += 1
        return self._turn(number)

    def turn(self, number: int) -> Turn:
        """Return a turn by its number; for one that vanished, the next there is."""
        while self.starts_at(number) == self.starts_at(number + 1):
            number += 1
        return self._turn(number)

    def starts_at(self, number: int) -> datetime:
        """Return the instant of the hand-over with which a turn begins."""
        return at_wall(self._day(number), self.handover, self.zone)

    def starts_within(self, during: Interval) -> Iterator[tuple[int, datetime]]:
        """Yield the number and the beginning of each turn of a stretch, in order.

        The first begins where the stretch does, whenever it began.
        """
        number = self.turn_at(during.starts_at).number
        starts_at = during.starts_at
        while starts_at < during.ends_at:
            yield number, starts_at
            number += 1
            starts_at = self.starts_at(number)

    def _turn(self, number: int) -> Turn:
        starts_at, ends_at = self.starts_at(number), self.starts_at(number + 1)
        return Turn(
            number=number, during=Interval(starts_at=starts_at, ends_at=ends_at)
        )

    def _day(self, number: int) -> date:
        """Return the local day of a hand-over."""
        match self.unit:
            case Unit.DAY:
                return self.first_day + number * self.every * _DAY
            case Unit.WEEK:
                cycle, place = divmod(number + self._skipped, len(self._offsets))
                days = cycle * 7 * self.every + self._offsets[place]
                return self._monday + days * _DAY
            case Unit.MONTH:
                return Period(months=self.every).after(self.first_day, times=number)

    def _number_on(self, day: date) -> int:
        """Return the last turn that begins on or before a local day, or one beside."""
        match self.unit:
            case Unit.DAY:
                return (day - self.first_day).days // self.every
            case Unit.WEEK:
                cycle, days = divmod((day - self._monday).days, 7 * self.every)
                begun = sum(offset <= days for offset in self._offsets)
                return cycle * len(self._offsets) + begun - 1 - self._skipped
            case Unit.MONTH:
                first = self.first_day
                months = (day.year - first.year) * 12 + day.month - first.month
                return months // self.every
