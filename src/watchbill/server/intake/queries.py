"""Reading integrations and the inbox."""

from datetime import datetime

from django.db.models import Q, Sum

from watchbill.server.intake.models import InboxEntry, IntakeRejection, Integration

_WAITING = Q(folded_at=None, quarantined_at=None)


def integrations_waiting(*, now: datetime) -> list[int]:
    """Return the integrations with posts to fold, the longest waiting first."""
    rows = InboxEntry.objects.filter(_WAITING).order_by("integration", "pk")
    heads = rows.distinct("integration").values_list("pk", "integration", "retry_at")
    return [
        integration
        for _, integration, retry_at in sorted(heads)
        if retry_at is None or retry_at <= now
    ]


def hold_integration(integration_id: int) -> bool:
    """Hold an integration, so that its posts are folded by us alone.

    False when another engine holds it.
    """
    rows = Integration.objects.select_for_update(skip_locked=True, no_key=True)
    return rows.filter(pk=integration_id).exists()


def next_waiting(integration_id: int, *, now: datetime) -> InboxEntry | None:
    """Return the next post of a held integration to fold, in the order of arrival.

    A post that waits for its next try holds back the ones behind it.
    """
    entry = (
        InboxEntry.objects.select_related("integration")
        .filter(_WAITING, integration=integration_id)
        .order_by("pk")
        .first()
    )
    if entry is None or (entry.retry_at is not None and entry.retry_at > now):
        return None
    return entry


def integrations() -> list[Integration]:
    """Return every integration, the live ones first."""
    return list(Integration.objects.order_by("revoked_at", "name", "pk"))


def live_integration(number: int) -> Integration | None:
    """Return an integration that has not been revoked."""
    return Integration.objects.filter(pk=number, revoked_at=None).first()


def rejected_by_integration() -> dict[int, int]:
    """Return how many posts of each integration have been refused."""
    rows = IntakeRejection.objects.exclude(integration=None)
    return dict(rows.values_list("integration").annotate(Sum("count")))


def rejections() -> list[IntakeRejection]:
    """Return what was refused lately, the latest first."""
    rows = IntakeRejection.objects.select_related("integration")
    return list(rows.order_by("-last_at")[:50])


def quarantined_count() -> int:
    """Return how many accepted posts could not be folded."""
    return InboxEntry.objects.exclude(quarantined_at=None).count()


def quarantined() -> list[InboxEntry]:
    """Return accepted posts that could not be folded, the latest first."""
    rows = InboxEntry.objects.exclude(quarantined_at=None).defer("body")
    return list(rows.select_related("integration").order_by("-pk")[:50])
