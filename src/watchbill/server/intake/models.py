"""Intake: integrations, their keys, what they posted and what was refused."""

from django.db import models
from django.db.models import Q


class Integration(models.Model):
    """A source that may post, known by a key of which only the digest is stored."""

    #: The provider whose format it speaks, such as "alertmanager".
    kind = models.CharField(max_length=40)
    name = models.CharField(max_length=120)
    key_hash = models.CharField(max_length=64, unique=True)
    #: The last characters of the key, by which people tell keys apart.
    key_hint = models.CharField(max_length=12)
    is_drill = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    last_event_at = models.DateTimeField(null=True)
    accepted = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return self.name


class InboxEntry(models.Model):
    """One accepted post, stored raw before it is answered (I1).

    Every entry ends in exactly one way (I2): folded into alerts, with what became
    of each signal in ``disposition``, or quarantined with the reason in ``error``.
    """

    integration = models.ForeignKey(Integration, on_delete=models.PROTECT)
    received_at = models.DateTimeField()
    body = models.BinaryField()
    folded_at = models.DateTimeField(null=True)
    disposition = models.JSONField(null=True)
    failures = models.PositiveSmallIntegerField(default=0)
    retry_at = models.DateTimeField(null=True)
    quarantined_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)

    class Meta:
        """Folded in the order of arrival, integration by integration."""

        indexes = [
            models.Index(
                fields=["integration", "id"],
                name="inbox_waiting",
                condition=Q(folded_at=None, quarantined_at=None),
            ),
            models.Index(
                fields=["-id"],
                name="inbox_quarantined",
                condition=Q(quarantined_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"post {self.pk} at {self.received_at:%Y-%m-%d %H:%M:%S}"


class IntakeRejection(models.Model):
    """Posts refused for one reason in one hour: counted, with the latest example."""

    reason = models.CharField(max_length=40)
    hour = models.DateTimeField()
    #: Null when the key named no integration.
    integration = models.ForeignKey(Integration, null=True, on_delete=models.CASCADE)
    count = models.PositiveBigIntegerField()
    last_at = models.DateTimeField()
    last_detail = models.CharField(max_length=500)
    last_remote = models.CharField(max_length=64)

    class Meta:
        """One row a reason, hour and integration."""

        constraints = [
            models.UniqueConstraint(
                fields=["reason", "hour", "integration"],
                name="rejection_once",
                nulls_distinct=False,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.count} x {self.reason}"
