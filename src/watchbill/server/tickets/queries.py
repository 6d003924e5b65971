"""Reading tickets."""

from django.db.models import QuerySet

from watchbill.server.tickets.models import Ticket, TicketStatus


def listed(*, status: str = "") -> QuerySet[Ticket]:
    """Return the tickets of a status, newest first; all of them without one."""
    tickets = Ticket.objects.select_related("incident").order_by("-created_at", "-pk")
    return tickets.filter(status=status) if status else tickets


def of_incident(incident_id: int) -> list[Ticket]:
    """Return the tickets of one incident."""
    return list(Ticket.objects.filter(incident_id=incident_id).order_by("pk"))


def open_count() -> int:
    """Return how many tickets are open."""
    return Ticket.objects.filter(status=TicketStatus.OPEN).count()


def exists(ticket_id: int) -> bool:
    """Return whether there is a ticket of this number."""
    return Ticket.objects.filter(pk=ticket_id).exists()
