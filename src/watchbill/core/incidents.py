"""Incidents: their states, and which human actions are open in which state.

An incident is triggered, then acknowledged (somebody takes it), mitigated (users
are no longer affected; a workaround counts), resolved (confirmed and stable) and
closed (post-mortem and actions filed). Each is an instant of its own (S3.1-34);
a state may be skipped forward and is never gone back to by accident. Doing again
what is already done is no error and changes nothing: two people who acknowledge
at once both see who was first.
"""

from dataclasses import dataclass
from enum import StrEnum


class IncidentStatus(StrEnum):
    """How far an incident has come."""

    TRIGGERED = "triggered"
    ACKNOWLEDGED = "acknowledged"
    MITIGATED = "mitigated"
    RESOLVED = "resolved"
    CLOSED = "closed"


class IncidentAction(StrEnum):
    """What a responder can do to an incident's state."""

    ACKNOWLEDGE = "acknowledge"
    MITIGATE = "mitigate"
    RESOLVE = "resolve"
    CLOSE = "close"


OPEN_STATUSES = frozenset(
    {
        IncidentStatus.TRIGGERED,
        IncidentStatus.ACKNOWLEDGED,
        IncidentStatus.MITIGATED,
    }
)

_ORDER = tuple(IncidentStatus)

_LEADS_TO = {
    IncidentAction.ACKNOWLEDGE: IncidentStatus.ACKNOWLEDGED,
    IncidentAction.MITIGATE: IncidentStatus.MITIGATED,
    IncidentAction.RESOLVE: IncidentStatus.RESOLVED,
    IncidentAction.CLOSE: IncidentStatus.CLOSED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """The answer to an action: the state after it, and whether that is a change."""

    status: IncidentStatus
    is_change: bool
    reason: str


def act(status: IncidentStatus, action: IncidentAction) -> Transition:
    """Return the state after an action.

    Closing what is not resolved is refused: ``is_change`` is False and the reason
    says what to do first.
    """
    goal = _LEADS_TO[action]
    if _ORDER.index(status) >= _ORDER.index(goal):
        reason = f"it is already {status}"
        return Transition(status=status, is_change=False, reason=reason)
    if action is IncidentAction.CLOSE and status is not IncidentStatus.RESOLVED:
        reason = "resolve it before closing it"
        return Transition(status=status, is_change=False, reason=reason)
    return Transition(status=goal, is_change=True, reason=f"{status} to {goal}")


def possible_actions(status: IncidentStatus) -> frozenset[IncidentAction]:
    """Return the actions that would change something in this state."""
    return frozenset(one for one in IncidentAction if act(status, one).is_change)
