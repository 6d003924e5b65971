"""The tables of all rooms, gathered for Django."""

from watchbill.server.accounts.models import OneTimeLink, SignInFailure, User
from watchbill.server.alerts.models import Alert
from watchbill.server.audit.models import AuditCheck, AuditEntry
from watchbill.server.changes.models import ChangeEvent
from watchbill.server.engine.models import (
    AuditRun,
    EngineClock,
    EngineGate,
    EngineHold,
    EngineMark,
    EngineNode,
    Heartbeat,
    Outage,
)
from watchbill.server.heartbeats.models import HeartbeatEvent, HeartbeatMonitor
from watchbill.server.hooks.models import ChatPost, ChatRoom, PollCursor, SeenCall
from watchbill.server.incidents.models import (
    Incident,
    IncidentOffer,
    Responder,
    RoleAssignment,
    SeverityChange,
    StepFiring,
    TimelineEntry,
)
from watchbill.server.intake.models import (
    InboxEntry,
    IntakeRejection,
    Integration,
    IntegrationKey,
)
from watchbill.server.notifications.models import Delivery, Notification
from watchbill.server.oncall.models import (
    Absence,
    FeedToken,
    Handover,
    Override,
    ShiftNotice,
    Swap,
)
from watchbill.server.people.models import (
    ContactMethod,
    NotificationRule,
    PagingTest,
    QuietTime,
)
from watchbill.server.plans.models import PlanEvent, PlanSignature, PlanVersion
from watchbill.server.silences.models import Silence
from watchbill.server.tickets.models import Ticket
from watchbill.server.timers.models import DueStep

__all__ = [
    "Absence",
    "Alert",
    "AuditCheck",
    "AuditEntry",
    "AuditRun",
    "ChangeEvent",
    "ChatPost",
    "ChatRoom",
    "ContactMethod",
    "Delivery",
    "DueStep",
    "EngineClock",
    "EngineGate",
    "EngineHold",
    "EngineMark",
    "EngineNode",
    "FeedToken",
    "Handover",
    "Heartbeat",
    "HeartbeatEvent",
    "HeartbeatMonitor",
    "InboxEntry",
    "Incident",
    "IncidentOffer",
    "IntakeRejection",
    "Integration",
    "IntegrationKey",
    "Notification",
    "NotificationRule",
    "OneTimeLink",
    "Outage",
    "Override",
    "PagingTest",
    "PlanEvent",
    "PlanSignature",
    "PlanVersion",
    "PollCursor",
    "QuietTime",
    "Responder",
    "RoleAssignment",
    "SeenCall",
    "SeverityChange",
    "ShiftNotice",
    "SignInFailure",
    "Silence",
    "StepFiring",
    "Swap",
    "Ticket",
    "TimelineEntry",
    "User",
]
