"""The shifts of one person, as their own page and that of a person show them."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from watchbill.core.oncall import Shift
from watchbill.core.temporal import Interval
from watchbill.plan import Plan
from watchbill.server.oncall import queries
from watchbill.server.oncall.faces import face_of, faces
from watchbill.server.oncall.models import Absence
from watchbill.server.oncall.queries import Touched
from watchbill.server.oncall.timeline import (
    Watch,
    clock_text,
    duty_name,
    wall_text,
    why,
)

AHEAD, _ROOM = timedelta(days=56), timedelta(days=35)
HANDOVER_BEFORE, HANDOVER_AFTER = timedelta(hours=24), timedelta(hours=12)
"""When whoever leaves may write the hand-over: around the end of the shift."""


def shifts_of(
    found: Mapping[str, Watch], contact_key: str, *, now: datetime
) -> list[dict[str, Any]]:
    """Return the shifts that somebody has and will have, the next one first."""
    # Wider than what is listed, so that the first and the last have their real ends.
    during = Interval(starts_at=now - _ROOM, ends_at=now + AHEAD + _ROOM)
    rows = (
        _shift(watch, one, now=now)
        for watch in found.values()
        for one in watch.shifts(during)
        if one.holder == contact_key
        and one.during.ends_at > now
        and one.during.starts_at < now + AHEAD
    )
    return sorted(rows, key=lambda row: row["starts_at"])


def handovers_due(
    found: Mapping[str, Watch], contact_key: str, *, now: datetime
) -> Iterator[tuple[Watch, Shift, Shift]]:
    """Yield the shifts that somebody hands over about now, each with the next one."""
    during = Interval(
        starts_at=now - timedelta(days=9), ends_at=now + timedelta(days=9)
    )
    for watch in found.values():
        for duty in watch.duties:
            shifts = watch.shifts(during, [duty])
            for mine, then in pairwise(shifts):
                at = mine.during.ends_at
                is_about_now = at - HANDOVER_BEFORE <= now <= at + HANDOVER_AFTER
                is_mine = mine.holder == contact_key
                if is_mine and is_about_now and then.holder not in {None, contact_key}:
                    yield watch, mine, then


def absence_row(row: Absence, plan: Plan, *, now: datetime) -> dict[str, Any]:
    """Return an absence as a line of a list."""
    contact = plan.directory.contact(row.contact_key)
    return {
        "number": row.pk,
        "who": contact.label if contact is not None else row.contact_key,
        "kind": row.get_kind_display(),
        "note": row.note,
        "starts_at": row.starts_at,
        "ends_at": row.ends_at,
        "made_by": row.made_by,
        "is_now": row.starts_at <= now < row.ends_at,
    }


def stand_ins(plan: Plan, contact_key: str, during: Interval) -> list[dict[str, Any]]:
    """Return what an absence touches, and who would stand in."""
    return [_stand_in(plan, one) for one in queries.touched(plan, contact_key, during)]


def _shift(watch: Watch, shift: Shift, *, now: datetime) -> dict[str, Any]:
    zone = watch.schedule.zone
    asked = {
        "schedule": watch.schedule.key,
        "duty": str(shift.duty),
        "from": wall_text(max(shift.during.starts_at, _soon(now)), zone),
        "to": wall_text(shift.during.ends_at, zone),
    }
    day = shift.during.starts_at.astimezone(zone).date()
    calendar = reverse("oncall:schedule", args=[watch.schedule.key])
    return {
        "schedule": watch.schedule.title,
        "duty": duty_name(shift.duty),
        "starts_at": shift.during.starts_at,
        "ends_at": shift.during.ends_at,
        "is_now": now in shift.during,
        "why": why(shift, watch.faces),
        "url": f"{calendar}?day={day}",
        "swap_url": f"{reverse('oncall:swap_new')}?{urlencode(asked)}",
    }


def _soon(now: datetime) -> datetime:
    """Return a half hour before which there is time to ask: what began is refused."""
    later = now + timedelta(hours=1)
    return later.replace(minute=later.minute // 30 * 30, second=0, microsecond=0)


def _stand_in(plan: Plan, one: Touched) -> dict[str, Any]:
    schedule = plan.schedules[one.shift.schedule]
    found = faces(schedule, plan.directory)
    return {
        "schedule": schedule.title,
        "duty": duty_name(one.shift.duty),
        "from": clock_text(one.shift.during.starts_at, schedule.zone),
        "to": clock_text(one.shift.during.ends_at, schedule.zone),
        "who": face_of(found, one.stand_in).name if one.stand_in else "",
    }
