"""Reading monitors and what they said."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import Prefetch

from watchbill.core.alerts import BeatKind
from watchbill.server.heartbeats.models import HeartbeatEvent, HeartbeatMonitor
from watchbill.server.intake.models import Integration
from watchbill.server.timers import queries as timers
from watchbill.server.timers.models import DueStep, DueStepState

KIND = "beats"
"""The kind of due step that asks whether a monitor is late; ``heartbeat`` is the kind
that sends watchbill's own."""

ENDS = (BeatKind.SUCCESS, BeatKind.FAIL)
"""What ends a run."""

KEPT = 100
"""So many of its latest events are kept of each monitor."""


def hold(monitor_id: int) -> tuple[HeartbeatMonitor, DueStep | None] | None:
    """Return and hold a monitor with its pending look; None when it is gone.

    The look is held first and the row second, always in this order.
    """
    while True:
        mark = transaction.savepoint()
        due = timers.hold(KIND, monitor_id)
        monitor = (
            HeartbeatMonitor.objects.select_for_update(of=("self",))
            .select_related("integration", "incident")
            .filter(pk=monitor_id)
            .first()
        )
        if due is not None or not timers.is_pending(KIND, monitor_id):
            transaction.savepoint_commit(mark)
            return None if monitor is None else (monitor, due)
        # Somebody planned a look while we waited for the row: begin again with it.
        transaction.savepoint_rollback(mark)


def hold_many(ids: Iterable[int]) -> dict[int, HeartbeatMonitor]:
    """Return and hold the monitors of held due steps, in the order of number."""
    rows = (
        HeartbeatMonitor.objects.select_for_update(of=("self",))
        .select_related("integration", "incident")
        .filter(pk__in=sorted(ids))
        .order_by("pk")
    )
    return {one.pk: one for one in rows}


def number_of(integration_id: int, slug: str) -> int | None:
    """Return the number of the monitor with this name."""
    rows = HeartbeatMonitor.objects.filter(integration=integration_id, slug=slug)
    return rows.values_list("pk", flat=True).first()


def monitor(number: int) -> HeartbeatMonitor | None:
    """Return a monitor."""
    rows = HeartbeatMonitor.objects.select_related("integration", "incident")
    return rows.filter(pk=number).first()


def monitors(*, events: int) -> list[HeartbeatMonitor]:
    """Return every monitor by name, each with its latest beats as ``latest``.

    Starts are left out: what became of a run is told by its end.
    """
    told = HeartbeatEvent.objects.exclude(kind=BeatKind.START).defer("log")
    latest = told.order_by("-pk")[:events]
    return list(
        HeartbeatMonitor.objects.select_related("integration", "incident")
        .prefetch_related(Prefetch("events", queryset=latest, to_attr="latest"))
        .order_by("name", "pk")
    )


def events_of(monitor_id: int, *, limit: int) -> list[HeartbeatEvent]:
    """Return what a monitor said, the latest first."""
    rows = HeartbeatEvent.objects.filter(monitor=monitor_id)
    return list(rows.order_by("-pk")[:limit])


def open_start(monitor_id: int, run: str) -> HeartbeatEvent | None:
    """Return the start of a run whose end was not told yet."""
    rows = HeartbeatEvent.objects.filter(monitor=monitor_id, run=run)
    began = rows.filter(kind=BeatKind.START).order_by("-pk").first()
    if began is None or rows.filter(kind__in=ENDS, pk__gt=began.pk).exists():
        return None
    return began


def last_words(monitor_id: int) -> str:
    """Return what a monitor's job printed last, empty when it printed nothing."""
    rows = HeartbeatEvent.objects.filter(monitor=monitor_id).exclude(log="")
    return rows.order_by("-pk").values_list("log", flat=True).first() or ""


def windows_watched() -> frozenset[str]:
    """Return the plan's windows for whose jobs there are monitors."""
    rows = HeartbeatMonitor.objects.exclude(window="")
    return frozenset(rows.values_list("window", flat=True))


def names_taken(integration_id: int) -> frozenset[str]:
    """Return the names that an integration's monitors have already."""
    rows = HeartbeatMonitor.objects.filter(integration=integration_id)
    return frozenset(rows.values_list("slug", flat=True))


def due_at(monitor_id: int) -> datetime | None:
    """Return when the pending look at a subject of this kind is due, as planned."""
    rows = DueStep.objects.filter(
        kind=KIND, subject_id=monitor_id, state=DueStepState.PENDING
    )
    return rows.values_list("due_at", flat=True).first()


def senders() -> list[Integration]:
    """Return the live integrations whose posts are beats."""
    rows = Integration.objects.filter(kind="heartbeat", revoked_at=None)
    return list(rows.order_by("name", "pk"))
