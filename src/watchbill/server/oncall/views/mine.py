"""My shifts: what comes, being away, the calendar feed, and the hand-over."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
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
from watchbill.server.oncall import actions, board, queries, shifts
from watchbill.server.oncall.actions import OncallRefusedError
from watchbill.server.oncall.faces import face_of
from watchbill.server.oncall.forms import AbsenceForm
from watchbill.server.oncall.models import Handover
from watchbill.server.oncall.timeline import duty_name
from watchbill.server.oncall.views.common import (
    label_of,
    own_key,
    people_of,
    plan_at,
    sentence,
)
from watchbill.server.web.access import may, requires


@require_safe
@requires(Permission.TRADE_SHIFTS)
def mine(request: HttpRequest) -> HttpResponse:
    """Show the shifts of the user, and everything about them."""
    now = clock.now()
    plan, key = plan_at(now), own_key(request)
    contact = plan.directory.contact(key)
    if contact is None:
        return render(request, "oncall/mine.html", {"contact": None})
    ahead = Interval(starts_at=now, ends_at=now + shifts.AHEAD)
    found = board.watches(plan, during=board.around(now))
    context = {
        "contact": contact,
        "shifts": shifts.shifts_of(found, key, now=now),
        "absences": [
            shifts.absence_row(one, plan, now=now)
            for one in queries.absence_rows(key, ahead)
        ],
        "asked": len(queries.swaps_to(key, plan)),
        "feeds": queries.feeds_of(key),
        "schedules": list(plan.schedules.values()),
        "handovers": [
            {
                "schedule": watch.schedule.title,
                "duty": duty_name(shift.duty),
                "at": shift.during.ends_at,
                "to": face_of(watch.faces, then.holder).name,
                "url": reverse(
                    "incidents:handover", args=[watch.schedule.key, str(shift.duty)]
                ),
            }
            for watch, shift, then in shifts.handovers_due(found, key, now=now)
        ],
        "written": [
            _handover(plan, one, key) for one in queries.handovers_of(key)[:10]
        ],
    }
    return render(request, "oncall/mine.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.TRADE_SHIFTS)
def absence(request: HttpRequest) -> HttpResponse:
    """Say who is away and when: first who stands in, then make it so."""
    now = clock.now()
    plan = plan_at(now)
    people = _people(request, plan)
    data = request.POST if request.method == "POST" else None
    initial = {
        "contact": request.GET.get("contact", own_key(request)),
        "starts_at": request.GET.get("from", "")[:16],
        "ends_at": request.GET.get("to", "")[:16],
    }
    form = AbsenceForm(data, zone=plan.meta.zone, people=people, initial=initial)
    if request.method != "POST":
        return _absence_page(request, plan, form)
    if not form.is_valid():
        return _absence_page(request, plan, form, status=422)
    values = form.cleaned_data
    if request.POST.get("step") != "create":
        return _absence_page(request, plan, form, contact=values["contact"])
    try:
        made = actions.add_absence(
            values["contact"],
            form.during,
            kind=values["kind"],
            note=values["note"],
            by=str(request.user),
            now=now,
        )
    except OncallRefusedError as error:
        form.add_error(None, sentence(error))
        return _absence_page(request, plan, form, status=422)
    lost = sum(one.stand_in is None for one in made.touched)
    if lost:
        text = _("Noted. For %(n)s shifts nobody can stand in: put somebody on call.")
        messages.warning(request, text % {"n": lost})
    else:
        messages.success(request, _("Noted. Who stands in is told."))
    is_own = values["contact"] == own_key(request)
    if is_own:
        return redirect("oncall:mine")
    return redirect("oncall:person", values["contact"])


@require_POST
@requires(Permission.TRADE_SHIFTS)
def cancel_absence(request: HttpRequest, number: int) -> HttpResponse:
    """Note that somebody is back."""
    row = queries.absence(number)
    if row is None:
        message = f"there is no absence {number}"
        raise Http404(message)
    is_own = row.contact_key == own_key(request)
    if not is_own and not may(request, Permission.MANAGE_SCHEDULE):
        messages.error(request, _("Nothing was changed: it is not your absence."))
    elif actions.cancel_absence(number, by=str(request.user), now=clock.now()):
        messages.success(request, _("Called off. The shifts are as they were."))
    else:
        messages.warning(request, _("It was over already."))
    return redirect("oncall:mine" if is_own else "oncall:now")


@require_POST
@requires(Permission.TRADE_SHIFTS)
def accept_handover(request: HttpRequest, number: int) -> HttpResponse:
    """Say that one has read what whoever left has written."""
    try:
        done = actions.accept_handover(
            number, contact_key=own_key(request), now=clock.now()
        )
    except OncallRefusedError as error:
        messages.error(request, sentence(error))
    else:
        text = _("Accepted. You have the watch.") if done else _("It was already.")
        messages.success(request, text)
    return redirect("oncall:mine")


def _people(request: HttpRequest, plan: Plan) -> list[tuple[str, str]]:
    """Whose absence the user may note: their own, or everybody's."""
    if may(request, Permission.MANAGE_SCHEDULE):
        return people_of(plan)
    contact = plan.directory.contact(own_key(request))
    return [(contact.key, label_of(contact))] if contact is not None else []


def _handover(plan: Plan, row: Handover, own: str) -> dict[str, Any]:
    names = queries.names_of(plan)
    schedule = plan.schedules.get(row.schedule_key)
    return {
        "number": row.pk,
        "schedule": schedule.title if schedule else row.schedule_key,
        "duty": duty_name(Duty(row.duty)),
        "from": names.get(row.from_contact, row.from_contact),
        "to": names.get(row.to_contact, row.to_contact),
        "at": row.at,
        "summary": row.summary,
        "written_at": row.written_at,
        "accepted_at": row.accepted_at,
        "may_accept": row.to_contact == own
        and row.written_at is not None
        and row.accepted_at is None,
    }


def _absence_page(
    request: HttpRequest,
    plan: Plan,
    form: AbsenceForm,
    *,
    contact: str = "",
    status: int = 200,
) -> HttpResponse:
    context: dict[str, Any] = {"form": form, "zone": plan.meta.zone.key}
    if contact:
        context |= {
            "is_previewed": True,
            "touched": shifts.stand_ins(plan, contact, _ahead(form, clock.now())),
        }
    return render(request, "oncall/absence.html", context, status=status)


def _ahead(form: AbsenceForm, now: datetime) -> Interval:
    """What of an absence has not passed; all of it where everything has."""
    during = form.during
    if during.ends_at <= now:
        return during
    return Interval(starts_at=max(during.starts_at, now), ends_at=during.ends_at)
