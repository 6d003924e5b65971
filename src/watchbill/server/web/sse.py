"""Live updates: server-sent events on a bare ASGI handler.

One connection of the process listens to PostgreSQL; every open page gets its hints
through a queue of its own, so that a thousand open pages cost a thousand small
queues and no thread. A stream belongs to a session: it is opened only for a
signed-in user and ends after some minutes, upon which the browser opens it again
and the session is checked anew. A page that reads too slowly is told to reload
everything rather than being sent an ever longer queue.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import asyncpg

from watchbill.server.faults import UNANSWERED
from watchbill.server.web.http import Receive, Scope, Send, answer_json
from watchbill.server.web.live import LIVE_CHANNEL

MAX_STREAM = 600.0
"""Seconds after which a stream ends and the session is checked again."""

_BEAT_EVERY = 15.0
_QUEUE = 200
_RECONNECT_AFTER = 1.0

logger = logging.getLogger(__name__)

Listener = Callable[[str], None]


class LiveUpdates:
    """The application, and the one listening connection behind it."""

    def __init__(
        self,
        connect: Callable[[], Awaitable["asyncpg.Connection[Any]"]],
        may_listen: Callable[[Scope], Awaitable[bool]],
    ) -> None:
        self._connect = connect
        self._may_listen = may_listen
        self._pages: set[asyncio.Queue[str | None]] = set()
        self._listeners: list[Listener] = []
        self._task: asyncio.Task[None] | None = None

    def on_hint(self, listener: Listener) -> None:
        """Call a function of this process with every hint as well."""
        self._listeners.append(listener)

    def start(self) -> None:
        """Start listening in the running event loop."""
        self._task = asyncio.create_task(self._listen_for_ever())

    def stop(self) -> None:
        """End every stream."""
        if self._task is not None:
            self._task.cancel()
        for page in self._pages:
            _offer(page, None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle ``GET /live``."""
        refusal = await self._refusal(scope)
        if refusal is not None:
            status, reason = refusal
            await answer_json(send, status, {"status": "refused", "reason": reason})
            return
        page: asyncio.Queue[str | None] = asyncio.Queue(_QUEUE)
        self._pages.add(page)
        gone = asyncio.create_task(_until_gone(receive))
        stream = asyncio.create_task(_stream(page, send))
        try:
            await asyncio.wait(
                {gone, stream},
                timeout=MAX_STREAM,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            self._pages.discard(page)
            stream.cancel()
            still_there = not gone.done()
            gone.cancel()
        if still_there:
            await send({"type": "http.response.body", "body": b""})

    async def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Why a request gets no stream: the status and the reason."""
        if scope["method"] != "GET":
            return 405, "not_a_get"
        try:
            may_listen = await self._may_listen(scope)
        except OSError:
            return 503, "no_database"
        return None if may_listen else (401, "signed_out")

    async def _listen_for_ever(self) -> None:
        while True:
            try:
                await self._listen()
            except UNANSWERED:
                logger.warning("live updates lost the database; trying again")
            await asyncio.sleep(_RECONNECT_AFTER)

    async def _listen(self) -> None:
        """Listen until the connection is lost."""
        connection = await self._connect()
        try:
            lost = asyncio.Event()
            connection.add_termination_listener(partial(_set, lost))
            await connection.add_listener(LIVE_CHANNEL, self._heard)
            # Whatever happened while nobody listened is caught up by asking.
            self._spread('{"topic": "poll"}')
            await lost.wait()
        finally:
            connection.terminate()

    def _heard(self, _connection: object, _pid: int, _channel: str, hint: Any) -> None:
        self._spread(str(hint))

    def _spread(self, hint: str) -> None:
        for listener in self._listeners:
            listener(hint)
        for page in self._pages:
            _offer(page, hint)


def _offer(page: asyncio.Queue[str | None], hint: str | None) -> None:
    if page.full():
        while not page.empty():
            page.get_nowait()
        hint = '{"topic": "poll"}' if hint is not None else None
    page.put_nowait(hint)


async def _stream(page: asyncio.Queue[str | None], send: Send) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [
                (b"content-type", b"text/event-stream; charset=utf-8"),
                (b"cache-control", b"no-store"),
                (b"x-accel-buffering", b"no"),
            ],
        }
    )
    text: str | None = "retry: 2000\n\n"
    while text is not None:
        await send(
            {"type": "http.response.body", "body": text.encode(), "more_body": True}
        )
        try:
            hint = await asyncio.wait_for(page.get(), _BEAT_EVERY)
        except TimeoutError:
            text = "event: beat\ndata: {}\n\n"
        else:
            text = None if hint is None else f"data: {hint}\n\n"


def _set(event: asyncio.Event, _connection: object) -> None:
    event.set()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
