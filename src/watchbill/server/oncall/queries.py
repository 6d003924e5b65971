"""Reading the watch: who holds what at any instant, and what people changed of it.

This is the one place where a plan's schedules meet what was changed of them, so that
the page, the pager, the calendar and the chat say the same (S4.4-09). An open incident
keeps the rules of the version it began under; who holds a duty, and by which address
they are reached, is a fact of today: both are taken from the plan in force.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from watchbill.core import oncall as core
from watchbill.core.oncall import Duty, Shift
from watchbill.core.people import Contact, Directory
from watchbill.core.roster import Roster
from watchbill.core.temporal import Interval
from watchbill.plan import Plan
from watchbill.server import tokens
from watchbill.server.oncall.models import (
    Absence,
    FeedToken,
    Handover,
    Override,
    Swap,
    SwapState,
)
from watchbill.server.plans import queries as plans
from watchbill.server.plans.queries import NoPlanInForceError

WATCH = "watch"
"""The kind of due step that looks at shifts and swaps."""

_AROUND = timedelta(days=366)
"""So far around an instant the shift that contains it is known."""

_LATELY = timedelta(days=7)
"""A step may ask about the instant it was due, after days without an engine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """A stretch that somebody who will be away would have held."""

    #: As it is held in their absence.
    shift: Shift
    #: Who stands in; None when nobody does.
    stand_in: str | None


def plan_now(*, now: datetime) -> Plan | None:
    """Return the plan in force, None when there is none."""
    try:
        return plans.plan_of(plans.in_force(now=now).pk)
    except NoPlanInForceError:
        return None


# ── As core values ──────────────────────────────────────────────────────────────


def overrides_during(
    schedule_keys: Collection[str],
    during: Interval,
    *,
    known_to: Directory | None = None,
) -> tuple[core.Override, ...]:
    """Return the overrides that share an instant with an interval, oldest first.

    With ``known_to`` only for contacts who are still there: a page to somebody else
    reaches nobody, so the schedule holds instead.
    """
    rows = Override.objects.filter(
        schedule_key__in=schedule_keys,
        starts_at__lt=during.ends_at,
        ends_at__gt=during.starts_at,
    )
    found = _overrides(rows)
    return found if known_to is None else _known(found, known_to)


