"""What people change of the watch: overrides, swaps, absences and hand-overs.

The schedules are the plan's; what happens to them from day to day stands here. Every
row says who made it and when, and none is deleted: who held the watch on some night,
and why, must be answerable a year later. What is called off carries when.
"""

from django.db import models
from django.db.models import F, Q

from watchbill.core.oncall import Duty


class SwapState(models.TextChoices):
    """Where a request to swap stands; all but the first are final."""

    ASKED = "asked"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class AbsenceKind(models.TextChoices):
    """Why somebody is away."""

    LEAVE = "leave"
    SICK = "sick"
    OTHER = "other"


class NoticeKind(models.TextChoices):
    """What is said about a shift, each once."""

    DAY_BEFORE = "24h", "a day before it begins"
    HOUR_BEFORE = "1h", "an hour before it begins"
    START = "start", "that whoever begins it cannot be reached"
    HANDOVER = "handover", "that whoever leaves is asked for a summary"
    GAPS = "gaps", "what is wrong with the coming two weeks"


_DUTIES = [(one.value, one.value) for one in Duty]


def _is_forward(starts: str = "starts_at", ends: str = "ends_at") -> Q:
    return Q(**{f"{ends}__gt": F(starts)})


class Swap(models.Model):
    """Somebody asks somebody, or anybody, to take a stretch of theirs (S4.4-09)."""

    schedule_key = models.TextField()
    duty = models.CharField(max_length=10, choices=_DUTIES)
    asked_by = models.TextField()
    #: Empty when anybody of the schedule may take it.
    asked_of = models.TextField(blank=True, default="")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    #: The stretch that the asker takes over in return; null for none.
    return_starts_at = models.DateTimeField(null=True)
    return_ends_at = models.DateTimeField(null=True)
    message = models.TextField(blank=True, default="")
    state = models.CharField(
        max_length=10, choices=SwapState.choices, default=SwapState.ASKED
    )
    made_at = models.DateTimeField()
    made_by = models.CharField(max_length=200)
    decided_at = models.DateTimeField(null=True)
    #: The contact who accepted or declined; empty when it ran out or was withdrawn.
    decided_by = models.TextField(blank=True, default="")
    #: When those who are asked were told, and when the asker was told the answer.
    told_at = models.DateTimeField(null=True)
    answer_told_at = models.DateTimeField(null=True)

    class Meta:
        """The open ones are few and asked for often."""

        constraints = [
            models.CheckConstraint(condition=_is_forward(), name="swap_forward"),
            models.CheckConstraint(
                condition=Q(return_starts_at=None, return_ends_at=None)
                | _is_forward("return_starts_at", "return_ends_at"),
                name="swap_return_forward",
            ),
        ]
        indexes = [
            models.Index(
                fields=["starts_at"],
                name="swap_open",
                condition=Q(state=SwapState.ASKED.value),
            ),
            models.Index(
                fields=["id"],
                name="swap_to_tell",
                condition=Q(told_at=None) | Q(answer_told_at=None),
            ),
            models.Index(fields=["asked_by", "-id"], name="swap_of_asker"),
        ]

    def __str__(self) -> str:
        return f"swap of {self.schedule_key} {self.duty} asked by {self.asked_by}"


class Override(models.Model):
    """Somebody holds one duty of a schedule for a stretch of time."""

    schedule_key = models.TextField()
    duty = models.CharField(max_length=10, choices=_DUTIES)
    contact_key = models.TextField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.TextField(blank=True, default="")
    made_by = models.CharField(max_length=200)
    made_at = models.DateTimeField()
    cancelled_by = models.CharField(max_length=200, blank=True, default="")
    cancelled_at = models.DateTimeField(null=True)
    swap = models.ForeignKey(
        Swap, null=True, on_delete=models.PROTECT, related_name="overrides"
    )
    #: When those whom it concerns were told; those of a swap agreed to it.
    told_at = models.DateTimeField(null=True)

    class Meta:
        """Those that count are found by their end."""

        constraints = [
            models.CheckConstraint(condition=_is_forward(), name="override_forward"),
        ]
        indexes = [
            models.Index(
                fields=["ends_at"],
                name="override_in_force",
                condition=Q(cancelled_at=None),
            ),
            models.Index(fields=["schedule_key", "ends_at"], name="override_listed"),
        ]

    def __str__(self) -> str:
        return f"{self.contact_key} as {self.duty} of {self.schedule_key}"


