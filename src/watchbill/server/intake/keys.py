"""Who posts: the key of a request, and what it opens.

A key comes as the first part of the path, or in ``Authorization``: as ``Bearer``,
``GenieKey`` or ``Token``, whichever the source names, or as the password of ``Basic``.

Keys are remembered, so that a known one costs no question to the database. What is
remembered is dropped when any key changes, which the database tells (``LISTEN``); if
that hint is lost, it is believed for :data:`_LIFETIME` seconds and never beyond the
instant at which the key expires. Unknown keys are remembered too, for a shorter time,
in a memory of their own that cannot push known ones out. All keys asked for while a
question is under way are asked for together by the next one: a flood of wrong keys,
each another one, costs one connection and not one question each.
"""

import asyncio
import base64
import binascii
import json
import logging
import re
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

import asyncpg
from django.db.models import Q
from django.http import HttpRequest

from watchbill.integrations.sources import Config, Source
from watchbill.server import clock, tokens
from watchbill.server.audit.acting import known_as
from watchbill.server.audit.models import ActorKind
from watchbill.server.faults import UNANSWERED
from watchbill.server.intake.models import Integration, IntegrationKey, Scope
from watchbill.server.intake.pool import borrowed
from watchbill.server.intake.refusal import Refusal, not_stored
from watchbill.server.intake.rejections import count_now
from watchbill.server.sealing import SealError, unseal

LOOK_UP_TIMEOUT = 5.0
"""Seconds that the database has to tell what keys are."""

_LIFETIME = 10.0
_UNKNOWN_LIFETIME = 2.0
_MAX_KEYS = 10_000
_MAX_ASKED = 10_000
"""More keys than this do not wait for the next question."""

_MAX_LENGTH = 500
"""No key is longer; a longer one is not even looked for."""

_USED_EVERY = timedelta(minutes=1)
_NOTE_EVERY = 10.0
"""Seconds between two looks at which keys were used."""

_LOOK_UP = """
SELECT k.key_hash, k.id, i.id, i.kind,
    i.revoked_at IS NOT NULL OR k.revoked_at IS NOT NULL
        OR coalesce(k.expires_at <= $2, false),
    k.expires_at, k.scopes, i.options, i.mapping, i.sealed_secret, i.per_minute
FROM watchbill_integrationkey k
JOIN watchbill_integration i ON i.id = k.integration_id
WHERE k.key_hash = ANY ($1::text[])
"""

_BY_ID = """
SELECT '', 0, id, kind, revoked_at IS NOT NULL,
    NULL::timestamptz, '["post"]', options, mapping, sealed_secret, per_minute
FROM watchbill_integration
WHERE id = $1 AND $2::timestamptz IS NOT NULL
"""

_USED = """
UPDATE watchbill_integrationkey SET last_used_at = $2::timestamptz
WHERE id = ANY ($1::bigint[])
    AND (last_used_at IS NULL OR last_used_at <= $2::timestamptz - interval '1 minute')
"""

logger = logging.getLogger(__name__)

