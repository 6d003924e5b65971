"""Writing the outbox: enqueue, claim, settle.

``now`` is the time of the plan and stands in the records; ``wall`` is the time of
machines and governs leases and retries.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

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
from watchbill.server.notifications import queries
from watchbill.server.notifications.models import Delivery, Notification

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
    Notification.objects.bulk_create(
        [
            _row(telling, incident_id=incident_id, now=now, wall=wall)
            for telling in tellings
        ],
        ignore_conflicts=True,
    )


def give_up(notification: Notification, *, now: datetime, wall: datetime) -> None:
    """Fail a held notification whose worker died in the last attempt it had."""
    _record_lost_attempt(notification, now=now, wall=wall)
    _update(
        notification,
        state=NotificationState.FAILED,
        settled_at=wall,
        lease_until=None,
        detail=f"{notification.attempts} attempts; {_DIED}",
    )


def look_again(notification: Notification, *, at: datetime) -> None:
    """Leave a held notification alone until an instant."""
    _update(notification, lease_until=at)


def claim(
    notification: Notification, *, node: str, now: datetime, wall: datetime
) -> int:
    """Begin an attempt of a held notification; return its number."""
    if notification.state == NotificationState.SENDING:
        _record_lost_attempt(notification, now=now, wall=wall)
    number = notification.attempts + 1
    _update(
        notification,
        state=NotificationState.SENDING,
        attempts=number,
        lease_until=wall + LEASE,
    )
    Delivery.objects.create(
        notification=notification, number=number, started_at=wall, node=node
    )
    return number


def supersede(notification: Notification, reason: str, *, wall: datetime) -> None:
    """Give up a held notification that is no longer wanted (I4)."""
    if notification.state == NotificationState.SENDING:
        _mark_lost(notification, wall=wall)
    _update(
        notification,
        state=NotificationState.SUPERSEDED,
        settled_at=wall,
        lease_until=None,
        detail=reason,
    )


def settle(
    notification: Notification, attempt: Attempt, *, now: datetime, wall: datetime
) -> Verdict:
    """Record how the latest attempt of a held notification ended."""
    number = notification.attempts
    verdict = after_attempt(attempt, number=number, now=wall)
    Delivery.objects.filter(notification=notification, number=number).update(
        finished_at=wall,
        outcome=attempt.outcome,
        detail=attempt.detail[:500],
        provider_ref=attempt.provider_ref[:200],
    )
    is_open = verdict.state in queries.OPEN
    _update(
        notification,
        state=verdict.state,
        next_attempt_at=verdict.retry_at or wall,
        lease_until=None,
        settled_at=None if is_open else wall,
        detail=(attempt.detail or verdict.reason)[:500],
        may_be_duplicate=notification.may_be_duplicate
        or attempt.outcome is Outcome.UNKNOWN,
    )
    if verdict.start_next_method:
        _start_next_method(notification, now=now, wall=wall)
    return verdict


def _start_next_method(
    notification: Notification, *, now: datetime, wall: datetime
) -> None:
    if not notification.next_methods:
        return
    (channel, address), *rest = notification.next_methods
    _update(notification, next_methods=[])
    base = notification.idempotency_key.rsplit("/", 1)[0]
    Notification.objects.bulk_create(
        [
            Notification(
                incident_id=notification.incident_id,
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
                subject=notification.subject,
                notice=notification.notice,
                asks_until=notification.asks_until,
                verb_once_answered=notification.verb_once_answered,
                notice_once_answered=notification.notice_once_answered,
                idempotency_key=f"{base}/{channel}",
                next_methods=rest,
                created_at=now,
                next_attempt_at=wall,
            )
        ],
        ignore_conflicts=True,
    )


def _record_lost_attempt(
    notification: Notification, *, now: datetime, wall: datetime
) -> None:
    _mark_lost(notification, wall=wall)
    _start_next_method(notification, now=now, wall=wall)


def _mark_lost(notification: Notification, *, wall: datetime) -> None:
    """Say that an attempt ended unseen, so that it may have arrived."""
    Delivery.objects.filter(
        notification=notification, number=notification.attempts, finished_at=None
    ).update(finished_at=wall, outcome=Outcome.UNKNOWN, detail=_DIED)
    _update(notification, may_be_duplicate=True)


def _update(notification: Notification, **values: object) -> None:
    """Write these columns of a held row, and keep the object true to it."""
    Notification.objects.filter(pk=notification.pk).update(**values)
    for name, value in values.items():
        setattr(notification, name, value)


def _row(
    telling: Telling, *, incident_id: int, now: datetime, wall: datetime
) -> Notification:
    first, *rest = telling.methods
    answered = telling.once_answered
    who = telling.contact_key or telling.recipient
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
        subject=telling.notice.subject[:400],
        notice=msgspec.to_builtins(telling.notice),
        asks_until=telling.step.stop_on if answered is not None else "",
        verb_once_answered=answered[0].verb if answered is not None else "",
        notice_once_answered=msgspec.to_builtins(answered[1]) if answered else None,
        idempotency_key=f"{incident_id}/{telling.step.key}/{who}/{first.channel}",
        next_methods=[[method.channel, method.address] for method in rest],
        created_at=now,
        next_attempt_at=wall,
    )
