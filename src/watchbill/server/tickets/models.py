"""Tickets: work that the help desk keeps track of."""

from django.db import models


class TicketStatus(models.TextChoices):
    """Whether there is still something to do."""

    OPEN = "open"
    CLOSED = "closed"


class Ticket(models.Model):
    """One piece of work; those of an incident are made by its ladder."""

    title = models.TextField()
    #: As the plan calls it, such as "high", "standard" or "low" (S3.1-14).
    priority = models.TextField()
    status = models.CharField(
        max_length=10, choices=TicketStatus.choices, default=TicketStatus.OPEN
    )
    incident = models.ForeignKey(
        "watchbill.Incident",
        null=True,
        on_delete=models.PROTECT,
        related_name="tickets",
    )
    assigned_to = models.TextField(blank=True)
    #: The level of support that works on it, such as "L1" (A33).
    level = models.TextField(blank=True)
    created_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    closed_by = models.TextField(blank=True)

    class Meta:
        """Listed newest first."""

        indexes = [models.Index(fields=["status", "-created_at"])]

    def __str__(self) -> str:
        return f"#{self.pk} {self.title}"
