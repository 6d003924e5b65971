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
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeVar

from django.db import InterfaceError, OperationalError, connection

_ASK_EVERY = 5.0
"""Seconds between two questions to the database."""

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


class DatabaseClock:
    """PostgreSQL's clock, counted on with the monotonic clock in between."""

    rate = 1.0

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked: tuple[datetime, float] | None = None

    def now(self) -> datetime:
        """Return the database's time."""
        return self.wall()

    def wall(self) -> datetime:
        """Return the database's time."""
        with self._lock:
            if self._asked is None or time.monotonic() - self._asked[1] > _ASK_EVERY:
                self._asked = (_ask_database(), time.monotonic())
            at, mark = self._asked
            return at + timedelta(seconds=time.monotonic() - mark)


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


def rate() -> float:
    """Return how much faster than the wall clock the plan runs."""
    return _current.rate


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
