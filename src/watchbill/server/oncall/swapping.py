"""Swaps: somebody asks somebody to take a stretch of theirs, and is answered.

A request may be about a part of a shift, may be put to one person or to anybody, and
may offer a stretch in return. Nothing changes until it is accepted: then both
directions become overrides in one transaction, after it was asked once more, under the
lock, whether everybody still holds what they give. A request ends by itself when the
first of its stretches begins.
"""

from datetime import datetime

from django.db import transaction

from watchbill.core.oncall import Duty
from watchbill.core.people import Contact
from watchbill.core.temporal import Interval
from watchbill.plan import Plan
from watchbill.server.oncall import queries
from watchbill.server.oncall.changing import (
    LONGEST,
    MAX_AUTHOR,
    MAX_REASON,
    OncallRefusedError,
    hold_watch,
    plan_with,
    refuse_trouble,
    text_of,
)
from watchbill.server.oncall.models import Override, Swap, SwapState


def check_swap(
    schedule_key: str,
    duty: Duty,
    during: Interval,
    *,
    asked_by: str,
    asked_of: str | None,
    return_during: Interval | None,
    now: datetime,
) -> Contact:
    """Return who asks; OncallRefusedError says why a swap cannot be asked for."""
    plan = plan_with(schedule_key, now=now)
    _check_times(during, return_during, now=now)
    asker = plan.directory.contact(asked_by)
    if asker is None:
        text = f"the plan in force knows no contact {asked_by!r}"
        raise OncallRefusedError(text)
    _check_held(plan, schedule_key, duty, asked_by, during)
    if asked_of is not None:
        _check_taker(plan, schedule_key, duty, asked_by, asked_of, during)
        if return_during is not None:
            _check_held(plan, schedule_key, duty, asked_of, return_during)
    return asker


@transaction.atomic
def ask_swap(  # noqa: PLR0913 - one argument a fact
    schedule_key: str,
    duty: Duty,
    during: Interval,
    *,
    asked_by: str,
    asked_of: str | None,
    return_during: Interval | None,
    message: str,
    by: str = "",
    now: datetime,
) -> Swap:
    """Ask one contact, or with None anybody, to take a stretch of a shift."""
    hold_watch(now=now)
    asker = check_swap(
        schedule_key,
        duty,
        during,
        asked_by=asked_by,
        asked_of=asked_of,
        return_during=return_during,
        now=now,
    )
    return Swap.objects.create(
        schedule_key=schedule_key,
        duty=duty,
        asked_by=asked_by,
        asked_of=asked_of or "",
        starts_at=during.starts_at,
        ends_at=during.ends_at,
        return_starts_at=None if return_during is None else return_during.starts_at,
        return_ends_at=None if return_during is None else return_during.ends_at,
        message=text_of(message, most=MAX_REASON),
        made_at=now,
        made_by=text_of(by or asker.label, most=MAX_AUTHOR),
    )


@transaction.atomic
def accept_swap(number: int, *, contact_key: str, by: str = "", now: datetime) -> Swap:
    """Accept a request: both stretches change hands, or neither does."""
    hold_watch(now=now)
    swap = _open(number, now=now)
    plan = plan_with(swap.schedule_key, now=now)
    schedule = plan.schedules[swap.schedule_key]
    if contact_key not in schedule.takers(swap.asked_of or None):
        asked = "somebody else" if swap.asked_of else "those of the schedule"
        text = f"this request was put to {asked}"
        raise OncallRefusedError(text)
    duty, given, returned = Duty(swap.duty), queries.given(swap), queries.returned(swap)
    key, asker = swap.schedule_key, swap.asked_by
    _check_held(plan, key, duty, asker, given)
    _check_taker(plan, key, duty, asker, contact_key, given)
    if returned is not None:
        _check_held(plan, key, duty, contact_key, returned)
        refuse_trouble(plan, key, duty, asker, returned)
    names = queries.names_of(plan)
    author = text_of(by or names.get(contact_key, contact_key), most=MAX_AUTHOR)
    _put_in(swap, contact_key, given, names.get(asker, asker), by=author, now=now)
    if returned is not None:
        taker = names.get(contact_key, contact_key)
        _put_in(swap, asker, returned, taker, by=author, now=now)
    return _decide(swap, SwapState.ACCEPTED, by=contact_key, now=now)


