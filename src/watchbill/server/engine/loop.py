"""The engine's threads: one that folds, one that fires, a few for each channel.

Folding and firing are apart, because a storm of posts must delay no page (I10). Both
look at least once a second; that is the truth, and the NOTIFY for which they wait in
between is only a hint. Each channel has workers of its own, so that a slow mail server
delays no chat message. A thread that meets an error reports it, waits a little and
goes on; a lost database connection is opened anew.

A node reports itself only while it both folds and fires, so that "alive" means that
the plan is being run and not merely that a port is open (I12).
"""

import logging
import os
import socket
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from django.db import connection, connections
from psycopg import Connection
from psycopg.conninfo import make_conninfo
from psycopg.pq import Conninfo

from watchbill import __version__
from watchbill.server import clock
from watchbill.server.engine import actions
from watchbill.server.engine.channels import Channels
from watchbill.server.engine.deliver import deliver_some
from watchbill.server.engine.fire import BATCH, Moment, fire_due
from watchbill.server.engine.fold import fold_waiting
from watchbill.server.engine.queries import SILENT_AFTER
from watchbill.server.timers import queries as timers
from watchbill.server.web.live import WAKE_CHANNEL

POLL = timedelta(seconds=1)
REPORT_EVERY = timedelta(seconds=2)
WORKERS_PER_CHANNEL = 4
CLAIMS_AT_ONCE = 1
"""A worker claims what it sends next, so that no lease waits in a queue."""

_AFTER_ERROR = timedelta(seconds=2)
_SHORTEST_PAUSE = timedelta(milliseconds=20)

logger = logging.getLogger(__name__)


class Engine:
    """The engine of this process. Several may run on one database."""

    def __init__(self, channels: Channels, *, node: str | None = None) -> None:
        self._channels = channels
        self._node = node or f"{socket.gethostname()}:{os.getpid()}"
        self._stopping = threading.Event()
        self._work = {name: threading.Event() for name in channels.names}
        bodies = {"fold": self._fold, "fire": self._fire} | {
            f"deliver-{name}-{number}": partial(self._deliver, name)
            for name in channels.names
            for number in range(WORKERS_PER_CHANNEL)
        }
        self._threads = [
            threading.Thread(target=self._guard, args=(body,), name=name, daemon=True)
            for name, body in bodies.items()
        ]
        self._folded_at: datetime | None = None
        self._reported_at: datetime | None = None

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def stop(self, *, within: timedelta = timedelta(seconds=15)) -> None:
        """Finish what is being done, and end the threads."""
        self._stopping.set()
        for event in self._work.values():
            event.set()
        for thread in self._threads:
            thread.join(within.total_seconds() / len(self._threads) + 1)

    def _guard(self, body: Callable[[], None]) -> None:
        """Run a thread's body again and again, whatever it meets, until the stop."""
        while not self._stopping.is_set():
            try:
                body()
            except Exception:  # the engine outlives every error (I10)
                logger.exception("%s failed", threading.current_thread().name)
                connections.close_all()
                self._stopping.wait(_AFTER_ERROR.total_seconds())
        connections.close_all()

    def _fold(self) -> None:
        with _listener() as listener:
            while not self._stopping.is_set():
                folded = fold_waiting(now=clock.now())
                self._folded_at = clock.wall()
                if folded < BATCH:
                    _wait(listener, POLL)

    def _fire(self) -> None:
        with _listener() as listener:
            while not self._stopping.is_set():
                moment = Moment(
                    now=clock.now(), wall=clock.wall(), reach=self._channels.reach
                )
                fired = fire_due(moment)
                for event in self._work.values():
                    event.set()
                self._report(moment.wall)
                if fired < BATCH:
                    _wait(listener, self._pause())

    def _pause(self) -> timedelta:
        """How long there is nothing to decide, as far as anybody knows."""
        next_at = timers.next_wake_at()
        if next_at is None:
            return POLL
        ahead = (next_at - clock.now()) / clock.rate()
        # What is overdue is held by another engine: look again, but do not spin.
        return min(POLL, max(ahead, _SHORTEST_PAUSE))

    def _deliver(self, channel: str) -> None:
        event = self._work[channel]
        while not self._stopping.is_set():
            done = deliver_some(
                self._channels, channel, node=self._node, limit=CLAIMS_AT_ONCE
            )
            if not done:
                event.wait(POLL.total_seconds())
                event.clear()

    def _report(self, wall: datetime) -> None:
        if self._folded_at is None or wall - self._folded_at > SILENT_AFTER:
            return
        last = self._reported_at
        if last is None or wall - last >= REPORT_EVERY or wall < last:
            actions.report(self._node, version=__version__, wall=wall)
            self._reported_at = wall


def _listener() -> Connection:
    """Return a connection of its own that hears the hints to wake up."""
    values = connection.get_connection_params()
    known = {option.keyword.decode() for option in Conninfo.get_defaults()}
    own = {name: value for name, value in values.items() if name in known}
    listener = Connection.connect(make_conninfo(**own), autocommit=True)
    listener.execute(f"LISTEN {WAKE_CHANNEL}")
    return listener


def _wait(listener: Connection, pause: timedelta) -> None:
    for _ in listener.notifies(timeout=pause.total_seconds(), stop_after=1):
        return
