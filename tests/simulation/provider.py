"""Providers as they are: they accept, refuse, lose answers, and remember everything.

What a provider does with a request and what its client learns are two things. The
record of requests lies outside the system under test, as a phone does.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from watchbill.core.notification import Attempt, Outcome


class Mood(StrEnum):
    """How a provider behaves until it is told otherwise."""

    ACCEPTS = "accepts"
    REFUSES = "refuses"
    #: 200, and a body that says no, as Slack does (F9).
    SAYS_NO_IN_200 = "says_no_in_200"
    FAILS = "fails"
    THROTTLES = "throttles"
    #: It takes the message, and the answer is lost (F10).
    LOSES_THE_ANSWER = "loses_the_answer"
    #: It takes nothing, and does not answer.
    HANGS = "hangs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What comes back over the wire; ``status`` is None when nothing does."""

    status: int | None
    is_ok: bool = False
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One message as a provider saw it."""

    at: datetime
    channel: str
    address: str
    idempotency_key: str
    page: tuple[str, str, str, str]
    verb: str
    is_late: bool
    accepted: bool


_REPLIES = {
    Mood.ACCEPTS: Reply(status=200, is_ok=True),
    Mood.REFUSES: Reply(status=400),
    Mood.SAYS_NO_IN_200: Reply(status=200),
    Mood.FAILS: Reply(status=503),
    Mood.THROTTLES: Reply(status=429, retry_after=timedelta(seconds=30)),
    Mood.LOSES_THE_ANSWER: Reply(status=None),
    Mood.HANGS: Reply(status=None),
}

_ACCEPTING = frozenset({Mood.ACCEPTS, Mood.LOSES_THE_ANSWER})


@dataclass
class Providers:
    """Every provider, by channel."""

    moods: dict[str, Mood] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    def take(self, request: Request) -> Reply:
        """Receive a request; answer it, or not."""
        self.requests.append(request)
        return _REPLIES[self.mood(request.channel)]

    def mood(self, channel: str) -> Mood:
        """Return how a channel behaves now."""
        return self.moods.get(channel, Mood.ACCEPTS)

    def takes(self, channel: str) -> bool:
        """Return whether a message sent now would arrive."""
        return self.mood(channel) in _ACCEPTING

    def accepted(self) -> list[Request]:
        """Return what arrived."""
        return [one for one in self.requests if one.accepted]


def read(reply: Reply) -> Attempt:
    """Return what a reply means, as the folders of providers do."""
    match reply:
        case Reply(status=None):
            return Attempt(outcome=Outcome.UNKNOWN)
        case Reply(status=200, is_ok=True):
            return Attempt(outcome=Outcome.DELIVERED)
        case Reply(status=429, retry_after=wait):
            return Attempt(outcome=Outcome.THROTTLED, retry_after=wait)
        case Reply(status=503):
            return Attempt(outcome=Outcome.TRANSIENT)
    return Attempt(outcome=Outcome.PERMANENT)
