"""What pages show of silences."""

from datetime import datetime
from typing import Any

from django.urls import reverse

from watchbill.server.alerts.models import Alert
from watchbill.server.silences.matching import Written
from watchbill.server.silences.models import Silence
from watchbill.server.silences.queries import (
    SHOWN,
    Preview,
    SilenceState,
    state_of,
)


def row(silence: Silence, *, may_change: bool, at: datetime) -> dict[str, Any]:
    """Return a silence for the list."""
    state = state_of(silence, at=at)
    is_live = state is not SilenceState.EXPIRED
    by_key = silence.integration.name if silence.integration is not None else ""
    return {
        "id": str(silence.public_id),
        "state": state.value,
        "matchers": [str(Written.of(one)) for one in silence.matchers],
        "comment": silence.comment,
        "author": silence.created_by,
        "integration": by_key,
        "starts_at": silence.starts_at,
        "ends_at": silence.ends_at,
        "ended_by": silence.ended_by,
        "expire_url": _url("expire", silence) if may_change and is_live else "",
        "extend_url": _url("extend", silence) if may_change and is_live else "",
        "again_url": f"{reverse('silences:new')}?from={silence.public_id}"
        if may_change
        else "",
    }


def preview(found: Preview) -> dict[str, Any]:
    """Return what the matchers match now."""
    return {
        "count": found.count,
        "more": found.count - len(found.alerts),
        "alerts": [_alert(one) for one in found.alerts],
        "incidents": [
            {"number": number, "title": title, "url": _incident_url(number)}
            for number, title in found.incidents[:SHOWN]
        ],
        "more_incidents": max(0, len(found.incidents) - SHOWN),
    }


def _alert(alert: Alert) -> dict[str, Any]:
    return {
        "title": alert.title,
        "severity": alert.severity,
        "labels": sorted(alert.labels.items()),
        "starts_at": alert.starts_at,
    }


def _url(name: str, silence: Silence) -> str:
    return reverse(f"silences:{name}", args=[silence.public_id])


def _incident_url(number: int) -> str:
    return reverse("incidents:detail", args=[number])
