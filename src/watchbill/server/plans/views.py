"""The plan page."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from watchbill.core.access import Permission
from watchbill.server.plans import pages, queries
from watchbill.server.plans.models import PlanVersion
from watchbill.server.web.access import requires


@require_safe
@requires(Permission.VIEW_PLAN)
def in_force(request: HttpRequest) -> HttpResponse:
    """Show the plan in force."""
    return _show(request, queries.in_force().pk)


@require_safe
@requires(Permission.VIEW_PLAN)
def version(request: HttpRequest, number: int) -> HttpResponse:
    """Show one stored version, such as the one an old incident ran under."""
    return _show(request, number)


def _show(request: HttpRequest, number: int) -> HttpResponse:
    try:
        found = queries.get(number)
    except PlanVersion.DoesNotExist:
        message = f"there is no plan version {number}"
        raise Http404(message) from None
    context = pages.detail(found) | {
        "versions": pages.versions(queries.versions(), in_force=queries.in_force().pk)
    }
    return render(request, "plan/detail.html", context)
