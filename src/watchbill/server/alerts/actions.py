"""Writing alerts, many in one statement."""

from collections.abc import Iterable
from typing import Any

from watchbill.core.alerts import Episode
from watchbill.server import bulk
from watchbill.server.alerts.models import Alert

_MOVING = (
    "is_current",
    "status",
    "title",
    "labels",
    "annotations",
    "links",
    "severity",
    "count",
    "last_seen_at",
    "ends_at",
    "resumed_at",
    "expires_at",
    "flips",
    "is_flapping",
    "incident_id",
    "muted_by",
    "muted_at",
    "last_entry_id",
)
_SEEN = ("count", "last_seen_at", "expires_at", "last_entry_id")
_SORTING = (
    "alert_type",
    "classified_because",
    "is_catch_all",
    "is_confidential",
    "group_key",
)
_MUTED = ("incident_id", "group_key", "muted_by", "muted_at")


def set_episode(alert: Alert, episode: Episode) -> None:
    """Give an alert what the core made of it; it is not written yet."""
    alert.status = episode.status
    alert.starts_at = episode.starts_at
    alert.count = episode.count
    alert.last_seen_at = episode.last_seen_at
    alert.ends_at = episode.ends_at
    alert.resumed_at = episode.resumed_at
    alert.expires_at = episode.expires_at


def insert(alerts: list[Alert]) -> None:
    """Insert new alerts and give them their numbers."""
    for alert, number in zip(alerts, bulk.reserve(Alert, len(alerts)), strict=True):
        alert.pk = number
    bulk.insert(alerts, with_keys=True)


def write(alerts: Iterable[Alert]) -> None:
    """Write all that may have changed of held alerts."""
    _write(alerts, _MOVING)


def write_seen(alerts: Iterable[Alert]) -> None:
    """Write of held alerts that they were seen again, which is most of all writing."""
    _write(alerts, _SEEN)


def write_sorting(alerts: Iterable[Alert]) -> None:
    """Write of held alerts how they are sorted, but for the severity."""
    _write(alerts, _SORTING)


def write_mutes(alerts: Iterable[Alert]) -> None:
    """Write of held alerts what mutes them, or the incident that they have now."""
    _write(alerts, _MUTED)


def _write(alerts: Iterable[Alert], names: tuple[str, ...]) -> None:
    bulk.update(
        Alert,
        (_values(alert, names) for alert in alerts),
    )


def _values(alert: Alert, names: tuple[str, ...]) -> dict[str, Any]:
    values: dict[str, Any] = {"id": alert.pk}
    for name in names:
        values[name] = getattr(alert, name)
    return values
