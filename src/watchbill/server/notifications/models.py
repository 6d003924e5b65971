"""The outbox: notifications that must reach somebody, and every attempt.

A notification is inserted in the transaction that decided it. To send it, a
worker raises ``attempts`` and sets ``lease_until`` in a transaction of its own;
the result is written only ``WHERE attempts`` is still the number the worker took
(the fencing token, I6). A lease that runs out means that nobody knows what became
of the attempt, so the notification is attempted again with the same key (I5).
"""

from django.db import models
from django.db.models import F, Q

from watchbill.core.ladder import StopOn, Verb
from watchbill.core.notification import NotificationState, Outcome


class Purpose(models.TextChoices):
    """What a notification is for."""

    INCIDENT = "incident"
    #: Several that waited for one recipient, said at once.
    DIGEST = "digest"
    TEST = "test"
    #: The code by which an address is verified.
    VERIFICATION = "verification"
    #: About the watch: reminders, swaps, gaps.
    ON_CALL = "on_call"


class ReceiptWait(models.TextChoices):
    """What is known of a message after the provider took it."""

    NONE = "", "none expected"
    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    MISSING = "missing"


_OPEN = [NotificationState.WAITING.value, NotificationState.SENDING.value]


class Notification(models.Model):
    """One message to one recipient over one channel."""

    incident = models.ForeignKey(
        "watchbill.Incident", null=True, on_delete=models.PROTECT
    )
    purpose = models.CharField(
        max_length=12, choices=Purpose.choices, default=Purpose.INCIDENT
    )
    paging_test = models.ForeignKey(
        "watchbill.PagingTest",
        null=True,
        on_delete=models.CASCADE,
        related_name="notifications",
    )
    #: The request to swap that it asks its reader to answer.
    swap = models.ForeignKey(
        "watchbill.Swap", null=True, db_index=False, on_delete=models.PROTECT
    )
    #: The step of the ladder that decides how it is said.
    step_key = models.TextField()
    verb = models.CharField(
        max_length=20, choices=[(one.value, one.value) for one in Verb]
    )
    #: The event after which it is no longer wanted.
    stop_on = models.CharField(
        max_length=20, choices=[(one.value, one.value) for one in StopOn]
    )
    #: Empty for a post to a channel.
    contact_key = models.TextField(blank=True)
    recipient = models.TextField()
    channel = models.CharField(max_length=20)
    address = models.TextField()
    is_urgent = models.BooleanField()
    is_copy = models.BooleanField(default=False)
    is_late = models.BooleanField(default=False)
    #: Wanted only while its recipient has not answered what came before.
    is_follow_up = models.BooleanField(default=False)
    subject = models.TextField()
    #: The notice as core wrote it; every attempt renders the same one.
    notice = models.JSONField()
    #: The event after which the notice asks for what is done already, and what is
    #: said then instead; empty and null when that is nothing.
    asks_until = models.CharField(max_length=20, blank=True)
    verb_once_answered = models.CharField(max_length=20, blank=True)
    notice_once_answered = models.JSONField(null=True)
    idempotency_key = models.CharField(max_length=400, unique=True)
    #: Contact methods not tried yet, as pairs of channel and address.
    next_methods = models.JSONField(default=list)

    state = models.CharField(
        max_length=12,
        choices=[(one.value, one.value) for one in NotificationState],
        default=NotificationState.WAITING.value,
    )
    created_at = models.DateTimeField()
    #: Not before this, in the time of the plan; ``next_attempt_at`` is machine time.
    due_at = models.DateTimeField()
    next_attempt_at = models.DateTimeField()
    last_attempt_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)
    #: The last result in words, for the delivery log.
    detail = models.TextField(blank=True)
    #: An attempt ended without an answer, so that the recipient may see it twice.
    may_be_duplicate = models.BooleanField(default=False)
    receipt = models.CharField(
        max_length=10, choices=ReceiptWait.choices, blank=True, default=ReceiptWait.NONE
    )
    receipt_at = models.DateTimeField(null=True)
    #: When somebody must look at the receipt: it has failed or is missing by then.
    receipt_due_at = models.DateTimeField(null=True)
    #: The digest that said it.
    bundled_into = models.ForeignKey(
        "self", null=True, on_delete=models.SET_NULL, related_name="members"
    )

    class Meta:
        """Taken by channel, urgent ones first; listed newest first."""

        indexes = [
            models.Index(
                F("channel"),
                F("is_urgent").desc(),
                F("next_attempt_at"),
                name="notification_open",
                condition=Q(state__in=_OPEN),
            ),
            models.Index(fields=["-created_at", "-id"], name="notification_newest"),
            models.Index(
                fields=["channel", "address", "-last_attempt_at"],
                name="notification_pace",
            ),
            models.Index(
                fields=["channel", "receipt_due_at"],
                name="notification_receipt",
                condition=Q(receipt_due_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject} to {self.recipient} by {self.channel}"


class Delivery(models.Model):
    """One attempt to deliver a notification (S2.2-07)."""

    notification = models.ForeignKey(
        Notification, on_delete=models.CASCADE, related_name="deliveries"
    )
    number = models.PositiveSmallIntegerField()
    started_at = models.DateTimeField()
    #: Null while it runs, and for ever if its process died.
    finished_at = models.DateTimeField(null=True)
    outcome = models.CharField(
        max_length=12, choices=[(one.value, one.value) for one in Outcome], blank=True
    )
    detail = models.TextField(blank=True)
    provider_ref = models.CharField(max_length=200, blank=True)
    node = models.CharField(max_length=80)

    class Meta:
        """An attempt number is used once."""

        constraints = [
            models.UniqueConstraint(
                fields=["notification", "number"], name="delivery_number_once"
            ),
        ]
        indexes = [
            models.Index(
                fields=["provider_ref"],
                name="delivery_reference",
                condition=~Q(provider_ref=""),
            ),
        ]

    def __str__(self) -> str:
        return f"attempt {self.number}: {self.outcome or 'running'}"
