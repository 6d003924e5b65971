"""Connections that a worker passes on, as the main process receives them."""

import asyncio
import socket
from contextlib import closing

import pytest
import uvicorn
import uvloop

from tests.intake.test_intake import body, stored
from tests.intake.test_lane import path, whole
from tests.server.asgi import PATIENCE, running
from watchbill.server.project.asgi import WatchbillApplication
from watchbill.server.project.doorway import LENGTH, Doorway

__all__ = ["path"]  # a fixture

pytestmark = pytest.mark.usefixtures("transactional_db", "trm_plan")


class Receiving:
    """The main process's side of one worker's channel; the worker's side is ours."""

    def __init__(self, app: WatchbillApplication) -> None:
        config = uvicorn.Config(app, lifespan="off", log_level="error")
        config.load()
        server = uvicorn.Server(config)
        server.lifespan = config.lifespan_class(config)
        self._listener = socket.socket()
        doorway = Doorway(
            server, self._listener, desk=app.desk, workers=0, is_proxied=False
        )
        self._theirs, self.worker = socket.socketpair()
        self._theirs.settimeout(0)
        self.task = asyncio.create_task(doorway._take_over_from(self._theirs))

    def close(self) -> None:
        for one in (self._theirs, self.worker, self._listener):
            one.close()

    async def answer(self, read: bytes, unread: bytes) -> bytes:
        """Pass a connection on, of whose request the worker has read a part."""
        client, server = socket.socketpair()
        with client, server:
            client.sendall(unread)
            socket.send_fds(self.worker, [LENGTH.pack(len(read))], [server.fileno()])
            self.worker.sendall(read)
            client.settimeout(0)
            async with asyncio.timeout(PATIENCE):
                return await asyncio.get_running_loop().sock_recv(client, 65_536)


def test_what_comes_while_a_connection_is_passed_on_follows_what_was_read(
    path: str,
) -> None:
    async def test() -> None:
        async with running() as app:
            with closing(Receiving(app)) as main:
                request = whole(path, body())
                for at in (1, len(request) // 2, len(request) - 1):
                    told = await main.answer(request[:at], request[at:])
                    assert told.startswith(b"HTTP/1.1 202 ")
                main.task.cancel()

    # The loop of the installation; that of asyncio reads a little later.
    uvloop.run(test())
    assert stored() == [body()] * 3


def test_a_connection_that_is_lost_on_its_way_takes_no_other_with_it(
    path: str, capfd: pytest.CaptureFixture[str]
) -> None:
    async def test() -> None:
        async with running() as app:
            with closing(Receiving(app)) as main:
                # What the kernel delivers when no more files may be opened.
                main.worker.sendall(LENGTH.pack(4) + b"POST")
                told = await main.answer(whole(path, body()), b"")
                assert told.startswith(b"HTTP/1.1 202 ")
                main.task.cancel()

    uvloop.run(test())
    assert "too many open files" in capfd.readouterr().err
    assert stored() == [body()]
