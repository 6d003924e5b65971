"""The database stops or hangs: never a 2xx, never silence, and well afterwards."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import asyncpg
import pytest
from django.db import connections

from tests.intake.database import (
    Locked,
    backends,
    close_the_door,
    end_backend,
    open_the_door,
)
from tests.intake.test_intake import PATH, body, stored
from tests.server.asgi import PATIENCE, Response, ask, drive
from watchbill.server import clock
from watchbill.server.clock import DatabaseClock, VirtualClock
from watchbill.server.intake import actions, commit, keys
from watchbill.server.intake.pool import borrowed
from watchbill.server.plans.models import PlanVersion
from watchbill.server.project.asgi import WatchbillApplication

pytestmark = pytest.mark.usefixtures("transactional_db", "trm_plan")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commit, "COMMIT_TIMEOUT", 0.3)
    monkeypatch.setattr(keys, "LOOK_UP_TIMEOUT", 0.3)


@pytest.fixture
def path(transactional_db: None, trm_plan: PlanVersion) -> str:
    _, key = actions.create_integration(
        kind="alertmanager", name="P", now=datetime(2026, 2, 7, tzinfo=UTC)
    )
    return f"{PATH}/{key}"


def assert_come_back(answer: Response) -> None:
    assert (answer.status, answer.json["reason"]) == (503, "not_stored")
    assert answer.headers["retry-after"] == "1"


def distinct() -> list[bytes]:
    """Return what is stored, once each.

    A post that took too long is answered 503, although it may be stored all the same;
    it comes again, and folding sees that it did.
    """
    return list(dict.fromkeys(stored()))


async def until_accepted(app: WatchbillApplication, path: str, content: bytes) -> None:
    async with asyncio.timeout(PATIENCE):
        while (await ask(app, "POST", path, content)).status != 202:
            await asyncio.sleep(0.01)


def test_a_commit_that_hangs_is_answered_503_and_the_next_one_is_stored(
    path: str,
) -> None:
    async def test(app: WatchbillApplication) -> None:
        await ask(app, "POST", path, body("before"))
        async with Locked("watchbill_inboxentry"):
            posts = [ask(app, "POST", path, body(str(one))) for one in range(3)]
            for answer in await asyncio.gather(*posts):
                assert_come_back(answer)
        await until_accepted(app, path, body("after"))

    drive(test)
    assert distinct() == [body("before"), body("after")]


def test_a_look_up_that_hangs_is_answered_503_and_stores_nothing(path: str) -> None:
    async def test(app: WatchbillApplication) -> None:
        async with Locked("watchbill_integration"):
            # More than there are connections, all of which hang.
            posts = [ask(app, "POST", path, body(str(one))) for one in range(10)]
            for answer in await asyncio.gather(*posts):
                assert_come_back(answer)
        await until_accepted(app, path, body("after"))

    drive(test)
    assert distinct() == [body("after")]


@contextmanager
def stopped(pids: list[int]) -> Iterator[None]:
    """Stop server processes, so that they do not even hear that they should cancel."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def test_server_processes_that_answer_nothing_at_all_do_not_hold_the_intake_up(
    path: str,
) -> None:
    async def test(app: WatchbillApplication) -> None:
        await ask(app, "POST", path, body("before"))
        with stopped(backends()):
            assert_come_back(await ask(app, "POST", path, body("lost")))
            # Fresh connections are not stopped: it works before the old ones do.
            await until_accepted(app, path, body("after"))

    drive(test)
    # What became of the other one nobody could know, and so it was answered 503.
    assert {body("before"), body("after")} <= set(stored())


@pytest.mark.parametrize("is_key_known", [True, False])
def test_a_database_that_is_gone_is_answered_503_and_accepts_again_when_it_is_back(
    path: str, *, is_key_known: bool
) -> None:
    async def test(app: WatchbillApplication) -> None:
        if is_key_known:
            assert (await ask(app, "POST", path, body("before"))).status == 202
        close_the_door()
        try:
            for one in range(3):
                assert_come_back(await ask(app, "POST", path, body(f"lost {one}")))
        finally:
            open_the_door()
        await until_accepted(app, path, body("after"))

    connections.close_all()
    drive(test)
    first = [body("before")] if is_key_known else []
    assert distinct() == [*first, body("after")]


def test_it_accepts_again_although_the_clock_could_not_ask_the_database(
    path: str, monkeypatch: pytest.MonkeyPatch, virtual_clock: VirtualClock
) -> None:
    monkeypatch.setattr(clock, "_ASK_EVERY", 0.0)

    async def test(app: WatchbillApplication) -> None:
        assert (await ask(app, "POST", path, body("before"))).status == 202
        close_the_door()
        try:
            for one in range(3):
                assert_come_back(await ask(app, "POST", path, body(f"lost {one}")))
        finally:
            open_the_door()
        await until_accepted(app, path, body("after"))

    with clock.use(DatabaseClock()):
        connections.close_all()
    drive(test)
    assert distinct() == [body("before"), body("after")]


@pytest.mark.parametrize("instants", range(5))
def test_a_connection_that_was_just_ended_fails_as_one_that_is_lost(
    instants: int,
) -> None:
    """The driver has heard its last words, perhaps, and not yet seen its end."""

    async def fetch(app: WatchbillApplication) -> None:
        assert app._pool is not None
        async with borrowed(app._pool) as connection:
            end_backend(connection.get_server_pid())
            for _ in range(instants):
                await asyncio.sleep(0)
            await connection.fetch("SELECT 1")

    with pytest.raises((OSError, asyncpg.PostgresError, asyncpg.InterfaceError)):
        drive(fetch)
