"""Own a server, or join one that another process owns.

``serve`` is for ``up``: it waits until it may own the server and never joins one,
because a joined server goes away with its owner. ``join_or_serve`` is for commands:
they use the server that runs, or start one for as long as they last. A command that
started one waits, on leaving, for the others that have joined it.

A server belongs to a process, not to a machine: it stops when its owner leaves the
``with`` block, and, by the parent-death signal, when the owner is killed.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import timedelta
from functools import partial
from logging import getLogger
from pathlib import Path
from types import FrameType

from watchbill.postgres import binaries
from watchbill.postgres.account import server_account
from watchbill.postgres.address import Server, find_answering
from watchbill.postgres.cluster import Cluster
from watchbill.postgres.errors import LockHeld
from watchbill.postgres.layout import Layout, check_layout, open_layout
from watchbill.postgres.lock import Deadline, FileLock, holder_of, is_free
from watchbill.postgres.supervisor import Log, OwnedServer, Supervisor

#: How long another owner, a crash recovery or a slow disk may keep us waiting.
DEFAULT_WAIT = timedelta(seconds=60)

_info = getLogger(__name__).info


@contextmanager
def serve(
    data_dir: Path,
    *,
    bin_dir: Path | None = None,
    wait: timedelta = DEFAULT_WAIT,
    log: Log = _info,
    copies_dir: Path = binaries.COPIES,
) -> Iterator[OwnedServer]:
    """Own the server of ``data_dir`` for as long as the block lasts.

    Waits up to ``wait`` for another owner to leave, and again for the server to be
    ready. ``copies_dir`` receives the programs when root runs them from a private
    directory. Raises PostgresError.
    """
    layout = open_layout(data_dir)
    with FileLock.acquire(
        layout.owner_lock, wait=wait, what=f"The data directory {layout.root}"
    ) as owner:
        owner.sign()
        with _supervised(layout, bin_dir, wait, log, copies_dir) as server:
            yield server


@contextmanager
def join_or_serve(
    data_dir: Path,
    *,
    bin_dir: Path | None = None,
    wait: timedelta = DEFAULT_WAIT,
    log: Log = _info,
    copies_dir: Path = binaries.COPIES,
) -> Iterator[Server]:
    """Use the server of ``data_dir``, or own a temporary one for the block."""
    layout = open_layout(data_dir)
    own = partial(_supervised, layout, bin_dir, wait, log, copies_dir)
    with ExitStack() as stack:
        yield _joined_or_owned(stack, layout, own, wait=wait)


def join(data_dir: Path, *, wait: timedelta = DEFAULT_WAIT) -> Server | None:
    """Return the running server of ``data_dir``, or None when there is none.

    Waits for one that is starting or stopping. Raises LockHeld if it does neither.
    """
    if not data_dir.exists():
        return None
    layout = check_layout(data_dir.resolve())
    deadline = Deadline(wait)
    while True:
        if is_free(layout.owner_lock) and is_free(layout.server_lock):
            return None
        if server := find_answering(layout):
            return server
        if not deadline.pause():
            raise _not_answering(layout, wait)


@contextmanager
def unwind_on_sigterm() -> Iterator[None]:
    """Let SIGTERM and SIGHUP leave ``with`` blocks, by raising SystemExit once.

    Enter it before ``serve``, in the main thread. Python's default action would end
    the process without unwinding; the server would still stop, by the parent-death
    signal, but nobody would wait for it. uvicorn restores the handler it found and
    raises the signal again after its own shutdown, and so arrives here too.
    """

    def unwind(number: int, _frame: FrameType | None) -> None:
        for each in handled:
            signal.signal(each, signal.SIG_IGN)
        raise SystemExit(128 + number)

    # A signal that is ignored, as nohup arranges for SIGHUP, stays ignored.
    handled = [
        each
        for each in (signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(each) is not signal.SIG_IGN
    ]
    previous = {each: signal.signal(each, unwind) for each in handled}
    try:
        yield
    finally:
        for each, handler in previous.items():
            signal.signal(each, handler)


@contextmanager
def _supervised(
    layout: Layout, bin_dir: Path | None, wait: timedelta, log: Log, copies_dir: Path
) -> Iterator[OwnedServer]:
    bin_dir = binaries.find_binaries(bin_dir)
    version = binaries.version_of(bin_dir)
    account = server_account(layout.pgdata(version.major))
    if account.uid != os.geteuid() and not binaries.readable_by_all(bin_dir):
        log(f"{account.name} cannot read {bin_dir}; copying it to {copies_dir}.")
        bin_dir = binaries.copy_for_all(bin_dir, into=copies_dir)
    cluster = Cluster(
        layout=layout, bin_dir=bin_dir, major=version.major, account=account
    )
    supervisor = Supervisor(cluster, version=version.text, wait=wait, log=log)
    try:
        supervisor.start()
        where = supervisor.server
        yield OwnedServer(
            host=where.host, version=where.version, _supervisor=supervisor
        )
    finally:
        supervisor.stop()


def _joined_or_owned(
    stack: ExitStack,
    layout: Layout,
    own: Callable[[], AbstractContextManager[OwnedServer]],
    *,
    wait: timedelta,
) -> Server:
    deadline = Deadline(wait)
    while True:
        if owner := FileLock.attempt(layout.owner_lock):
            owner.sign()
            stack.enter_context(owner)
            server = stack.enter_context(own())
            stack.callback(_await_users, layout, wait=wait)
            return server
        if users := FileLock.attempt(layout.users_lock, shared=True):
            if found := find_answering(layout):
                stack.enter_context(users)
                return found
            users.release()
        if not deadline.pause():
            raise _not_answering(layout, wait)


def _await_users(layout: Layout, *, wait: timedelta) -> None:
    """Wait for those who joined; but a bound is a bound, and then they lose it."""
    try:
        FileLock.acquire(layout.users_lock, wait=wait, what="It").release()
    except LockHeld:
        return


def _not_answering(layout: Layout, wait: timedelta) -> LockHeld:
    return LockHeld(
        f"The database in {layout.root} is run by {holder_of(layout.owner_lock)}, but "
        f"did not answer for {wait.total_seconds():g} s. See {layout.log_file}."
    )
