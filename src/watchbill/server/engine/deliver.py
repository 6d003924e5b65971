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
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from watchbill.core.ladder import StopOn
from watchbill.core.notification import Attempt, NotificationState, Outcome
from watchbill.core.paging import AddressKind
from watchbill.plan.sections.communication import Threads
from watchbill.server import clock, faults
from watchbill.server.engine import measures
from watchbill.server.engine.aftercare import (
    after_failure,
    by_of,
    look_after_some,
    record,
)
from watchbill.server.engine.channels import Channels
from watchbill.server.engine.outgoing import notice_for
from watchbill.server.engine.room import Room, renew_digest, unwanted
from watchbill.server.hooks import queries as hooks
from watchbill.server.incidents import actions as incidents
from watchbill.server.incidents import queries as incident_queries
from watchbill.server.incidents.models import Incident, TimelineKind
from watchbill.server.incidents.timeline import entry, record_all
from watchbill.server.notifications import actions, queries
from watchbill.server.notifications.models import Notification, Purpose
from watchbill.server.people import actions as people
from watchbill.server.plans import queries as plans
from watchbill.server.web.live import announce

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One attempt that this process may make now."""

    attempt: int
    #: As it was when it was claimed.
    row: Notification
    #: When it was claimed; whoever sends it has no database to ask for the time.
    wall: datetime
    #: What its notice asks for was done by then.
    is_answered: bool = False
    #: What the provider calls the message that it follows in a thread.
    follows: str = ""

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
    """Attempt up to ``limit`` notifications of a channel, one by one; return how many.

    For one thread alone; the engine has a :class:`~.dispatch.Dispatcher`.
    """
    now, wall = clock.now(), clock.wall()
    look_after_some(channel, now=now, wall=wall)
    claims = claim_some(channel, node=node, now=now, wall=wall, limit=limit)
    for one in claims:
        settle_some(
            [(one, attempt(channels, one))],
            receipt_within=channels.receipt_within(channel),
            reaches=channels.address_kind(channel),
            now=clock.now(),
            wall=clock.wall(),
        )
    return len(claims)


@dataclass(frozen=True, slots=True, kw_only=True)
class Except:
    """What is left alone in a round although it waits."""

    #: Addresses for which another message would be too soon.
    addresses: Collection[str] = ()
    #: Incidents that somebody was changing a moment ago.
    incidents: Collection[int] = ()
    #: Whether no address gets two messages of one round.
    one_each: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What came of looking for something to send."""

    claims: tuple[Claim, ...] = ()
    #: How many rows were dealt with, also by dropping them.
    dealt_with: int = 0
    #: Incidents that somebody was changing, so that their messages must wait.
    busy: frozenset[int] = frozenset()


_NOTHING = Except()

_Threads = Mapping[tuple[str, int], str]
"""What the post is called that later ones follow, by its place and its incident."""


def claim_some(
    channel: str, *, node: str, now: datetime, wall: datetime, limit: int
) -> list[Claim]:
    """Claim notifications that may be attempted now, dropping unwanted ones."""
    found = claim_round(channel, node=node, now=now, wall=wall, limit=limit)
    return list(found.claims)


@transaction.atomic
def claim_round(
    channel: str,
    *,
    node: str,
    now: datetime,
    wall: datetime,
    limit: int,
    but: Except = _NOTHING,
) -> Round:
    """Claim as :func:`claim_some` does, and say what else was seen.

    Nobody is waited for: what is about an incident that somebody is changing is left
    for the next round.
    """
    rows = queries.take_sendable(
        channel,
        now=now,
        wall=wall,
        limit=limit,
        without=but.addresses,
        busy=but.incidents,
    )
    about = {row.incident_id for row in rows if row.incident_id is not None}
    held = incident_queries.hold_shared(about)
    room = Room(channel, rows, now=now, wall=wall)
    threads = _threads(channel, rows, held)
    claims: list[Claim] = []
    left = 0
    for row in rows:
        if row.incident_id is not None and row.incident_id not in held:
            left += 1
            continue
        if but.one_each and any(one.address == row.address for one in claims):
            left += 1
            continue
        incident = held[row.incident_id] if row.incident_id is not None else None
        verdict = _verdict(row, incident, room, wall=wall)
        if verdict is None:
            left += 1
        elif verdict:
            claims.append(_claim(row, incident, threads, wall=wall))
    _begin(claims, node=node, now=now, wall=max(wall, clock.wall()))
    return Round(
        claims=tuple(claims),
        dealt_with=len(rows) - left,
        busy=frozenset(about - set(held)),
    )


