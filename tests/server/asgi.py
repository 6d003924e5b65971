"""Driving the ASGI application in this process, as a server would.

Everything of one test runs in one event loop, with the application's lifespan around
it. The database work of the test itself goes through :func:`in_thread`.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from asgiref.sync import sync_to_async
from django.db import connections

from watchbill.server.project.asgi import WatchbillApplication
from watchbill.server.web.http import Message

PATIENCE = 20.0
"""Seconds after which a test that waits for something gives up."""

_T = TypeVar("_T")


@dataclass(slots=True)
class Response:
    """What the application answered."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@asynccontextmanager
async def running() -> AsyncIterator[WatchbillApplication]:
    """Start an application, and end it with every connection it opened."""
    application = WatchbillApplication()
    inbox: asyncio.Queue[Message] = asyncio.Queue()
    outbox: asyncio.Queue[Message] = asyncio.Queue()

    async def send(message: Message) -> None:
        outbox.put_nowait(message)

    life = asyncio.create_task(application({"type": "lifespan"}, inbox.get, send))
    inbox.put_nowait({"type": "lifespan.startup"})
    started = await asyncio.wait_for(outbox.get(), PATIENCE)
    assert started["type"] == "lifespan.startup.complete", started
    try:
        yield application
    finally:
        inbox.put_nowait({"type": "lifespan.shutdown"})
        await asyncio.wait_for(life, PATIENCE)
        await sync_to_async(connections.close_all)()


def drive(test: Callable[[WatchbillApplication], Awaitable[_T]]) -> _T:
    """Run a test's coroutine beside a running application."""

    async def whole() -> _T:
        async with running() as application:
            return await test(application)

    return asyncio.run(whole())


async def in_thread(call: Callable[..., _T], *args: Any, **kwargs: Any) -> _T:
    """Do database work of the test in a thread, and close its connection."""

    def work() -> _T:
        try:
            return call(*args, **kwargs)
        finally:
            connections.close_all()

    return await asyncio.to_thread(work)


def scope(method: str, path: str, headers: Iterable[tuple[str, str]] = ()) -> Message:
    """Return the scope of a request to this path."""
    address, _, query = path.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": address,
        "raw_path": address.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [
            (b"host", b"localhost"),
            *(
                (name.lower().encode("latin-1"), value.encode("latin-1"))
                for name, value in headers
            ),
        ],
        "client": ("192.0.2.7", 50000),
        "server": ("127.0.0.1", 8000),
    }


async def ask(
    application: WatchbillApplication,
    method: str,
    path: str,
    body: bytes | Iterable[bytes] = b"",
    headers: Iterable[tuple[str, str]] = (),
    *,
    goes_away: bool = False,
) -> Response:
    """Make a request; with ``goes_away`` the client leaves after what it sent."""
    parts = [body] if isinstance(body, bytes) else list(body)
    messages = [
        {"type": "http.request", "body": part, "more_body": goes_away or more}
        for part, more in zip(parts, [True] * (len(parts) - 1) + [False], strict=True)
    ]
    if goes_away:
        messages.append({"type": "http.disconnect"})
    queue = iter(messages)
    response = Response()
    over = asyncio.Event()

    async def receive() -> Message:
        found = next(queue, None)
        if found is not None:
            return found
        await over.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            response.status = message["status"]
            response.headers = {
                name.decode().lower(): value.decode("latin-1")
                for name, value in message["headers"]
            }
        else:
            response.body += message.get("body", b"")
            if not message.get("more_body", False):
                over.set()

    await asyncio.wait_for(
        application(scope(method, path, headers), receive, send), PATIENCE
    )
    return response


class Page:
    """An open ``/live`` stream, which reads only as fast as it is asked to."""

    def __init__(self, application: WatchbillApplication, cookie: str = "") -> None:
        headers = [("cookie", cookie)] if cookie else []
        self._scope = scope("GET", "/live", headers)
        self._application = application
        self._left = asyncio.Event()
        self._sent: asyncio.Queue[Message] = asyncio.Queue(maxsize=1)
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Page":
        self._task = asyncio.create_task(
            self._application(self._scope, self._receive, self._sent.put)
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._left.set()
        draining = asyncio.create_task(self._drain())
        try:
            await asyncio.wait_for(self._task, PATIENCE)
        finally:
            draining.cancel()

    async def _drain(self) -> None:
        while True:
            await self._sent.get()

    async def _receive(self) -> Message:
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def next(self) -> Message:
        """Return the next message of the server."""
        return await asyncio.wait_for(self._sent.get(), PATIENCE)

    async def text(self) -> str:
        """Return the next piece of the body."""
        message = await self.next()
        return str(message.get("body", b""), "utf-8")

    async def end(self) -> None:
        """Read until the server ends the stream."""
        is_open = True
        while is_open:
            message = await self.next()
            is_open = message["type"] == "http.response.start" or message.get(
                "more_body", False
            )

    async def until(self, wanted: str) -> list[str]:
        """Read pieces up to and including the first that holds a text."""
        seen: list[str] = []
        while not seen or wanted not in seen[-1]:
            seen.append(await self.text())
        return seen
