"""The tables of all rooms, gathered for Django."""

from watchbill.server.accounts.models import OneTimeLink, SignInFailure, User
from watchbill.server.alerts.models import Alert
from watchbill.server.engine.models import EngineNode
from watchbill.server.incidents.models import (
    Incident,
    Responder,
    StepFiring,
    TimelineEntry,
)
from watchbill.server.intake.models import InboxEntry, IntakeRejection, Integration
from watchbill.server.notifications.models import Delivery, Notification
from watchbill.server.plans.models import PlanEvent, PlanSignature, PlanVersion
from watchbill.server.tickets.models import Ticket
from watchbill.server.timers.models import DueStep

__all__ = [
    "Alert",
    "Delivery",
    "DueStep",
    "EngineNode",
    "InboxEntry",
    "Incident",
    "IntakeRejection",
    "Integration",
    "Notification",
    "OneTimeLink",
    "PlanEvent",
    "PlanSignature",
    "PlanVersion",
    "Responder",
    "SignInFailure",
    "StepFiring",
    "Ticket",
    "TimelineEntry",
    "User",
]
