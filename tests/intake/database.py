"""A database that hangs, or is gone, as seen by the application under test."""

import asyncio
from types import TracebackType
from typing import Any, Self

import asyncpg
import psycopg
from django.db import connection
from psycopg import sql

from tests.server.asgi import PATIENCE
from watchbill.server.project.asgi import _connection_values


class Locked:
    """A session that holds a table, so that others wait as they would for a dead disk.

    With a ``row`` it holds that one only.

    It does not belong to the application, and reads its locks from outside.
    """

    def __init__(self, table: str, *, row: int | None = None) -> None:
        self._take = (
            f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"
            if row is None
            else f"SELECT FROM {table} WHERE id = {row} FOR UPDATE"
        )
        self._connection: asyncpg.Connection[Any]

    async def __aenter__(self) -> Self:
        self._connection = await asyncpg.connect(**_connection_values())
        await self._connection.execute(f"BEGIN; {self._take}")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._connection.close()

    async def until_somebody_waits(self) -> None:
        async with asyncio.timeout(PATIENCE):
            while not await self._connection.fetchval(
                "SELECT count(*) FROM pg_locks WHERE NOT granted"
            ):
                await asyncio.sleep(0.005)


def close_the_door() -> None:
    """Let nobody connect any more, and throw everybody out."""
    _from_next_door("ALTER DATABASE {} WITH ALLOW_CONNECTIONS false")
    _from_next_door("SELECT pg_terminate_backend(pid) FROM pg_stat_activity" + _OTHERS)


def open_the_door() -> None:
    """Let everybody connect again."""
    _from_next_door("ALTER DATABASE {} WITH ALLOW_CONNECTIONS true")


def end_backend(pid: int) -> None:
    """End one session, and wait until its server process is gone."""
    _from_next_door(f"SELECT pg_terminate_backend({pid}, 5000)")


def backends() -> list[int]:
    """Return the server processes of all sessions on the database of the tests."""
    rows = _from_next_door("SELECT pid FROM pg_stat_activity" + _OTHERS)
    return [pid for (pid,) in rows]


_OTHERS = " WHERE datname = {} AND backend_type = 'client backend'"


def _from_next_door(statement: str) -> list[tuple[Any, ...]]:
    """Run a statement on another database of the same server."""
    values: dict[str, Any] = dict(connection.get_connection_params())
    keep = ("host", "port", "user", "password")
    words = {name: values[name] for name in keep if values.get(name)}
    name = connection.settings_dict["NAME"]
    with psycopg.connect(**words, dbname="postgres", autocommit=True) as other:
        is_query = "SELECT" in statement
        quoted = sql.Literal(name) if is_query else sql.Identifier(name)

        cursor = other.execute(sql.SQL(statement).format(quoted))
        return cursor.fetchall() if is_query else []
