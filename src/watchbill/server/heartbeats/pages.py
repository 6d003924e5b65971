"""What pages show of monitors."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from watchbill.core.alerts import BeatKind
from watchbill.core.maintenance import Window
from watchbill.core.temporal import describe
from watchbill.plan import Plan
from watchbill.server.heartbeats import queries
from watchbill.server.heartbeats.models import HeartbeatEvent, HeartbeatMonitor
from watchbill.server.heartbeats.waiting import (
    Awaited,
    Silence,
    awaited,
    period_of,
    window_of,
)

PLOTTED = 30
"""So many of the latest beats are bars."""

_SHOWN = 50
_WIDTH, _HEIGHT, _GAP = 6, 24, 2
_TALL = {
    BeatKind.SUCCESS: 16,
    BeatKind.FAIL: _HEIGHT,
    BeatKind.LOG: 4,
}
_PILLS = {
    "up": "ok",
    "started": "sending",
    "late": "warning",
    "down": "failed",
    "new": "waiting",
    "paused": "muted",
}


def rows(plan: Plan, *, now: datetime) -> list[dict[str, Any]]:
    """Return every monitor for the list, those in trouble first."""
    found = [row(one, plan, now=now) for one in queries.monitors(events=PLOTTED)]
    order = {state: at for at, state in enumerate(("down", "late"))}
    return sorted(found, key=lambda one: order.get(one["state"], len(order)))


def row(monitor: HeartbeatMonitor, plan: Plan, *, now: datetime) -> dict[str, Any]:
    """Return one monitor as it is now."""
    next_one = awaited(monitor, plan.maintenance.windows)
    state = state_of(monitor, next_one, plan, now=now)
    plotted = list(bars(getattr(monitor, "latest", None) or []))
    return {
        "number": monitor.pk,
        "name": monitor.name,
        "sender": monitor.integration.name,
        "state": state,
        "state_label": _labels()[state],
        "pill": _PILLS[state],
        "last_beat_at": monitor.last_beat_at,
        "expected_at": _expected_at(monitor, next_one, plan),
        "late_at": next_one.late_at if next_one is not None else None,
        "every": _rhythm(monitor, plan),
        "is_watchdog": monitor.is_watchdog,
        "incident": monitor.incident if monitor.missed_at or state == "down" else None,
        "bars": plotted,
        "plot_width": len(plotted) * (_WIDTH + _GAP),
        "url": reverse("heartbeats:detail", args=[monitor.pk]),
    }


def state_of(
    monitor: HeartbeatMonitor, next_one: Awaited | None, plan: Plan, *, now: datetime
) -> str:
    """Return the one word for how a monitor is."""
    if monitor.paused_at is not None:
        return "paused"
    if monitor.last_beat_at is None:
        return "new"
    if monitor.missed_at is not None or monitor.last_kind == BeatKind.FAIL:
        return "down"
    expected_at = _expected_at(monitor, next_one, plan)
    if expected_at is not None and now >= expected_at:
        return "late"
    return "started" if monitor.started_at is not None else "up"


def bars(latest: list[HeartbeatEvent]) -> Iterator[dict[str, Any]]:
    """Yield the latest beats as bars, the oldest at the left."""
    for at, event in enumerate(reversed(latest)):
        tall = _TALL[BeatKind(event.kind)]
        yield {
            "x": at * (_WIDTH + _GAP),
            "y": _HEIGHT - tall,
            "height": tall,
            "kind": event.kind,
            "at": event.at,
        }


def events(monitor: HeartbeatMonitor) -> list[dict[str, Any]]:
    """Return what a monitor said, for its log."""
    words = {
        BeatKind.SUCCESS: _("Success"),
        BeatKind.FAIL: _("Failure"),
        BeatKind.START: _("Start"),
        BeatKind.LOG: _("Log"),
    }
    return [
        {
            "at": one.at,
            "kind": one.kind,
            "label": words[BeatKind(one.kind)],
            "exit_code": one.exit_code,
            "run": one.run[:8],
            "took": _took(one.took),
            "log": one.log,
        }
        for one in queries.events_of(monitor.pk, limit=_SHOWN)
    ]


def _took(span: timedelta | None) -> str:
    if span is None:
        return ""
    return describe(span) if span >= timedelta(seconds=1) else _("under a second")


def addresses(monitor: HeartbeatMonitor, key: str) -> dict[str, str]:
    """Return where a job calls and how; without a key its place is marked."""
    if monitor.is_watchdog or monitor.integration.kind != "heartbeat":
        return {}
    shown = key or "YOUR_KEY"
    url = "/".join(
        part for part in (settings.BASE_URL, "ping", shown, monitor.slug) if part
    )
    name = monitor.slug or "job"
    return {
        "url": url,
        "curl": f"curl -fsS -m 10 --retry 5 -o /dev/null {url}",
        "cron": (
            f"0 1 * * *  curl -fsS -m 10 -o /dev/null {url}/start;"
            f" /usr/local/bin/{name};"
            f" curl -fsS -m 10 --retry 5 -o /dev/null {url}/$?"
        ),
        "systemd": (
            f"# /etc/systemd/system/{name}.service, section [Service]\n"
            f"ExecStartPre=-/usr/bin/curl -fsS -m 10 -o /dev/null {url}/start\n"
            f"ExecStopPost=-/usr/bin/curl -fsS -m 10 --retry 5 -o /dev/null"
            f" {url}/${{EXIT_STATUS}}"
        ),
    }


def windows(plan: Plan, *, now: datetime) -> list[dict[str, Any]]:
    """Return the plan's jobs that must report a success and have no monitor yet."""
    watched = queries.windows_watched()
    return [
        {
            "key": window.key,
            "title": window.title,
            "by": _by(window),
            "url": reverse("heartbeats:window", args=[window.key]),
        }
        for window in plan.maintenance.windows
        if window.heartbeat_grace is not None
        and window.key not in watched
        and period_of(window, now=now) is not None
    ]


def _labels() -> dict[str, str]:
    return {
        "new": _("Not heard yet"),
        "up": _("Up"),
        "started": _("Running"),
        "late": _("Late"),
        "down": _("Down"),
        "paused": _("Paused"),
    }


def _expected_at(
    monitor: HeartbeatMonitor, next_one: Awaited | None, plan: Plan
) -> datetime | None:
    """When a monitor should speak; from then on it is late, and later missed."""
    if next_one is None:
        return None
    if next_one.what is Silence.WINDOW:
        window = window_of(monitor, plan.maintenance.windows)
        grace = window.heartbeat_grace if window is not None else None
        return next_one.late_at - grace if grace is not None else next_one.late_at
    if next_one.what is Silence.END:
        return next_one.late_at
    return next_one.late_at - monitor.grace


def _rhythm(monitor: HeartbeatMonitor, plan: Plan) -> str:
    window = window_of(monitor, plan.maintenance.windows)
    if window is not None:
        return _("in the window %(title)s, by %(by)s") % {
            "title": window.title,
            "by": _by(window),
        }
    if not monitor.grace:
        return _("every %(period)s") % {"period": describe(monitor.period)}
    return _("every %(period)s, at most %(grace)s late") % {
        "period": describe(monitor.period),
        "grace": describe(monitor.grace),
    }


def _by(window: Window) -> str:
    """The wall time from which a job of a window is missed."""
    grace = window.heartbeat_grace
    if grace is None:
        return ""
    minutes = window.starts.hour * 60 + window.starts.minute
    minutes += int((window.duration + grace).total_seconds()) // 60
    return f"{minutes // 60 % 24:02}:{minutes % 60:02}"
