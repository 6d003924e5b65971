"""Digests: one message in the place of many to one recipient."""

from datetime import datetime

import msgspec

from watchbill.core.ladder import StopOn
from watchbill.core.messages import Notice
from watchbill.core.notification import NotificationState
from watchbill.server.notifications.actions import place_of, write_held
from watchbill.server.notifications.models import Notification, Purpose


def rewrite(digest: Notification, notice: Notice) -> None:
    """Let a held digest say what is still wanted."""
    write_held(digest, notice=msgspec.to_builtins(notice), subject=notice.subject[:400])


def fail_members(digest: Notification, *, wall: datetime) -> list[Notification]:
    """Fail what a failed digest was to say; return it."""
    # In the order of incidents, so that two failed digests do not wait for each other.
    superseded = digest.members.filter(state=NotificationState.SUPERSEDED)
    members = list(superseded.order_by("incident_id", "pk"))
    for one in members:
        write_held(
            one,
            state=NotificationState.FAILED,
            settled_at=wall,
            detail="the digest that was to say it failed",
        )
    return members


def bundle(
    rows: list[Notification], notice: Notice, *, now: datetime, wall: datetime
) -> Notification:
    """Replace held notifications of one recipient by one digest of them."""
    first = rows[0]
    digest = Notification.objects.create(
        purpose=Purpose.DIGEST,
        step_key="digest",
        verb=first.verb,
        stop_on=StopOn.NEVER,
        contact_key=first.contact_key,
        recipient=first.recipient,
        channel=first.channel,
        address=first.address,
        is_urgent=any(row.is_urgent for row in rows),
        is_late=any(row.is_late for row in rows),
        subject=notice.subject[:400],
        notice=msgspec.to_builtins(notice),
        idempotency_key=(
            f"{notice.idempotency_key}/{place_of(first.channel, first.address)}"
        ),
        next_methods=first.next_methods,
        created_at=now,
        due_at=now,
        next_attempt_at=wall,
    )
    Notification.objects.filter(pk__any=[row.pk for row in rows]).update(
        state=NotificationState.SUPERSEDED,
        settled_at=wall,
        lease_until=None,
        bundled_into=digest,
        detail="said in a digest, because there were too many for one recipient",
    )
    return digest
