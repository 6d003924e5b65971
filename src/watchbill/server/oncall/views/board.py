"""Who is on call now and next."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from watchbill.core.access import Permission
from watchbill.server import clock
from watchbill.server.audit.showing import shows_people
from watchbill.server.oncall import board
from watchbill.server.oncall.views.common import (
    only_looks,
    own_key,
    plan_at,
    sees_phones,
)
from watchbill.server.web.access import may, requires


@shows_people
@require_safe
@requires(Permission.VIEW_ON_CALL)
def now(request: HttpRequest) -> HttpResponse:
    """Show who holds the watch now and next, and what is wrong with what comes."""
    at = clock.now()
    plan, full = plan_at(at), sees_phones(request)
    found = board.watches(plan, during=board.around(at))
    context = {
        "schedules": board.schedules(plan, found, now=at, full=full),
        "levels": board.levels(plan, now=at, full=full),
        "warnings": board.warnings(plan, found, now=at),
        "own_key": own_key(request),
        "sees_phones": full,
        "only_looks": only_looks(request),
        "may_manage": may(request, Permission.MANAGE_PEOPLE),
    }
    return render(request, "oncall/now.html", context)
