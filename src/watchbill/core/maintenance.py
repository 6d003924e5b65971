"""Maintenance: planned quiet, as recurrences that people can read.

A window repeats on days of the local calendar: "Sunday 02:00" in Yangon is Saturday
19:30 in UTC, so a weekday is always that of the window's own zone (S5.1-07). It
begins at its wall time and lasts its duration, also on the night on which clocks
change: work takes as long as it takes, and no occurrence vanishes in a skipped
hour. A day that a zone left out altogether has no occurrence.

An *as needed* window has no occurrences of its own; it says on which days and at
what time one may be called, and :func:`may_be_called` answers for a given day (A24).

Two occurrences *overlap* when they share an instant; a job that ends as the next
one begins does not (A25). Windows that work on different components may share their
time; else the one of lower priority gives way, by whole weeks so that it keeps its
weekday, to a day that is free and not closed (:func:`make_room`, A24). When the next
of its own days comes first there is nothing to move: it is left out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from itertools import combinations
from zoneinfo import ZoneInfo

from watchbill.core.temporal import Interval, at_wall

_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)

WEEKS_AHEAD = 13
"""How far an occurrence may give way: a quarter."""

LAST = -1
"""The place of the last weekday of a month; others count from 1."""


class OverlapRule(StrEnum):
    """What happens to windows that overlap (A24)."""

    #: Both stay.
    SHARE = "share"
    #: The one of lower priority gives way, unless they can share.
    SHIFT = "shift"
    #: The plan is not run.
    REFUSE = "refuse"


class Impact(StrEnum):
    """What users notice of a window while it is open (A26)."""

    NONE = "none"
    DEGRADED = "degraded"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Daily:
    """Every day."""

    def falls_on(self, day: date) -> bool:
        """Return whether the calendar names the day."""
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Weekly:
    """Some days of every n-th week, counted from Monday to Sunday."""

    days: frozenset[int]
    every: int = 1
    #: It lies in the first of the weeks, and nothing falls before it.
    first_day: date | None = None

    def __post_init__(self) -> None:
        if self.every < 1 or (self.every > 1 and self.first_day is None):
            message = f"every {self.every} weeks cannot be counted without a first day"
            raise ValueError(message)

    def falls_on(self, day: date) -> bool:
        """Return whether the calendar names the day."""
        if day.weekday() not in self.days:
            return False
        if self.first_day is None:
            return True
        weeks = (_monday(day) - _monday(self.first_day)) // _WEEK
        return day >= self.first_day and weeks % self.every == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Monthly:
    """One weekday of every n-th month, such as the third Sunday."""

    weekday: int
    #: 1 to 4, or :data:`LAST`; a fifth one is not in every month.
    nth: int
    every: int = 1
    #: It lies in the first of the months, and nothing falls before it.
    first_day: date | None = None

    def __post_init__(self) -> None:
        if self.nth not in {1, 2, 3, 4, LAST}:
            message = f"not every month has a weekday number {self.nth}"
            raise ValueError(message)
        if self.every < 1 or (self.every > 1 and self.first_day is None):
            message = f"every {self.every} months cannot be counted without a first day"
            raise ValueError(message)

    def falls_on(self, day: date) -> bool:
        """Return whether the calendar names the day."""
        if day.weekday() != self.weekday or not self._is_nth(day):
            return False
        if self.first_day is None:
            return True
        months = _month(day) - _month(self.first_day)
        return day >= self.first_day and months % self.every == 0

    def _is_nth(self, day: date) -> bool:
        if self.nth == LAST:
            return (day + _WEEK).month != day.month
        return (day.day - 1) // 7 + 1 == self.nth


@dataclass(frozen=True, slots=True, kw_only=True)
class AsNeeded:
    """Whenever it is called for, on one of some weekdays."""

    days: frozenset[int]

    def falls_on(self, day: date) -> bool:
        """Return whether the calendar names the day: it names none."""
        return False


Recurrence = Daily | Weekly | Monthly | AsNeeded


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One row of the table of maintenance windows (S5.1)."""

    key: str
    title: str
    repeats: Recurrence
    starts: time
    duration: timedelta
    zone: ZoneInfo
    impact: Impact
    #: Set for a job that must report its success so long after its end (S5.1-13).
    heartbeat_grace: timedelta | None = None
    #: The change type by which its work is approved (A27).
    change_type: str | None = None
    #: What is worked on; empty is the whole platform.
    components: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.duration <= timedelta(0):
            message = f"the window {self.key!r} has no duration"
            raise ValueError(message)

    def on(self, day: date) -> "Occurrence":
        """Return the occurrence on a local day, whether or not one falls on it."""
        starts_at = at_wall(day, self.starts, self.zone)
        during = Interval(starts_at=starts_at, ends_at=starts_at + self.duration)
        return Occurrence(window=self, day=day, during=during)


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """A window on one day of its local calendar."""

    window: Window
    day: date
    during: Interval

    @property
    def heartbeat_due_at(self) -> datetime | None:
        """By when its success must have been reported; None if none is awaited."""
        grace = self.window.heartbeat_grace
        return None if grace is None else self.during.ends_at + grace


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Two windows that are open at the same time, and what to do about it."""

    stays: Occurrence
    #: The one of lower priority.
    yields: Occurrence
    #: They work on different components, so that both may stay.
    can_share: bool


def occurrences(window: Window, *, during: Interval) -> Iterator[Occurrence]:
    """Yield, in order, every occurrence that shares an instant with ``during``."""
    # A day more on either side: a zone may be a day ahead or repeat an evening.
    day = (during.starts_at - window.duration).astimezone(window.zone).date() - _DAY
    last = during.ends_at.astimezone(window.zone).date() + _DAY
    while day <= last:
        if window.repeats.falls_on(day) and _is_in_calendar(day, window.zone):
            found = window.on(day)
            if found.during.overlaps(during):
                yield found
        day += _DAY


def may_be_called(window: Window, day: date) -> bool:
    """Return whether somebody may call the window for a day that is not its own."""
    allowed = isinstance(window.repeats, AsNeeded) and (
        day.weekday() in window.repeats.days
    )
    return allowed and _is_in_calendar(day, window.zone)


def overlaps(windows: tuple[Window, ...], *, during: Interval) -> tuple[Overlap, ...]:
    """Return every overlap of two windows, in the order of time.

    ``windows`` are given the most important first.
    """
    planned = {window: tuple(occurrences(window, during=during)) for window in windows}
    found = [
        Overlap(stays=stays, yields=yields, can_share=_can_share(higher, lower))
        for higher, lower in combinations(windows, 2)
        for stays, yields in _meeting(planned[higher], planned[lower])
    ]
    return tuple(sorted(found, key=lambda one: one.yields.during.starts_at))


def make_room(
    overlap: Overlap,
    windows: tuple[Window, ...],
    *,
    closed_on: frozenset[date] = frozenset(),
) -> Occurrence | None:
    """Return where the occurrence that gives way can go: the first free week.

    None when it should be left out, because the next of its own days comes first or
    no week of the coming quarter is free.
    """
    window = overlap.yields.window
    for weeks in range(1, WEEKS_AHEAD + 1):
        day = overlap.yields.day + weeks * _WEEK
        if day in closed_on or not _is_in_calendar(day, window.zone):
            continue
        if window.repeats.falls_on(day):
            return None
        moved = window.on(day)
        if not any(_is_taken(moved, other) for other in windows if other != window):
            return moved
    return None


def _meeting(
    some: tuple[Occurrence, ...], others: tuple[Occurrence, ...]
) -> Iterator[tuple[Occurrence, Occurrence]]:
    """The pairs that overlap; both are in order, so one pass finds them."""
    first = 0
    for one in some:
        while first < len(others) and (
            others[first].during.ends_at <= one.during.starts_at
        ):
            first += 1
        for other in others[first:]:
            if other.during.starts_at >= one.during.ends_at:
                break
            if one.during.overlaps(other.during):
                yield one, other


def _can_share(one: Window, other: Window) -> bool:
    known = bool(one.components) and bool(other.components)
    return known and one.components.isdisjoint(other.components)


def _is_taken(moved: Occurrence, other: Window) -> bool:
    if _can_share(moved.window, other):
        return False
    return any(True for _ in occurrences(other, during=moved.during))


def _is_in_calendar(day: date, zone: ZoneInfo) -> bool:
    """Whether clocks in the zone ever show the day.

    Those of Apia went from 29 to 31 December 2011; read with the offset before, the
    noon between is the noon after.
    """
    return at_wall(day, time(12), zone).astimezone(zone).date() == day


def _monday(day: date) -> date:
    return day - day.weekday() * _DAY


def _month(day: date) -> int:
    return day.year * 12 + day.month
