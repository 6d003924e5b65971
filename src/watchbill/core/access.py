"""Access: what each role of the console may do.

Deny by default: a route names the one permission it needs, and a role holds
exactly what this table gives it. Contact data is personal data: phone numbers in
full are for those who may have to dial them (S2.1-16).
"""

from enum import StrEnum


class Permission(StrEnum):
    """One thing a person may be allowed to do in the console."""

    VIEW_INCIDENTS = "view_incidents"
    VIEW_CONFIDENTIAL = "view_confidential"
    RESPOND = "respond"
    CHANGE_SEVERITY = "change_severity"
    DECLARE = "declare"
    VIEW_ON_CALL = "view_on_call"
    #: Take a shift over, swap one's own, say when one is away.
    TRADE_SHIFTS = "trade_shifts"
    #: Put somebody else into a schedule, and say that somebody else is away.
    MANAGE_SCHEDULE = "manage_schedule"
    VIEW_CONTACTS = "view_contacts"
    #: Change particulars of contacts, groups and schedules in the plan.
    MANAGE_PEOPLE = "manage_people"
    VIEW_TICKETS = "view_tickets"
    WORK_TICKETS = "work_tickets"
    VIEW_DELIVERIES = "view_deliveries"
    VIEW_PLAN = "view_plan"
    #: The plan's owners among those who hold it may propose changes (S0-04).
    PROPOSE_PLAN = "propose_plan"
    MANAGE_USERS = "manage_users"
    MANAGE_INTEGRATIONS = "manage_integrations"
    MANAGE_ENGINE = "manage_engine"
    #: Read and export the audit log (SC-02).
    VIEW_AUDIT = "view_audit"


class ConsoleRole(StrEnum):
    """The role of a console user; not to be confused with the roles of a plan."""

    OWNER = "owner"
    RESPONDER = "responder"
    AGENT = "agent"
    STAKEHOLDER = "stakeholder"


_STAKEHOLDER = frozenset(
    {Permission.VIEW_INCIDENTS, Permission.VIEW_ON_CALL, Permission.VIEW_PLAN}
)
_AGENT = _STAKEHOLDER | {
    Permission.DECLARE,
    Permission.VIEW_TICKETS,
    Permission.WORK_TICKETS,
    Permission.VIEW_CONTACTS,
    Permission.TRADE_SHIFTS,
    Permission.PROPOSE_PLAN,
}
_RESPONDER = _AGENT | {
    Permission.RESPOND,
    Permission.CHANGE_SEVERITY,
    Permission.VIEW_CONFIDENTIAL,
    Permission.VIEW_DELIVERIES,
}

_GRANTS = {
    ConsoleRole.STAKEHOLDER: _STAKEHOLDER,
    ConsoleRole.AGENT: _AGENT,
    ConsoleRole.RESPONDER: _RESPONDER,
    ConsoleRole.OWNER: frozenset(Permission),
}


def permissions_of(role: ConsoleRole) -> frozenset[Permission]:
    """Return everything a console role may do."""
    return _GRANTS[role]
