"""The intake's desk: what is asked of every post, whatever carried it here.

ASGI, the fast lane and the mail server bring requests; the desk finds out whose they
are, reads them, keeps them and says what to answer. Everything that needs no waiting
is done without waiting: with a known key one call leads from the bytes to the queue of
the next commit, and the answer comes by a callback.

The order of the questions is the order of their costs: the address, the key, the
budget, the signature, the format. A source's module reads the post here only to
refuse what is not its format while the sender still listens; what is folded is what
was stored. If the module fails, which it must not, the post is stored nevertheless:
the fold will set it aside where people see it, and nothing is lost.
"""

import logging
import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

import asyncpg

from watchbill.integrations.contract import PayloadError, SignatureError
from watchbill.integrations.mapper import UnmappedError
from watchbill.integrations.sources import (
    Accepted,
    Inbound,
    Post,
    PostReply,
    Reading,
    Source,
)
from watchbill.server.intake import encodings, keys, replies
from watchbill.server.intake.budget import Budget
from watchbill.server.intake.commit import GroupCommit, Held, OverloadedError
from watchbill.server.intake.keys import KeyRing, Opened
from watchbill.server.intake.posts import envelope_of
from watchbill.server.intake.refusal import Refusal, not_stored
from watchbill.server.intake.rejections import Rejections
from watchbill.server.intake.routes import Route, Routes

MAX_SIGNALS = 2_000
"""More in one post would hold up the posts behind it."""

_MAX_FIELDS = 200
"""Of a query; more are no request of any product."""

logger = logging.getLogger(__name__)

Reply = Callable[[PostReply], None]
RawHeaders = list[tuple[bytes, bytes]]


class UnroutedError(RuntimeError):
    """The desk was asked about a request of which nobody has found the route."""


class Visit:
    """One request at the desk, from its head to its answer."""

    __slots__ = (
        "_route",
        "_uuid",
        "began_at",
        "headers",
        "method",
        "opened",
        "query",
        "remote",
    )

    def __init__(
        self,
        method: str,
        query: bytes,
        headers: RawHeaders,
        remote: str,
        *,
        began_at: float,
    ) -> None:
        self.method = method
        self.query = query
        #: Names in lower case.
        self.headers = headers
        self.remote = remote
        #: By the monotonic clock of the event loop.
        self.began_at = began_at
        self._route: Route | None = None
        self.opened: Opened | None = None
        self._uuid: uuid.UUID | None = None

    @property
    def uuid(self) -> uuid.UUID:
        """The name of the request, made when it is first asked for."""
        if self._uuid is None:
            self._uuid = uuid.uuid4()
        return self._uuid

    @property
    def route(self) -> Route:
        """Where it leads; `UnroutedError` before somebody has found that out."""
        if self._route is None:
            message = f"a {self.method} is at the desk before its route was found"
            raise UnroutedError(message)
        return self._route

    @route.setter
    def route(self, found: Route) -> None:
        self._route = found

    @property
    def source(self) -> Inbound | None:
        """What reads it; None while nobody knows, as when there is no such kind."""
        return None if self._route is None else self._route.source

    def header(self, name: bytes) -> str:
        """Return a header, empty when absent; the first one when there are several."""
        for key, value in self.headers:
            if key == name:
                return value.decode("latin-1")
        return ""


