"""The engine's threads: one that folds, one a kind of due step, one a channel.

They are apart because a storm of one must delay no other (I10): a flood of posts delays
no page, a stuck report no ladder, and a slow mail server no chat message. All look at
least once a second; that is the truth, and the NOTIFY for which some wait in between is
only a hint. A thread that meets an error reports it, waits a little and goes on; a lost
database connection is opened anew.

Folding is the one part that can keep the interpreter busy for long; ``up`` gives it a
process of its own (``folding.py``), and its thread here looks after that.

Each thread keeps one database connection of its own for as long as it lives, and
pages of the console get no more than a fixed number, so that the engine always finds
some (F30). The threads that send for a channel's dispatcher have none.

Where providers cannot call us they are asked, each in a thread of its own, and one more
thread keeps the chat rooms of incidents. The lines of the audit log are sealed in one
of their own, so that neither a hold nor a slow room keeps them waiting.

One more thread, the watch, decides whether this node may work at all (the gate, the
hold, one clock for all) and reports when every part had last done a round. So "alive"
means that the plan is being run and not merely that a port is open (I12): a part that
is stuck makes the whole node silent (F27).
"""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from watchbill import __version__
from watchbill.server import clock
from watchbill.server.audit import actions as audit_log
from watchbill.server.engine import (
    actions,
    folding,
    gate,
    hold,
    kinds,
    mark,
    timekeeping,
    work,
)
from watchbill.server.engine.aftercare import settle_orphan
from watchbill.server.engine.channels import Channels
from watchbill.server.engine.dispatch import Dispatcher
from watchbill.server.engine.fold import BATCH, fold_waiting
from watchbill.server.engine.kinds import Kind, Moment
from watchbill.server.engine.modem import ModemTroubleError
from watchbill.server.engine.polling import Poller, PollFailedError
from watchbill.server.engine.queries import SILENT_AFTER
from watchbill.server.engine.threads import POLL, hear, keep_going, listener
from watchbill.server.engine.yielding import Turns
from watchbill.server.hooks import actions as hooks
from watchbill.server.hooks import chatrooms
from watchbill.server.incidents.queries import LADDER
from watchbill.server.timers import actions as timer_actions
from watchbill.server.timers import queries as timers
from watchbill.server.web.live import INBOX_CHANNEL, WAKE_CHANNEL

REPORT_EVERY = timedelta(seconds=2)
MARK_EVERY = timedelta(seconds=10)
POLL_AGAIN = timedelta(seconds=2)
POLL_FAILED = timedelta(seconds=10)
_SHORTEST_PAUSE = timedelta(milliseconds=20)

FOLD = "fold"
WATCH = "watch"
KEEP = "keep"
SEAL = "seal"

logger = logging.getLogger(__name__)


