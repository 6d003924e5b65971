"""What pages show of alerts."""

from typing import Any

from watchbill.integrations.text import web_url
from watchbill.server.alerts.models import Alert


def panel_row(one: Alert) -> dict[str, Any]:
    """Return an alert for the panel of its incident."""
    return {
        "title": one.title,
        "status": one.status,
        "labels": sorted(one.labels.items()),
        "count": one.count,
        "first_seen_at": one.starts_at,
        "last_seen_at": one.last_seen_at,
        "ends_at": one.ends_at,
        "links": [
            {"label": name, "url": url}
            for name, url in one.links.items()
            if web_url(url) is not None
        ],
        "because": one.classified_because,
    }
