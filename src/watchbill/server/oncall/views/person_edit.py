"""Changing the particulars of people, and who is in which group: it amends the plan.

Saving takes two steps. The first shows what will stand in the plan, by the words of the
plan; the second puts it in force. What needs signatures is refused with the reason and
left to the plan's own editor. What was saved last can be undone, by an amendment back.
"""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from watchbill.core.access import Permission
from watchbill.plan.writing import Value
from watchbill.server import clock
from watchbill.server.accounts.models import User
from watchbill.server.audit.showing import shows_people
from watchbill.server.oncall import amending
from watchbill.server.oncall.amending import AmendingRefusedError
from watchbill.server.oncall.amending_forms import PersonForm, particulars_of
from watchbill.server.oncall.changing import MAX_REASON, text_of
from watchbill.server.oncall.views.common import (
    contact_or_404,
    people_of,
    plan_at,
)
from watchbill.server.web.access import requires


@shows_people
@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.MANAGE_PEOPLE)
def person_edit(request: HttpRequest, key: str) -> HttpResponse:
    """Change the particulars of a contact of the plan."""
    now = clock.now()
    plan = plan_at(now)
    contact = contact_or_404(plan, key)
    before = particulars_of(contact)
    form = PersonForm(
        request.POST if request.method == "POST" else None,
        shifts=plan.shifts,
        initial=before | {"expertise": ", ".join(sorted(contact.expertise))},
    )
    context: dict[str, Any] = {
        "form": form,
        "contact": contact,
        "based_on": _began_with(request, now=now),
    }
    if request.method != "POST":
        return render(request, "oncall/person_edit.html", context)
    if not form.is_valid():
        return render(request, "oncall/person_edit.html", context, status=422)
    changes = amending.changed(before, form.particulars)
    if not changes:
        messages.warning(request, _("Nothing was changed."))
        return redirect("oncall:person", key)
    edits: dict[tuple[str, ...], Value | None] = {
        ("contacts", key, name): value for name, value in changes.items()
    }
    context["changes"] = amending.listed(before, changes)
    try:
        draft = amending.draft(
            edits, based_on=request.POST.get("based_on", ""), now=now
        )
        if request.POST.get("step") != "save":
            return render(request, "oncall/person_edit.html", context)
        version = amending.amend(
            draft, by=user_of(request), reason=form.cleaned_data["reason"], now=now
        )
    except AmendingRefusedError as error:
        latest = amending.base(now=now).pk
        context |= {"reasons": error.reasons, "based_on": latest}
        return render(request, "oncall/person_edit.html", context, status=422)
    return redirect(f"{reverse('oncall:person', args=[key])}?amended={version.pk}")


@require_POST
@requires(Permission.MANAGE_PEOPLE)
def undo_amendment(request: HttpRequest, number: int) -> HttpResponse:
    """Take back the amendment that is in force, by another one."""
    try:
        version = amending.undo(number, by=user_of(request), now=clock.now())
    except AmendingRefusedError as error:
        messages.error(request, str(error))
        return redirect("plans:versions")
    text = _("Undone: plan %(version)s is in force.")
    messages.success(request, text % {"version": version.label})
    return redirect("plans:diff", number, version.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.MANAGE_PEOPLE)
def group_edit(request: HttpRequest, name: str) -> HttpResponse:
    """Change who is in a group of the plan."""
    now = clock.now()
    plan = plan_at(now)
    if name not in plan.directory.groups:
        message = f"the plan has no group {name}"
        raise Http404(message)
    before = list(plan.directory.groups[name])
    people = people_of(plan)
    known = dict(people)
    chosen = before
    context: dict[str, Any] = {"name": name, "based_on": _began_with(request, now=now)}
    status = 200
    if request.method == "POST":
        kept = [one for one in before if one not in known]
        picked = [one for one in request.POST.getlist("member") if one in known]
        # Those who stay keep their places, because a ladder calls them in order.
        order = {one: number for number, one in enumerate(before)}
        chosen = sorted({*picked, *kept}, key=lambda one: order.get(one, len(order)))
        answer = _save_group(request, name, before, chosen, context)
        if answer is not None:
            return answer
        status = 422 if context.get("reasons") else 200
    context["rows"] = [
        {"key": one, "label": label, "is_in": one in chosen} for one, label in people
    ]
    context["aliases"] = [one for one in before if one not in known]
    return render(request, "oncall/group_edit.html", context, status=status)


def user_of(request: HttpRequest) -> User:
    """Return the user of a request whose permission was checked."""
    if not isinstance(request.user, User):
        message = "a view without permission asked who its user is"
        raise TypeError(message)
    return request.user


def _began_with(request: HttpRequest, *, now: datetime) -> str:
    """The version that a form began with, until a later one has been told of."""
    return request.POST.get("based_on", "") or str(amending.base(now=now).pk)


def _save_group(
    request: HttpRequest,
    name: str,
    before: list[str],
    after: list[str],
    context: dict[str, Any],
) -> HttpResponse | None:
    """Preview or save a group; None when its page is shown (again)."""
    now = clock.now()
    if after == before:
        messages.warning(request, _("Nothing was changed."))
        return redirect("oncall:groups")
    context["changes"] = amending.listed({"members": before}, {"members": after})
    try:
        draft = amending.draft(
            {("groups", name): after},
            based_on=request.POST.get("based_on", ""),
            now=now,
        )
        if request.POST.get("step") != "save":
            return None
        reason = text_of(request.POST.get("reason", ""), most=MAX_REASON)
        version = amending.amend(draft, by=user_of(request), reason=reason, now=now)
    except AmendingRefusedError as error:
        context["reasons"] = error.reasons
        context["based_on"] = amending.base(now=now).pk
        return None
    return redirect(f"{reverse('oncall:groups')}?amended={version.pk}")
