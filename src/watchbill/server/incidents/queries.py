"""Reading incidents, as rows for lists and as core values for decisions."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from watchbill.core import escalation
from watchbill.core.escalation import Progress
from watchbill.core.incidents import OPEN_STATUSES, IncidentStatus
from watchbill.core.ladder import Ladder, Situation, Step
from watchbill.core.messages import Subject
from watchbill.core.people import UnknownRoleError
from watchbill.core.reports import Record
from watchbill.core.temporal import Interval
from watchbill.plan import Plan
from watchbill.server.alerts.models import Alert
from watchbill.server.incidents.models import (
    Incident,
    Responder,
    SeverityChange,
    StepFiring,
    TimelineEntry,
)
from watchbill.server.plans import queries as plans
from watchbill.server.stored import Stored
from watchbill.server.timers import queries as timers
from watchbill.server.timers.models import DueStep

LADDER = "ladder"
"""The kind of due step that asks an incident's ladder."""

PROMISES = "promises"
"""The kind of due step that looks at an incident's targets, and tells its news."""

_PROGRESS = Stored(Progress)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An incident whose row, and whose pending look at the ladder, we hold."""

    incident: Incident
    due: DueStep | None
    #: The pending look at its promises.
    promises: DueStep | None


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

    Its due steps are held first and its row second, always in this order.
    """
    while True:
        mark = transaction.savepoint()
        due = timers.hold(LADDER, incident_id)
        promises = timers.hold(PROMISES, incident_id)
        incident = Incident.objects.select_for_update(no_key=True).get(pk=incident_id)
        if (due is not None or not timers.is_pending(LADDER, incident_id)) and (
            promises is not None or not timers.is_pending(PROMISES, incident_id)
        ):
            transaction.savepoint_commit(mark)
            return Held(incident=incident, due=due, promises=promises)
        # Somebody planned a look while we waited for the incident. Let go of it,
        # and begin again with the look, to keep to the order.
        transaction.savepoint_rollback(mark)


def hold_all(ids: Collection[int]) -> dict[int, Incident]:
    """Return several incidents to change, each held as :func:`hold` holds one."""
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    kinds = (LADDER, PROMISES)
    while True:
        mark = transaction.savepoint()
        steps = timers.hold_all(kinds, wanted)
        rows = Incident.objects.select_for_update(no_key=True).filter(pk__any=wanted)
        held = {incident.pk: incident for incident in rows.order_by("pk")}
        if timers.pending(kinds, wanted) <= steps:
            transaction.savepoint_commit(mark)
            return held
        transaction.savepoint_rollback(mark)


def hold_to_join(ids: Collection[int]) -> dict[int, Incident]:
    """Return several incidents, held so that alerts may join them.

    Nobody changes one meanwhile, so none is resolved while an alert joins it; but
    whoever only looks may, so that messages about them leave (:func:`hold_shared`).
    One that would be changed by who joins, because it is proposed to be resolved, has
    all of them held as :func:`hold_all` does: a lock that grows could be waited for
    by two, each for the other.
    """
    mark = transaction.savepoint()
    rows = Incident.objects.raw(
        "SELECT * FROM watchbill_incident WHERE id = ANY(%s) ORDER BY id FOR SHARE",
        [sorted(ids)],
    )
    held = {incident.pk: incident for incident in rows}
    if any(one.resolve_proposed_at is not None for one in held.values()):
        transaction.savepoint_rollback(mark)
        return hold_all(ids)
    transaction.savepoint_commit(mark)
    return held


def hold_many(due: list[DueStep]) -> dict[int, Incident]:
    """Return and hold the incidents of held due steps, in the order of number."""
    ids = sorted({step.subject_id for step in due})
    rows = (
        Incident.objects.select_for_update(no_key=True)
        .filter(pk__any=ids)
        .order_by("pk")
    )
    return {incident.pk: incident for incident in rows}


def hold_shared(ids: set[int]) -> dict[int, Incident]:
    """Return incidents that nobody is changing now, held against change.

    Not held against others who only look: this is how the claim of a page sees every
    acknowledgement that was committed before it (I4). One that somebody is changing is
    left out: whoever asks leaves its messages for the next round, and nobody waits.
    """
    rows = Incident.objects.raw(
        "SELECT * FROM watchbill_incident WHERE id = ANY(%s) ORDER BY id"
        " FOR SHARE SKIP LOCKED",
        [sorted(ids)],
    )
    return {incident.pk: incident for incident in rows}


def facts_of(incident: Incident, *, with_holders: bool = True) -> Facts:
    """Return what the ladder of an incident is decided by.

    A list of many shows nothing of ``with_holders``, and saves a query a row without.
    """
    plan = plans.plan_of(incident.plan_version_id)
    return Facts(
        plan=plan,
        ladder=ladder_of(incident, plan),
        progress=progress_of(incident),
        situation=replace(
            situation_of(incident),
            holders=_holders(incident, plan) if with_holders else (),
        ),
    )


