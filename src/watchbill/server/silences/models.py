"""Silences."""

import uuid

from django.db import models


class Silence(models.Model):
    """For which alerts nobody is paged from one instant to another, and who says so.

    It is ended by moving ``ends_at``, never deleted: who was not paged, and why, must
    be answerable a year later.
    """

    #: The id that the interface of Alertmanager shows.
    public_id = models.UUIDField(unique=True, default=uuid.uuid4)
    #: Objects with "name", "value", "is_regex" and "is_equal"; all must hold.
    matchers = models.JSONField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    created_by = models.CharField(max_length=200)
    comment = models.TextField()
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    ended_by = models.CharField(max_length=200, blank=True, default="")
    #: The integration by whose key it was made; null when made on the console.
    integration = models.ForeignKey(
        "watchbill.Integration", null=True, on_delete=models.PROTECT
    )

    class Meta:
        """The ones in force are found by their end."""

        indexes = [models.Index(fields=["ends_at"], name="silence_ends")]

    def __str__(self) -> str:
        return f"silence {self.public_id} until {self.ends_at:%Y-%m-%d %H:%M}"
