"""Swaps: who asks whom, who may answer, and which stretches change hands."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections

from tests.conftest import START
from tests.shifts import (
    BACKEND,
    DEVOPS,
    FRONTEND,
    HOUR,
    KEY,
    MOBILE,
    NIGHT,
    ask,
    at,
    primary,
    put_in,
    span,
)
from watchbill.core.oncall import Duty, Source
from watchbill.core.temporal import Interval
from watchbill.plan import Plan
from watchbill.server.oncall import actions, links, queries
from watchbill.server.oncall.actions import OncallRefusedError
from watchbill.server.oncall.models import (
    Override,
    SwapState,
)

pytestmark = pytest.mark.django_db


@pytest.mark.req("S4.4-09")
def test_nothing_changes_until_a_request_is_accepted(plan: Plan) -> None:
    swap = ask()

    assert primary(plan, NIGHT.starts_at) == DEVOPS
    assert [one.pk for one in queries.swaps_to(FRONTEND, plan)] == [swap.pk]
    assert queries.swaps_to(DEVOPS, plan) == []

    actions.accept_swap(swap.pk, contact_key=FRONTEND, now=START + HOUR)

    shift = queries.on_call(plan, KEY, Duty.PRIMARY, at=NIGHT.starts_at)
    assert (shift.holder, shift.source) == (FRONTEND, Source.SWAP)
    assert shift.during == NIGHT
    assert queries.swaps_to(FRONTEND, plan) == []


@pytest.mark.req("S4.4-09")
def test_with_a_stretch_in_return_both_change_hands(plan: Plan) -> None:
    back = span(at(23), at(24))
    swap = ask(in_return=back)

    done = actions.accept_swap(swap.pk, contact_key=FRONTEND, now=START)

    assert done.state == SwapState.ACCEPTED
    assert primary(plan, NIGHT.starts_at) == FRONTEND
    assert primary(plan, back.starts_at) == DEVOPS
    assert Override.objects.filter(swap=swap).count() == 2


def test_a_swap_is_called_off_as_a_whole(plan: Plan) -> None:
    back = span(at(23), at(24))
    swap = ask(in_return=back)
    actions.accept_swap(swap.pk, contact_key=FRONTEND, now=START)
    one = Override.objects.filter(swap=swap).order_by("pk")[0]

    assert actions.cancel_override(one.pk, by="Eve", now=START)

    assert primary(plan, NIGHT.starts_at) == DEVOPS
    assert primary(plan, back.starts_at) == FRONTEND


def test_when_the_return_cannot_be_neither_stretch_changes_hands(plan: Plan) -> None:
    back = span(at(23), at(24))
    swap = ask(in_return=back)
    put_in(BACKEND, during=span(at(23, 6), at(23, 7)))

    with pytest.raises(OncallRefusedError, match="is not primary for all of that time"):
        actions.accept_swap(swap.pk, contact_key=FRONTEND, now=START)

    assert primary(plan, NIGHT.starts_at) == DEVOPS
    swap.refresh_from_db()
    assert swap.state == SwapState.ASKED


def test_only_who_is_asked_answers(plan: Plan) -> None:
    swap = ask()

    for answer in (actions.accept_swap, actions.decline_swap):
        with pytest.raises(OncallRefusedError, match="put to somebody else"):
            answer(swap.pk, contact_key=BACKEND, now=START)
    with pytest.raises(OncallRefusedError, match="only whoever asked"):
        actions.withdraw_swap(swap.pk, contact_key=FRONTEND, now=START)
    assert primary(plan, NIGHT.starts_at) == DEVOPS


def test_a_request_to_anybody_is_taken_by_the_first(plan: Plan) -> None:
    swap = ask(asked_of=None)
    with pytest.raises(OncallRefusedError, match="nobody swaps with themselves"):
        actions.accept_swap(swap.pk, contact_key=DEVOPS, now=START)

    actions.accept_swap(swap.pk, contact_key=BACKEND, now=START)

    with pytest.raises(OncallRefusedError, match="accepted already"):
        actions.accept_swap(swap.pk, contact_key=FRONTEND, now=START)
    assert primary(plan, NIGHT.starts_at) == BACKEND


def test_a_request_to_anybody_is_not_taken_by_who_is_not_of_the_schedule(
    plan: Plan,
) -> None:
    swap = ask(asked_of=None)

    with pytest.raises(OncallRefusedError, match="those of the schedule"):
        actions.accept_swap(swap.pk, contact_key="cto", now=START)

    assert primary(plan, NIGHT.starts_at) == DEVOPS


def test_what_the_asker_does_not_hold_cannot_be_asked_away(plan: Plan) -> None:
    with pytest.raises(OncallRefusedError, match="is not primary for all"):
        ask(asked_by=BACKEND)
    with pytest.raises(OncallRefusedError, match="is not primary for all"):
        ask(during=span(at(12, 20), at(14)))


def test_a_request_about_what_was_given_away_since_is_not_accepted(
    plan: Plan,
) -> None:
    swap = ask()
    put_in(BACKEND)

    with pytest.raises(OncallRefusedError, match="is not primary for all"):
        actions.accept_swap(swap.pk, contact_key=FRONTEND, now=START)
    assert primary(plan, NIGHT.starts_at) == BACKEND


def test_a_request_ends_when_its_stretch_begins(plan: Plan) -> None:
    swap = ask()

    with pytest.raises(OncallRefusedError, match="the stretch has begun"):
        actions.accept_swap(swap.pk, contact_key=FRONTEND, now=NIGHT.starts_at)
    assert actions.expire_swaps(now=NIGHT.starts_at - timedelta(seconds=1)) == 0
    assert actions.expire_swaps(now=NIGHT.starts_at + HOUR) == 1

    swap.refresh_from_db()
    assert (swap.state, swap.decided_at) == (SwapState.EXPIRED, NIGHT.starts_at)


def test_a_request_can_be_declined_or_taken_back_once(plan: Plan) -> None:
    declined, withdrawn = ask(), ask()

    actions.decline_swap(declined.pk, contact_key=FRONTEND, now=START)
    actions.withdraw_swap(withdrawn.pk, contact_key=DEVOPS, now=START)

    for swap, said in ((declined, "declined"), (withdrawn, "withdrawn")):
        with pytest.raises(OncallRefusedError, match=f"was {said} already"):
            actions.accept_swap(swap.pk, contact_key=FRONTEND, now=START)


@pytest.mark.parametrize("in_return", [NIGHT, span(START - HOUR, START + HOUR)])
def test_a_return_that_overlaps_or_is_over_is_refused(
    plan: Plan, in_return: Interval
) -> None:
    with pytest.raises(OncallRefusedError):
        ask(in_return=in_return)


def test_a_signed_link_names_one_request_and_one_reader(plan: Plan) -> None:
    swap = ask()
    token = links.token(swap.pk, FRONTEND)

    assert links.asked(token, now=START) == (swap, FRONTEND)
    assert links.asked(token[:-1] + "x", now=START) is None
    assert links.asked(links.token(swap.pk, BACKEND), now=START) is None
    assert links.asked(token, now=NIGHT.starts_at) is None
    actions.decline_swap(swap.pk, contact_key=FRONTEND, now=START)
    assert links.asked(token, now=START) is None


def at_once(*works: Callable[[], object]) -> list[str]:
    """Do everything at the same moment; return how each ended, in words."""
    gate = threading.Barrier(len(works))
    ends: list[str] = []

    def run(work: Callable[[], object]) -> None:
        gate.wait(10)
        try:
            work()
            ends.append("done")
        except OncallRefusedError as refusal:
            ends.append(str(refusal))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(one,)) for one in works]
    for one in threads:
        one.start()
    for one in threads:
        one.join(20)
    return sorted(ends)


@pytest.mark.django_db(transaction=True)
def test_of_many_who_accept_one_request_at_once_one_gets_it(plan: Plan) -> None:
    swap = ask(asked_of=None)

    ends = at_once(
        *(
            lambda key=key: actions.accept_swap(swap.pk, contact_key=key, now=START)
            for key in (BACKEND, FRONTEND, MOBILE)
        )
    )

    assert ends.count("done") == 1
    assert ends.count("this request was accepted already") == 2
    assert Override.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_requests_about_one_night_are_not_both_accepted(plan: Plan) -> None:
    first, second = ask(asked_of=FRONTEND), ask(asked_of="cto")

    ends = at_once(
        lambda: actions.accept_swap(first.pk, contact_key=FRONTEND, now=START),
        lambda: actions.accept_swap(second.pk, contact_key="cto", now=START),
    )

    assert ends.count("done") == 1
    assert Override.objects.count() == 1


def test_a_request_to_anybody_is_listed_for_those_of_the_schedule_only(
    plan: Plan,
) -> None:
    swap = ask(asked_of=None)

    assert [one.pk for one in queries.swaps_to(BACKEND, plan)] == [swap.pk]
    assert queries.swaps_to("cto", plan) == []


def test_what_two_agreed_is_not_called_off_by_one(plan: Plan) -> None:
    swap = ask()
    actions.accept_swap(swap.pk, contact_key=FRONTEND, now=START)
    agreed = Override.objects.get(swap=swap)
    own = put_in(FRONTEND, during=span(at(23, 6), at(23, 7)))

    assert not queries.may_call_off(agreed, FRONTEND)
    assert queries.may_call_off(own, FRONTEND)
    assert not queries.may_call_off(own, BACKEND)


def test_what_an_absence_touches_is_found_with_as_many_queries_however_long(
    plan: Plan, django_assert_num_queries: Any
) -> None:
    for days in (2, 200):
        with django_assert_num_queries(2):
            queries.touched(plan, BACKEND, span(at(14), at(14) + timedelta(days=days)))