def ladder_of(incident: Incident, plan: Plan) -> Ladder:
    """Return the ladder that an incident climbs."""
    return ladder_at(plan, incident.severity, incident.alert_type, grade=incident.grade)


def ladder_at(plan: Plan, severity: str, alert_type: str, *, grade: int) -> Ladder:
    """Return the ladder of an incident after so many changes of its severity.

    Each has keys of its own, so that a step of a later one is never taken for one of
    an earlier one that fired.
    """
    ladder = plan.ladder(severity, alert_type)
    return ladder.prefixed(f"{grade}/") if grade else ladder


def _holders(incident: Incident, plan: Plan) -> tuple[str, ...]:
    """Who has taken an incident, as far as the plan knows them."""
    if incident.acknowledged_at is None:
        return ()
    known = {contact.key for contact in plan.directory.contacts}
    rows = Responder.objects.filter(incident=incident).exclude(joined_at=None)
    keys = rows.order_by("joined_at", "pk").values_list("contact_key", flat=True)
    return tuple(key for key in keys if key in known)


def progress_of(incident: Incident) -> Progress:
    """Return how far the ladder has come."""
    return _PROGRESS.read(incident.progress)


def situation_of(incident: Incident) -> Situation:
    """Return what the ladder needs to know of an incident."""
    return Situation(
        declared_at=incident.started_at,
        acknowledged_at=_taken_at(incident),
        active_at=incident.active_at,
        mitigated_at=incident.mitigated_at,
        resolved_at=incident.resolved_at,
        category=incident.category or None,
        turn=incident.pk,
        confidential=incident.is_confidential,
    )


def _taken_at(incident: Incident) -> datetime | None:
    if incident.status == IncidentStatus.TRIGGERED:
        return None
    return incident.taken_at or incident.acknowledged_at


def subject_of(incident: Incident, plan: Plan) -> Subject:
    """Return what a message about an incident may say of it."""
    return Subject(
        number=incident.pk,
        title=incident.title,
        summary=incident.summary,
        severity=plan.severity(incident.severity),
        alert_type=plan.routing.route(incident.alert_type).title,
        status=incident.status,
        declared_at=incident.declared_at,
        is_drill=incident.is_drill,
        is_confidential=incident.is_confidential,
    )


def first_level(incident: Incident, plan: Plan) -> str:
    """Return the level of support that an incident begins at (A33).

    That of the team to which the plan gives the ticket of its severity: the lowest
    one, where the team has people of several.
    """
    team = plan.ticket_team.get(incident.severity, "")
    try:
        return min((one.level for one in plan.directory.holders(team)), default="")
    except UnknownRoleError:
        return ""


def severity_changes(incident_id: int) -> list[SeverityChange]:
    """Return how the severity of an incident changed, the first change first."""
    return list(SeverityChange.objects.filter(incident=incident_id).order_by("number"))


def upcoming(incident: Incident) -> tuple[tuple[Step, datetime], ...]:
    """Return the steps still to come, soonest first."""
    facts = facts_of(incident)
    return escalation.upcoming(facts.ladder, facts.progress, facts.situation)


def has_answered(incident_id: int, contact_key: str, *, since: datetime) -> bool:
    """Return whether somebody has taken or joined an incident since an instant."""
    return Responder.objects.filter(
        incident=incident_id, contact_key=contact_key, joined_at__gte=since
    ).exists()


def open_group(group_key: str) -> Incident | None:
    """Return the open incident of a group.

    The group names the severity of its alerts. An incident whose severity changed
    takes the alerts of either, so that nobody is paged for it again.
    """
    found = Incident.objects.filter(
        group_key=group_key, status__in=OPEN_STATUSES
    ).first()
    if found is not None or not group_key:
        return found
    changed = SeverityChange.objects.filter(
        group_key=group_key, incident__status__in=OPEN_STATUSES
    )
    one = changed.select_related("incident").order_by("-pk").first()
    return None if one is None else one.incident


def open_groups(group_keys: Collection[str]) -> dict[str, int]:
    """Return the open incidents of many groups, as :func:`open_group` finds one."""
    keys = [key for key in group_keys if key]
    changed = SeverityChange.objects.filter(
        group_key__any=keys, incident__status__in=OPEN_STATUSES
    ).order_by("pk")
    rows = Incident.objects.filter(group_key__any=keys, status__in=OPEN_STATUSES)
    return dict(changed.values_list("group_key", "incident")) | dict(
        rows.values_list("group_key", "pk")
    )


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
