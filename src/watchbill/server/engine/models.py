"""What the engine knows of itself: nodes, audits, gate, hold, outages, heartbeat.

Tables of one row (gate, mark, clock, heartbeat) hold what all nodes must agree on.
Their row has the number :data:`THE_ROW` and is made when it is first written.
"""

from datetime import timedelta

from django.db import models
from django.db.models import Q

THE_ROW = 1


class EngineNode(models.Model):
    """One running engine. It is alive when its last full cycle is recent (I12)."""

    name = models.CharField(max_length=80, unique=True)
    started_at = models.DateTimeField()
    #: When every part of it had last done a round, by the wall clock.
    cycled_at = models.DateTimeField()
    version = models.CharField(max_length=40)
    #: Its parts that have not done a round lately, in words; empty when all have.
    lagging = models.TextField(blank=True)

    def __str__(self) -> str:
        return self.name


class AuditRun(models.Model):
    """One look of the auditor at everything that must be true."""

    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    is_clean = models.BooleanField()
    #: What it found, one sentence each.
    findings = models.JSONField(default=list)
    #: How many of them it mended at once.
    repaired = models.PositiveIntegerField(default=0)

    class Meta:
        """Asked for the latest one, and the latest clean one."""

        indexes = [
            models.Index(fields=["-finished_at"], name="auditrun_latest"),
            models.Index(
                fields=["-finished_at"],
                name="auditrun_clean",
                condition=Q(is_clean=True),
            ),
        ]

    def __str__(self) -> str:
        return f"audit at {self.finished_at:%Y-%m-%d %H:%M:%S}"


class EngineGate(models.Model):
    """The lowest version of the engine that may still process rows (F28)."""

    version = models.PositiveIntegerField()
    raised_at = models.DateTimeField()
    raised_by = models.CharField(max_length=80)

    def __str__(self) -> str:
        return f"engine version {self.version} or newer"


class EngineHold(models.Model):
    """A time in which nobody is paged, until it is released or runs out (F29)."""

    began_at = models.DateTimeField()
    until = models.DateTimeField()
    reason = models.TextField()
    released_at = models.DateTimeField(null=True)
    released_by = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"hold until {self.until:%Y-%m-%d %H:%M:%S}"


class EngineMark(models.Model):
    """Which database this is, and a number that only grows.

    Each node keeps the latest number outside the database, so that it notices at its
    next start when the database is older than what it has seen.
    """

    installation = models.CharField(max_length=32)
    #: The server and the database in it, as PostgreSQL identifies them.
    place = models.TextField()
    number = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.installation} at {self.number}"


class EngineClock(models.Model):
    """How far the engines' time is ahead of a database clock that was set back."""

    offset = models.DurationField(default=timedelta(0))
    moved_by = models.DurationField(null=True)
    moved_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"ahead by {self.offset}"


class Heartbeat(models.Model):
    """The last sign of life sent to the watchdog outside."""

    tried_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    #: Why the last one was not sent or not taken; empty when it was.
    trouble = models.TextField(blank=True)
    #: An owner has read that there is no watchdog, and wants to hear no more of it.
    dismissed_at = models.DateTimeField(null=True)
    dismissed_by = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"heartbeat at {self.sent_at}"


class Outage(models.Model):
    """A time in which no engine ran (F26)."""

    began_at = models.DateTimeField(unique=True)
    ended_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"from {self.began_at:%Y-%m-%d %H:%M} to {self.ended_at:%Y-%m-%d %H:%M}"
