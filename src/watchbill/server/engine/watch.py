"""The watch: what people are told of their shifts, and of requests about them.

Each minute somebody looks at the schedules as they stand, with overrides and absences:

- Whoever begins a shift is reminded a day and an hour before it (S4.4-11), or at once
  when it begins unforeseen, as a stand-in's does. A day before it and at its start it
  is checked whether a page would reach them; if there is doubt they hear of it, and so
  do the owners of the plan (S2.1-15).
- Whoever leaves is asked an hour before for a summary, and told which incidents stay
  with them (S4.4-12).
- Gaps in the coming fourteen days, and who holds two duties, are told to the owners
  once a day (S4.4-08).
- Who is put in by somebody, and whom that relieves, hears of it, also where a new
  version of the plan does it in the middle of a shift; so do those who are asked to
  swap, and the asker when there is an answer. A request runs out when the first of its
  stretches begins.

Everything of a round is one transaction with the notices that remember it, so that it
is said once, whichever engine dies. What fails about one schedule is undone by itself
and silences no other; the step of the watch is then shown as one that fails, and after
some minutes of it the auditor says so. What is low in urgency keeps quiet hours; a
reminder that would come after the shift began is left out.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from functools import partial
from itertools import pairwise

from django.db import transaction

from watchbill.core.coverage import double_duties, gaps, overrides_of_absent
from watchbill.core.oncall import Duty, Shift, Source, by_holder
from watchbill.core.people import Contact
from watchbill.core.severity import Urgency
from watchbill.core.temporal import Interval, at_wall
from watchbill.plan import Plan
from watchbill.server import faults
from watchbill.server.engine import measures
from watchbill.server.engine import watch_words as words
from watchbill.server.engine.kinds import Kind, Moment
from watchbill.server.engine.teller import Teller
from watchbill.server.incidents import handing
from watchbill.server.oncall import actions as oncall
from watchbill.server.oncall import queries
from watchbill.server.oncall.models import (
    Handover,
    NoticeKind,
    Override,
    ShiftNotice,
    Swap,
    SwapState,
)
from watchbill.server.people import queries as people
from watchbill.server.plans import queries as plans
from watchbill.server.plans.queries import PlanUnreadableError
from watchbill.server.timers import actions as timers
from watchbill.server.timers.models import DueStep

EVERY = timedelta(minutes=1)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
AHEAD = timedelta(days=14)
REPORT_FROM = time(9, 0)
"""The owners read the report of gaps in the morning, in the plan's zone."""

_LEADS = ((NoticeKind.HOUR_BEFORE, HOUR), (NoticeKind.DAY_BEFORE, DAY))
_ANSWERS = (Duty.PRIMARY, Duty.SECONDARY)
"""The duties that must be reached; a shadow only learns."""

