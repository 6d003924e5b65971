"""The fast lane: plain posts of sources, without a task and a scope for each.

A connection begins here. As long as it brings what nearly every sender sends, a
``POST`` over HTTP/1.1 with a length, to the address of a source, it stays, and one
call leads from its bytes to the queue of the next commit. At the first request of
another sort (a page, another method or version, chunks, ``Expect``, a long body, an
escaped address, a head that is odd in any way) the whole connection, with what it has
sent, is handed to the ordinary server, and stays there. So there is no second reading
of HTTP here that could differ from the first in what is hard: either a head is of the
plainest form, or it is not ours to judge.

Measured on two cores with 128 connections, that is about twice the requests that an
ASGI application answers under uvicorn.

A request must be complete within :data:`WITHIN` seconds however it drips, and a
connection without one ends after :data:`IDLE` seconds. The ordinary server knows no
such bound, so what may still become the head of a request waits here until it is one,
whatever it is for.
"""

import asyncio
import logging
import re
import string
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any, Protocol, cast

from watchbill.integrations.sources import PostReply
from watchbill.server.intake import replies
from watchbill.server.intake.desk import Desk, RawHeaders, Visit
from watchbill.server.intake.refusal import Refusal
from watchbill.server.intake.routes import Route

WITHIN = 10.0
IDLE = 65.0

_MAX_HEAD = 8 * 1024
_MAX_UNFINISHED_HEAD = 64 * 1024
_MAX_BODY = 1024 * 1024
"""Longer bodies come with flow control from the ordinary server."""

_MAX_AHEAD = 64 * 1024
"""Bytes that a client may send before it has heard the answer."""

_TARGET = re.compile(rb"/[A-Za-z0-9/_.~!$&'()*+,;=:@-]*(\?[!-~]*)?")
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")

#: A request with any of these is not plain.
_ODD = frozenset({b"transfer-encoding", b"expect", b"upgrade", b"trailer", b"te"})


#: What a request may begin with; TLS, for one, does not.
_BEGINNINGS = tuple(bytes([one]) for one in (string.ascii_letters + "\r\n").encode())

_LOOK_AGAIN = 0.01

logger = logging.getLogger(__name__)

HandOver = Callable[[asyncio.Transport, bytes], None]
"""Gives a connection to the ordinary server, with what it has sent so far."""


class State(Protocol):
    """What the connections of a server share; uvicorn's ``ServerState`` is one."""

    connections: Any
    tasks: Any
    #: The date, renewed each second.
    default_headers: list[tuple[bytes, bytes]]


class _Head:
    """A head that is plain, taken apart."""

    __slots__ = ("forwarded", "headers", "length", "query", "route")

    def __init__(
        self, route: Route, query: bytes, headers: RawHeaders, length: int
    ) -> None:
        self.route = route
        self.query = query
        self.headers = headers
        self.length = length
        self.forwarded = ""
        for name, value in headers:
            if name == b"x-forwarded-for":
                self.forwarded = value.rpartition(b",")[2].strip().decode("latin-1")


