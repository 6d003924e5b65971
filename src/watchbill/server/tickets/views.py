"""The list of tickets."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from watchbill.core.access import Permission
from watchbill.server import clock
from watchbill.server.tickets import actions, pages, queries
from watchbill.server.web.access import may, requires
from watchbill.server.web.paging import page_of


@require_safe
@requires(Permission.VIEW_TICKETS)
def listing(request: HttpRequest) -> HttpResponse:
    """Show tickets, the newest first."""
    status = request.GET.get("status", "open")
    page = page_of(request, queries.listed(status="" if status == "all" else status))
    may_work = may(request, Permission.WORK_TICKETS)
    context = {
        "tickets": [pages.row(one, may_work=may_work) for one in page],
        "filters": {"status": status},
        "page": page,
    }
    return render(request, "tickets/list.html", context)


@require_POST
@requires(Permission.WORK_TICKETS)
def close(request: HttpRequest, number: int) -> HttpResponse:
    """Close a ticket."""
    if actions.close(number, actor=str(request.user), now=clock.now()):
        messages.success(
            request, _("Ticket #%(number)s is closed.") % {"number": number}
        )
        return redirect("tickets:list")
    return _unchanged(request, number, _("Ticket #%(number)s was closed already."))


@require_POST
@requires(Permission.WORK_TICKETS)
def reopen(request: HttpRequest, number: int) -> HttpResponse:
    """Open a closed ticket again."""
    if actions.reopen(number):
        messages.success(request, _("Ticket #%(number)s is open.") % {"number": number})
        return redirect("tickets:list")
    return _unchanged(request, number, _("Ticket #%(number)s is open already."))


def _unchanged(request: HttpRequest, number: int, text: str) -> HttpResponse:
    if not queries.exists(number):
        message = f"there is no ticket {number}"
        raise Http404(message)
    messages.warning(request, text % {"number": number})
    return redirect("tickets:list")
