"""The page "who is on call": now and next by schedule and duty, and what is wrong."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from watchbill.core.coverage import DoubleDuty, double_duties, gaps
from watchbill.core.oncall import Duty, Schedule, Shift
from watchbill.core.people import Contact
from watchbill.core.temporal import Interval
from watchbill.plan import Cover, Plan, SupportLevel
from watchbill.server.oncall import queries
from watchbill.server.oncall.faces import face_of, faces
from watchbill.server.oncall.timeline import Watch, duty_name, why
from watchbill.server.web.masking import mask

AHEAD = timedelta(days=14)
_BACK, _FAR = timedelta(days=35), timedelta(days=95)
"""How far the shift of now may reach back, and the next one is looked for."""


def watches(plan: Plan, *, during: Interval) -> dict[str, Watch]:
    """Return every schedule with all that decides about it over a stretch."""
    overrides = queries.overrides_during(list(plan.schedules), during)
    absences = queries.absences_during(during)
    return {
        key: Watch(
            schedule=schedule,
            overrides=overrides,
            absences=absences,
            faces=faces(schedule, plan.directory),
            holidays=plan.business_hours.closed_on,
        )
        for key, schedule in plan.schedules.items()
    }


def around(now: datetime) -> Interval:
    """Return the stretch in which the shifts of now and of later are looked for."""
    return Interval(starts_at=now - _BACK, ends_at=now + _FAR)


def schedules(
    plan: Plan, found: Mapping[str, Watch], *, now: datetime, full: bool
) -> list[dict[str, Any]]:
    """Return each schedule with its duties now and next; ``full`` shows phones."""
    return [_schedule(plan, one, now=now, full=full) for one in found.values()]


def levels(plan: Plan, *, now: datetime, full: bool) -> list[dict[str, Any]]:
    """Return each level of support, whether it answers now, and who is in it."""
    return [
        {
            "key": level.key,
            "title": f"{level.key} {level.title}",
            "cover": level.cover.value.replace("_", " "),
            "open_now": _is_open(plan, level, now=now),
            "contacts": [
                person(one, full=full) for one in plan.directory.at_level(level.key)
            ],
        }
        for level in plan.levels
    ]


def person(contact: Contact, *, full: bool) -> dict[str, Any]:
    """Return a contact as lists show one; ``full`` shows the phone (S2.1-16)."""
    phone = contact.phone or ""
    return {
        "key": contact.key,
        "name": contact.label,
        "role": contact.title if contact.title != contact.label else "",
        "detail": contact.shift or ", ".join(sorted(contact.expertise)),
        "phone": phone if full else mask(phone),
        "phone_url": f"tel:{phone}" if full and phone else "",
        "is_placeholder": contact.is_placeholder,
        "url": reverse("oncall:person", args=[contact.key]),
    }


def warnings(
    plan: Plan, found: Mapping[str, Watch], *, now: datetime
) -> list[dict[str, Any]]:
    """Return what is wrong with the coming fourteen days, in order (S4.4-08)."""
    during = Interval(starts_at=now, ends_at=now + AHEAD)
    everything = [one.schedule for one in found.values()]
    known = next(iter(found.values()), None)
    if known is None:
        return []
    open_stretches = gaps(
        everything, during=during, overrides=known.overrides, absences=known.absences
    )
    doubles = double_duties(
        everything, during=during, overrides=known.overrides, absences=known.absences
    )
    rows = [
        *(_gap(plan, one) for one in open_stretches),
        *(_double(plan, one) for one in doubles),
    ]
    return sorted(rows, key=lambda one: one["starts_at"])


def _schedule(plan: Plan, watch: Watch, *, now: datetime, full: bool) -> dict[str, Any]:
    schedule = watch.schedule
    shifts = watch.shifts(around(now))
    return {
        "key": schedule.key,
        "name": schedule.title,
        "specialty": schedule.specialty or "",
        "zone": schedule.zone.key,
        "url": reverse("oncall:schedule", args=[schedule.key]),
        "duties": [
            row
            for duty in watch.duties
            if (row := _duty(plan, watch, duty, shifts, now=now, full=full))
        ],
    }


def _duty(
    plan: Plan,
    watch: Watch,
    duty: Duty,
    shifts: tuple[Shift, ...],
    *,
    now: datetime,
    full: bool,
) -> dict[str, Any]:
    mine = [one for one in shifts if one.duty is duty]
    here = next((one for one in mine if now in one.during), None)
    then = next((one for one in mine if one.during.starts_at > now), None)
    return {
        "key": str(duty),
        "name": duty_name(duty),
        "is_primary": duty is Duty.PRIMARY,
        "now": _holding(plan, watch, here, full=full) if here else None,
        "next": _holding(plan, watch, then, full=False) if then else None,
    }


def _holding(plan: Plan, watch: Watch, shift: Shift, *, full: bool) -> dict[str, Any]:
    contact = plan.directory.contact(shift.holder) if shift.holder else None
    face = face_of(watch.faces, shift.holder)
    span = shift.during.ends_at - shift.during.starts_at
    return {
        "face": face,
        "person": person(contact, full=full) if contact is not None else None,
        "starts_at": shift.during.starts_at,
        # A shift that outlasts what was looked at has no end to show.
        "ends_at": shift.during.ends_at if span < _FAR else None,
        "why": why(shift, watch.faces),
        "source": str(shift.source),
    }


def _gap(plan: Plan, shift: Shift) -> dict[str, Any]:
    schedule = plan.schedules[shift.schedule]
    return {
        "kind": "gap",
        "starts_at": shift.during.starts_at,
        "ends_at": shift.during.ends_at,
        "text": _("%(schedule)s: nobody is %(duty)s")
        % {"schedule": schedule.title, "duty": duty_name(shift.duty).lower()},
        "url": _calendar(schedule, shift.during.starts_at),
    }


def _double(plan: Plan, one: DoubleDuty) -> dict[str, Any]:
    contact = plan.directory.contact(one.contact)
    who = contact.label if contact is not None else one.contact
    posts = ", ".join(
        f"{plan.schedules[key].title} ({duty_name(duty).lower()})"
        for key, duty in one.posts
    )
    schedule = plan.schedules[one.posts[0][0]]
    return {
        "kind": "double",
        "starts_at": one.during.starts_at,
        "ends_at": one.during.ends_at,
        "text": _("%(who)s holds two duties at once: %(posts)s")
        % {"who": who, "posts": posts},
        "url": _calendar(schedule, one.during.starts_at),
    }


def _calendar(schedule: Schedule, at: datetime) -> str:
    day = at.astimezone(schedule.zone).date()
    return f"{reverse('oncall:schedule', args=[schedule.key])}?day={day}"


def _is_open(plan: Plan, level: SupportLevel, *, now: datetime) -> bool:
    by_hours = level.cover is Cover.BUSINESS_HOURS
    return plan.business_hours.contains(now) if by_hours else True


def strip(plan: Plan, *, now: datetime) -> Iterator[dict[str, Any]]:
    """Return who holds the watch now, in one line a duty."""
    span = around(now)
    for watch in watches(plan, during=span).values():
        for shift in watch.shifts(span, [Duty.PRIMARY, Duty.SECONDARY]):
            if now in shift.during and shift.holder is not None:
                yield {
                    "duty": duty_name(shift.duty),
                    "name": face_of(watch.faces, shift.holder).name,
                    "until": shift.during.ends_at,
                }
