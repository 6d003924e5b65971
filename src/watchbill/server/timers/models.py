"""Due steps: every promise about time, as a row that survives everything.

A row says that at ``due_at`` somebody must look at a subject. It is taken with
``FOR UPDATE SKIP LOCKED`` and moved to the next look in the very transaction that
records what followed; that transaction is its lease, so a process that dies in it
leaves the row as it was. What was done at each look is the subject's to remember.
"""

from django.db import models
from django.db.models import Q


class DueStepState(models.TextChoices):
    """Whether somebody still has to look."""

    PENDING = "pending"
    DONE = "done"


class DueStep(models.Model):
    """One instant at which a subject must be looked at."""

    #: Which handler of the engine decides, such as "ladder".
    kind = models.CharField(max_length=40)
    #: Zero for the engine's own recurring work, which is about nothing in particular.
    subject_id = models.BigIntegerField()
    #: Null for what no plan decides.
    plan_version = models.ForeignKey(
        "watchbill.PlanVersion", null=True, on_delete=models.PROTECT
    )
    due_at = models.DateTimeField()
    #: When the engine takes it: ``due_at``, or later after a failure.
    wake_at = models.DateTimeField()
    state = models.CharField(
        max_length=10, choices=DueStepState.choices, default=DueStepState.PENDING
    )
    settled_at = models.DateTimeField(null=True)
    failures = models.PositiveSmallIntegerField(default=0)
    #: Why the last attempt to decide failed; shown on the console.
    last_error = models.TextField(blank=True)
    #: It has failed so often that somebody must look at it; it is still tried, rarely.
    quarantined_at = models.DateTimeField(null=True)

    class Meta:
        """At most one pending row for a subject and kind; taken in time order."""

        indexes = [
            models.Index(
                fields=["kind", "wake_at", "id"],
                name="duestep_by_kind",
                condition=Q(state=DueStepState.PENDING),
            ),
            models.Index(
                fields=["id"],
                name="duestep_quarantined",
                condition=Q(state=DueStepState.PENDING, quarantined_at__isnull=False),
            ),
            models.Index(
                fields=["wake_at", "id"],
                name="duestep_pending",
                condition=Q(state=DueStepState.PENDING),
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject_id"],
                name="duestep_one_pending",
                condition=Q(state=DueStepState.PENDING),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_id} due {self.due_at:%Y-%m-%d %H:%M:%S}"
