"""Planning and settling due steps."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from watchbill.server import bulk, clock
from watchbill.server.timers.models import DueStep, DueStepState

_BACK_OFF = (1, 5, 30, 120, 600)
"""Seconds of machines before a step whose decision failed is tried again."""

MAX_FAILURES = len(_BACK_OFF)
"""After so many failures a step is quarantined: shown, and tried rarely (I10)."""

_SOON = timedelta(seconds=1)
_UNTROUBLED = {"failures": 0, "last_error": "", "quarantined_at": None}


def plan(
    kind: str, subject_id: int, version_id: int | None, *, due_at: datetime
) -> None:
    """Insert the next look at a subject."""
    DueStep.objects.create(
        kind=kind,
        subject_id=subject_id,
        plan_version_id=version_id,
        due_at=due_at,
        wake_at=due_at,
    )


def plan_all(
    looks: Iterable[tuple[str, int, datetime]], *, version_id: int | None
) -> None:
    """Insert the first looks at many subjects: kind, subject and when."""
    bulk.insert_values(
        DueStep,
        [
            {
                "kind": kind,
                "subject_id": subject_id,
                "plan_version_id": version_id,
                "due_at": due_at,
                "wake_at": due_at,
                "state": DueStepState.PENDING,
                "failures": 0,
                "last_error": "",
            }
            for kind, subject_id, due_at in looks
        ],
    )


def ensure(kind: str, *, due_at: datetime) -> None:
    """Insert the next round of recurring work, unless one is planned already."""
    row = DueStep(kind=kind, subject_id=0, due_at=due_at, wake_at=due_at)
    DueStep.objects.bulk_create([row], ignore_conflicts=True)


def hasten(kind: str, *, now: datetime) -> None:
    """Let the next round of recurring work come now, waiting for one that runs."""
    rows = DueStep.objects.filter(kind=kind, subject_id=0, state=DueStepState.PENDING)
    rows.filter(wake_at__gt=now).update(due_at=now, wake_at=now)


def next_look(step: DueStep, *, at: datetime | None, now: datetime) -> None:
    """Move a held step to the next look at its subject; None ends it.

    The row stays the same one for as long as there is a next look, so that whoever
    waits for it finds it again, at its new time, once its holder has committed.
    """
    next_looks([(step, at)], now=now)


def next_looks(
    looks: Iterable[tuple[DueStep, datetime | None]], *, now: datetime
) -> None:
    """Move held steps, each as :func:`next_look` does."""
    moved, ended = [], []
    for step, at in looks:
        if at is None:
            ended.append(step.pk)
        else:
            moved.append({"id": step.pk, "due_at": at, "wake_at": at, **_UNTROUBLED})
    bulk.update(DueStep, moved)
    DueStep.objects.filter(pk__any=ended).update(
        state=DueStepState.DONE, settled_at=now, last_error="", quarantined_at=None
    )


def postpone_failed(step: DueStep, error: str, *, now: datetime) -> None:
    """Push a step whose decision failed, so that it delays no other (I10)."""
    wait = _BACK_OFF[min(step.failures, MAX_FAILURES - 1)]
    at = now + timedelta(seconds=wait) * clock.rate()
    _fail(step, error, now=now, wake_at=at)


def next_look_failed(step: DueStep, error: str, *, at: datetime, now: datetime) -> None:
    """Move a held step of which a part failed to its next look.

    It is shown like one that failed as a whole, and comes as often as ever: the rest
    of its work must not wait.
    """
    _fail(step, error, now=now, due_at=at, wake_at=at)


def _fail(step: DueStep, error: str, *, now: datetime, **times: datetime) -> None:
    failures = step.failures + 1
    quarantined_at = step.quarantined_at
    if failures >= MAX_FAILURES:
        quarantined_at = quarantined_at or now
    DueStep.objects.filter(pk=step.pk, state=DueStepState.PENDING).update(
        failures=failures,
        last_error=error[:2000],
        quarantined_at=quarantined_at,
        **times,
    )


def postpone(step: DueStep, *, now: datetime) -> None:
    """Push a step for a moment, because of a fault that was not its own."""
    DueStep.objects.filter(pk=step.pk, state=DueStepState.PENDING).update(
        wake_at=now + _SOON * clock.rate()
    )
