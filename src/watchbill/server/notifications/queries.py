"""Reading and claiming notifications."""

from dataclasses import dataclass
from datetime import datetime

import msgspec
from django.db.models import Q, QuerySet

from watchbill.core.ladder import Verb
from watchbill.core.messages import Notice
from watchbill.core.notification import MAX_ATTEMPTS, NotificationState
from watchbill.server.notifications.models import Notification

OPEN = (NotificationState.WAITING, NotificationState.SENDING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How the outbox stands."""

    waiting: int
    oldest_due_at: datetime | None


def take_sendable(channel: str, *, wall: datetime, limit: int) -> list[Notification]:
    """Return and hold notifications of a channel that may be attempted now.

    Those are the waiting ones whose time has come and the ones whose lease ran
    out, urgent ones first. Rows that another worker holds are passed over.
    """
    ready = Q(state=NotificationState.WAITING, next_attempt_at__lte=wall)
    lost = Q(state=NotificationState.SENDING, lease_until__lte=wall)
    lost &= Q(attempts__lt=MAX_ATTEMPTS)
    return list(
        Notification.objects.select_for_update(skip_locked=True, of=("self",))
        .filter(ready | lost, channel=channel)
        .order_by("-is_urgent", "next_attempt_at", "pk")[:limit]
    )


def take_spent(channel: str, *, wall: datetime) -> Notification | None:
    """Return and hold a notification whose worker died in the last attempt it had."""
    return (
        Notification.objects.select_for_update(skip_locked=True, of=("self",))
        .filter(
            channel=channel,
            state=NotificationState.SENDING,
            lease_until__lte=wall,
            attempts__gte=MAX_ATTEMPTS,
        )
        .order_by("pk")
        .first()
    )


def hold(notification_id: int, *, attempt: int) -> Notification | None:
    """Return and hold a notification if this attempt is still its latest (I6)."""
    return (
        Notification.objects.select_for_update()
        .filter(pk=notification_id, attempts=attempt, state=NotificationState.SENDING)
        .first()
    )


def notice_of(notification: Notification, *, is_answered: bool = False) -> Notice:
    """Return the notice as it was written, for before or after the answer."""
    answered = notification.notice_once_answered if is_answered else None
    return msgspec.convert(answered or notification.notice, Notice)


def verb_of(notification: Notification, *, is_answered: bool = False) -> Verb:
    """Return what a notification does, before or after the answer."""
    answered = notification.verb_once_answered if is_answered else ""
    return Verb(answered or notification.verb)


def hopeless(notification: Notification) -> bool:
    """Return whether nobody was or can still be told by this step.

    True when every notification of the step to people has failed.
    """
    return not (
        Notification.objects.filter(
            incident=notification.incident_id,
            step_key=notification.step_key,
            is_copy=False,
        )
        .exclude(contact_key="")
        .exclude(state=NotificationState.FAILED)
        .exists()
    )


def listed(
    *, incident_id: int | None = None, state: str = "", text: str = ""
) -> QuerySet[Notification]:
    """Return the delivery log, newest first.

    ``unknown`` is every notification of which an attempt ended without an answer;
    ``text`` finds recipients, and incidents by number.
    """
    rows = (
        Notification.objects.select_related("incident")
        .prefetch_related("deliveries")
        .order_by("-created_at", "-pk")
    )
    if incident_id is not None:
        rows = rows.filter(incident=incident_id)
    if text:
        is_number = text.isdecimal() and len(text) < 15
        by_number = Q(incident=int(text)) if is_number else Q()
        rows = rows.filter(Q(recipient__icontains=text) | by_number)
    if state == "unknown":
        return rows.filter(may_be_duplicate=True)
    if state == NotificationState.WAITING:
        return rows.filter(state__in=OPEN)
    return rows.filter(state=state) if state else rows


def by_id(notification_id: int) -> Notification | None:
    """Return a notification with its incident."""
    return (
        Notification.objects.select_related("incident")
        .filter(pk=notification_id)
        .first()
    )


def health() -> Health:
    """Return how many notifications are open, and how long the oldest is due."""
    rows = Notification.objects.filter(state__in=OPEN).order_by("next_attempt_at")
    oldest = rows.values_list("next_attempt_at", flat=True).first()
    return Health(waiting=rows.count(), oldest_due_at=oldest)
