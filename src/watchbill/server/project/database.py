"""The database of a run: embedded by default, or the one that is given."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from watchbill import postgres
from watchbill.postgres import OwnedServer
from watchbill.postgres.lock import holder_of, is_free

logger = logging.getLogger(__name__)

_MIGRATION_LOCK = 0x7761746368
"""Any number that nothing else locks: "watch" in ASCII."""


@contextmanager
def serve(data_dir: Path, given_url: str) -> Iterator[OwnedServer | None]:
    """Make ``DATABASE_URL`` lead to a safe database for as long as the block lasts.

    Yields the embedded server, or None when a URL was given. Raises
    postgres.PostgresError, UnsafeServer among them, before anything is written.
    """
    if given_url:
        _require_durability(given_url)
        os.environ["DATABASE_URL"] = given_url
        yield None
        return
    directory = data_dir / "postgres"
    _announce_wait(directory)
    with postgres.serve(directory, log=logger.info) as server:
        os.environ["DATABASE_URL"] = server.url
        yield server


@contextmanager
def use(data_dir: Path, given_url: str) -> Iterator[None]:
    """As :func:`serve`, for a command that may run beside ``up``."""
    if given_url:
        _require_durability(given_url)
        os.environ["DATABASE_URL"] = given_url
        yield
        return
    with postgres.join_or_serve(data_dir / "postgres") as server:
        os.environ["DATABASE_URL"] = server.url
        yield


@contextmanager
def alone() -> Iterator[None]:
    """Let one process at a time migrate; the others wait.

    The lock belongs to a transaction and not to a session, so that no pooler can
    strand it (reliability study, no. 21).
    """
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_MIGRATION_LOCK])
        yield


def _announce_wait(directory: Path) -> None:
    """Say for whom we wait: one that stays is a mistake that nobody would see."""
    owner = directory / "owner.lock"
    if not is_free(owner):
        logger.warning(
            "The data directory %s is in use by %s; waiting until it has stopped.",
            directory,
            holder_of(owner),
        )


def _require_durability(url: str) -> None:
    try:
        with psycopg.connect(url, connect_timeout=10) as connection:
            postgres.require_durability(connection)
    except psycopg.OperationalError as error:
        message = f"The database of DATABASE_URL cannot be reached: {error}"
        raise postgres.PostgresError(message) from error
