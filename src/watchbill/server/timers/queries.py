"""Taking due steps."""

from collections.abc import Collection
from datetime import datetime

from watchbill.server.timers.models import DueStep, DueStepState


def take_due(kind: str, *, now: datetime, limit: int) -> list[DueStep]:
    """Return and hold the due steps of a kind to decide now, the longest due first.

    Rows that another engine holds are passed over.
    """
    return list(
        DueStep.objects.select_for_update(skip_locked=True)
        .filter(kind=kind, state=DueStepState.PENDING, wake_at__lte=now)
        .order_by("wake_at", "pk")[:limit]
    )


def hold(kind: str, subject_id: int) -> DueStep | None:
    """Return and hold the pending step of a subject, waiting for its holder.

    Whoever changes a subject holds its due step first and the subject's row
    second; always in this order, so that no two wait for each other.
    """
    return (
        DueStep.objects.select_for_update()
        .filter(kind=kind, subject_id=subject_id, state=DueStepState.PENDING)
        .first()
    )


def hold_all(kinds: Collection[str], ids: Collection[int]) -> set[tuple[str, int]]:
    """Hold the pending steps of many subjects; return kind and subject of each."""
    rows = (
        DueStep.objects.select_for_update()
        .filter(kind__in=kinds, subject_id__any=ids, state=DueStepState.PENDING)
        .order_by("subject_id", "kind")
    )
    return set(rows.values_list("kind", "subject_id"))


def pending(kinds: Collection[str], ids: Collection[int]) -> set[tuple[str, int]]:
    """Return kind and subject of the looks that are planned at some subjects."""
    rows = DueStep.objects.filter(
        kind__in=kinds, subject_id__any=ids, state=DueStepState.PENDING
    )
    return set(rows.values_list("kind", "subject_id"))


def is_pending(kind: str, subject_id: int) -> bool:
    """Return whether a look at a subject is planned."""
    return DueStep.objects.filter(
        kind=kind, subject_id=subject_id, state=DueStepState.PENDING
    ).exists()


def next_wake_at(kind: str | None = None) -> datetime | None:
    """Return when the next pending step, of a kind or of any, wants to be looked at."""
    rows = DueStep.objects.filter(state=DueStepState.PENDING)
    if kind is not None:
        rows = rows.filter(kind=kind)
    return rows.order_by("wake_at").values_list("wake_at", flat=True).first()


def failing_count() -> int:
    """Return how many pending steps cannot be decided, for the console."""
    return DueStep.objects.filter(state=DueStepState.PENDING, failures__gt=0).count()


def quarantined() -> list[DueStep]:
    """Return the steps that have failed so often that somebody must look."""
    rows = DueStep.objects.filter(state=DueStepState.PENDING).exclude(
        quarantined_at=None
    )
    return list(rows.order_by("pk")[:50])
