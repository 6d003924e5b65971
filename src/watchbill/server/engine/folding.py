"""Folding in a process of its own, as the main process sees it.

Python runs one thread at a time. While a storm is folded, threads of the same process
that fire and send get the interpreter now and then only, and pages wait (F27). So a
process of its own folds (``project/folder.py``), and this thread looks after it. The
process tells each round that it has finished and how long each post had waited, so that
one that hangs makes the node silent as a thread that hangs would (I12), and what it
measured is found at the one address that Prometheus asks.

A process that ends is started again. It may be killed at any moment: what it had not
committed is folded by the next one (I7). It ends with the main process, however that
ends, because then the other end of its socket is closed. When several die as soon as
they are started, the main process folds by itself.
"""

import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec

from watchbill.server.engine import measures

MAX_EARLY_DEATHS = 3
MODULE = "watchbill.server.project.folder"

_EARLY = 10.0
"""Seconds; a process that lived no longer has died early."""

_RESTART_AFTER = 0.5
_LOOKS_UP_EVERY = 0.2
_LEAVES_WITHIN = 12.0
"""Seconds for what is being folded."""

logger = logging.getLogger(__name__)

_lags = msgspec.json.Decoder(list[float])


def can_be_apart() -> bool:
    """Whether a process can be handed a socket here."""
    return os.name == "posix"


def keep_process(*, until: threading.Event, done: Callable[[], None]) -> bool:
    """Have a process fold until the stop; False when none can live.

    ``done`` is called after each of its rounds.
    """
    early = 0
    while not until.is_set():
        began = time.monotonic()
        with _process() as (process, channel):
            _listen(channel, until=until, done=done)
        if until.is_set():
            return True
        early = early + 1 if time.monotonic() - began < _EARLY else 0
        measures.fold_process_ended()
        logger.error(
            "the process that folds ended with %s; starting it again",
            process.returncode,
        )
        if early >= MAX_EARLY_DEATHS:
            logger.error("no process that folds can live; folding here")
            return False
        until.wait(_RESTART_AFTER * 2**early)
    return True


@contextmanager
def _process() -> Iterator[tuple[subprocess.Popen[bytes], socket.socket]]:
    """Start a process that folds; at the end let it finish its round."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-m", MODULE, str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
            )
        try:
            ours.settimeout(_LOOKS_UP_EVERY)
            yield process, ours
        finally:
            ours.close()
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(_LEAVES_WITHIN)
    except subprocess.TimeoutExpired:
        logger.error("the process that folds did not end; it is killed")
        process.kill()
        process.wait()


def _listen(
    channel: socket.socket, *, until: threading.Event, done: Callable[[], None]
) -> None:
    """Take in what a process tells of its rounds, a line each, until it ends."""
    pending = b""
    while not until.is_set():
        try:
            told = channel.recv(65_536)
        except TimeoutError:
            continue
        except ConnectionError:
            return
        if not told:
            return
        *lines, pending = (pending + told).split(b"\n")
        for line in lines:
            for lag in _lags.decode(line):
                measures.observe_fold(lag)
            done()
