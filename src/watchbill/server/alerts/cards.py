"""What the pages of alerts show of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from watchbill.core.alerts import AlertStatus
from watchbill.integrations.text import web_url
from watchbill.plan import Plan
from watchbill.server.alerts import search
from watchbill.server.alerts.models import Alert

_TELLING = ("service", "component", "instance", "job", "namespace", "host")
"""Labels that say best which thing is meant; the row of the list shows these."""

_PLOT_WIDTH, _HIGH, _LOW = 600, 6, 30


def row(one: Alert, *, plan: Plan | None) -> dict[str, Any]:
    """Return an alert as a row of the list."""
    incident = one.incident
    return {
        "number": one.pk,
        "url": reverse("alerts:detail", args=[one.pk]),
        "title": one.title,
        "status": search.state_of(one),
        "severity": one.severity,
        "route": one.alert_type,
        "route_title": _route_title(one.alert_type, plan),
        "source": one.integration.name,
        "telling": [
            (name, one.labels[name]) for name in _TELLING if name in one.labels
        ],
        "count": one.count,
        "starts_at": one.starts_at,
        "ends_at": one.ends_at,
        "last_seen_at": one.last_seen_at,
        "is_catch_all": one.is_catch_all,
        "is_flapping": one.is_flapping,
        "mutes": mutes(one),
        "is_muted": incident is None and search.state_of(one) is AlertStatus.FIRING,
        "incident": None if incident is None else incident.pk,
        "incident_url": "" if incident is None else incident.get_absolute_url(),
    }


def _route_title(key: str, plan: Plan | None) -> str:
    if plan is None:
        return key
    try:
        return plan.routing.route(key).title
    except LookupError:  # the plan has changed since
        return key


def mutes(one: Alert) -> list[str]:
    """Return why nobody is paged for an alert, in words."""
    return [
        str(mute.get("text") or mute.get("kind"))
        for mute in one.muted_by
        if isinstance(mute, dict)
    ]


def detail(one: Alert, *, plan: Plan | None, now: datetime) -> dict[str, Any]:
    """Return everything that is known of an alert."""
    matchers = [("filter", _matcher(*pair)) for pair in sorted(one.labels.items())]
    incident = one.incident
    return row(one, plan=plan) | {
        "labels": sorted(one.labels.items()),
        "annotations": sorted(one.annotations.items()),
        "links": [
            {"label": name, "url": url}
            for name, url in one.links.items()
            if web_url(url) is not None
        ],
        "fingerprint": one.fingerprint,
        "because": one.classified_because,
        "received_at": one.received_at,
        "claimed_starts_at": one.claimed_starts_at
        if one.claimed_starts_at != one.starts_at
        else None,
        "resumed_at": one.resumed_at,
        "expires_at": one.expires_at,
        "is_current": one.is_current,
        "incident_title": "" if incident is None else incident.title,
        "incident_status": "" if incident is None else incident.status,
        "flips": flips(one, now=now),
        "silence_query": urlencode(matchers),
    }


def _matcher(name: str, value: str) -> str:
    """A matcher for exactly this value, as Alertmanager writes it."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'{name}="{escaped}"'


def flips(one: Alert, *, now: datetime) -> dict[str, Any] | None:
    """Return when an alert began and ceased to fire, as a line; None for too few."""
    times = sorted(_times(one.flips))
    if len(times) < 2:
        return None
    end = max(now, times[-1])
    span = (end - times[0]).total_seconds() or 1.0
    is_high = one.status == AlertStatus.FIRING
    # Known is how it stands now; each flip before that turned it over.
    if len(times) % 2 == 0:
        is_high = not is_high
    points = []
    for at in times:
        x = (at - times[0]).total_seconds() / span * _PLOT_WIDTH
        points += [(x, _LOW if is_high else _HIGH), (x, _HIGH if is_high else _LOW)]
        is_high = not is_high
    points.append((_PLOT_WIDTH, points[-1][1]))
    return {
        "points": " ".join(f"{x:.1f},{y}" for x, y in points[1:]),
        "count": len(times),
        "since": times[0],
        "times": times,
    }


def _times(stored: Sequence[object]) -> list[datetime]:
    found = []
    for one in stored:
        try:
            at = datetime.fromisoformat(str(one))
        except ValueError:
            continue
        if at.tzinfo is not None:
            found.append(at)
    return found
