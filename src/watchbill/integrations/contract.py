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
from datetime import datetime, timedelta
from email.message import EmailMessage
from enum import StrEnum
from typing import Protocol, runtime_checkable
from urllib.parse import urlsplit

from watchbill.core.messages import Notice, Reply
from watchbill.core.notification import Attempt, Outcome
from watchbill.core.paging import AddressKind, MethodKind


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
class Setting:
    """One setting of a channel, read from ``WATCHBILL_<PREFIX>_<NAME>``.

    ``name`` is what the provider's functions find it by, in lower case.
    """

    name: str
    #: One sentence for the operator: what it is and where to find it.
    help: str
    is_secret: bool = False
    default: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """A set of settings that is enough to use a channel, and for what."""

    needs: frozenset[str]
    people: bool = False
    posts: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """What a folder says of itself as a channel: ``CHANNEL`` in ``outbound.py``.

    A channel is set up when every setting that one of its ``modes`` needs is given;
    the first such mode counts. Half a mode is a mistake, and stops the start.
    """

    kind: MethodKind
    modes: tuple[Mode, ...]
    #: Which of a person's addresses it takes; None when it reaches no single person.
    reaches: AddressKind | None = None
    settings: tuple[Setting, ...] = ()
    #: Of the names of its variables; None is the name of the folder.
    prefix: str | None = None
    #: Messages a second to one destination; None leaves it to the provider to say.
    per_second: float | None = None
    #: How many messages are under way at once.
    workers: int = 4
    #: A message whose receipt has not come after this long counts as failed, so that
    #: the next method starts (F11); None when the provider sends no receipts.
    receipt_within: timedelta | None = None
    #: Its addresses are URLs that people hand in. They lead to public addresses only,
    #: whatever networks the operator has allowed, and what comes back is not quoted.
    is_addressed_by_url: bool = False


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


@runtime_checkable
class Checked(Protocol):
    """What any ``outbound.py`` may have besides: a look at its settings at the start.

    A mistake then stops the start with a sentence, instead of the first page.
    """

    def check(self, settings: Mapping[str, str]) -> None:
        """Raise `SettingsError` for settings that could never send; never quote one."""
        ...


# ── Two-way channels ──────────────────────────────────────────────────────────────


class SignatureError(ValueError):
    """A call does not come from the provider.

    The message is for the log and is a constant: until the signature is checked, the
    words of a call are anybody's.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """An HTTP request of a provider to ``/hooks/<provider>/<door>``."""

    method: str
    door: str
    #: As the provider sees it, with the query: what signatures are made over.
    url: str
    #: Names in lower case.
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def __repr__(self) -> str:
        return f"<Call {self.method} {self.door}, {len(self.body)} bytes>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Somebody answers a notice, or asks for something, from within a channel."""

    #: Who, as this channel names people: a number in E.164, a chat, a member id.
    address: str
    #: None when only ``text`` says what is wanted.
    reply: Reply | None = None
    #: The token of a `Button`; empty when the notice is named by ``code`` or by
    #: nothing, and then the latest one sent to the address is meant.
    token: str = ""
    code: str = ""
    #: What was typed, such as the words after a slash command.
    text: str = ""
    #: Where the provider wants the answer; only the provider's module reads it.
    reply_to: Mapping[str, str] = field(default_factory=dict)


class ReceiptState(StrEnum):
    """What became of a message that the provider had taken."""

    DELIVERED = "delivered"
    FAILED = "failed"
    #: The person wants no more of these, such as by STOP.
    OPTED_OUT = "opted_out"
    OPTED_IN = "opted_in"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A delivery receipt. ``provider_ref`` is that of the `Attempt`."""

    provider_ref: str
    state: ReceiptState
    detail: str = ""
    #: For OPTED_OUT and OPTED_IN, which concern an address and no message.
    address: str = ""


Event = Asked | Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of an `Asked`, in words fit for the person who asked."""

    asked: Asked
    text: str
    is_change: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HookReply:
    """The HTTP response to a call."""

    status: int = 200
    content_type: str = "text/plain; charset=utf-8"
    body: bytes = b""


@runtime_checkable
class TwoWay(Protocol):
    """The module ``twoway.py`` of a channel that carries answers back.

    All functions are pure. ``settings`` are those of the channel, with ``hook_url``,
    the address of its hooks without a door.
    """

    #: Where calls come in; every other door is closed.
    DOORS: frozenset[str]
    #: For how long a call with the mark of an earlier one is that one again. A year
    #: where the signature covers no time, because such a call never ages; minutes where
    #: nothing in a call tells it from another one with equal words.
    SAME_FOR: timedelta

    def verify(self, call: Call, settings: Mapping[str, str], *, now: datetime) -> None:
        """Raise `SignatureError` unless the provider made this call, and lately."""
        ...

    def read(self, call: Call) -> tuple[Event, ...]:
        """Return what a verified call says, or raise `PayloadError`."""
        ...

    def mark(self, call: Call) -> str:
        """Return what names a call that was read, and is the same when it is repeated.

        It is made of nothing that somebody who repeats the call could change.
        """
        ...

    def answer(self, call: Call, results: tuple[Result, ...]) -> HookReply:
        """Return the response once everything asked for is done."""
        ...

    def follow_up(self, result: Result, settings: Mapping[str, str]) -> Outgoing | None:
        """Return a request that shows the result in the channel, if one is needed.

        It is made once and after the response; nothing depends on its success.
        """
        ...


@runtime_checkable
class Polled(Protocol):
    """The module ``polling.py`` of a channel that can be asked for what came in.

    For installations that the provider cannot reach from the internet.
    """

    def poll(self, settings: Mapping[str, str], *, cursor: str) -> Outgoing | None:
        """Return the request for what came after ``cursor``; None to ask nothing."""
        ...

    def read_poll(
        self, answer: Answer, *, cursor: str
    ) -> tuple[tuple[Event, ...], str]:
        """Return what came, and the next cursor; raise `PayloadError`."""
        ...

    def respond(self, result: Result, settings: Mapping[str, str]) -> Outgoing | None:
        """Return a request that says what the response to a call would have said."""
        ...


# ── Channels that are not reached over HTTP ───────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One command to a modem and what ends its answer (3GPP TS 27.005, 27.007)."""

    send: bytes
    #: Waited for before the next command; the answer's last line begins with one.
    until: tuple[str, ...] = ("OK", "ERROR", "+CMS ERROR", "+CME ERROR")
    seconds: float = 5.0
    #: From here on the message may be under way although no answer came.
    commits: bool = False


@runtime_checkable
class SerialOutbound(Protocol):
    """The module ``outbound.py`` of a channel that is reached over a serial line."""

    def dialog(self, notice: Notice, *, to: str) -> tuple[Exchange, ...]:
        """Return the commands that send the notice, or raise `SettingsError`."""
        ...

    def reply(self, result: Result) -> tuple[Exchange, ...]:
        """Return the commands that tell the person who asked; empty for nothing."""
        ...

    def read_lines(self, lines: tuple[str, ...], *, to: str) -> Attempt:
        """Return what the modem's answer to the last command means; never raises."""
        ...


@runtime_checkable
class LibraryOutbound(Protocol):
    """The module ``outbound.py`` of a channel that another library speaks for us."""

    def text(self, notice: Notice) -> tuple[str, str]:
        """Return the title and the body to hand over."""
        ...

    def read_result(self, result: str) -> Attempt:
        """Return what the library's result means; never raises."""
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
