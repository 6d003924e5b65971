"""Reading and claiming notifications."""

from collections.abc import Collection, Mapping
from datetime import datetime

from django.db.models import Q, QuerySet

from watchbill.core.ladder import Verb
from watchbill.core.messages import Notice
from watchbill.core.notification import MAX_ATTEMPTS, NotificationState
from watchbill.server import signed
from watchbill.server.notifications.models import (
    Delivery,
    Notification,
    Purpose,
    ReceiptWait,
)
from watchbill.server.stored import Stored

OPEN = (NotificationState.WAITING, NotificationState.SENDING)

_NOTICE = Stored(Notice)

_IS_LOST = Q(state=NotificationState.FAILED) | Q(receipt=ReceiptWait.MISSING)


def take_sendable(
    channel: str,
    *,
    now: datetime,
    wall: datetime,
    limit: int,
    without: Collection[str] = (),
    busy: Collection[int] = (),
) -> list[Notification]:
    """Return and hold notifications of a channel that may be attempted now.

    Those are the waiting ones whose time has come and the ones whose lease ran
    out, urgent ones first. Rows that another worker holds are passed over, and so
    is what goes to the addresses ``without``, for which it would be too fast, and
    what is about the incidents ``busy``, which somebody is changing.
    """
    ready = Q(
        state=NotificationState.WAITING, next_attempt_at__lte=wall, due_at__lte=now
    )
    lost = Q(state=NotificationState.SENDING, lease_until__lte=wall)
    lost &= Q(attempts__lt=MAX_ATTEMPTS)
    rows = Notification.objects.filter(ready | lost, channel=channel)
    if without:
        rows = rows.exclude(address__in=without)
    if busy:
        rows = rows.exclude(incident__in=busy)
    return list(
        rows.select_for_update(skip_locked=True, of=("self",)).order_by(
            "-is_urgent", "next_attempt_at", "pk"
        )[:limit]
    )


def waiting_for(channel: str, address: str, *, wall: datetime) -> list[int]:
    """Return and hold the numbers of first attempts that wait for a recipient."""
    return list(_waiting_for(channel, address, wall=wall).values_list("pk", flat=True))


def take_waiting_for(
    channel: str,
    address: str,
    *,
    now: datetime,
    wall: datetime,
    limit: int,
    without: Collection[int] = (),
) -> list[Notification]:
    """Return and hold first attempts that could be made now, urgent ones first."""
    rows = _waiting_for(channel, address, wall=wall).filter(due_at__lte=now)
    rows = rows.exclude(pk__in=without)
    return list(rows.order_by("-is_urgent", "created_at", "pk")[:limit])


def _waiting_for(
    channel: str, address: str, *, wall: datetime
) -> QuerySet[Notification]:
    return Notification.objects.select_for_update(
        skip_locked=True, of=("self",)
    ).filter(
        channel=channel,
        address=address,
        purpose=Purpose.INCIDENT,
        state=NotificationState.WAITING,
        attempts=0,
        next_attempt_at__lte=wall,
    )


def take_unconfirmed(channel: str, *, wall: datetime) -> Notification | None:
    """Return and hold a notification whose receipt says failed, or does not come."""
    return (
        Notification.objects.select_for_update(skip_locked=True, of=("self",))
        .filter(channel=channel, receipt_due_at__lte=wall)
        .order_by("receipt_due_at")
        .first()
    )


def take_orphan(known: Collection[str], *, due_before: datetime) -> Notification | None:
    """Return and hold an open message of a channel that is set up no more.

    It has been due for a while, so no other node that has the channel takes it either.
    """
    return (
        Notification.objects.select_for_update(skip_locked=True, of=("self",))
        .filter(state__in=OPEN, next_attempt_at__lt=due_before)
        .filter(Q(lease_until=None) | Q(lease_until__lt=due_before))
        .exclude(channel__in=known)
        .order_by("pk")
        .first()
    )


def hold_by_reference(channel: str, provider_ref: str) -> Notification | None:
    """Return and hold the notification that a provider knows by this name."""
    if not provider_ref:
        return None
    known = Delivery.objects.filter(provider_ref=provider_ref).values("notification")
    return (
        Notification.objects.select_for_update(of=("self",))
        .filter(channel=channel, pk__in=known)
        .order_by("-pk")
        .first()
    )


def hold_follow_ups_of(notification: Notification, *, now: datetime) -> list[int]:
    """Return and hold what still waits for its time behind a failed message.

    Nothing while another first message of the step has reached its reader or still may.
    Those that somebody else holds are being dealt with.
    """
    same_call = Notification.objects.filter(
        incident=notification.incident_id,
        step_key=notification.step_key,
        contact_key=notification.contact_key,
    )
    first = same_call.filter(is_follow_up=False, is_copy=False)
    if first.exclude(_IS_LOST).exists():
        return []
    rows = same_call.filter(
        is_follow_up=True, state=NotificationState.WAITING, due_at__gt=now
    )
    held = rows.select_for_update(skip_locked=True, of=("self",)).order_by("pk")
    return list(held.values_list("pk", flat=True))


def latest_to(
    addresses: Collection[str], *, since: datetime, code: str = ""
) -> Notification | None:
    """Return the newest message to an address that can be answered.

    With a reply code it is the one that carries the code; the code of a message is
    the same as long as the message can be answered.
    """
    rows = Notification.objects.filter(
        address__in=addresses, created_at__gte=since, is_copy=False
    ).exclude(contact_key="")
    for row in rows.order_by("-created_at", "-pk")[:200]:
        if not code or signed.reply_code(row.pk) == code:
            return row
    return None


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


def hold_many(attempts: Mapping[int, int]) -> list[Notification]:
    """Return and hold those whose latest attempt is the one given, by number (I6)."""
    rows = (
        Notification.objects.select_for_update()
        .filter(pk__any=attempts, state=NotificationState.SENDING)
        # Not what is said, which is most of a row.
        .defer("notice", "notice_once_answered", "next_methods", "subject")
        .order_by("pk")
    )
    return [row for row in rows if row.attempts == attempts[row.pk]]


def latest_attempts_of(
    channel: str, addresses: Collection[str], *, since: datetime
) -> dict[str, list[datetime]]:
    """Return when messages last left for each of these recipients."""
    found: dict[str, list[datetime]] = {address: [] for address in addresses}
    rows = Notification.objects.filter(
        channel=channel, address__in=addresses, last_attempt_at__gt=since
    )
    for address, at in rows.values_list("address", "last_attempt_at"):
        if at is not None:
            found[address].append(at)
    return found


def notice_of(notification: Notification, *, is_answered: bool = False) -> Notice:
    """Return the notice as it was written, for before or after the answer."""
    answered = notification.notice_once_answered if is_answered else None
    return _NOTICE.read(answered or notification.notice)


def verb_of(notification: Notification, *, is_answered: bool = False) -> Verb:
    """Return what a notification does, before or after the answer."""
    answered = notification.verb_once_answered if is_answered else ""
    return Verb(answered or notification.verb)


def hopeless(notification: Notification) -> bool:
    """Return whether nobody was or can still be told by this step.

    True when every notification of the step to people has failed, or was taken by a
    provider that should have said what became of it and did not (F11).
    """
    return not (
        Notification.objects.filter(
            incident=notification.incident_id,
            step_key=notification.step_key,
            is_copy=False,
        )
        .exclude(contact_key="")
        .exclude(_IS_LOST)
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
