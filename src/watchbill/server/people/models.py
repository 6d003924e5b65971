"""How people are told: their addresses, their rules, and tests of both.

The plan names addresses; people add their own and say how they want to be told. A
row for an address of the plan exists only once something is known of it, such as
that it was verified.
"""

from django.db import models

from watchbill.core.paging import AddressKind, MethodKind
from watchbill.core.severity import Urgency


def _choices(kinds: type[AddressKind | MethodKind | Urgency]) -> list[tuple[str, str]]:
    return [(one.value, one.value) for one in kinds]


class ContactMethod(models.Model):
    """What is known of one address of a contact."""

    contact_key = models.TextField()
    kind = models.CharField(max_length=12, choices=_choices(AddressKind))
    address = models.TextField()
    #: What its owner calls it, such as "work phone".
    label = models.TextField(blank=True)
    #: The plan names it too; else it was added here and is used once verified.
    is_of_plan = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    verified_at = models.DateTimeField(null=True)
    #: Of the code that was sent to it last; only the digest is stored.
    code_hash = models.CharField(max_length=64, blank=True)
    code_expires_at = models.DateTimeField(null=True)
    code_tries = models.PositiveSmallIntegerField(default=0)
    #: When a provider refused it for good, and why.
    failed_at = models.DateTimeField(null=True)
    failed_because = models.TextField(blank=True)
    #: Its owner asked the provider for no more messages, such as by STOP.
    opted_out_at = models.DateTimeField(null=True)

    class Meta:
        """An address is one person's once; it is found by who writes from it."""

        constraints = [
            models.UniqueConstraint(
                fields=["contact_key", "kind", "address"], name="contactmethod_once"
            ),
        ]
        indexes = [models.Index(fields=["kind", "address"])]

    def __str__(self) -> str:
        return f"{self.kind} of {self.contact_key}"


class NotificationRule(models.Model):
    """One rule of a contact; without any for an urgency the product's hold."""

    contact_key = models.TextField()
    urgency = models.CharField(max_length=8, choices=_choices(Urgency))
    kind = models.CharField(max_length=12, choices=_choices(MethodKind))
    after_seconds = models.PositiveIntegerField(default=0)

    class Meta:
        """A rule says something once."""

        constraints = [
            models.UniqueConstraint(
                fields=["contact_key", "urgency", "kind", "after_seconds"],
                name="notificationrule_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.urgency}: {self.kind} after {self.after_seconds} s"


class QuietTime(models.Model):
    """The time of day at which low urgency waits for a contact."""

    contact_key = models.TextField(unique=True)
    starts = models.TimeField()
    ends = models.TimeField()
    zone = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"{self.starts:%H:%M} to {self.ends:%H:%M}, {self.zone}"


class PagingTest(models.Model):
    """A test page to one contact, confirmed or not."""

    contact_key = models.TextField()
    label = models.TextField()
    sent_at = models.DateTimeField()
    #: Until then a confirmation counts.
    expires_at = models.DateTimeField()
    asked_by = models.TextField()
    is_weekly = models.BooleanField(default=False)
    confirmed_at = models.DateTimeField(null=True)
    #: The channel by which it was confirmed.
    confirmed_by = models.TextField(blank=True)

    class Meta:
        """Listed newest first, also for one contact."""

        indexes = [models.Index(fields=["contact_key", "-sent_at"])]

    def __str__(self) -> str:
        return f"test of {self.label} at {self.sent_at:%Y-%m-%d %H:%M}"
