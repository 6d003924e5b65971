"""The contact card for the day on which nothing works: a page, text, and PDF."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from watchbill.core.access import Permission
from watchbill.core.temporal import describe
from watchbill.plan import contact_tree, render_sms, render_tree
from watchbill.plan.card import contact_card_pdf
from watchbill.plan.document import PdfUnavailableError
from watchbill.server import clock
from watchbill.server.audit.showing import shows_people
from watchbill.server.oncall import board, queries
from watchbill.server.oncall.views.common import plan_at
from watchbill.server.web.access import requires


@shows_people
@require_safe
@requires(Permission.VIEW_CONTACTS)
def contact_card(request: HttpRequest) -> HttpResponse:
    """Show the emergency contact tree, made to be printed (S2.2-06)."""
    return _page(request)


def _page(
    request: HttpRequest, *, trouble: str = "", status: int = 200
) -> HttpResponse:
    at = clock.now()
    plan = plan_at(at)
    roster = queries.roster(plan, now=at)
    tree = [
        {
            "after": describe(rung.step.after),
            "label": contact.title or contact.label,
            "name": contact.name,
            "phone": contact.phone,
            "email": contact.email,
        }
        for rung in contact_tree(plan, at=at, roster=roster)
        for contact in rung.contacts
    ]
    found = board.watches(plan, during=board.around(at))
    context = {
        "tree": tree,
        "trouble": trouble,
        "levels": board.levels(plan, now=at, full=True),
        "schedules": board.schedules(plan, found, now=at, full=True),
    }
    return render(request, "oncall/contact_card.html", context)


@shows_people
@require_safe
@requires(Permission.VIEW_CONTACTS)
def contact_card_text(_request: HttpRequest) -> HttpResponse:
    """Answer the tree as plain text, followed by text messages that hold it."""
    at = clock.now()
    plan = plan_at(at)
    roster = queries.roster(plan, now=at)
    parts = "\n\n".join(render_sms(plan, at=at, roster=roster))
    tree = render_tree(plan, at=at, roster=roster)
    text = f"{tree}\nAs text messages:\n\n{parts}\n"
    return HttpResponse(text, content_type="text/plain; charset=utf-8")


@shows_people
@require_safe
@requires(Permission.VIEW_CONTACTS)
def contact_card_document(request: HttpRequest) -> HttpResponse:
    """Answer the card as PDF; the page itself, and why, where PDF is not installed."""
    at = clock.now()
    plan = plan_at(at)
    try:
        body = contact_card_pdf(plan, at=at, roster=queries.roster(plan, now=at))
    except PdfUnavailableError as error:
        text = _("There is no PDF here: %(why)s. Print this page instead.")
        return _page(request, trouble=text % {"why": error})
    answer = HttpResponse(body, content_type="application/pdf")
    answer["Content-Disposition"] = 'inline; filename="contact-card.pdf"'
    return answer
