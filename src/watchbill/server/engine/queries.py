"""Seeing whether any engine is alive."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from watchbill.server.engine.models import EngineNode

SILENT_AFTER = timedelta(seconds=60)
"""Without a full cycle for this long, no plan is being run (I12)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineHealth:
    """Whether some node runs the plan, in a form fit for a banner."""

    is_alive: bool
    text: str
    cycled_at: datetime | None


def health(*, wall: datetime) -> EngineHealth:
    """Return whether any node has completed a cycle lately."""
    latest = (
        EngineNode.objects.order_by("-cycled_at")
        .values_list("cycled_at", flat=True)
        .first()
    )
    if latest is None:
        return EngineHealth(
            is_alive=False, text="No engine has ever run here.", cycled_at=None
        )
    is_alive = wall - latest < SILENT_AFTER
    text = (
        "The engine runs."
        if is_alive
        else f"No engine has completed a cycle since {latest:%Y-%m-%d %H:%M:%S} UTC:"
        " nobody is being paged."
    )
    return EngineHealth(is_alive=is_alive, text=text, cycled_at=latest)
