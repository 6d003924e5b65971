"""The editor of a schedule, new or as it is: it amends the plan.

Whatever is done is looked at first: the difference in the plan's text, and the coming
four weeks as the one resolver says them, with overrides and absences as they stand.
Saving then takes effect at once, because a schedule is a particular; what was saved
can be undone on the page that follows.
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from hashlib import sha256
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from watchbill.core.access import Permission
from watchbill.core.oncall import Duty, Schedule
from watchbill.core.temporal import Interval
from watchbill.plan import Plan
from watchbill.server import clock
from watchbill.server.oncall import amending, board, rota, timeline
from watchbill.server.oncall.amending import AmendingRefusedError, Draft
from watchbill.server.oncall.faces import face_of
from watchbill.server.oncall.frames import Frame, View
from watchbill.server.oncall.rota import Turns, Wanted
from watchbill.server.oncall.schedule_forms import Choices, Sheet, zones
from watchbill.server.oncall.views.common import (
    people_of,
    plan_at,
    schedule_or_404,
)
from watchbill.server.oncall.views.person_edit import user_of
from watchbill.server.plans import diffs, drafts
from watchbill.server.plans.models import PlanVersion
from watchbill.server.web.access import requires

NEXT_SHIFTS = 8
_AHEAD = timedelta(days=400)
_JUDGED = frozenset({"preview", "save"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Desk:
    """What an editor of a schedule begins with."""

    request: HttpRequest
    version: PlanVersion
    plan: Plan
    now: datetime
    #: None for a schedule that is new.
    schedule: Schedule | None
    before: Wanted | None
    choices: Choices

    def answer(self, sheet: Sheet, status: int = 200, **context: Any) -> HttpResponse:
        """Show the form."""
        shown = context.pop("preview", None)
        began = self.request.POST.get("based_on")
        # What was filled in began with a version, and says so until somebody has been
        # told that there is a later one.
        is_told = began is None or bool(context.get("reasons"))
        if shown is None and self.schedule is not None:
            shown = _preview(self.plan, self.schedule, now=self.now)
        around = {
            "sheet": sheet,
            "form": sheet.form,
            "layers": _cards(sheet),
            "based_on": self.version.pk if is_told else began,
            "schedule": self.schedule,
            "people": sheet.choices.people.items(),
            "zones": zones(),
            "head_height": timeline.HEAD,
            "lane_height": timeline.LANE,
            "back": reverse("oncall:now")
            if self.schedule is None
            else reverse("oncall:schedule", args=[self.schedule.key]),
        }
        page = around | (shown or {}) | context
        return render(self.request, "oncall/schedule_edit.html", page, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.MANAGE_PEOPLE)
def schedule_edit(request: HttpRequest, key: str) -> HttpResponse:
    """Change who takes turns in a schedule, in which layers, and when."""
    now = clock.now()
    schedule = schedule_or_404(plan_at(now), key)
    return _edit(request, schedule, now=now)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.MANAGE_PEOPLE)
def schedule_new(request: HttpRequest) -> HttpResponse:
    """Make a schedule."""
    return _edit(request, None, now=clock.now())


def _edit(
    request: HttpRequest, schedule: Schedule | None, *, now: datetime
) -> HttpResponse:
    desk = _desk(request, schedule, now=now)
    if request.method != "POST":
        begin = desk.before or _fresh(desk.plan, now=now)
        return desk.answer(Sheet.of(begin, desk.choices))
    step = request.POST.get("step", "")
    sheet = Sheet.sent(request.POST, desk.choices, is_judged=step in _JUDGED)
    if step not in _JUDGED:
        sheet.press(step, today=now.astimezone(desk.plan.meta.zone).date())
        return desk.answer(sheet)
    if not sheet.is_valid():
        return desk.answer(sheet, 422, has_errors=True)
    try:
        return _preview_or_save(desk, sheet, is_saved=step == "save")
    except AmendingRefusedError as error:
        return desk.answer(sheet, 422, reasons=error.reasons)


def _desk(request: HttpRequest, schedule: Schedule | None, *, now: datetime) -> _Desk:
    plan, version = plan_at(now), amending.base(now=now)
    return _Desk(
        request=request,
        version=version,
        plan=plan,
        now=now,
        schedule=schedule,
        before=None if schedule is None else rota.shown(schedule, version.text),
        choices=Choices(
            people=dict(people_of(plan, schedule)),
            shifts=tuple(plan.shifts),
            specialties=sorted(plan.directory.specialties),
            taken=tuple(plan.schedules) if schedule is None else None,
        ),
    )


def _fresh(plan: Plan, *, now: datetime) -> Wanted:
    """A schedule to begin with: a week each, from the coming Monday on."""
    zone = plan.meta.zone
    today = now.astimezone(zone).date()
    monday = today + timedelta(days=-today.weekday() % 7)
    layer = Turns(key="main", members=(), first_day=monday, handover=time(10))
    return Wanted(title="", zone=zone.key, layers=(layer,))


def _preview_or_save(desk: _Desk, sheet: Sheet, *, is_saved: bool) -> HttpResponse:
    wanted = sheet.wanted
    key = desk.schedule.key if desk.schedule else sheet.form.cleaned_data["key"]
    steps = rota.steps(desk.version.text, key, wanted, desk.before)
    based_on = desk.request.POST.get("based_on", "")
    draft = amending.draft(steps, based_on=based_on, now=desk.now)
    if draft.text == desk.version.text:
        messages.warning(desk.request, _("Nothing was changed."))
        return redirect("oncall:schedule", key)
    # Nothing is saved that nobody has seen: not what was changed after the preview.
    seen = sha256(draft.text.encode()).hexdigest()
    if not is_saved or desk.request.POST.get("seen", seen) != seen:
        return desk.answer(sheet, seen=seen, **_judged(desk, draft, key))
    reason = sheet.form.cleaned_data["reason"]
    version = amending.amend(
        draft, by=user_of(desk.request), reason=reason, now=desk.now
    )
    return redirect(f"{reverse('oncall:schedule', args=[key])}?amended={version.pk}")


def _judged(desk: _Desk, draft: Draft, key: str) -> dict[str, Any]:
    """What the page says of a draft: the text, the shifts, and what the check finds."""
    plan = draft.loaded.plan
    if plan is None:
        message = "a draft passes every check"
        raise ValueError(message)
    old = {(one.code, one.message) for one in drafts.check(desk.version.text).findings}
    return {
        "is_previewed": True,
        "rows": diffs.compare(desk.version.text, draft.text),
        "preview": _preview(plan, plan.schedules[key], now=desk.now),
        "warnings": [
            one for one in draft.loaded.findings if (one.code, one.message) not in old
        ],
    }


def _preview(plan: Plan, schedule: Schedule, *, now: datetime) -> dict[str, Any]:
    """The coming four weeks: drawn as the calendar does, and the next shifts in words.

    With the overrides and absences that stand; the same resolver pages people.
    """
    zone = schedule.zone
    frame = Frame(
        view=View.FOUR_WEEKS,
        day=now.astimezone(zone).date(),
        begins_on=now.astimezone(zone).date().weekday(),
        zone=zone,
    )
    ahead = Interval(starts_at=now, ends_at=now + _AHEAD)
    watch = board.watches(plan, during=ahead)[schedule.key]
    is_layered = len(schedule.layers) > 1
    return {
        "strips": timeline.strips(watch, frame, now=now, with_layers=is_layered),
        "shifts": [
            {
                "face": face_of(watch.faces, one.holder),
                "starts_at": one.during.starts_at,
                "ends_at": one.during.ends_at,
            }
            for one in watch.shifts(ahead, (Duty.PRIMARY,))[:NEXT_SHIFTS]
        ],
    }


def _cards(sheet: Sheet) -> list[dict[str, Any]]:
    last = len(sheet.layers)
    return [
        {
            "number": number,
            "form": form,
            "is_first": place == 1,
            "is_last": place == last,
            "is_only": last == 1,
        }
        for place, (number, form) in enumerate(sheet.layers.items(), 1)
    ]
