"""Monitors that wait for signs of life, and the signs that came."""

from django.db import models

from watchbill.core.alerts import BeatKind


class HeartbeatMonitor(models.Model):
    """A job or a monitoring system that must say, again and again, that it lives.

    When no success has come for ``period`` and ``grace`` more, an incident is declared
    (S4.1-12, S5.1-13). Its due step of kind "heartbeat" asks at that instant.
    """

    integration = models.ForeignKey("watchbill.Integration", on_delete=models.PROTECT)
    #: Names it among the monitors of its integration; empty for the only one.
    slug = models.CharField(max_length=100, blank=True)
    name = models.CharField(max_length=200)
    period = models.DurationField()
    grace = models.DurationField()
    #: The severity of the incident; empty for what the plan says.
    severity = models.TextField(blank=True, default="")
    #: The key of the plan's maintenance window in which the job runs: its success is
    #: awaited by the end of each occurrence and the grace there (S5.1-13). Empty, or a
    #: window that the plan no longer has: ``period`` and ``grace`` hold.
    window = models.TextField(blank=True, default="")
    #: Made by itself when a monitoring system sent its first Watchdog alert.
    is_watchdog = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    #: Nothing is awaited before the first beat, nor while it is paused.
    paused_at = models.DateTimeField(null=True)
    last_kind = models.CharField(
        max_length=10,
        blank=True,
        default="",
        choices=[(one.value, one.value) for one in BeatKind],
    )
    last_success_at = models.DateTimeField(null=True)
    last_beat_at = models.DateTimeField(null=True)
    #: Since when the latest run goes on whose end was not told yet.
    started_at = models.DateTimeField(null=True)
    #: Silence counts from here when that is later than the last success: it failed,
    #: was resumed or changed, or watchbill itself could not hear.
    counts_from = models.DateTimeField(null=True)
    #: When its silence was noticed, until it speaks again.
    missed_at = models.DateTimeField(null=True)
    incident = models.ForeignKey(
        "watchbill.Incident", null=True, on_delete=models.SET_NULL
    )

    class Meta:
        """One monitor a name and integration."""

        constraints = [
            models.UniqueConstraint(
                fields=["integration", "slug"], name="heartbeat_once"
            )
        ]

    def __str__(self) -> str:
        return self.name


class HeartbeatEvent(models.Model):
    """One beat; the latest hundred of each monitor are kept."""

    monitor = models.ForeignKey(
        HeartbeatMonitor, on_delete=models.CASCADE, related_name="events"
    )
    at = models.DateTimeField()
    kind = models.CharField(
        max_length=10, choices=[(one.value, one.value) for one in BeatKind]
    )
    exit_code = models.SmallIntegerField(null=True)
    run = models.CharField(max_length=64, blank=True, default="")
    log = models.TextField(blank=True, default="")
    #: How long the run took, where its start was told.
    took = models.DurationField(null=True)

    class Meta:
        """Read latest first, monitor by monitor."""

        indexes = [models.Index(fields=["monitor", "-id"], name="heartbeat_latest")]

    def __str__(self) -> str:
        return f"{self.kind} of monitor {self.monitor_id}"
