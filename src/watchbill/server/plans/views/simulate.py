"""Simulating the plan: who would be contacted, how, when and why (S3.2-22)."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from watchbill.core.access import Permission
from watchbill.plan import Plan
from watchbill.plan.simulate import Incident, follow, horizon, suppose
from watchbill.plan.values import UnreadableError, parse_duration
from watchbill.server import clock
from watchbill.server.plans import pages, queries, simulation
from watchbill.server.plans.views import common
from watchbill.server.web.access import requires

_LONGEST = 300
_EVENTS = ("acknowledged", "mitigated", "resolved")


class _Unclear(ValueError):
    """What was asked cannot be read; the message says what, and in which field."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@require_safe
@requires(Permission.VIEW_PLAN)
def simulate(request: HttpRequest) -> HttpResponse:
    """Show what the plan would do; everything asked stands in the address."""
    now = clock.now()
    asked = {
        name: value.strip()[:_LONGEST] for name, value in request.GET.dict().items()
    }
    number = asked.get("version", "")
    version = common.find(
        int(number[:15]) if number.isdecimal() else queries.in_force(now=now).pk
    )
    plan = queries.plan_of(version.pk)
    context = common.frame(request, version) | {
        "asked": asked,
        "at": _shown(asked.get("at", ""), plan, now=now),
        "versions": pages.versions(queries.versions(now=now), shown=version.pk),
        "severities": simulation.severities(plan),
        "routes": simulation.routes(plan),
        "events": [
            {"name": name, "label": label, "value": asked.get(name, "")}
            for name, label in zip(
                _EVENTS,
                (_("Acknowledged after"), _("Mitigated after"), _("Resolved after")),
                strict=True,
            )
        ],
        "zone": plan.meta.zone.key,
    }
    if not asked.keys() & {"severity", "route", "labels"}:
        return render(request, "plan/simulate.html", context)
    try:
        incident = _incident(plan, asked, now=now)
    except _Unclear as error:
        context |= {"error": str(error), "error_field": error.field}
        return render(request, "plan/simulate.html", context, status=422)
    return render(
        request, "plan/simulate.html", context | _outcome(request, plan, incident)
    )


def _outcome(request: HttpRequest, plan: Plan, incident: Incident) -> dict[str, Any]:
    lines = follow(plan, incident, until=horizon(plan, incident))
    return {
        "incident": incident,
        "severity_name": plan.severity(incident.severity).title,
        "lines": simulation.table(lines, shows_contacts=common.shows_contacts(request)),
        "drawing": simulation.drawing(incident, lines),
    }


def _incident(plan: Plan, asked: dict[str, str], *, now: datetime) -> Incident:
    at = _instant(asked.get("at", ""), plan, now=now)
    for name in ("severity", "route"):
        _require(plan, name, asked.get(name, ""))
    incident = suppose(
        plan,
        declared_at=at,
        severity=asked.get("severity") or None,
        route=asked.get("route") or None,
        labels=_labels(asked.get("labels", "")),
    )
    after = [_after(name, asked.get(name, "")) for name in _EVENTS]
    acknowledged, mitigated, resolved = (
        None if one is None else at + one for one in after
    )
    return replace(
        incident,
        acknowledged_at=acknowledged,
        mitigated_at=mitigated,
        resolved_at=resolved,
    )


def _require(plan: Plan, name: str, key: str) -> None:
    known = (
        {one.key for one in plan.severities}
        if name == "severity"
        else {one.key for one in plan.routing.routes}
    )
    if key and key not in known:
        message = _("The plan has no %(name)s “%(key)s”.") % {"name": name, "key": key}
        raise _Unclear(name, message)


def _instant(text: str, plan: Plan, *, now: datetime) -> datetime:
    if not text:
        return now
    try:
        found = datetime.fromisoformat(text)
        local = found if found.tzinfo else found.replace(tzinfo=plan.meta.zone)
        # A year at the edge of the calendar has no room for the steps that follow.
        if not 2000 <= local.year < 2200:
            raise ValueError(text)
    except ValueError:
        message = _("“%(text)s” is no time; write it as 2026-02-08 02:30.")
        raise _Unclear("at", message % {"text": text}) from None
    return local


def _shown(text: str, plan: Plan, *, now: datetime) -> str:
    """The time as its field takes it; a browser complains of anything else."""
    try:
        at = _instant(text, plan, now=now)
    except _Unclear:
        return ""
    return f"{at.astimezone(plan.meta.zone):%Y-%m-%dT%H:%M}"


def _labels(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.replace(",", " ").split())
    found = {}
    for name, equals, value in pairs:
        if not equals or not name:
            message = _("“%(text)s” is no label; write it as alertname=SiteDown.")
            raise _Unclear("labels", message % {"text": name})
        found[name] = value.strip("\"'")
    return found


def _after(name: str, text: str) -> timedelta | None:
    if not text:
        return None
    try:
        return parse_duration(text)
    except UnreadableError as error:
        message = f"{error.message}. {error.hint}"
        raise _Unclear(name, message) from error
