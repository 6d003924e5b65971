"""Connections as bytes: the fast lane, and what it hands to the ordinary server."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import uvicorn

from tests.intake.database import Locked
from tests.intake.test_intake import body, stored
from tests.server.asgi import PATIENCE, drive
from watchbill.server.clock import VirtualClock
from watchbill.server.intake import actions, lane
from watchbill.server.intake.models import IntakeRejection
from watchbill.server.project import doorway
from watchbill.server.project.asgi import WatchbillApplication
from watchbill.server.project.doorway import LENGTH, Doorway

pytestmark = pytest.mark.usefixtures("transactional_db", "trm_plan")


@pytest.fixture
def path(transactional_db: None, virtual_clock: VirtualClock) -> str:
    _, key = actions.create_integration(
        kind="alertmanager", name="P", now=virtual_clock.now()
    )
    return f"/intake/alertmanager/{key}"


@asynccontextmanager
async def door(app: WatchbillApplication, workers: int = 0) -> AsyncIterator[int]:
    """Let connections in at a port of this machine."""
    config = uvicorn.Config(app, lifespan="off", log_level="error")
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    port: int = listener.getsockname()[1]
    opened = Doorway(server, listener, desk=app.desk, workers=workers, is_proxied=False)
    await opened.open()
    try:
        yield port
    finally:
        await opened.close()
        for connection in list(server.server_state.connections):
            connection.shutdown()


def head(path: str, length: int, *lines: str, method: str = "POST") -> bytes:
    said = (f"{method} {path} HTTP/1.1", "Host: localhost", *lines)
    return "\r\n".join((*said, f"Content-Length: {length}", "", "")).encode("latin-1")


def whole(path: str, content: bytes, *lines: str) -> bytes:
    return head(path, len(content), *lines) + content


def chunked(path: str, content: bytes) -> bytes:
    said = f"POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    return b"%s%x\r\n%s\r\n0\r\n\r\n" % (said.encode(), len(content), content)


async def statuses(port: int, *pieces: bytes, answers: int = 1) -> list[int]:
    """Send pieces on one connection; return the statuses of so many answers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        return [await status(reader) for _ in range(answers)]
    finally:
        writer.close()


async def status(reader: asyncio.StreamReader) -> int:
    async with asyncio.timeout(PATIENCE):
        told = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = told.partition("content-length:")[2].split()[:1]
        if length:
            await reader.readexactly(int(length[0]))
    return int(told.split()[1])


def at_the_door(test: Callable[[WatchbillApplication, int], Awaitable[None]]) -> None:
    async def inside(app: WatchbillApplication) -> None:
        async with door(app) as port:
            await test(app, port)

    drive(inside)


def test_a_plain_post_is_stored_and_answered(path: str) -> None:
    async def test(app: WatchbillApplication, port: int) -> None:
        assert await statuses(port, whole(path, body())) == [202]

    at_the_door(test)
    assert stored() == [body()]


def test_posts_that_follow_each_other_unasked_are_answered_in_their_order(
    path: str,
) -> None:
    async def test(app: WatchbillApplication, port: int) -> None:
        sent = whole(path, body("1")) + whole(path, b"{") + whole(path, body("2"))
        assert await statuses(port, sent, answers=3) == [202, 400, 202]

    at_the_door(test)
    assert stored() == [body("1"), body("2")]


def test_a_request_in_single_bytes_is_one_post(path: str) -> None:
    async def test(app: WatchbillApplication, port: int) -> None:
        pieces = [bytes([one]) for one in whole(path, body())]
        assert await statuses(port, *pieces) == [202]

    at_the_door(test)
    assert stored() == [body()]


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        pytest.param(
            lambda path: chunked(path, body()),
            202,
            id="chunks",
        ),
        pytest.param(
            lambda path: whole(path, body(), "Connection: close"), 202, id="close"
        ),
        pytest.param(
            lambda path: whole(path.replace("alert", "%61lert"), body()),
            202,
            id="an escaped address",
        ),
        pytest.param(
            lambda path: whole(path, body() + b" " * 1_200_000), 202, id="long"
        ),
        pytest.param(lambda path: whole("/health/live", b""), 403, id="a page"),
        pytest.param(lambda path: head(path, 0, method="GET"), 405, id="a GET"),
        pytest.param(
            lambda path: whole("/intake/nothing/x", body()), 404, id="no such kind"
        ),
        pytest.param(
            lambda path: whole(path, body(), "Content-Length: 3"),
            400,
            id="two lengths",
        ),
        pytest.param(
            lambda path: whole(path, body(), "Transfer-Encoding: chunked"),
            400,
            id="a length and chunks",
        ),
        pytest.param(
            lambda path: whole(path, body(), "X-Odd: a\nX-Injected: b"),
            400,
            id="a line feed in a header",
        ),
        pytest.param(
            lambda path: whole(path, body(), "X Odd: a"), 400, id="a space in a name"
        ),
        pytest.param(lambda path: b"\x16\x03\x01\x02\x00" + b"\0" * 200, 400, id="TLS"),
        pytest.param(
            lambda path: whole(path + "\0", body()), 400, id="a NUL in the key"
        ),
        pytest.param(
            lambda path: whole(path + "x" * 6_000, body()), 401, id="a very long key"
        ),
    ],
)
def test_what_is_not_plain_is_answered_by_the_ordinary_server(
    path: str, make: Callable[[str], bytes], expected: int
) -> None:
    async def test(app: WatchbillApplication, port: int) -> None:
        assert await statuses(port, make(path)) == [expected]

    at_the_door(test)
    assert len(stored()) == (expected == 202)


