"""Changing the severity of an incident that is under way (S3.1-32, A3)."""

from datetime import datetime

from django.db import transaction

from watchbill.core.escalation import FiringReason, Progress, due_at
from watchbill.core.ladder import Ladder, Step
from watchbill.core.regrade import (
    Grade,
    Regraded,
    clocks_start_at,
    is_upgrade,
    regrade,
)
from watchbill.core.routing import regroup
from watchbill.core.severity import Severity
from watchbill.plan import Plan
from watchbill.plan.sections.process import OnUpgrade
from watchbill.server.incidents import actions, queries, team
from watchbill.server.incidents.actions import ActionResult
from watchbill.server.incidents.models import (
    Incident,
    SeverityChange,
    StepFiring,
    TimelineKind,
)
from watchbill.server.incidents.timeline import Actor, record, tell


@transaction.atomic
def change_severity(
    incident_id: int, severity: str, *, reason: str, actor: Actor, now: datetime
) -> ActionResult:
    """Give an open incident another severity, for a reason.

    LookupError when the plan that the incident began under has no such severity.
    """
    held = queries.hold(incident_id)
    incident = held.incident
    facts = queries.facts_of(incident)
    new = facts.plan.severity(severity)
    refusal = _why_not(incident, new, reason)
    if refusal:
        return ActionResult(incident=incident, is_change=False, reason=refusal)
    old = facts.plan.severity(incident.severity)
    acted = _acted(incident, facts.plan)
    coming = [step for step, _ in queries.upcoming(incident)]
    change = _write(incident, facts.plan, old, new, reason, actor=actor, now=now)
    regraded = regrade(
        acted,
        queries.ladder_of(incident, facts.plan),
        queries.situation_of(incident),
        is_downgrade=not is_upgrade(old, new),
        fallback=facts.progress,
        now=now,
    )
    _record_past(incident, regraded, now=now)
    _say(incident, change, coming, regraded, actor=actor, now=now)
    team.activate(incident, facts.plan, now=now)
    actions.replan(held, regraded.progress, now=now)
    tell(incident)
    said = f"{old.key} to {new.key}"
    return ActionResult(incident=incident, is_change=True, reason=said)


def _why_not(incident: Incident, new: Severity, reason: str) -> str:
    if not queries.is_open(incident):
        return "the incident is over"
    if new.key == incident.severity:
        return f"it is a {new.key} already"
    return "" if reason.strip() else "a change of severity needs a reason"


def _write(
    incident: Incident,
    plan: Plan,
    old: Severity,
    new: Severity,
    reason: str,
    *,
    actor: Actor,
    now: datetime,
) -> SeverityChange:
    """Write the new severity and the clocks that it starts to a held incident."""
    restarts = plan.incidents.on_upgrade is OnUpgrade.RESTART
    started_at = clocks_start_at(
        [*_grades(incident, plan), Grade(rank=new.rank, since_at=now)],
        restarts=restarts,
    )
    number = incident.grade + 1
    Incident.objects.filter(pk=incident.pk).update(
        severity=new.key,
        severity_rank=new.rank,
        grade=number,
        clock_started_at=started_at,
    )
    incident.refresh_from_db()
    return SeverityChange.objects.create(
        incident=incident,
        number=number,
        from_severity=old.key,
        to_severity=new.key,
        reason=reason.strip(),
        by=actor.label,
        at=now,
        group_key=regroup(incident.group_key, severity=new.key),
    )


def _grades(incident: Incident, plan: Plan) -> list[Grade]:
    """The severities that an incident had, each with its beginning."""
    changes = queries.severity_changes(incident.pk)
    first = changes[0].from_severity if changes else incident.severity
    return [
        Grade(rank=plan.severity(first).rank, since_at=incident.declared_at),
        *(
            Grade(rank=plan.severity(one.to_severity).rank, since_at=one.at)
            for one in changes
        ),
    ]


def _acted(incident: Incident, plan: Plan) -> list[Step]:
    """The steps that had an effect, on the ladders of every severity it had."""
    known: dict[str, Step] = {}
    for ladder in _ladders(incident, plan):
        known |= {step.key: step for step in ladder.steps}
    effects = (FiringReason.DUE, FiringReason.BROUGHT_FORWARD)
    keys = StepFiring.objects.filter(incident=incident, reason__in=effects).values_list(
        "step_key", flat=True
    )
    return [known[key] for key in keys if key in known]


def _ladders(incident: Incident, plan: Plan) -> list[Ladder]:
    changes = queries.severity_changes(incident.pk)
    severities = [one.from_severity for one in changes] + [incident.severity]
    return [
        queries.ladder_at(plan, severity, incident.alert_type, grade=grade)
        for grade, severity in enumerate(severities)
    ]


def _record_past(incident: Incident, regraded: Regraded, *, now: datetime) -> None:
    """Write down which steps of the new ladder will not fire any more, and why."""
    because = (
        (
            regraded.carried,
            FiringReason.DONE_BEFORE,
            "done before, under another severity",
        ),
        (
            regraded.skipped,
            FiringReason.DOWNGRADED,
            "skipped (downgraded): its time had passed",
        ),
    )
    situation = queries.situation_of(incident)
    StepFiring.objects.bulk_create(
        StepFiring(
            incident=incident,
            step_key=step.key,
            title=step.title,
            verb=step.verb,
            reason=reason,
            explanation=explanation,
            due_at=due_at(step, Progress(), situation) or now,
            fired_at=now,
        )
        for steps, reason, explanation in because
        for step in steps
    )


def _say(
    incident: Incident,
    change: SeverityChange,
    coming: list[Step],
    regraded: Regraded,
    *,
    actor: Actor,
    now: datetime,
) -> None:
    cancelled = ", ".join(step.title for step in coming)
    skipped = ", ".join(step.title for step in regraded.skipped)
    parts = [
        change.reason,
        f"No longer coming on the old ladder: {cancelled}." if cancelled else "",
        f"Skipped on the new one: {skipped}." if skipped else "",
    ]
    record(
        incident,
        TimelineKind.STATUS,
        f"Severity changed from {change.from_severity} to {change.to_severity}"
        f" by {actor.label}",
        actor=actor,
        now=now,
        detail="\n".join(part for part in parts if part),
        news="severity",
    )
