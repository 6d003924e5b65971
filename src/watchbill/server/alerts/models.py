"""Alerts: one row for each episode of a condition that a source reports."""

from django.db import models
from django.db.models import Q

from watchbill.core.alerts import AlertStatus


class Alert(models.Model):
    """A condition from its first firing to the end of its incident."""

    integration = models.ForeignKey("watchbill.Integration", on_delete=models.PROTECT)
    fingerprint = models.TextField()
    #: Whether a further signal about the condition belongs to this row.
    is_current = models.BooleanField(default=True)
    status = models.CharField(
        max_length=10, choices=[(one.value, one.value) for one in AlertStatus]
    )
    title = models.TextField()
    labels = models.JSONField()
    annotations = models.JSONField()
    links = models.JSONField()
    #: The route and severity by which it was sorted, and the reason in words.
    alert_type = models.TextField()
    severity = models.TextField()
    classified_because = models.TextField()
    is_catch_all = models.BooleanField(default=False)
    #: Firing signals received, the first included.
    count = models.PositiveIntegerField(default=1)
    #: When the condition began by the source's clock, clamped to ours (A58).
    starts_at = models.DateTimeField()
    claimed_starts_at = models.DateTimeField(null=True)
    received_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)
    #: When it began to fire again after an end within the same incident.
    resumed_at = models.DateTimeField(null=True)
    incident = models.ForeignKey(
        "watchbill.Incident", on_delete=models.PROTECT, related_name="alerts"
    )

    class Meta:
        """One current row a condition: the first signal wins, others join it."""

        constraints = [
            models.UniqueConstraint(
                fields=["integration", "fingerprint"],
                name="alert_one_current",
                condition=Q(is_current=True),
            ),
        ]
        indexes = [
            models.Index(fields=["incident", "status"]),
        ]

    def __str__(self) -> str:
        return self.title
