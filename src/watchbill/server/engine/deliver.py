"""Delivering: claim a notification, attempt it, record what came of it.

The claim commits before the socket opens, the result after the provider answered;
between the two nothing is held in the database. A process that dies in between
leaves a lease that runs out, and the notification is attempted again with the same
key: never lost, at worst doubled, and then marked so (I5). A result is recorded
only while its attempt is the latest one (I6).

At the claim the incident is read under a lock that waits for anybody who is
changing it: a page is never sent after an acknowledgement that was committed
before its claim (I4).
"""

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from watchbill.core.ladder import StopOn, Verb
from watchbill.core.messages import Link, Notice
from watchbill.core.notification import Attempt, NotificationState, Outcome
from watchbill.server import clock, faults, signed
from watchbill.server.engine.channels import Channels
from watchbill.server.incidents import actions as incidents
from watchbill.server.incidents import queries as incident_queries
from watchbill.server.incidents.models import Incident, TimelineKind
from watchbill.server.notifications import actions, queries
from watchbill.server.notifications.models import Notification
from watchbill.server.web.live import announce

_AFTER_ERROR = timedelta(minutes=1)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One attempt that this process may make now."""

    attempt: int
    #: As it was when it was claimed.
    row: Notification
    #: What its notice asks for was done by then.
    is_answered: bool = False

    @property
    def notification_id(self) -> int:
        """The number of the notification."""
        return self.row.pk

    @property
    def channel(self) -> str:
        """The channel to attempt it by."""
        return self.row.channel

    @property
    def address(self) -> str:
        """Whom to reach by it."""
        return self.row.address


def deliver_some(channels: Channels, channel: str, *, node: str, limit: int) -> int:
    """Attempt up to ``limit`` notifications of a channel; return how many."""
    now, wall = clock.now(), clock.wall()
    while give_up_one(channel, now=now, wall=wall):
        pass
    claims = claim_some(channel, node=node, now=now, wall=wall, limit=limit)
    for one in claims:
        settle(one, attempt(channels, one), now=clock.now(), wall=clock.wall())
    return len(claims)


@transaction.atomic
def claim_some(
    channel: str, *, node: str, now: datetime, wall: datetime, limit: int
) -> list[Claim]:
    """Claim notifications that may be attempted now, dropping unwanted ones."""
    rows = queries.take_sendable(channel, wall=wall, limit=limit)
    held = incident_queries.hold_shared(
        {row.incident_id for row in rows if row.incident_id is not None}
    )
    claims = []
    for row in rows:
        incident = held[row.incident_id] if row.incident_id is not None else None
        reason = _unwanted(row, incident)
        if reason is not None:
            actions.supersede(row, reason, wall=wall)
            announce("notifications")
        else:
            number = actions.claim(row, node=node, now=now, wall=wall)
            claims.append(
                Claim(attempt=number, row=row, is_answered=_is_answered(row, incident))
            )
    return claims


@transaction.atomic
def give_up_one(channel: str, *, now: datetime, wall: datetime) -> bool:
    """Fail one notification whose last attempt died with its worker.

    Apart from the claims, because the ladder then moves on, which needs the
    incident's row for writing while a claim holds such rows for reading.
    """
    row = queries.take_spent(channel, wall=wall)
    if row is None:
        return False
    try:
        with transaction.atomic():
            actions.give_up(row, now=now, wall=wall)
            _after_failure(row, now=now)
    except Exception as error:  # the row must not hold up its channel
        if faults.is_lost(error):
            raise
        logger.exception("notification %s cannot be given up", row.pk)
        actions.look_again(row, at=wall + _AFTER_ERROR)
    return True


def attempt(channels: Channels, claim: Claim) -> Attempt:
    """Make the attempt; whatever goes wrong is an outcome and never an error."""
    try:
        notice = _notice(claim)
    except Exception as error:  # a notice that cannot be read stops no other
        return _broken(claim, error, Outcome.PERMANENT)
    try:
        return channels.send(claim.channel, claim.address, notice, now=clock.wall())
    except Exception as error:  # nor does a bug of a renderer or sender
        return _broken(claim, error, Outcome.UNKNOWN)


def _broken(claim: Claim, error: Exception, outcome: Outcome) -> Attempt:
    logger.error(
        "notification %s cannot be sent", claim.notification_id, exc_info=error
    )
    return Attempt(outcome=outcome, detail=f"{type(error).__name__}: {error}")


def _notice(claim: Claim) -> Notice:
    notice = queries.notice_of(claim.row, is_answered=claim.is_answered)
    links = (*_links(claim), *notice.links)
    return replace(notice, idempotency_key=claim.row.idempotency_key, links=links)


@transaction.atomic
def settle(claim: Claim, result: Attempt, *, now: datetime, wall: datetime) -> bool:
    """Record the result; False when the lease was lost and another attempt runs."""
    row = queries.hold(claim.notification_id, attempt=claim.attempt)
    if row is None:
        logger.warning(
            "attempt %s of notification %s ended %s after its lease was taken over",
            claim.attempt,
            claim.notification_id,
            result.outcome,
        )
        return False
    actions.settle(row, result, now=now, wall=wall)
    announce("notifications")
    if row.state == NotificationState.DELIVERED:
        _record(row, TimelineKind.DELIVERY, f"Told {row.recipient}", now=now)
    elif row.state == NotificationState.FAILED:
        _after_failure(row, now=now)
    return True


def _unwanted(row: Notification, incident: Incident | None) -> str | None:
    if incident is None:
        return None
    situation = incident_queries.situation_of(incident)
    return situation.stop_reason(StopOn(row.stop_on))


def _is_answered(row: Notification, incident: Incident | None) -> bool:
    if incident is None or not row.asks_until:
        return False
    situation = incident_queries.situation_of(incident)
    return situation.stop_reason(StopOn(row.asks_until)) is not None


def _links(claim: Claim) -> tuple[Link, ...]:
    """What the reader can press: taking the incident, and seeing it.

    A copy and a post carry no signed link: a shadow cannot take an incident
    (S4.4-07), and a post is read by more people than one.
    """
    row = claim.row
    if row.incident_id is None:
        return ()
    page = settings.BASE_URL + reverse("incidents:detail", args=[row.incident_id])
    console = Link(label="Open in the console", url=page)
    if row.is_copy or not row.contact_key:
        return (console,)
    verb = queries.verb_of(row, is_answered=claim.is_answered)
    asks = verb in {Verb.PAGE, Verb.ESCALATE}
    label = "Acknowledge" if asks else "See the incident"
    link = Link(label=label, url=signed.url_of(row.pk), is_primary=True)
    return (link, console)


def _after_failure(row: Notification, *, now: datetime) -> None:
    """Say on the timeline that a message failed, and let the ladder move on.

    The ladder moves on when nobody was or can still be told by the step. Two
    recipients may fail at once, so the question is asked while the incident is
    held: the second to ask sees the failure of the first.
    """
    text = f"Could not tell {row.recipient} by {row.channel}"
    _record(row, TimelineKind.WARNING, text, now=now, detail=row.detail)
    if row.incident_id is None or not row.contact_key or row.is_copy:
        return
    incident_queries.hold(row.incident_id)
    if queries.hopeless(row):
        incidents.move_on(
            row.incident_id,
            because="Nobody was told by the last step, so the next one is due now.",
            now=now,
        )


def _record(
    row: Notification,
    kind: TimelineKind,
    text: str,
    *,
    now: datetime,
    detail: str = "",
) -> None:
    if row.incident_id is None:
        return
    incident = incident_queries.get(row.incident_id)
    by = f"by {row.channel} at {_masked(row.address)}" if row.contact_key else ""
    incidents.record(
        incident,
        kind,
        text,
        actor=incidents.SYSTEM,
        now=now,
        detail=detail or by,
    )
    announce("incident", row.incident_id)


def _masked(address: str) -> str:
    name, at, domain = address.partition("@")
    return f"{name[:2]}...{at}{domain}" if at else address
