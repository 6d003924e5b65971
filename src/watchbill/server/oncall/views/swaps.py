"""Swaps: asking somebody to take a stretch of one's own, and answering (S4.4-09)."""

from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from watchbill.core.access import Permission
from watchbill.core.oncall import Duty
from watchbill.core.temporal import Interval
from watchbill.plan import Plan
from watchbill.server import clock
from watchbill.server.audit.acting import known_as
from watchbill.server.audit.models import ActorKind
from watchbill.server.oncall import actions, links, queries
from watchbill.server.oncall.actions import OncallRefusedError
from watchbill.server.oncall.forms import SwapForm
from watchbill.server.oncall.models import Swap, SwapState
from watchbill.server.oncall.timeline import clock_text, duty_name
from watchbill.server.oncall.views.common import (
    own_key,
    people_of,
    plan_at,
    schedule_or_404,
    sentence,
)
from watchbill.server.web.access import open_to_all, requires

_ANSWERED = {
    "accept": gettext_lazy("You have taken it. Both of you are told."),
    "decline": gettext_lazy("You have declined. Whoever asked is told."),
    "withdraw": gettext_lazy("Withdrawn. Nothing changes."),
}


@require_safe
@requires(Permission.TRADE_SHIFTS)
def swaps(request: HttpRequest) -> HttpResponse:
    """Show what others ask of the user, what the user asks, and what became of it."""
    now = clock.now()
    plan, key = plan_at(now), own_key(request)
    by_me = queries.swaps_by(key) if key else []
    context = {
        "is_contact": plan.directory.contact(key) is not None,
        "to_me": [_row(plan, one) for one in queries.swaps_to(key, plan)]
        if key
        else [],
        "by_me": [_row(plan, one) for one in by_me if one.state == SwapState.ASKED],
        "past": [_row(plan, one) for one in by_me if one.state != SwapState.ASKED],
    }
    return render(request, "oncall/swaps.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.TRADE_SHIFTS)
def swap_new(request: HttpRequest) -> HttpResponse:
    """Ask for a swap: first show what it would change, then send it."""
    now = clock.now()
    plan, key = plan_at(now), own_key(request)
    asked = request.POST if request.method == "POST" else request.GET
    schedule = schedule_or_404(plan, asked.get("schedule", ""))
    duty = asked.get("duty", "")
    duty = Duty(duty) if duty in list(Duty) else Duty.PRIMARY
    people = [one for one in people_of(plan, schedule) if one[0] != key]
    initial = {
        "starts_at": request.GET.get("from", "")[:16],
        "ends_at": request.GET.get("to", "")[:16],
    }
    data = request.POST if request.method == "POST" else None
    form = SwapForm(data, zone=schedule.zone, people=people, initial=initial)
    context: dict[str, Any] = {
        "form": form,
        "schedule": schedule,
        "duty": duty,
        "duty_name": duty_name(duty),
        "is_contact": plan.directory.contact(key) is not None,
    }
    if request.method != "POST":
        return render(request, "oncall/swap_new.html", context)
    if not form.is_valid():
        return render(request, "oncall/swap_new.html", context, status=422)
    what = (schedule.key, duty, form.during)
    asked_of = form.cleaned_data["asked_of"]
    terms: dict[str, Any] = {
        "asked_by": key,
        "asked_of": asked_of or None,
        "return_during": form.in_return,
        "now": now,
    }
    try:
        if request.POST.get("step") != "create":
            actions.check_swap(*what, **terms)
            who = dict(people).get(asked_of, "")
            context["effect"] = _effect(schedule.zone, form.during, form.in_return, who)
            return render(request, "oncall/swap_new.html", context)
        actions.ask_swap(*what, **terms, message=form.cleaned_data["message"])
    except OncallRefusedError as error:
        form.add_error(None, sentence(error))
        return render(request, "oncall/swap_new.html", context, status=422)
    messages.success(request, _("Asked. Until somebody accepts, the shift is yours."))
    return redirect("oncall:swaps")


@require_POST
@requires(Permission.TRADE_SHIFTS)
def swap_answer(request: HttpRequest, number: int) -> HttpResponse:
    """Accept, decline or withdraw a request."""
    answer = request.POST.get("answer", "")
    refusal = _answer(number, answer, own_key(request), by=str(request.user))
    if refusal:
        messages.error(request, refusal)
    else:
        messages.success(request, _ANSWERED[answer])
    return redirect("oncall:swaps")


@csrf_exempt  # the link is the secret; mail programs' browsers drop cookies
@require_http_methods(["GET", "HEAD", "POST"])
@open_to_all("the signed token in the address names the request and who may answer it")
def swap_signed(request: HttpRequest, token: str) -> HttpResponse:
    """Show a request to whoever was asked, who may accept or decline it there."""
    now = clock.now()
    found = links.asked(token, now=now)
    if found is None:
        return _signed_page(request, {"state": "gone"}, status=404)
    swap, key = found
    plan = plan_at(now)
    names = queries.names_of(plan)
    context = {"state": "open", "swap": _row(plan, swap), "me": names.get(key, key)}
    if request.method != "POST":
        return _signed_page(request, context)
    answer = request.POST.get("answer", "")
    if answer not in {"accept", "decline"}:
        return _signed_page(request, context, status=422)
    known_as(ActorKind.CONTACT, id=key, name=names.get(key, key))
    refusal = _answer(swap.pk, answer, key, by=names.get(key, key))
    if refusal:
        return _signed_page(request, context | {"refusal": refusal}, status=422)
    return _signed_page(request, context | {"state": answer})


def _answer(number: int, answer: str, key: str, *, by: str) -> str:
    """Do what somebody answers; return why it cannot be, empty when it is done."""
    now = clock.now()
    try:
        match answer:
            case "accept":
                actions.accept_swap(number, contact_key=key, by=by, now=now)
            case "decline":
                actions.decline_swap(number, contact_key=key, now=now)
            case "withdraw":
                actions.withdraw_swap(number, contact_key=key, now=now)
            case _:
                return _("Choose an answer.")
    except OncallRefusedError as error:
        return sentence(error)
    return ""


def _signed_page(
    request: HttpRequest, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    response = render(request, "oncall/swap_signed.html", context, status=status)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _row(plan: Plan, swap: Swap) -> dict[str, Any]:
    names = queries.names_of(plan)
    schedule = plan.schedules.get(swap.schedule_key)
    return {
        "number": swap.pk,
        "schedule": schedule.title if schedule is not None else swap.schedule_key,
        "duty": duty_name(Duty(swap.duty)),
        "by": names.get(swap.asked_by, swap.asked_by),
        "of": names.get(swap.asked_of, swap.asked_of),
        "starts_at": swap.starts_at,
        "ends_at": swap.ends_at,
        "return_starts_at": swap.return_starts_at,
        "return_ends_at": swap.return_ends_at,
        "message": swap.message,
        "state": swap.state,
        "decided_by": names.get(swap.decided_by, swap.decided_by),
        "decided_at": swap.decided_at,
        "made_at": swap.made_at,
    }


def _effect(
    zone: ZoneInfo, given: Interval, back: Interval | None, asked: str
) -> dict[str, str]:
    return {
        "who": asked,
        "from": clock_text(given.starts_at, zone),
        "to": clock_text(given.ends_at, zone),
        "back_from": clock_text(back.starts_at, zone) if back else "",
        "back_to": clock_text(back.ends_at, zone) if back else "",
    }