def _verdict(
    row: Notification, incident: Incident | None, room: Room, *, wall: datetime
) -> bool | None:
    """Whether a held message leaves now; None when it must be looked at again."""
    if room.is_gone(row):
        return False
    if row.purpose == Purpose.DIGEST:
        return renew_digest(row, wall=wall)
    if (reason := unwanted(row, incident)) is not None:
        actions.supersede(row, reason, wall=wall)
        announce("notifications")
        return False
    return room.take(row)


def _claim(
    row: Notification, incident: Incident | None, threads: _Threads, *, wall: datetime
) -> Claim:
    follows = ""
    if incident is not None and not row.contact_key:
        follows = threads.get((row.address, incident.pk), "")
    return Claim(
        attempt=row.attempts + 1,
        row=row,
        wall=wall,
        is_answered=_is_answered(row, incident),
        follows=follows,
    )


def _begin(claims: list[Claim], *, node: str, now: datetime, wall: datetime) -> None:
    if not claims:
        return
    actions.claim_all([one.row for one in claims], node=node, now=now, wall=wall)
    for one in claims:
        if one.attempt == 1:
            measures.first_attempt(one.channel, now - one.row.due_at)


def attempt(channels: Channels, claim: Claim) -> Attempt:
    """Make the attempt; whatever goes wrong is an outcome and never an error."""
    try:
        notice = notice_for(
            claim.row, is_answered=claim.is_answered, follows=claim.follows
        )
    except Exception as error:  # a notice that cannot be read stops no other
        return _broken(claim, error, Outcome.PERMANENT)
    try:
        return channels.send(claim.channel, claim.address, notice, now=claim.wall)
    except Exception as error:  # nor does a bug of a renderer or sender
        return _broken(claim, error, Outcome.UNKNOWN)


def _broken(claim: Claim, error: Exception, outcome: Outcome) -> Attempt:
    logger.error(
        "notification %s cannot be sent", claim.notification_id, exc_info=error
    )
    return Attempt(outcome=outcome, detail=f"{type(error).__name__}: {error}")


def settle_some(
    results: list[tuple[Claim, Attempt]],
    *,
    receipt_within: timedelta | None = None,
    reaches: AddressKind | None = None,
    now: datetime,
    wall: datetime,
) -> None:
    """Record results and take them off the list: what was delivered at once.

    Every failure is recorded by itself: it may move a ladder on, which holds its
    incident, and two of them in one transaction could wait for each other. What cannot
    be recorded because of a passing fault stays on the list, to be tried again; an
    error that is lost with the connection is raised and leaves the rest on it.
    """
    delivered = [one for one in results if one[1].outcome is Outcome.DELIVERED]
    try:
        _settle_delivered(delivered, receipt_within=receipt_within, now=now, wall=wall)
    except Exception as error:  # one of them; it is found below
        if faults.is_lost(error):
            raise
        logger.warning("%s results are recorded one by one: %s", len(results), error)
    else:
        results[:] = [one for one in results if one[1].outcome is not Outcome.DELIVERED]
    for one in list(results):
        if _settle_single(
            *one, receipt_within=receipt_within, reaches=reaches, now=now, wall=wall
        ):
            results.remove(one)


def _settle_single(
    claim: Claim,
    result: Attempt,
    *,
    receipt_within: timedelta | None,
    reaches: AddressKind | None,
    now: datetime,
    wall: datetime,
) -> bool:
    """Record one result whatever else fails; False to try it again."""
    try:
        settle(
            claim,
            result,
            receipt_within=receipt_within,
            reaches=reaches,
            now=now,
            wall=wall,
        )
    except Exception as error:  # the results of others must not be lost for it
        if faults.is_lost(error):
            raise
        if faults.is_passing(error):
            return False
        logger.exception("what follows notification %s fails", claim.notification_id)
        _settle_bare(claim, result, now=now, wall=wall)
    return True


