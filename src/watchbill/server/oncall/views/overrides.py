"""Putting somebody else on call for a while: preview, make, undo.

Whoever takes part in the watch may take a stretch over and call that off again. To put
somebody else in is for who manages schedules; between two people, a swap is asked for
and accepted.
"""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from watchbill.core.access import Permission
from watchbill.core.oncall import Duty, Schedule
from watchbill.core.temporal import Interval
from watchbill.plan import Plan
from watchbill.server import clock
from watchbill.server.oncall import actions, board, queries
from watchbill.server.oncall.actions import OncallRefusedError
from watchbill.server.oncall.faces import face_of
from watchbill.server.oncall.forms import OverrideForm
from watchbill.server.oncall.timeline import Watch, clock_text, duty_name
from watchbill.server.oncall.views.common import (
    own_key,
    people_of,
    plan_at,
    schedule_or_404,
    sentence,
)
from watchbill.server.web.access import may, requires

_MOST = 12
"""Stretches that a preview lists; the rest is counted."""


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.TRADE_SHIFTS)
def override(request: HttpRequest, key: str) -> HttpResponse:
    """Ask who takes which stretch, show what that changes, then do it."""
    now = clock.now()
    plan = plan_at(now)
    schedule = schedule_or_404(plan, key)
    if request.method != "POST":
        form = _form(request, plan, schedule)
        return _page(request, schedule, form)
    form = _form(request, plan, schedule)
    if not form.is_valid():
        return _page(request, schedule, form, status=422)
    values, during = form.cleaned_data, form.during
    watch = board.watches(plan, during=during)[key]
    effect = _effect(watch, Duty(values["duty"]), values["contact"], during)
    refusal = _refusal(request, values["contact"])
    if refusal:
        form.add_error(None, refusal)
        return _page(request, schedule, form, effect=effect, status=422)
    if request.POST.get("step") != "create":
        return _page(request, schedule, form, effect=effect)
    try:
        made = actions.override(
            key,
            Duty(values["duty"]),
            values["contact"],
            during,
            reason=values["reason"],
            by=str(request.user),
            now=now,
        )
    except OncallRefusedError as error:
        form.add_error(None, sentence(error))
        return _page(request, schedule, form, effect=effect, status=422)
    day = during.starts_at.astimezone(schedule.zone).date()
    view = request.POST.get("view", "")
    view = view if view.isascii() and view.isalpha() else "week"
    address = reverse("oncall:schedule", args=[key])
    return redirect(f"{address}?day={day}&view={view}&made={made.pk}")


@require_POST
@requires(Permission.TRADE_SHIFTS)
def cancel_override(request: HttpRequest, number: int) -> HttpResponse:
    """Call an override off; who it put in may, and who manages schedules."""
    row = queries.override_row(number)
    if row is None:
        message = f"there is no override {number}"
        raise Http404(message)
    address = reverse("oncall:schedule", args=[row.schedule_key])
    is_own = queries.may_call_off(row, own_key(request))
    if not is_own and not may(request, Permission.MANAGE_SCHEDULE):
        text = _(
            "Nothing was changed: it is not yours alone. Swap back, or ask somebody"
            " who manages schedules."
        )
        messages.error(request, text)
    elif actions.cancel_override(number, by=str(request.user), now=clock.now()):
        messages.success(request, _("Undone. The schedule is as it was before."))
    else:
        messages.warning(request, _("It was called off already."))
    plan = plan_at(clock.now())
    if row.schedule_key not in plan.schedules:
        return redirect("oncall:now")
    zone = plan.schedules[row.schedule_key].zone
    return redirect(f"{address}?day={row.starts_at.astimezone(zone).date()}")


def _form(request: HttpRequest, plan: Plan, schedule: Schedule) -> OverrideForm:
    watch = Watch(schedule=schedule, overrides=(), absences=(), faces={})
    initial = {
        "contact": request.GET.get("contact", own_key(request)),
        "duty": request.GET.get("duty", Duty.PRIMARY.value),
        "starts_at": request.GET.get("from", "")[:16],
        "ends_at": request.GET.get("to", "")[:16],
    }
    return OverrideForm(
        request.POST if request.method == "POST" else None,
        zone=schedule.zone,
        people=people_of(plan, schedule),
        duties=watch.duties,
        initial=initial,
    )


def _refusal(request: HttpRequest, contact: str) -> str:
    """Why this user may not put this person in; empty when they may."""
    if may(request, Permission.MANAGE_SCHEDULE) or contact == own_key(request):
        return ""
    return _(
        "You can take a shift over yourself. To give one to somebody else, ask them for"
        " a swap on “My shifts”, or ask somebody who manages schedules."
    )


def _effect(watch: Watch, duty: Duty, contact: str, during: Interval) -> dict[str, Any]:
    """What an override would change: who is replaced, and when."""
    zone = watch.schedule.zone
    held = watch.shifts(during, [duty])
    rows = [
        {
            "who": face_of(watch.faces, one.holder),
            "from": clock_text(max(one.during.starts_at, during.starts_at), zone),
            "to": clock_text(min(one.during.ends_at, during.ends_at), zone),
            "is_same": one.holder == contact,
        }
        for one in held
    ]
    others = (one.holder for one in held if one.holder != contact)
    replaced = [face_of(watch.faces, one).name for one in dict.fromkeys(others)]
    return {
        "who": face_of(watch.faces, contact),
        "duty": duty_name(duty),
        "from": clock_text(during.starts_at, zone),
        "to": clock_text(during.ends_at, zone),
        "instead": ", ".join(replaced),
        "rows": rows[:_MOST],
        "more": max(0, len(rows) - _MOST),
        "is_nothing": not replaced,
        "doubles": _doubles(watch, duty, contact, during),
    }


def _doubles(
    watch: Watch, duty: Duty, contact: str, during: Interval
) -> list[dict[str, str]]:
    """Which other duties the person holds meanwhile: one of them falls away."""
    zone = watch.schedule.zone
    return [
        {
            "duty": duty_name(one.duty),
            "from": clock_text(max(one.during.starts_at, during.starts_at), zone),
            "to": clock_text(min(one.during.ends_at, during.ends_at), zone),
        }
        for one in watch.shifts(during)
        if one.holder == contact and one.duty is not duty
    ]


def _page(
    request: HttpRequest,
    schedule: Schedule,
    form: OverrideForm,
    *,
    effect: dict[str, Any] | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {
        "schedule": schedule,
        "form": form,
        "effect": effect,
        "view": request.POST.get("view", "week"),
    }
    return render(request, "oncall/override.html", context, status=status)
