"""Time: instants, half-open intervals, wall-clock times.

An *instant* is an aware ``datetime``; stored and compared in UTC. A *wall time*
is what a clock on the office wall shows; it becomes an instant only together
with an IANA zone. Intervals are half-open, ``[starts_at, ends_at)``, so that two
shifts that meet share no instant and leave none out.

A wall time that a zone change skips is read with the offset before the change
(the instant an unadjusted clock would show), and one that occurs twice is read
as its first occurrence for a start. Both follow :pep:`495` with ``fold=0``; they
matter for tools outside Myanmar, which has no daylight saving time (A57).
"""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)


def require_aware(instant: datetime, name: str) -> datetime:
    """Return ``instant`` in UTC; raise ``ValueError`` when it has no zone."""
    if instant.tzinfo is None:
        message = f"{name} must be an aware datetime, not {instant.isoformat()}"
        raise ValueError(message)
    return instant.astimezone(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """The half-open stretch of time ``[starts_at, ends_at)``."""

    starts_at: datetime
    ends_at: datetime

    def __post_init__(self) -> None:
        if self.ends_at <= self.starts_at:
            message = f"an interval must end after it starts: {self}"
            raise ValueError(message)

    def __contains__(self, at: datetime) -> bool:
        return self.starts_at <= at < self.ends_at

    def overlaps(self, other: "Interval") -> bool:
        """Return whether both share an instant; meeting ends do not."""
        return self.starts_at < other.ends_at and other.starts_at < self.ends_at

    def intersection(self, other: "Interval") -> "Interval | None":
        """Return the stretch that both share, None where they share no instant."""
        if not self.overlaps(other):
            return None
        return Interval(
            starts_at=max(self.starts_at, other.starts_at),
            ends_at=min(self.ends_at, other.ends_at),
        )

    def in_utc(self) -> "Interval":
        """Return the same stretch with ends in UTC, in which ends compare fastest."""
        if self.starts_at.tzinfo is UTC and self.ends_at.tzinfo is UTC:
            return self
        return Interval(
            starts_at=require_aware(self.starts_at, "starts_at"),
            ends_at=require_aware(self.ends_at, "ends_at"),
        )

    @property
    def length(self) -> timedelta:
        """Return how much time lies between its ends."""
        return self.ends_at - self.starts_at


def at_wall(day: date, wall: time, zone: ZoneInfo) -> datetime:
    """Return the instant at which clocks in ``zone`` show ``wall`` on ``day``."""
    return datetime.combine(day, wall, tzinfo=zone).astimezone(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A stretch of the calendar, such as three months; its length varies."""

    months: int = 0
    days: int = 0

    def __post_init__(self) -> None:
        if self.months < 0 or self.days < 0 or not self.months + self.days:
            message = f"a period must be longer than nothing: {self}"
            raise ValueError(message)

    def after(self, day: date, *, times: int = 1) -> date:
        """Return the day that lies this period, or so many of it, after a day.

        Where the month is too short its last day is meant. Counting ``times`` from
        one beginning never drifts, which adding to the last result would.
        """
        count = day.year * 12 + day.month - 1 + self.months * times
        year, month = divmod(count, 12)
        last = monthrange(year, month + 1)[1]
        moved = date(year, month + 1, min(day.day, last))
        return moved + timedelta(days=self.days * times)


@dataclass(frozen=True, slots=True, kw_only=True)
class WeeklyHours:
    """Hours that repeat each week in one zone, such as business hours (A20).

    ``ends`` of 00:00, or one not after ``starts``, belongs to the next day, so
    that a night shift 20:00-08:00 is one entry. Days are counted from Monday = 0
    and name the day on which the hours begin.
    """

    days: frozenset[int]
    starts: time
    ends: time
    zone: ZoneInfo
    closed_on: frozenset[date] = frozenset()

    def contains(self, at: datetime) -> bool:
        """Return whether ``at`` lies inside the hours."""
        return any(hours is not None and at in hours for hours in self._around(at))

    def next_opening(self, at: datetime) -> datetime | None:
        """Return the first instant not before ``at`` that lies inside.

        None when no day of the coming year is open.
        """
        if self.contains(at):
            return at
        today = at.astimezone(self.zone).date()
        for offset in range(367):
            hours = self._on(today + offset * _DAY)
            if hours is not None and hours.starts_at >= at:
                return hours.starts_at
        return None

    def around(self, during: Interval) -> Iterator[tuple[datetime, datetime]]:
        """Yield, in order, both ends of the hours of each day around a stretch.

        All that share an instant with it are there, whole, and some beside it.
        """
        first = during.starts_at.astimezone(self.zone).date()
        last = during.ends_at.astimezone(self.zone).date()
        zone, starts = self.zone, self.starts
        until, ends = (0 if self.ends > starts else 1), self.ends
        # A day more on either side, as in ``_around``.
        for number in range(first.toordinal() - 1, last.toordinal() + 2):
            day = date.fromordinal(number)
            if self.is_open_on(day):
                starts_at = at_wall(day, starts, zone)
                ends_at = at_wall(date.fromordinal(number + until), ends, zone)
                if starts_at < ends_at:
                    yield starts_at, ends_at

    def is_open_on(self, day: date) -> bool:
        """Return whether hours begin on a day, which makes it a working day."""
        return day.weekday() in self.days and day not in self.closed_on

    def _around(self, at: datetime) -> Iterator[Interval | None]:
        today = at.astimezone(self.zone).date()
        # Tomorrow's too: clocks that go back across midnight show today again.
        return (self._on(today + offset * _DAY) for offset in (-1, 0, 1))

    def _on(self, day: date) -> Interval | None:
        """Return the hours that begin on a day, None when it has none.

        A zone change can swallow short hours, such as 02:00-03:00 in New York on
        the day on which clocks go forward: they do not occur on that day.
        """
        if not self.is_open_on(day):
            return None
        last = day if self.ends > self.starts else day + _DAY
        starts_at = at_wall(day, self.starts, self.zone)
        ends_at = at_wall(last, self.ends, self.zone)
        if ends_at <= starts_at:
            return None
        return Interval(starts_at=starts_at, ends_at=ends_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class WeeklyTime:
    """One wall time a week, such as Friday 10:00 in Yangon.

    It occurs once in every week of every zone: a time that clocks skip is read as
    :func:`at_wall` reads it, and one that they show twice counts the first time.
    """

    #: From Monday = 0.
    weekday: int
    wall: time
    zone: ZoneInfo

    def next_after(self, at: datetime) -> datetime:
        """Return the first occurrence that is later than ``at``."""
        return next(one for one in self._around(at) if one > at)

    def latest_until(self, at: datetime) -> datetime:
        """Return the last occurrence that is not later than ``at``."""
        return max(one for one in self._around(at) if one <= at)

    def _around(self, at: datetime) -> Iterator[datetime]:
        today = at.astimezone(self.zone).date()
        first = today + (self.weekday - today.weekday()) % 7 * _DAY
        # A week more on either side than most days need, for clocks that are set back.
        return (
            at_wall(first + 7 * n * _DAY, self.wall, self.zone) for n in range(-2, 3)
        )


def describe(duration: timedelta) -> str:
    """Return a duration as people write it: ``15 min``, ``1 h 30 min``, ``2 d``.

    Seconds are shown below one minute only; a negative duration is shown with a
    leading minus sign.
    """
    seconds = int(duration.total_seconds())
    if seconds < 0:
        return "-" + describe(-duration)
    if 0 < seconds < 60:
        return f"{seconds} s"
    minutes, hours, days = seconds // 60 % 60, seconds // 3600, 0
    if hours >= 48:
        days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "min")]
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "0 min"
