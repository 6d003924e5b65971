"""What pages show of notifications."""

from datetime import datetime
from typing import Any

from django.urls import reverse

from watchbill.core.ladder import Verb
from watchbill.core.notification import NotificationState
from watchbill.server.notifications import queries
from watchbill.server.notifications.models import Delivery, Notification, Purpose
from watchbill.server.web.masking import mask

_PURPOSES = {
    Purpose.DIGEST: "digest",
    Purpose.TEST: "test page",
    Purpose.VERIFICATION: "verification code",
    Purpose.ON_CALL: "about the watch",
}
_KINDS = {
    Verb.PAGE: "page",
    Verb.ESCALATE: "escalation",
    Verb.NOTIFY: "notice",
    Verb.POST: "post",
    Verb.POSTMORTEM: "post-mortem",
    Verb.CREATE_TICKET: "ticket",
}


def row(notification: Notification) -> dict[str, Any]:
    """Return a notification as a row of the delivery log."""
    return {
        "id": notification.pk,
        "to": notification.recipient,
        "channel": notification.channel,
        "address_masked": mask(notification.address),
        "kind": _kind(notification),
        "state": _state(notification),
        "at": notification.created_at,
        "attempts": notification.attempts,
        "detail": notification.detail,
        "may_be_duplicate": notification.may_be_duplicate,
        "text": _text(notification),
        "receipt": notification.receipt,
        "receipt_at": notification.receipt_at,
        "waits_until": _waits_until(notification),
        "incident_number": notification.incident_id,
        "incident_url": _incident_url(notification.incident_id),
        "attempt_rows": [_attempt(one) for one in notification.deliveries.all()],
    }


def _text(notification: Notification) -> str:
    if notification.purpose == Purpose.VERIFICATION:
        return "The code is for the reader of the message alone."
    notice = queries.notice_of(notification)
    facts = [f"{name}: {value}" for name, value in notice.facts]
    return "\n".join((notice.subject, "", *notice.paragraphs, "", *facts))


def _waits_until(notification: Notification) -> datetime | None:
    """When a message that is not due yet will be sent, in the time of the plan."""
    is_waiting = notification.state == NotificationState.WAITING
    later = notification.due_at > notification.created_at
    return notification.due_at if is_waiting and later else None


def _kind(notification: Notification) -> str:
    if notification.purpose != Purpose.INCIDENT:
        return _PURPOSES[Purpose(notification.purpose)]
    kind = _KINDS[Verb(notification.verb)]
    late = "late " if notification.is_late else ""
    late = "follow-up " if notification.is_follow_up else late
    return f"{late}copy of a {kind}" if notification.is_copy else f"{late}{kind}"


def _state(notification: Notification) -> str:
    """The state in the words of the log; a retry and a doubt are worth a word."""
    if notification.state == NotificationState.SUPERSEDED:
        return "cancelled"
    if notification.state == NotificationState.WAITING and notification.attempts:
        return "unknown" if notification.may_be_duplicate else "retrying"
    return notification.state


def _incident_url(incident_id: int | None) -> str:
    return reverse("incidents:detail", args=[incident_id]) if incident_id else ""


def _attempt(one: Delivery) -> dict[str, Any]:
    took = one.finished_at - one.started_at if one.finished_at else None
    return {
        "at": one.started_at,
        "outcome": one.outcome or "running",
        "answer": one.detail,
        "duration_ms": round(took.total_seconds() * 1000) if took else "",
    }
