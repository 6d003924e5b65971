"""Handing the watch over: the summary, written over what is open (S4.4-11, S4.4-12).

It lies among the pages of the watch and belongs here, because the summary begins with
the incidents that are open, and offers those that the writer holds.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from watchbill.core.access import Permission
from watchbill.server import clock
from watchbill.server.incidents import handing, queries
from watchbill.server.incidents.handing import OfferRefusedError
from watchbill.server.incidents.models import Incident
from watchbill.server.incidents.timeline import Actor
from watchbill.server.oncall import actions as oncall
from watchbill.server.oncall import board, shifts
from watchbill.server.oncall import queries as watches
from watchbill.server.oncall.actions import OncallRefusedError
from watchbill.server.oncall.faces import face_of
from watchbill.server.oncall.models import Handover
from watchbill.server.oncall.timeline import duty_name
from watchbill.server.web.access import may, requires

_MAX_SUMMARY = 5000
_MOST = 40


class _SummaryForm(forms.Form):
    summary = forms.CharField(
        label=gettext_lazy("What whoever comes should know"),
        max_length=_MAX_SUMMARY,
        widget=forms.Textarea(attrs={"rows": 10}),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.TRADE_SHIFTS)
def handover(request: HttpRequest, key: str, duty: str) -> HttpResponse:
    """Write what whoever leaves the watch tells whoever comes."""
    now = clock.now()
    own = str(getattr(request.user, "contact_key", ""))
    plan = watches.plan_now(now=now)
    found = board.watches(plan, during=board.around(now)) if plan is not None else {}
    due = next(
        (
            one
            for one in shifts.handovers_due(found, own, now=now)
            if one[1].schedule == key and one[1].duty == duty
        ),
        None,
    )
    if due is None or not own:
        return render(request, "oncall/handover.html", {"form": None}, status=404)
    watch, mine, then = due
    form = _SummaryForm(
        request.POST if request.method == "POST" else None,
        initial={"summary": _summary(_open())},
    )
    held = handing.held_by(own)
    context: dict[str, Any] = {
        "form": form,
        "schedule": watch.schedule,
        "duty": duty_name(mine.duty),
        "at": mine.during.ends_at,
        "to": face_of(watch.faces, then.holder).name,
        "held": held,
    }
    if request.method != "POST":
        return render(request, "oncall/handover.html", context)
    if not form.is_valid():
        return render(request, "oncall/handover.html", context, status=422)
    asked = {text for text in request.POST.getlist("offer") if text.isascii()}
    offered = [one.pk for one in held if str(one.pk) in asked]
    try:
        with transaction.atomic():
            written = oncall.write_handover(
                key,
                mine.duty,
                from_contact=own,
                to_contact=then.holder or "",
                at=mine.during.ends_at,
                summary=form.cleaned_data["summary"],
                now=now,
            )
            _offer(request, written, offered, now=now)
    except (OncallRefusedError, OfferRefusedError) as error:
        text = str(error)
        form.add_error(None, f"{text[:1].upper()}{text[1:]}.")
        return render(request, "oncall/handover.html", context, status=422)
    messages.success(request, _("Written. %(who)s reads it.") % {"who": context["to"]})
    return redirect("oncall:mine")


@require_safe
@requires(Permission.TRADE_SHIFTS)
def offers(request: HttpRequest) -> HttpResponse:
    """Show the incidents that somebody offers to the user at a hand-over."""
    found = handing.open_offers_to(_actor(request).contact_key)
    names = _names(clock.now())
    rows = [
        {
            "number": one.pk,
            "incident": one.incident,
            "by": names.get(one.from_contact, one.from_contact),
        }
        for one in found
        if may(request, Permission.VIEW_CONFIDENTIAL)
        or not one.incident.is_confidential
    ]
    context = {"offers": rows, "may_take": may(request, Permission.RESPOND)}
    return render(request, "oncall/offers.html", context)


@require_POST
@requires(Permission.RESPOND)
def answer_offer(request: HttpRequest, number: int) -> HttpResponse:
    """Take an incident over that somebody offered at a hand-over, or leave it."""
    actor, now = _actor(request), clock.now()
    try:
        if request.POST.get("answer") == "accept":
            made = handing.accept(number, actor=actor, now=now)
            return redirect("incidents:detail", made.incident_id)
        handing.decline(number, actor=actor, now=now)
    except OfferRefusedError as error:
        text = str(error)
        messages.error(request, f"{text[:1].upper()}{text[1:]}.")
    return redirect("incidents:offers")


def _names(now: datetime) -> Mapping[str, str]:
    plan = watches.plan_now(now=now)
    return watches.names_of(plan) if plan is not None else {}


def _offer(
    request: HttpRequest, written: Handover, numbers: list[int], *, now: datetime
) -> None:
    if numbers:
        handing.offer(written.pk, numbers, actor=_actor(request), now=now)


def _open() -> list[Incident]:
    """The open incidents that anybody may read of; whoever comes may not see all."""
    rows = queries.listed(status="open", severity="", text="", confidential=False)
    return list(rows[:_MOST])


def _summary(incidents: list[Incident]) -> str:
    """The summary to begin with: a line for each open incident."""
    if not incidents:
        return _("Nothing is open.")
    return "\n".join(
        f"#{one.pk} {one.severity} {one.title}: {one.status}"
        + (f", {one.acknowledged_by}" if one.acknowledged_by else "")
        for one in incidents
    )


def _actor(request: HttpRequest) -> Actor:
    user = request.user
    return Actor(label=str(user), contact_key=str(getattr(user, "contact_key", "")))
