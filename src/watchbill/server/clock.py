"""The only reader of time.

Every instant that a decision sees comes from here, once a request or an engine
cycle, and is passed on as ``now``. In production it is the *database's* clock, so
that nodes whose own clocks disagree decide alike (I9): :class:`DatabaseClock`
asks PostgreSQL and, between two questions, counts on with the monotonic clock,
which nobody can set.

``now`` is the time in which the plan runs. ``wall`` is the time in which machines
work: leases, back-off and sessions. They differ only in the demo, which runs the
plan sixty times faster but must not let a lease expire in half a second.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeVar

from django.db import InterfaceError, OperationalError, connection

_ASK_EVERY = 5.0
"""Seconds between two questions to the database."""

MOVED = timedelta(seconds=5)
"""A database clock that differs by more from what was counted has been set."""

MOST_DELAY = timedelta(seconds=60)
"""The longest that a clock set back may delay anything."""

_C = TypeVar("_C", bound="Clock")


class Clock(Protocol):
    """What tells the time."""

    def now(self) -> datetime:
        """Return the instant in which the plan runs, aware and in UTC."""

    def wall(self) -> datetime:
        """Return the instant in which machines work, aware and in UTC."""

    @property
    def rate(self) -> float:
        """How many seconds of ``now`` pass in one second of ``wall``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """A jump of the database's clock against the monotonic one."""

    #: Negative when it was set back.
    by: timedelta
    at: datetime


class DatabaseClock:
    """PostgreSQL's clock, counted on with the monotonic clock in between.

    A jump forward is believed. A jump back would delay everything that is due by as
    much, so at most :data:`MOST_DELAY` of it is taken over, and the clock runs ahead
    of the database by the rest (I9). ``engine.timekeeping`` shares that lead among the
    nodes and lets it melt.
    """

    rate = 1.0

    def __init__(
        self,
        ask: Callable[[], datetime] | None = None,
        count: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._count = count
        self._lock = threading.Lock()
        self._asked: tuple[datetime, float] | None = None
        self._offset = timedelta(0)
        self._news: Movement | None = None

    @property
    def offset(self) -> timedelta:
        """How far this clock is ahead of the database's."""
        return self._offset

    def now(self) -> datetime:
        """Return the database's time."""
        return self.wall()

    def wall(self) -> datetime:
        """Return the database's time."""
        with self._lock:
            asked = self._asked
            if asked is None or self._count() - asked[1] > _ASK_EVERY:
                asked = self._ask_again()
            at, mark = asked
            return at + self._offset + timedelta(seconds=self._count() - mark)

    @property
    def news(self) -> Movement | None:
        """The last jump, until :meth:`adopt` is told that all others know it."""
        return self._news

    def adopt(self, offset: timedelta, *, told: Movement | None = None) -> None:
        """Run ahead of the database by as much as all the others do.

        Nothing is adopted when there has been a jump since ``told``: that one has to
        be told first, or it would be lost.
        """
        with self._lock:
            if self._news is not told:
                return
            self._news = None
            if offset > self._offset or self._offset - offset > MOVED:
                # Another node saw a jump that we perhaps did not ask about yet. What
                # was counted on is from before it; judged by that, the jump would be
                # taken over twice. A lead that only melts is no sign of one.
                self._asked = None
            self._offset = offset

    def _ask_again(self) -> tuple[datetime, float]:
        before = self._count()
        at = self._ask() if self._ask is not None else _ask_database()
        after = self._count()
        if self._asked is not None:
            asked, mark = self._asked
            # Between these two instants the answer was given.
            early = asked + timedelta(seconds=before - mark) - at
            late = at - (asked + timedelta(seconds=after - mark))
            self._judge(at, back=early, forward=late)
        self._asked = (at, after)
        return self._asked

    def _judge(self, at: datetime, *, back: timedelta, forward: timedelta) -> None:
        if back > MOVED:
            self._offset += max(timedelta(0), back - MOST_DELAY)
            self._news = Movement(by=-back, at=at + self._offset)
        elif forward > MOVED:
            # It may have come back to where it was before it was set back.
            self._offset = max(timedelta(0), self._offset - forward)
            self._news = Movement(by=forward, at=at + self._offset)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaledClock:
    """Another clock run faster from one instant on; for the demo."""

    clock: Clock
    origin: datetime
    rate: float

    def now(self) -> datetime:
        """Return the instant of the faster plan."""
        return self.origin + (self.clock.wall() - self.origin) * self.rate

    def wall(self) -> datetime:
        """Return the instant of the clock beneath."""
        return self.clock.wall()


class VirtualClock:
    """A clock that stands still until it is told to move; for tests."""

    rate = 1.0

    def __init__(self, at: datetime) -> None:
        self._at = at.astimezone(UTC)

    def now(self) -> datetime:
        """Return the instant at which the clock stands."""
        return self._at

    def wall(self) -> datetime:
        """Return the instant at which the clock stands."""
        return self._at

    def move_to(self, at: datetime) -> None:
        """Set the clock; going back is allowed, as real clocks do it too."""
        self._at = at.astimezone(UTC)

    def advance(self, by: timedelta) -> None:
        """Move the clock on."""
        self._at += by


_current: Clock = DatabaseClock()


def now() -> datetime:
    """Return the instant to decide with; ask once a request or cycle."""
    return _current.now()


def wall() -> datetime:
    """Return the instant for leases, back-off and sessions."""
    return _current.wall()


def of_machine() -> datetime:
    """Return what this machine's own clock shows, for a command without a database."""
    return datetime.now(UTC)


def rate() -> float:
    """Return how much faster than the wall clock the plan runs."""
    return _current.rate


def current() -> Clock:
    """Return the clock that this process reads."""
    return _current


def install(clock: Clock) -> None:
    """Make ``clock`` the one that this process reads."""
    global _current
    _current = clock


@contextmanager
def use(clock: _C) -> Iterator[_C]:
    """Read ``clock`` inside the block, and the former one after it."""
    former = _current
    install(clock)
    try:
        yield clock
    finally:
        install(former)


def _ask_database() -> datetime:
    """Ask, once more on a new connection if the old one broke.

    The thread that asks may serve no request and so have nobody who would notice.
    """
    try:
        return _ask_once()
    except (InterfaceError, OperationalError):
        if connection.in_atomic_block:
            raise
        connection.close()
        return _ask_once()


def _ask_once() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        at: datetime = cursor.fetchone()[0]
    return at.astimezone(UTC)
