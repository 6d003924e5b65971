"""What is audited: which tables, and why the others are not.

The triggers themselves are attached by migrations, with ``watchbill_audit_attach``.
A test holds them to this page, so that a new table is either audited or has a reason
here why it is not.
"""

from collections.abc import Mapping

ALWAYS = frozenset(
    {
        "absence",
        "contactmethod",
        "enginehold",
        "feedtoken",
        "handover",
        "heartbeatmonitor",
        "incidentoffer",
        "integration",
        "integrationkey",
        "mfa_authenticator",
        "notificationrule",
        "onetimelink",
        "override",
        "pagingtest",
        "planevent",
        "plansignature",
        "planversion",
        "quiettime",
        "silence",
        "swap",
        "ticket",
        "user",
    }
)
"""Whoever changes these, the engine and a stranger at the database included."""

BY_ACTORS = frozenset(
    {
        "alert",
        "heartbeat",
        "incident",
        "inboxentry",
        "notification",
        "responder",
        "roleassignment",
        "severitychange",
        "timelineentry",
    }
)
"""Where the engine writes by the thousand: only what is done by or for somebody."""

NOT_AUDITED: Mapping[str, str] = {
    "auditentry": "the log itself",
    "auditcheck": "says how far the log was checked, and is no proof",
    "account_emailaddress": "of allauth; watchbill keeps addresses with users",
    "account_emailconfirmation": "of allauth; nothing is confirmed this way",
    "auditrun": "what the engine found when it looked at itself",
    "changeevent": "reported by machines, and never changed",
    "chatpost": "kept by the engine",
    "chatroom": "kept by the engine",
    "delivery": "is itself the record of each attempt",
    "duestep": "moved by the engine for what is audited elsewhere",
    "engineclock": "kept by the engine",
    "enginegate": "raised by a migration of a newer version",
    "enginemark": "kept by the engine",
    "enginenode": "kept by the engine",
    "heartbeatevent": "reported by machines, and never changed",
    "intakerejection": "counts what was refused",
    "outage": "kept by the engine",
    "pollcursor": "how far a provider was asked",
    "seencall": "remembers calls so that none is done twice",
    "shiftnotice": "remembers what was said so that it is not said twice",
    "signinfailure": "a count; each refused attempt is a line of the log",
    "stepfiring": "the engine's own decisions, with their reasons",
}
"""Why the others are not."""
