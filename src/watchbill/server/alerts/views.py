"""The pages of alerts: what fires now, whom it reached and why, or why nobody."""

from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from watchbill.core.access import Permission
from watchbill.plan import Plan
from watchbill.server import clock
from watchbill.server.alerts import cards, search
from watchbill.server.alerts.forms import filters_of
from watchbill.server.alerts.search import Cursor
from watchbill.server.plans import queries as plans
from watchbill.server.plans.queries import NoPlanInForceError
from watchbill.server.web.access import may, requires

_PAGE = 25


@require_safe
@requires(Permission.VIEW_INCIDENTS)
def listing(request: HttpRequest) -> HttpResponse:
    """Show the alerts, those that fire first; or those that are looked for."""
    now = clock.now()
    sees_all = may(request, Permission.VIEW_CONFIDENTIAL)
    plan = _plan(now=now)
    filters = filters_of(request.GET.dict())
    after = Cursor.read(request.GET.get("after", ""))
    page = search.page(filters, after=after, limit=_PAGE, confidential=sees_all)
    context = {
        "alerts": [cards.row(one, plan=plan) for one in page.alerts],
        "following": str(page.following) if page.following else "",
        "is_later_page": after is not None,
        "filters": filters,
        "is_filtered": bool(filters.narrowing),
        "counts": search.counts(confidential=sees_all),
        "most": search.MOST_COUNTED,
        "sources": search.integrations(),
    } | _choices(plan, confidential=sees_all)
    return render(request, "alerts/list.html", context)


@require_safe
@requires(Permission.VIEW_INCIDENTS)
def detail(request: HttpRequest, number: int) -> HttpResponse:
    """Show everything about one alert."""
    now = clock.now()
    sees_all = may(request, Permission.VIEW_CONFIDENTIAL)
    one = search.find(number, confidential=sees_all)
    if one is None:
        # The same answer for what is not there and for what may not be seen (A15).
        message = f"there is no alert {number}"
        raise Http404(message)
    plan = _plan(now=now)
    manages = may(request, Permission.MANAGE_INTEGRATIONS)
    context = {
        "alert": cards.detail(one, plan=plan, now=now),
        "episodes": [
            cards.row(each, plan=plan)
            for each in search.episodes(one, confidential=sees_all)
        ],
        "integration": one.integration_id if manages else None,
        "last_event": one.last_entry if manages else None,
        "may_silence": may(request, Permission.RESPOND),
        "may_fix_plan": may(request, Permission.PROPOSE_PLAN),
    }
    return render(request, "alerts/detail.html", context)


def _plan(*, now: datetime) -> Plan | None:
    try:
        return plans.plan_of(plans.in_force(now=now).pk)
    except NoPlanInForceError:
        return None


def _choices(plan: Plan | None, *, confidential: bool) -> dict[str, Any]:
    if plan is None:
        return {"severities": [], "routes": []}
    return {
        "severities": [one.key for one in plan.severities],
        "routes": [
            {"key": one.key, "title": one.title}
            for one in plan.routing.routes
            if confidential or not one.confidential
        ],
    }
