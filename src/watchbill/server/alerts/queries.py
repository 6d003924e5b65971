"""Reading alerts."""

from watchbill.core.alerts import AlertStatus, Episode
from watchbill.server.alerts.models import Alert


def hold_current(integration_id: int, fingerprint: str) -> Alert | None:
    """Return and hold the current row of a condition."""
    return (
        Alert.objects.select_for_update(of=("self",))
        .select_related("incident")
        .filter(integration=integration_id, fingerprint=fingerprint, is_current=True)
        .first()
    )


def episode_of(alert: Alert) -> Episode:
    """Return an alert as the core knows it."""
    return Episode(
        status=AlertStatus(alert.status),
        starts_at=alert.starts_at,
        last_seen_at=alert.last_seen_at,
        ends_at=alert.ends_at,
        resumed_at=alert.resumed_at,
        count=alert.count,
    )


def any_firing(incident_id: int) -> bool:
    """Return whether any alert of an incident still fires."""
    return Alert.objects.filter(
        incident=incident_id, status=AlertStatus.FIRING
    ).exists()


def of_incident(incident_id: int) -> list[Alert]:
    """Return the alerts of an incident, the first seen first."""
    return list(Alert.objects.filter(incident=incident_id).order_by("pk"))
