"""Changes that sources report."""

from django.db import models


class ChangeEvent(models.Model):
    """A deployment or another change, shown beside the incidents that follow it."""

    integration = models.ForeignKey("watchbill.Integration", on_delete=models.PROTECT)
    at = models.DateTimeField()
    received_at = models.DateTimeField()
    summary = models.TextField()
    source = models.TextField(blank=True, default="")
    service = models.TextField(blank=True, default="")
    details = models.JSONField(default=dict)
    links = models.JSONField(default=dict)

    class Meta:
        """Looked up by when they were made."""

        indexes = [models.Index(fields=["-at"], name="change_event_at")]

    def __str__(self) -> str:
        return self.summary