@transaction.atomic
def _settle_bare(
    claim: Claim, result: Attempt, *, now: datetime, wall: datetime
) -> None:
    """Record a result without what should follow it, which cannot be decided."""
    row = queries.hold(claim.notification_id, attempt=claim.attempt)
    if row is not None:
        actions.settle(row, result, now=now, wall=wall)


@transaction.atomic
def _settle_delivered(
    results: Sequence[tuple[Claim, Attempt]],
    *,
    receipt_within: timedelta | None,
    now: datetime,
    wall: datetime,
) -> None:
    if not results:
        return
    attempts = {claim.notification_id: result for claim, result in results}
    numbers = {claim.notification_id: claim.attempt for claim, _ in results}
    rows = queries.hold_many(numbers)
    for lost in sorted(set(numbers) - {row.pk for row in rows}):
        _log_taken_over(lost, numbers[lost], attempts[lost])
    actions.settle_delivered(
        [(row, attempts[row.pk]) for row in rows],
        receipt_within=receipt_within,
        wall=wall,
    )
    record_all(
        [
            _told(row, incident_id, now=now)
            for row in rows
            if (incident_id := row.incident_id) is not None
        ]
    )
    announce("notifications")
    incidents.tell_all({row.incident_id for row in rows if row.incident_id})
    for row in rows:
        measures.attempted(row.channel, Outcome.DELIVERED)


def _told(row: Notification, incident_id: int, *, now: datetime) -> dict[str, Any]:
    return entry(
        incident_id,
        TimelineKind.DELIVERY,
        f"Told {row.recipient}",
        actor=incidents.SYSTEM,
        at=now,
        detail=by_of(row),
    )


def _log_taken_over(notification_id: int, number: int, result: Attempt) -> None:
    logger.warning(
        "attempt %s of notification %s ended %s after its lease was taken over",
        number,
        notification_id,
        result.outcome,
    )


@transaction.atomic
def settle(
    claim: Claim,
    result: Attempt,
    *,
    receipt_within: timedelta | None = None,
    reaches: AddressKind | None = None,
    now: datetime,
    wall: datetime,
) -> bool:
    """Record the result; False when the lease was lost and another attempt runs."""
    row = queries.hold(claim.notification_id, attempt=claim.attempt)
    if row is None:
        _log_taken_over(claim.notification_id, claim.attempt, result)
        return False
    actions.settle(row, result, receipt_within=receipt_within, now=now, wall=wall)
    measures.attempted(row.channel, result.outcome)
    if result.is_bad_address and row.contact_key and reaches is not None:
        people.note_refusal(
            row.contact_key, reaches, row.address, result.detail, wall=wall
        )
    announce("notifications")
    if row.state == NotificationState.DELIVERED:
        record(row, TimelineKind.DELIVERY, f"Told {row.recipient}", now=now)
    elif row.state == NotificationState.FAILED:
        after_failure(row, now=now)
    return True


def _threads(
    channel: str, rows: Iterable[Notification], held: Mapping[int, Incident]
) -> _Threads:
    """The posts that these ones follow, by place and incident (A53)."""
    numbers = {
        row.incident_id
        for row in rows
        if row.incident_id in held and not row.contact_key
    }
    followed = {
        number
        for number in numbers
        if number is not None and _is_threaded(held[number])
    }
    return hooks.thread_refs(channel, followed) if followed else {}


def _is_threaded(incident: Incident) -> bool:
    plan = plans.plan_of(incident.plan_version_id)
    return plan.communication.threads is not Threads.NONE


def _is_answered(row: Notification, incident: Incident | None) -> bool:
    if incident is None or not row.asks_until:
        return False
    situation = incident_queries.situation_of(incident)
    return situation.stop_reason(StopOn(row.asks_until)) is not None
