"""What the pages of integrations show: rows, put in the words of a page."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from watchbill.core.temporal import describe
from watchbill.integrations.sources import Source
from watchbill.server.intake.models import (
    InboxEntry,
    IntakeRejection,
    Integration,
    IntegrationKey,
    Scope,
)
from watchbill.server.intake.queries import SLOTS, Pace
from watchbill.server.intake.sources import sources, titles

QUIET_AFTER = timedelta(days=1)
"""An integration without a post for so long is shown as silent."""

NO_KEY = "YOUR_KEY"
"""Stands for a key that nobody but the sender knows any more."""

_PLOT_HEIGHT = 24
_BAR = 8


def row(
    one: Integration,
    *,
    keys: Sequence[IntegrationKey],
    pace: Pace,
    rejected: int,
    now: datetime,
) -> dict[str, Any]:
    """Return an integration as a row of the list."""
    return {
        "number": one.pk,
        "url": reverse("intake:detail", args=[one.pk]),
        "name": one.name,
        "kind": one.kind,
        "kind_title": titles().get(one.kind, one.kind),
        "is_drill": one.is_drill,
        "accepted": one.accepted,
        "rejected": rejected,
        "plot": plot(pace),
        "keys": [key_row(key, now=now) for key in keys],
    } | state(one, now=now)


def state(one: Integration, *, now: datetime) -> dict[str, Any]:
    """Return how an integration stands, as a mark and in words."""
    silent_for = now - one.last_event_at if one.last_event_at else None
    words = ""
    if one.revoked_at is not None:
        mark = "revoked"
    elif silent_for is None:
        mark = "waiting"
        words = _("for the first event")
    elif silent_for >= QUIET_AFTER:
        mark = "silent"
        words = _("for %(time)s") % {"time": describe(_rounded(silent_for))}
    else:
        mark = "receiving"
    return {
        "state": mark,
        "state_words": words,
        "last_event_at": one.last_event_at,
        "is_revoked": one.revoked_at is not None,
    }


def _rounded(span: timedelta) -> timedelta:
    day = timedelta(days=1)
    return timedelta(days=span // day) if span >= day else span


def plot(pace: Pace) -> dict[str, Any]:
    """Return the posts of the last hour as bars, the latest at the right."""
    top = max(*pace.slots, 1)
    heights = [
        max(2, round(count / top * _PLOT_HEIGHT)) if count else 0
        for count in pace.slots
    ]
    text = ngettext("%(n)s event", "%(n)s events", pace.total) % {"n": pace.total}
    return {
        "width": SLOTS * _BAR,
        "height": _PLOT_HEIGHT,
        "bars": [
            {"x": slot * _BAR, "y": _PLOT_HEIGHT - height, "height": height}
            for slot, height in enumerate(heights)
            if height
        ],
        "total": pace.total,
        "text": text,
        "counted_since": pace.counted_since,
    }


_SCOPES = {
    Scope.POST: gettext_lazy("post"),
    Scope.READ: gettext_lazy("read"),
    Scope.SILENCE: gettext_lazy("silence"),
}


def key_row(key: IntegrationKey, *, now: datetime) -> dict[str, Any]:
    """Return a key without the key: nobody but its holder has it."""
    return {
        "number": key.pk,
        "hint": f"…{key.hint}",
        "scopes": [_SCOPES[Scope(one)] for one in key.scopes],
        "created_at": key.created_at,
        "last_used_at": key.last_used_at,
        "expires_at": key.expires_at,
        "is_expired": key.expires_at is not None and key.expires_at <= now,
        "revoke_url": reverse("intake:revoke_key", args=[key.integration_id, key.pk]),
    }


def setup(one: Integration, *, key: str = "") -> dict[str, Any]:
    """Return how to set up the other side; with the key when it is known."""
    source = sources()[one.kind].SOURCE
    address = f"{settings.BASE_URL}/intake/{one.kind}"
    return {
        "text": _filled(source.setup, address=address, key=key or NO_KEY),
        "url": f"{address}/{key or NO_KEY}",
        "address": address,
        "has_key": bool(key),
        "doors": [f"{settings.BASE_URL}{door.path}" for door in source.doors],
    }


def _filled(text: str, *, address: str, key: str) -> str:
    values = {
        "{url}": f"{address}/{key}",
        "{address}": address,
        "{key}": key,
        "{base}": settings.BASE_URL,
    }
    for name, value in values.items():
        text = text.replace(name, value)
    return text


def gallery(text: str) -> list[dict[str, Any]]:
    """Return the sources that can be added by heading; those that ``text`` is in."""
    groups: dict[str, list[dict[str, str]]] = {}
    for kind, title in sorted(titles().items(), key=lambda one: one[1].casefold()):
        source = sources()[kind].SOURCE
        if text.casefold() in f"{title} {kind} {source.group}".casefold():
            url = reverse("intake:new", args=[kind])
            groups.setdefault(source.group, []).append(
                {"kind": kind, "title": title, "url": url}
            )
    return [
        {"name": name, "sources": groups[name]}
        for name in sorted(groups, key=lambda name: (name == "Other", name))
    ]


def traits(source: Source) -> list[str]:
    """Return what somebody who chooses a source should know of it."""
    found = []
    if source.is_signed:
        found.append(_("Its posts can be signed."))
    if source.has_mapping:
        found.append(_("You can say where its fields are."))
    if source.doors:
        found.append(_("Clients made for it can post here as they are."))
    return found


def event_row(entry: InboxEntry) -> dict[str, Any]:
    """Return a post as a row: when it came and what became of it."""
    return {
        "number": entry.pk,
        "url": reverse("intake:event", args=[entry.integration_id, entry.pk]),
        "received_at": entry.received_at,
        "size": getattr(entry, "size", None),
        "state": event_state(entry),
        "results": results(entry)[:5],
        "more": max(0, len(entry.disposition or ()) - 5),
        "error": entry.error,
        "is_replay": entry.replay_of_id is not None,
        "is_test": entry.is_test,
    }


def wish(entry: InboxEntry) -> dict[str, Any]:
    """Return whose wish a post was, and when; None for what is not known."""
    return {
        "number": entry.pk,
        "url": reverse("intake:event", args=[entry.integration_id, entry.pk]),
        "by": None if entry.made_by is None else str(entry.made_by),
        "at": entry.received_at,
    }


def event_state(entry: InboxEntry) -> str:
    """Return where a post is on its way."""
    if entry.quarantined_at is not None:
        return "quarantined"
    if entry.folded_at is not None:
        return "folded"
    return "retrying" if entry.failures else "waiting"


_REASONS = {
    "first_seen": gettext_lazy("new alert"),
    "seen_again": gettext_lazy("seen again"),
    "fired_again": gettext_lazy("fires again"),
    "new_episode": gettext_lazy("fires anew"),
    "resolved": gettext_lazy("ended"),
    "already_resolved": gettext_lazy("had ended already"),
    "stale": gettext_lazy("too old to count"),
    "never_fired": gettext_lazy("ended without having fired"),
    "expired": gettext_lazy("had expired"),
    "beat": gettext_lazy("sign of life"),
    "watchdog": gettext_lazy("sign of life of the monitoring"),
    "change": gettext_lazy("change recorded"),
    "left_out": gettext_lazy("left out"),
    "unknown_alert": gettext_lazy("about an alert that is not known"),
    "not_open": gettext_lazy("its incident is not open"),
    "muted": gettext_lazy("about an alert that is muted"),
}


def results(entry: InboxEntry) -> list[dict[str, Any]]:
    """Return what became of each thing that a post told (I2)."""
    return [_result(one) for one in entry.disposition or () if isinstance(one, dict)]


def _result(one: dict[str, Any]) -> dict[str, Any]:
    reason = str(one.get("reason", ""))
    alert, incident = one.get("alert"), one.get("incident")
    return {
        "reason": _REASONS.get(reason, reason.replace("_", " ")),
        "text": str(one.get("text") or one.get("name") or ""),
        "alert": alert,
        "alert_url": reverse("alerts:detail", args=[alert]) if alert else "",
        "incident": incident,
        "incident_url": reverse("incidents:detail", args=[incident])
        if incident
        else "",
    }


def rejection(one: IntakeRejection) -> dict[str, Any]:
    """Return what was refused, and why."""
    source = f"{one.integration.name}: " if one.integration is not None else ""
    return {
        "at": one.last_at,
        "reason": f"{one.reason} × {one.count}",
        "detail": f"{source}{one.last_detail}",
        "remote": one.last_remote,
    }


def quarantined(one: InboxEntry) -> dict[str, Any]:
    """Return a post that was accepted and could not be read."""
    return {
        "number": one.pk,
        "url": reverse("intake:event", args=[one.integration_id, one.pk]),
        "at": one.received_at,
        "source": one.integration.name,
        "error": one.error,
    }
