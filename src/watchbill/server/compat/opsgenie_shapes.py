"""Our alerts in the shapes of Opsgenie's ``definitions/alert.yaml``.

Who works on a confidential incident, and what they note, is told to nobody who only
holds a key: such an alert looks as if nobody had touched it.
"""

from datetime import UTC, datetime
from typing import Any

from watchbill.core.alerts import AlertStatus
from watchbill.core.incidents import OPEN_STATUSES, IncidentStatus
from watchbill.integrations.opsgenie import identity
from watchbill.integrations.opsgenie.fields import severity_of
from watchbill.server.alerts.models import Alert
from watchbill.server.incidents.models import Incident, TimelineEntry

_OWN = frozenset(
    {"alertname", "alias", "entity", "priority", "responders", "severity", "source"}
    | {"tags", "team"}
)
_PROSE = frozenset({"description", "note"})


def instant(at: datetime | None) -> str | None:
    """Return an instant as Opsgenie writes it, with milliseconds."""
    if at is None:
        return None
    text = at.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def listed(alert: Alert) -> dict[str, Any]:
    """Return an alert as in a list."""
    incident = public_incident(alert)
    is_taken = incident is not None and incident.status != IncidentStatus.TRIGGERED
    return {
        "id": alert.fingerprint,
        "tinyId": identity.tiny(alert.fingerprint),
        "alias": alert.labels.get("alias", alert.fingerprint),
        "message": alert.title,
        "status": "open" if is_open(alert) else "closed",
        "acknowledged": is_taken,
        "isSeen": is_taken,
        "tags": [one for one in alert.labels.get("tags", "").split(",") if one],
        "snoozed": False,
        "count": alert.count,
        "lastOccurredAt": instant(alert.last_seen_at),
        "createdAt": instant(alert.received_at),
        "updatedAt": instant(alert.ends_at or alert.last_seen_at),
        "source": alert.labels.get("source", ""),
        "owner": incident.acknowledged_by if incident is not None and is_taken else "",
        "priority": _priority(alert),
        "responders": [],
        "integration": {
            "id": str(alert.integration_id),
            "name": alert.integration.name,
            "type": "API",
        },
        "report": _report(alert, incident),
    }


def whole(alert: Alert) -> dict[str, Any]:
    """Return an alert by itself."""
    details = {k: v for k, v in alert.labels.items() if k not in _OWN}
    more = {k: v for k, v in alert.annotations.items() if k not in _PROSE}
    return listed(alert) | {
        "actions": [],
        "entity": alert.labels.get("entity", ""),
        "description": alert.annotations.get("description", ""),
        "details": details | more,
    }


def note(entry: TimelineEntry) -> dict[str, Any]:
    """Return an entry of a timeline as a note."""
    return {
        "note": entry.text,
        "owner": entry.actor,
        "createdAt": instant(entry.at),
        "offset": str(entry.pk),
    }


def is_open(alert: Alert) -> bool:
    """Whether an alert fires and nobody has resolved its incident."""
    if alert.status != AlertStatus.FIRING:
        return False
    return alert.incident is None or alert.incident.status in OPEN_STATUSES


def public_incident(alert: Alert) -> Incident | None:
    """Return the incident of an alert, unless it is confidential."""
    incident = alert.incident
    return None if incident is None or incident.is_confidential else incident


def _priority(alert: Alert) -> str:
    """The priority as it was sent, unless it has been changed since."""
    sent, severity = alert.labels.get("priority", ""), alert.labels.get("severity", "")
    return sent if sent and severity_of(sent) == severity else severity or "P3"


def _report(alert: Alert, incident: Incident | None) -> dict[str, Any]:
    """Milliseconds from the start, as Opsgenie counts them."""
    report: dict[str, Any] = {}
    if incident is not None and incident.acknowledged_at is not None:
        report["ackTime"] = _milliseconds(alert.received_at, incident.acknowledged_at)
        report["acknowledgedBy"] = incident.acknowledged_by
    if alert.ends_at is not None:
        report["closeTime"] = _milliseconds(alert.received_at, alert.ends_at)
    return report


def _milliseconds(start: datetime, end: datetime) -> int:
    return max(0, round((end - start).total_seconds() * 1000))
