"""Changing incidents: one transaction each, every change on the timeline.

Each action holds the incident's due step and row, asks the core, writes the
answer, and moves the next look at the ladder, so that an open incident has a next
look at every commit (I7).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from django.db import transaction

from watchbill.core import escalation
from watchbill.core.escalation import Progress
from watchbill.core.incidents import IncidentAction, IncidentStatus, act
from watchbill.core.team import TeamRole
from watchbill.plan import Plan
from watchbill.server import bulk
from watchbill.server.incidents import queries, team
from watchbill.server.incidents.declaring import Declaration, declare
from watchbill.server.incidents.models import (
    Incident,
    TimelineKind,
)
from watchbill.server.incidents.queries import LADDER, PROMISES, Held
from watchbill.server.incidents.timeline import (
    SYSTEM,
    Actor,
    entry,
    record,
    record_all,
    tell,
    tell_all,
)
from watchbill.server.plans import queries as plans
from watchbill.server.timers import actions as timers
from watchbill.server.web.live import wake_engine

__all__ = [
    "SYSTEM",
    "ActionResult",
    "Actor",
    "Declaration",
    "add_note",
    "declare",
    "escalate_now",
    "lapse",
    "move_on",
    "perform",
    "propose_resolution",
    "propose_resolutions",
    "record",
    "replan",
    "save_all_progress",
    "save_progress",
    "take_role",
    "tell",
    "tell_all",
    "withdraw_proposals",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionResult:
    """What an action did; ``reason`` is fit to be shown."""

    incident: Incident
    is_change: bool
    reason: str
    #: The state is as it was, and the person now works on the incident too.
    has_joined: bool = False


@transaction.atomic
def perform(
    incident_id: int,
    action: IncidentAction,
    *,
    actor: Actor,
    now: datetime,
    note: str = "",
) -> ActionResult:
    """Acknowledge, mitigate, resolve or close an incident.

    What is already done stays as it was, and the answer says who did it. Whoever
    acknowledges what somebody else has taken joins them.
    """
    held = queries.hold(incident_id)
    incident = held.incident
    transition = act(IncidentStatus(incident.status), action)
    if not transition.is_change:
        reason = _already(incident, action, transition.reason)
        return ActionResult(
            incident=incident,
            is_change=False,
            reason=reason,
            has_joined=action is IncidentAction.ACKNOWLEDGE
            and _join(incident, actor, now=now),
        )
    _apply(incident, action, transition.status, actor=actor, now=now)
    record(
        incident,
        TimelineKind.STATUS,
        f"{transition.status.capitalize()} by {actor.label}",
        actor=actor,
        now=now,
        detail=note,
        news=transition.status,
    )
    if action is IncidentAction.ACKNOWLEDGE:
        team.join(incident, actor, now=now)
        team.relieve(incident, _plan_of(incident), actor, now=now)
    replan(held, queries.progress_of(incident), now=now)
    tell(incident)
    return ActionResult(incident=incident, is_change=True, reason=transition.reason)


@transaction.atomic
def take_role(
    incident_id: int, role: TeamRole, *, actor: Actor, now: datetime
) -> ActionResult:
    """Give a role of the response team to whoever asks for it (A30)."""
    held = queries.hold(incident_id)
    incident = held.incident
    if not queries.is_open(incident):
        reason = "the incident is over"
        return ActionResult(incident=incident, is_change=False, reason=reason)
    try:
        team.take(incident, role, actor=actor, now=now)
    except ValueError as error:
        return ActionResult(incident=incident, is_change=False, reason=str(error))
    team.join(incident, actor, now=now)
    tell(incident)
    return ActionResult(incident=incident, is_change=True, reason=f"took {role}")


def lapse(incident: Incident, *, at: datetime, now: datetime) -> None:
    """Let a held incident wait for somebody again (A2).

    When it was first taken stays as it was: that is how long the answer took.
    """
    taken_by = incident.acknowledged_by
    Incident.objects.filter(pk=incident.pk).update(
        status=IncidentStatus.TRIGGERED, taken_at=None, ack_lapsed_at=at
    )
    incident.refresh_from_db()
    record(
        incident,
        TimelineKind.WARNING,
        f"No activity since {taken_by} took it: paging begins anew",
        actor=SYSTEM,
        now=now,
    )


@transaction.atomic
def escalate_now(incident_id: int, *, actor: Actor, now: datetime) -> ActionResult:
    """Make the next step that contacts people due at once (S3.2-21)."""
    held = queries.hold(incident_id)
    facts = queries.facts_of(held.incident)
    forward = escalation.bring_forward(
        facts.ladder, facts.progress, facts.situation, now=now
    )
    if forward is None or forward == facts.progress:
        reason = (
            "no further step contacts anybody"
            if forward is None
            else "the next step is due already"
        )
        return ActionResult(incident=held.incident, is_change=False, reason=reason)
    record(
        held.incident,
        TimelineKind.STATUS,
        f"Escalated early by {actor.label}",
        actor=actor,
        now=now,
        news="escalated",
    )
    replan(held, forward, now=now)
    tell(held.incident)
    return ActionResult(
        incident=held.incident, is_change=True, reason="brought forward"
    )


@transaction.atomic
def move_on(incident_id: int, *, because: str, now: datetime) -> None:
    """Bring the next step forward because the last one told nobody (S2.2-09).

    When another step failed a moment before and the next one is due already, that
    one tells somebody: the fallback is turned to only when no step is left.
    """
    held = queries.hold(incident_id)
    facts = queries.facts_of(held.incident)
    if not queries.is_open(held.incident):
        return
    forward = escalation.bring_forward(
        facts.ladder, facts.progress, facts.situation, now=now
    )
    if forward is None:
        forward = escalation.turn_to_fallback(facts.progress, now=now)
    record(held.incident, TimelineKind.WARNING, because, actor=SYSTEM, now=now)
    replan(held, forward, now=now)
    tell(held.incident)


@transaction.atomic
def add_note(incident_id: int, text: str, *, actor: Actor, now: datetime) -> None:
    """Add what somebody wrote to the timeline."""
    incident = Incident.objects.get(pk=incident_id)
    record(incident, TimelineKind.NOTE, text, actor=actor, now=now)
    tell(incident)


@transaction.atomic
def propose_resolution(incident: Incident, *, auto: bool, now: datetime) -> None:
    """Say that the last alert of an incident has ended.

    With ``auto`` the incident resolves by itself; otherwise a human is asked to
    confirm, because an alert that stops does not prove that users are well
    (S4.1-10).
    """
    if auto:
        note = "Its last alert ended, and the plan lets it resolve by itself."
        perform(incident.pk, IncidentAction.RESOLVE, actor=SYSTEM, now=now, note=note)
        return
    queries.hold(incident.pk)
    propose_resolutions([(incident, now)])


@transaction.atomic
def propose_resolutions(ended: Sequence[tuple[Incident, datetime]]) -> None:
    """Ask humans to confirm the end of held incidents, as of when each ended."""
    bulk.update(
        Incident,
        ({"id": incident.pk, "resolve_proposed_at": at} for incident, at in ended),
    )
    record_all(
        [
            entry(incident.pk, TimelineKind.ALERT, _ALL_ENDED, actor=SYSTEM, at=at)
            for incident, at in ended
        ]
    )
    tell_all([incident.pk for incident, _ in ended])


def withdraw_proposals(held: Iterable[Incident]) -> None:
    """Forget that the alerts of held incidents had ended: one fires again."""
    proposed = [one for one in held if one.resolve_proposed_at is not None]
    if not proposed:
        return
    rows = Incident.objects.filter(pk__in=[one.pk for one in proposed])
    rows.update(resolve_proposed_at=None)
    for incident in proposed:
        incident.resolve_proposed_at = None


def replan(held: Held, progress: Progress, *, now: datetime) -> None:
    """Store the ladder's progress and move the next look at it (I7).

    The promises are looked at now, because what changed may be news or meet one.
    """
    incident = held.incident
    situation = queries.situation_of(incident)
    ladder = queries.ladder_of(incident, _plan_of(incident))
    look_at = escalation.next_look_at(ladder, progress, situation)
    save_progress(incident, progress, look_at=look_at)
    if held.due is not None:
        timers.next_look(held.due, at=look_at, now=now)
    elif look_at is not None:
        timers.plan(LADDER, incident.pk, incident.plan_version_id, due_at=look_at)
    if held.promises is not None:
        timers.next_look(held.promises, at=now, now=now)
    else:
        timers.plan(PROMISES, incident.pk, incident.plan_version_id, due_at=now)
    wake_engine()


def save_progress(
    incident: Incident, progress: Progress, *, look_at: datetime | None
) -> None:
    """Write the ladder's memory of a held incident."""
    save_all_progress([(incident, progress, look_at)])


