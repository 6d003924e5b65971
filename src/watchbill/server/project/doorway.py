"""The door of the process: who answers a new connection, and in which process.

With ``--intake-workers`` posts of sources are taken by processes of their own, because
Python runs one thread at a time: while the engine folds a storm of alerts, the same
process could accept little of the rest of it. The workers listen at the address. What
a worker does not take (``intake/lane.py``) it passes on to this process, connection
and all, through a socket between the two; so pages, live updates and everything
unusual are served here, and only here.

The address stays open while a worker is away: whoever connects waits in the kernel's
queue. A worker that ends is started again, and so is one that cannot pass on any more;
when several die as soon as they are started, this process opens the door itself, and
says so. It does so from the start where there can be no workers: connections are
passed on by Unix only, and a worker without uvloop would be of little use.
"""

import asyncio
import logging
import os
import socket
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from typing import Any

import uvicorn

from watchbill.server.intake.desk import Desk
from watchbill.server.intake.lane import Lane

MAX_EARLY_DEATHS = 3
_EARLY = 10.0
"""Seconds; a worker that lived no longer has died early."""

_RESTART_AFTER = 0.5
_LEAVE_WITHIN = 12.0
"""Seconds for a worker's last commit, which may take ten."""

BACKLOG = 2048
LENGTH = struct.Struct("!I")
"""What precedes the bytes that came with a connection that is passed on."""

logger = logging.getLogger("watchbill")

Make = Callable[[], asyncio.Protocol]


class Doorway:
    """Lets connections in for one uvicorn server, beside its event loop."""

    def __init__(
        self,
        server: uvicorn.Server,
        listener: socket.socket,
        *,
        desk: Callable[[], Desk | None],
        workers: int,
        is_proxied: bool,
    ) -> None:
        self._server = server
        self._listener = listener
        self._desk = desk
        self._workers = workers if _can_have_workers() else 0
        self._is_proxied = is_proxied
        self._keepers: list[asyncio.Task[None]] = []
        self._processes: set[asyncio.subprocess.Process] = set()
        self._own: asyncio.Server | None = None
        self._opening = asyncio.Lock()
        self._closing = asyncio.Event()

    async def open(self) -> None:
        """Start the workers, or listen here when there are to be none."""
        self._listener.listen(BACKLOG)
        self._listener.settimeout(0)
        if not self._workers:
            await self._open_here()
        for _ in range(self._workers):
            self._keepers.append(asyncio.create_task(self._keep()))

    async def close(self) -> None:
        """Let nobody in any more; the workers store what they hold, and end."""
        self._closing.set()
        if self._own is not None:
            self._own.close()
        for process in self._processes:
            with suppress(ProcessLookupError):
                process.terminate()
        _, late = (
            await asyncio.wait(self._keepers, timeout=_LEAVE_WITHIN)
            if self._keepers
            else (set(), set())
        )
        for process in self._processes:
            logger.error("a worker of the intake did not end; it is killed")
            with suppress(ProcessLookupError):
                process.kill()
        for keeper in late:
            keeper.cancel()
        self._listener.close()

    # ── Here ────────────────────────────────────────────────────────────────────

    async def _open_here(self) -> None:
        make = partial(
            Lane,
            desk=self._desk,
            hand_over=self._to_uvicorn,
            server_state=self._server.server_state,
            is_proxied=self._is_proxied,
        )
        async with self._opening:
            if self._own is None:
                self._own = await asyncio.get_running_loop().create_server(
                    make, sock=self._listener.dup(), backlog=BACKLOG
                )

    def _to_uvicorn(self, transport: asyncio.Transport, data: bytes) -> None:
        # Which one it is depends on what is installed; all are made with these.
        make: Callable[..., Any] = self._server.config.http_protocol_class
        protocol: asyncio.Protocol = make(
            config=self._server.config,
            server_state=self._server.server_state,
            app_state=self._server.lifespan.state,
        )
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        protocol.data_received(data)

    # ── Workers ─────────────────────────────────────────────────────────────────

    async def _keep(self) -> None:
        """Have one worker running until the end, whatever happens to it."""
        loop = asyncio.get_running_loop()
        early = 0
        while not self._closing.is_set():
            began = loop.time()
            try:
                await self._run_worker()
            except Exception:  # whoever keeps workers must outlive every error
                logger.exception("a worker of the intake could not be kept")
            early = early + 1 if loop.time() - began < _EARLY else 0
            if self._closing.is_set():
                return
            logger.error("a worker of the intake ended; starting it again")
            if early >= MAX_EARLY_DEATHS and self._own is None:
                await self._open_instead()
            with suppress(TimeoutError):
                async with asyncio.timeout(_RESTART_AFTER * 2 ** min(early, 6)):
                    await self._closing.wait()

    async def _open_instead(self) -> None:
        logger.error("workers of the intake cannot live; taking posts here")
        try:
            await self._open_here()
        except OSError:  # tried again at the next death
            logger.exception("posts cannot be taken here yet")

    async def _run_worker(self) -> None:
        ours, theirs = socket.socketpair()
        ours.settimeout(0)
        with ours:
            with theirs:
                process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    *("-m", "watchbill.server.project.worker"),
                    *(str(self._listener.fileno()), str(theirs.fileno())),
                    pass_fds=(self._listener.fileno(), theirs.fileno()),
                    stdin=asyncio.subprocess.DEVNULL,
                )
            self._processes.add(process)
            passed = asyncio.create_task(self._take_over_from(ours))
            try:
                if self._closing.is_set():
                    _terminate(process)
                await _until_it_ends(process, passed)
            finally:
                self._processes.discard(process)
                passed.cancel()
                with suppress(asyncio.CancelledError):
                    await passed

    async def _take_over_from(self, channel: socket.socket) -> None:
        """Serve the connections that a worker passes on, until it does no more."""
        is_full = False
        try:
            while (passed := await _received(channel)) is not None:
                connection, data = passed
                if connection is not None:
                    await self._serve(connection, data)
                elif not is_full:
                    logger.error("too many open files: connections are dropped")
                is_full = connection is None
        except ConnectionError:  # it ended in the middle
            return
        except Exception:  # then nobody listens to that worker: it is replaced
            logger.exception("a worker of the intake is not understood")

    async def _serve(self, connection: socket.socket, data: bytes) -> None:
        loop = asyncio.get_running_loop()
        try:
            transport, arriving = await loop.connect_accepted_socket(
                partial(_Arriving, data), connection
            )
        except OSError:  # the client may be gone already
            connection.close()
            return
        if transport.is_closing():
            return
        try:
            self._to_uvicorn(transport, arriving.data)
        except Exception:  # one connection may not take the others with it
            logger.exception("a connection could not be taken over")
            transport.abort()


