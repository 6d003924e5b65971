"""What the incident pages show: rows and core values, put in the words of a page."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from watchbill.core import escalation
from watchbill.core.access import Permission
from watchbill.core.escalation import FiringReason
from watchbill.core.incidents import IncidentAction, IncidentStatus, possible_actions
from watchbill.core.ladder import ChannelTarget, Since, Step, Verb
from watchbill.core.people import unique
from watchbill.core.sla import Series
from watchbill.core.team import TeamRole
from watchbill.core.temporal import describe
from watchbill.server.incidents import promises, queries, team
from watchbill.server.incidents.models import (
    Incident,
    RoleAssignment,
    StepFiring,
    TimelineEntry,
    TimelineKind,
)
from watchbill.server.incidents.queries import Facts
from watchbill.server.incidents.timeline import Actor
from watchbill.server.oncall import queries as oncall

_ICONS = {
    TimelineKind.DECLARED: "incidents",
    TimelineKind.ALERT: "alert",
    TimelineKind.STEP: "escalate",
    TimelineKind.DELIVERY: "mail",
    TimelineKind.STATUS: "check",
    TimelineKind.NOTE: "note",
    TimelineKind.WARNING: "alert",
}

_STATES = {
    FiringReason.DUE: "fired",
    FiringReason.BROUGHT_FORWARD: "brought_forward",
    FiringReason.STOPPED: "stopped",
    FiringReason.NOT_AT_THIS_HOUR: "skipped",
    FiringReason.CONFIDENTIAL: "skipped",
    FiringReason.REACHED_NOBODY: "skipped",
    FiringReason.DONE_BEFORE: "skipped",
    FiringReason.DOWNGRADED: "skipped",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NextStep:
    """The step that comes next, and whom it will reach."""

    label: str
    due_at: datetime
    who: str


def rows(incidents: Iterable[Incident], *, now: datetime) -> list[dict[str, Any]]:
    """Return incidents as rows of the list."""
    live = oncall.live(now=now)
    return [row(incident, now=now, live=live) for incident in incidents]


def row(incident: Incident, *, now: datetime, live: oncall.Live) -> dict[str, Any]:
    """Return an incident as a row of the list."""
    facts = queries.facts_of(incident, with_holders=False)
    severity = facts.plan.severity(incident.severity)
    standings = promises.standings(incident, facts.plan, now=now)
    resolution = standings[Series.RESOLUTION]
    return {
        "number": incident.pk,
        "url": incident.get_absolute_url(),
        "title": incident.title,
        "severity": severity.key,
        "severity_name": severity.title,
        "status": incident.status,
        "declared_at": incident.declared_at,
        "acknowledged_at": incident.acknowledged_at,
        "acknowledged_by": incident.acknowledged_by,
        "holder": _holder(incident),
        "alert_type": facts.plan.routing.route(incident.alert_type).title,
        "alert_count": getattr(incident, "alert_count", 0),
        "is_drill": incident.is_drill,
        "confidential": incident.is_confidential,
        "next_step": _next_step(facts, live, now=now),
        "resolution_due_at": resolution.due_at if resolution else None,
        "is_late": bool(resolution and resolution.is_broken),
        "reached_nobody": incident.reached_nobody,
    }


def detail(
    incident: Incident,
    *,
    now: datetime,
    live: oncall.Live,
    viewer: Actor | None = None,
) -> dict[str, Any]:
    """Return an incident as the head of its own page."""
    facts = queries.facts_of(incident)
    return row(incident, now=now, live=live) | {
        "summary": incident.summary,
        "held_since": incident.taken_at or incident.acknowledged_at,
        "mitigated_at": incident.mitigated_at,
        "resolved_at": incident.resolved_at,
        "closed_at": incident.closed_at,
        "resolve_proposed_at": incident.resolve_proposed_at,
        "plan_version": facts.plan.meta.version,
        "plan_url": reverse("plans:version", args=[incident.plan_version_id]),
        # Most kinds of incident are a category of their own.
        "category": incident.category
        if incident.category != incident.alert_type
        else "",
        "response_team": [
            {"role": one.role, "name": one.label, "joined_at": one.joined_at}
            for one in incident.responders.all()
        ],
        "roles": _roles(incident, facts, viewer),
        "targets": _targets(incident, facts, now=now),
        "ack_lapsed_at": incident.ack_lapsed_at,
        "lapses_at": escalation.lapses_at(
            facts.ladder, facts.progress, facts.situation
        ),
        "severities": [
            {"key": one.key, "name": one.title}
            for one in facts.plan.severities
            if one.key != incident.severity
        ],
        "suggested_severity": promises.suggested_severity(
            incident, facts.plan, now=now
        ),
        "postmortem": _postmortem(incident, facts, now=now),
    }


def ladder(
    incident: Incident, *, now: datetime, live: oncall.Live
) -> list[dict[str, Any]]:
    """Return the steps of an incident's ladder, dealt with or to come, in order."""
    facts = queries.facts_of(incident)
    fired = {one.step_key: one for one in queries.firings_of(incident.pk)}
    coming = escalation.upcoming(facts.ladder, facts.progress, facts.situation)
    next_key = coming[0][0].key if coming else None
    climbed = escalation.climbed(facts.ladder, facts.progress, facts.situation)
    rows = [
        _step_row(
            step,
            fired.get(step.key),
            facts,
            live,
            is_next=step.key == next_key,
            now=now,
        )
        for step in climbed.steps
    ]
    known = {step.key for step in climbed.steps}
    rows += [_extra_row(one) for key, one in fired.items() if key not in known]
    # Steps counted from the resolution have no time before it, and come last.
    timed = [one for one in rows if one["due_at"] is not None]
    timeless = [one for one in rows if one["due_at"] is None]
    return sorted(timed, key=lambda one: one["due_at"]) + timeless