@transaction.atomic
def decline_swap(number: int, *, contact_key: str, now: datetime) -> Swap:
    """Say no to a request; one put to anybody stays open for the others."""
    hold_watch(now=now)
    swap = _open(number, now=now)
    if swap.asked_of == "":
        text = "it was put to everybody; leave it to the others"
        raise OncallRefusedError(text)
    if swap.asked_of != contact_key:
        text = "this request was put to somebody else"
        raise OncallRefusedError(text)
    return _decide(swap, SwapState.DECLINED, by=contact_key, now=now)


@transaction.atomic
def withdraw_swap(number: int, *, contact_key: str, now: datetime) -> Swap:
    """Take a request back."""
    hold_watch(now=now)
    swap = _open(number, now=now)
    if swap.asked_by != contact_key:
        text = "only whoever asked takes a request back"
        raise OncallRefusedError(text)
    return _decide(swap, SwapState.WITHDRAWN, by="", now=now)


@transaction.atomic
def expire_swaps(*, now: datetime) -> int:
    """End the requests whose first stretch has begun; return how many."""
    rows = Swap.objects.select_for_update().filter(state=SwapState.ASKED)
    over = [one for one in rows.order_by("pk") if queries.begins_at(one) <= now]
    for one in over:
        _decide(one, SwapState.EXPIRED, by="", now=queries.begins_at(one))
    return len(over)


def _open(number: int, *, now: datetime) -> Swap:
    """Hold a request that can still be answered."""
    swap = queries.hold_swap(number)
    if swap is None:
        text = f"there is no request {number}"
        raise OncallRefusedError(text)
    if swap.state != SwapState.ASKED:
        text = f"this request was {swap.state} already"
        raise OncallRefusedError(text)
    if queries.begins_at(swap) <= now:
        text = "it is too late: the stretch has begun"
        raise OncallRefusedError(text)
    return swap


def _check_times(
    during: Interval, return_during: Interval | None, *, now: datetime
) -> None:
    for one in (during, *((return_during,) if return_during is not None else ())):
        if one.starts_at <= now:
            text = "it is too late: the stretch has begun"
            raise OncallRefusedError(text)
        if one.ends_at - one.starts_at > LONGEST:
            text = f"longer than {LONGEST.days} days is a change of the plan"
            raise OncallRefusedError(text)
    if return_during is not None and during.overlaps(return_during):
        text = "what is given and what is taken in return overlap"
        raise OncallRefusedError(text)


def _check_held(
    plan: Plan, schedule_key: str, duty: Duty, contact_key: str, during: Interval
) -> None:
    if not queries.holds_all(plan, schedule_key, duty, contact_key, during):
        name = queries.names_of(plan).get(contact_key, contact_key)
        text = f"{name} is not {duty} for all of that time"
        raise OncallRefusedError(text)


def _check_taker(
    plan: Plan,
    schedule_key: str,
    duty: Duty,
    asked_by: str,
    taker: str,
    during: Interval,
) -> None:
    if taker == asked_by:
        text = "nobody swaps with themselves"
        raise OncallRefusedError(text)
    refuse_trouble(plan, schedule_key, duty, taker, during)


def _put_in(
    swap: Swap,
    contact_key: str,
    during: Interval,
    instead_of: str,
    *,
    by: str,
    now: datetime,
) -> None:
    Override.objects.create(
        schedule_key=swap.schedule_key,
        duty=swap.duty,
        contact_key=contact_key,
        starts_at=during.starts_at,
        ends_at=during.ends_at,
        reason=f"swapped with {instead_of}",
        made_by=by,
        made_at=now,
        swap=swap,
    )


def _decide(swap: Swap, state: SwapState, *, by: str, now: datetime) -> Swap:
    swap.state, swap.decided_at, swap.decided_by = state, now, by
    swap.save(update_fields=["state", "decided_at", "decided_by"])
    return swap