class _Arriving(asyncio.Protocol):
    """A connection that a worker has passed on, until the ordinary server has it.

    What comes in the meantime belongs behind what the worker had read.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data

    def data_received(self, data: bytes) -> None:
        """Keep it for the ordinary server."""
        self.data += data


def _can_have_workers() -> bool:
    """Whether connections can be passed between processes here, and fast enough."""
    return os.name == "posix" and all(map(find_spec, ("uvloop", "httptools")))


def _terminate(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()


async def _until_it_ends(
    process: asyncio.subprocess.Process, passed: asyncio.Task[None]
) -> None:
    """Wait for the end of a worker; one that passes nothing on any more is ended."""
    ended = asyncio.create_task(process.wait())
    try:
        await asyncio.wait({ended, passed}, return_when=asyncio.FIRST_COMPLETED)
        if not ended.done():  # a worker that leaves by itself is hardly disturbed
            _terminate(process)
            await asyncio.wait({ended}, timeout=_LEAVE_WITHIN)
        if not ended.done():
            with suppress(ProcessLookupError):
                process.kill()
            await ended
    finally:
        ended.cancel()


async def _received(
    channel: socket.socket,
) -> tuple[socket.socket | None, bytes] | None:
    """Return a connection that is passed on, with what it has sent, or None at the end.

    There are the bytes without a connection when this process may open no more files:
    then the kernel has closed it.
    """
    await _readable(channel)
    head, descriptors, _, _ = socket.recv_fds(channel, LENGTH.size, 1)
    if not head:
        return None
    connection = _socket_of(descriptors[0]) if descriptors else None
    try:
        data = await _receive_exactly(channel, LENGTH.unpack(head)[0])
    except BaseException:  # also when we are cancelled: nobody else would close it
        if connection is not None:
            connection.close()
        raise
    return connection, data


def _socket_of(descriptor: int) -> socket.socket | None:
    try:
        connection = socket.socket(fileno=descriptor)
    except OSError:  # some systems tell nothing of a connection that was reset
        os.close(descriptor)
        return None
    connection.settimeout(0)
    return connection


async def _readable(channel: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    there: asyncio.Future[None] = loop.create_future()

    def is_there() -> None:
        if not there.done():
            there.set_result(None)

    loop.add_reader(channel, is_there)
    try:
        await there
    finally:
        loop.remove_reader(channel)


async def _receive_exactly(channel: socket.socket, size: int) -> bytes:
    loop = asyncio.get_running_loop()
    data = bytearray()
    while len(data) < size:
        part = await loop.sock_recv(channel, size - len(data))
        if not part:
            raise ConnectionResetError
        data += part
    return bytes(data)
