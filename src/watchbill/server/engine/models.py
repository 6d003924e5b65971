"""Engine nodes: which processes run the plan, and when each last did."""

from django.db import models


class EngineNode(models.Model):
    """One running engine. It is alive when its last full cycle is recent (I12)."""

    name = models.CharField(max_length=80, unique=True)
    started_at = models.DateTimeField()
    #: When it last had both folded and fired, by the wall clock.
    cycled_at = models.DateTimeField()
    version = models.CharField(max_length=40)

    def __str__(self) -> str:
        return self.name
