"""Whoever sends slowly, or too much, keeps nobody else from an answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn

from tests.server.asgi import PATIENCE, drive
from watchbill.server.project import asgi
from watchbill.server.project.asgi import MAX_BODY, MAX_HOOK_BODY, MAX_PAGES
from watchbill.server.project.asgi import WatchbillApplication as Application
from watchbill.server.project.listening import take

pytestmark = [
    pytest.mark.usefixtures("transactional_db", "trm_plan"),
    pytest.mark.req("S4.1-11"),
]

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def served(application: Application) -> AsyncIterator[int]:
    """Serve an application that has started, as `watchbill up` does."""
    taken = take("127.0.0.1", 0)
    taken.listen()  # so that nobody is refused until the server has started
    config = uvicorn.Config(application, lifespan="off", log_level="warning")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve(sockets=[taken]))
    try:
        yield taken.getsockname()[1]
    finally:
        server.should_exit = True
        await asyncio.wait_for(serving, PATIENCE)


async def begin(port: int, head: str, body: bytes = b"") -> Streams:
    """Connect and send the beginning of a request."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = (head, "Host: 127.0.0.1", "Connection: close", "", "")
    writer.write("\r\n".join(lines).encode() + body)
    await writer.drain()
    return reader, writer


async def status_of(streams: Streams) -> int:
    """Return the status of an answer, read to its end."""
    reader, writer = streams
    answer = await asyncio.wait_for(reader.read(), PATIENCE)
    writer.close()
    return int(answer.split(b" ", 2)[1])


async def ask(port: int, head: str, body: bytes = b"") -> int:
    return await status_of(await begin(port, head, body))


def post(path: str, length: int) -> str:
    return f"POST {path} HTTP/1.1\r\nContent-Length: {length}"


@pytest.mark.parametrize("path", ["/sign-in/", "/hooks/slack/actions"])
def test_slow_posts_keep_nobody_from_pages_hooks_and_health(path: str) -> None:
    async def test(application: Application) -> tuple[list[int], int]:
        async with served(application) as port:
            slow = [
                await begin(port, post(path, 100), b"a") for _ in range(MAX_PAGES + 6)
            ]
            found = [
                await ask(port, "GET /health/live HTTP/1.1"),
                await ask(port, "GET /sign-in/ HTTP/1.1"),
                await ask(port, post("/sign-in/", 2), b"{}"),
            ]
            waiting = sum(not one[0].at_eof() for one in slow)
            for _, writer in slow:
                writer.close()
            return found, waiting

    found, waiting = drive(test)

    # The form comes without its secret, which only a view can say.
    assert found == [200, 200, 403]
    assert waiting == MAX_PAGES + 6


def test_health_answers_while_every_page_is_busy() -> None:
    async def test(application: Application) -> tuple[int, bool]:
        async with served(application) as port:
            for _ in range(MAX_PAGES):
                await application._page_slots.acquire()
            page = await begin(port, "GET /sign-in/ HTTP/1.1")
            health = await ask(port, "GET /health/live HTTP/1.1")
            is_waiting = not page[0].at_eof()
            for _ in range(MAX_PAGES):
                application._page_slots.release()
            assert await status_of(page) == 200
            return health, is_waiting

    assert drive(test) == (200, True)


def test_a_body_that_does_not_come_in_time_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asgi, "BODY_WITHIN", 0.05)

    async def test(application: Application) -> int:
        async with served(application) as port:
            return await ask(port, post("/sign-in/", 100), b"a")

    assert drive(test) == 408


def test_a_body_that_is_too_long_is_refused() -> None:
    calls = (
        ("/sign-in/", MAX_BODY),
        ("/sign-in/", MAX_BODY + 1),
        ("/hooks/slack/actions", MAX_HOOK_BODY + 1),
    )

    async def test(application: Application) -> list[int]:
        async with served(application) as port:
            return [
                await ask(port, post(path, length), b"a" * length)
                for path, length in calls
            ]

    assert drive(test) == [403, 413, 413]