class Desk:
    """Takes posts for one event loop."""

    def __init__(
        self,
        routes: Routes,
        pool: "asyncpg.Pool[Any]",
        now: Callable[[], Awaitable[datetime]],
        wall: Callable[[], Awaitable[datetime]],
        clock: Callable[[], float],
    ) -> None:
        self.routes = routes
        self.keys = KeyRing(pool, now)
        self.commit = GroupCommit(pool, now)
        self.rejections = Rejections(pool, now)
        self._budget = Budget()
        #: By which senders sign, also where the plan runs faster.
        self._wall = wall
        #: Monotonic, in seconds.
        self._clock = clock

    def start(self) -> None:
        """Start the writers in the running event loop."""
        self.commit.start()
        self.rejections.start()
        self.keys.start()

    async def stop(self) -> None:
        """Store what waits, then end."""
        await self.commit.stop()
        await self.rejections.stop()
        await self.keys.stop()

    # ── The steps ───────────────────────────────────────────────────────────────

    def refuse(self, visit: Visit, refusal: Refusal) -> PostReply:
        """Count a refusal and return its answer."""
        opened = visit.opened
        if opened is not None and refusal.integration_id is None:
            refusal.integration_id = opened.integration_id
        self.rejections.count(refusal, visit.remote)
        told = refusal.told(
            request_id=str(visit.uuid), took=self._clock() - visit.began_at
        )
        return replies.refused(visit.source, refusal, told)

    def post_of(self, visit: Visit, body: bytes) -> Post:
        """Return what the source's module is shown of a request.

        Raises `Refusal` when the body or the query cannot be understood.
        """
        route = visit.route
        spec = route.source.SOURCE
        encoding = visit.header(b"content-encoding")
        if encoding:
            body = _decoded(body, encoding, spec)
        if len(body) > spec.max_body:
            raise too_large(spec)
        if visit.method == "POST" and not (spec.query or spec.headers or route.path):
            return Post(body=body)
        return Post(
            body=body,
            method=visit.method,
            path=route.path.replace("\0", "\ufffd"),
            query=_query(visit.query, spec) if spec.query else {},
            headers=_headers(visit.headers, spec) if spec.headers else {},
        )

    def key_in_head(self, visit: Visit) -> str:
        """Return the key of a request that need not be read; empty if it must be.

        Raises `Refusal` when there is none, and none can be in the body.
        """
        route = visit.route
        if not route.key and not hasattr(route.source, "key_of"):
            raise keys.no_key()
        return route.key

    def key_of(self, visit: Visit, post: Post) -> str:
        """Return the key of a request, from its body if need be, or refuse."""
        route = visit.route
        key = route.key
        if not key:
            find = getattr(route.source, "key_of", None)
            try:
                key = find(post) if find is not None else ""
            except PayloadError as error:
                raise _unreadable(error) from None
            except Exception:  # a mistake of the module, which the sender must hear of
                raise _failed(visit) from None
        if not key:
            raise keys.no_key()
        return key

    async def admit(self, visit: Visit, key: str) -> None:
        """Ask the database what a key is; `Refusal` unless it may post."""
        opened = await self.keys.open(key)
        may_post = opened is not None and opened.may_post
        visit.opened = keys.check(opened, (visit.route.kind,), may=may_post)

    async def accept_whole(
        self, visit: Visit, body: bytes, key: str, reply: Reply
    ) -> None:
        """Take a request whose body is not looked at before the key is good."""
        try:
            await self.admit(visit, key)
            post = self.post_of(visit, body)
        except Refusal as refusal:
            reply(self.refuse(visit, refusal))
        except Exception:  # whoever waits must hear of every failure
            reply(self.refuse(visit, _failed(visit)))
        else:
            await self.accept(visit, post, key, reply)

    async def accept(self, visit: Visit, post: Post, key: str, reply: Reply) -> None:
        """Take a post, asking the database what its key is."""
        try:
            opened = await self.keys.open(key)
            now = await self._verify_now(visit, opened)
        except Refusal as refusal:
            reply(self.refuse(visit, refusal))
            return
        except Exception:  # whoever waits must hear of every failure
            reply(self.refuse(visit, _failed(visit)))
            return
        self.accept_at_once(visit, post, opened, reply, now=now)

    def accept_at_once(
        self,
        visit: Visit,
        post: Post,
        opened: Opened | None,
        reply: Reply,
        *,
        now: datetime | None = None,
    ) -> None:
        """Take a post whose key is known; ``reply`` is called once, perhaps later.

        Signatures are judged at ``now``, of the wall clock.
        """
        try:
            found = self._take_in(visit, post, opened, reply, now)
        except Refusal as refusal:
            found = self.refuse(visit, refusal)
        except Exception:  # whoever waits must hear of every failure
            found = self.refuse(visit, _failed(visit))
        if found is not None:
            reply(found)

    def _take_in(
        self,
        visit: Visit,
        post: Post,
        opened: Opened | None,
        reply: Reply,
        now: datetime | None,
    ) -> PostReply | None:
        """Return an answer; None when it is given once the post is on disk."""
        route = visit.route
        visit.opened = opened
        may_post = opened is not None and opened.may_post
        opened = keys.check(opened, (route.kind,), may=may_post)
        source = route.source
        self.spend(opened, source.SOURCE)
        _verify(source, post, opened, now)
        answer = getattr(source, "answer", None)
        found: PostReply | None = answer(post) if answer is not None else None
        if found is not None:
            return found
        reading, count = _skimmed(source, post, opened)
        self._keep(visit, post, reading, count, opened, reply)
        return None

    async def _verify_now(self, visit: Visit, opened: Opened | None) -> datetime | None:
        is_signed = visit.route.source.SOURCE.is_signed
        if not is_signed or opened is None or not opened.secret:
            return None
        try:
            return await self._wall()
        except OSError:
            raise not_stored(opened.integration_id) from None

    def spend(self, opened: Opened, spec: Source) -> None:
        """Count one post against what its integration may send, or refuse it."""
        per_minute = opened.per_minute
        if per_minute is None:
            return
        wait = self._budget.spend(opened.integration_id, per_minute, at=self._clock())
        if wait:
            raise Refusal(
                spec.overloaded,
                "over_budget",
                f"this integration may send {per_minute} posts a minute",
                hint="send less, or raise the limit on the page of the integration",
                integration_id=opened.integration_id,
                headers=(("retry-after", str(wait)),),
            )

    def _keep(
        self,
        visit: Visit,
        post: Post,
        reading: Reading,
        count: int,
        opened: Opened,
        reply: Reply,
    ) -> None:
        source = visit.route.source
        is_named = source.SOURCE.has_request_ids

        def done(is_stored: bool) -> None:  # noqa: FBT001 - the writer's callback
            if not is_stored:
                reply(self.refuse(visit, not_stored()))
                return
            name = str(visit.uuid) if is_named else ""
            receipt = Accepted(request_id=name, took=self._clock() - visit.began_at)
            reply(replies.accepted(source, post, reading, receipt, count=count))

        held = Held(
            opened.integration_id,
            post.body,
            done,
            envelope=envelope_of(post),
            request_id=visit.uuid if is_named else None,
        )
        try:
            self.commit.put(held)
        except OverloadedError:
            raise overloaded(source.SOURCE) from None


