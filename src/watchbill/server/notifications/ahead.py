"""Readiness ahead: whether those who will hold the watch could be reached (S2.1-15).

Whom nobody can call at three in the morning should be known while there are days left
to change it. Everybody who holds a duty in the coming fourteen days has a row, the
doubtful ones first: which of their addresses are proven, which fail, when they last
answered a test page, and whether a duty hangs on them because there are too few.
"""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

from watchbill.core.coverage import bus_factors
from watchbill.core.oncall import Duty, Shift
from watchbill.core.paging import Provided
from watchbill.core.people import Contact
from watchbill.core.temporal import Interval
from watchbill.plan import Plan
from watchbill.server.notifications.telling import method_rows, tests_shown
from watchbill.server.oncall import queries as oncall
from watchbill.server.people import queries as people
from watchbill.server.people.queries import Book
from watchbill.server.web.masking import mask

AHEAD = timedelta(days=14)


def readiness_ahead(
    provided: tuple[Provided, ...], *, now: datetime, wall: datetime
) -> list[dict[str, Any]]:
    """Return everybody who is on call in the coming fourteen days, doubtful first."""
    plan = oncall.plan_now(now=now)
    if plan is None:
        return []
    book = people.book(wall=wall)
    held = _shifts(plan, now=now)
    alone = frozenset(
        person
        for one in bus_factors(plan.schedules.values(), plan.directory)
        if one.schedule is not None
        for person in one.people
    )
    rows = [
        _row(plan, contact, held[contact.key], book, provided, alone=alone, now=now)
        for contact in plan.directory.contacts
        if contact.key in held
    ]
    return sorted(rows, key=lambda row: (not row["doubts"], row["next_at"]))


def few_people(*, now: datetime) -> list[dict[str, Any]]:
    """Return the duties and specialties that fewer than two people can take."""
    plan = oncall.plan_now(now=now)
    if plan is None:
        return []
    names = oncall.names_of(plan)
    return [
        {
            "schedule": plan.schedules[one.schedule].title if one.schedule else "",
            "duty": one.duty.value if one.duty else "",
            "specialty": one.specialty or "",
            "number": one.number,
            "people": [names.get(key, key) for key in one.people],
        }
        for one in bus_factors(plan.schedules.values(), plan.directory)
    ]


def _shifts(plan: Plan, *, now: datetime) -> dict[str, list[Shift]]:
    during = Interval(starts_at=now, ends_at=now + AHEAD)
    found = defaultdict[str, list[Shift]](list)
    for key in plan.schedules:
        for shift in oncall.shifts(plan, key, during=during):
            if shift.holder is not None:
                found[shift.holder].append(shift)
    return found


def _row(
    plan: Plan,
    contact: Contact,
    shifts: list[Shift],
    book: Book,
    provided: tuple[Provided, ...],
    *,
    alone: frozenset[str],
    now: datetime,
) -> dict[str, Any]:
    methods = method_rows(contact, provided, wall=book.at)
    tests = tests_shown(contact.key, now=now)[:1]
    answering = [one for one in shifts if one.duty is not Duty.SHADOW]
    return {
        "key": contact.key,
        "name": contact.label,
        "title": contact.title,
        "next_at": min(one.during.starts_at for one in shifts),
        "shifts": [
            {
                "schedule": plan.schedules[one.schedule].title,
                "duty": one.duty.value,
                "starts_at": one.during.starts_at,
                "ends_at": one.during.ends_at,
            }
            for one in shifts
        ],
        "methods": [
            {**one, "address": mask(one["address"]), "raw": ""} for one in methods
        ],
        "failing": [one["trouble"] for one in methods if one["trouble"]],
        # A shadow need not be reached: nobody relies on them.
        "doubts": people.doubts(contact, book, provided) if answering else (),
        "test": tests[0] if tests else None,
        "is_alone": bool(answering) and contact.key in alone,
    }