def timeline(entries: list[TimelineEntry]) -> list[dict[str, Any]]:
    """Return timeline entries for their panel."""
    return [
        {
            "at": entry.at,
            "kind": entry.kind,
            "actor": entry.actor,
            "text": entry.text,
            "detail": entry.detail,
            "icon": _ICONS[TimelineKind(entry.kind)],
        }
        for entry in entries
    ]


_NEEDS = {
    "acknowledge": IncidentAction.ACKNOWLEDGE,
    "mitigate": IncidentAction.MITIGATE,
    "resolve": IncidentAction.RESOLVE,
    "close": IncidentAction.CLOSE,
}


def may_join(incident: Incident, contact_key: str) -> bool:
    """Return whether somebody could still join those who took an incident."""
    is_taken = queries.is_open(incident) and incident.status != IncidentStatus.TRIGGERED
    joined = incident.responders.exclude(joined_at=None)
    return (
        is_taken
        and contact_key != ""
        and not joined.filter(contact_key=contact_key).exists()
    )


def allowed(
    incident: Incident, permissions: frozenset[Permission], *, contact_key: str = ""
) -> dict[str, bool]:
    """Return which buttons a person with these permissions gets."""
    responds = Permission.RESPOND in permissions
    possible = possible_actions(IncidentStatus(incident.status))
    return {name: responds and one in possible for name, one in _NEEDS.items()} | {
        "escalate": responds and queries.is_open(incident),
        "note": responds,
        "join": responds and may_join(incident, contact_key),
        "take_role": responds and queries.is_open(incident),
        "change_severity": Permission.CHANGE_SEVERITY in permissions
        and queries.is_open(incident),
    }


def urls(incident: Incident) -> dict[str, str]:
    """Return where the buttons of an incident's page post to."""
    changes = {
        name: reverse("incidents:act", args=[incident.pk, name]) for name in _NEEDS
    }
    return changes | {
        "escalate": reverse("incidents:escalate", args=[incident.pk]),
        "note": reverse("incidents:note", args=[incident.pk]),
        "severity": reverse("incidents:severity", args=[incident.pk]),
    }


def _holder(incident: Incident) -> str:
    """Who holds an incident; nobody once an acknowledgement has lapsed."""
    is_waiting = incident.status == IncidentStatus.TRIGGERED
    return "" if is_waiting else incident.acknowledged_by


