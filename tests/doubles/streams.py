"""Servers of the doubles: loopback ports, served from a thread with its own loop.

Whatever a handler does, and however it ends, no connection outlives the server. One
that did would be reported by the interpreter later, in whatever test runs by then.
"""

import asyncio
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from types import TracebackType
from typing import Any, Self

CHUNK = 65536
_TURNS = 3
"""Of the loop, in which an accepted connection is handed on."""

_HANDSHAKE = 1.0
"""Seconds that a connection has to be made while its server ends."""

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class StreamServer:
    """One port for each handler, open from entering the context to leaving it."""

    def __init__(
        self, name: str, *handlers: Handler, tls: ssl.SSLContext | None = None
    ) -> None:
        self.ports = [0] * len(handlers)
        self._handlers = handlers
        self._tls = tls
        self._writers: set[asyncio.StreamWriter] = set()
        self._handling: set[asyncio.Task[Any]] = set()
        self._is_ending = False
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._stopped: asyncio.Event
        self._thread = threading.Thread(target=self._run, name=name)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._started.wait(10), f"{self._thread.name} did not start"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(10)

    def call(self, what: Coroutine[Any, Any, None]) -> None:
        """Run something in the loop and wait until it is done."""
        asyncio.run_coroutine_threadsafe(what, self._loop).result(10)

    @asynccontextmanager
    async def connected(self, port: int) -> AsyncIterator[Streams]:
        """Hold a connection of this server's own to a loopback port."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        self._writers.add(writer)
        try:
            yield reader, writer
        finally:
            await self._end(writer)

    async def started(self) -> None:
        """Prepare what needs the running loop."""

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        self._stopped = asyncio.Event()
        await self.started()
        servers = [
            await asyncio.start_server(self._kept(one), "127.0.0.1", 0, ssl=self._tls)
            for one in self._handlers
        ]
        self.ports = [one.sockets[0].getsockname()[1] for one in servers]
        self._started.set()
        await self._stopped.wait()
        await self._close(servers)
        await self._end_all()

    async def _close(self, servers: list[asyncio.Server]) -> None:
        """Take no more connections, and let those that were taken belong to somebody.

        asyncio forgets, open, what it has accepted and not handed on when a server is
        closed.
        """
        for server in servers:
            for listener in server.sockets:
                self._loop.remove_reader(listener.fileno())
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        for server in servers:
            server.close()

    async def _end_all(self) -> None:
        """End what is under way; what was just accepted is made first, and then ended.

        A task that is cancelled before it has begun never closes what it was given.
        """
        self._is_ending = True
        until = self._loop.time() + _HANDSHAKE
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            is_late = self._loop.time() > until
            for task in others if is_late else others & self._handling:
                task.cancel()
            await asyncio.wait(others, timeout=0.05)
        for writer in list(self._writers):
            await self._end(writer)

    def _kept(self, handler: Handler) -> Handler:
        async def serve(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            self._writers.add(writer)
            task = asyncio.current_task()
            assert task is not None
            self._handling.add(task)
            try:
                # A client that is killed in mid-sentence is why we are here.
                with suppress(OSError, EOFError, asyncio.CancelledError):
                    if not self._is_ending:
                        await handler(reader, writer)
            finally:
                self._handling.discard(task)
                await self._end(writer)

        return serve

    async def _end(self, writer: asyncio.StreamWriter) -> None:
        """Close a connection without ado, and wait until the loop has let go of it."""
        self._writers.discard(writer)
        writer.transport.abort()
        with suppress(OSError):
            await writer.wait_closed()
