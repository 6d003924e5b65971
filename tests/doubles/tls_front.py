"""Something that speaks TLS in front of a plain server, as a load balancer does."""

import asyncio
import ssl
from contextlib import suppress

from tests.doubles.streams import CHUNK, StreamServer


class TlsFront(StreamServer):
    """Ends TLS on a loopback port and passes the bytes on to another."""

    def __init__(self, target: int, context: ssl.SSLContext) -> None:
        super().__init__("tls-front", self._relay, tls=context)
        self.target = target

    @property
    def port(self) -> int:
        return self.ports[0]

    async def _relay(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        async with self.connected(self.target) as (inner_reader, inner_writer):
            await asyncio.gather(
                _pass_on(reader, inner_writer), _pass_on(inner_reader, writer)
            )


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
    writer.close()
