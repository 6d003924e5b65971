"""Who is on call, and the contact card for the day on which nothing works."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from watchbill.core.access import Permission
from watchbill.core.temporal import describe
from watchbill.plan import contact_tree, render_sms, render_tree
from watchbill.server import clock
from watchbill.server.oncall import pages
from watchbill.server.plans import queries as plans
from watchbill.server.web.access import requires


@require_safe
@requires(Permission.VIEW_ON_CALL)
def now(request: HttpRequest) -> HttpResponse:
    """Show who holds the watch now, next, and in the coming weeks."""
    at = clock.now()
    plan = plans.plan_of(plans.in_force(now=at).pk)
    context = {
        "rotations": pages.rotations(plan, now=at),
        "levels": pages.levels(plan, now=at),
    }
    return render(request, "oncall/now.html", context)


@require_safe
@requires(Permission.VIEW_CONTACTS)
def contact_card(request: HttpRequest) -> HttpResponse:
    """Show the emergency contact tree, made to be printed (S2.2-06)."""
    at = clock.now()
    plan = plans.plan_of(plans.in_force(now=at).pk)
    tree = [
        {
            "after": describe(rung.step.after),
            "label": contact.title or contact.label,
            "name": contact.name,
            "phone": contact.phone,
            "email": contact.email,
        }
        for rung in contact_tree(plan, at=at)
        for contact in rung.contacts
    ]
    return render(request, "oncall/contact_card.html", {"tree": tree})


@require_safe
@requires(Permission.VIEW_CONTACTS)
def contact_card_text(_request: HttpRequest) -> HttpResponse:
    """Answer the tree as plain text, followed by text messages that hold it."""
    at = clock.now()
    plan = plans.plan_of(plans.in_force(now=at).pk)
    messages = "\n\n".join(render_sms(plan, at=at))
    text = f"{render_tree(plan, at=at)}\nAs text messages:\n\n{messages}\n"
    return HttpResponse(text, content_type="text/plain; charset=utf-8")