class Lane(asyncio.Protocol):
    """One connection, from its beginning until it is handed over or ends."""

    def __init__(
        self,
        *,
        desk: Callable[[], Desk | None],
        hand_over: HandOver,
        server_state: State,
        is_proxied: bool,
    ) -> None:
        self._find_desk = desk
        self._elsewhere = hand_over
        self._is_proxied = is_proxied
        self._state = server_state
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._peer = ""
        #: As it came, or one that can grow once there is more of it.
        self._buffer: bytes | bytearray = b""
        #: So many bytes make the request whole that is being received.
        self._needed = 0
        self._raw_head = b""
        self._head: _Head | None = None
        self._since = self._loop.time()
        self._is_busy = False
        self._is_stepping = False
        self._is_stuffed = False
        self._is_paused = False
        self._is_leaving = False
        self._is_ending = False

    # ── asyncio ─────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin a connection."""
        # uvloop's transports are none by their class.
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self._peer = str(peer[0]) if isinstance(peer, tuple) else ""
        self._state.connections.add(self)
        self._loop.call_later(WITHIN, self._look_at_the_clock)

    def connection_lost(self, exc: Exception | None) -> None:
        """End it; a post that waits for its commit is stored nevertheless."""
        del exc
        self._is_ending = True
        self._state.connections.discard(self)

    def data_received(self, data: bytes) -> None:
        """Take in bytes."""
        if not self._buffer:
            self._buffer = data
            if not self._is_busy:
                self._since = self._loop.time()
        else:
            if not isinstance(self._buffer, bytearray):
                self._buffer = bytearray(self._buffer)
            self._buffer += data
        if len(self._buffer) >= self._needed:
            self._go_on()

    def pause_writing(self) -> None:
        """Stop answering a client that does not read."""
        self._is_stuffed = True

    def resume_writing(self) -> None:
        """Go on answering."""
        self._is_stuffed = False
        self._go_on()

    def shutdown(self) -> None:
        """End as soon as nobody waits for an answer; uvicorn calls this."""
        self._is_ending = True
        if not self._is_busy:
            self._transport.close()

    def _look_at_the_clock(self) -> None:
        if self._transport.is_closing() or self not in self._state.connections:
            return
        lasts = WITHIN if self._buffer else IDLE
        left = self._since + lasts - self._loop.time()
        if left <= 0 and not self._is_busy:
            self._transport.abort()  # whoever does not read would keep it open
            return
        self._loop.call_later(min(max(left, 0.1), WITHIN), self._look_at_the_clock)

    # ── Requests ────────────────────────────────────────────────────────────────

    def _go_on(self) -> None:
        self._is_stepping = True
        try:
            while (
                self._buffer
                and not (self._is_waiting or self._is_ending)
                and self._step()
            ):
                pass
        finally:
            self._is_stepping = False
        self._read_or_wait()

    @property
    def _is_waiting(self) -> bool:
        """Whether the next request has to wait."""
        return self._is_busy or self._is_stuffed or self._is_leaving

    def _read_or_wait(self) -> None:
        """Read on, unless the client is too far ahead of its answers."""
        is_ahead = self._is_waiting and len(self._buffer) > _MAX_AHEAD
        if is_ahead == self._is_paused or self._transport.is_closing():
            return
        self._is_paused = is_ahead
        if is_ahead:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _step(self) -> bool:
        """Take one request out of the buffer; False when none is whole."""
        data = self._buffer
        end = data.find(b"\r\n\r\n")
        if end < 0:
            if _is_no_beginning(data):
                self._hand_over()
            return False
        desk = self._find_desk()
        raw = bytes(data[:end])
        if raw != self._raw_head:  # most senders send the same head again and again
            self._head = _head_of(raw, desk) if desk is not None else None
            self._raw_head = raw
        head = self._head
        if head is None or desk is None:
            self._hand_over()
            return False
        whole = end + 4 + head.length
        if len(data) < whole:
            self._needed = whole
            return False
        self._needed = 0
        self._buffer = data[whole:]
        self._is_busy = True
        self._receive(desk, head, bytes(data[end + 4 : whole]))
        return True

    def _receive(self, desk: Desk, head: _Head, body: bytes) -> None:
        visit = Visit(
            "POST", head.query, head.headers, self._remote(head), began_at=self._since
        )
        visit.route = head.route
        try:
            key = desk.key_in_head(visit)
            if key and visit.header(b"content-encoding"):
                # A stranger's body is not even unfolded.
                self._await(desk.accept_whole(visit, body, key, self._reply))
                return
            post = desk.post_of(visit, body)
            key = desk.key_of(visit, post)
        except Refusal as refusal:
            self._reply(desk.refuse(visit, refusal))
            return
        opened = desk.keys.known(key)
        if opened is None or opened.secret:
            self._await(desk.accept(visit, post, key, self._reply))
        else:
            desk.accept_at_once(visit, post, opened, self._reply)

    def _await(self, accepting: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(accepting)
        self._state.tasks.add(task)
        task.add_done_callback(self._state.tasks.discard)

    def _remote(self, head: _Head) -> str:
        if self._is_proxied and head.forwarded:
            return head.forwarded
        return self._peer

    def _reply(self, reply: PostReply) -> None:
        self._is_busy = False
        if self._transport.is_closing():
            return
        try:
            told = _bytes_of(reply, self._state.default_headers)
        except Exception:  # a module's answer; without one the sender comes again
            logger.exception("an answer cannot be sent as it is")
            self._transport.abort()
            return
        self._transport.write(told)
        if self._is_ending:
            self._transport.close()
            return
        self._since = self._loop.time()
        if not self._is_stepping:
            self._go_on()

    def _hand_over(self) -> None:
        """Give the connection, and what it has sent, to the ordinary server."""
        if self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size():  # answers that go first
            self._is_leaving = True
            self._loop.call_later(_LOOK_AGAIN, self._hand_over)
            return
        self._is_leaving = False
        self._read_or_wait()
        self._is_ending = True
        self._state.connections.discard(self)
        data, self._buffer = bytes(self._buffer), b""
        self._elsewhere(self._transport, data)


def _is_no_beginning(data: bytes | bytearray) -> bool:
    """Whether bytes without an empty line are none that a plain head begins with."""
    return (
        len(data) > _MAX_UNFINISHED_HEAD
        or not data.startswith(_BEGINNINGS)
        or b"\n\n" in data
    )


def _head_of(raw: bytes, desk: Desk) -> _Head | None:
    """Take a head apart; None when it is not plain or not for a source."""
    first, *lines = raw.split(b"\r\n")
    method, _, rest = first.partition(b" ")
    target, _, version = rest.partition(b" ")
    is_plain = method == b"POST" and version == b"HTTP/1.1"
    if not is_plain or len(raw) > _MAX_HEAD or not _TARGET.fullmatch(target):
        return None
    headers = _headers_of(lines)
    length = _length_of(headers) if headers is not None else None
    if headers is None or length is None or length > _MAX_BODY:
        return None
    path, _, query = target.partition(b"?")
    authorization = next((v for n, v in headers if n == b"authorization"), b"")
    try:
        route = desk.routes.find(
            "POST", path.decode("ascii"), authorization.decode("latin-1")
        )
    except Refusal:  # answered, and counted, by the application
        return None
    return _Head(route, query, headers, length) if route is not None else None


def _headers_of(lines: list[bytes]) -> RawHeaders | None:
    headers: RawHeaders = []
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            return None
        name, value = name.lower(), value.strip(b" \t")
        if name in _ODD or (name == b"connection" and value.lower() != b"keep-alive"):
            return None
        headers.append((name, value))
    return headers


def _length_of(headers: RawHeaders) -> int | None:
    found = [value for name, value in headers if name == b"content-length"]
    if len(found) != 1 or not found[0].isdigit() or len(found[0]) > 7:
        return None
    return int(found[0])


class _LastReply:
    """The bytes of the latest answer: most answers of one second are the same."""

    reply: PostReply | None = None
    date: list[tuple[bytes, bytes]] | None = None
    encoded = b""


def _bytes_of(reply: PostReply, date: list[tuple[bytes, bytes]]) -> bytes:
    last = _LastReply
    if last.date is date and (last.reply is reply or last.reply == reply):
        return last.encoded
    phrase = _PHRASES.get(reply.status, "")
    lines = [f"HTTP/1.1 {reply.status} {phrase}".encode("ascii")]
    for name, value in (*date, *replies.headers_of(reply)):
        lines.append(name + b": " + value)
    encoded = b"\r\n".join((*lines, b"", reply.body))
    last.reply, last.date, last.encoded = reply, date, encoded
    return encoded


_PHRASES = {status.value: status.phrase for status in HTTPStatus}
