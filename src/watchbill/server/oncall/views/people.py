"""The people of the plan: the list, and the page of one person."""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from watchbill.core.access import Permission
from watchbill.core.temporal import Interval
from watchbill.plan import Plan
from watchbill.server import clock
from watchbill.server.audit.showing import shows_people
from watchbill.server.oncall import board, queries, roll, shifts
from watchbill.server.oncall.timeline import duty_name
from watchbill.server.oncall.views.common import (
    amended,
    contact_or_404,
    only_looks,
    own_key,
    plan_at,
    sees_phones,
)
from watchbill.server.web.access import may, requires
from watchbill.server.web.paging import PAGE_SIZE


@shows_people
@require_safe
@requires(Permission.VIEW_ON_CALL)
def people(request: HttpRequest) -> HttpResponse:
    """List the people of the plan."""
    now = clock.now()
    plan, full = plan_at(now), sees_phones(request)
    asked = {name: request.GET.get(name, "")[:100] for name in _FILTERS}
    found = roll.found(
        plan,
        text=asked["q"],
        level=asked["level"],
        role=asked["role"],
        group=asked["team"],
    )
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    on_duty = _on_duty(plan, now=now)
    context = {
        "only_looks": only_looks(request),
        "people": [roll.row(plan, one, on_duty, full=full) for one in page],
        "page": page,
        "total": len(found),
        "asked": asked,
        "is_filtered": any(asked.values()),
        "levels": [(one.key, f"{one.key} {one.title}") for one in plan.levels],
        "roles": sorted(
            {role for one in plan.directory.contacts for role in one.roles}
        ),
        "teams": sorted(plan.directory.groups),
        "may_manage": may(request, Permission.MANAGE_PEOPLE),
        "unfilled": sum(bool(roll.missing(one)) for one in plan.directory.contacts),
    }
    return render(request, "oncall/people.html", context)


@shows_people
@require_safe
@requires(Permission.VIEW_ON_CALL)
def person(request: HttpRequest, key: str) -> HttpResponse:
    """Show one person: what they are, how they are reached, and their shifts."""
    now = clock.now()
    plan = plan_at(now)
    contact = contact_or_404(plan, key)
    is_self = own_key(request) == key
    full = sees_phones(request) or is_self
    found = board.watches(plan, during=board.around(now))
    ahead = Interval(starts_at=now, ends_at=now + shifts.AHEAD)
    context: dict[str, Any] = {
        "only_looks": only_looks(request),
        "contact": contact,
        "person": roll.row(plan, contact, {}, full=full),
        "facts": roll.facts(plan, contact),
        "methods": roll.methods(contact, full=full, at=clock.wall()),
        "shifts": shifts.shifts_of(found, key, now=now)[:8],
        "absences": [
            shifts.absence_row(one, plan, now=now)
            for one in queries.absence_rows(key, ahead)
        ],
        "is_self": is_self,
        "amended": amended(request),
        "may_manage": may(request, Permission.MANAGE_PEOPLE),
        "may_absent": is_self or may(request, Permission.MANAGE_SCHEDULE),
    }
    return render(request, "oncall/person.html", context)


_FILTERS = ("q", "level", "role", "team")


def _on_duty(plan: Plan, *, now: Any) -> dict[str, list[str]]:
    """What everybody who is on call now holds, in words."""
    return {
        key: [
            f"{plan.schedules[one.schedule].title}: {duty_name(one.duty)}"
            for one in held
        ]
        for key, held in queries.duties_of(plan, at=now).items()
    }
