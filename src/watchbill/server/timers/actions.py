"""Planning and settling due steps."""

from datetime import datetime, timedelta

from watchbill.server.timers.models import DueStep, DueStepState

_BACK_OFF = (1, 5, 30, 120, 600)
"""Seconds before a step whose decision failed is tried again."""


def plan(kind: str, subject_id: int, version_id: int, *, due_at: datetime) -> None:
    """Insert the next look at a subject."""
    DueStep.objects.create(
        kind=kind,
        subject_id=subject_id,
        plan_version_id=version_id,
        due_at=due_at,
        wake_at=due_at,
    )


def settle(step: DueStep, *, now: datetime) -> None:
    """Mark a held step as fired."""
    DueStep.objects.filter(pk=step.pk, state=DueStepState.PENDING).update(
        state=DueStepState.FIRED, settled_at=now, last_error=""
    )


def move(step: DueStep, *, due_at: datetime | None, now: datetime) -> None:
    """Move a held step to another time; None cancels it."""
    rows = DueStep.objects.filter(pk=step.pk, state=DueStepState.PENDING)
    if due_at is None:
        rows.update(state=DueStepState.CANCELLED, settled_at=now)
    else:
        rows.update(due_at=due_at, wake_at=due_at)


def postpone_failed(step: DueStep, error: str, *, now: datetime) -> None:
    """Push a step whose decision failed, so that it delays no other (I10)."""
    wait = _BACK_OFF[min(step.failures, len(_BACK_OFF) - 1)]
    DueStep.objects.filter(pk=step.pk, state=DueStepState.PENDING).update(
        failures=step.failures + 1,
        last_error=error[:2000],
        wake_at=now + timedelta(seconds=wait),
    )
