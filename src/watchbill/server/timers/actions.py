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


def next_look(step: DueStep, *, at: datetime | None, now: datetime) -> None:
    """Move a held step to the next look at its subject; None ends it.

    The row stays the same one for as long as there is a next look, so that whoever
    waits for it finds it again, at its new time, once its holder has committed.
    """
    rows = DueStep.objects.filter(pk=step.pk, state=DueStepState.PENDING)
    if at is None:
        rows.update(state=DueStepState.DONE, settled_at=now, last_error="")
    else:
        rows.update(due_at=at, wake_at=at, failures=0, last_error="")


def postpone_failed(step: DueStep, error: str, *, now: datetime) -> None:
    """Push a step whose decision failed, so that it delays no other (I10)."""
    wait = _BACK_OFF[min(step.failures, len(_BACK_OFF) - 1)]
    DueStep.objects.filter(pk=step.pk, state=DueStepState.PENDING).update(
        failures=step.failures + 1,
        last_error=error[:2000],
        wake_at=now + timedelta(seconds=wait),
    )