_AGREED = (Source.OVERRIDE, Source.SWAP)
"""Whoever holds a shift for these hears of it when it is entered."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Round:
    """One look at everything."""

    plan: Plan
    moment: Moment
    teller: Teller
    #: What was said already, as the constraint of ShiftNotice names it.
    said: set[tuple[str, str, str, str, datetime]] = field(default_factory=set)
    #: What failed, in words.
    failed: list[str] = field(default_factory=list)

    @property
    def now(self) -> datetime:
        """The instant that is decided."""
        return self.moment.now

    @property
    def owners(self) -> tuple[Contact, ...]:
        """Who hears of what is wrong with the watch."""
        keys = plans.owners_of(self.plan)
        return tuple(one for one in self.plan.directory.contacts if one.key in keys)

    def apart(self, about: str, say: Callable[[], None]) -> bool:
        """Say something that, when it fails, is undone and noted and stops no other."""
        try:
            with transaction.atomic():
                say()
        except Exception as error:  # whatever it is, it must silence nobody else
            if faults.is_lost(error):
                raise
            logger.exception("the watch cannot say what is to be said of %s", about)
            self.failed.append(f"{about}: {type(error).__name__}: {error}")
            return False
        return True

    def first_time(
        self, kind: NoticeKind, shift: Shift | None, contact_key: str, at: datetime
    ) -> bool:
        """Return whether something was not said yet, and remember that it is."""
        key, duty = ("", "") if shift is None else (shift.schedule, shift.duty.value)
        place = (kind.value, key, duty, contact_key, at)
        if place in self.said:
            return False
        self.said.add(place)
        ShiftNotice.objects.create(
            kind=kind,
            schedule_key=key,
            duty=duty,
            contact_key=contact_key,
            starts_at=at,
            sent_at=self.now,
        )
        return True


def _fire(due: list[DueStep], moment: Moment) -> None:
    oncall.expire_swaps(now=moment.now)
    plan = queries.plan_now(now=moment.now)
    failed = [] if plan is None else _look(plan, moment)
    at, now = moment.now + EVERY, moment.now
    for step in due:
        if failed:
            timers.next_look_failed(step, "; ".join(failed), at=at, now=now)
            measures.failed(step.kind)
        else:
            timers.next_look(step, at=at, now=now)


def _look(plan: Plan, moment: Moment) -> list[str]:
    """Say all that is to be said; return what of it failed."""
    book = people.book(wall=moment.wall)
    teller = Teller(plan=plan, moment=moment, book=book)
    one = _Round(plan=plan, moment=moment, teller=teller, said=_said(moment.now))
    _tell_swaps(one)
    _tell_overrides(one)
    for key in plan.schedules:
        one.apart(f"the schedule {key}", partial(_look_at, one, key))
    one.apart("the new version of the plan", partial(_tell_changes, one))
    one.apart("the coming two weeks", partial(_report, one))
    return one.failed


def _said(now: datetime) -> set[tuple[str, str, str, str, datetime]]:
    rows = ShiftNotice.objects.filter(starts_at__gt=now - 2 * DAY)
    columns = ("kind", "schedule_key", "duty", "contact_key", "starts_at")
    return set(rows.values_list(*columns))


# ── Shifts ──────────────────────────────────────────────────────────────────────


def _look_at(one: _Round, schedule_key: str) -> None:
    """Say what is to be said of the shifts of a schedule around now."""
    # An hour more on either side, so that what begins or ends inside is seen whole.
    around = Interval(starts_at=one.now - 2 * HOUR, ends_at=one.now + DAY + HOUR)
    found = queries.shifts(one.plan, schedule_key, during=around)
    for duty in Duty:
        _look_at_duty(one, [shift for shift in found if shift.duty is duty])


def _look_at_duty(one: _Round, shifts: Sequence[Shift]) -> None:
    for before, after in pairwise(by_holder(shifts)):
        at = after.during.starts_at
        if after.holder is not None and at <= one.now + DAY:
            _before(one, after)
            _at_start(one, after)
        if before.holder is not None and one.now < at <= one.now + HOUR:
            _leaving(one, before, after)


def _before(one: _Round, shift: Shift) -> None:
    """Remind whoever begins a shift, of the nearer of the two only.

    Where it has begun, and nobody could know it an hour before, they hear it now.
    """
    contact = _contact(one, shift.holder)
    at = shift.during.starts_at
    left = at - one.now
    has_begun = left <= timedelta(0)
    kind = next((kind for kind, lead in _LEADS if -HOUR < left <= lead), None)
    if contact is None or kind is None or (has_begun and shift.source in _AGREED):
        return
    if not one.first_time(kind, shift, contact.key, at):
        return
    trouble = _trouble(one, shift, contact) if kind is NoticeKind.DAY_BEFORE else ()
    one.teller.tell(
        contact,
        words.reminder(one.plan, shift, left=left, trouble=trouble),
        key=f"{kind}/{_name(shift)}",
        before=None if has_begun else at,
    )
    if trouble:
        _tell_owners(one, shift, contact, trouble, key=f"doubt/{_name(shift)}")


def _at_start(one: _Round, shift: Shift) -> None:
    """See at the start of a shift whether a page would reach its holder."""
    contact = _contact(one, shift.holder)
    at = shift.during.starts_at
    if contact is None or not at <= one.now < at + HOUR:
        return
    trouble = _trouble(one, shift, contact)
    if not trouble or not one.first_time(NoticeKind.START, shift, contact.key, at):
        return
    key = f"start/{_name(shift)}"
    one.teller.tell(contact, words.unproven(one.plan, shift, trouble), key=key)
    _tell_owners(one, shift, contact, trouble, key=key)


def _trouble(one: _Round, shift: Shift, contact: Contact) -> tuple[str, ...]:
    if shift.duty not in _ANSWERS:
        return ()
    return people.doubts(contact, one.teller.book, one.moment.reach.provided)


def _tell_owners(
    one: _Round, shift: Shift, about: Contact, trouble: tuple[str, ...], *, key: str
) -> None:
    """Tell the owners; aloud when the pages of a watch that has begun go nowhere."""
    is_lost = not one.teller.can_reach(about) and shift.during.starts_at <= one.now
    for owner in one.owners:
        if owner.key != about.key:
            one.teller.tell(
                owner,
                words.unproven_other(one.plan, shift, about, trouble),
                key=f"{key}/{about.key}",
                urgency=Urgency.HIGH if is_lost else Urgency.LOW,
            )


def _leaving(one: _Round, before: Shift, after: Shift) -> None:
    """Ask whoever leaves for a summary of what is open."""
    leaver, comer = _contact(one, before.holder), _contact(one, after.holder)
    at = after.during.starts_at
    if leaver is None or comer is None or before.duty is not Duty.PRIMARY:
        return
    if not one.first_time(NoticeKind.HANDOVER, before, leaver.key, at):
        return
    Handover.objects.get_or_create(
        schedule_key=before.schedule,
        duty=before.duty,
        from_contact=leaver.key,
        to_contact=comer.key,
        at=at,
    )
    held = handing.held_by(leaver.key)
    one.teller.tell(
        leaver,
        words.handover(one.plan, before, comer, held, at=at),
        key=f"handover/{_name(after)}",
    )


# ── A new version ───────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """One plan took the place of another."""

    before: Plan
    after: Plan
    at: datetime


def _changes(now: datetime) -> Iterator[_Change]:
    """Yield how the plan changed within the last hour, the latest change first.

    Each change by itself, because a second one may follow before anybody has looked.
    Where a version cannot be read any more, nobody knows what changed with it.
    """
    since, version = now - HOUR, plans.in_force(now=now)
    while (at := version.activated_at) is not None and since < at <= now:
        before = plans.in_force(now=at - timedelta.resolution)
        if before.pk == version.pk:
            return
        with suppress(PlanUnreadableError):
            yield _Change(
                before=plans.plan_of(before.pk), after=plans.plan_of(version.pk), at=at
            )
        version, now = before, at - timedelta.resolution


def _tell_changes(one: _Round) -> None:
    for change in _changes(one.now):
        for key in one.plan.schedules:
            if key in change.before.schedules and key in change.after.schedules:
                about = f"the new version of the schedule {key}"
                one.apart(about, partial(_tell_change, one, change, key))


def _tell_change(one: _Round, change: _Change, schedule_key: str) -> None:
    """Tell those whom a new version of the plan puts in, and whom it relieves."""
    at = change.at
    for duty in _ANSWERS:
        then = queries.on_call(change.before, schedule_key, duty, at=at)
        shift = queries.on_call(change.after, schedule_key, duty, at=at)
        if then.holder == shift.holder:
            continue
        shift = replace(
            shift, during=Interval(starts_at=at, ends_at=shift.during.ends_at)
        )
        key = f"version/{_name(shift)}"
        left = timedelta(0)
        said = (
            (shift.holder, words.reminder(one.plan, shift, left=left, trouble=())),
            (then.holder, words.displaced(one.plan, shift)),
        )
        for holder, text in said:
            contact = _contact(one, holder)
            if contact is not None and one.first_time(
                NoticeKind.HOUR_BEFORE, shift, contact.key, at
            ):
                one.teller.tell(contact, text, key=key)


# ── Overrides and swaps ─────────────────────────────────────────────────────────


def _tell_overrides(one: _Round) -> None:
    rows = queries.overrides_to_tell(now=one.now)
    told = [
        row.pk
        for row in rows
        if row.schedule_key not in one.plan.schedules
        or one.apart(f"override {row.pk}", partial(_tell_override, one, row))
    ]
    Override.objects.filter(pk__in=told).update(told_at=one.now)


def _tell_override(one: _Round, row: Override) -> None:
    contact = _contact(one, row.contact_key)
    if contact is None:
        return
    key = f"override/{row.pk}"
    one.teller.tell(contact, words.put_in(one.plan, row), key=key)
    for relieved in sorted(_relieved(one, row) - {contact.key}):
        former = _contact(one, relieved)
        if former is not None:
            one.teller.tell(former, words.relieved(one.plan, row, contact), key=key)


def _relieved(one: _Round, row: Override) -> set[str]:
    """Who would have held the stretch without the override."""
    during = Interval(starts_at=row.starts_at, ends_at=row.ends_at)
    found = queries.shifts_without(
        one.plan, row.schedule_key, Duty(row.duty), during=during, number=row.pk
    )
    return {shift.holder for shift in found if shift.holder is not None}


def _tell_swaps(one: _Round) -> None:
    rows = queries.swaps_to_tell()
    numbers = [
        row.pk
        for row in rows
        if row.schedule_key not in one.plan.schedules
        or one.apart(f"swap {row.pk}", partial(_tell_swap, one, row))
    ]
    Swap.objects.filter(pk__in=numbers, told_at=None).update(told_at=one.now)
    decided = Swap.objects.filter(pk__in=numbers).exclude(state=SwapState.ASKED)
    decided.update(answer_told_at=one.now)


def _tell_swap(one: _Round, row: Swap) -> None:
    if row.state != SwapState.ASKED:
        _tell_answer(one, row)
    elif row.told_at is None:
        _ask(one, row)


def _ask(one: _Round, row: Swap) -> None:
    schedule = one.plan.schedules[row.schedule_key]
    for key in schedule.takers(row.asked_of or None):
        contact = _contact(one, key)
        if contact is not None and key != row.asked_by:
            one.teller.tell(
                contact,
                words.asked(one.plan, row),
                key=f"swap/{row.pk}",
                before=queries.begins_at(row),
                swap_id=row.pk,
            )


def _tell_answer(one: _Round, row: Swap) -> None:
    key = f"swap-answer/{row.pk}"
    is_withdrawn = row.state == SwapState.WITHDRAWN
    told = row.asked_of if is_withdrawn else row.asked_by
    contact = _contact(one, told)
    # Whoever was never asked need not hear that the request was taken back.
    if contact is not None and (row.told_at is not None or not is_withdrawn):
        one.teller.tell(contact, words.answered(one.plan, row), key=key)


# ── The coming two weeks ────────────────────────────────────────────────────────


def _report(one: _Round) -> None:
    """Tell the owners once a day what is wrong with the coming two weeks.

    It is looked at each hour, so that tonight's gap is told today.
    """
    zone = one.plan.meta.zone
    today = one.now.astimezone(zone).date()
    if one.now < at_wall(today, REPORT_FROM, zone):
        return
    day = at_wall(today, time(), zone)
    hour = one.now.replace(minute=0, second=0, microsecond=0)
    # To nobody: that it was looked at, whether or not there was anything to say.
    if not one.first_time(NoticeKind.GAPS, None, "", hour):
        return
    found = _findings(one)
    for owner in one.owners if found else ():
        if one.first_time(NoticeKind.GAPS, None, owner.key, day):
            one.teller.tell(owner, words.report(found), key=f"gaps/{today}")


def _findings(one: _Round) -> tuple[str, ...]:
    plan, during = one.plan, Interval(starts_at=one.now, ends_at=one.now + AHEAD)
    schedules = tuple(plan.schedules.values())
    overrides = queries.overrides_during(
        tuple(plan.schedules), during, known_to=plan.directory
    )
    absences = queries.absences_during(during)
    empty = gaps(schedules, during=during, overrides=overrides, absences=absences)
    doubles = double_duties(
        schedules, during=during, overrides=overrides, absences=absences
    )
    away = (
        shift
        for schedule in schedules
        for shift in overrides_of_absent(
            schedule, during=during, overrides=overrides, absences=absences
        )
    )
    return (
        *(words.gap(plan, found) for found in empty),
        *(words.double(plan, found) for found in doubles),
        *(words.absent(plan, found) for found in away),
    )


def _contact(one: _Round, key: str | None) -> Contact | None:
    return one.plan.directory.contact(key) if key else None


def _name(shift: Shift) -> str:
    at = shift.during.starts_at
    return f"{shift.schedule}/{shift.duty}/{at:%Y%m%dT%H%M}"


KIND = Kind(name=queries.WATCH, fire=_fire, is_recurring=True)
