"""The editor of a schedule: it amends the plan, after a look at the next eight shifts.

A schedule of layers is edited a layer at a time, the lowest one here; what has a
rotation of its own beside the primary is left as the plan says.
"""

from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from watchbill.core.access import Permission
from watchbill.core.oncall import Duty, Schedule, resolve
from watchbill.core.temporal import Interval
from watchbill.plan import Plan
from watchbill.plan.edit import value_at
from watchbill.plan.writing import Value
from watchbill.server import clock
from watchbill.server.oncall import amending
from watchbill.server.oncall.amending import AmendingRefusedError
from watchbill.server.oncall.amending_forms import (
    KEEP,
    ScheduleForm,
    initial_of,
    written_of,
)
from watchbill.server.oncall.faces import face_of, faces
from watchbill.server.oncall.views.common import (
    people_of,
    plan_at,
    schedule_or_404,
)
from watchbill.server.oncall.views.person_edit import user_of
from watchbill.server.web.access import requires

NEXT_SHIFTS = 8
_AHEAD = timedelta(days=400)
_DIGITS = 4

_OF_LAYER = frozenset({"members", "hours"})
_OF_RHYTHM = frozenset({"every", "first_day", "handover"})


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.MANAGE_PEOPLE)
def schedule_edit(request: HttpRequest, key: str) -> HttpResponse:
    """Change who takes turns in a schedule, and when they hand over."""
    now = clock.now()
    plan = plan_at(now)
    schedule = schedule_or_404(plan, key)
    version = amending.base(now=now)
    text = version.text
    hours = value_at(text, ("on_call", key, "hours"))
    before = written_of(schedule) | {"hours": hours if isinstance(hours, str) else ""}
    form = ScheduleForm(
        request.POST if request.method == "POST" else None,
        people=people_of(plan, schedule),
        shifts=plan.shifts,
        initial=initial_of(schedule) | {"hours": before["hours"]},
    )
    context: dict[str, Any] = {
        "form": form,
        "based_on": version.pk,
        "schedule": schedule,
        "people": people_of(plan, schedule),
        "layers": [one.key for one in schedule.layers],
        "shifts": _next(plan, schedule, now=now),
    }
    is_move = request.POST.get("step", "").startswith(("up-", "down-", "out-", "more"))
    if request.method != "POST":
        return render(request, "oncall/schedule_edit.html", context)
    if is_move:
        form.members = _moved(form.members, request.POST["step"])
        context["form"] = form
        return render(request, "oncall/schedule_edit.html", context)
    if not form.is_valid():
        return render(request, "oncall/schedule_edit.html", context, status=422)
    changes = amending.changed(before, form.written)
    changes = {name: value for name, value in changes.items() if value != KEEP}
    if not changes:
        messages.warning(request, _("Nothing was changed."))
        return redirect("oncall:schedule", key)
    context["changes"] = amending.listed(before, changes)
    try:
        return _previewed_or_saved(request, _edits(text, schedule, changes), context)
    except AmendingRefusedError as error:
        context["reasons"] = error.reasons
        return render(request, "oncall/schedule_edit.html", context, status=422)


def _previewed_or_saved(
    request: HttpRequest, edits: amending.Edits, context: dict[str, Any]
) -> HttpResponse:
    """Show the next shifts as they would be, or put the edits in force."""
    now, key = clock.now(), context["schedule"].key
    based_on = request.POST.get("based_on", "")
    draft = amending.draft(edits, based_on=based_on, now=now)
    edited = draft.loaded.plan
    if edited is not None:
        context["shifts"] = _next(edited, edited.schedules[key], now=now)
    if request.POST.get("step") != "save":
        context["is_previewed"] = True
        return render(request, "oncall/schedule_edit.html", context)
    reason = context["form"].cleaned_data["reason"]
    version = amending.amend(draft, by=user_of(request), reason=reason, now=now)
    said = _("Saved: plan %(version)s is in force.")
    messages.success(request, said % {"version": version.label})
    return redirect("oncall:schedule", key)


def _edits(
    text: str, schedule: Schedule, changes: dict[str, Value | None]
) -> dict[tuple[str, ...], Value | None]:
    """Return where in the plan each change belongs."""
    here: tuple[str, ...] = ("on_call", schedule.key)
    is_short = value_at(text, (*here, "members")) is not None
    layer = here if is_short else (*here, "layers", schedule.layers[0].key)
    edits = {}
    for name, value in changes.items():
        place = layer if name in _OF_LAYER else here
        if name in _OF_RHYTHM:
            place = (
                layer if value_at(text, (*layer, _written(text, layer, name))) else here
            )
        edits[(*place, _written(text, place, name))] = value
    return edits


def _written(text: str, place: tuple[str, ...], name: str) -> str:
    """Return the word by which the plan says it: first_week is first_day as well."""
    if name == "first_day" and value_at(text, (*place, "first_week")) is not None:
        return "first_week"
    return name


def _moved(members: list[str], step: str) -> list[str]:
    """Return the members with one of them moved up, down or out."""
    what, _dash, number = step.partition("-")
    is_number = number.isascii() and number.isdigit() and len(number) < _DIGITS
    at = int(number) - 1 if is_number else -1
    if not 0 <= at < len(members):
        return members
    found = list(members)
    one = found.pop(at)
    if what == "out":
        return found
    found.insert(max(0, at - 1) if what == "up" else at + 1, one)
    return found


def _next(plan: Plan, schedule: Schedule, *, now: datetime) -> list[dict[str, Any]]:
    """Return the next shifts of the primary, as the plan alone says."""
    during = Interval(starts_at=now, ends_at=now + _AHEAD)
    found = faces(schedule, plan.directory)
    shifts = resolve(schedule, during=during, duties=(Duty.PRIMARY,))
    return [
        {
            "face": face_of(found, one.holder),
            "starts_at": one.during.starts_at,
            "ends_at": one.during.ends_at,
        }
        for one in shifts[:NEXT_SHIFTS]
    ]
