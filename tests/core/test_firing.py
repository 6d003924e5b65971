"""What one person is told because of the steps that fired at one instant."""

import pytest

from tests.core.cast import ANA, BEN, CHI, T0, step
from watchbill.core import escalation, firing
from watchbill.core.firing import Call, Firing, FiringReason, merge
from watchbill.core.ladder import Step, StopOn, Verb
from watchbill.core.people import Contact
from watchbill.core.severity import Urgency

PAGE = step("page", 0)
JOIN = step("join", 0, verb=Verb.ESCALATE, stop_on=StopOn.MITIGATED)
NOTICE = step("notice", 0, verb=Verb.NOTIFY)


def fired(
    one: Step,
    *recipients: Contact,
    copies: tuple[Contact, ...] = (),
    reason: FiringReason = FiringReason.DUE,
    is_late: bool = False,
) -> Firing:
    return Firing(
        step=one,
        due_at=T0,
        reason=reason,
        recipients=recipients,
        copies=copies,
        is_late=is_late,
    )


def said_to_ana(*steps: Step) -> Call:
    (call,) = merge(tuple(fired(one, ANA) for one in steps))
    assert call.because == steps
    return call


@pytest.mark.req("S3.2-19")
def test_each_person_is_called_once_in_the_order_in_which_the_steps_reach_them() -> (
    None
):
    calls = merge((fired(PAGE, CHI), fired(JOIN, ANA, CHI)))

    assert [(call.contact, call.because) for call in calls] == [
        (CHI, (PAGE, JOIN)),
        (ANA, (JOIN,)),
    ]


@pytest.mark.parametrize("reason", list(FiringReason))
def test_only_a_step_that_acts_calls_anybody(reason: FiringReason) -> None:
    acts = reason in {FiringReason.DUE, FiringReason.BROUGHT_FORWARD}

    assert bool(merge((fired(PAGE, ANA, reason=reason),))) is acts


@pytest.mark.req("S3.2-19")
def test_a_call_is_late_if_one_of_its_steps_is() -> None:
    (late,) = merge((fired(PAGE, ANA), fired(JOIN, ANA, is_late=True)))
    (in_time,) = merge((fired(PAGE, ANA), fired(JOIN, ANA)))

    assert late.is_late
    assert not in_time.is_late


@pytest.mark.req("S4.4-07")
@pytest.mark.parametrize("order", [1, -1])
def test_a_request_takes_the_place_of_a_copy_in_either_order(order: int) -> None:
    firings = (fired(PAGE, ANA, copies=(BEN,)), fired(NOTICE, BEN))[::order]

    calls = {call.contact: call for call in merge(firings)}

    assert not calls[BEN].is_copy
    assert calls[BEN].because == (NOTICE,)


@pytest.mark.req("A2")
def test_a_merged_call_is_wanted_until_the_last_of_its_steps_is_not() -> None:
    assert said_to_ana(PAGE).stop_on is StopOn.ACKNOWLEDGED
    assert said_to_ana(PAGE, JOIN).stop_on is StopOn.MITIGATED
    assert said_to_ana(JOIN, NOTICE, PAGE).stop_on is StopOn.RESOLVED


@pytest.mark.req("S3.2-19", "A2")
@pytest.mark.parametrize("order", [1, -1])
def test_a_page_asks_until_the_answer_and_then_what_is_still_wanted_is_said(
    order: int,
) -> None:
    with_notice = said_to_ana(*(NOTICE, PAGE)[::order])
    with_join = said_to_ana(*(JOIN, PAGE)[::order])

    assert (with_notice.step, with_notice.step_once_answered) == (PAGE, NOTICE)
    assert (with_join.step, with_join.step_once_answered) == (PAGE, JOIN)
    assert said_to_ana(PAGE).step_once_answered is None


@pytest.mark.req("S3.2-19")
@pytest.mark.parametrize("order", [1, -1])
def test_of_steps_wanted_equally_long_the_most_demanding_one_decides(
    order: int,
) -> None:
    join = step("join", 0, verb=Verb.ESCALATE)

    call = said_to_ana(*(PAGE, join, NOTICE)[::order])

    assert call.step is PAGE
    assert call.step_once_answered is join


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_pages_the_more_urgent_one_decides(order: int) -> None:
    quiet = step("quiet", 0, urgency=Urgency.LOW)

    assert said_to_ana(*(quiet, PAGE)[::order]).step is PAGE


@pytest.mark.parametrize("stop_on", list(StopOn))
@pytest.mark.parametrize("verb", list(Verb))
def test_a_page_is_said_as_one_whatever_stands_beside_it(
    verb: Verb, stop_on: StopOn
) -> None:
    other = step("other", 0, verb=verb, stop_on=stop_on)

    call = said_to_ana(other, PAGE)

    assert call.step.verb is Verb.PAGE
    # Of two pages the first one met decides, and it may itself be the longer wanted.
    decides = call.step.stop_on is call.stop_on
    assert call.step_once_answered is (None if decides else other)


@pytest.mark.parametrize("name", ["Call", "Firing", "FiringReason"])
def test_escalation_offers_the_words_of_its_answer(name: str) -> None:
    assert name in escalation.__all__
    assert getattr(escalation, name) is getattr(firing, name)
