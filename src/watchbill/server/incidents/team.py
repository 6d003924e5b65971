"""The response team of an incident: who has which role (S3.1-06, A30)."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from watchbill.core import team as core
from watchbill.core.ladder import TurnTarget
from watchbill.core.team import Assignment, Setting, Team, TeamRole
from watchbill.plan import Plan
from watchbill.server import bulk
from watchbill.server.incidents.models import (
    Incident,
    Responder,
    RoleAssignment,
    TimelineKind,
)
from watchbill.server.incidents.timeline import (
    SYSTEM,
    Actor,
    entry,
    record,
    record_all,
)
from watchbill.server.oncall import queries as oncall


def activate(incident: Incident, plan: Plan, *, now: datetime) -> None:
    """Fill the roles that nobody has, if the severity activates the team."""
    team = plan.team(incident.severity)
    if team is None:
        return
    held = {one.role for one in holders(incident.pk)}
    found = [
        one
        for one in core.assign(
            team, oncall.roster(plan, now=now), _setting(incident, plan, at=now)
        )
        if one.role not in held
    ]
    bulk.insert_values(
        RoleAssignment, [_role_row(incident, one, since=now) for one in found]
    )
    if found:
        record_all([_activated(incident, found, at=now)])


def activate_all(incidents: Sequence[Incident], plan: Plan) -> None:
    """Fill the roles of incidents that have just been declared."""
    if not any(plan.team(one.severity) for one in incidents):
        return
    # A declaration is older than the look at it; never by more than a roster reaches.
    roster = oncall.roster(plan, now=max(one.declared_at for one in incidents))
    found: dict[tuple[str, str, datetime, int], tuple[Assignment, ...]] = {}
    roles, entries = [], []
    for incident in incidents:
        team, at = plan.team(incident.severity), incident.declared_at
        if team is None:
            continue
        turn = incident.pk if _is_in_turn(team) else 0
        like = (incident.severity, incident.category, at, turn)
        if like not in found:
            setting = _setting(incident, plan, at=at)
            found[like] = core.assign(team, roster, setting)
        roles += [_role_row(incident, one, since=at) for one in found[like]]
        if found[like]:
            entries.append(_activated(incident, found[like], at=at))
    bulk.insert_values(RoleAssignment, roles)
    record_all(entries)


def take(incident: Incident, role: TeamRole, *, actor: Actor, now: datetime) -> str:
    """Give a role of a held incident to who asks for it; return whom it was taken from.

    Raises ValueError when the role is theirs already.
    """
    before = [one for one in holders(incident.pk) if one.role == role]
    if any(is_of(one, actor) and not one.is_acting for one in before):
        message = f"{actor.label} is {_NAMES[role]} already"
        raise ValueError(message)
    former = ", ".join(one.label for one in before if not is_of(one, actor))
    _hand_over(incident, role, actor, now=now)
    text = f"{actor.label} is now {_NAMES[role]}"
    record(
        incident,
        TimelineKind.STATUS,
        text,
        actor=actor,
        now=now,
        detail=f"taken over from {former}" if former and not role.is_shared else "",
    )
    return former


def relieve(incident: Incident, plan: Plan, actor: Actor, *, now: datetime) -> None:
    """Let the commander who has come command in place of whoever acts for them."""
    team = plan.team(incident.severity)
    acting = RoleAssignment.objects.filter(
        incident=incident, role=TeamRole.COMMANDER, until=None, is_acting=True
    )
    if team is None or not actor.contact_key or not acting.exists():
        return
    setting = _setting(incident, plan, at=now)
    roster = oncall.roster(plan, now=now)
    if core.relieves(actor.contact_key, team, roster, setting):
        take(incident, TeamRole.COMMANDER, actor=actor, now=now)


def join(incident: Incident, actor: Actor, *, now: datetime) -> bool:
    """Make somebody a responder who has come; False if they had come before."""
    if not actor.contact_key:
        return False
    row, _ = Responder.objects.get_or_create(
        incident=incident,
        contact_key=actor.contact_key,
        defaults={"label": actor.label, "role": "responder", "since": now},
    )
    is_new = row.joined_at is None
    Responder.objects.filter(pk=row.pk).update(joined_at=now)
    return is_new


def holders(incident_id: int) -> list[RoleAssignment]:
    """Return who has a role now, in the order of the roles."""
    rows = RoleAssignment.objects.filter(incident=incident_id, until=None)
    return sorted(rows, key=lambda one: (_ORDER.index(one.role), one.pk))


def name_of(role: TeamRole) -> str:
    """Return what a role is called on a page."""
    return _NAMES[role]


_ORDER = [one.value for one in TeamRole]

_NAMES = {
    TeamRole.COMMANDER: "commander",
    TeamRole.OPERATIONS: "operations",
    TeamRole.COMMUNICATIONS: "communications",
    TeamRole.SCRIBE: "scribe",
    TeamRole.EXPERT: "subject matter expert",
}


def _role_row(
    incident: Incident, one: Assignment, *, since: datetime
) -> dict[str, Any]:
    return {
        "incident_id": incident.pk,
        "role": one.role,
        "contact_key": one.contact.key,
        "label": one.contact.label,
        "is_acting": one.is_acting,
        "since": since,
    }


def _activated(
    incident: Incident, found: Iterable[Assignment], *, at: datetime
) -> dict[str, Any]:
    who = ", ".join(f"{_NAMES[one.role]}: {one.contact.label}" for one in found)
    text = "Response team activated"
    kind = TimelineKind.STATUS
    return entry(incident.pk, kind, text, actor=SYSTEM, at=at, detail=who)


def _hand_over(
    incident: Incident, role: TeamRole, actor: Actor, *, now: datetime
) -> None:
    held = RoleAssignment.objects.filter(incident=incident, role=role, until=None)
    if role.is_shared:
        held = held.filter(contact_key=actor.contact_key, label=actor.label)
    held.update(until=now)
    RoleAssignment.objects.create(
        incident=incident,
        role=role,
        contact_key=actor.contact_key,
        label=actor.label,
        since=now,
    )


def is_of(one: RoleAssignment, actor: Actor) -> bool:
    """Return whether a role is somebody's."""
    if actor.contact_key:
        return one.contact_key == actor.contact_key
    return one.label == actor.label and not one.contact_key


def _is_in_turn(team: Team) -> bool:
    """Whether incidents that are alike may have different people."""
    return any(
        isinstance(one, TurnTarget)
        for one in (
            team.commander,
            team.acting_commander,
            team.operations,
            team.communications,
            team.communications_after_hours,
            team.scribe,
            team.experts,
        )
    )


def _setting(incident: Incident, plan: Plan, *, at: datetime) -> Setting:
    category = incident.category or None
    return Setting(at=at, category=category, turn=incident.pk, shifts=plan.shifts)
