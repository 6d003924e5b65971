"""The calendar of one schedule: a week, two weeks or a month, drawn on the server."""

from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import dateformat
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from watchbill.core.access import Permission
from watchbill.core.oncall import Duty, Schedule
from watchbill.core.temporal import Interval
from watchbill.plan import Plan
from watchbill.server import clock
from watchbill.server.oncall import board, queries, timeline
from watchbill.server.oncall.faces import face_of
from watchbill.server.oncall.forms import OverrideForm
from watchbill.server.oncall.frames import Frame, View, frame, handover_day
from watchbill.server.oncall.models import Override
from watchbill.server.oncall.timeline import Watch, duty_name
from watchbill.server.oncall.views.common import (
    amended,
    own_key,
    people_of,
    plan_at,
    schedule_or_404,
)
from watchbill.server.web.access import may, requires

_STEPS = {
    View.WEEK: 60,
    View.FORTNIGHT: 120,
    View.FOUR_WEEKS: 360,
    View.MONTH: 360,
}
"""Minutes to which a drag snaps, in each view."""

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@require_safe
@requires(Permission.VIEW_ON_CALL)
def schedule(request: HttpRequest, key: str) -> HttpResponse:
    """Show the calendar of a schedule."""
    now = clock.now()
    plan = plan_at(now)
    found = schedule_or_404(plan, key)
    zone = _zone(request.GET.get("zone", "")) or found.zone
    shown = frame(
        request.GET.get("view", ""),
        request.GET.get("day", ""),
        request.GET.get("first", ""),
        schedule=found,
        zone=zone,
        now=now,
    )
    watch = board.watches(plan, during=shown.around)[key]
    may_change = may(request, Permission.TRADE_SHIFTS)
    context = {
        "schedule": found,
        "others": [one for one in plan.schedules.values() if one.key != key],
        "frame": _frame(shown, found),
        "strips": timeline.strips(
            watch, shown, now=now, with_layers=shown.view is not View.MONTH
        ),
        "legend": _legend(watch, shown),
        "overrides": _overrides(watch, key, shown.during),
        "made": _made(watch, request, found),
        "may_change": may_change,
        "only_looks": not may_change,
        "amended": amended(request),
        "may_manage": may(request, Permission.MANAGE_PEOPLE),
        "form": _form(plan, watch, own_key(request)) if may_change else None,
        "head_height": timeline.HEAD,
        "lane_height": timeline.LANE,
    }
    return render(request, "oncall/schedule.html", context)


def _frame(shown: Frame, found: Schedule) -> dict[str, Any]:
    last = shown.rows
    *_others, (first, length) = last
    end = first.fromordinal(first.toordinal() + length - 1)
    title = (
        dateformat.format(shown.day, "F Y")
        if shown.view is View.MONTH
        else "{} – {}".format(
            dateformat.format(shown.first, "j M"), dateformat.format(end, "j M Y")
        )
    )
    return {
        "view": shown.view.value,
        "views": [
            (View.WEEK.value, _("Week")),
            (View.FORTNIGHT.value, _("2 weeks")),
            (View.MONTH.value, _("Month")),
        ],
        "title": title,
        "day": shown.day.isoformat(),
        "previous": shown.previous.isoformat(),
        "next": shown.next.isoformat(),
        "zone": shown.zone.key,
        "is_own_zone": shown.zone.key != found.zone.key,
        "begins_on": shown.begins_on,
        "weekdays": list(enumerate(_WEEKDAYS)),
        "handover_day": handover_day(found),
        "step": _STEPS[shown.view],
    }


def _legend(watch: Watch, shown: Frame) -> list[dict[str, Any]]:
    """Who holds anything in the frame, in the order of the schedule."""
    holders = {one.holder for one in watch.shifts(shown.during) if one.holder}
    return [{"face": face} for key, face in watch.faces.items() if key in holders]


def _overrides(watch: Watch, key: str, during: Interval) -> list[dict[str, Any]]:
    return [_override(watch, one) for one in queries.override_rows(key, during)]


def _override(watch: Watch, row: Override) -> dict[str, Any]:
    return {
        "number": row.pk,
        "face": face_of(watch.faces, row.contact_key),
        "duty": duty_name(Duty(row.duty)),
        "starts_at": row.starts_at,
        "ends_at": row.ends_at,
        "reason": row.reason,
        "made_by": row.made_by,
        "is_swap": row.swap_id is not None,
        "cancelled_at": row.cancelled_at,
        "cancelled_by": row.cancelled_by,
    }


def _made(watch: Watch, request: HttpRequest, found: Schedule) -> dict[str, Any] | None:
    """The override that was made just now, to be undone at once."""
    text = request.GET.get("made", "")
    if not (text.isascii() and text.isdigit() and len(text) < 12):
        return None
    row = queries.override_row(int(text))
    if row is None or row.schedule_key != found.key or row.cancelled_at is not None:
        return None
    return _override(watch, row)


def _form(plan: Plan, watch: Watch, contact_key: str) -> OverrideForm:
    return OverrideForm(
        zone=watch.schedule.zone,
        people=people_of(plan, watch.schedule),
        duties=watch.duties,
        initial={"contact": contact_key},
    )


def _zone(text: str) -> ZoneInfo | None:
    if not text or len(text) > 64:
        return None
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
