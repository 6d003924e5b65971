"""Aftercare: what follows a message that failed, or that nobody attends to any more.

A worker may die in the last attempt it had; a provider may take a message and never
deliver it; a channel may be taken out of the set-up while messages wait for it. Each
such row is settled by itself, and one that cannot be settled is put by for a while, so
that it holds up no other (I10). Then the ladder moves on, if nobody was told (S2.2-09).
"""

import logging
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction

from watchbill.server import clock, faults
from watchbill.server.incidents import actions as incidents
from watchbill.server.incidents import queries as incident_queries
from watchbill.server.incidents.models import TimelineKind
from watchbill.server.notifications import actions, digests, queries
from watchbill.server.notifications.models import Notification, Purpose, ReceiptWait
from watchbill.server.web.live import announce
from watchbill.server.web.masking import mask

_LOST_RECEIPT = "its provider took it and sent no receipt"
_AFTER_ERROR = timedelta(minutes=1)
_ORPHANED_AFTER = timedelta(minutes=2)

logger = logging.getLogger(__name__)


def look_after_some(channel: str, *, now: datetime, wall: datetime) -> None:
    """Settle what no attempt will settle any more."""
    while give_up_one(channel, now=now, wall=wall):
        pass
    while follow_receipt(channel, now=now, wall=wall):
        pass


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
            after_failure(row, now=now)
    except Exception as error:  # the row must not hold up its channel
        if faults.is_lost(error):
            raise
        logger.exception("notification %s cannot be given up", row.pk)
        actions.put_by(row, until=wall + _AFTER_ERROR)
    return True


@transaction.atomic
def follow_receipt(channel: str, *, now: datetime, wall: datetime) -> bool:
    """Start the next method for one message that was taken and did not arrive (F11)."""
    row = queries.take_unconfirmed(channel, wall=wall)
    if row is None:
        return False
    try:
        with transaction.atomic():
            _follow(row, now=now, wall=wall)
    except Exception as error:  # the row must not hold up its channel
        if faults.is_lost(error):
            raise
        logger.exception("the receipt of notification %s cannot be followed", row.pk)
        actions.await_receipt(row, until=wall + _AFTER_ERROR)
    announce("notifications")
    return True


def _follow(row: Notification, *, now: datetime, wall: datetime) -> None:
    if row.receipt == ReceiptWait.FAILED:
        actions.fail_delivered(row, row.detail, now=now, wall=wall)
        after_failure(row, now=now)
        return
    has_next = bool(row.next_methods)
    text = f"No receipt for {row.recipient} by {row.channel}"
    actions.miss_receipt(row, now=now, wall=wall)
    record(row, TimelineKind.WARNING, text, now=now, detail=_LOST_RECEIPT)
    if not has_next:
        _move_on_if_hopeless(row, now=now)


@transaction.atomic
def settle_orphan(known: Collection[str], *, now: datetime, wall: datetime) -> bool:
    """Fail one message of a channel that no node has any more (I2)."""
    row = queries.take_orphan(known, due_before=wall - _ORPHANED_AFTER)
    if row is None:
        return False
    try:
        with transaction.atomic():
            actions.fail_orphan(row, now=now, wall=wall)
            after_failure(row, now=now)
    except Exception as error:  # nor may it hold up the other orphans
        if faults.is_lost(error):
            raise
        logger.exception("notification %s cannot be failed", row.pk)
        actions.put_by(row, until=wall + _AFTER_ERROR)
    return True


def after_failure(row: Notification, *, now: datetime) -> None:
    """Say on the timeline that a message failed, and let the ladder move on.

    The ladder moves on when nobody was or can still be told by the step. Two
    recipients may fail at once, so the question is asked while the incident is
    held: the second to ask sees the failure of the first.
    """
    if row.purpose == Purpose.DIGEST:
        for one in digests.fail_members(row, wall=clock.wall()):
            after_failure(one, now=now)
        return
    text = f"Could not tell {row.recipient} by {row.channel}"
    record(row, TimelineKind.WARNING, text, now=now, detail=row.detail)
    _move_on_if_hopeless(row, now=now)


def _move_on_if_hopeless(row: Notification, *, now: datetime) -> None:
    if row.incident_id is None or not row.contact_key or row.is_copy:
        return
    incident_queries.hold(row.incident_id)
    if actions.hasten_follow_ups(row, now=now):
        return
    if queries.hopeless(row):
        incidents.move_on(
            row.incident_id,
            because="Nobody was told by the last step, so the next one is due now.",
            now=now,
        )


def record(
    row: Notification,
    kind: TimelineKind,
    text: str,
    *,
    now: datetime,
    detail: str = "",
) -> None:
    """Write on the timeline what became of a message about an incident."""
    if row.incident_id is None:
        return
    incident = incident_queries.get(row.incident_id)
    incidents.record(
        incident,
        kind,
        text,
        actor=incidents.SYSTEM,
        now=now,
        detail=detail or by_of(row),
    )
    incidents.tell(incident)


def by_of(row: Notification) -> str:
    """Return by which way a message to a person went."""
    return f"by {row.channel} at {mask(row.address)}" if row.contact_key else ""
