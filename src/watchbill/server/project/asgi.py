"""The ASGI application: intake and live updates bare, everything else Django.

The lifespan opens what must be open before the first request and closes it after
the last one. It needs a running database; migrations are the command line's affair.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from http.cookies import CookieError, SimpleCookie
from typing import Any, cast
from urllib.parse import urlencode

import asyncpg
import django
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.backends.db import SessionStore
from django.core.asgi import get_asgi_application
from django.db import DatabaseError, InterfaceError, close_old_connections, connections
from django.http import HttpRequest

from watchbill.core.access import Permission
from watchbill.server import clock
from watchbill.server.web.access import may
from watchbill.server.web.bodies import (
    BodyRefusedError,
    ClientLeftError,
    read_body,
    replayed,
)
from watchbill.server.web.http import Receive, Scope, Send, answer_json, header
from watchbill.server.web.sse import LiveUpdates

django.setup()

from watchbill.server.accounts import queries as accounts  # noqa: E402
from watchbill.server.intake.asgi import Intake  # noqa: E402
from watchbill.server.intake.desk import Desk  # noqa: E402
from watchbill.server.intake.mail import Listening, MailIntake  # noqa: E402
from watchbill.server.intake.sources import sources  # noqa: E402

Application = Callable[[Scope, Receive, Send], Awaitable[None]]


MAX_PAGES = 24
"""Pages answered at once; each takes a thread and a connection, and the engine and
the intake must always find connections left."""

MAX_CHECKS = 4
"""Questions after our health answered at once, beside the pages: a watchdog must
hear the truth while everybody presses Acknowledge."""

MAX_BODY, MAX_HOOK_BODY = 1024 * 1024, 256 * 1024
"""Bytes; what is posted to ``/hooks/`` comes from anywhere and is short."""

BODY_WITHIN = 10.0
"""Seconds for a whole body, however slowly it drips."""


class WatchbillApplication:
    """Dispatches by path; owns the intake and the live updates."""

    def __init__(self) -> None:
        self._django = cast("Application", get_asgi_application())
        self._page_slots = asyncio.Semaphore(MAX_PAGES)
        self._check_slots = asyncio.Semaphore(MAX_CHECKS)
        self._clock = ThreadPoolExecutor(max_workers=1, thread_name_prefix="clock")
        self._intake: Intake | None = None
        self._mail: MailIntake | None = None
        self._live: LiveUpdates | None = None
        self._pool: asyncpg.Pool[Any] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._application(scope["path"])(scope, receive, send)

    def desk(self) -> Desk | None:
        """Return where posts are taken, once the application has started."""
        return self._intake.desk if self._intake is not None else None

    def end_streams(self) -> None:
        """Let every open page's stream end, because the server stops."""
        if self._live is not None:
            self._live.stop()

    async def _pages(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer by Django; whoever is still sending a body holds no slot."""
        path = scope["path"]
        limit = MAX_HOOK_BODY if path.startswith("/hooks/") else MAX_BODY
        try:
            body = await read_body(receive, limit=limit, within=BODY_WITHIN)
        except BodyRefusedError as refused:
            content = {"status": "refused", "problem": str(refused)}
            await answer_json(send, refused.status, content, headers=_CLOSE)
            return
        except ClientLeftError:
            return
        is_check = path.startswith("/health/")
        async with self._check_slots if is_check else self._page_slots:
            await self._django(scope, replayed(body, receive), send)

    def _application(self, path: str) -> Application:
        intake = self._intake
        if intake is None and path.startswith("/intake/"):
            return _starting
        if intake is not None and intake.is_for_us(path):
            return intake
        if path == "/live":
            return self._live or _starting
        return self._pages

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                try:
                    await self.open()
                    await self._listen_for_mail()
                except Exception as error:  # the server must hear of every failure
                    text = f"{type(error).__name__}: {error}"
                    await send({"type": "lifespan.startup.failed", "message": text})
                    return
                await send({"type": "lifespan.startup.complete"})
            else:
                if self._mail is not None:
                    await self._mail.stop()
                await self.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def open(self) -> None:
        """Open what must be open before the first request."""
        connect = partial(asyncpg.connect, **_connection_values(), timeout=10)
        self._pool = await asyncpg.create_pool(
            **_connection_values(), min_size=1, max_size=4, timeout=10, reset=_as_it_is
        )
        self._intake = Intake(sources(), self._pool, self._now, self.wall, self._pages)
        self._live = LiveUpdates(connect, _may_listen)
        self._live.on_hint(self._hear)
        await self._intake.start()
        self._live.start()

    async def _listen_for_mail(self) -> None:
        """One process of an installation does; the intake's workers do not."""
        if self._intake is not None:
            self._mail = _mail_intake(self._intake)
        if self._mail is not None:
            await self._mail.start()

    async def close(self) -> None:
        """Store what waits, and close it."""
        self.end_streams()
        if self._intake is not None:
            await self._intake.stop()
        if self._pool is not None:
            await self._pool.close()
        self._clock.submit(connections.close_all)
        self._clock.shutdown(wait=False)

    async def _now(self) -> datetime:
        """The clock may ask the database, so it is read in a thread of its own.

        ConnectionError when the database does not answer, as from asyncpg.
        """
        return await asyncio.get_running_loop().run_in_executor(self._clock, _now)

    async def wall(self) -> datetime:
        """Return the instant in which machines work; read like :meth:`_now`."""
        return await asyncio.get_running_loop().run_in_executor(self._clock, _wall)

    def _hear(self, hint: str) -> None:
        topic = json.loads(hint).get("topic")
        if self._intake is not None and topic in {"integrations", "poll"}:
            self._intake.forget_keys()


def _mail_intake(intake: Intake) -> MailIntake | None:
    """What listens for mail, where the operator wants it."""
    if not settings.MAIL_LISTEN:
        return None
    place = Listening.at(
        settings.MAIL_LISTEN,
        certificate=settings.MAIL_TLS_CERT,
        private_key=settings.MAIL_TLS_KEY,
    )
    return MailIntake(
        place, intake.take, intake.desk.keys, intake.desk.rejections.count
    )


_CLOSE = (("connection", "close"),)

_SHARED_OPTIONS = ("sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "passfile")
"""Options of libpq that asyncpg understands too, in a URL only."""


async def _as_it_is(_connection: object) -> None:
    """Leave a connection of the pool alone: nothing of ours stays in its session.

    The driver would ask the server to forget, one more round trip for each commit.
    """


def _connection_values() -> dict[str, Any]:
    """Django's connection settings, in asyncpg's words."""
    database = settings.DATABASES["default"]
    words = {
        "host": database["HOST"],
        "port": database["PORT"],
        "user": database["USER"],
        "password": database["PASSWORD"],
        "database": database["NAME"],
    }
    options = cast("dict[str, Any]", database.get("OPTIONS") or {})
    shared = {name: options[name] for name in _SHARED_OPTIONS if name in options}
    values = {name: value for name, value in words.items() if value}
    return values | {"dsn": f"postgresql://?{urlencode(shared)}"} if shared else values


@contextmanager
def _database() -> Iterator[None]:
    """Use Django's database where no request begins or ends.

    Nobody else would close a connection there, or replace one that was lost.
    ConnectionError when the database does not answer, as from asyncpg.
    """
    try:
        yield
    except (DatabaseError, InterfaceError) as error:
        message = f"the database does not answer: {error}"
        raise ConnectionError(message) from error
    finally:
        close_old_connections()


def _now() -> datetime:
    with _database():
        return clock.now()


def _wall() -> datetime:
    with _database():
        return clock.wall()


async def _may_listen(scope: Scope) -> bool:
    return await sync_to_async(_is_signed_in)(header(scope, "cookie"))


def _is_signed_in(cookies: str) -> bool:
    try:
        found = SimpleCookie(cookies).get(settings.SESSION_COOKIE_NAME)
    except CookieError:
        return False
    if found is None or "\0" in found.value:
        return False
    request = HttpRequest()
    with _database():
        request.session = SessionStore(found.value)
        request.user = get_user(request)
        if accounts.lacks_second_factor(request.user):
            return False
        return may(request, Permission.VIEW_INCIDENTS)


async def _starting(_scope: Scope, _receive: Receive, send: Send) -> None:
    content = {"status": "refused", "reason": "starting"}
    await answer_json(send, 503, content, headers=(("retry-after", "1"),))


application = WatchbillApplication()
