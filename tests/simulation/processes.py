"""The real engine on the real PostgreSQL, killed at any statement.

A :class:`Crash` is raised instead of the k-th statement or provider call, and so after
the one before took effect. Nothing catches it, for it is no ``Exception``; what a
handler still asks of the database is refused too. As after SIGKILL the connection
closes and PostgreSQL rolls back what was open. A new process then begins with a new
connection.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection

from tests.engine.watch import RecordingChannels
from watchbill.core.messages import Notice
from watchbill.core.notification import Attempt

Execute = Callable[[str, Any, bool, dict[str, Any]], Any]


class Crash(BaseException):
    """The process is gone."""


@dataclass
class Fuse:
    """Counts ports, and burns through at one of them."""

    at: int | None = None
    passed: int = 0
    is_burnt: bool = False

    def port(self) -> None:
        """Pass one port, unless the process dies here."""
        if self.is_burnt:
            raise Crash
        if self.at is not None and self.passed == self.at:
            self.is_burnt = True
            raise Crash
        self.passed += 1

    def mend(self) -> None:
        """Let the next process live."""
        self.at, self.is_burnt = None, False

    def __call__(
        self, execute: Execute, sql: str, params: Any, many: Any, context: Any
    ) -> Any:
        """Stand before each statement, as Django's execute_wrapper asks."""
        self.port()
        return execute(sql, params, many, context)


@dataclass(frozen=True, slots=True, kw_only=True)
class MortalChannels(RecordingChannels):
    """Channels at which a process may die before the request or after the answer."""

    fuse: Fuse = field(default_factory=Fuse)

    def send(
        self, channel: str, address: str, notice: Notice, *, now: datetime
    ) -> Attempt:
        """Send between two ports."""
        self.fuse.port()
        answer = RecordingChannels.send(self, channel, address, notice, now=now)
        self.fuse.port()
        return answer


@contextmanager
def process(fuse: Fuse) -> Iterator[None]:
    """Run a block as a process that dies when the fuse burns through."""
    try:
        with connection.execute_wrapper(fuse):
            yield
    except Crash:
        connection.close()
