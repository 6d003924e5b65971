"""Reading incidents, as rows for lists and as core values for decisions."""

from dataclasses import dataclass
from datetime import datetime

import msgspec
from django.db import transaction
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from watchbill.core import escalation
from watchbill.core.escalation import Progress
from watchbill.core.incidents import OPEN_STATUSES, IncidentStatus
from watchbill.core.ladder import Ladder, Situation, Step
from watchbill.core.reports import Record
from watchbill.core.temporal import Interval
from watchbill.plan import Plan
from watchbill.server.alerts.models import Alert
from watchbill.server.incidents.models import Incident, StepFiring, TimelineEntry
from watchbill.server.plans import queries as plans
from watchbill.server.timers import queries as timers
from watchbill.server.timers.models import DueStep

LADDER = "ladder"
"""The kind of due step that asks an incident's ladder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An incident whose row, and whose pending look at the ladder, we hold."""

    incident: Incident
    due: DueStep | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """An incident as core values."""

    plan: Plan
    ladder: Ladder
    progress: Progress
    situation: Situation


def get(incident_id: int) -> Incident:
    """Return an incident; Incident.DoesNotExist if there is none."""
    return Incident.objects.get(pk=incident_id)


def hold(incident_id: int) -> Held:
    """Return an incident to change; Incident.DoesNotExist if there is none.

    Its due step is held first and its row second, always in this order.
    """
    while True:
        mark = transaction.savepoint()
        due = timers.hold(LADDER, incident_id)
        incident = Incident.objects.select_for_update(no_key=True).get(pk=incident_id)
        if due is not None or not timers.is_pending(LADDER, incident_id):
            transaction.savepoint_commit(mark)
            return Held(incident=incident, due=due)
        # Somebody planned a look while we waited for the incident. Let go of it,
        # and begin again with the look, to keep to the order.
        transaction.savepoint_rollback(mark)


def hold_many(due: list[DueStep]) -> dict[int, Incident]:
    """Return and hold the incidents of held due steps, in the order of number."""
    ids = sorted({step.subject_id for step in due})
    rows = (
        Incident.objects.select_for_update(no_key=True)
        .filter(pk__in=ids)
        .order_by("pk")
    )
    return {incident.pk: incident for incident in rows}


def hold_shared(ids: set[int]) -> dict[int, Incident]:
    """Return incidents as they stand once everybody who changes them is done.

    The rows are held against change, not against others who only look: this is
    how the claim of a page sees every acknowledgement before it (I4).
    """
    rows = Incident.objects.raw(
        "SELECT * FROM watchbill_incident WHERE id = ANY(%s) ORDER BY id FOR SHARE",
        [sorted(ids)],
    )
    return {incident.pk: incident for incident in rows}


def facts_of(incident: Incident) -> Facts:
    """Return what the ladder of an incident is decided by."""
    plan = plans.plan_of(incident.plan_version_id)
    return Facts(
        plan=plan,
        ladder=plan.ladder(incident.severity, incident.alert_type),
        progress=progress_of(incident),
        situation=situation_of(incident),
    )


def progress_of(incident: Incident) -> Progress:
    """Return how far the ladder has come."""
    return msgspec.convert(incident.progress, Progress)


def situation_of(incident: Incident) -> Situation:
    """Return what the ladder needs to know of an incident."""
    return Situation(
        declared_at=incident.declared_at,
        acknowledged_at=incident.acknowledged_at,
        mitigated_at=incident.mitigated_at,
        resolved_at=incident.resolved_at,
        category=incident.category or None,
        confidential=incident.is_confidential,
    )


def upcoming(incident: Incident) -> tuple[tuple[Step, datetime], ...]:
    """Return the steps still to come, soonest first."""
    facts = facts_of(incident)
    return escalation.upcoming(facts.ladder, facts.progress, facts.situation)


def open_group(group_key: str) -> Incident | None:
    """Return the open incident of a group."""
    return Incident.objects.filter(
        group_key=group_key, status__in=OPEN_STATUSES
    ).first()


def is_open(incident: Incident) -> bool:
    """Return whether an incident is not resolved yet."""
    return IncidentStatus(incident.status) in OPEN_STATUSES


#: A subquery and no join, so that only the rows of one page are counted.
_ALERT_COUNT = Subquery(
    Alert.objects.filter(incident=OuterRef("pk"))
    .order_by()
    .values("incident")
    .annotate(number=Count("pk"))
    .values("number")
)


def listed(
    *, status: str, severity: str, text: str, confidential: bool
) -> QuerySet[Incident]:
    """Return incidents for the list: open ones worst first, others newest first.

    Those that are ``confidential`` are among them only for who may see them (A15).
    """
    rows = Incident.objects.annotate(alert_count=Coalesce(_ALERT_COUNT, 0))
    if not confidential:
        rows = rows.filter(is_confidential=False)
    if severity:
        rows = rows.filter(severity=severity)
    if text:
        number = Q(pk=int(text)) if text.isdecimal() and len(text) < 15 else Q()
        match = Q(title__icontains=text) | Q(summary__icontains=text)
        rows = rows.filter(match | number if number else match)
    if status == "open":
        rows = rows.filter(status__in=OPEN_STATUSES)
        return rows.order_by("severity_rank", "-declared_at", "-pk")
    if status == "resolved":
        rows = rows.exclude(status__in=OPEN_STATUSES)
    return rows.order_by("-declared_at", "-pk")


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many incidents need somebody."""

    open: int
    unacknowledged: int


def counts(*, confidential: bool) -> Counts:
    """Return how many incidents are open, and how many nobody has taken."""
    rows = Incident.objects.filter(status__in=OPEN_STATUSES)
    if not confidential:
        rows = rows.filter(is_confidential=False)
    found = rows.aggregate(
        open=Count("pk"),
        unacknowledged=Count("pk", filter=Q(status=IncidentStatus.TRIGGERED)),
    )
    return Counts(**found)


def records(*, during: Interval) -> list[Record]:
    """Return what a report needs of the incidents declared in an interval.

    Those that are confidential are among them: a report shows numbers only (A15).
    """
    rows = Incident.objects.filter(
        declared_at__gte=during.starts_at, declared_at__lt=during.ends_at
    ).values("severity", "declared_at", "acknowledged_at", "resolved_at", "is_drill")
    return [Record(**row) for row in rows]


def timeline_of(incident_id: int) -> QuerySet[TimelineEntry]:
    """Return what happened, newest first."""
    return TimelineEntry.objects.filter(incident=incident_id).order_by("-at", "-pk")


def firings_of(incident_id: int) -> list[StepFiring]:
    """Return the steps dealt with, in the order of dealing."""
    return list(StepFiring.objects.filter(incident=incident_id).order_by("pk"))
