"""Writing the outbox: enqueue, claim, settle.

``now`` is the time of the plan and stands in the records; ``wall`` is the time of
machines and governs leases and retries.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zlib import crc32

import msgspec
from django.db import transaction
from django.db.models import F

from watchbill.core.ladder import Step, StopOn
from watchbill.core.messages import Notice
from watchbill.core.notification import (
    Attempt,
    Method,
    NotificationState,
    Outcome,
    Verdict,
    after_attempt,
)
from watchbill.core.severity import Urgency
from watchbill.server import bulk
from watchbill.server.notifications import queries
from watchbill.server.notifications.models import (
    Delivery,
    Notification,
    Purpose,
    ReceiptWait,
)

LEASE = timedelta(seconds=30)
"""Longer than any send may take (10 s) and the commit after it."""

_DIED = "its process died or lost the database before it could record the result"


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """One person or channel to tell, and by which methods, best first."""

    contact_key: str
    recipient: str
    methods: tuple[Method, ...]
    notice: Notice
    step: Step
    stop_on: StopOn
    #: Not before this instant of the plan's time.
    at: datetime
    #: Wanted only while the person has not answered what came before.
    is_follow_up: bool = False
    #: What is said instead once the step is no longer wanted and others still are.
    once_answered: tuple[Step, Notice] | None = None
    is_copy: bool = False
    is_late: bool = False


def enqueue(
    tellings: Iterable[Telling],
    *,
    incident_id: int,
    now: datetime,
    wall: datetime,
) -> None:
    """Insert a notification for the first method of each telling.

    Call it in the transaction that decided them. A key that exists already is
    left alone, so that a decision repeated after a crash adds nothing (S3.2-18).
    """
    enqueue_all(((incident_id, one) for one in tellings), now=now, wall=wall)


def enqueue_all(
    tellings: Iterable[tuple[int, Telling]], *, now: datetime, wall: datetime
) -> None:
    """Insert the notifications of many incidents, as :func:`enqueue` does for one."""
    bulk.insert(
        [
            _row(telling, incident_id=incident_id, now=now, wall=wall)
            for incident_id, telling in tellings
        ],
        ignore_conflicts=True,
    )


def enqueue_about_watch(
    tellings: Iterable[Telling],
    *,
    swap_id: int | None = None,
    now: datetime,
    wall: datetime,
) -> None:
    """Insert what is told of shifts and swaps, as :func:`enqueue` does of incidents.

    With ``swap_id`` each carries a link by which its reader answers that request.
    """
    rows = []
    for telling in tellings:
        row = _row(telling, incident_id=None, now=now, wall=wall)
        row.purpose, row.swap_id = Purpose.ON_CALL, swap_id
        rows.append(row)
    bulk.insert(rows, ignore_conflicts=True)


def give_up(notification: Notification, *, now: datetime, wall: datetime) -> None:
    """Fail a held notification whose worker died in the last attempt it had."""
    _record_lost_attempt(notification, now=now, wall=wall)
    write_held(
        notification,
        state=NotificationState.FAILED,
        settled_at=wall,
        lease_until=None,
        detail=f"{notification.attempts} attempts; {_DIED}",
    )


def claim_all(
    rows: Sequence[Notification], *, node: str, now: datetime, wall: datetime
) -> None:
    """Begin an attempt of each of these held notifications; ``attempts`` counts it."""
    for row in rows:
        if row.state == NotificationState.SENDING:
            _record_lost_attempt(row, now=now, wall=wall)
    Notification.objects.filter(pk__any=[row.pk for row in rows]).update(
        state=NotificationState.SENDING,
        attempts=F("attempts") + 1,
        lease_until=wall + LEASE,
        last_attempt_at=wall,
    )
    for row in rows:
        row.state = NotificationState.SENDING
        row.attempts += 1
        row.lease_until, row.last_attempt_at = wall + LEASE, wall
    bulk.insert(
        [
            Delivery(
                notification_id=row.pk, number=row.attempts, started_at=wall, node=node
            )
            for row in rows
        ]
    )


def supersede(notification: Notification, reason: str, *, wall: datetime) -> None:
    """Give up a held notification that is no longer wanted (I4)."""
    if notification.state == NotificationState.SENDING:
        _mark_lost(notification, wall=wall)
    write_held(
        notification,
        state=NotificationState.SUPERSEDED,
        settled_at=wall,
        lease_until=None,
        detail=reason,
    )


def settle(
    notification: Notification,
    attempt: Attempt,
    *,
    receipt_within: timedelta | None = None,
    now: datetime,
    wall: datetime,
) -> Verdict:
    """Record how the latest attempt of a held notification ended.

    With ``receipt_within``, what the provider took is not done yet: somebody looks
    again when the receipt should have come.
    """
    number = notification.attempts
    verdict = after_attempt(attempt, number=number, now=wall)
    Delivery.objects.filter(notification=notification, number=number).update(
        finished_at=wall,
        outcome=attempt.outcome,
        detail=attempt.detail[:500],
        provider_ref=attempt.provider_ref[:200],
    )
    is_open = verdict.state in queries.OPEN
    write_held(
        notification,
        state=verdict.state,
        next_attempt_at=verdict.retry_at or wall,
        lease_until=None,
        settled_at=None if is_open else wall,
        detail=(attempt.detail or verdict.reason)[:500],
        may_be_duplicate=notification.may_be_duplicate
        or attempt.outcome is Outcome.UNKNOWN,
    )
    if attempt.outcome is Outcome.DELIVERED and receipt_within is not None:
        _await_receipt(notification, until=wall + receipt_within)
    if verdict.start_next_method:
        start_next_method(notification, now=now, wall=wall)
    return verdict


def settle_delivered(
    rows: Sequence[tuple[Notification, Attempt]],
    *,
    receipt_within: timedelta | None,
    wall: datetime,
) -> None:
    """Record, for many held notifications at once, that their providers took them."""
    expects = receipt_within is not None
    bulk.update(
        Delivery,
        [
            {
                "notification_id": row.pk,
                "number": row.attempts,
                "finished_at": wall,
                "outcome": attempt.outcome,
                "detail": attempt.detail[:500],
                "provider_ref": attempt.provider_ref[:200],
            }
            for row, attempt in rows
        ],
        key=("notification_id", "number"),
    )
    bulk.update(
        Notification,
        [
            {
                "id": row.pk,
                "state": NotificationState.DELIVERED,
                "next_attempt_at": wall,
                "lease_until": None,
                "settled_at": wall,
                "detail": attempt.detail[:500],
                "receipt": row.receipt
                or (ReceiptWait.PENDING if expects else ReceiptWait.NONE),
                "receipt_due_at": wall + receipt_within
                if receipt_within is not None and not row.receipt
                else row.receipt_due_at,
            }
            for row, attempt in rows
        ],
    )


def fail_delivered(
    notification: Notification, detail: str, *, now: datetime, wall: datetime
) -> None:
    """Fail a held notification that its provider took and could not deliver (F11)."""
    write_held(
        notification,
        state=NotificationState.FAILED,
        receipt=ReceiptWait.FAILED,
        receipt_due_at=None,
        detail=detail[:500],
    )
    start_next_method(notification, now=now, wall=wall)


def miss_receipt(notification: Notification, *, now: datetime, wall: datetime) -> None:
    """Start the next method of a held notification whose receipt has not come.

    It stays delivered: the message may well be on the screen, and only its receipt
    lost; so the next method starts beside it.
    """
    write_held(notification, receipt=ReceiptWait.MISSING, receipt_due_at=None)
    start_next_method(notification, now=now, wall=wall)


@transaction.atomic
def receive_receipt(
    channel: str,
    provider_ref: str,
    state: ReceiptWait,
    *,
    detail: str = "",
    wall: datetime,
) -> Notification | None:
    """Record what the provider says became of a message; None if it is not ours.

    A failure is left to the engine, which then starts the next method; what was
    delivered stays so, because receipts may come in any order.
    """
    found = queries.hold_by_reference(channel, provider_ref)
    if found is None or found.receipt == ReceiptWait.DELIVERED:
        return found
    if state == ReceiptWait.DELIVERED:
        write_held(found, receipt=state, receipt_at=wall, receipt_due_at=None)
    elif state == ReceiptWait.FAILED and found.state == NotificationState.DELIVERED:
        write_held(
            found,
            receipt=state,
            receipt_at=wall,
            receipt_due_at=wall,
            detail=detail[:500],
        )
    return found


def await_receipt(notification: Notification, *, until: datetime) -> None:
    """Look again later at the receipt of a held notification."""
    write_held(notification, receipt_due_at=until)


def _await_receipt(notification: Notification, *, until: datetime) -> None:
    if notification.receipt == ReceiptWait.NONE:
        write_held(notification, receipt=ReceiptWait.PENDING, receipt_due_at=until)


def fail_orphan(notification: Notification, *, now: datetime, wall: datetime) -> None:
    """Fail a held notification whose channel nobody has any more."""
    if notification.state == NotificationState.SENDING:
        _mark_lost(notification, wall=wall)
    write_held(
        notification,
        state=NotificationState.FAILED,
        settled_at=wall,
        lease_until=None,
        detail=f"the channel {notification.channel} is not set up any more",
    )
    start_next_method(notification, now=now, wall=wall)


def put_by(notification: Notification, *, until: datetime) -> None:
    """Let a held notification wait, whether or not an attempt of it runs."""
    write_held(notification, next_attempt_at=until, lease_until=until)


def put_off(channel: str, address: str, *, until: datetime, wall: datetime) -> None:
    """Let everything that waits for a recipient wait for room (F20)."""
    Notification.objects.filter(
        pk__in=queries.waiting_for(channel, address, wall=wall)
    ).update(next_attempt_at=until)


def hasten_follow_ups(notification: Notification, *, now: datetime) -> int:
    """Let what was to follow a failed message wait no longer; return how many."""
    held = queries.hold_follow_ups_of(notification, now=now)
    return Notification.objects.filter(pk__in=held).update(due_at=now)


def release(notification_id: int, *, attempt: int, wall: datetime) -> None:
    """Give back a claim of which nothing left; it was no attempt."""
    rows = Notification.objects.filter(
        pk=notification_id, attempts=attempt, state=NotificationState.SENDING
    )
    if rows.update(
        state=NotificationState.WAITING,
        attempts=attempt - 1,
        lease_until=None,
        next_attempt_at=wall,
    ):
        Delivery.objects.filter(notification=notification_id, number=attempt).delete()


def start_next_method(
    notification: Notification, *, now: datetime, wall: datetime
) -> None:
    """Start the next contact method of a held notification beside it, if any."""
    if not notification.next_methods:
        return
    (channel, address), *rest = notification.next_methods
    write_held(notification, next_methods=[])
    base = notification.idempotency_key.rsplit("/", 1)[0]
    key = f"{base}/{place_of(channel, address)}"
    Notification.objects.bulk_create(
        [
            Notification(
                incident_id=notification.incident_id,
                purpose=notification.purpose,
                paging_test_id=notification.paging_test_id,
                swap_id=notification.swap_id,
                step_key=notification.step_key,
                verb=notification.verb,
                stop_on=notification.stop_on,
                contact_key=notification.contact_key,
                recipient=notification.recipient,
                channel=channel,
                address=address,
                is_urgent=notification.is_urgent,
                is_copy=notification.is_copy,
                is_late=notification.is_late,
                is_follow_up=notification.is_follow_up,
                subject=notification.subject,
                notice=notification.notice,
                asks_until=notification.asks_until,
                verb_once_answered=notification.verb_once_answered,
                notice_once_answered=notification.notice_once_answered,
                idempotency_key=key,
                next_methods=rest,
                # An answer since the first of them ends them all.
                created_at=notification.created_at,
                due_at=now,
                next_attempt_at=wall,
            )
        ],
        ignore_conflicts=True,
    )
    if notification.purpose == Purpose.DIGEST:
        # What it says has a new carrier, and is not lost while that one is under way.
        carrier = Notification.objects.get(idempotency_key=key)
        notification.members.update(bundled_into=carrier)


def _record_lost_attempt(
    notification: Notification, *, now: datetime, wall: datetime
) -> None:
    _mark_lost(notification, wall=wall)
    start_next_method(notification, now=now, wall=wall)


def _mark_lost(notification: Notification, *, wall: datetime) -> None:
    """Say that an attempt ended unseen, so that it may have arrived."""
    Delivery.objects.filter(
        notification=notification, number=notification.attempts, finished_at=None
    ).update(finished_at=wall, outcome=Outcome.UNKNOWN, detail=_DIED)
    write_held(notification, may_be_duplicate=True)


def write_held(notification: Notification, **values: object) -> None:
    """Write these columns of a held row, and keep the object true to it."""
    Notification.objects.filter(pk=notification.pk).update(**values)
    for name, value in values.items():
        setattr(notification, name, value)


def _row(
    telling: Telling, *, incident_id: int | None, now: datetime, wall: datetime
) -> Notification:
    first, *rest = telling.methods
    answered = telling.once_answered
    who = telling.contact_key or telling.recipient
    place = place_of(first.channel, first.address)
    about = "watch" if incident_id is None else incident_id
    return Notification(
        incident_id=incident_id,
        step_key=telling.step.key,
        verb=telling.step.verb,
        stop_on=telling.stop_on,
        contact_key=telling.contact_key,
        recipient=telling.recipient,
        channel=first.channel,
        address=first.address,
        is_urgent=telling.notice.urgency is Urgency.HIGH,
        is_copy=telling.is_copy,
        is_late=telling.is_late,
        is_follow_up=telling.is_follow_up,
        subject=telling.notice.subject[:400],
        notice=msgspec.to_builtins(telling.notice),
        asks_until=telling.step.stop_on if answered is not None else "",
        verb_once_answered=answered[0].verb if answered is not None else "",
        notice_once_answered=msgspec.to_builtins(answered[1]) if answered else None,
        idempotency_key=f"{about}/{telling.step.key}/{who}/{place}",
        next_methods=[[method.channel, method.address] for method in rest],
        created_at=now,
        due_at=telling.at,
        next_attempt_at=wall,
    )


def place_of(channel: str, address: str) -> str:
    """Name a channel and an address for a key, without disclosing the address."""
    return f"{channel}-{crc32(address.encode()):08x}"