def _roles(
    incident: Incident, facts: Facts, viewer: Actor | None
) -> list[dict[str, Any]]:
    """The roles of the response team, open ones too; none where it is not called."""
    held: dict[str, list[RoleAssignment]] = {}
    for one in team.holders(incident.pk):
        held.setdefault(one.role, []).append(one)
    if not held and facts.plan.team(incident.severity) is None:
        return []
    return [
        {
            "name": team.name_of(role),
            "who": ", ".join(one.label for one in held.get(role, ())),
            "is_acting": any(one.is_acting for one in held.get(role, ())),
            "is_mine": any(
                viewer is not None and team.is_of(one, viewer) and not one.is_acting
                for one in held.get(role, ())
            ),
            "url": reverse("incidents:role", args=[incident.pk, role]),
        }
        for role in TeamRole
    ]


_TARGETS = {
    Series.RESPONSE: _("Response target"),
    Series.RESOLUTION: _("Resolution target"),
}


def _targets(
    incident: Incident, facts: Facts, *, now: datetime
) -> list[dict[str, Any]]:
    """Return how both promises stand, for the head of the page."""
    rows = []
    for series, one in promises.standings(incident, facts.plan, now=now).items():
        if one is None:
            continue
        rows.append(
            {
                "name": _TARGETS[series],
                "due_at": one.due_at,
                "met_at": one.met_at,
                "is_broken": one.is_broken,
                "is_near": one.is_near,
            }
        )
    return rows


def _next_step(facts: Facts, live: oncall.Live, *, now: datetime) -> NextStep | None:
    coming = escalation.upcoming(facts.ladder, facts.progress, facts.situation)
    if not coming:
        return None
    step, due_at = coming[0]
    return NextStep(
        label=step.title, due_at=due_at, who=", ".join(_who(step, facts, live, now))
    )


def _who(step: Step, facts: Facts, live: oncall.Live, at: datetime) -> list[str]:
    roster = live.roster(facts.plan)
    category = facts.situation.category
    people = unique(
        contact
        for target in step.targets
        for contact in roster.people(
            target, category=category, at=at, turn=facts.situation.turn
        )
    )
    channels = [one.channel for one in step.targets if isinstance(one, ChannelTarget)]
    return [*(contact.label for contact in people), *channels]


def _step_row(
    step: Step,
    firing: StepFiring | None,
    facts: Facts,
    live: oncall.Live,
    *,
    is_next: bool,
    now: datetime,
) -> dict[str, Any]:
    due_at = escalation.due_at(step, facts.progress, facts.situation)
    since = "counted from the resolution" if step.since is Since.RESOLVED else ""
    shown = {
        "label": step.title,
        "verb": step.verb,
        "after": describe(step.after),
        "origin": ", ".join(step.origin),
        "due_at": due_at,
        "fired_at": None,
        "late": False,
        "why": since,
    }
    if firing is not None:
        return shown | _dealt_with(firing)
    stopped = facts.situation.stop_reason(step.stop_on)
    if stopped is not None:
        return shown | {"state": "stopped", "who": [], "why": stopped}
    return shown | {
        "state": "next" if is_next else "pending",
        "who": _who(step, facts, live, now),
    }


def _dealt_with(firing: StepFiring) -> dict[str, Any]:
    on_time = firing.reason == FiringReason.DUE and not firing.is_late
    return {
        "state": _STATES[FiringReason(firing.reason)],
        "fired_at": firing.fired_at,
        "late": firing.is_late,
        "who": firing.told,
        # A step that fired at its time needs no further reason than that.
        "why": "" if on_time else firing.explanation,
    }


def _extra_row(firing: StepFiring) -> dict[str, Any]:
    """A step that is no longer, or never was, in the plan: such as the fallback."""
    return {
        "label": firing.title,
        "verb": firing.verb,
        "after": "",
        "origin": "",
        "due_at": firing.due_at,
    } | _dealt_with(firing)


def _postmortem(
    incident: Incident, facts: Facts, *, now: datetime
) -> dict[str, Any] | None:
    steps = [one for one in facts.ladder.steps if one.verb is Verb.POSTMORTEM]
    if not steps:
        return None
    times = [escalation.due_at(one, facts.progress, facts.situation) for one in steps]
    due_at = max((one for one in times if one is not None), default=None)
    if incident.closed_at is not None:
        state = "filed"
    elif due_at is None:
        state = "waiting"
    else:
        state = "overdue" if due_at <= now else "due"
    return {"state": state, "due_at": due_at, "url": incident.postmortem_url}
