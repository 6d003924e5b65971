"""Live updates: hints for the signed-in, within bounds, and only while signed in."""

import asyncio
from typing import Never

import asyncpg
import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection, connections

from tests.intake.test_intake import hint
from tests.server import site
from tests.server.asgi import Page, ask, drive, in_thread
from watchbill.core.access import ConsoleRole
from watchbill.core.incidents import IncidentAction
from watchbill.server.accounts.models import User
from watchbill.server.clock import VirtualClock
from watchbill.server.incidents import actions as incidents
from watchbill.server.plans.models import PlanVersion
from watchbill.server.project.asgi import WatchbillApplication
from watchbill.server.web import sse

pytestmark = pytest.mark.usefixtures("transactional_db", "trm_plan")


@pytest.fixture
def person(
    transactional_db: None, trm_plan: PlanVersion, virtual_clock: VirtualClock
) -> User:
    return site.user(ConsoleRole.STAKEHOLDER, now=virtual_clock.now())


@pytest.fixture
def cookie(person: User) -> str:
    return f"{settings.SESSION_COOKIE_NAME}={site.session_of(person)}"


def refused(cookie: str) -> int:
    headers = [("cookie", cookie)] if cookie else []
    return drive(lambda app: ask(app, "GET", "/live", b"", headers)).status


def test_without_a_session_there_is_no_stream(cookie: str) -> None:
    name = settings.SESSION_COOKIE_NAME
    for wrong in (
        "",
        f"{name}=",
        f"{name}=unknownunknownunknownunknown",
        f'{name}="aaaaaaaaaaaa\\000"',
        f"{name}=" + "x" * 5000,
        "=; ;;=a; a b c",
        cookie[:-1],
    ):
        assert refused(wrong) == 401, wrong


def test_a_deactivated_user_gets_no_stream(cookie: str, person: User) -> None:
    User.objects.filter(pk=person.pk).update(is_active=False)
    assert refused(cookie) == 401


async def opened(page: Page) -> None:
    start = await page.next()
    assert start["status"] == 200
    assert (b"content-type", b"text/event-stream; charset=utf-8") in start["headers"]
    assert await page.text() == "retry: 2000\n\n"


async def until_it_hears(page: Page) -> None:
    """Wait until the application listens, as the first hint that arrives shows."""

    async def knock() -> None:
        while True:
            await in_thread(hint)
            await asyncio.sleep(0.05)

    knocking = asyncio.create_task(knock())
    await page.until("test")
    knocking.cancel()


def test_a_page_hears_of_a_change_once_it_is_committed(
    cookie: str, virtual_clock: VirtualClock
) -> None:
    incident = site.declare(now=virtual_clock.now())

    async def test(app: WatchbillApplication) -> list[str]:
        async with Page(app, cookie) as page:
            await opened(page)
            await until_it_hears(page)
            await in_thread(
                incidents.perform,
                incident.pk,
                IncidentAction.ACKNOWLEDGE,
                actor=site.SOMEBODY,
                now=virtual_clock.now(),
            )
            return await page.until('"incident"')

    seen = drive(test)
    assert seen[-1] == f'data: {{"topic": "incident", "id": {incident.pk}}}\n\n'


def test_a_hint_carries_a_topic_and_a_number_and_no_content(
    cookie: str, virtual_clock: VirtualClock
) -> None:
    async def test(app: WatchbillApplication) -> list[str]:
        async with Page(app, cookie) as page:
            await opened(page)
            await until_it_hears(page)
            await in_thread(
                site.declare,
                "CANARY of a breach",
                now=virtual_clock.now(),
                alert_type="security",
            )
            return await page.until('"incidents"')

    heard = "".join(drive(test))
    assert "CANARY" not in heard
    # That it exists is known to its readers only, so not even its number goes out.
    assert '"id"' not in heard


def test_a_quiet_stream_beats(cookie: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "_BEAT_EVERY", 0.01)

    async def test(app: WatchbillApplication) -> None:
        async with Page(app, cookie) as page:
            await page.until("event: beat\ndata: {}\n\n")

    drive(test)


def test_a_stream_ends_after_its_time_and_does_not_open_again_after_the_sign_out(
    cookie: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sse, "MAX_STREAM", 0.05)

    async def test(app: WatchbillApplication) -> int:
        async with Page(app, cookie) as page:
            await page.end()
            await in_thread(Session.objects.all().delete)
        return (await ask(app, "GET", "/live", b"", [("cookie", cookie)])).status

    assert drive(test) == 401


def test_a_slow_reader_is_told_to_ask_again_instead_of_being_sent_a_backlog(
    cookie: str,
) -> None:
    async def test(app: WatchbillApplication) -> tuple[int, list[str]]:
        assert app._live is not None
        async with Page(app, cookie) as page:
            await opened(page)
            for number in range(10_000):
                app._live._spread(f'{{"topic": "incident", "id": {number}}}')
            (queue,) = app._live._pages
            waiting = queue.qsize()
            seen = await page.until("poll")
            app._live._spread('{"topic": "end"}')
            return waiting, seen + await page.until("end")

    waiting, seen = drive(test)
    assert waiting <= sse._QUEUE
    # Two may have been on their way already.
    assert len(seen) <= sse._QUEUE + 3


def test_a_page_that_leaves_is_forgotten(cookie: str) -> None:
    async def test(app: WatchbillApplication) -> int:
        assert app._live is not None
        for _ in range(20):
            async with Page(app, cookie) as page:
                await opened(page)
        return len(app._live._pages)

    assert drive(test) == 0


def test_the_end_of_the_application_ends_every_stream(cookie: str) -> None:
    async def test(app: WatchbillApplication) -> None:
        assert app._live is not None
        async with Page(app, cookie) as page:
            await opened(page)
            app._live.stop()
            await page.end()

    drive(test)


def test_after_the_listening_connection_was_lost_pages_are_told_to_ask_again(
    cookie: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sse, "_RECONNECT_AFTER", 0.01)

    async def test(app: WatchbillApplication) -> None:
        async with Page(app, cookie) as page:
            await opened(page)
            await until_it_hears(page)
            await in_thread(end_the_listener)
            await page.until("poll")
            await until_it_hears(page)

    drive(test)


def test_a_listener_whose_end_the_driver_has_not_heard_yet_is_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sse, "_RECONNECT_AFTER", 0.01)
    tries: asyncio.Queue[str] = asyncio.Queue()

    async def connect() -> Never:
        tries.put_nowait("one more")
        raise asyncpg.InternalClientError("got result for unknown protocol state 3")

    async def nobody(_: object) -> bool:
        return False

    async def test() -> None:
        live = sse.LiveUpdates(connect, nobody)
        live.start()
        for _ in range(3):
            await asyncio.wait_for(tries.get(), 10)
        live.stop()

    asyncio.run(test())


def test_a_stream_opens_again_after_the_database_was_restarted(cookie: str) -> None:
    async def test(app: WatchbillApplication) -> list[int]:
        statuses = [await open_once(app, cookie)]
        await in_thread(end_all_but_the_listener)
        statuses.append(await open_once(app, cookie))
        return statuses

    connections.close_all()
    assert drive(test) == [200, 200]


async def open_once(app: WatchbillApplication, cookie: str) -> int:
    async with Page(app, cookie) as page:
        return int((await page.next())["status"])


_END = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    " AND backend_type = 'client backend' AND query {} LIKE 'LISTEN%'"
)


def end_the_listener() -> None:
    _run(_END.format(""))


def end_all_but_the_listener() -> None:
    _run(_END.format("NOT"))


def _run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