def save_all_progress(
    memories: Iterable[tuple[Incident, Progress, datetime | None]],
) -> None:
    """Write the ladders' memories of held incidents, each with its next look."""
    bulk.update(
        Incident,
        (
            {
                "id": incident.pk,
                "progress": msgspec.to_builtins(progress),
                "next_due_at": look_at,
                "reached_nobody": progress.fallback_at is not None
                and incident.status == IncidentStatus.TRIGGERED,
            }
            for incident, progress, look_at in memories
        ),
    )


_ALL_ENDED = "All alerts have ended. Please confirm that service is restored."

_STAMPS = {
    IncidentAction.ACKNOWLEDGE: "acknowledged_at",
    IncidentAction.MITIGATE: "mitigated_at",
    IncidentAction.RESOLVE: "resolved_at",
    IncidentAction.CLOSE: "closed_at",
}


def _apply(
    incident: Incident,
    action: IncidentAction,
    status: IncidentStatus,
    *,
    actor: Actor,
    now: datetime,
) -> None:
    """Write the new state and its instant to a held incident."""
    values: dict[str, object] = {"status": status, _STAMPS[action]: now}
    is_free = incident.status == IncidentStatus.TRIGGERED
    if is_free and action is not IncidentAction.CLOSE:
        # Whoever mitigates or resolves has taken it by that.
        values |= {
            "acknowledged_at": incident.acknowledged_at or now,
            "acknowledged_by": actor.label,
            "holder": actor.contact_key,
            "taken_at": now,
            "ack_lapsed_at": None,
        }
    Incident.objects.filter(pk=incident.pk).update(**values)
    incident.refresh_from_db()


def _already(incident: Incident, action: IncidentAction, reason: str) -> str:
    if action is IncidentAction.ACKNOWLEDGE and incident.acknowledged_by:
        return f"{incident.acknowledged_by} has already taken it"
    return reason


def _join(incident: Incident, actor: Actor, *, now: datetime) -> bool:
    """Note that somebody came to help with an incident that is taken."""
    if not queries.is_open(incident) or not team.join(incident, actor, now=now):
        return False
    text = f"{actor.label} joined"
    record(incident, TimelineKind.STATUS, text, actor=actor, now=now)
    team.relieve(incident, _plan_of(incident), actor, now=now)
    tell(incident)
    return True


def _plan_of(incident: Incident) -> Plan:
    return plans.plan_of(incident.plan_version_id)
