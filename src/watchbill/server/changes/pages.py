"""What pages show of changes."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from watchbill.core.labels import Labels
from watchbill.integrations.text import web_url
from watchbill.server.changes import queries
from watchbill.server.changes.models import ChangeEvent

_NAMES = ("service", "component")
"""The labels by which alerts name what a change may have changed."""


def services_of(labels: Iterable[Labels]) -> set[str]:
    """Return what alerts with these labels say that they are about."""
    return {one[name] for one in labels for name in _NAMES if one.get(name)}


def panel(
    labels: Iterable[Labels], *, began_at: datetime, until: datetime
) -> list[dict[str, Any]]:
    """Return the changes that may have to do with an incident of such alerts.

    They are those from a day before it began to ``until``: what was done to end it is
    as telling as what may have caused it.
    """
    within = until - began_at + queries.WITHIN
    found = queries.recent(services_of(labels), until=until, within=within)
    return [_row(one, began_at=began_at) for one in found]


def _row(one: ChangeEvent, *, began_at: datetime) -> dict[str, Any]:
    return {
        "at": one.at,
        "is_after": one.at > began_at,
        "summary": one.summary,
        "service": one.service,
        "source": one.source or one.integration.name,
        "details": sorted(one.details.items()),
        "links": [
            {"label": name, "url": url}
            for name, url in one.links.items()
            if url.startswith("https://") and web_url(url) is not None
        ],
    }
