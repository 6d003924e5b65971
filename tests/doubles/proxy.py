"""A TCP proxy that misbehaves as networks do.

It stands between a node and its database. It can refuse and reset connections, fall
silent without closing them (half-open: no FIN, no RST, as when a cable is pulled),
hold bytes back, cut a connection after a number of bytes, and swallow the one reply
that says whether a COMMIT happened.

    with Proxy(port) as proxy:
        ... connect to proxy.port ...
        proxy.blackhole()
        proxy.heal()
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from tests.doubles.streams import CHUNK, StreamServer


@dataclass(kw_only=True, eq=False)
class _Pair:
    """The two connections that are one to those at the ends."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    #: The next bytes from the server are dropped, and the connection with them.
    reply_is_lost: bool = False
    replied: int = 0

    def reset(self) -> None:
        for one in (self.client, self.server):
            one.transport.abort()


class Proxy(StreamServer):
    """Passes bytes on to a loopback port, until it is told to do otherwise."""

    def __init__(self, target: int) -> None:
        super().__init__("proxy", self._take)
        self.target = target
        #: How many connections were taken, reset, and robbed of a reply.
        self.connections = 0
        self.resets = 0
        self.lost_replies = 0
        self._refuses = False
        self._delay = 0.0
        self._cut_after: int | None = None
        self._marker: bytes | None = None
        self._pairs: set[_Pair] = set()
        self._flows: asyncio.Event

    @property
    def port(self) -> int:
        return self.ports[0]

    async def started(self) -> None:
        self._flows = asyncio.Event()
        self._flows.set()

    # ── What it does to others ────────────────────────────────────────────────

    def drop(self) -> None:
        """Reset every connection, and refuse new ones until it is healed."""
        self.call(self._drop(refuses=True))

    def reset(self) -> None:
        """Reset every connection once."""
        self.call(self._drop(refuses=False))

    def blackhole(self) -> None:
        """Fall silent: bytes go nowhere, and nobody is told."""
        self.call(self._silence())

    def delay(self, seconds: float) -> None:
        """Hold back everything by this from now on."""
        self._delay = seconds

    def cut_after(self, replied: int) -> None:
        """Reset each connection once the server has sent it this many bytes."""
        self._cut_after = replied

    def lose_reply_to(self, marker: bytes) -> None:
        """Pass on the next message that holds ``marker``, and swallow its reply."""
        self._marker = marker

    def heal(self) -> None:
        """Be a good network again; what was silent stays lost."""
        self.call(self._heal())

    # ── How ───────────────────────────────────────────────────────────────────

    async def _drop(self, *, refuses: bool) -> None:
        self._refuses = refuses
        for pair in list(self._pairs):
            self.resets += 1
            pair.reset()

    async def _silence(self) -> None:
        self._flows.clear()

    async def _heal(self) -> None:
        self._refuses = False
        self._delay, self._cut_after, self._marker = 0.0, None, None
        if not self._flows.is_set():
            for pair in list(self._pairs):
                pair.reset()
            self._flows.set()

    async def _take(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.connections += 1
        if self._refuses:
            return
        await self._flows.wait()
        async with self.connected(self.target) as (far_reader, far_writer):
            pair = _Pair(client=writer, server=far_writer)
            self._pairs.add(pair)
            try:
                await asyncio.gather(
                    self._ask(pair, reader), self._reply(pair, far_reader)
                )
            finally:
                self._pairs.discard(pair)

    async def _ask(self, pair: _Pair, reader: asyncio.StreamReader) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                await self._pass()
                if self._marker is not None and self._marker in data:
                    self._marker = None
                    pair.reply_is_lost = True
                pair.server.write(data)
                await pair.server.drain()
        if pair.server.can_write_eof():
            with suppress(OSError):
                pair.server.write_eof()

    async def _reply(self, pair: _Pair, reader: asyncio.StreamReader) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                await self._pass()
                if pair.reply_is_lost:
                    self.lost_replies += 1
                    break
                pair.replied += len(data)
                if self._cut_after is not None and pair.replied > self._cut_after:
                    self.resets += 1
                    break
                pair.client.write(data)
                await pair.client.drain()
        pair.reset()

    async def _pass(self) -> None:
        """Return when bytes may go on."""
        if self._delay:
            await asyncio.sleep(self._delay)
        await self._flows.wait()
