"""Alerts: one row for each episode of a condition that a source reports."""

from django.db import models
from django.db.models import Q

from watchbill.core.alerts import AlertStatus


class Alert(models.Model):
    """A condition from its first firing to the end of its incident."""

    # Found by the index of conditions, which begins with it.
    integration = models.ForeignKey(
        "watchbill.Integration", on_delete=models.PROTECT, db_index=False
    )
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
    #: Only some may know of it, whether or not it has an incident (A15).
    is_confidential = models.BooleanField(default=False)
    #: Of the incident that it shares with its like, unless a storm takes them all.
    group_key = models.TextField(blank=True, default="")
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
    #: When it ends by itself unless the source repeats it.
    expires_at = models.DateTimeField(null=True)
    #: The latest instants at which it began or ceased to fire, and whether they are so
    #: many that its ends are not believed yet (S4.2-26).
    flips = models.JSONField(default=list)
    is_flapping = models.BooleanField(default=False)
    #: Null while it fires and nobody is to be paged for it: see ``muted_by``.
    incident = models.ForeignKey(
        "watchbill.Incident", null=True, on_delete=models.PROTECT, related_name="alerts"
    )
    #: Why no incident was opened, as objects with "kind" (silence, inhibition,
    #: maintenance), "key" and "text"; empty for none. It mutes pages, never state.
    muted_by = models.JSONField(default=list)
    #: Since when nobody is paged for it.
    muted_at = models.DateTimeField(null=True)
    #: The post that spoke of it last.
    last_entry = models.ForeignKey(
        "watchbill.InboxEntry", null=True, on_delete=models.SET_NULL, db_index=False
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
            models.Index(
                fields=["-id"],
                name="alert_firing",
                condition=Q(status="firing", is_current=True),
            ),
            models.Index(
                fields=["expires_at"],
                name="alert_expiring",
                condition=Q(status="firing", expires_at__isnull=False),
            ),
            models.Index(
                fields=["id"],
                name="alert_muted",
                condition=Q(status="firing", incident=None),
            ),
            models.Index(
                fields=["id"], name="alert_flapping", condition=Q(is_flapping=True)
            ),
            models.Index(
                fields=["-id"],
                name="alert_catch_all",
                condition=Q(status="firing", is_current=True, is_catch_all=True),
            ),
            # The other times of one condition, the latest first.
            models.Index(
                fields=["integration", "fingerprint", "-id"], name="alert_condition"
            ),
            models.Index(
                fields=["group_key"],
                name="alert_group",
                condition=Q(is_current=True),
            ),
        ]

    def __str__(self) -> str:
        return self.title
