"""The delivery log."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from watchbill.core.access import Permission
from watchbill.server.notifications import pages, queries
from watchbill.server.web.access import requires
from watchbill.server.web.paging import page_of


@require_safe
@requires(Permission.VIEW_DELIVERIES)
def listing(request: HttpRequest) -> HttpResponse:
    """Show who was told what, and each attempt."""
    filters = {
        "state": request.GET.get("state", ""),
        "q": request.GET.get("q", "").strip()[:200],
    }
    page = page_of(request, queries.listed(state=filters["state"], text=filters["q"]))
    context = {
        "notifications": [pages.row(one) for one in page],
        "filters": filters,
        "page": page,
    }
    return render(request, "notifications/list.html", context)
