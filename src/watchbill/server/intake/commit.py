"""Group commit: many posts, one transaction, one flush to disk.

A post waits until the commit that holds it has returned; only then is it answered
2xx (I1). Posts that arrive while a commit runs gather for the next one, so that
under load one flush serves hundreds of posts and a single post waits for no timer.
Two commits may be under way: while one waits for the disk, the other is prepared. Posts
of one sender that waits for each answer are stored in its order. Of posts whose sender
did not wait, or gave up waiting, either may be stored first, as with two workers.

What waits is bounded in number and in bytes, and shared fairly (``rooms.py``). Beyond
that a post is refused with `OverloadedError`, which the sender sees as 503:
Alertmanager drops what is answered with 429. A commit whose result is unknown fails
its posts: the sender tries again, and a post stored twice folds into the same alert.

A post that PostgreSQL will not take for what is in it must not fail its neighbors: the
batch is halved until it stands alone.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from watchbill.server.intake.pool import borrowed
from watchbill.server.intake.rooms import OverloadedError, WaitingRooms
from watchbill.server.web.live import INBOX_CHANNEL

__all__ = ["GroupCommit", "Held", "OverloadedError"]

MAX_BATCH = 500
MAX_BATCH_BYTES = 16 * 1024 * 1024
MAX_WAITING = 20_000
MAX_WAITING_BYTES = 128 * 1024 * 1024
COMMITS = 2
"""At once; more than two only make each of them smaller."""

COMMIT_TIMEOUT = 10.0
"""Seconds after which a commit counts as lost."""

#: One statement is one transaction, and one round trip.
_INSERT = """
WITH stored AS (
    INSERT INTO watchbill_inboxentry
        (integration_id, received_at, body, failures, error)
    SELECT integration_id, $1, body, 0, ''
    FROM unnest($3::bigint[], $4::bytea[]) AS post (integration_id, body)
)
SELECT pg_notify($2, '')
"""

_INSERT_WHOLE = """
WITH stored AS (
    INSERT INTO watchbill_inboxentry
        (integration_id, received_at, body, envelope, request_id, failures, error)
    SELECT integration_id, $1, body, envelope, request_id, 0, ''
    FROM unnest($3::bigint[], $4::bytea[], $5::jsonb[], $6::uuid[])
        AS post (integration_id, body, envelope, request_id)
)
SELECT pg_notify($2, '')
"""

_encode = msgspec.json.Encoder().encode

logger = logging.getLogger(__name__)


class Held:
    """One post on its way to the disk; ``done`` is told whether it got there.

    ``done`` is called once, from the writer, and must return quickly.
    """

    __slots__ = ("body", "done", "envelope", "integration_id", "request_id", "size")

    def __init__(
        self,
        integration_id: int,
        body: bytes,
        done: Callable[[bool], None],
        *,
        envelope: dict[str, Any] | None = None,
        request_id: UUID | None = None,
    ) -> None:
        self.integration_id = integration_id
        self.body = body
        self.done = done
        self.envelope = _encode(envelope).decode() if envelope else None
        self.request_id = request_id
        self.size = len(body) + (len(self.envelope) if self.envelope else 0)


class GroupCommit:
    """Stores posts; each writer is a task with one connection at a time."""

    def __init__(
        self, pool: "asyncpg.Pool[Any]", now: Callable[[], Awaitable[datetime]]
    ) -> None:
        self._pool = pool
        self._now = now
        self._rooms: WaitingRooms[Held] = WaitingRooms(
            most=MAX_WAITING, most_bytes=MAX_WAITING_BYTES
        )
        self._arrived = asyncio.Event()
        self._writers: list[asyncio.Task[None]] = []

    @property
    def rooms(self) -> "WaitingRooms[Held]":
        """What waits."""
        return self._rooms

    def start(self) -> None:
        """Start the writers in the running event loop."""
        self._writers = [
            asyncio.create_task(self._write_for_ever()) for _ in range(COMMITS)
        ]

    async def stop(self) -> None:
        """Store what waits, then end the writers."""
        while len(self._rooms):
            await asyncio.sleep(0.01)
        for writer in self._writers:
            writer.cancel()

    def put(self, held: Held) -> None:
        """Take a post in; `OverloadedError` when its room is full."""
        self._rooms.enter(held)
        self._arrived.set()

    async def _write_for_ever(self) -> None:
        rooms = self._rooms
        while True:
            await self._arrived.wait()
            batch = rooms.take(most=MAX_BATCH, most_bytes=MAX_BATCH_BYTES)
            if not rooms.has_next:
                self._arrived.clear()
            if batch:  # or the other writer was faster
                await self._write(batch)
                rooms.leave(batch)

    async def _write(self, batch: list[Held]) -> None:
        try:
            async with asyncio.timeout(COMMIT_TIMEOUT):
                await self._commit(batch)
        except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError):
            if len(batch) > 1:
                half = len(batch) // 2
                await self._write(batch[:half])
                await self._write(batch[half:])
                return
            logger.exception("a post cannot be stored as it is")
            _tell(batch, is_stored=False)
        except Exception:  # the writer must outlive every error: no other follows it
            logger.exception("%s posts could not be stored", len(batch))
            _tell(batch, is_stored=False)
        else:
            _tell(batch, is_stored=True)

    async def _commit(self, batch: list[Held]) -> None:
        now = await self._now()
        columns: list[list[Any]] = [
            [held.integration_id for held in batch],
            [held.body for held in batch],
        ]
        statement = _INSERT
        if any(held.envelope or held.request_id for held in batch):
            statement = _INSERT_WHOLE
            columns.append([held.envelope for held in batch])
            columns.append([held.request_id for held in batch])
        async with borrowed(self._pool) as connection:
            await connection.execute(statement, now, INBOX_CHANNEL, *columns)


def _tell(batch: list[Held], *, is_stored: bool) -> None:
    for held in batch:
        try:
            held.done(is_stored)
        except Exception:  # whoever waited for one post may not fail the others
            logger.exception("the sender of a post could not be told")
