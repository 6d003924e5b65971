"""Hand a mail to the mail server, and know afterwards who has it.

SMTP moves responsibility at one moment: when the server answers 250 to the dot that
ends DATA. Before the dot is sent nothing can have been delivered, so any failure is
*transient*. After the 250 the message is theirs, whatever becomes of QUIT. Between
the two nobody can know, so the outcome is *unknown* (F8, F10). The body and the dot
are therefore written separately.

Encryption that was asked for and cannot be had, for want of STARTTLS or of a valid
certificate, never falls back to plain text. It is *transient*, not permanent: an
expired certificate is mended without anybody touching watchbill, each attempt tells
of it, and the next method of the person is started after the first failure anyway.
A refused login is what the reply code says (535 is permanent): repeating a wrong
password locks accounts.

The one deadline covers the whole conversation, however slowly a server replies.
The mail server is named by the administrator, so it may be internal; the guard of
``egress`` is for addresses that users type in.
"""

import re
import smtplib
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from enum import StrEnum
from ipaddress import ip_address
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from watchbill.core.notification import Attempt, Outcome
from watchbill.integrations.contract import SettingsError
from watchbill.integrations.email.outbound import POLICY, read_smtp
from watchbill.server.engine.egress import Deadline


class Security(StrEnum):
    """How the connection is encrypted."""

    NONE = "smtp"
    STARTTLS = "smtp+starttls"
    TLS = "smtps"


