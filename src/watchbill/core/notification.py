"""Notification: one message to one recipient, attempted until it is settled.

An attempt has one of five outcomes. *Delivered* means the provider took the
message. *Transient* and *throttled* are tried again with the same idempotency
key; a throttled one no sooner than the provider asked. *Permanent* is never
tried again; nor is one that the provider wants to see no sooner than tomorrow.
*Unknown* means that the request left and no answer came: it is sent
again, because a missing page is worse than a doubled one, and the record says
that a duplicate is possible (I5).

As soon as the first attempt by one method fails, the next method of the same
person is started beside it; the first goes on trying, because two messages are
cheaper than none. Every notification ends in a state with an owner: delivered,
superseded, or failed; after a failure of the last method the ladder moves on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

MAX_ATTEMPTS = 6
"""With the back-off below the last attempt is made about four minutes in."""

_BACK_OFF = (5, 10, 30, 60, 120)

LONGEST_WAIT = timedelta(days=1)
"""A provider that asks for more has refused."""


class Outcome(StrEnum):
    """How one attempt ended."""

    DELIVERED = "delivered"
    TRANSIENT = "transient"
    THROTTLED = "throttled"
    PERMANENT = "permanent"
    UNKNOWN = "unknown"


class NotificationState(StrEnum):
    """Where a notification stands. The first two are open, the rest are final."""

    WAITING = "waiting"
    SENDING = "sending"
    DELIVERED = "delivered"
    #: No longer wanted when its turn came, such as a page after the acknowledgement.
    SUPERSEDED = "superseded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One way to reach somebody: a channel, and the address in it."""

    channel: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """The result of one attempt as the sender saw it."""

    outcome: Outcome
    detail: str = ""
    #: What the provider calls the message, if it said.
    provider_ref: str = ""
    #: How long the provider asks us to wait, from a Retry-After header.
    retry_after: timedelta | None = None
    #: It is this address that is refused for good, and not us or the message.
    is_bad_address: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What happens to a notification after an attempt, and why."""

    state: NotificationState
    #: When to try again; None in a final state.
    retry_at: datetime | None
    #: Whether the recipient's next contact method starts now.
    start_next_method: bool
    reason: str


def after_attempt(attempt: Attempt, *, number: int, now: datetime) -> Verdict:
    """Return what follows from attempt ``number`` (1 is the first) ending now."""
    match attempt.outcome:
        case Outcome.DELIVERED:
            return Verdict(
                state=NotificationState.DELIVERED,
                retry_at=None,
                start_next_method=False,
                reason="the provider took it",
            )
        case Outcome.PERMANENT:
            return _fail("the provider refused it for good")
        case Outcome.TRANSIENT | Outcome.THROTTLED | Outcome.UNKNOWN:
            return _again(attempt, number=number, now=now)


def _again(attempt: Attempt, *, number: int, now: datetime) -> Verdict:
    if number >= MAX_ATTEMPTS:
        return _fail(f"{number} attempts did not succeed")
    wait = timedelta(seconds=_BACK_OFF[min(number, len(_BACK_OFF)) - 1])
    wait = max(wait, attempt.retry_after or wait)
    if wait > LONGEST_WAIT:
        return _fail("the provider asks to wait for more than a day")
    return Verdict(
        state=NotificationState.WAITING,
        retry_at=now + wait,
        start_next_method=True,
        reason=f"{attempt.outcome}; attempt {number + 1} of {MAX_ATTEMPTS} follows",
    )


def _fail(reason: str) -> Verdict:
    return Verdict(
        state=NotificationState.FAILED,
        retry_at=None,
        start_next_method=True,
        reason=reason,
    )


WINDOW = timedelta(minutes=1)
MESSAGES_A_WINDOW = 5
"""More than this many in a minute are noise that hides the one that matters."""


def next_room(
    started: Sequence[datetime], *, now: datetime, limit: int = MESSAGES_A_WINDOW
) -> datetime | None:
    """Return when the next message may go to one recipient; None means at once.

    ``started`` are the instants at which the latest messages to it left, in any
    order. The first of a minute always goes at once; beyond the limit the others wait
    until there is room, and then go as one digest (S7.1-10, F20).
    """
    if len(started) < limit:
        return None
    since = now - WINDOW
    recent = sorted(at for at in started if at > since)
    if len(recent) < limit:
        return None
    return recent[-limit] + WINDOW
