"""Something that speaks TLS in front of a plain server, as a load balancer does."""

import asyncio
import ssl
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

_CHUNK = 65536


class TlsFront:
    """Ends TLS on a loopback port and passes the bytes on to another."""

    def __init__(self, target: int, context: ssl.SSLContext) -> None:
        self.target = target
        self.port = 0
        self._context = context
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._stopped: asyncio.Event
        self._thread = threading.Thread(target=self._run, name="tls-front")

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._started.wait(10), "the front did not start"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(10)

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._stopped = asyncio.Event()
        server = await asyncio.start_server(
            self._relay, "127.0.0.1", 0, ssl=self._context
        )
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._stopped.wait()
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for one in others:
            one.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _relay(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        inner_reader, inner_writer = await asyncio.open_connection(
            "127.0.0.1", self.target
        )
        await asyncio.gather(
            _pass_on(reader, inner_writer), _pass_on(inner_reader, writer)
        )


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
    writer.close()