def absences_during(during: Interval) -> tuple[core.Absence, ...]:
    """Return the absences that share an instant with an interval."""
    rows = Absence.objects.filter(
        starts_at__lt=during.ends_at, ends_at__gt=during.starts_at
    )
    return _absences(rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """What counts on call beside the plans, read once for any number of them."""

    #: The plan in force, whose schedules and addresses count; None without any.
    current: Plan | None
    overrides: tuple[core.Override, ...]
    absences: tuple[core.Absence, ...]

    def roster(
        self,
        plan: Plan,
        *,
        unreachable: Callable[[Directory], Container[str]] | None = None,
        reachable: Container[str] = frozenset(),
    ) -> Roster:
        """Return who stands behind the targets of a plan, as things are now.

        For an older version the schedules and addresses are those of the plan in
        force. ``unreachable`` is asked which people of a directory no channel reaches.
        """
        made, today = plan.roster(reachable=reachable), self.current or plan
        if today is not plan:
            # Those of today first: the first one for a specialty is asked.
            schedules = {**today.schedules, **plan.schedules, **today.schedules}
            directory = _directory(plan, today)
            made = replace(made, directory=directory, schedules=schedules)
        return replace(
            made,
            overrides=_known(self.overrides, today.directory),
            absences=self.absences,
            unreachable=frozenset()
            if unreachable is None
            else unreachable(made.directory),
        )


def live(*, now: datetime) -> Live:
    """Read what counts on call beside the plans around now."""
    around = Q(ends_at__gt=now - _LATELY, starts_at__lt=now + _AROUND)
    return Live(
        current=plan_now(now=now),
        overrides=_overrides(Override.objects.filter(around)),
        absences=_absences(Absence.objects.filter(around)),
    )


def roster(
    plan: Plan,
    *,
    now: datetime,
    unreachable: Callable[[Directory], Container[str]] | None = None,
    reachable: Container[str] = frozenset(),
) -> Roster:
    """Return :meth:`Live.roster` for one plan."""
    return live(now=now).roster(plan, unreachable=unreachable, reachable=reachable)


def shifts(
    plan: Plan,
    schedule_key: str,
    *,
    during: Interval,
    duties: Sequence[Duty] = tuple(Duty),
) -> tuple[Shift, ...]:
    """Return who holds the duties of a schedule over an interval, in order."""
    return _resolve(plan, schedule_key, during=during, duties=duties)


def shifts_without(
    plan: Plan, schedule_key: str, duty: Duty, *, during: Interval, number: int
) -> tuple[Shift, ...]:
    """Return who would hold a duty over an interval if an override were not there."""
    found = overrides_during([schedule_key], during, known_to=plan.directory)
    return core.resolve(
        plan.schedules[schedule_key],
        during=during,
        duties=(duty,),
        overrides=[one for one in found if one.number != number],
        absences=absences_during(during),
    )


def on_call(plan: Plan, schedule_key: str, duty: Duty, *, at: datetime) -> Shift:
    """Return who holds a duty at an instant, and for how long."""
    around = Interval(starts_at=at - _AROUND, ends_at=at + _AROUND)
    return core.on_call(
        plan.schedules[schedule_key],
        duty,
        at=at,
        overrides=overrides_during([schedule_key], around, known_to=plan.directory),
        absences=absences_during(around),
    )


def duties_of(plan: Plan, *, at: datetime) -> dict[str, list[Shift]]:
    """Return what each contact that is on call at an instant holds, by key."""
    around = Interval(starts_at=at - _AROUND, ends_at=at + _AROUND)
    overrides = overrides_during(tuple(plan.schedules), around, known_to=plan.directory)
    absences = absences_during(around)
    found = defaultdict[str, list[Shift]](list)
    for schedule in plan.schedules.values():
        for duty in Duty:
            shift = core.on_call(
                schedule, duty, at=at, overrides=overrides, absences=absences
            )
            if shift.holder is not None:
                found[shift.holder].append(shift)
    return dict(found)


def touched(plan: Plan, contact_key: str, during: Interval) -> tuple[Touched, ...]:
    """Return what somebody would have held while away, and who stands in."""
    keys = tuple(plan.schedules)
    overrides = overrides_during(keys, during, known_to=plan.directory)
    absences = absences_during(during)
    away = core.Absence(contact=contact_key, during=during)
    return tuple(
        Touched(shift=after, stand_in=after.holder)
        for schedule in plan.schedules.values()
        for before in core.resolve(
            schedule, during=during, overrides=overrides, absences=absences
        )
        if before.holder == contact_key
        for after in core.resolve(
            schedule,
            during=before.during,
            duties=(before.duty,),
            overrides=overrides,
            absences=(*absences, away),
        )
        if after.holder != contact_key
    )


def trouble_with(
    plan: Plan, schedule_key: str, duty: Duty, contact_key: str, during: Interval
) -> str:
    """Return why somebody cannot hold a duty over an interval; empty when they can.

    Nobody holds two duties of one schedule at once (S4.4-10), and who is away holds
    none.
    """
    contact = plan.directory.contact(contact_key)
    if contact is None:
        return f"the plan in force knows no contact {contact_key!r}"
    for absence in absences_during(during):
        if absence.contact == contact_key:
            return f"{contact.label} is away{_span(plan, absence.during)}"
    greater = tuple(Duty)[: tuple(Duty).index(duty)]
    for shift in _resolve(plan, schedule_key, during=during, duties=greater):
        if shift.holder == contact_key:
            return (
                f"{contact.label} is {shift.duty}{_span(plan, shift.during)}, and"
                " nobody holds two duties at once"
            )
    return ""


def holds_all(
    plan: Plan, schedule_key: str, duty: Duty, contact_key: str, during: Interval
) -> bool:
    """Return whether somebody holds a duty at every instant of an interval."""
    found = _resolve(plan, schedule_key, during=during, duties=(duty,))
    return bool(found) and all(one.holder == contact_key for one in found)


def _resolve(
    plan: Plan,
    schedule_key: str,
    *,
    during: Interval,
    duties: Sequence[Duty] = tuple(Duty),
) -> tuple[Shift, ...]:
    if not duties:
        return ()
    return core.resolve(
        plan.schedules[schedule_key],
        during=during,
        duties=duties,
        overrides=overrides_during([schedule_key], during, known_to=plan.directory),
        absences=absences_during(during),
    )


def _overrides(rows: QuerySet[Override]) -> tuple[core.Override, ...]:
    return tuple(
        core.Override(
            schedule=row.schedule_key,
            duty=Duty(row.duty),
            contact=row.contact_key,
            during=Interval(starts_at=row.starts_at, ends_at=row.ends_at),
            number=row.pk,
            is_swap=row.swap_id is not None,
        )
        for row in rows.filter(cancelled_at=None).order_by("pk")
    )


def _absences(rows: QuerySet[Absence]) -> tuple[core.Absence, ...]:
    return tuple(
        core.Absence(
            contact=row.contact_key,
            during=Interval(starts_at=row.starts_at, ends_at=row.ends_at),
        )
        for row in rows.filter(cancelled_at=None).order_by("pk")
    )


def _known(
    overrides: Iterable[core.Override], directory: Directory
) -> tuple[core.Override, ...]:
    return tuple(one for one in overrides if directory.contact(one.contact) is not None)


def _directory(plan: Plan, current: Plan) -> Directory:
    """The people of an older plan, reached as the plan in force says.

    Whoever came since can hold a duty and answers to no role of the older plan.
    """
    known = {one.key for one in plan.directory.contacts}
    newcomers = (
        replace(one, roles=(), expertise=frozenset())
        for one in current.directory.contacts
        if one.key not in known
    )
    updated = (
        _updated(one, current.directory.contact(one.key))
        for one in plan.directory.contacts
    )
    return replace(plan.directory, contacts=(*updated, *newcomers))


def _updated(contact: Contact, current: Contact | None) -> Contact:
    if current is None:
        return contact
    return replace(
        contact,
        name=current.name,
        email=current.email,
        phone=current.phone,
        slack_id=current.slack_id,
    )


def _span(plan: Plan, during: Interval) -> str:
    zone = plan.meta.zone
    starts, ends = during.starts_at.astimezone(zone), during.ends_at.astimezone(zone)
    return f" from {starts:%a %-d %b %H:%M} to {ends:%a %-d %b %H:%M}"


# ── As rows ─────────────────────────────────────────────────────────────────────


def override_row(number: int) -> Override | None:
    """Return an override by its number."""
    return Override.objects.select_related("swap").filter(pk=number).first()


def may_call_off(row: Override, contact_key: str) -> bool:
    """Return whether it is for a contact alone to call an override off.

    What came of a swap was agreed by two: they swap back, or who manages schedules
    calls it off (S4.4-09).
    """
    return bool(contact_key) and row.contact_key == contact_key and row.swap_id is None


def override_rows(schedule_key: str, during: Interval) -> list[Override]:
    """Return the overrides of a schedule in an interval, newest first."""
    rows = Override.objects.select_related("swap").filter(
        schedule_key=schedule_key,
        cancelled_at=None,
        starts_at__lt=during.ends_at,
        ends_at__gt=during.starts_at,
    )
    return list(rows.order_by("-pk"))


def overrides_ahead(contact_key: str, *, now: datetime) -> list[Override]:
    """Return the overrides by which a contact holds a duty from now on."""
    rows = Override.objects.filter(
        contact_key=contact_key, cancelled_at=None, ends_at__gt=now
    )
    return list(rows.order_by("starts_at", "pk"))


def absence(number: int) -> Absence | None:
    """Return an absence by its number."""
    return Absence.objects.filter(pk=number).first()


def absence_rows(contact_key: str | None, during: Interval) -> list[Absence]:
    """Return the absences of a contact, or of all, in an interval; newest first."""
    rows = Absence.objects.filter(
        cancelled_at=None, starts_at__lt=during.ends_at, ends_at__gt=during.starts_at
    )
    if contact_key is not None:
        rows = rows.filter(contact_key=contact_key)
    return list(rows.order_by("-pk"))


def swap(number: int) -> Swap | None:
    """Return a request to swap by its number."""
    return Swap.objects.filter(pk=number).first()


def is_asked(number: int) -> bool:
    """Return whether a request to swap still waits for an answer."""
    return Swap.objects.filter(pk=number, state=SwapState.ASKED).exists()


def swaps_to(contact_key: str, plan: Plan) -> list[Swap]:
    """Return the open requests that a contact may answer, newest first.

    One that is put to anybody is for the members of its schedule.
    """
    theirs = [key for key, one in plan.schedules.items() if contact_key in one.members]
    rows = Swap.objects.filter(
        Q(asked_of=contact_key) | Q(asked_of="", schedule_key__in=theirs),
        state=SwapState.ASKED,
    )
    return list(rows.exclude(asked_by=contact_key).order_by("-pk"))


def swaps_by(contact_key: str) -> list[Swap]:
    """Return the latest requests of a contact, newest first."""
    return list(Swap.objects.filter(asked_by=contact_key).order_by("-pk")[:50])


def handovers_of(contact_key: str) -> list[Handover]:
    """Return the latest hand-overs from and to a contact, newest first."""
    rows = Handover.objects.filter(
        Q(from_contact=contact_key) | Q(to_contact=contact_key)
    )
    return list(rows.order_by("-at", "-pk")[:50])


def handover(number: int) -> Handover | None:
    """Return a hand-over by its number."""
    return Handover.objects.filter(pk=number).first()


def feeds_of(contact_key: str) -> list[FeedToken]:
    """Return the feeds of a contact that work, newest first."""
    rows = FeedToken.objects.filter(made_for=contact_key, revoked_at=None)
    return list(rows.order_by("-pk"))


def find_feed(secret: str) -> FeedToken | None:
    """Return the feed that a secret opens; None for one that is revoked or unknown.

    Only digests are compared, by the index, so that no answer takes longer because
    more of a guess was right.
    """
    digest = tokens.digest(secret)
    return FeedToken.objects.filter(token_hash=digest, revoked_at=None).first()


# ── For whoever changes or tells them ───────────────────────────────────────────


def hold_swap(number: int) -> Swap | None:
    """Return and hold a request to swap."""
    return Swap.objects.select_for_update().filter(pk=number).first()


def hold_handover(number: int) -> Handover | None:
    """Return and hold a hand-over."""
    return Handover.objects.select_for_update().filter(pk=number).first()


def swaps_to_tell() -> list[Swap]:
    """Return and hold the requests of which somebody has not been told yet."""
    rows = Swap.objects.select_for_update().filter(
        Q(told_at=None) | ~Q(state=SwapState.ASKED) & Q(answer_told_at=None)
    )
    return list(rows.order_by("pk")[:100])


def overrides_to_tell(*, now: datetime) -> list[Override]:
    """Return and hold the overrides of which nobody has been told yet."""
    rows = Override.objects.select_for_update().filter(
        told_at=None, cancelled_at=None, swap=None, ends_at__gt=now
    )
    return list(rows.order_by("pk")[:100])


def begins_at(one: Swap) -> datetime:
    """Return until when a request can be answered: the first of its stretches."""
    return min(one.starts_at, one.return_starts_at or one.starts_at)


def given(one: Swap) -> Interval:
    """Return the stretch that the asker wants to give."""
    return Interval(starts_at=one.starts_at, ends_at=one.ends_at)


def returned(one: Swap) -> Interval | None:
    """Return the stretch that the asker takes over in return."""
    if one.return_starts_at is None or one.return_ends_at is None:
        return None
    return Interval(starts_at=one.return_starts_at, ends_at=one.return_ends_at)


def names_of(plan: Plan) -> Mapping[str, str]:
    """Return what each contact is called, by key."""
    return {one.key: one.label for one in plan.directory.contacts}
