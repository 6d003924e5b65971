"""Writing alerts."""

from datetime import datetime

from watchbill.core.alerts import Episode, Signal
from watchbill.core.routing import Classification
from watchbill.server.alerts.models import Alert


def begin(
    integration_id: int,
    signal: Signal,
    episode: Episode,
    classification: Classification,
    *,
    incident_id: int,
    now: datetime,
) -> Alert:
    """Insert the row of a new episode."""
    return Alert.objects.create(
        integration_id=integration_id,
        fingerprint=signal.fingerprint,
        status=episode.status,
        title=signal.title[:400],
        labels=dict(signal.labels),
        annotations=dict(signal.annotations),
        links=dict(signal.links),
        alert_type=classification.route.key,
        severity=classification.severity,
        classified_because=classification.reason,
        is_catch_all=classification.is_catch_all,
        count=episode.count,
        starts_at=episode.starts_at,
        claimed_starts_at=signal.starts_at,
        received_at=now,
        last_seen_at=episode.last_seen_at,
        incident_id=incident_id,
    )


def write_episode(alert: Alert, episode: Episode, signal: Signal) -> None:
    """Write what a further signal made of a held alert."""
    Alert.objects.filter(pk=alert.pk).update(
        status=episode.status,
        count=episode.count,
        last_seen_at=episode.last_seen_at,
        ends_at=episode.ends_at,
        resumed_at=episode.resumed_at,
        annotations=dict(signal.annotations),
        links=dict(signal.links),
    )


def retire(alert: Alert) -> None:
    """End the episode of a held alert: the next signal begins another row."""
    Alert.objects.filter(pk=alert.pk).update(is_current=False)
