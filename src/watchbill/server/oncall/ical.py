"""What a calendar feed shows: whole shifts, with a UID each that stays.

A shift is the stretch in which one person holds one duty, whatever the reason. Its UID
is made of schedule, duty, holder and beginning; when its end moves, the same event is
sent again with a higher SEQUENCE, which counts all changes that the watch has seen. No
alarm is set: whoever is on call is reminded by watchbill.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from django.db.models import Count, Max, Q

from watchbill.core.oncall import Shift, by_holder
from watchbill.core.temporal import Interval
from watchbill.migrate.calendar import Written, write
from watchbill.plan import Plan
from watchbill.server.oncall import queries
from watchbill.server.oncall.models import Absence, FeedToken, Override
from watchbill.server.plans import queries as plans
from watchbill.server.plans.queries import NoPlanInForceError

BACK, AHEAD = timedelta(days=90), timedelta(days=366)

_MARGIN = timedelta(days=62)
"""So far beyond the window shifts are looked at, to show them whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """A calendar, and when it last became another one."""

    body: bytes
    changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Changes:
    """How often the watch changed, and when last."""

    number: int
    at: datetime


def calendar_of(feed: FeedToken, *, now: datetime) -> Calendar | None:
    """Return what a feed shows; None when the plan no longer has whom or what."""
    try:
        version = plans.in_force(now=now)
    except NoPlanInForceError:
        return None
    plan = plans.plan_of(version.pk)
    contact = plan.directory.contact(feed.contact_key)
    schedule = plan.schedules.get(feed.schedule_key)
    if contact is None and schedule is None:
        return None
    midnight = datetime.combine(now.astimezone(UTC).date(), time(), tzinfo=UTC)
    changes = _changes(version.pk, plan)
    events = [
        _event(plan, shift, is_own=contact is not None)
        for shift in _shown(plan, feed, midnight)
    ]
    name = (
        schedule.title if schedule else f"On call: {contact.label if contact else ''}"
    )
    return Calendar(
        body=write(events, name=name, stamped_at=changes.at, sequence=changes.number),
        changed_at=max(changes.at, midnight),
    )


def _shown(plan: Plan, feed: FeedToken, midnight: datetime) -> Iterator[Shift]:
    """The shifts of a feed that share an instant with what is shown, whole."""
    window = Interval(starts_at=midnight - BACK, ends_at=midnight + AHEAD)
    first = (window.starts_at - _MARGIN).replace(day=1)
    around = Interval(starts_at=first, ends_at=window.ends_at + _MARGIN)
    keys = [feed.schedule_key] if feed.schedule_key else list(plan.schedules)
    for key in keys:
        for shift in by_holder(queries.shifts(plan, key, during=around)):
            is_meant = shift.holder == feed.contact_key or bool(feed.schedule_key)
            if shift.holder and is_meant and shift.during.overlaps(window):
                yield shift


def _event(plan: Plan, shift: Shift, *, is_own: bool) -> Written:
    schedule = plan.schedules[shift.schedule]
    starts = f"{shift.during.starts_at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    summary = f"{schedule.title}: {shift.duty}"
    label = _label(plan, shift.holder)
    lines = [f"{label}, {shift.duty} of {schedule.title}"]
    if shift.instead_of and shift.instead_of != shift.holder:
        lines.append(f"Instead of {_label(plan, shift.instead_of)}")
    return Written(
        uid=f"{shift.schedule}-{shift.duty}-{shift.holder}-{starts}@watchbill",
        during=shift.during,
        summary=summary if is_own else f"{label} ({summary})",
        description="\n".join(lines),
    )


def _label(plan: Plan, key: str | None) -> str:
    contact = plan.directory.contact(key) if key else None
    return contact.label if contact else str(key)


def _changes(version: int, plan: Plan) -> _Changes:
    overrides, absences = (
        model.objects.aggregate(
            newest=Max("pk"),
            cancelled=Count("pk", filter=~Q(cancelled_by="")),
            made_at=Max("made_at"),
            cancelled_at=Max("cancelled_at"),
            ended_at=Max("ends_at", filter=~Q(cancelled_by="")),
        )
        for model in (Override, Absence)
    )
    times = [
        row[name]
        for row in (overrides, absences)
        for name in ("made_at", "cancelled_at", "ended_at")
        if row[name] is not None
    ]
    counts = [row[name] or 0 for row in (overrides, absences) for name in _COUNTED]
    return _Changes(
        number=version + sum(counts),
        at=max([plan.meta.effective_at, *times]).replace(microsecond=0),
    )


_COUNTED = ("newest", "cancelled")
