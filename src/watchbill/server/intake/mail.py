"""Mail as a way in: an SMTP server for whatever can send nothing but mail.

The key is in the address: ``<key>@anything`` or ``<name>+<key>@anything``. Whoever
has no key is told so before a byte of the message is read, and nothing is ever passed
on, so this cannot become a relay. A mail is answered 250 only once it is on disk (I1);
responsibility for it moves with that word. Answers:

====  ==============================================================================
250   Stored.
421   As many senders as there may be are connected already.
451   Overloaded, beyond the budget of the integration, or the database does not
      answer: send it again.
550   No such key; also one that is revoked, or of another kind.
552   Longer than the source takes.
554   No mail at all, or one that has been on the way round and round.
====  ==============================================================================

Many programs lower the case of addresses, so the keys of this kind are made of lower
case letters and digits only. The library logs what it is sent; its log is closed,
because the addresses are secrets.
"""

import asyncio
import logging
import re
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from aiosmtpd.smtp import SMTP, Envelope, Session

from watchbill.integrations.sources import Post, Reading
from watchbill.server.intake import keys
from watchbill.server.intake.keys import KeyRing, Opened
from watchbill.server.intake.refusal import Refusal

KIND = "mail_in"

MAX_SENDERS = 20
"""Connections at once; each may hold a whole message in memory."""

MAX_RECIPIENTS = 20

MAX_HOPS = 50
"""A mail that has passed so many servers goes in a circle (RFC 5321, section 6.3)."""

_LINE = 64 * 1024
"""Longer than RFC 5321 allows, because much that writes mail does not know it."""

_MOST_ADDRESS = 320
"""Characters of an address; SMTP allows no more."""

_TIMEOUT = 60.0
_HOP = re.compile(rb"^received:", re.IGNORECASE | re.MULTILINE)

logger = logging.getLogger(__name__)


class Takes(Protocol):
    """What takes a post that did not come over HTTP: `Intake.take`."""

    def __call__(
        self, integration_id: int, kind: str, post: Post
    ) -> Awaitable[Reading]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Where mail is listened for, and the certificate for STARTTLS if there is one."""

    host: str
    port: int
    certificate: str = ""
    private_key: str = ""
    max_size: int = 5 * 1024 * 1024

    @classmethod
    def at(
        cls, address: str, *, certificate: str = "", private_key: str = ""
    ) -> "Listening":
        """Return the place that ``host:port`` names; ValueError when it names none."""
        host, _, port = address.rpartition(":")
        if not host or not port.isdecimal() or int(port) > 65535:
            message = (
                "WATCHBILL_MAIL_LISTEN must be a host and a port, such as"
                f" 0.0.0.0:2525, not {address!r}"
            )
            raise ValueError(message)
        return cls(
            host=host.strip("[]"),
            port=int(port),
            certificate=certificate,
            private_key=private_key,
        )

    def encryption(self) -> ssl.SSLContext | None:
        """Return what STARTTLS is answered with; OSError for files of no use."""
        if not self.certificate:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificate, self.private_key or None)
        return context


class MailIntake:
    """The listener; :meth:`start` and :meth:`stop` belong to the lifespan."""

    def __init__(
        self,
        listening: Listening,
        take: Takes,
        ring: KeyRing,
        count: Callable[[Refusal, str], None],
    ) -> None:
        self._listening = listening
        self._handler = _Handler(take, ring, count)
        self._senders = _Senders()
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The port that is listened at, once started."""
        if self._server is None:
            return self._listening.port
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self) -> None:
        """Listen; OSError when the address is taken or a file cannot be read."""
        logging.getLogger("mail.log").setLevel(logging.CRITICAL + 1)
        loop = asyncio.get_running_loop()
        context = self._listening.encryption()

        def speak() -> SMTP:
            return _Conversation(
                self._handler,
                senders=self._senders,
                data_size_limit=self._listening.max_size,
                enable_SMTPUTF8=True,
                hostname="watchbill",
                ident="watchbill",
                tls_context=context,
                timeout=_TIMEOUT,
                loop=loop,
            )

        host, port = self._listening.host, self._listening.port
        try:
            self._server = await loop.create_server(speak, host, port)
        except OSError as error:
            message = f"cannot listen for mail at {host} port {port}: {error.strerror}"
            raise OSError(error.errno, message) from error

    async def stop(self) -> None:
        """Listen no more; what is being taken is taken to its end, for a moment."""
        if self._server is None:
            return
        self._server.close()
        await self._senders.gone(within=2.0)


