"""``/api/v1/``: who is on call, schedules, shifts, overrides, absences, people.

``GET /api/v1/oncall``            who holds what now, or ``?at=INSTANT``; ``schedule``
                                  and ``duty`` narrow it
``GET /api/v1/schedules``         the schedules of the plan in force
``GET /api/v1/schedules/KEY/shifts?from&to``   shifts as they will be, overrides and
                                  absences counted; four weeks, a year at most
``GET /api/v1/overrides``, ``/api/v1/absences``   those of the coming year, or
                                  ``?from&to``; POST makes one, DELETE …/NUMBER calls
                                  one off
``GET /api/v1/people``            the contacts; phone numbers in full for whoever may
                                  see them (S2.1-16)

Lists are answered in parts: ``limit`` (100, at most 500) and ``cursor``.
"""

from datetime import timedelta
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse

from watchbill.core.access import Permission
from watchbill.core.oncall import Duty
from watchbill.core.people import Contact
from watchbill.plan import Plan
from watchbill.server import clock
from watchbill.server.api.doors import (
    LONGEST,
    ProblemError,
    body_of,
    door,
    page,
    plan_now,
    read_duty,
    read_instant,
    stretch_in,
    text_in,
    window,
)
from watchbill.server.audit.showing import shows_people
from watchbill.server.oncall import actions, queries, shapes
from watchbill.server.oncall.models import Absence, Override
from watchbill.server.oncall.views.common import own_key
from watchbill.server.web.access import may
from watchbill.server.web.masking import mask

_T = TypeVar("_T")

_LOOK = {"GET": Permission.VIEW_ON_CALL}
_CHANGE = {**_LOOK, "POST": Permission.TRADE_SHIFTS}
_CALL_OFF = {"DELETE": Permission.TRADE_SHIFTS}


@door(_LOOK)
def oncall(request: HttpRequest) -> HttpResponseBase:
    """Answer who holds which duty at an instant, and why."""
    now = clock.now()
    at = read_instant(request.GET["at"], "at") if "at" in request.GET else now
    plan = plan_now(now)
    keys = _asked_schedules(request, plan)
    duty = read_duty(request.GET["duty"]) if "duty" in request.GET else None
    shifts = [
        shapes.shift(plan, queries.on_call(plan, key, one, at=at))
        for key in keys
        for one in plan.schedules[key].duties
        if duty in (None, one)
    ]
    return JsonResponse({"at": shapes.instant(at), "on_call": shifts})


@door(_LOOK)
def schedules(request: HttpRequest) -> HttpResponseBase:
    """List the schedules of the plan in force."""
    plan = plan_now(clock.now())
    rows = [shapes.schedule(plan, one) for one in plan.schedules.values()]
    return page(request, "schedules", rows)


@door(_LOOK)
def shifts(request: HttpRequest, key: str) -> HttpResponseBase:
    """List the shifts of a schedule, by duty and time."""
    now = clock.now()
    plan = plan_now(now)
    during = window(request, now=now, default=timedelta(weeks=4))
    duties = plan.schedules[_known_schedule(plan, key)].duties
    if "duty" in request.GET:
        duties = (read_duty(request.GET["duty"]),)
    found = queries.shifts(plan, key, during=during, duties=duties)
    return page(request, "shifts", [shapes.shift(plan, one) for one in found])


# ── Overrides ───────────────────────────────────────────────────────────────────


@door(_CHANGE)
def overrides(request: HttpRequest) -> HttpResponseBase:
    """List the overrides, or make one."""
    if request.method == "POST":
        return _make_override(request)
    now = clock.now()
    plan = plan_now(now)
    during = window(request, now=now, default=LONGEST)
    keys = _asked_schedules(request, plan)
    rows = [
        _override(plan, row)
        for key in keys
        for row in queries.override_rows(key, during)
    ]
    return page(request, "overrides", rows)


def _make_override(request: HttpRequest) -> JsonResponse:
    now, body = clock.now(), body_of(request)
    plan = plan_now(now)
    contact = text_in(body, "contact")
    _only_own_or_manager(request, contact)
    row = actions.override(
        _known_schedule(plan, text_in(body, "schedule")),
        read_duty(body.get("duty", Duty.PRIMARY)),
        contact,
        stretch_in(body),
        reason=text_in(body, "reason", default=""),
        by=str(request.user),
        now=now,
    )
    return JsonResponse(_override(plan, row), status=201)


@door(_CALL_OFF)
def override(request: HttpRequest, number: int) -> HttpResponseBase:
    """Call an override off."""
    row = _found(queries.override_row(number), f"override {number}")
    _only_own_or_manager(request, row.contact_key)
    is_own = queries.may_call_off(row, own_key(request))
    if not is_own and not may(request, Permission.MANAGE_SCHEDULE):
        message = "two agreed to this swap; swap back, or ask who manages schedules"
        raise ProblemError(403, message)
    actions.cancel_override(number, by=str(request.user), now=clock.now())
    return HttpResponse(status=204)


