"""Group commit: many posts, one transaction, one flush to disk.

A post waits until the commit that holds it has returned; only then is it answered
2xx (I1). Posts that arrive while a commit runs gather for the next one, so that
under load one flush serves hundreds of posts and a single post waits for no timer.

What waits is bounded in number and in bytes. Beyond that a post is refused with
:class:`OverloadedError`, which the sender sees as 503: Alertmanager drops what is
answered with 429. A commit whose result is unknown fails its posts: the sender
tries again, and a post stored twice folds into the same alert.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from watchbill.server.intake.pool import borrowed
from watchbill.server.web.live import WAKE_CHANNEL

MAX_BATCH = 500
MAX_WAITING = 20_000
MAX_WAITING_BYTES = 128 * 1024 * 1024
COMMIT_TIMEOUT = 10.0
"""Seconds after which a commit counts as lost."""

#: One statement is one transaction, and one round trip.
_INSERT = """
WITH stored AS (
    INSERT INTO watchbill_inboxentry
        (integration_id, received_at, body, failures, error)
    SELECT integration_id, $1, body, 0, ''
    FROM unnest($2::bigint[], $3::bytea[]) AS post (integration_id, body)
)
SELECT pg_notify($4, '')
"""

logger = logging.getLogger(__name__)


class OverloadedError(Exception):
    """More posts wait than may; the sender should come back."""


class NotStoredError(Exception):
    """The commit failed or its result is unknown; the sender should send again."""


@dataclass(frozen=True, slots=True)
class _Post:
    integration_id: int
    body: bytes
    stored: asyncio.Future[None]


class GroupCommit:
    """Stores posts; one writer task, one connection at a time."""

    def __init__(
        self, pool: asyncpg.Pool, now: Callable[[], Awaitable[datetime]]
    ) -> None:
        self._pool = pool
        self._now = now
        self._waiting: list[_Post] = []
        self._bytes = 0
        self._arrived = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the writer in the running event loop."""
        self._writer = asyncio.create_task(self._write_for_ever())

    async def stop(self) -> None:
        """Store what waits, then end the writer."""
        while self._waiting:
            await asyncio.sleep(0.01)
        if self._writer is not None:
            self._writer.cancel()

    async def store(self, integration_id: int, body: bytes) -> None:
        """Return once the post is durable.

        Raises OverloadedError before accepting it, NotStoredError when the commit
        failed or nobody can tell.
        """
        full = len(self._waiting) >= MAX_WAITING
        if full or self._bytes + len(body) > MAX_WAITING_BYTES:
            raise OverloadedError
        stored = asyncio.get_running_loop().create_future()
        self._waiting.append(_Post(integration_id, body, stored))
        self._bytes += len(body)
        self._arrived.set()
        await stored

    async def _write_for_ever(self) -> None:
        while True:
            await self._arrived.wait()
            batch = self._waiting[:MAX_BATCH]
            await self._write(batch)
            del self._waiting[: len(batch)]
            self._bytes -= sum(len(post.body) for post in batch)
            if not self._waiting:
                self._arrived.clear()

    async def _write(self, batch: list[_Post]) -> None:
        try:
            async with asyncio.timeout(COMMIT_TIMEOUT):
                await self._commit(batch)
        except Exception:  # the writer must outlive every error: no other follows it
            logger.exception("%s posts could not be stored", len(batch))
            for post in batch:
                if not post.stored.done():
                    post.stored.set_exception(NotStoredError())
            return
        for post in batch:
            if not post.stored.done():
                post.stored.set_result(None)

    async def _commit(self, batch: list[_Post]) -> None:
        now = await self._now()
        async with borrowed(self._pool) as connection:
            await connection.execute(
                _INSERT,
                now,
                [post.integration_id for post in batch],
                [post.body for post in batch],
                WAKE_CHANNEL,
            )