_DEFAULT_PORTS = {Security.NONE: 25, Security.STARTTLS: 587, Security.TLS: 465}
_EXAMPLE = "for example smtp+starttls://user:password@mail.example.org:587"
_PARAMETERS = {"helo", "ca_file", "plaintext_login"}
#: Seconds for QUIT: a page that was delivered does not wait for manners.
_FAREWELL = 1.0
_RECIPIENT = re.compile(r"[^\s<>@\x00-\x1f\x7f]{1,64}@[A-Za-z0-9.\[\]:-]{1,255}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpSettings:
    """Where mail is handed in, and how."""

    host: str
    port: int
    security: Security
    username: str = ""
    password: str = field(default="", repr=False)
    #: The name we greet with; empty means the domain of the sender.
    helo: str = ""
    #: Certificates to trust instead of the system's, in PEM form.
    ca_file: str = ""

    @classmethod
    def parse(cls, url: str) -> "SmtpSettings":
        """Return the settings of a URL; `SettingsError` says what is wrong with it.

        The scheme is smtp (no encryption), smtp+starttls or smtps. Parameters:
        ``helo``, ``ca_file``, and ``plaintext_login=yes``, without which a password
        is not sent unencrypted to another machine.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            # The error may quote the URL, and with it the password.
            raise SettingsError(f"The mail URL is malformed; {_EXAMPLE}.") from None
        security, parameters = _scheme(parts), _parameters(parts)
        if not host:
            raise SettingsError(f"The mail URL names no host; {_EXAMPLE}.")
        settings = cls(
            host=host,
            port=port or _DEFAULT_PORTS[security],
            security=security,
            username=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            helo=parameters.get("helo", ""),
            ca_file=parameters.get("ca_file", ""),
        )
        settings._check(may_log_in_plainly=parameters.get("plaintext_login") == "yes")
        return settings

    def _check(self, *, may_log_in_plainly: bool) -> None:
        if bool(self.username) is not bool(self.password):
            raise SettingsError(
                "The mail URL needs both a user name and a password, or neither;"
                " write @ : / in them as %40 %3A %2F."
            )
        is_plain = self.username and self.security is Security.NONE
        if is_plain and not (may_log_in_plainly or _is_loopback(self.host)):
            raise SettingsError(
                f"The password would go to {self.host} unencrypted: use"
                " smtp+starttls:// or smtps://, or add ?plaintext_login=yes."
            )


def _scheme(parts: SplitResult) -> Security:
    if parts.scheme not in set(Security):
        raise SettingsError(
            f"A mail URL begins with smtp://, smtp+starttls:// or smtps://; {_EXAMPLE}."
        )
    return Security(parts.scheme)


def _parameters(parts: SplitResult) -> dict[str, str]:
    if parts.path.strip("/") or parts.fragment:
        raise SettingsError(
            f"After the host and port of a mail URL only ?name=value may follow;"
            f" {_EXAMPLE}."
        )
    parameters = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := sorted(parameters.keys() - _PARAMETERS):
        known = ", ".join(sorted(_PARAMETERS))
        raise SettingsError(
            f"The mail URL has the unknown parameter {unknown[0]!r}; known: {known}."
        )
    return parameters


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def send(
    message: EmailMessage, settings: SmtpSettings, *, to: str, timeout: float
) -> Attempt:
    """Hand the message in for ``to``, an address without a name, in ``timeout`` s."""
    if not _RECIPIENT.fullmatch(to) or not to.isascii():
        return Attempt(
            outcome=Outcome.PERMANENT, detail=f"{to!r} is not an address for SMTP"
        )
    conversation = _Conversation(settings, Deadline(timeout))
    try:
        return conversation.hand_in(message, to)
    except (OSError, smtplib.SMTPException, ValueError) as error:
        return conversation.failure(error)
    finally:
        conversation.close()


class _RefusedError(Exception):
    """The server answered a step with a reply that ends the conversation."""

    def __init__(self, step: str, code: int, text: bytes) -> None:
        super().__init__(step)
        self.attempt = _read(step, code, text)


def _read(step: str, code: int, text: bytes) -> Attempt:
    said = text.decode("utf-8", "replace")
    if code == -1:  # smtplib's word for a line that begins with no number
        said = f"unreadable reply {said!r}"
    attempt = read_smtp(code, f"{said} (in reply to {step})")
    # No reply but the last one can leave the outcome open.
    if attempt.outcome in {Outcome.UNKNOWN, Outcome.DELIVERED}:
        return Attempt(outcome=Outcome.TRANSIENT, detail=attempt.detail)
    return attempt


class _Conversation:
    """One connection, one message."""

    def __init__(self, settings: SmtpSettings, deadline: Deadline) -> None:
        self._settings = settings
        self._deadline = deadline
        self._dot_was_sent = False
        self._client: _Client | None = None

    def hand_in(self, message: EmailMessage, to: str) -> Attempt:
        sender = message["From"].addresses[0]
        body = _dotted(message)
        try:
            client = self._open(self._settings.helo or sender.domain)
            self._step("MAIL FROM", client.mail(sender.addr_spec))
            self._step("RCPT TO", client.rcpt(to))
            self._step("DATA", client.docmd("DATA"), wanted=3)
        except _RefusedError as refused:
            return refused.attempt
        client.send(body)
        self._dot_was_sent = True
        client.send(b".\r\n")
        code, text = client.getreply()
        return read_smtp(code, text.decode("utf-8", "replace"))

    def failure(self, error: Exception) -> Attempt:
        """Return what it means that the conversation ended with an exception."""
        if isinstance(error, smtplib.SMTPAuthenticationError):
            text = error.smtp_error
            raw = text.encode() if isinstance(text, str) else text
            return _read("AUTH", error.smtp_code, raw)
        if self._dot_was_sent:
            return Attempt(
                outcome=Outcome.UNKNOWN,
                detail=f"no reply after the message was sent: {error}",
            )
        return Attempt(outcome=Outcome.TRANSIENT, detail=f"not sent: {error}")

    def close(self) -> None:
        """Take leave briefly; the outcome no longer depends on it."""
        if self._client is None:
            return
        self._client.deadline = Deadline(_FAREWELL)
        with suppress(OSError, smtplib.SMTPException, ValueError):
            self._client.docmd("QUIT")
        self._client.close()

    def _open(self, helo: str) -> "_Client":
        settings = self._settings
        client = _Client(helo, self._deadline)
        self._client = client
        client.open(settings.host, settings.port)
        if settings.security is Security.TLS:
            client.encrypt(settings)
        self._step("the greeting", client.getreply())
        client.ehlo_or_helo_if_needed()
        if settings.security is Security.STARTTLS:
            if not client.has_extn("starttls"):
                raise smtplib.SMTPNotSupportedError("the server offers no STARTTLS")
            self._step("STARTTLS", client.docmd("STARTTLS"))
            client.encrypt(settings)
            client.ehlo_or_helo_if_needed()
        if settings.username:
            client.login(settings.username, settings.password)
        return client

    def _step(self, name: str, reply: tuple[int, bytes], *, wanted: int = 2) -> None:
        code, text = reply
        if code // 100 != wanted:
            raise _RefusedError(name, code, text)


def _dotted(message: EmailMessage) -> bytes:
    """Return the message as DATA wants it, without the final dot (RFC 5321, 4.5.2)."""
    raw = message.as_bytes(policy=POLICY)
    raw = raw if raw.endswith(b"\r\n") else raw + b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", raw)


def _trusting(ca_file: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except OSError as error:
        raise OSError(f"cannot use the certificates in {ca_file}: {error}") from error


class _Client(smtplib.SMTP):
    """The client of the standard library, with one deadline for all it does."""

    def __init__(self, helo: str, deadline: Deadline) -> None:
        super().__init__(local_hostname=helo)
        self.deadline = deadline

    def open(self, host: str, port: int) -> None:
        """Connect to the first address of the host that answers."""
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        failure = OSError(f"the mail server {host} has no address")
        for tries, (*_, address) in zip(range(len(found), 0, -1), found, strict=True):
            share = self.deadline.left() / tries
            try:
                place = (str(address[0]), port)
                self.sock = socket.create_connection(place, timeout=share)
            except OSError as error:
                failure = error
            else:
                # The dot is written alone, and must not wait for an acknowledgement.
                self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return
        raise failure

    def encrypt(self, settings: SmtpSettings) -> None:
        """Begin TLS and forget all that was said in plain text (RFC 3207, 4.2)."""
        context = _trusting(settings.ca_file)
        self._limit()
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("the connection is closed")
        self.sock = context.wrap_socket(self.sock, server_hostname=settings.host)
        self.file = None
        self.helo_resp = self.ehlo_resp = None
        self.esmtp_features = {}
        self.does_esmtp = False

    def send(self, s: Any) -> None:
        self._limit()
        super().send(s)

    def getreply(self) -> tuple[int, bytes]:
        # smtplib keeps the file for the life of the connection; `encrypt` drops it.
        if self.file is None:
            self.file = _Replies(self)
        return super().getreply()

    def receive(self) -> bytes:
        self._limit()
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("the connection is closed")
        return self.sock.recv(4096)

    def _limit(self) -> None:
        if self.sock is not None:
            self.sock.settimeout(self.deadline.left())


class _Replies:
    """The lines that a server sends, each read within the time that is left."""

    def __init__(self, client: _Client) -> None:
        self._client = client
        self._buffer = b""

    def readline(self, limit: int) -> bytes:
        while b"\n" not in self._buffer and len(self._buffer) < limit:
            received = self._client.receive()
            if not received:
                break
            self._buffer += received
        end = self._buffer.find(b"\n") + 1 or len(self._buffer)
        line, self._buffer = self._buffer[:end][:limit], self._buffer[min(end, limit) :]
        return line

    def close(self) -> None:
        self._buffer = b""
