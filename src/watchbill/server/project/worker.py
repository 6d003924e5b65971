"""One worker of the intake, a process: ``-m watchbill.server.project.worker``.

It is started by ``doorway.py`` with two inherited sockets: the one at which sources
connect, and the one by which it passes on what is not for it. The environment tells
the database and the secret key. It ends at SIGTERM, or when the process that started
it is gone, however that happened: then the other end of its pipe is closed. First it
lets whoever waits for an answer have it.
"""

import asyncio
import gc
import logging
import os
import queue
import signal
import socket
import sys
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from email.utils import format_datetime
from functools import partial

import django
import uvloop

django.setup()

from watchbill.server.intake.lane import Lane  # noqa: E402 - after the set-up
from watchbill.server.project import env  # noqa: E402
from watchbill.server.project.asgi import WatchbillApplication  # noqa: E402
from watchbill.server.project.doorway import BACKLOG, LENGTH  # noqa: E402

_MAX_PASSED = 1_000
"""Connections that wait to be passed on; beyond that they are closed."""

_LEAVE_WITHIN = 10.0

logger = logging.getLogger("watchbill")


class _State:
    """What the connections share."""

    def __init__(self) -> None:
        self.connections: set[Lane] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self.default_headers: list[tuple[bytes, bytes]] = []

    async def keep_date(self, wall: Callable[[], Awaitable[datetime]]) -> None:
        """Renew the header ``Date`` each second."""
        while True:
            with suppress(Exception):  # without the database's clock it stays old
                date = format_datetime(await wall(), usegmt=True).encode("ascii")
                self.default_headers = [(b"date", date)]
            await asyncio.sleep(1)


class Passing:
    """Passes connections on; a thread of its own, because the pipe may be full."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._queue: queue.Queue[tuple[int, bytes]] = queue.Queue(_MAX_PASSED)
        threading.Thread(target=self._pass_for_ever, daemon=True).start()

    def __call__(self, transport: asyncio.Transport, data: bytes) -> None:
        """Give a connection away, with what it has sent."""
        transport.pause_reading()
        try:
            descriptor = os.dup(transport.get_extra_info("socket").fileno())
        except OSError:  # too many open files; so it is closed
            transport.abort()
            return
        transport.abort()  # closes our copy of it only
        try:
            self._queue.put_nowait((descriptor, data))
        except queue.Full:
            os.close(descriptor)

    def _pass_for_ever(self) -> None:
        while True:
            descriptor, data = self._queue.get()
            try:
                self._pass(descriptor, data)
            except OSError:
                # The other process is gone, or does not know any more where one
                # connection ends and the next begins; `_watch` sees it, and we end.
                with suppress(OSError):
                    self._channel.shutdown(socket.SHUT_RDWR)
                return
            finally:
                os.close(descriptor)

    def _pass(self, descriptor: int, data: bytes) -> None:
        head = LENGTH.pack(len(data))
        try:
            socket.send_fds(self._channel, [head], [descriptor])
        except (BrokenPipeError, ConnectionResetError):
            raise
        except OSError:  # this one cannot be passed on now, such as too many at once
            logger.exception("a connection could not be passed on; it is closed")
            return
        self._channel.sendall(data)


async def serve(listener: socket.socket, channel: socket.socket) -> None:
    """Take posts until told to end, or until nobody is left to tell."""
    loop = asyncio.get_running_loop()
    leaving = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, leaving.set)
    threading.Thread(target=_watch, args=(channel, loop, leaving), daemon=True).start()
    application = WatchbillApplication()
    await application.open()
    gc.collect()
    gc.freeze()  # what is loaded now stays, and need not be gone through again
    state = _State()
    dating = asyncio.create_task(state.keep_date(application.wall))
    make = partial(
        Lane,
        desk=application.desk,
        hand_over=Passing(channel),
        server_state=state,
        is_proxied=env.flag("WATCHBILL_BEHIND_PROXY"),
    )
    server = await loop.create_server(make, sock=listener, backlog=BACKLOG)
    await leaving.wait()
    server.close()
    await _finish(state)
    dating.cancel()
    await application.close()


async def _finish(state: _State) -> None:
    """Let everybody have his answer."""
    for connection in list(state.connections):
        connection.shutdown()
    with suppress(TimeoutError):
        async with asyncio.timeout(_LEAVE_WITHIN):
            while state.connections:
                await asyncio.sleep(0.02)


def _watch(
    channel: socket.socket, loop: asyncio.AbstractEventLoop, leaving: asyncio.Event
) -> None:
    """Wait for the end of the process that started us; it sends nothing else."""
    with suppress(OSError):
        channel.recv(1)
    loop.call_soon_threadsafe(leaving.set)


def main(arguments: list[str]) -> None:
    """Run a worker on the inherited sockets of these numbers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the whole group
    listener, channel = (socket.socket(fileno=int(one)) for one in arguments)
    channel.settimeout(None)
    uvloop.run(serve(listener, channel))


if __name__ == "__main__":
    main(sys.argv[1:])
