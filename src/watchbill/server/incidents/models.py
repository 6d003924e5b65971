"""Incidents, the steps that fired, who responds, and the timeline."""

from datetime import datetime

from django.db import models
from django.db.models import F, Q
from django.urls import reverse

from watchbill.core.escalation import FiringReason
from watchbill.core.incidents import OPEN_STATUSES, IncidentStatus
from watchbill.core.ladder import Verb
from watchbill.core.team import TeamRole

_OPEN = sorted(status.value for status in OPEN_STATUSES)


class Incident(models.Model):
    """Something that needs a human. Its number is its primary key."""

    title = models.TextField()
    summary = models.TextField(blank=True)
    severity = models.TextField()
    severity_rank = models.PositiveSmallIntegerField()
    #: The key of the route it came by; it names the responsible contacts.
    alert_type = models.TextField()
    category = models.TextField(blank=True)
    #: Alerts with this key join the incident while it is open; empty joins none.
    group_key = models.TextField(blank=True)
    status = models.CharField(
        max_length=14, choices=[(one.value, one.value) for one in IncidentStatus]
    )
    is_confidential = models.BooleanField(default=False)
    is_drill = models.BooleanField(default=False)
    is_user_impacting = models.BooleanField(default=False)
    #: The version of the plan it began under, and keeps (S0-07).
    plan_version = models.ForeignKey("watchbill.PlanVersion", on_delete=models.PROTECT)

    declared_at = models.DateTimeField()
    declared_by = models.TextField()
    #: From when the clocks of its severity run (A3); null from the declaration.
    clock_started_at = models.DateTimeField(null=True)
    #: How often its severity was changed.
    grade = models.PositiveSmallIntegerField(default=0)
    #: When a person took it first; the one who took it last is its holder.
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.TextField(blank=True)
    #: The contact who has it (S4.4-12); empty for somebody whom the plan does not know.
    holder = models.TextField(blank=True, default="", db_default="")
    #: When it was last taken; null while it waits for somebody.
    taken_at = models.DateTimeField(null=True)
    #: Since when it waits again, because whoever took it showed no activity (A2).
    ack_lapsed_at = models.DateTimeField(null=True)
    #: When a person last did or wrote anything about it.
    active_at = models.DateTimeField(null=True)
    mitigated_at = models.DateTimeField(null=True)
    resolved_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    #: Its last alert has ended, and a human is asked to confirm (S4.1-10).
    resolve_proposed_at = models.DateTimeField(null=True)
    postmortem_url = models.URLField(max_length=500, blank=True)

    #: The exact instants at which its promises were broken.
    response_missed_at = models.DateTimeField(null=True)
    resolution_missed_at = models.DateTimeField(null=True)
    #: How much of its promises and news has been told; see server.incidents.promises.
    promises = models.JSONField(default=dict)

    #: core.escalation.Progress, as the ladder's memory.
    progress = models.JSONField(default=dict)
    #: When the ladder is asked next; a copy for lists, the truth is the due step.
    next_due_at = models.DateTimeField(null=True)
    #: Every step has reached nobody: the loudest state there is.
    reached_nobody = models.BooleanField(default=False)

    class Meta:
        """One open incident a group, so that two first alerts cannot open two."""

        constraints = [
            models.UniqueConstraint(
                fields=["group_key"],
                name="incident_one_open_group",
                condition=Q(status__in=_OPEN) & ~Q(group_key=""),
            ),
        ]
        indexes = [
            models.Index(
                F("severity_rank"),
                F("declared_at").desc(),
                name="incident_open",
                condition=Q(status__in=_OPEN),
            ),
            models.Index(fields=["-declared_at"], name="incident_newest"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.title}"

    def get_absolute_url(self) -> str:
        """Return the incident's page on the console."""
        return reverse("incidents:detail", args=[self.pk])

    @property
    def started_at(self) -> datetime:
        """From when the clocks of its severity run."""
        return self.clock_started_at or self.declared_at


class StepFiring(models.Model):
    """A step of the ladder dealt with; a step is dealt with once (S3.2-18)."""

    incident = models.ForeignKey(
        Incident, on_delete=models.CASCADE, related_name="firings"
    )
    step_key = models.TextField()
    title = models.TextField()
    verb = models.CharField(
        max_length=20, choices=[(one.value, one.value) for one in Verb]
    )
    reason = models.CharField(
        max_length=20, choices=[(one.value, one.value) for one in FiringReason]
    )
    explanation = models.TextField(blank=True)
    due_at = models.DateTimeField()
    fired_at = models.DateTimeField()
    is_late = models.BooleanField(default=False)
    #: Who was told: labels of people and names of channels.
    told = models.JSONField(default=list)

    class Meta:
        """The constraint is what makes two engines fire a step once."""

        constraints = [
            models.UniqueConstraint(
                fields=["incident", "step_key"], name="stepfiring_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.title}: {self.reason}"


class Responder(models.Model):
    """Somebody who works on the incident, as opposed to being informed of it."""

    incident = models.ForeignKey(
        Incident, on_delete=models.CASCADE, related_name="responders"
    )
    contact_key = models.CharField(max_length=80)
    label = models.TextField()
    role = models.TextField()
    since = models.DateTimeField()
    #: When they last took the incident or joined those who did.
    joined_at = models.DateTimeField(null=True)

    class Meta:
        """A person is a responder once."""

        constraints = [
            models.UniqueConstraint(
                fields=["incident", "contact_key"], name="responder_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label} ({self.role})"


class IncidentOffer(models.Model):
    """An open incident that its holder offers to whoever takes the watch (S4.4-12).

    It stays with the holder unless both agree: the one by the offer, the other by
    accepting it.
    """

    incident = models.ForeignKey(
        Incident, on_delete=models.CASCADE, related_name="offers"
    )
    handover = models.ForeignKey("watchbill.Handover", on_delete=models.PROTECT)
    from_contact = models.TextField()
    to_contact = models.TextField()
    offered_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    is_accepted = models.BooleanField(default=False)

    class Meta:
        """Offered once a hand-over."""

        constraints = [
            models.UniqueConstraint(
                fields=["incident", "handover"], name="incidentoffer_once"
            ),
        ]

    def __str__(self) -> str:
        return f"incident {self.incident_id} offered to {self.to_contact}"


class RoleAssignment(models.Model):
    """Somebody's role in the response team, from one instant to another (A30)."""

    incident = models.ForeignKey(
        Incident, on_delete=models.CASCADE, related_name="roles"
    )
    role = models.CharField(
        max_length=20, choices=[(one.value, one.value) for one in TeamRole]
    )
    #: Empty for somebody whom the plan does not know.
    contact_key = models.TextField(blank=True)
    label = models.TextField()
    #: Only until the one for whom the role is meant has come.
    is_acting = models.BooleanField(default=False)
    since = models.DateTimeField()
    until = models.DateTimeField(null=True)

    class Meta:
        """A role is held by one person, but for the experts."""

        constraints = [
            models.UniqueConstraint(
                fields=["incident", "role"],
                name="roleassignment_one_holder",
                condition=Q(until=None) & ~Q(role=TeamRole.EXPERT.value),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label}: {self.role}"


class SeverityChange(models.Model):
    """One change of an incident's severity, and why (S3.1-32)."""

    incident = models.ForeignKey(
        Incident, on_delete=models.CASCADE, related_name="severity_changes"
    )
    #: 1 for the first change.
    number = models.PositiveSmallIntegerField()
    from_severity = models.TextField()
    to_severity = models.TextField()
    reason = models.TextField()
    by = models.TextField()
    at = models.DateTimeField()
    #: Alerts of this group join the incident too: those of its new severity.
    group_key = models.TextField(blank=True)

    class Meta:
        """Changes are counted, so that two at once cannot be the same one."""

        constraints = [
            models.UniqueConstraint(
                fields=["incident", "number"], name="severitychange_number_once"
            ),
        ]
        indexes = [
            models.Index(
                fields=["group_key"],
                name="severitychange_group",
                condition=~Q(group_key=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.from_severity} to {self.to_severity}"


class TimelineKind(models.TextChoices):
    """What a timeline entry tells of."""

    DECLARED = "declared"
    ALERT = "alert"
    STEP = "step"
    DELIVERY = "delivery"
    STATUS = "status"
    NOTE = "note"
    WARNING = "warning"


class TimelineEntry(models.Model):
    """One thing that happened; entries are added and never changed."""

    incident = models.ForeignKey(
        Incident, on_delete=models.CASCADE, related_name="timeline"
    )
    at = models.DateTimeField()
    kind = models.CharField(max_length=12, choices=TimelineKind.choices)
    actor = models.TextField()
    text = models.TextField()
    detail = models.TextField(blank=True)
    #: Under which word it is posted to channels, such as "mitigated"; empty never is.
    news = models.CharField(max_length=14, blank=True)

    class Meta:
        """Read newest first."""

        indexes = [models.Index(fields=["incident", "-at", "-id"])]

    def __str__(self) -> str:
        return self.text
