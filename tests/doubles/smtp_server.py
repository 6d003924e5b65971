"""A mail server that does as it is told.

It speaks real SMTP on a loopback port. Each mail transaction takes the next item of
its script; when the script is used up, mail is accepted. What was accepted, or may
have been, is recorded in `messages`.

    with SmtpDouble(SmtpReply.GREYLIST) as smtp:
        ... send to smtp.url ...
        smtp.wait_for(1)
"""

import asyncio
import email
import email.policy
import ssl
import threading
from collections import deque
from dataclasses import dataclass
from email.message import EmailMessage
from enum import StrEnum
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


class SmtpReply(StrEnum):
    """What happens to one connection."""

    ACCEPT = "250"
    #: Closes before the greeting.
    REFUSE = "no greeting"
    #: 421 instead of a greeting.
    BUSY = "421 at the greeting"
    #: 451 to RCPT TO.
    GREYLIST = "451 to RCPT"
    #: 550 to RCPT TO.
    NO_SUCH_USER = "550 to RCPT"
    #: 554 after the message.
    REJECT = "554 after DATA"
    #: Reads the message and never answers.
    STALL_AFTER_DATA = "silence after DATA"
    #: Reads the message and closes.
    DROP_AFTER_DATA = "closed after DATA"
    #: Accepts the message and closes instead of answering QUIT.
    DROP_AT_QUIT = "250, then closed at QUIT"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedMail:
    """One message as the server got it."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes
    #: Whether the sender was told 250.
    accepted: bool

    @property
    def message(self) -> EmailMessage:
        return email.message_from_bytes(self.raw, policy=email.policy.default)

    def body(self, subtype: str = "plain") -> str:
        part = self.message.get_body((subtype,))
        assert part is not None, f"the mail has no {subtype} part"
        text: str = part.get_content()
        return text


class SmtpDouble:
    """A scripted SMTP server in a thread of its own."""

    def __init__(
        self,
        *script: SmtpReply,
        login: tuple[str, str] | None = None,
        starttls: ssl.SSLContext | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.messages: list[ReceivedMail] = []
        self.connections = 0
        self.port = 0
        self._script = deque(script)
        self._login = login
        self._starttls = starttls
        self._tls = tls
        self._changed = threading.Condition()
        self._started = threading.Event()
        self._stop: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="smtp-double")

    @property
    def url(self) -> str:
        scheme = "smtps" if self._tls else "smtp+starttls" if self._starttls else "smtp"
        user = ":".join(quote(part, safe="") for part in self._login or ())
        return f"{scheme}://{user}{'@' if user else ''}127.0.0.1:{self.port}"

    def then(self, *script: SmtpReply) -> None:
        """Append to the script."""
        self._script.extend(script)

    def accept_again(self) -> None:
        """Forget what is left of the script."""
        self._script.clear()

    def wait_for(self, count: int, *, timeout: float = 10) -> list[ReceivedMail]:
        """Return the messages as soon as there are this many, or fail."""
        with self._changed:
            done = self._changed.wait_for(
                lambda: len(self.messages) >= count, timeout=timeout
            )
        assert done, f"{len(self.messages)} of {count} mails in {timeout} s"
        return list(self.messages)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._started.wait(10), "the mail server did not start"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._loop is not None
        assert self._stop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        server = await self._loop.create_server(
            self._connection, "127.0.0.1", 0, ssl=self._tls
        )
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._stop.wait()
        server.close()

    def _connection(self) -> asyncio.BaseProtocol:
        self.connections += 1
        reply = self._script.popleft() if self._script else SmtpReply.ACCEPT
        match reply:
            case SmtpReply.REFUSE:
                return _Farewell(b"")
            case SmtpReply.BUSY:
                return _Farewell(b"421 4.3.2 try again later\r\n")
        return _Server(
            _Handler(self, reply, needs_login=self._login is not None),
            hostname="mail.double.test",
            tls_context=self._starttls,
            require_starttls=self._starttls is not None,
            authenticator=self._check if self._login else None,
            auth_require_tls=False,
            loop=self._loop,
        )

    def _check(
        self, server: SMTP, session: Session, envelope: Envelope, way: str, data: Any
    ) -> AuthResult:
        is_right = isinstance(data, LoginPassword) and self._login == (
            data.login.decode(),
            data.password.decode(),
        )
        # Unhandled means that aiosmtpd says no; handled, that we have said so.
        return AuthResult(success=is_right, handled=is_right)

    def record(self, envelope: Envelope, *, accepted: bool) -> None:
        content = envelope.original_content
        assert isinstance(content, bytes)
        mail = ReceivedMail(
            sender=envelope.mail_from or "",
            recipients=tuple(envelope.rcpt_tos),
            raw=content,
            accepted=accepted,
        )
        with self._changed:
            self.messages.append(mail)
            self._changed.notify_all()

    async def until_stopped(self) -> None:
        assert self._stop is not None
        await self._stop.wait()


class _Farewell(asyncio.Protocol):
    def __init__(self, words: bytes) -> None:
        self._words = words

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(self._words)
        transport.close()


class _Server(SMTP):
    async def smtp_QUIT(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's name
        if self.event_handler.reply is SmtpReply.DROP_AT_QUIT:
            assert isinstance(self.transport, asyncio.Transport)
            self.transport.abort()
        else:
            await super().smtp_QUIT(arg)


class _Handler:
    def __init__(
        self, double: SmtpDouble, reply: SmtpReply, *, needs_login: bool
    ) -> None:
        self.double = double
        self.reply = reply
        self.needs_login = needs_login

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        # Asked of aiosmtpd itself, this warns wherever there is no TLS.
        if self.needs_login and not session.authenticated:
            return "530 5.7.0 authentication required"
        envelope.mail_from = address
        return "250 2.1.0 ok"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        match self.reply:
            case SmtpReply.GREYLIST:
                return "451 4.7.1 greylisted, try again in five minutes"
            case SmtpReply.NO_SUCH_USER:
                return "550 5.1.1 no such user here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        if self.reply is SmtpReply.REJECT:
            return "554 5.7.1 looks like spam"
        accepted = self.reply in {SmtpReply.ACCEPT, SmtpReply.DROP_AT_QUIT}
        self.double.record(envelope, accepted=accepted)
        if self.reply is SmtpReply.STALL_AFTER_DATA:
            await self.double.until_stopped()
        if not accepted:
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        return f"250 2.0.0 Ok: queued as D{len(self.double.messages)}"