class Absence(models.Model):
    """Somebody is away, so that whoever is next stands in."""

    contact_key = models.TextField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    kind = models.CharField(
        max_length=10, choices=AbsenceKind.choices, default=AbsenceKind.LEAVE
    )
    note = models.TextField(blank=True, default="")
    made_by = models.CharField(max_length=200)
    made_at = models.DateTimeField()
    cancelled_by = models.CharField(max_length=200, blank=True, default="")
    cancelled_at = models.DateTimeField(null=True)

    class Meta:
        """Those that count are found by their end."""

        constraints = [
            models.CheckConstraint(condition=_is_forward(), name="absence_forward"),
        ]
        indexes = [
            models.Index(
                fields=["ends_at"],
                name="absence_in_force",
                condition=Q(cancelled_at=None),
            ),
            models.Index(fields=["contact_key", "ends_at"], name="absence_listed"),
        ]

    def __str__(self) -> str:
        return f"{self.contact_key} is away until {self.ends_at:%Y-%m-%d %H:%M}"


class Handover(models.Model):
    """What whoever leaves the watch tells whoever comes (S4.4-11)."""

    schedule_key = models.TextField()
    duty = models.CharField(max_length=10, choices=_DUTIES)
    from_contact = models.TextField()
    to_contact = models.TextField()
    #: When the watch changes hands.
    at = models.DateTimeField()
    summary = models.TextField(blank=True, default="")
    #: Null while it was only asked for.
    written_at = models.DateTimeField(null=True)
    accepted_at = models.DateTimeField(null=True)

    class Meta:
        """One a change of hands; listed by who takes part."""

        constraints = [
            models.UniqueConstraint(
                fields=["schedule_key", "duty", "at", "from_contact", "to_contact"],
                name="handover_once",
            ),
        ]
        indexes = [
            models.Index(fields=["from_contact", "-at"], name="handover_from"),
            models.Index(fields=["to_contact", "-at"], name="handover_to"),
        ]

    def __str__(self) -> str:
        return f"{self.from_contact} to {self.to_contact} at {self.at:%Y-%m-%d %H:%M}"


class ShiftNotice(models.Model):
    """Something that was said about a shift; the constraint makes it once."""

    kind = models.CharField(max_length=10, choices=NoticeKind.choices)
    #: Empty for what is about no schedule in particular.
    schedule_key = models.TextField(blank=True, default="")
    duty = models.CharField(max_length=10, choices=_DUTIES, blank=True, default="")
    contact_key = models.TextField()
    #: When the shift begins or ends that it is about.
    starts_at = models.DateTimeField()
    sent_at = models.DateTimeField()

    class Meta:
        """Each is said once, whoever else looks at the same instant."""

        constraints = [
            models.UniqueConstraint(
                fields=["kind", "schedule_key", "duty", "contact_key", "starts_at"],
                name="shiftnotice_once",
            ),
        ]
        indexes = [models.Index(fields=["starts_at"], name="shiftnotice_at")]

    def __str__(self) -> str:
        return f"{self.kind} to {self.contact_key}"


class FeedToken(models.Model):
    """The secret of a calendar feed; only its digest is stored."""

    token_hash = models.CharField(max_length=64, unique=True)
    #: Whose shifts the feed shows, or which schedule: exactly one of the two.
    contact_key = models.TextField(blank=True, default="")
    schedule_key = models.TextField(blank=True, default="")
    #: The contact who asked for it, and may revoke it; empty for an owner's.
    made_for = models.TextField(blank=True, default="")
    made_by = models.CharField(max_length=200)
    made_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        """A feed is of a person or of a schedule."""

        constraints = [
            models.CheckConstraint(
                condition=~Q(contact_key="") & Q(schedule_key="")
                | Q(contact_key="") & ~Q(schedule_key=""),
                name="feedtoken_of_one",
            ),
        ]
        indexes = [models.Index(fields=["made_for", "-id"], name="feedtoken_listed")]

    def __str__(self) -> str:
        return f"feed of {self.contact_key or self.schedule_key}"
