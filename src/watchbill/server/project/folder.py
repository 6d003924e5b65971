"""The process that folds: ``-m watchbill.server.project.folder``.

It is started by the engine (``engine/folding.py``) with one inherited socket, by which
it tells of its rounds. The environment tells the database. It ends at SIGTERM, or when
the process that started it is gone: then the other end of its socket is closed. It
finishes what it is folding first.

It gives way to accepting and to paging, when they want the processor too: a post that
is not accepted in time is lost to us, and a page should not be late; what is accepted
can be folded a moment later.
"""

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import django
import msgspec

django.setup()

from watchbill.server import clock  # noqa: E402 - after the set-up
from watchbill.server.engine import gate, measures, timekeeping  # noqa: E402
from watchbill.server.engine.fold import BATCH, fold_waiting  # noqa: E402
from watchbill.server.engine.threads import (  # noqa: E402
    POLL,
    hear,
    keep_going,
    listener,
)
from watchbill.server.engine.yielding import Turns  # noqa: E402
from watchbill.server.web.live import INBOX_CHANNEL  # noqa: E402

NICE = 5

logger = logging.getLogger("watchbill")


def fold_rounds(*, until: threading.Event, tell: Callable[[list[float]], None]) -> None:
    """Fold what waits, again and again, and tell how long each post had waited."""
    lags: list[float] = []
    measures.hand_folds_to(lags.append)
    turns = Turns()
    with listener(INBOX_CHANNEL) as listening:
        while not until.is_set():
            timekeeping.synchronise()
            turns.begin()
            folded = 0
            if gate.state().is_open:
                folded = fold_waiting(now=clock.now())
                tell(lags)
                lags.clear()
            rest = turns.rest()
            if folded >= BATCH:
                until.wait(rest.total_seconds())
            elif not until.is_set():
                hear(listening, POLL)


def _tell(channel: socket.socket, lags: list[float]) -> None:
    with suppress(OSError):  # nobody is there any more; `_watch` sees it
        channel.sendall(msgspec.json.encode(lags) + b"\n")


def _watch(channel: socket.socket, leaving: threading.Event) -> None:
    """Wait for the end of the process that started us; it sends nothing else."""
    with suppress(OSError):
        channel.recv(1)
    leaving.set()


def main(arguments: list[str]) -> None:
    """Fold, telling of it by the inherited socket of this number."""
    leaving = threading.Event()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the whole group
    signal.signal(signal.SIGTERM, lambda *_: leaving.set())
    with suppress(OSError):
        os.nice(NICE)
    with socket.socket(fileno=int(arguments[0])) as channel:
        channel.settimeout(None)
        threading.Thread(target=_watch, args=(channel, leaving), daemon=True).start()
        body = partial(fold_rounds, until=leaving, tell=partial(_tell, channel))
        keep_going(body, until=leaving)


if __name__ == "__main__":
    threading.current_thread().name = "fold"
    main(sys.argv[1:])
