"""The intake: where sources post. A bare ASGI application, because it is hot.

``POST /intake/<kind>/<key>``, or ``POST /intake/<kind>`` with the key as
``Authorization: Bearer``. Answers:

====  ==============================================================================
202   The post is on disk and will be folded (I1).
400   Not the format of this kind; the body says where. Nothing is stored.
401   No key, or one that names no integration.
403   The key is revoked, or belongs to an integration of another kind.
404   There is no such kind.
405   Not a POST.
413   Longer than :data:`MAX_BODY`, or more alerts than :data:`MAX_SIGNALS`.
415   Compressed or otherwise encoded.
503   Overloaded, or the database does not answer; send again. Never 429, on which
      Alertmanager drops the notification (wire formats, section 5).
====  ==============================================================================

Every refusal is counted by reason and hour and shown on the console (S4.1-11).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from watchbill.integrations.contract import Inbound, PayloadError
from watchbill.server import tokens
from watchbill.server.intake.commit import GroupCommit, NotStoredError, OverloadedError
from watchbill.server.intake.pool import borrowed
from watchbill.server.intake.rejections import Rejections
from watchbill.server.web.http import (
    Receive,
    Scope,
    Send,
    answer_json,
    header,
    remote,
)

MAX_BODY = 5 * 1024 * 1024

MAX_SIGNALS = 2_000
"""More in one post would hold up the posts behind it."""

_MAX_DRAIN = 32 * 1024 * 1024
"""A longer body is read to its end, up to here, so that the answer is heard."""

LOOK_UP_TIMEOUT = 5.0
"""Seconds that the database has to tell what a key is."""

_KEY_LIFETIME = 10.0
"""Seconds for which a key is believed without asking the database again."""

_MAX_KEYS = 10_000

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Known:
    integration_id: int
    kind: str
    is_revoked: bool
    until: float


class Refusal(Exception):
    """A post that is not taken, with the answer that says why."""

    def __init__(
        self,
        status: int,
        reason: str,
        problem: str,
        *,
        where: str = "",
        hint: str = "",
        integration_id: int | None = None,
    ) -> None:
        super().__init__(problem)
        self.status = status
        self.reason = reason
        self.where = where
        self.hint = hint
        self.integration_id = integration_id


class Intake:
    """The application; :meth:`start` and :meth:`stop` belong to the lifespan."""

    def __init__(
        self,
        sources: dict[str, Inbound],
        pool: asyncpg.Pool,
        now: Callable[[], Awaitable[datetime]],
    ) -> None:
        self._sources = sources
        self._pool = pool
        self._keys: dict[str, _Known] = {}
        self._commit = GroupCommit(pool, now)
        self._rejections = Rejections(pool, now)

    async def start(self) -> None:
        """Start the writers."""
        self._commit.start()
        self._rejections.start()

    async def stop(self) -> None:
        """Store what waits, then end."""
        await self._commit.stop()
        await self._rejections.stop()

    def forget_keys(self) -> None:
        """Ask the database again for every key, because some key changed."""
        self._keys.clear()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request below ``/intake/``."""
        try:
            count = await self._accept(scope, receive)
        except Refusal as refusal:
            self._rejections.count(refusal, remote(scope))
            await _answer_refusal(send, refusal)
        else:
            await answer_json(send, 202, {"status": "accepted", "signals": count})

    async def _accept(self, scope: Scope, receive: Receive) -> int:
        """Store a post; return how many signals it holds."""
        kind, _, in_path = scope["path"].removeprefix("/intake/").partition("/")
        source = self._sources.get(kind)
        if source is None:
            known = ", ".join(sorted(self._sources))
            raise Refusal(
                404, "unknown_kind", f"there is no kind {kind!r}", hint=f"use {known}"
            )
        if scope["method"] != "POST":
            raise Refusal(405, "not_a_post", "only POST is understood here")
        integration_id = await self._authenticate(kind, in_path or _bearer(scope))
        body = await _read(scope, receive, integration_id)
        signals = _parse(source, body, integration_id)
        if signals > MAX_SIGNALS:
            raise Refusal(
                413,
                "too_many",
                f"{signals} alerts in one post, and no more than {MAX_SIGNALS} may be",
                hint="set max_alerts in the sender's receiver",
                integration_id=integration_id,
            )
        await self._store(integration_id, body)
        return signals

    async def _authenticate(self, kind: str, key: str) -> int:
        if not key:
            raise Refusal(
                401,
                "no_key",
                "no integration key",
                hint="put it at the end of the URL, or send Authorization: Bearer KEY",
            )
        known = await self._look_up(tokens.digest(key))
        if known is None:
            raise Refusal(401, "unknown_key", "this key belongs to no integration")
        if known.is_revoked:
            raise Refusal(
                403,
                "revoked_key",
                "this key has been revoked",
                integration_id=known.integration_id,
            )
        if known.kind != kind:
            raise Refusal(
                403,
                "wrong_kind",
                f"this key belongs to an integration of kind {known.kind!r}",
                hint=f"post to /intake/{known.kind}",
                integration_id=known.integration_id,
            )
        return known.integration_id

    async def _look_up(self, digest: str) -> _Known | None:
        clock = asyncio.get_running_loop().time()
        known = self._keys.get(digest)
        if known is not None and known.until > clock:
            return known
        try:
            row = await self._ask(digest)
        except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            logger.exception("an integration key could not be looked up")
            raise _unavailable() from None
        if row is None:
            return None
        if len(self._keys) >= _MAX_KEYS:
            self._keys.clear()
        found = _Known(row[0], row[1], row[2], clock + _KEY_LIFETIME)
        self._keys[digest] = found
        return found

    async def _ask(self, digest: str) -> "asyncpg.Record | None":
        async with (
            asyncio.timeout(LOOK_UP_TIMEOUT),
            borrowed(self._pool) as connection,
        ):
            return await connection.fetchrow(
                "SELECT id, kind, revoked_at IS NOT NULL"
                " FROM watchbill_integration WHERE key_hash = $1",
                digest,
            )

    async def _store(self, integration_id: int, body: bytes) -> None:
        try:
            await self._commit.store(integration_id, body)
        except OverloadedError:
            raise Refusal(
                503,
                "overloaded",
                "too many posts wait to be stored",
                hint="send it again in a moment",
                integration_id=integration_id,
            ) from None
        except NotStoredError:
            raise _unavailable(integration_id) from None


