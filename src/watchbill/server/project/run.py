"""Running watchbill: database, migrations, plan, engine, web server, in one process.

Everything is entered in that order and left in the opposite one, on SIGINT and
SIGTERM alike: the web server stops taking requests, the engine finishes what it is
doing, and the database goes last.
"""

import logging
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

import django
import uvicorn
from django.db import connections

from watchbill import postgres
from watchbill.postgres import OwnedServer
from watchbill.server.project import database, env, listening
from watchbill.server.project.options import Options
from watchbill.server.project.secret import secret_key

if TYPE_CHECKING:
    from watchbill.server.project.doorway import Doorway
    from watchbill.server.project.setup import Installation

_NOT_STARTED = 3
"""The exit code of uvicorn for an application that does not start."""

logger = logging.getLogger("watchbill")

Tell = Callable[[str], None]


@contextmanager
def installation(options: Options) -> Iterator["Installation"]:
    """Open an installation for a command that may run beside ``up``.

    LookupError when there is none: a command must not make a new one by mistake.
    """
    if not options.database_url and not (options.data_dir / "postgres").exists():
        message = (
            f"there is no installation in {options.data_dir.absolute()};"
            " name its directory with --data-dir, or its database with --database-url"
        )
        raise LookupError(message)
    prepare_settings(options)
    with database.use(options.data_dir, options.database_url):
        setup = _setup()
        installed = setup.prepare(options, greet=False)
        with setup.by_command():
            yield installed


def run(
    options: Options,
    tell: Tell,
    *,
    beside: Callable[["Installation"], None] | None = None,
    before: Callable[[], None] | None = None,
) -> None:
    """Run until a signal ends it.

    ``before`` is called once there is a database, ``beside`` once pages are answered.

    Raises postgres.PostgresError when there is no safe database, and
    listening.AddressUnusableError when the port is taken, before anything is written.
    """
    with listening.take(options.host, options.port) as taken:
        _run(options, tell, taken, beside=beside, before=before)


def _run(
    options: Options,
    tell: Tell,
    taken: socket.socket,
    *,
    beside: Callable[["Installation"], None] | None,
    before: Callable[[], None] | None,
) -> None:
    prepare_settings(options)
    with (
        postgres.unwind_on_sigterm(),
        database.serve(options.data_dir, options.database_url) as embedded,
    ):
        setup = _setup()
        if before is not None:
            before()
        installed = setup.prepare(options, greet=True)
        for line in installed.greeting:
            tell(line)
        with setup.engine(options), _restarting(embedded):
            _serve(installed, taken, beside, workers=options.intake_workers)


def _setup() -> ModuleType:
    """Import what reads Django's settings, which are complete only now."""
    django.setup()
    return import_module("watchbill.server.project.setup")


def _serve(
    installed: "Installation",
    taken: socket.socket,
    beside: Callable[["Installation"], None] | None,
    *,
    workers: int,
) -> None:
    server = _Server(
        uvicorn.Config(
            installed.application,
            lifespan="on",
            log_level="warning",
            access_log=False,
            server_header=False,
            date_header=True,
            proxy_headers=env.flag("WATCHBILL_BEHIND_PROXY"),
            timeout_graceful_shutdown=5,
        ),
        end_streams=installed.application.end_streams,
    )
    server.doorway = installed.doorway(server, taken, workers=workers)
    if beside is not None:
        threading.Thread(
            target=_once_started, args=(server, installed, beside), daemon=True
        ).start()
    with suppress(KeyboardInterrupt):  # uvicorn raises it again once it has stopped
        server.run(sockets=[])
    if not server.started:  # it has said why
        sys.exit(_NOT_STARTED)


class _Server(uvicorn.Server):
    """Ends the streams of live updates first, which would keep it waiting."""

    def __init__(
        self, config: uvicorn.Config, *, end_streams: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._end_streams = end_streams
        self.doorway: Doorway | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.doorway is not None and self.started:
            await self.doorway.open()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._end_streams()
        if self.doorway is not None:
            await self.doorway.close()
        await super().shutdown(sockets)


def _once_started(
    server: uvicorn.Server,
    installed: "Installation",
    beside: Callable[["Installation"], None],
) -> None:
    pause = threading.Event()
    while not server.started:
        if server.should_exit:
            return
        pause.wait(0.05)
    try:
        beside(installed)
    finally:
        connections.close_all()


@contextmanager
def _restarting(embedded: OwnedServer | None) -> Iterator[None]:
    """Start the embedded database again when it dies under us."""
    if embedded is None:
        yield
        return
    leaving = threading.Event()
    watcher = threading.Thread(target=_watch, args=(embedded, leaving), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        leaving.set()
        watcher.join(10)


def _watch(embedded: OwnedServer, leaving: threading.Event) -> None:
    while not leaving.is_set():
        if embedded.wait_closed(timedelta(seconds=1)) and not leaving.is_set():
            logger.error("the embedded database ended; starting it again")
            try:
                embedded.restart_if_dead()
            except (postgres.PostgresError, OSError):
                logger.exception("the embedded database cannot be started")
                leaving.wait(5)


def prepare_settings(options: Options) -> None:
    """Say by the environment what Django's settings will read."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "watchbill.server.project.settings"
    os.environ["WATCHBILL_BASE_URL"] = options.url
    given = os.environ.get("WATCHBILL_SECRET_KEY") or os.environ.get(
        "WATCHBILL_SECRET_KEY_FILE"
    )
    if not given:
        os.environ["WATCHBILL_SECRET_KEY"] = secret_key(options.data_dir)
