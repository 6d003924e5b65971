"""Versions of the plan: immutable texts, of which one is in force."""

from django.db import models


class PlanVersion(models.Model):
    """One text of the plan. It is never edited: a change is a new version."""

    #: What the document calls itself, such as "1.0".
    label = models.CharField(max_length=40)
    title = models.CharField(max_length=200)
    source_name = models.CharField(max_length=400)
    text = models.TextField()
    #: SHA-256 of the text: loading the same text again is no new version.
    digest = models.CharField(max_length=64, unique=True)
    loaded_at = models.DateTimeField()
    #: When it was last put in force; the latest one is the plan in force.
    activated_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.title} {self.label}"
