"""Reporting that this node runs the plan."""

from datetime import datetime, timedelta

from watchbill.server.engine.models import EngineNode

_FORGOTTEN_AFTER = timedelta(days=1)


def report(node: str, *, version: str, wall: datetime) -> None:
    """Record that a node has completed a full cycle."""
    EngineNode.objects.update_or_create(
        name=node,
        defaults={"cycled_at": wall, "version": version},
        create_defaults={"started_at": wall, "cycled_at": wall, "version": version},
    )
    EngineNode.objects.filter(cycled_at__lt=wall - _FORGOTTEN_AFTER).delete()
