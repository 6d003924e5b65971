"""What pages show of tickets."""

from typing import Any

from django.urls import reverse

from watchbill.server.tickets.models import Ticket


def row(ticket: Ticket, *, may_work: bool) -> dict[str, Any]:
    """Return a ticket as a row of the list."""
    incident = ticket.incident
    # Whoever works on tickets may not see a confidential incident (A15).
    is_shown = incident is not None and not incident.is_confidential
    return {
        "number": ticket.pk,
        "title": ticket.title,
        "priority": ticket.priority,
        "status": ticket.status,
        "assigned_to": ticket.assigned_to,
        "level": ticket.level,
        "created_at": ticket.created_at,
        "closed_by": ticket.closed_by,
        "incident_number": ticket.incident_id if is_shown else None,
        "incident_url": incident.get_absolute_url() if incident and is_shown else "",
        "close_url": reverse("tickets:close", args=[ticket.pk]) if may_work else "",
        "reopen_url": reverse("tickets:reopen", args=[ticket.pk]) if may_work else "",
    }


def panel_row(one: Ticket) -> dict[str, Any]:
    """Return a ticket for the panel of its incident."""
    return {
        "number": one.pk,
        "title": one.title,
        "status": one.status,
        "assigned_to": one.assigned_to,
        "level": one.level,
    }
