"""Reviews: when people meet to look back, and which looks back are overdue.

A *meeting* has a cycle and a time. Its date is worked out in the plan's zone and
moved off holidays (A54): a weekly one to the next working day at the same time, one
on "the first Tuesday" of a longer cycle to the first Tuesday on which people work,
and one in "the first week" to the first working day of the first week that begins
in the cycle. Two weeks of holidays thus leave one weekly meeting and not two.

A *review* of the plan itself is due every so many months after its effective date
(S0-03); days are counted from that date, so that a late review does not shift the
next. A review closes every due date before it; one that finds them closed already is
early, and closes the next one. A runbook is stale when its period has passed since it
was last reviewed (S8.1-10): there the clock does start again.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from watchbill.core.temporal import Period, WeeklyHours, at_wall

_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)


class Cycle(StrEnum):
    """How often a meeting takes place."""

    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    HALF_YEARLY = "half_yearly"
    YEARLY = "yearly"


_MONTHS = {
    Cycle.MONTHLY: 1,
    Cycle.QUARTERLY: 3,
    Cycle.HALF_YEARLY: 6,
    Cycle.YEARLY: 12,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MeetingTime:
    """On which day of its cycle a meeting is, and at which time of day."""

    #: Monday is 0; None for the first working day of the cycle's first week.
    weekday: int | None
    wall: time


def next_meeting_at(
    cycle: Cycle, when: MeetingTime, *, after: datetime, hours: WeeklyHours
) -> datetime:
    """Return the first meeting later than ``after``.

    ``hours`` says on which days people work, and in which zone. Where they never do,
    the day itself counts.
    """
    today = after.astimezone(hours.zone).date()
    for first in _cycles(cycle, around=today):
        day = _meeting_day(cycle, when, first=first, hours=hours)
        found = at_wall(day, when.wall, hours.zone)
        if found > after:
            return found
    message = "cycles have no end"
    raise AssertionError(message)


def _cycles(cycle: Cycle, *, around: date) -> Iterator[date]:
    """The first days of cycles, from one of which no meeting can be to come."""
    # A meeting moves by less than the year that :func:`_working_day` looks ahead.
    start = around - timedelta(days=366)
    if cycle is Cycle.WEEKLY:
        first = start - timedelta(days=start.weekday())
        while True:
            yield first
            first += _WEEK
    months = _MONTHS[cycle]
    first = date(start.year - 1, 1, 1)
    while True:
        yield first
        first = Period(months=months).after(first)


def _meeting_day(
    cycle: Cycle, when: MeetingTime, *, first: date, hours: WeeklyHours
) -> date:
    nominal = first + timedelta(days=(_weekday(when) - first.weekday()) % 7)
    if cycle is Cycle.WEEKLY or when.weekday is None:
        return _working_day(nominal, step=_DAY, hours=hours)
    return _working_day(nominal, step=_WEEK, hours=hours)


def _weekday(when: MeetingTime) -> int:
    return 0 if when.weekday is None else when.weekday


def _working_day(day: date, *, step: timedelta, hours: WeeklyHours) -> date:
    found = day
    while not hours.is_open_on(found):
        found += step
        if found - day > timedelta(days=365):
            return day
    return found


def review_dates(start: date, every: Period, *, until: date) -> tuple[date, ...]:
    """Return the days on which a review is due, up to and with ``until``."""
    dates: list[date] = []
    while (due := every.after(start, times=len(dates) + 1)) <= until:
        dates.append(due)
    return tuple(dates)


def overdue_reviews(
    start: date, every: Period, *, held: Iterable[date] = (), as_of: date
) -> tuple[date, ...]:
    """Return the due dates that have passed on a day without their review.

    A review that is due today is not yet overdue.
    """
    closed = 0
    for day in sorted(day for day in held if day <= as_of):
        passed = len(review_dates(start, every, until=day))
        # One that closes nothing late is early for the next date, and only for that.
        closed = max(passed, closed + (passed == closed))
    return review_dates(start, every, until=as_of - _DAY)[closed:]


def next_review_on(start: date, every: Period, *, after: date) -> date:
    """Return the first due date later than a day."""
    return every.after(start, times=len(review_dates(start, every, until=after)) + 1)


def is_stale(reviewed_on: date, every: Period, *, as_of: date) -> bool:
    """Return whether a period has passed since the last review (S8.1-10)."""
    return every.after(reviewed_on) < as_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Within:
    """A number of days, of the calendar or of work."""

    days: int
    working: bool = False


def due_on(within: Within, *, start: date, hours: WeeklyHours) -> date:
    """Return the last day on which something is still in time.

    The day of ``start`` is day 0. Where people never work, every day counts.
    """
    if not within.working or not hours.days:
        return start + timedelta(days=within.days)
    day = start
    for _ in range(within.days):
        day = _working_day(day + _DAY, step=_DAY, hours=hours)
    return day
