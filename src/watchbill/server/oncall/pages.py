"""What pages show of the watch: now, next, and the coming weeks."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from watchbill.core.oncall import Duty, Rotation, Shift, on_call, shift_at, shifts
from watchbill.core.people import Contact
from watchbill.core.temporal import Interval
from watchbill.plan import Cover, Plan, SupportLevel
from watchbill.server.plans import queries as plans
from watchbill.server.web.masking import mask

_WEEKS = timedelta(weeks=4)


def strip(*, now: datetime) -> list[dict[str, Any]]:
    """Return who holds the watch now, in one line a duty."""
    plan = plans.plan_of(plans.in_force(now=now).pk)
    return [
        {"duty": watch["duty"], "name": watch["name"], "until": watch["until"]}
        for rotation in plan.rotations.values()
        for watch in _watches(plan, rotation, at=now)
        if watch["duty"] != Duty.SHADOW.capitalize()
    ]


def rotations(plan: Plan, *, now: datetime) -> list[dict[str, Any]]:
    """Return each rotation with its duties now and next, and four weeks of it."""
    return [_rotation(plan, one, now=now) for one in plan.rotations.values()]


def levels(plan: Plan, *, now: datetime) -> list[dict[str, Any]]:
    """Return each level of support, whether it answers now, and who is in it."""
    return [
        {
            "title": f"{level.key} {level.title}",
            "cover": level.cover.value.replace("_", " "),
            "open_now": _is_open(plan, level, now=now),
            "contacts": [_contact(one) for one in plan.directory.at_level(level.key)],
        }
        for level in plan.levels
    ]


def _is_open(plan: Plan, level: SupportLevel, *, now: datetime) -> bool:
    by_hours = level.cover is Cover.BUSINESS_HOURS
    return plan.business_hours.contains(now) if by_hours else True


def _contact(contact: Contact) -> dict[str, Any]:
    return {
        "name": contact.label,
        "role": contact.title,
        "detail": contact.shift or ", ".join(sorted(contact.expertise)),
        "phone_masked": mask(contact.phone) if contact.phone else "",
    }


def _rotation(plan: Plan, rotation: Rotation, *, now: datetime) -> dict[str, Any]:
    current = shift_at(rotation, at=now)
    begins = current.during.starts_at
    span = Interval(starts_at=begins, ends_at=begins + _WEEKS)
    weeks = list(shifts(rotation, during=span))
    return {
        "name": rotation.title,
        "handover_at": current.during.ends_at,
        "current": _watches(plan, rotation, at=now),
        "next": _watches(plan, rotation, at=current.during.ends_at),
        "weeks": [_week(plan, one, now=now) for one in weeks],
        "bars": list(_bars(plan, weeks, now=now)),
        "ticks": [
            {
                "x": 100 * number / len(weeks),
                "label": f"{one.during.starts_at.astimezone(rotation.zone):%-d %b}",
            }
            for number, one in enumerate(weeks)
        ],
        "now_x": 100 * ((now - begins) / (weeks[-1].during.ends_at - begins)),
    }


def _watches(plan: Plan, rotation: Rotation, *, at: datetime) -> list[dict[str, Any]]:
    until = shift_at(rotation, at=at).during.ends_at
    watches = []
    for duty in Duty:
        key = on_call(rotation, duty, at=at)
        contact = plan.directory.contact(key) if key is not None else None
        if contact is not None:
            watches.append(
                {
                    "duty": duty.capitalize(),
                    "name": contact.label,
                    "role": contact.title,
                    "phone_masked": mask(contact.phone) if contact.phone else "",
                    "until": until,
                    "placeholder": contact.is_placeholder,
                }
            )
    return watches


def _week(plan: Plan, shift: Shift, *, now: datetime) -> dict[str, Any]:
    return {
        "starts_at": shift.during.starts_at,
        "ends_at": shift.during.ends_at,
        "is_current": now in shift.during,
    } | {str(duty): _label(plan, shift.holder(duty)) for duty in Duty}


def _bars(plan: Plan, weeks: list[Shift], *, now: datetime) -> Iterator[dict[str, Any]]:
    width = 100 / len(weeks)
    for row, duty in enumerate(Duty):
        for number, shift in enumerate(weeks):
            if (key := shift.holder(duty)) is not None:
                yield {
                    "x": number * width,
                    "width": width,
                    "row": row,
                    "label": _label(plan, key),
                    "current": now in shift.during,
                }


def _label(plan: Plan, key: str | None) -> str:
    contact = plan.directory.contact(key) if key is not None else None
    return contact.label if contact is not None else ""
