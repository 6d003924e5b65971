"""Opening and closing tickets."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from watchbill.server import bulk
from watchbill.server.tickets.models import Ticket, TicketStatus
from watchbill.server.web.live import announce


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A ticket that an incident's ladder asks for."""

    incident_id: int
    title: str
    priority: str
    assigned_to: str
    level: str = ""


def open_for_incidents(wanted: Sequence[Wanted], *, now: datetime) -> None:
    """Open the tickets that incidents' ladders ask for (S3.2-02 to S3.2-04)."""
    if not wanted:
        return
    bulk.insert(
        [
            Ticket(
                title=one.title,
                priority=one.priority,
                incident_id=one.incident_id,
                assigned_to=one.assigned_to,
                level=one.level,
                created_at=now,
            )
            for one in wanted
        ]
    )
    announce("tickets")


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
