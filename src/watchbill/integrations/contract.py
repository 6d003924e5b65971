"""What every provider's folder agrees with the server on.

A provider turns bytes into signals, or a notice into one request; it never opens a
connection. The server carries the request and hands back an `Answer`, which the
provider reads, or a `TransportFailure`, which means the same for every provider:
what certainly did not arrive is sent again, what may have arrived is sent again and
marked as a possible duplicate (I5), and what may not be sent at all is given up.

Secrets travel in headers and, with incoming webhooks, in the path of the URL. So
the text form of a request shows its host and its size, and nothing else: it may end
up in a log.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from enum import StrEnum
from typing import Protocol, runtime_checkable
from urllib.parse import urlsplit

from watchbill.core.alerts import Signal
from watchbill.core.messages import Notice
from watchbill.core.notification import Attempt, Outcome


class PayloadError(ValueError):
    """A source posted something that cannot be read as signals.

    ``where`` is a path into the document such as ``$.alerts[0].labels``; ``hint``
    tells the operator of the source what to do.
    """

    def __init__(self, *, where: str, problem: str, hint: str) -> None:
        self.where = where
        self.problem = problem
        self.hint = hint
        super().__init__(f"{where}: {problem}. {hint}")


class SettingsError(ValueError):
    """The settings of a channel are incomplete or contradict each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One HTTP request, complete but for the connection."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def __repr__(self) -> str:
        return f"<Outgoing {self.method} {_origin(self.url)}, {len(self.body)} bytes>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back over HTTP; the names of the headers are lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    #: Whether the body ends early: too long, too slow, or the connection was lost.
    truncated: bool = False


class FailureKind(StrEnum):
    """How far a request got that was not answered."""

    #: Not allowed to leave: a forbidden address, a broken URL.
    REFUSED = "refused"
    #: No byte of the request left this machine.
    NOT_SENT = "not_sent"
    #: Some of it left, and no status came back.
    MAYBE_SENT = "maybe_sent"


_OUTCOMES = {
    FailureKind.REFUSED: Outcome.PERMANENT,
    FailureKind.NOT_SENT: Outcome.TRANSIENT,
    FailureKind.MAYBE_SENT: Outcome.UNKNOWN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportFailure:
    """A request without an answer."""

    kind: FailureKind
    detail: str

    def attempt(self) -> Attempt:
        """Return the failure as the result of an attempt."""
        return Attempt(outcome=_OUTCOMES[self.kind], detail=self.detail)


@runtime_checkable
class Inbound(Protocol):
    """The module ``inbound.py`` of a source."""

    def parse(self, body: bytes) -> tuple[Signal, ...]:
        """Return the signals of a request body, or raise `PayloadError`."""
        ...


@runtime_checkable
class Outbound(Protocol):
    """The module ``outbound.py`` of a channel that is reached over HTTP."""

    def render(self, notice: Notice, settings: Mapping[str, str]) -> Outgoing:
        """Return the request that sends the notice, or raise `SettingsError`."""
        ...

    def read(self, answer: Answer) -> Attempt:
        """Return what the provider's answer means; never raises."""
        ...


@runtime_checkable
class MailOutbound(Protocol):
    """The module ``outbound.py`` of a channel that is reached over SMTP."""

    @property
    def render(self) -> "RenderMail":
        """The function that writes the message."""
        ...

    def read_smtp(self, code: int, text: str) -> Attempt:
        """Return what a reply of the mail server means; never raises."""
        ...


class RenderMail(Protocol):
    """Write a notice as a mail."""

    def __call__(
        self, notice: Notice, *, to: str, sender: str, domain: str, now: datetime
    ) -> EmailMessage:
        """Return the message, or raise `SettingsError` for a bad address."""
        ...


def _origin(url: str) -> str:
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.hostname}"
    except ValueError:
        return "(unreadable URL)"