def test_a_connection_goes_on_after_it_was_handed_over(path: str) -> None:
    async def test(app: WatchbillApplication, port: int) -> None:
        sent = whole(path, body("1"))
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        told = []
        for piece in (sent, head("/health/live", 0, method="GET"), sent):
            writer.write(piece)
            told.append(await status(reader))
        writer.close()
        assert told == [202, 200, 202]

    at_the_door(test)


def test_a_request_that_drips_and_a_head_without_an_end_are_cut_off(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane, "WITHIN", 0.2)

    async def test(app: WatchbillApplication, port: int) -> None:
        for start in (
            head(path, 500) + b"{",
            b"POST /intake/alertm",
            b"GET /health/live HTTP/1.1\r\nHost: a",
            b"G",
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(start)
            async with asyncio.timeout(PATIENCE):
                assert await reader.read() == b""
            writer.close()

    at_the_door(test)
    assert stored() == []


def test_a_client_that_leaves_before_its_answer_harms_nobody_and_its_post_is_stored(
    path: str,
) -> None:
    async def test(app: WatchbillApplication, port: int) -> None:
        assert await statuses(port, whole(path, body("known"))) == [202]
        async with Locked("watchbill_inboxentry") as lock:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(whole(path, body("gone")))
            await lock.until_somebody_waits()
            writer.close()
        assert await statuses(port, whole(path, body("after"))) == [202]

    at_the_door(test)
    assert stored() == [body("known"), body("gone"), body("after")]


def test_a_hundred_wrong_keys_are_refused_counted_and_asked_for_together(
    path: str,
) -> None:
    async def test(app: WatchbillApplication, port: int) -> None:
        told = await asyncio.gather(
            *(statuses(port, whole(f"{path}{one}", body())) for one in range(100))
        )
        assert told == [[401]] * 100

    at_the_door(test)
    assert IntakeRejection.objects.get().count == 100


def test_the_body_of_a_stranger_is_not_unfolded(path: str) -> None:
    async def test(app: WatchbillApplication, port: int) -> None:
        sent = b"this is no gzip"
        encoded = "Content-Encoding: gzip"
        assert await statuses(port, whole(path + "x", sent, encoded)) == [401]
        assert await statuses(port, whole(path, sent, encoded)) == [400]

    at_the_door(test)


@pytest.mark.parametrize(
    ("function", "expected"), [("accepted", 202), ("answer", 503), ("skim", 503)]
)
def test_whoever_posts_is_answered_though_the_source_fails(
    path: str, monkeypatch: pytest.MonkeyPatch, function: str, expected: int
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    async def test(app: WatchbillApplication, port: int) -> None:
        desk = app.desk()
        assert desk is not None
        source = desk.routes.source("alertmanager")
        monkeypatch.setattr(source, function, fail, raising=False)
        sent = whole(path, body())
        assert await statuses(port, sent, sent, answers=2) == [expected] * 2

    at_the_door(test)
    assert len(stored()) == (2 if expected == 202 else 0)


def test_when_no_worker_can_be_started_posts_are_taken_here(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    monkeypatch.setattr(doorway, "_RESTART_AFTER", 0.01)

    async def test(app: WatchbillApplication) -> None:
        async with door(app, workers=2) as port:
            assert await statuses(port, whole(path, body())) == [202]

    drive(test)


def test_a_connection_that_could_not_be_received_does_not_end_the_others() -> None:
    async def test() -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.settimeout(0)
            theirs.sendall(LENGTH.pack(3) + b"abc")
            socket.send_fds(theirs, [LENGTH.pack(2)], [theirs.fileno()])
            theirs.sendall(b"de")
            assert await doorway._received(ours) == (None, b"abc")
            received = await doorway._received(ours)
            assert received is not None
            connection, data = received
            assert connection is not None
            connection.close()
            assert data == b"de"

    asyncio.run(test())
