"""Counting what the intake refuses, without letting a flood of it hurt.

Refusals are counted in memory by reason, hour and integration, with the latest
example of each, and written once a second: a million wrong keys cost one row. The
count of the last second may be lost in a crash; it is a statistic, unlike a post.

Django's pages that take keys count here too (`count_now`), and write each at once:
there are never many of them at a time.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import asyncpg
from django.db import connection as django_connection

from watchbill.server.faults import UNANSWERED
from watchbill.server.intake.pool import borrowed
from watchbill.server.web.live import LIVE_CHANNEL

_EVERY = 1.0
_TIMEOUT = 5.0

_UPSERT = """
INSERT INTO watchbill_intakerejection
    (reason, hour, integration_id, count, last_at, last_detail, last_remote)
VALUES ($1, date_trunc('hour', $2::timestamptz), $3, $4, $2, $5, $6)
ON CONFLICT (reason, hour, integration_id) DO UPDATE SET
    count = watchbill_intakerejection.count + excluded.count,
    last_at = excluded.last_at,
    last_detail = excluded.last_detail,
    last_remote = excluded.last_remote
"""

logger = logging.getLogger(__name__)


class Refused(Protocol):
    """What is counted of a refusal."""

    reason: str
    where: str
    integration_id: int | None


@dataclass(slots=True)
class _Tally:
    count: int = 0
    detail: str = ""
    remote: str = ""

    def add(self, refused: Refused, remote: str) -> None:
        self.count += 1
        self.detail = ": ".join(
            text for text in (refused.where, str(refused)) if text
        ).replace("\0", "\ufffd")[:500]
        self.remote = remote[:64]


class Rejections:
    """The counters, and the task that writes them."""

    def __init__(
        self, pool: "asyncpg.Pool[Any]", now: Callable[[], Awaitable[datetime]]
    ) -> None:
        self._pool = pool
        self._now = now
        self._tallies: dict[tuple[str, int | None], _Tally] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start writing in the running event loop."""
        self._task = asyncio.create_task(self._write_for_ever())

    async def stop(self) -> None:
        """Write what was counted, and end."""
        if self._task is not None:
            self._task.cancel()
        await self._write()

    def count(self, refused: Refused, remote: str) -> None:
        """Count one refusal."""
        key = (refused.reason, refused.integration_id)
        tally = self._tallies.get(key)
        if tally is None:
            tally = self._tallies[key] = _Tally()
        tally.add(refused, remote)

    async def _write_for_ever(self) -> None:
        while True:
            await asyncio.sleep(_EVERY)
            await self._write()

    async def _write(self) -> None:
        if not self._tallies:
            return
        tallies, self._tallies = self._tallies, {}
        try:
            async with asyncio.timeout(_TIMEOUT):
                await self._store(tallies)
        except UNANSWERED:
            logger.warning("the refusals of one second could not be counted")

    async def _store(self, tallies: dict[tuple[str, int | None], _Tally]) -> None:
        now = await self._now()
        rows = [
            (reason, now, integration, t.count, t.detail, t.remote)
            for (reason, integration), t in tallies.items()
        ]
        async with borrowed(self._pool) as connection:
            await connection.executemany(_UPSERT, rows)
            await connection.execute(
                "SELECT pg_notify($1, $2)", LIVE_CHANNEL, '{"topic": "intake"}'
            )


# ── For pages of Django ─────────────────────────────────────────────────────────────


def count_now(refused: Refused, remote: str, *, now: datetime) -> None:
    """Count one refusal at once, where there is no event loop."""
    tally = _Tally()
    tally.add(refused, remote)
    values = (
        refused.reason,
        now,
        refused.integration_id,
        tally.count,
        tally.detail,
        tally.remote,
    )
    with django_connection.cursor() as cursor:
        cursor.execute(_UPSERT_OF_DJANGO, dict(zip("abcdef", values, strict=True)))


#: The same statement in the other driver's words.
_UPSERT_OF_DJANGO = _UPSERT
for _place, _name in enumerate("abcdef", start=1):
    _UPSERT_OF_DJANGO = _UPSERT_OF_DJANGO.replace(f"${_place}", f"%({_name})s")
