"""Lines: the conditions that a batch of reports is about.

What is said of each decides what the batch has to load and hold. Most reports repeat
what is known, and need nothing but their own alert.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeGuard

from watchbill.core.alerts import Act, AlertStatus, Episode, Signal
from watchbill.server.alerts import queries as alerts
from watchbill.server.alerts.models import Alert
from watchbill.server.engine.joining import Place


@dataclass(slots=True, kw_only=True, eq=False)
class Line:
    """A condition in this batch, and its current alert."""

    fingerprint: str
    alert: Alert | None = None
    episode: Episode | None = None
    place: Place | None = None
    #: When the incident was resolved, as far as was read; a held one knows better.
    resolved_at: datetime | None = None


def line_of(fingerprint: str, alert: Alert | None) -> Line:
    """Return a condition with its current row, if it has one."""
    if alert is None:
        return Line(fingerprint=fingerprint)
    resolved_at: Any = getattr(alert, "incident_resolved_at", None)
    return Line(
        fingerprint=fingerprint,
        alert=alert,
        episode=alerts.episode_of(alert),
        resolved_at=resolved_at,
    )


def may_move(alert: Alert, said: Iterable[Signal | Act]) -> bool:
    """Return whether what was said may do more than count the alert once more."""
    is_over = getattr(alert, "incident_resolved_at", None) is not None
    is_muted = alert.incident_id is None
    return (
        is_over
        or alert.status != AlertStatus.FIRING
        or any(
            not fires(one) or (is_muted and one.labels != alert.labels) for one in said
        )
    )


def fires(said: Signal | Act) -> TypeGuard[Signal]:
    """Return whether a report says that something is wrong, and no more."""
    return isinstance(said, Signal) and said.status is AlertStatus.FIRING


def firing_of(said: Iterable[Signal | Act]) -> list[Signal]:
    """Return those that fire, each set of labels once."""
    found: list[Signal] = []
    for one in said:
        if fires(one) and (not found or found[-1].labels != one.labels):
            found.append(one)
    return found
