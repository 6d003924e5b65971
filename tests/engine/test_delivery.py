"""What becomes of a message when the world does not cooperate."""

from datetime import timedelta

import pytest

from tests.engine.watch import DELIVERED, Watch, minutes
from watchbill.core.incidents import IncidentAction
from watchbill.core.notification import (
    MAX_ATTEMPTS,
    Attempt,
    NotificationState,
    Outcome,
)
from watchbill.server.engine import deliver
from watchbill.server.incidents.models import TimelineEntry
from watchbill.server.notifications.models import Delivery, Notification

TRANSIENT = Attempt(outcome=Outcome.TRANSIENT, detail="421 later")
PERMANENT = Attempt(outcome=Outcome.PERMANENT, detail="550 no such mailbox")
UNKNOWN = Attempt(outcome=Outcome.UNKNOWN, detail="lost after DATA")


@pytest.mark.req("S2.2-07")
def test_each_attempt_is_recorded_with_its_result(watch: Watch) -> None:
    answers = iter([TRANSIENT, DELIVERED])
    watch.answer(lambda _c, to: next(answers) if "payments" in to else DELIVERED)
    watch.declare("P1", "payment")

    watch.at(timedelta(seconds=30))

    page = Notification.objects.get(contact_key="payment_specialist")
    assert page.state == NotificationState.DELIVERED
    assert list(
        page.deliveries.order_by("number").values_list("number", "outcome", "detail")
    ) == [(1, "transient", "421 later"), (2, "delivered", "250 taken")]


def test_every_attempt_carries_the_same_key_and_words(watch: Watch) -> None:
    answers = iter([TRANSIENT, UNKNOWN, DELIVERED])
    watch.answer(lambda _c, to: next(answers) if "payments" in to else DELIVERED)
    watch.declare("P1", "payment")

    watch.at(minutes(1))

    attempts = [one.notice for one in watch.told if one.who == "payments"]
    assert len(attempts) == 3
    assert len({one.idempotency_key for one in attempts}) == 1
    assert len({one.links for one in attempts}) == 1


def test_an_attempt_without_an_answer_is_marked_as_a_possible_duplicate(
    watch: Watch,
) -> None:
    answers = iter([UNKNOWN, DELIVERED])
    watch.answer(lambda _c, to: next(answers) if "payments" in to else DELIVERED)
    watch.declare("P1", "payment")

    watch.at(minutes(1))

    assert Notification.objects.get(contact_key="payment_specialist").may_be_duplicate
    assert not Notification.objects.filter(
        may_be_duplicate=True, contact_key="devops_engineer"
    ).exists()


def test_attempts_are_bounded_and_the_end_is_said_aloud(watch: Watch) -> None:
    watch.answer(lambda _c, to: TRANSIENT if "payments" in to else DELIVERED)
    watch.declare("P1", "payment")

    watch.at(minutes(14))

    page = Notification.objects.get(
        contact_key="payment_specialist", step_key="route/primary"
    )
    assert (page.state, page.attempts) == (NotificationState.FAILED, MAX_ATTEMPTS)
    assert TimelineEntry.objects.filter(
        kind="warning", text="Could not tell Payment Specialist by email"
    ).exists()


@pytest.mark.req("S2.2-09")
def test_a_mailbox_that_does_not_exist_brings_the_next_step_forward(
    watch: Watch,
) -> None:
    watch.answer(lambda _c, to: PERMANENT if "eng-mgr" in to else DELIVERED)
    incident = watch.declare("P1", "infrastructure")
    watch.at(minutes(1))
    watch.act(incident, IncidentAction.ACKNOWLEDGE)

    watch.at(minutes(30))

    # The manager cannot be told at 30 min, so the CTO is told then, not at 60.
    assert [(when, who) for when, who in watch.story() if when >= 30] == [
        (30, "eng-mgr"),
        (30, "cto"),
    ]


@pytest.mark.req("S2.2-09")
def test_when_every_mailbox_refuses_the_fallback_is_tried_at_a_measured_pace(
    watch: Watch,
) -> None:
    watch.answer(lambda channel, _to: PERMANENT if channel == "email" else DELIVERED)
    incident = watch.declare("P1", "infrastructure")

    watch.at(minutes(16))

    incident.refresh_from_db()
    tries = Notification.objects.filter(step_key__startswith="fallback/")
    keys = set(tries.values_list("step_key", flat=True))
    assert incident.reached_nobody
    assert 3 <= len(keys) <= 5


@pytest.mark.req("A2")
def test_a_page_whose_turn_comes_after_the_acknowledgement_is_never_sent(
    watch: Watch,
) -> None:
    incident = watch.declare("P1", "payment")
    watch.answer(lambda _c, _to: TRANSIENT)
    watch.at(timedelta(seconds=1))
    sent = len(watch.told)
    watch.act(incident, IncidentAction.ACKNOWLEDGE)

    watch.at(minutes(3))

    pages = Notification.objects.filter(stop_on="acknowledged")
    assert {page.state for page in pages} == {NotificationState.SUPERSEDED}
    assert {one.who for one in watch.told[sent:]} <= {"#incidents"}


def test_a_worker_that_dies_in_the_middle_is_followed_by_another(
    watch: Watch,
) -> None:
    watch.declare("P1", "payment")
    watch.reach(people={"email"}, posts=set())
    now = watch.clock.now()
    watch.settle_without_delivery()
    claimed = deliver.claim_some("email", node="dies", now=now, wall=now, limit=10)
    assert len([one for one in claimed if one.row.contact_key]) == 3

    watch.at(timedelta(seconds=29))
    assert watch.told == []
    watch.at(timedelta(seconds=31))

    assert sorted(one.who for one in watch.told) == ["backend", "devops", "payments"]
    page = Notification.objects.get(contact_key="payment_specialist")
    assert page.may_be_duplicate
    outcomes = Delivery.objects.filter(notification=page).order_by("number")
    assert [one.outcome for one in outcomes] == ["unknown", "delivered"]


