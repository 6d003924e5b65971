"""Intake: integrations, their keys, what they posted and what was refused."""

from django.conf import settings
from django.db import models
from django.db.models import Q


class Integration(models.Model):
    """A source that may post, known by its keys."""

    #: The provider whose format it speaks, such as "alertmanager".
    kind = models.CharField(max_length=40)
    name = models.CharField(max_length=120)
    #: By the names of the kind's ``Source.options``.
    options = models.JSONField(default=dict)
    #: Where its fields are, for kinds with a mapping; null is the kind's own.
    mapping = models.JSONField(null=True)
    #: The signing secret, encrypted; empty for none.
    sealed_secret = models.TextField(blank=True, default="")
    #: Posts a minute beyond which it is asked to come back; null for no limit.
    per_minute = models.PositiveIntegerField(null=True)
    is_drill = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    last_event_at = models.DateTimeField(null=True)
    accepted = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return self.name


class Scope(models.TextChoices):
    """What a key may do."""

    POST = "post"
    #: Read alerts and silences through the interfaces of other products.
    READ = "read"
    #: Create and end silences.
    SILENCE = "silence"


class IntegrationKey(models.Model):
    """A key of an integration, of which only the digest is stored.

    An integration has several while one is being replaced.
    """

    integration = models.ForeignKey(
        Integration, on_delete=models.CASCADE, related_name="keys"
    )
    key_hash = models.CharField(max_length=64, unique=True)
    #: The last characters of the key, by which people tell keys apart.
    hint = models.CharField(max_length=12)
    #: Values of `Scope`.
    scopes = models.JSONField()
    created_at = models.DateTimeField()
    #: When it stops working, because another has taken its place.
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    #: To the minute.
    last_used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"…{self.hint} of {self.integration_id}"


class InboxEntry(models.Model):
    """One accepted post, stored raw before it is answered (I1).

    Every entry ends in exactly one way (I2): folded into alerts, with what became
    of each signal in ``disposition``, or quarantined with the reason in ``error``.
    """

    integration = models.ForeignKey(Integration, on_delete=models.PROTECT)
    received_at = models.DateTimeField()
    body = models.BinaryField()
    #: What else of the request matters, such as its path (``posts.py``); null for a
    #: plain POST.
    envelope = models.JSONField(null=True)
    #: What the sender was told to ask for; null where its product has no such thing.
    request_id = models.UUIDField(null=True)
    #: The entry whose post was folded once more, at somebody's wish.
    replay_of = models.ForeignKey("self", null=True, on_delete=models.SET_NULL)
    #: Posted by us at somebody's wish: what it opens is a drill.
    is_test = models.BooleanField(default=False, db_default=False)
    #: Who wished for it; null for what a source posted. No index: nothing is found by
    #: it, and every post would pay for one.
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
    )
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
            models.Index(fields=["integration", "-id"], name="inbox_latest"),
            models.Index(
                fields=["request_id"],
                name="inbox_request",
                condition=Q(request_id__isnull=False),
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