# ── The questions ───────────────────────────────────────────────────────────────────


def _skimmed(source: Inbound, post: Post, opened: Opened) -> tuple[Reading, int]:
    """Return what a post says, if it must be read now, and how many reports it has."""
    skim = getattr(source, "skim", None)
    count = skim(post, opened.config) if skim is not None else None
    if count is None or count > MAX_SIGNALS:
        reading = read(source, post, opened)
        return reading, len(reading.reports)
    return _UNREAD, count


_UNREAD = Reading(())


def read(source: Inbound, post: Post, opened: Opened) -> Reading:
    """Return what a post says; `Refusal` when it cannot be read."""
    known = opened.integration_id
    try:
        reading = source.parse(post, opened.config)
    except UnmappedError as error:  # the mapping is at fault: keep the sample
        return Reading((), (str(error),))
    except PayloadError as error:
        raise _unreadable(error, known) from None
    except Exception:  # a mistake of the module: the post must not be lost for it
        logger.exception("a post of kind %s could not be read", opened.kind)
        return Reading(())
    if len(reading.reports) > MAX_SIGNALS:
        raise Refusal(
            413,
            "too_many",
            f"{len(reading.reports)} alerts in one post, and no more than"
            f" {MAX_SIGNALS} may be",
            hint="send fewer at once, such as by max_alerts of Alertmanager's receiver",
            integration_id=known,
        )
    return reading


def _failed(visit: Visit) -> Refusal:
    """Log the exception that is handled, and return the refusal that it comes to."""
    logger.exception("a post of kind %s could not be judged", visit.route.kind)
    return Refusal(
        503,
        "failed",
        "watchbill made a mistake with this post; its log tells which",
        hint="send it again later",
        headers=(("retry-after", "60"),),
    )


def overloaded(spec: Source) -> Refusal:
    """Return the refusal of a post whose room is full."""
    return Refusal(
        spec.overloaded,
        "overloaded",
        "too many posts wait to be stored",
        hint="send it again in a moment",
        headers=(("retry-after", "1"),),
    )


def too_large(spec: Source) -> Refusal:
    """Return the refusal of a body beyond the bound."""
    return Refusal(
        413,
        "too_large",
        f"the body is longer than {spec.max_body // 1024} KiB",
        hint="send fewer alerts at once",
    )


def _verify(source: Inbound, post: Post, opened: Opened, now: datetime | None) -> None:
    if opened.secret is None:
        raise Refusal(
            503,
            "secret_unreadable",
            "the signing secret of this integration cannot be read any more",
            hint="enter it again on the page of the integration",
            headers=(("retry-after", "60"),),
        )
    verify = getattr(source, "verify", None)
    if not opened.secret or verify is None or not source.SOURCE.is_signed:
        return
    try:
        verify(post, opened.secret, now=now)
    except SignatureError as error:
        raise Refusal(
            401,
            "bad_signature",
            f"the signature does not prove the sender: {error}",
            hint="give both sides the same signing secret",
        ) from None


def _decoded(body: bytes, encoding: str, spec: Source) -> bytes:
    try:
        return encodings.decoded(body, encoding, limit=spec.max_body)
    except encodings.TooLongError:
        raise too_large(spec) from None


def _query(query: bytes, spec: Source) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            query.decode("latin-1"),
            keep_blank_values=True,
            errors="replace",
            max_num_fields=_MAX_FIELDS,
        )
    except ValueError:
        raise Refusal(
            400, "bad_query", f"the address has more than {_MAX_FIELDS} parameters"
        ) from None
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in spec.query:
            found.setdefault(name, value.replace("\0", "\ufffd"))
    return found


def _headers(headers: RawHeaders, spec: Source) -> dict[str, str]:
    found: dict[str, str] = {}
    for raw, value in headers:
        name = raw.decode("latin-1")
        if name in spec.headers:
            found.setdefault(name, value.decode("latin-1").replace("\0", "\ufffd"))
    return found


def _unreadable(error: PayloadError, integration_id: int | None = None) -> Refusal:
    return Refusal(
        400,
        "bad_payload",
        error.problem,
        where=error.where,
        hint=error.hint,
        integration_id=integration_id,
    )
