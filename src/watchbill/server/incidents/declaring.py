"""Declaring incidents, one or a thousand at once.

An outage begins many incidents in a second, so that each table gets all their rows in
one statement. Every incident is declared with the first look at its ladder and its
promises in the same transaction (I7). Two that would be open for one group at a time
cannot be: the constraint ``incident_one_open_group`` refuses the second (S4.1-09).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from django.db import IntegrityError, transaction

from watchbill.core.escalation import Progress
from watchbill.core.incidents import IncidentStatus
from watchbill.plan import Plan
from watchbill.server import bulk
from watchbill.server.incidents import queries, team
from watchbill.server.incidents.models import Incident, TimelineKind
from watchbill.server.incidents.queries import LADDER, PROMISES
from watchbill.server.incidents.timeline import Actor, entry, record_all, tell_all
from watchbill.server.plans import queries as plans
from watchbill.server.timers import actions as timers
from watchbill.server.web.live import wake_engine


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What is known of an incident when it is declared."""

    title: str
    severity: str
    alert_type: str
    summary: str = ""
    category: str | None = None
    group_key: str = ""
    is_user_impacting: bool = False
    is_drill: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A declaration, who makes it and when."""

    declaration: Declaration
    actor: Actor
    at: datetime


@transaction.atomic
def declare(declaration: Declaration, *, actor: Actor, now: datetime) -> Incident:
    """Declare an incident and plan the first look at its ladder, due now.

    When another process opened the group's incident a moment earlier, that one is
    returned: there is never a second one beside it (S4.1-09).
    """
    opening = Opening(declaration=declaration, actor=actor, at=now)
    version_id = plans.in_force(now=now).pk
    try:
        with transaction.atomic():
            [incident] = declare_all([opening], version_id=version_id)
    except IntegrityError:
        existing = queries.open_group(declaration.group_key)
        if existing is None:
            raise
        return existing
    return incident


@transaction.atomic
def declare_all(openings: Sequence[Opening], *, version_id: int) -> list[Incident]:
    """Declare incidents under one version of the plan, in their order.

    IntegrityError when a group has an open incident already; then nothing is declared.
    """
    if not openings:
        return []
    plan = plans.plan_of(version_id)
    made = [_incident(one, plan, version_id) for one in openings]
    keys = bulk.reserve(Incident, len(made))
    for incident, key in zip(made, keys, strict=True):
        incident.pk = key
    # In the order of groups, so that no two processes wait for each other's.
    in_order: list[Incident] = sorted(made, key=lambda one: one.group_key)
    bulk.insert(in_order, with_keys=True)
    timers.plan_all(
        (
            (kind, incident.pk, incident.declared_at)
            for incident in made
            for kind in (LADDER, PROMISES)
        ),
        version_id=version_id,
    )
    _tell(made, openings, plan)
    return made


def _tell(made: list[Incident], openings: Sequence[Opening], plan: Plan) -> None:
    record_all(
        [
            entry(
                incident.pk,
                TimelineKind.DECLARED,
                f"Declared {incident.severity}"
                f" {plan.severity(incident.severity).title}: {incident.title}",
                actor=opening.actor,
                at=opening.at,
                detail=incident.summary,
            )
            for incident, opening in zip(made, openings, strict=True)
        ]
    )
    team.activate_all(made, plan)
    tell_all([incident.pk for incident in made])
    wake_engine()


def _incident(opening: Opening, plan: Plan, version_id: int) -> Incident:
    declaration = opening.declaration
    severity = plan.severity(declaration.severity)
    route = plan.routing.route(declaration.alert_type)
    category = declaration.category or route.category
    return Incident(
        title=declaration.title[:300],
        summary=declaration.summary,
        severity=severity.key,
        severity_rank=severity.rank,
        alert_type=route.key,
        category=category or "",
        group_key=declaration.group_key,
        status=IncidentStatus.TRIGGERED,
        is_confidential=plan.is_confidential(route.key, category),
        is_drill=declaration.is_drill,
        is_user_impacting=declaration.is_user_impacting,
        plan_version_id=version_id,
        declared_at=opening.at,
        declared_by=opening.actor.label,
        progress=msgspec.to_builtins(Progress()),
        next_due_at=opening.at,
    )
