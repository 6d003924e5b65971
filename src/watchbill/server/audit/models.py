"""The audit log, and how far its chain was last found whole.

Rows of people's changes are written by a trigger of the database in the transaction of
the change (migration 0015), so that none can be forgotten and none outlives a change
that was rolled back. Nothing may be altered or removed afterwards; another trigger
refuses it. The one exception is the seal, which is set once.
"""

from django.db import models
from django.db.models import Q


class ActorKind(models.TextChoices):
    """What sort of actor did something."""

    USER = "user"
    #: Somebody of the plan who answered a message, by a link or by a provider.
    CONTACT = "contact"
    #: A source, by its key.
    KEY = "key"
    COMMAND = "command"
    ENGINE = "engine"
    #: Whoever wrote to the database past watchbill.
    DATABASE = "database"
    NOBODY = "nobody"


class Change(models.TextChoices):
    """What became of the subject."""

    CREATED = "created"
    CHANGED = "changed"
    DELETED = "deleted"
    #: Personal data of it was shown or handed out (SC-05).
    SHOWN = "shown"
    #: Something happened that changed no row, such as an attempt that was refused.
    DONE = "done"


class AuditEntry(models.Model):
    """One line of the audit log."""

    at = models.DateTimeField()
    #: What was done, as the route or the command is called, with dots.
    act = models.TextField()
    actor_kind = models.TextField(choices=ActorKind.choices)
    actor_id = models.TextField(blank=True)
    #: The actor's name as it was then.
    actor_name = models.TextField(blank=True)
    remote = models.TextField(blank=True)
    change = models.TextField(choices=Change.choices)
    subject_kind = models.TextField()
    subject_id = models.TextField(blank=True)
    #: A JSON object, as a text because the hash is over its very bytes.
    details = models.TextField(default="{}")
    #: The place in the chain; empty until it is sealed.
    position = models.BigIntegerField(null=True, unique=True)
    hash = models.BinaryField(null=True)

    class Meta:
        """Found by who, what and when, newest first; the unsealed ones at once."""

        indexes = [
            models.Index(fields=["act", "-id"], name="auditentry_act"),
            models.Index(
                fields=["actor_kind", "actor_id", "-id"], name="auditentry_actor"
            ),
            models.Index(
                fields=["subject_kind", "subject_id", "-id"],
                name="auditentry_subject",
            ),
            models.Index(fields=["at"], name="auditentry_at"),
            models.Index(
                fields=["id"], condition=Q(position=None), name="auditentry_unsealed"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.act} by {self.actor_name or self.actor_kind}"


class AuditCheck(models.Model):
    """How far the chain was found whole; one row.

    It tells pages and the engine, and spares reading all of it each time. No proof
    rests on it: whoever can change the log can change this too.
    """

    position = models.BigIntegerField()
    hash = models.BinaryField()
    #: How far the round that reads everything again has come.
    again_position = models.BigIntegerField()
    again_hash = models.BinaryField()
    checked_at = models.DateTimeField()
    finding = models.TextField(blank=True)

    def __str__(self) -> str:
        return self.finding or f"whole until {self.position}"