def test_a_worker_that_wakes_up_late_cannot_overwrite_the_result(
    watch: Watch,
) -> None:
    watch.declare("P1", "payment")
    watch.settle_without_delivery()
    now = watch.clock.now()
    [sleeper] = [
        one
        for one in deliver.claim_some(
            "email", node="sleeps", now=now, wall=now, limit=10
        )
        if "payments" in one.address
    ]
    watch.at(timedelta(seconds=31))
    page = Notification.objects.get(contact_key="payment_specialist")
    assert page.state == NotificationState.DELIVERED

    recorded = deliver.settle(sleeper, PERMANENT, now=now, wall=watch.clock.now())

    page.refresh_from_db()
    assert not recorded
    assert page.state == NotificationState.DELIVERED


def test_a_slow_mail_server_delays_no_chat_message(watch: Watch) -> None:
    watch.declare("P1", "payment")
    watch.settle_without_delivery()

    watch.deliver("slack")

    assert [one.address for one in watch.told] == ["#incidents"]


@pytest.mark.req("S4.4-07")
def test_a_shadow_gets_a_copy_without_the_means_to_acknowledge(watch: Watch) -> None:
    watch.declare("P1", "payment")

    watch.at(timedelta(seconds=1))

    copy = next(one.notice for one in watch.told if one.who == "backend")
    page = next(one.notice for one in watch.told if one.who == "devops")
    assert [link.label for link in page.links] == ["Acknowledge", "Open in the console"]
    assert [link.label for link in copy.links] == ["Open in the console"]
    assert "you shadow the primary" in copy.paragraphs[-1]


def test_a_post_that_fails_escalates_to_nobody(watch: Watch) -> None:
    watch.answer(lambda channel, _to: PERMANENT if channel == "slack" else DELIVERED)
    watch.declare("P1", "infrastructure")

    watch.at(minutes(1))

    assert watch.story() == [(0, "devops"), (0, "backend"), (0, "#incidents")]


def test_a_notice_that_cannot_be_read_stops_no_other(watch: Watch) -> None:
    watch.declare("P1", "payment")
    watch.settle_without_delivery()
    broken = Notification.objects.get(contact_key="payment_specialist")
    Notification.objects.filter(pk=broken.pk).update(notice={"odd": 1})

    watch.settle()

    assert {one.who for one in watch.told} >= {"devops", "backend", "#incidents"}
    broken.refresh_from_db()
    assert broken.state == NotificationState.FAILED


def test_an_error_of_ours_after_the_message_left_is_a_possible_duplicate(
    watch: Watch,
) -> None:
    broken = iter([True, False])

    def answer(_channel: str, to: str) -> Attempt:
        if "payments" in to and next(broken):
            message = "a bug after the provider took it"
            raise RuntimeError(message)
        return DELIVERED

    watch.answer(answer)
    watch.declare("P1", "payment")

    watch.at(minutes(1))

    page = Notification.objects.get(contact_key="payment_specialist")
    assert (page.state, page.may_be_duplicate) == (NotificationState.DELIVERED, True)


def test_a_page_cancelled_while_its_worker_was_dead_may_have_arrived(
    watch: Watch,
) -> None:
    incident = watch.declare("P1", "payment")
    watch.settle_without_delivery()
    now = watch.clock.now()
    deliver.claim_some("email", node="dies", now=now, wall=now, limit=10)
    watch.act(incident, IncidentAction.ACKNOWLEDGE)

    watch.at(timedelta(seconds=31))

    page = Notification.objects.get(contact_key="payment_specialist")
    assert (page.state, page.may_be_duplicate) == (NotificationState.SUPERSEDED, True)
    assert page.deliveries.get().outcome == Outcome.UNKNOWN


def test_the_next_method_is_tried_although_the_first_attempt_died(
    watch: Watch,
) -> None:
    watch.reach(people={"email", "slack"}, posts=set())
    watch.answer(lambda channel, _to: PERMANENT if channel == "slack" else DELIVERED)
    watch.declare("P1", "payment")
    watch.settle_without_delivery()
    Notification.objects.filter(contact_key="payment_specialist").update(
        channel="slack",
        address="U1",
        idempotency_key="any/slack",
        next_methods=[["email", "payments@trm.rocks"]],
    )
    now = watch.clock.now()
    deliver.claim_some("slack", node="dies", now=now, wall=now, limit=10)

    watch.at(timedelta(seconds=31))

    assert "payments" in {one.who for one in watch.told}


def test_a_worker_that_dies_in_the_last_attempt_lets_the_ladder_move_on(
    watch: Watch,
) -> None:
    watch.reach(people={"email"}, posts=set())
    watch.answer(lambda _c, to: TRANSIENT if "eng-mgr" in to else DELIVERED)
    incident = watch.declare("P1", "infrastructure")
    watch.act(incident, IncidentAction.ACKNOWLEDGE)
    watch.at(minutes(15)).note(incident)
    watch.at(minutes(30))
    page = Notification.objects.get(contact_key="engineering_manager")
    Notification.objects.filter(pk=page.pk).update(
        attempts=MAX_ATTEMPTS, state="sending", lease_until=watch.clock.now()
    )

    watch.at(minutes(31))

    page.refresh_from_db()
    assert page.state == NotificationState.FAILED
    assert "cto" in {who for when, who in watch.story() if when >= 30}