# ── Absences ────────────────────────────────────────────────────────────────────


@door(_CHANGE)
def absences(request: HttpRequest) -> HttpResponseBase:
    """List the absences, or note one."""
    if request.method == "POST":
        return _add_absence(request)
    now = clock.now()
    plan = plan_now(now)
    during = window(request, now=now, default=LONGEST)
    found = queries.absence_rows(request.GET.get("contact"), during)
    rows = [_absence(plan, row, request) for row in found]
    return page(request, "absences", rows)


def _add_absence(request: HttpRequest) -> JsonResponse:
    now, body = clock.now(), body_of(request)
    plan = plan_now(now)
    contact = text_in(body, "contact")
    _only_own_or_manager(request, contact)
    made = actions.add_absence(
        contact,
        stretch_in(body),
        kind=text_in(body, "kind", default="leave"),
        note=text_in(body, "note", default=""),
        by=str(request.user),
        now=now,
    )
    touched = [shapes.shift(plan, one.shift) for one in made.touched]
    shown = _absence(plan, made.absence, request) | {"touched": touched}
    return JsonResponse(shown, status=201)


@door(_CALL_OFF)
def absence(request: HttpRequest, number: int) -> HttpResponseBase:
    """Note that somebody is back."""
    row = _found(queries.absence(number), f"absence {number}")
    _only_own_or_manager(request, row.contact_key)
    actions.cancel_absence(number, by=str(request.user), now=clock.now())
    return HttpResponse(status=204)


# ── People ──────────────────────────────────────────────────────────────────────


@shows_people
@door(_LOOK)
def people(request: HttpRequest) -> HttpResponseBase:
    """List the contacts of the plan in force."""
    plan = plan_now(clock.now())
    in_full = may(request, Permission.VIEW_CONTACTS)
    rows = [_contact(one, in_full=in_full) for one in plan.directory.contacts]
    return page(request, "people", rows)


def _contact(one: Contact, *, in_full: bool) -> dict[str, Any]:
    def shown(address: str | None) -> str | None:
        return address if in_full or not address else mask(address)

    return {
        "key": one.key,
        "name": one.name,
        "title": one.title,
        "level": one.level,
        "roles": list(one.roles),
        "expertise": sorted(one.expertise),
        "languages": list(one.languages),
        "shift": one.shift,
        "email": shown(one.email),
        "phone": shown(one.phone),
    }


# ── Shared ──────────────────────────────────────────────────────────────────────


def _known_schedule(plan: Plan, key: str) -> str:
    if key not in plan.schedules:
        raise ProblemError(404, f"the plan has no schedule {key!r}")
    return key


def _asked_schedules(request: HttpRequest, plan: Plan) -> list[str]:
    """Return the one schedule that is asked for, or all of the plan."""
    wanted = request.GET.get("schedule")
    return [_known_schedule(plan, wanted)] if wanted else list(plan.schedules)


def _found(row: _T | None, named: str) -> _T:
    if row is None:
        raise ProblemError(404, f"there is no {named}")
    return row


def _only_own_or_manager(request: HttpRequest, contact: str) -> None:
    """Refuse to put somebody else in, but by who manages schedules."""
    is_own = bool(contact) and contact == own_key(request)
    if not is_own and not may(request, Permission.MANAGE_SCHEDULE):
        raise ProblemError(403, "only for yourself; who manages schedules may for all")


def _override(plan: Plan, row: Override) -> dict[str, Any]:
    return {
        "number": row.pk,
        "schedule": row.schedule_key,
        "duty": row.duty,
        "person": shapes.person(plan, row.contact_key),
        "starts_at": shapes.instant(row.starts_at),
        "ends_at": shapes.instant(row.ends_at),
        "reason": row.reason,
        "made_by": row.made_by,
        "made_at": shapes.instant(row.made_at),
        "swap": row.swap_id,
    }


def _absence(plan: Plan, row: Absence, request: HttpRequest) -> dict[str, Any]:
    """An absence; why somebody is away is for them and who manages schedules."""
    is_own = row.contact_key == own_key(request)
    may_know = is_own or may(request, Permission.MANAGE_SCHEDULE)
    return {
        "number": row.pk,
        "person": shapes.person(plan, row.contact_key),
        "starts_at": shapes.instant(row.starts_at),
        "ends_at": shapes.instant(row.ends_at),
        "kind": row.kind if may_know else None,
        "note": row.note if may_know else None,
        "made_at": shapes.instant(row.made_at),
    }
