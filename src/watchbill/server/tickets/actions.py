"""Opening and closing tickets."""

from datetime import datetime

from watchbill.server.tickets.models import Ticket, TicketStatus
from watchbill.server.web.live import announce


def open_for_incident(
    incident_id: int,
    *,
    title: str,
    priority: str,
    assigned_to: str,
    level: str = "",
    now: datetime,
) -> Ticket:
    """Open the ticket that an incident's ladder asks for (S3.2-02 to S3.2-04)."""
    ticket = Ticket.objects.create(
        title=title,
        priority=priority,
        incident_id=incident_id,
        assigned_to=assigned_to,
        level=level,
        created_at=now,
    )
    announce("tickets")
    return ticket


def hand_on(incident_id: int, *, level: str) -> None:
    """Give the open tickets of an incident to a higher level of support (A33)."""
    rows = Ticket.objects.filter(incident=incident_id, status=TicketStatus.OPEN)
    if rows.exclude(level=level).update(level=level):
        announce("tickets")


def close(ticket_id: int, *, actor: str, now: datetime) -> bool:
    """Close a ticket; False when it is closed already or does not exist."""
    closed = Ticket.objects.filter(pk=ticket_id, status=TicketStatus.OPEN).update(
        status=TicketStatus.CLOSED, closed_at=now, closed_by=actor
    )
    if closed:
        announce("tickets")
    return bool(closed)


def reopen(ticket_id: int) -> bool:
    """Open a closed ticket again; the undo of closing it."""
    opened = Ticket.objects.filter(pk=ticket_id, status=TicketStatus.CLOSED).update(
        status=TicketStatus.OPEN, closed_at=None, closed_by=""
    )
    if opened:
        announce("tickets")
    return bool(opened)
