"""Whether the plan is being run: for watchdogs, for Prometheus, and for owners."""

import secrets
from datetime import datetime, timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.db import Error
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from watchbill.core.access import Permission
from watchbill.server import clock
from watchbill.server.engine import heartbeat, metrics, queries
from watchbill.server.engine import hold as holds
from watchbill.server.engine.queries import EngineHealth
from watchbill.server.timers import queries as timers
from watchbill.server.web.access import open_to_all, requires

HEALTH_WITHIN = timedelta(seconds=2)
"""A watchdog gives up after a few seconds; by then it must have its answer."""

_FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP")


@require_safe
@open_to_all("an outside watchdog asks whether anybody is being paged; no content")
def health(_request: HttpRequest) -> HttpResponse:
    """Answer 200 while people are being paged and an audit says so, else 503 (I12).

    A database that does not answer soon is a 503 like any other (F27).
    """
    try:
        wall = clock.wall()
        with queries.answered_within(HEALTH_WITHIN):
            found = queries.health(wall=wall)
            report = _report(found, wall=wall)
    except Error:
        text = "The database does not say in time whether the engine runs."
        return JsonResponse({"status": "unanswered", "text": text}, status=503)
    return JsonResponse(report, status=200 if found.is_alive else 503)


def _report(found: EngineHealth, *, wall: datetime) -> dict[str, object]:
    known = found.facts
    step, message = queries.overdue(known, wall=wall)
    return {
        "status": found.status,
        "text": found.text,
        "cycled_at": _text(known.cycled_at),
        "cycle_age_seconds": _age(known.cycled_at, wall),
        "audited_at": _text(known.audited_at),
        "audit_age_seconds": _age(known.audited_at, wall),
        "due_step_lag_seconds": step.total_seconds(),
        "outbox_age_seconds": message.total_seconds(),
        "nodes": known.nodes,
        "gate": {"required": found.gate.required, "ours": found.gate.ours},
        "held_until": _text(known.held_until),
        "clock": {
            "ahead_seconds": (known.clock_offset or timedelta(0)).total_seconds(),
            "moved_seconds": (known.clock_moved_by or timedelta(0)).total_seconds(),
        },
        "heartbeat_at": _text(known.heartbeat_at),
        "last_outage": None
        if known.outage_began_at is None
        else {
            "from": _text(known.outage_began_at),
            "to": _text(known.outage_ended_at),
        },
    }


def _text(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None


def _age(at: datetime | None, wall: datetime) -> float | None:
    return round((wall - at).total_seconds(), 3) if at is not None else None


@require_safe
@open_to_all("Prometheus asks with its token, or from this machine; numbers only")
def scrape(request: HttpRequest) -> HttpResponse:
    """Answer this node's metrics in Prometheus's text format."""
    if not _may_scrape(request):
        text = "Metrics are for whoever has the token of WATCHBILL_METRICS_TOKEN"
        text += ", or without one for this machine only, while it alone is served.\n"
        return HttpResponse(text, status=403, content_type="text/plain")
    return HttpResponse(metrics.render(), content_type=metrics.CONTENT_TYPE)


def _may_scrape(request: HttpRequest) -> bool:
    if settings.METRICS_TOKEN:
        scheme, _space, given = request.headers.get("Authorization", "").partition(" ")
        is_same = secrets.compare_digest(
            given.strip().encode(), settings.METRICS_TOKEN.encode()
        )
        return scheme.lower() == "bearer" and is_same
    if any(name in request.META for name in _FORWARDED):
        return False  # a proxy on this machine speaks for somebody elsewhere
    # Nor does every proxy say that it is one. Where people reach watchbill by another
    # name than this machine's own, whoever calls from here may speak for anybody.
    host = urlsplit(settings.BASE_URL).hostname or ""
    return _is_here(request.META.get("REMOTE_ADDR", "")) and _is_here(host)


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


@require_safe
@requires(Permission.MANAGE_ENGINE)
def overview(request: HttpRequest) -> HttpResponse:
    """Show what the engine knows of itself."""
    wall = clock.wall()
    found = queries.health(wall=wall)
    step, message = queries.overdue(found.facts, wall=wall)
    context = {
        "health": found,
        "step_lag": step,
        "message_age": message,
        "hold": holds.current(wall=wall),
        "nodes": queries.nodes(),
        "audits": queries.audits(),
        "outages": queries.outages(),
        "quarantined": timers.quarantined(),
        "has_watchdog": bool(settings.HEARTBEAT_URL),
        "alive_since": wall - queries.SILENT_AFTER,
    }
    return render(request, "engine/overview.html", context)


@require_POST
@requires(Permission.MANAGE_ENGINE)
def release(request: HttpRequest) -> HttpResponse:
    """Let the engine page again after a hold."""
    by = str(request.user)
    if holds.release(by=by, wall=clock.wall()):
        messages.success(request, _("Released: people are paged again."))
    else:
        messages.info(request, _("Nothing was on hold."))
    return redirect("engine:overview")


@require_POST
@requires(Permission.MANAGE_ENGINE)
def dismiss(request: HttpRequest) -> HttpResponse:
    """Say no more that no watchdog outside is set up."""
    heartbeat.dismiss(by=str(request.user), wall=clock.wall())
    messages.success(request, _("It is not mentioned again."))
    return redirect("engine:overview")
