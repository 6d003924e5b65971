"""What every page needs around its content."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from watchbill.core.access import Permission
from watchbill.server import clock
from watchbill.server.demo import state as demo
from watchbill.server.engine import notices as engine_notices
from watchbill.server.engine import queries as engine
from watchbill.server.engine.queries import EngineHealth
from watchbill.server.incidents import queries as incidents
from watchbill.server.intake import queries as intake
from watchbill.server.people import queries as people
from watchbill.server.plans import pages as plan_pages
from watchbill.server.plans import queries as plans
from watchbill.server.plans.models import PlanVersion
from watchbill.server.plans.queries import NoPlanInForceError
from watchbill.server.tickets import queries as tickets
from watchbill.server.timers import queries as timers
from watchbill.server.web.access import permissions_held


def frame(request: HttpRequest) -> dict[str, Any]:
    """Return the navigation, the banners and the clock of a page."""
    now = clock.now()
    plan = _in_force(now=now)
    context: dict[str, Any] = {
        "product": plans.plan_of(plan.pk).meta.product if plan else "watchbill",
        "server_now": now,
        "clock_rate": clock.rate(),
        "demo": demo.banner(),
        "is_refresh": _is_refresh(request),
    }
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return context
    permissions = permissions_held(request)
    health = engine.health(wall=clock.wall())
    return context | {
        "live_url": "/live",
        "nav": list(_navigation(request, permissions)),
        "menu": list(_menu(permissions)),
        "engine": {"ok": health.is_alive, "text": health.text},
        "engine_notices": [
            *_notices(health, permissions),
            *_unanswered(permissions, now=now),
        ],
        "plan_banner": _trouble() or (plan and plan_pages.banner(plan, permissions)),
    }


def _is_refresh(request: HttpRequest) -> bool:
    """Whether a live region of an open page asks how it looks now.

    It shows no messages, so it must not use them up: the answer to a button, which
    comes at the same time, does show them.
    """
    return request.headers.get("HX-Source", "").startswith("div#")


def _in_force(*, now: datetime) -> PlanVersion | None:
    try:
        return plans.in_force(now=now)
    except NoPlanInForceError:
        return None


def _navigation(
    request: HttpRequest, permissions: frozenset[Permission]
) -> list[dict[str, Any]]:
    counts = incidents.counts(confidential=Permission.VIEW_CONFIDENTIAL in permissions)
    rows = (
        (_("Incidents"), "incidents:list", "incidents", Permission.VIEW_INCIDENTS),
        (_("Alerts"), "alerts:list", "alert", Permission.VIEW_INCIDENTS),
        (_("On call"), "oncall:now", "oncall", Permission.VIEW_ON_CALL),
        (_("Tickets"), "tickets:list", "tickets", Permission.VIEW_TICKETS),
        (
            _("Deliveries"),
            "notifications:list",
            "deliveries",
            Permission.VIEW_DELIVERIES,
        ),
        (_("Plan"), "plans:in_force", "plan", Permission.VIEW_PLAN),
    )
    numbers = {"incidents": counts.unacknowledged, "tickets": tickets.open_count()}
    return [
        {
            "label": label,
            "url": reverse(name),
            "icon": icon,
            "active": request.path.startswith(reverse(name)),
            "count": numbers.get(icon, 0),
        }
        for label, name, icon, permission in rows
        if permission in permissions
    ]


def _menu(permissions: frozenset[Permission]) -> list[dict[str, str]]:
    links = [
        {"label": _("My account"), "url": reverse("people:account")},
        {"label": _("How I am told"), "url": reverse("notifications:mine")},
    ]
    if Permission.VIEW_CONTACTS in permissions:
        url = reverse("oncall:contact_card")
        links.append({"label": _("Emergency contacts"), "url": url})
    if Permission.VIEW_INCIDENTS in permissions:
        links.append({"label": _("Silences"), "url": reverse("silences:list")})
        url = reverse("heartbeats:list")
        links.append({"label": _("Heartbeats"), "url": url})
    if Permission.VIEW_DELIVERIES in permissions:
        url = reverse("notifications:readiness")
        links.append({"label": _("Who can be reached"), "url": url})
    if Permission.MANAGE_USERS in permissions:
        links.append({"label": _("Users"), "url": reverse("people:users")})
    if Permission.MANAGE_INTEGRATIONS in permissions:
        links.append({"label": _("Integrations"), "url": reverse("intake:list")})
    if Permission.MANAGE_ENGINE in permissions:
        links.append({"label": _("Engine"), "url": reverse("engine:overview")})
    if Permission.VIEW_AUDIT in permissions:
        links.append({"label": _("Audit log"), "url": reverse("audit:list")})
    if demo.current() is not None:
        links.append({"label": _("Demo inbox"), "url": reverse("demo:inbox")})
    return links


def _notices(
    health: EngineHealth, permissions: frozenset[Permission]
) -> list[engine_notices.Notice]:
    is_demo = demo.current() is not None
    return list(engine_notices.notices(health, permissions, is_demo=is_demo))


def _unanswered(
    permissions: frozenset[Permission], *, now: datetime
) -> Iterator[dict[str, str]]:
    """That somebody on call did not confirm the weekly test, for the owners."""
    if Permission.MANAGE_USERS not in permissions:
        return
    count = people.unanswered_tests(now=now)
    if not count:
        return
    text = _("Not confirmed: the weekly test page, by %(n)s of those on call.")
    yield {
        "level": "warning",
        "text": text % {"n": count},
        "url": reverse("notifications:readiness"),
        "link": _("Who can be reached"),
    }


def _trouble() -> dict[str, str] | None:
    """What the engine could not decide or read; it must not stay unseen (I10)."""
    stuck, odd = timers.failing_count(), intake.quarantined_count()
    if stuck:
        text = _("%(n)s steps cannot be decided and are tried again.") % {"n": stuck}
        return {"level": "error", "text": text}
    if odd:
        text = _("%(n)s posts were accepted but not understood.") % {"n": odd}
        return {"level": "warning", "text": text}
    return None
