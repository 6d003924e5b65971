"""Versions of the plan: immutable texts, who decided about them, and the record.

The texts, the signatures and the record are never changed: triggers of the database
refuse it, whoever asks (migration 0002).
"""

from django.conf import settings
from django.db import models

from watchbill.core.planapproval import VersionState


class PlanVersion(models.Model):
    """One text of the plan. It is never edited: a change is a new version (SE-01)."""

    #: What the document calls itself, such as "1.0".
    label = models.CharField(max_length=40)
    title = models.CharField(max_length=200)
    source_name = models.CharField(max_length=400)
    text = models.TextField()
    #: SHA-256 of the text: loading the same text again is no new version.
    digest = models.CharField(max_length=64, unique=True)
    #: When it was stored.
    loaded_at = models.DateTimeField()
    #: From when it is in force, possibly ahead; the latest that has come is (S0-02).
    activated_at = models.DateTimeField(null=True)

    state = models.CharField(
        max_length=10,
        choices=[(state, state) for state in VersionState],
        default=VersionState.LOADED,
    )
    #: Who proposed it, as the record names them; empty for the command line.
    author = models.CharField(max_length=200, blank=True)
    author_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    reason = models.TextField(blank=True)
    based_on = models.ForeignKey(
        "self", null=True, on_delete=models.PROTECT, related_name="+"
    )
    #: Local midnight of the effective date in the text; None for the oldest rows.
    effective_at = models.DateTimeField(null=True)
    #: The roles that must sign, as the plan in force said when it was proposed.
    signers = models.JSONField(default=list)
    decided_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.title} {self.label}"


class PlanSignature(models.Model):
    """One role's consent to one version."""

    version = models.ForeignKey(
        PlanVersion, on_delete=models.PROTECT, related_name="signatures"
    )
    role = models.CharField(max_length=80)
    #: The contact of the plan who signed, and the user who was signed in.
    contact_key = models.CharField(max_length=80)
    person = models.CharField(max_length=200)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    signed_at = models.DateTimeField()

    class Meta:
        """A role signs once, whoever holds it."""

        constraints = [
            models.UniqueConstraint(
                fields=["version", "role"], name="plansignature_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role}: {self.person}"


class PlanEventKind(models.TextChoices):
    """What an entry of the record tells of."""

    LOADED = "loaded"
    PROPOSED = "proposed"
    SIGNED = "signed"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    #: It came into force at once, because particulars alone were changed.
    AMENDED = "amended"
    #: An amendment came into force that this version, which waits, does not hold.
    OVERTAKEN = "overtaken"


class PlanEvent(models.Model):
    """One thing that happened to a version; entries are added and never changed."""

    version = models.ForeignKey(
        PlanVersion, on_delete=models.PROTECT, related_name="events"
    )
    at = models.DateTimeField()
    kind = models.CharField(max_length=10, choices=PlanEventKind.choices)
    actor = models.CharField(max_length=200)
    text = models.TextField(blank=True)

    class Meta:
        """Read in the order in which it happened."""

        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return f"{self.actor}: {self.kind}"