def _unavailable(integration_id: int | None = None) -> Refusal:
    return Refusal(
        503,
        "not_stored",
        "the database did not confirm the post",
        hint="send it again in a moment",
        integration_id=integration_id,
    )


def _bearer(scope: Scope) -> str:
    scheme, _, key = header(scope, "authorization").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


async def _read(scope: Scope, receive: Receive, integration_id: int) -> bytes:
    encoding = header(scope, "content-encoding")
    parts: list[bytes] = []
    size = 0
    more = True
    while more and size <= _MAX_DRAIN:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refusal(400, "cut_off", "the client went away in the middle")
        part = message.get("body", b"")
        size += len(part)
        if size <= MAX_BODY:
            parts.append(part)
        more = message.get("more_body", False)
    if size > MAX_BODY:
        raise Refusal(
            413,
            "too_large",
            f"the body is longer than {MAX_BODY // 1024 // 1024} MiB",
            hint="send fewer alerts at once",
            integration_id=integration_id,
        )
    if encoding not in {"", "identity"}:
        raise Refusal(
            415,
            "encoded",
            f"the content encoding {encoding!r} is not understood",
            hint="send plain JSON",
            integration_id=integration_id,
        )
    return b"".join(parts)


def _parse(source: Inbound, body: bytes, integration_id: int) -> int:
    try:
        return len(source.parse(body))
    except PayloadError as error:
        raise Refusal(
            400,
            "bad_payload",
            error.problem,
            where=error.where,
            hint=error.hint,
            integration_id=integration_id,
        ) from None


async def _answer_refusal(send: Send, refusal: Refusal) -> None:
    headers: tuple[tuple[str, str], ...] = ()
    if refusal.status == 503:
        headers = (("retry-after", "1"),)
    elif refusal.status == 401:
        headers = (("www-authenticate", 'Bearer realm="watchbill"'),)
    elif refusal.status == 405:
        headers = (("allow", "POST"),)
    content = {
        "status": "refused",
        "reason": refusal.reason,
        "problem": str(refusal),
        "where": refusal.where,
        "hint": refusal.hint,
    }
    shown = {name: text for name, text in content.items() if text}
    await answer_json(send, refusal.status, shown, headers=headers)