class Engine:
    """The engine of this process. Several may run on one database."""

    def __init__(
        self,
        channels: Channels,
        *,
        node: str | None = None,
        kinds: Sequence[Kind] | None = None,
        data_dir: Path | None = None,
        version: int = gate.VERSION,
        fold_workers: int = 0,
    ) -> None:
        self._channels = channels
        self._node = node or node_name()
        self._kinds = tuple(work.kinds() if kinds is None else kinds)
        self._data_dir = data_dir
        self._version = version
        workers = fold_workers if folding.can_be_apart() else 0
        self._folds = tuple(_folder(number) for number in range(max(1, workers)))
        self._folds_apart = workers > 0
        self._stopping = threading.Event()
        self._may_fold = threading.Event()
        self._may_page = threading.Event()
        self._dispatchers = {
            name: Dispatcher(
                channels, name, node=self._node, done=partial(self._done, _sender(name))
            )
            for name in channels.names
        }
        self._poller = Poller(channels=channels, handle=hooks.handle)
        self._rounds: dict[str, datetime] = {}
        self._started_at: datetime | None = None
        self._threads = [
            threading.Thread(
                target=keep_going,
                args=(body,),
                kwargs={"until": self._stopping},
                name=name,
                daemon=True,
            )
            for name, body in self._bodies().items()
        ]

    def _bodies(self) -> dict[str, Callable[[], None]]:
        # A process is as patient as the thread that starts it (project/doorway.py).
        prefix = f"{KEEP}-" if self._folds_apart else ""
        return (
            {WATCH: self._watch}
            | {prefix + name: partial(self._fold, name) for name in self._folds}
            | {_thread(kind.name): partial(self._fire, kind) for kind in self._kinds}
            | {
                _sender(name): partial(self._deliver, one)
                for name, one in self._dispatchers.items()
            }
            | {f"poll-{name}": partial(self._poll, name) for name in self._poller.names}
            | {KEEP: self._keep, SEAL: self._seal}
        )

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def stop(self, *, within: timedelta = timedelta(seconds=15)) -> None:
        """Finish what is being done, and end the threads."""
        self._stopping.set()
        self._wake_dispatchers()
        self._may_fold.set()
        self._may_page.set()
        until = time.monotonic() + within.total_seconds()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, until - time.monotonic()))

    # ── The watch ──────────────────────────────────────────────────────────────

    def _watch(self) -> None:
        reported = marked = None
        self._plan_recurring()
        while not self._stopping.is_set():
            timekeeping.synchronise()
            wall = clock.wall()
            self._judge(wall)
            if _is_time(reported, wall, every=REPORT_EVERY):
                self._report(wall)
                reported = wall
            if self._data_dir is not None and _is_time(marked, wall, every=MARK_EVERY):
                mark.advance(self._data_dir)
                marked = wall
            self._stopping.wait(POLL.total_seconds())

    def _plan_recurring(self) -> None:
        for kind in self._kinds:
            if kind.is_recurring:
                timer_actions.ensure(kind.name, due_at=clock.now())

    def _judge(self, wall: datetime) -> None:
        """Let the other threads work, or make them wait."""
        passage = gate.state(version=self._version)
        if not passage.is_open and self._may_fold.is_set():
            logger.error("%s", passage.text)
        _set(self._may_fold, passage.is_open)
        _set(self._may_page, passage.is_open and hold.current(wall=wall) is None)
        if self._stopping.is_set():  # stop() has set them so that nobody waits
            self._may_fold.set()
            self._may_page.set()

    def _report(self, wall: datetime) -> None:
        """Report the round of the part that has waited longest."""
        started_at = self._started_at = self._started_at or wall
        parts = (
            *self._folds,
            *(kind.name for kind in self._kinds),
            *(_sender(name) for name in self._dispatchers),
        )
        is_young = wall - started_at < SILENT_AFTER or not self._rounds
        if is_young and not all(name in self._rounds for name in parts):
            return
        last = {name: self._rounds.get(name, started_at) for name in parts}
        late = tuple(n for n, at in last.items() if wall - at >= SILENT_AFTER)
        actions.report(
            self._node,
            version=__version__,
            cycled_at=min(last.values()),
            wall=wall,
            lagging=late,
        )

    def _done(self, part: str) -> None:
        self._rounds[part] = clock.wall()

    # ── Work ───────────────────────────────────────────────────────────────────

    def _fold(self, name: str) -> None:
        done = partial(self._done, name)
        if self._folds_apart and folding.keep_process(until=self._stopping, done=done):
            return
        turns = Turns()
        with listener(INBOX_CHANNEL) as listening:
            while self._wait_for(self._may_fold):
                turns.begin()
                folded = fold_waiting(now=clock.now())
                done()
                rest = turns.rest()
                if folded < BATCH:
                    hear(listening, POLL)
                else:
                    self._pause_for(rest)

    def _fire(self, kind: Kind) -> None:
        if kind.name == LADDER:
            with listener(WAKE_CHANNEL) as listening:
                self._fire_until_the_end(kind, partial(hear, listening))
        else:
            self._fire_until_the_end(kind, self._pause_for)

    def _fire_until_the_end(
        self, kind: Kind, rest: Callable[[timedelta], None]
    ) -> None:
        while self._wait_for(self._may_page):
            moment = Moment(
                now=clock.now(), wall=clock.wall(), reach=self._channels.reach
            )
            fired = kinds.run(kind, moment)
            if fired:
                self._wake_dispatchers()
            self._done(kind.name)
            if fired < kind.batch:
                rest(self._pause(kind))

    def _pause(self, kind: Kind) -> timedelta:
        """How long there is nothing to decide, as far as anybody knows."""
        next_at = timers.next_wake_at(kind.name)
        if next_at is None:
            return POLL
        ahead = (next_at - clock.now()) / clock.rate()
        # What is overdue is held by another engine: look again, but do not spin.
        return min(POLL, max(ahead, _SHORTEST_PAUSE))

    def _deliver(self, dispatcher: Dispatcher) -> None:
        dispatcher.run(
            until=self._stopping.is_set,
            # Also while held: what is under way is recorded, and nothing new begins.
            may_claim=lambda: self._may_page.is_set() and not self._stopping.is_set(),
        )

    def _wake_dispatchers(self) -> None:
        for one in self._dispatchers.values():
            one.wake()

    def _poll(self, name: str) -> None:
        trouble = ""
        while self._wait_for(self._may_fold):
            pause = POLL_AGAIN
            try:
                if self._poller.poll_once(name, now=clock.now(), wall=clock.wall()):
                    pause = timedelta(0)
                trouble = ""
            except (PollFailedError, ModemTroubleError) as error:
                if str(error) != trouble:
                    trouble = str(error)
                    logger.warning("%s cannot be asked: %s", name, error)
                pause = POLL_FAILED
            self._pause_for(pause)

    def _keep(self) -> None:
        """Look after what no other thread does: chat rooms, and orphaned messages."""
        while self._wait_for(self._may_page):
            done = chatrooms.work_some()
            done += settle_orphan(
                self._channels.names, now=clock.now(), wall=clock.wall()
            )
            if not done:
                self._pause_for(POLL)

    def _seal(self) -> None:
        while self._wait_for(self._may_fold):
            sealed = audit_log.seal_some()
            if sealed < audit_log.SEALED_AT_ONCE:
                self._pause_for(POLL)

    def _wait_for(self, permission: threading.Event) -> bool:
        """Wait until this node may work; False when it stops instead."""
        permission.wait()
        return not self._stopping.is_set()

    def _pause_for(self, pause: timedelta) -> None:
        self._stopping.wait(pause.total_seconds())


def node_name() -> str:
    """Return how this process calls itself before the others."""
    return f"{socket.gethostname()}:{os.getpid()}"


def _folder(number: int) -> str:
    return f"{FOLD}-{number + 1}" if number else FOLD


def _sender(channel: str) -> str:
    return f"deliver-{channel}"


def _thread(kind: str) -> str:
    return "fire" if kind == LADDER else f"fire-{kind}"


def _set(event: threading.Event, is_set: bool) -> None:  # noqa: FBT001 - as Event.set
    if is_set:
        event.set()
    else:
        event.clear()


def _is_time(last: datetime | None, wall: datetime, *, every: timedelta) -> bool:
    return last is None or wall - last >= every or wall < last