class _Senders:
    """Who is connected."""

    def __init__(self) -> None:
        self._count = 0
        self._nobody = asyncio.Event()
        self._nobody.set()

    def enter(self) -> bool:
        if self._count >= MAX_SENDERS:
            return False
        self._count += 1
        self._nobody.clear()
        return True

    def leave(self) -> None:
        self._count -= 1
        if not self._count:
            self._nobody.set()

    async def gone(self, *, within: float) -> None:
        try:
            await asyncio.wait_for(self._nobody.wait(), within)
        except TimeoutError:
            logger.info("%s senders of mail were cut off", self._count)


class _Conversation(SMTP):
    """The library's server, for a bounded number of senders and with longer lines."""

    line_length_limit = _LINE

    def __init__(self, handler: object, *, senders: _Senders, **settings: Any) -> None:
        super().__init__(handler, **settings)
        self._senders = senders

    async def _handle_client(self) -> None:
        if not self._senders.enter():
            await self.push("421 4.3.2 Too many senders, come back in a moment")
            if self.transport is not None:
                self.transport.close()
            return
        try:
            await super()._handle_client()
        finally:
            self._senders.leave()


class _Handler:
    """What the library asks of us."""

    def __init__(
        self, take: Takes, ring: KeyRing, count: Callable[[Refusal, str], None]
    ) -> None:
        self._take = take
        self._ring = ring
        self._count = count

    async def handle_RCPT(  # noqa: N802 - as the library calls it
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        """Answer whether an address is one of ours."""
        if len(envelope.rcpt_tos) >= MAX_RECIPIENTS:
            return "452 4.5.3 Too many recipients, send the rest in another mail"
        try:
            await self._open(address)
        except Refusal as refusal:
            self._count(refusal, _remote(session))
            return _answer(refusal)
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802 - as the library calls it
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Keep a message for each integration that it is for, and only then say so."""
        body = bytes(envelope.original_content or b"")
        if _hops(body) > MAX_HOPS:
            return "554 5.4.6 This mail goes in a circle"
        sender = _clean(envelope.mail_from or "")
        path = sender if sender.startswith("<") else f"<{sender}>"
        post = Post(body=body, headers={"return-path": path[:300]})
        try:
            for integration_id in await self._recipients(envelope):
                await self._take(integration_id, KIND, post)
        except Refusal as refusal:
            return _answer(refusal)
        return "250 2.0.0 Stored"

    async def handle_exception(self, error: Exception) -> str:
        """Answer that it did not work; who sends will send again."""
        logger.error("a conversation over SMTP failed", exc_info=error)
        return "451 4.3.0 Something went wrong here, send it again"

    async def _recipients(self, envelope: Envelope) -> list[int]:
        """The integrations that a message is for, each once.

        Addresses may differ in what stands before the key and be of one integration.
        Counted one by one, more of them than its budget a minute would be refused at
        every attempt, for ever.
        """
        opened = [await self._open(address) for address in envelope.rcpt_tos]
        return list(dict.fromkeys(one.integration_id for one in opened))

    async def _open(self, address: str) -> Opened:
        """Return what the key in an address opens, or refuse."""
        local = _clean(address).rpartition("@")[0] or _clean(address)
        key = local.rpartition("+")[2].strip('"').lower()
        opened = await self._ring.open(key)
        may_post = opened is not None and opened.may_post
        return keys.check(opened, (KIND,), may=may_post)


def _clean(address: str) -> str:
    """Return an address as text that can be stored: its bytes may have been any."""
    text = address.encode("utf-8", "replace").decode()
    return text.replace("\0", "\ufffd")[:_MOST_ADDRESS]


def _hops(body: bytes) -> int:
    head = body.partition(b"\r\n\r\n")[0].partition(b"\n\n")[0]
    return sum(1 for _ in _HOP.finditer(head))


_ANSWERS = {
    400: "554 5.6.0 {problem}",
    413: "552 5.3.4 {problem}",
    429: "451 4.3.2 {problem}",
    503: "451 4.3.2 {problem}",
}


def _answer(refusal: Refusal) -> str:
    text = _ANSWERS.get(refusal.status, "550 5.1.1 {problem}")
    problem = " ".join(str(refusal).split())
    return text.format(problem=problem.encode("ascii", "replace").decode())


def _remote(session: Session) -> str:
    peer: Any = session.peer  # a pair for TCP, whatever the library's types say
    return str(peer[0]) if isinstance(peer, tuple) and peer else ""
