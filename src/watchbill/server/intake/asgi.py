"""The intake: where sources post. A bare ASGI application, because it is hot.

The addresses are in ``routes.py``, the questions asked of a post in ``desk.py``. A
source's module may answer in the words of the product that it stands in for; what
they mean is the same for all:

====  ==============================================================================
2xx   The post is on disk and will be folded (I1); our own word is 202.
400   Not the format of this kind; the body says where. Nothing is stored. Also: the
      query has too many parameters, or the body is not encoded as it says.
401   No key, one that names no integration, or a signature that proves nothing.
403   The key is revoked or expired, of another kind, or may not post.
404   There is no such kind.
405   A method that this kind does not know.
408   The body did not come within :data:`BODY_WITHIN` seconds.
413   Longer than the kind's ``max_body``, compressed or not, or more alerts than
      ``MAX_SIGNALS``.
415   Encoded otherwise than by gzip, deflate or (where installed) Brotli.
503   Overloaded, or the database does not answer; send again after ``Retry-After``.
      429 only for kinds whose clients expect that (``Source.overloaded``), because
      Alertmanager drops the notification on it (wire formats, section 5).
====  ==============================================================================

Every refusal is counted by reason and hour and shown on the console (S4.1-11).
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import asyncpg

from watchbill.integrations.sources import Inbound, Post, PostReply, Reading, Source
from watchbill.server.intake import keys, replies
from watchbill.server.intake.commit import Held, OverloadedError
from watchbill.server.intake.desk import Desk, Visit, overloaded, read, too_large
from watchbill.server.intake.posts import envelope_of
from watchbill.server.intake.refusal import Refusal, not_stored
from watchbill.server.intake.routes import Routes
from watchbill.server.web.http import Receive, Scope, Send, header, remote

BODY_WITHIN = 10.0
"""Seconds for a whole body, however slowly it drips."""

_MAX_DRAIN = 32 * 1024 * 1024
"""A longer body is read to its end, up to here, so that the answer is heard."""

Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class Intake:
    """The application; :meth:`start` and :meth:`stop` belong to the lifespan."""

    def __init__(
        self,
        sources: dict[str, Inbound],
        pool: "asyncpg.Pool[Any]",
        now: Callable[[], Awaitable[datetime]],
        wall: Callable[[], Awaitable[datetime]],
        elsewhere: Application,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.desk = Desk(Routes(sources), pool, now, wall, self._loop.time)
        self._elsewhere = elsewhere

    async def start(self) -> None:
        """Start the writers."""
        self.desk.start()

    async def stop(self) -> None:
        """Store what waits, then end."""
        await self.desk.stop()

    def forget_keys(self) -> None:
        """Ask the database again for every key, because some key changed."""
        self.desk.keys.forget()

    def is_for_us(self, path: str) -> bool:
        """Whether a path may be one of a source."""
        return self.desk.routes.is_ours(path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request to a source's address."""
        visit = Visit(
            scope["method"],
            scope["query_string"],
            scope["headers"],
            remote(scope),
            began_at=self._loop.time(),
        )
        try:
            authorization = header(scope, "authorization")
            route = self.desk.routes.find(visit.method, scope["path"], authorization)
            if route is None:
                await self._elsewhere(scope, receive, send)
                return
            visit.route = route
            reply = await self._accept(visit, receive)
        except Refusal as refusal:
            reply = self.desk.refuse(visit, refusal)
        await _answer(send, reply)

    async def _accept(self, visit: Visit, receive: Receive) -> PostReply:
        route = visit.route
        in_head = self.desk.key_in_head(visit)
        if in_head:  # known before a stranger's body is read
            await self.desk.admit(visit, in_head)
        body = await _read(receive, route.source.SOURCE)
        post = self.desk.post_of(visit, body)
        key = self.desk.key_of(visit, post)
        answered: asyncio.Future[PostReply] = self._loop.create_future()
        await self.desk.accept(visit, post, key, _resolving(answered))
        return await answered

    async def take(self, integration_id: int, kind: str, post: Post) -> Reading:
        """Take a post that did not come over HTTP, such as a mail; durable on return.

        Raises `Refusal` as HTTP would answer, and counts it.
        """
        try:
            return await self._take(integration_id, kind, post)
        except Refusal as refusal:
            refusal.integration_id = refusal.integration_id or integration_id
            self.desk.rejections.count(refusal, "")
            raise

    async def _take(self, integration_id: int, kind: str, post: Post) -> Reading:
        source = self.desk.routes.source(kind)
        if len(post.body) > source.SOURCE.max_body:
            raise too_large(source.SOURCE)
        found = await self.desk.keys.integration(integration_id)
        opened = keys.check(found, (kind,), may=True)
        self.desk.spend(opened, source.SOURCE)
        reading = read(source, post, opened)
        stored: asyncio.Future[bool] = self._loop.create_future()
        held = Held(
            integration_id,
            post.body,
            _resolving(stored),
            envelope=envelope_of(post),
        )
        try:
            self.desk.commit.put(held)
        except OverloadedError:
            raise overloaded(source.SOURCE) from None
        if not await stored:
            raise not_stored(integration_id)
        return reading


def _resolving(future: "asyncio.Future[Any]") -> Callable[[Any], None]:
    def resolve(value: object) -> None:
        if not future.done():  # whoever waited may be gone
            future.set_result(value)

    return resolve


async def _read(receive: Receive, spec: Source) -> bytes:
    try:
        async with asyncio.timeout(BODY_WITHIN):
            return await _read_all(receive, spec)
    except TimeoutError:
        problem = f"the body did not come within {BODY_WITHIN:g} seconds"
        raise Refusal(
            408, "too_slow", problem, headers=(("connection", "close"),)
        ) from None


async def _read_all(receive: Receive, spec: Source) -> bytes:
    parts: list[bytes] = []
    size = 0
    while size <= max(spec.max_body, _MAX_DRAIN):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refusal(400, "cut_off", "the client went away in the middle")
        part = message.get("body", b"")
        size += len(part)
        if size <= spec.max_body:
            parts.append(part)
        else:
            parts.clear()
        if not message.get("more_body", False):
            break
    if size > spec.max_body:
        raise too_large(spec)
    return b"".join(parts)


async def _answer(send: Send, reply: PostReply) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": reply.status,
            "headers": replies.headers_of(reply),
        }
    )
    await send({"type": "http.response.body", "body": reply.body})