Now = Callable[[], Awaitable[datetime]]


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose key it is, and whether it still counts."""

    integration_id: int
    kind: str
    is_revoked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened(Holder):
    """What a key opens: an integration, as it is set up."""

    key_id: int
    may_post: bool
    config: Config
    #: None when there is one that our secret key does not open.
    secret: str | None
    per_minute: int | None
    #: By the monotonic clock of the event loop.
    until: float


_H = TypeVar("_H", bound=Holder)


class KeyRing:
    """The keys that this process knows; for one event loop."""

    def __init__(self, pool: "asyncpg.Pool[Any]", now: Now) -> None:
        self._pool = pool
        self._now = now
        self._known: dict[str, Opened] = {}
        #: Digests of keys that open nothing, and until when that is believed.
        self._unknown: dict[str, float] = {}
        self._asked: dict[str, asyncio.Future[Opened | None]] = {}
        self._asking: asyncio.Task[None] | None = None
        self._noting: asyncio.Task[None] | None = None
        self._forgotten = 0
        self._used: set[int] = set()

    def __len__(self) -> int:
        """How many keys that open something are remembered."""
        return len(self._known)

    def start(self) -> None:
        """Start noting which keys are used, in the running event loop."""
        self._noting = asyncio.create_task(self._note_for_ever())

    async def stop(self) -> None:
        """Note the last uses, and end."""
        if self._noting is not None:
            self._noting.cancel()
        await self.write_used()

    def forget(self) -> None:
        """Ask the database again for every key, because some key changed."""
        self._forgotten += 1
        self._known.clear()
        self._unknown.clear()

    def known(self, key: str) -> Opened | None:
        """Return what a key opens, when that needs no question."""
        found = self._known.get(tokens.digest(key))
        if found is None or found.until <= asyncio.get_running_loop().time():
            return None
        self._use(found)
        return found

    async def open(self, key: str) -> Opened | None:
        """Return what a key opens; None for an unknown one.

        Raises `Refusal` when the database does not tell.
        """
        found = self.known(key)
        if found is not None or not key or len(key) > _MAX_LENGTH:
            return found
        digest = tokens.digest(key)
        if self._unknown.get(digest, 0.0) > asyncio.get_running_loop().time():
            return None
        asked = self._asked.get(digest)
        if asked is None:
            asked = self._ask_for(digest)
        # Several wait for one answer; whoever gives up may not take it from the rest.
        found = await asyncio.shield(asked)
        if found is not None:
            self._use(found)
        return found

    async def integration(self, integration_id: int) -> Opened | None:
        """Return an integration that is not known by a key, such as that of a mailbox.

        Raises `Refusal` when the database does not tell.
        """
        try:
            rows = await self._fetch(_BY_ID, integration_id)
        except UNANSWERED:
            logger.exception("an integration could not be looked up")
            raise not_stored(integration_id) from None
        return rows[0][1] if rows else None

    async def write_used(self) -> None:
        """Note in the database which keys were used, each once a minute."""
        used, self._used = self._used, set()
        if not used:
            return
        try:
            async with (
                asyncio.timeout(LOOK_UP_TIMEOUT),
                borrowed(self._pool) as connection,
            ):
                await connection.execute(_USED, sorted(used), await self._now())
        except UNANSWERED:
            logger.warning("the use of %s keys could not be noted", len(used))

    async def _note_for_ever(self) -> None:
        while True:
            await asyncio.sleep(_NOTE_EVERY)
            await self.write_used()

    def _use(self, opened: Opened) -> None:
        self._used.add(opened.key_id)

    def _ask_for(self, digest: str) -> "asyncio.Future[Opened | None]":
        if len(self._asked) >= _MAX_ASKED:
            raise not_stored()
        asked: asyncio.Future[Opened | None] = (
            asyncio.get_running_loop().create_future()
        )
        self._asked[digest] = asked
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
        return asked

    async def _ask(self) -> None:
        while self._asked:
            asked, self._asked = self._asked, {}
            forgotten = self._forgotten
            try:
                rows = await self._fetch(_LOOK_UP, list(asked))
            except Exception:  # nobody else would answer those who wait
                logger.exception("%s integration keys were not looked up", len(asked))
                for waiting in asked.values():
                    waiting.set_exception(not_stored())
                    waiting.exception()  # whoever asked may be gone
                continue
            self._learn(asked, dict(rows), is_fresh=forgotten == self._forgotten)

    async def _fetch(self, query: str, wanted: object) -> list[tuple[str, Opened]]:
        loop = asyncio.get_running_loop()
        async with (
            asyncio.timeout(LOOK_UP_TIMEOUT),
            borrowed(self._pool) as connection,
        ):
            now = await self._now()
            rows = await connection.fetch(query, wanted, now)
        return [(row[0], _opened(row, now=now, at=loop.time())) for row in rows]

    def _learn(
        self,
        asked: dict[str, "asyncio.Future[Opened | None]"],
        rows: dict[str, Opened],
        *,
        is_fresh: bool,
    ) -> None:
        until = asyncio.get_running_loop().time() + _UNKNOWN_LIFETIME
        for digest, waiting in asked.items():
            found = rows.get(digest)
            if is_fresh and found is not None:
                _remember(self._known, digest, found)
            elif is_fresh:
                _remember(self._unknown, digest, until)
            waiting.set_result(found)


def _remember(memory: dict[str, Any], digest: str, what: object) -> None:
    if len(memory) >= _MAX_KEYS:
        del memory[next(iter(memory))]
    memory[digest] = what


def _opened(row: Any, *, now: datetime, at: float) -> Opened:
    expires_at, sealed = row[5], row[9]
    lasts = _LIFETIME
    if expires_at is not None and expires_at > now:
        lasts = min(lasts, (expires_at - now).total_seconds())
    return Opened(
        key_id=row[1],
        integration_id=row[2],
        kind=row[3],
        is_revoked=row[4],
        may_post=Scope.POST in json.loads(row[6]),
        config=Config(
            options=json.loads(row[7]), mapping=json.loads(row[8]) if row[8] else None
        ),
        secret=_secret(sealed),
        per_minute=row[10],
        until=at + lasts,
    )


def _secret(sealed: str) -> str | None:
    try:
        return unseal(sealed) if sealed else ""
    except SealError:
        return None


# ── Where a request has its key ─────────────────────────────────────────────────────

_LONG = re.compile(r"wbi_[A-Za-z0-9_-]{43}")
_SHORT = re.compile(r"[0-9a-z]{32}")


def is_like_a_key(text: str, source: Source) -> bool:
    """Whether a part of a path looks like a key and not like an address."""
    if _LONG.fullmatch(text):
        return True
    return source.has_short_key and _SHORT.fullmatch(text) is not None


def in_header(value: str, schemes: Collection[str]) -> str:
    """Return the key of an ``Authorization``; empty when it is of no such scheme."""
    scheme, _, rest = value.strip().partition(" ")
    scheme = scheme.lower()
    if scheme not in schemes:
        return ""
    return _password(rest.strip()) if scheme == "basic" else rest.strip()


def _password(encoded: str) -> str:
    try:
        text = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""
    return text.partition(":")[2]


def check(opened: _H | None, kinds: Collection[str], *, may: bool) -> _H:
    """Return what a key opens, or raise the `Refusal` that says why it does not."""
    if opened is None:
        raise unknown_key()
    known = opened.integration_id
    if opened.is_revoked:
        problem = "this key has been revoked"
        raise Refusal(403, "revoked_key", problem, integration_id=known)
    if opened.kind not in kinds:
        raise Refusal(
            403,
            "wrong_kind",
            f"this key belongs to an integration of kind {opened.kind!r}",
            hint=f"post to /intake/{opened.kind}",
            integration_id=known,
        )
    if not may:
        raise Refusal(
            403,
            "wrong_scope",
            "this key may not do that",
            hint="make a key with that scope on the page of the integration",
            integration_id=known,
        )
    return opened


CHALLENGE = (("www-authenticate", 'Bearer realm="watchbill"'),)


def unknown_key() -> Refusal:
    """Return the refusal of a key that opens nothing."""
    return Refusal(
        401, "unknown_key", "this key belongs to no integration", headers=CHALLENGE
    )


def no_key() -> Refusal:
    """Return the refusal of a request that shows no key."""
    return Refusal(
        401,
        "no_key",
        "no integration key",
        hint="put it at the end of the URL, or send Authorization: Bearer KEY",
        headers=CHALLENGE,
    )


_SCHEMES = frozenset({"bearer", "geniekey", "token", "basic"})


# ── For pages of Django ─────────────────────────────────────────────────────────────


def authenticate_request(
    request: HttpRequest, *, kinds: Collection[str], scope: Scope
) -> Integration | None:
    """Return the integration whose key a request shows, if it may do that.

    The key is looked for in the path (the route's ``key``), then in ``Authorization``.
    Refusals are counted and uses noted, as those of posts are.
    """
    try:
        found = _authenticate(request, kinds=kinds, scope=scope)
    except Refusal as refusal:
        count_now(refusal, request.META.get("REMOTE_ADDR", ""), now=clock.now())
        return None
    known_as(ActorKind.KEY, id=str(found.pk), name=found.name)
    return found


def _authenticate(
    request: HttpRequest, *, kinds: Collection[str], scope: Scope
) -> Integration:
    match = request.resolver_match
    shown = match.kwargs.get("key") if match is not None else None
    key = shown or in_header(request.headers.get("Authorization", ""), _SCHEMES)
    if not key:
        raise no_key()
    now = clock.now()
    row = (
        IntegrationKey.objects.select_related("integration")
        .filter(key_hash=tokens.digest(key))
        .first()
    )
    if row is None:
        raise unknown_key()
    check(_holder(row, now=now), kinds, may=scope in row.scopes)
    _note_use(row, now=now)
    return row.integration


def _holder(row: IntegrationKey, *, now: datetime) -> Holder:
    is_over = row.expires_at is not None and row.expires_at <= now
    return Holder(
        integration_id=row.integration_id,
        kind=row.integration.kind,
        is_revoked=is_over
        or row.revoked_at is not None
        or row.integration.revoked_at is not None,
    )


def _note_use(row: IntegrationKey, *, now: datetime) -> None:
    if row.last_used_at is not None and row.last_used_at > now - _USED_EVERY:
        return
    stale = Q(last_used_at=None) | Q(last_used_at__lte=now - _USED_EVERY)
    IntegrationKey.objects.filter(stale, pk=row.pk).update(last_used_at=now)
