"""Every place at which the real engine can die, one after the other.

In each scenario the process is killed once, at the k-th statement or provider call,
and another one begins. The campaign tries all k, until k is larger than the number of
ports there are, and every other run a sample of them. What must hold is asked of the
database, right after the death and again at rest, and of the record of what arrived.
The same search must find planted bugs.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction

from tests.engine.watch import DANA, DELIVERED, minutes
from tests.simulation.evidence import breaches, stranded
from tests.simulation.processes import Fuse, MortalChannels, process
from tests.simulation.shop import BOTH, Shop, clear, put_plan_in_force
from tests.simulation.world import START
from watchbill.core.incidents import IncidentAction
from watchbill.core.notification import Attempt, NotificationState, Outcome
from watchbill.server.clock import VirtualClock
from watchbill.server.incidents.actions import Actor, perform
from watchbill.server.incidents.grading import change_severity
from watchbill.server.incidents.models import Incident
from watchbill.server.notifications import actions as notification_actions
from watchbill.server.notifications.models import Notification, ReceiptWait
from watchbill.server.timers import actions as timer_actions
from watchbill.server.timers.models import DueStep, DueStepState

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.req("S1-02", "S3.2-18", "S3.2-19"),
]

Scenario = Callable[[Shop], None]

RECOVERY = minutes(2)
"""Longer than a lease and the first back-offs after it."""

_LOOKS, _GUARD = "watchbill_duestep", "duestep_is_not_the_last_look"
_INCIDENTS, _OTHER_GUARD = "watchbill_incident", "incident_has_next_look"

DEATHS = 4
"""So many places of a scenario are tried on every run; the campaign tries them all."""

ACKNOWLEDGE = IncidentAction.ACKNOWLEDGE
REFUSED = Attempt(outcome=Outcome.PERMANENT, detail="550")
SILENT = Attempt(outcome=Outcome.UNKNOWN, detail="no answer")


@pytest.fixture
def shop(db: None, virtual_clock: VirtualClock) -> Shop:
    put_plan_in_force()
    return Shop(virtual_clock)


def first_pages(shop: Shop) -> None:
    """Two pages and a post leave, and all are taken."""
    shop.settle()


def nobody_takes_it(shop: Shop) -> None:
    """Every provider refuses: next methods, and then the next step."""
    shop.answer(lambda _channel, _address: REFUSED)
    shop.settle()


def no_answer(shop: Shop) -> None:
    """Answers are lost, and a retry follows."""
    shop.answer(lambda _channel, _address: SILENT)
    shop.settle()
    shop.clock.advance(minutes(0.1))
    shop.settle()


def an_acknowledgement(shop: Shop) -> None:
    """Somebody takes it while pages wait in the outbox."""
    shop.settle_without_delivery()
    shop.act(_incident(), ACKNOWLEDGE)
    shop.clock.advance(minutes(0.1))
    shop.settle()


def after_a_power_cut(shop: Shop) -> None:
    """Six minutes are caught up at once."""
    shop.sleep_until(minutes(6.5))
    shop.settle()


def a_receipt_that_says_failed(shop: Shop) -> None:
    """A text is taken, and then its provider says that it did not arrive (F11)."""
    _texts_with_receipts(shop)
    shop.at(minutes(4))
    notification_actions.receive_receipt(
        "sms_one", "4711", ReceiptWait.FAILED, wall=shop.clock.wall()
    )
    shop.at(minutes(4.5))


def a_receipt_that_never_comes(shop: Shop) -> None:
    """A text is taken, and nobody hears of it again."""
    _texts_with_receipts(shop)
    shop.at(minutes(6.5))


def a_storm_said_in_digests(shop: Shop) -> None:
    """More than one person can read in a minute."""
    _more_incidents(shop)
    shop.settle()


def a_storm_whose_digests_are_refused(shop: Shop) -> None:
    """What a digest was to say has failed with it, and ladders move on."""
    _more_incidents(shop)

    def answer(_channel: str, _address: str) -> Attempt:
        _, _, notice = shop.channels.sent[-1]
        return REFUSED if notice.idempotency_key.startswith("digest") else DELIVERED

    shop.answer(answer)
    shop.settle()


def a_follow_up_that_is_answered(shop: Shop) -> None:
    """The lead comes before the phone would ring."""
    shop.reach(people={*BOTH, "voice"}, posts=BOTH)
    shop.at(minutes(6.5))
    lead = Actor(label="Dan", contact_key="lead")
    perform(_incident().pk, ACKNOWLEDGE, actor=lead, now=shop.clock.now())
    shop.at(minutes(8))


def a_severity_down_and_up(shop: Shop) -> None:
    """It is called a P2, and turns out to be a P1 (A3)."""
    for minute, severity in ((1, "P2"), (2.5, "P1")):
        shop.at(minutes(minute))
        change_severity(
            _incident().pk,
            severity,
            reason="as it seems now",
            actor=DANA,
            now=shop.clock.now(),
        )
    shop.at(minutes(6.5))


def _incident() -> Incident:
    return Incident.objects.earliest("pk")


def _more_incidents(shop: Shop) -> None:
    for _ in range(7):
        shop.declare_p1()


def _texts_with_receipts(shop: Shop) -> None:
    shop.reach(people={*BOTH, "sms_one", "sms_two"}, posts=BOTH)
    shop.channels = replace(shop.channels, receipts_within=minutes(1))
    taken = replace(DELIVERED, provider_ref="4711")
    shop.answer(lambda channel, _: taken if channel == "sms_one" else DELIVERED)


SCENARIOS: tuple[Scenario, ...] = (
    first_pages,
    nobody_takes_it,
    no_answer,
    an_acknowledgement,
    after_a_power_cut,
    a_receipt_that_says_failed,
    a_receipt_that_never_comes,
    a_storm_said_in_digests,
    a_storm_whose_digests_are_refused,
    a_follow_up_that_is_answered,
    a_severity_down_and_up,
)


def ports(shop: Shop, scenario: Scenario) -> int:
    """Count the statements and provider calls of a scenario."""
    fuse = Fuse()
    live(shop, scenario, fuse)
    return fuse.passed


def live(shop: Shop, scenario: Scenario, fuse: Fuse) -> None:
    """Let a scenario happen to a process that may die at the fuse."""
    clear()
    shop.clock.move_to(START)
    shop.told.clear()
    shop.channels = MortalChannels(egress=shop.channels.egress, fuse=fuse)
    shop.reach(people=BOTH, posts=BOTH)
    shop.declare_p1()
    with process(fuse):
        scenario(shop)


def deaths(shop: Shop, scenario: Scenario, *, every: int = 1) -> Iterator[list[str]]:
    """Kill the process at each port of a scenario; yield which laws broke."""
    k = 0
    while True:
        fuse = Fuse(at=k)
        live(shop, scenario, fuse)
        if not fuse.is_burnt:
            return
        broken = stranded()
        fuse.mend()
        shop.answer(lambda _channel, _address: DELIVERED)
        now = shop.clock.now() + RECOVERY
        shop.at(now - shop.start)
        yield [f"port {k}: {one}" for one in broken + breaches(shop.arrived(), now=now)]
        k += every


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.__name__)
def test_f03_a_death_at_a_sample_of_statements_loses_no_page(
    shop: Shop, scenario: Scenario
) -> None:
    every = ports(shop, scenario) // DEATHS

    results = list(deaths(shop, scenario, every=every))

    assert len(results) >= DEATHS
    assert [one for broken in results for one in broken] == []


@pytest.mark.campaign
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.__name__)
def test_f03_a_death_at_any_statement_loses_no_page(
    shop: Shop, scenario: Scenario
) -> None:
    results = list(deaths(shop, scenario))

    assert len(results) > 30
    assert [one for broken in results for one in broken] == []


# ── Planted bugs ──────────────────────────────────────────────────────────────


def next_look_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next timer outside the transaction."""

    def next_looks(
        looks: Iterable[tuple[DueStep, datetime | None]], *, now: datetime
    ) -> None:
        for step, at in looks:
            rows = DueStep.objects.filter(pk=step.pk)
            rows.update(state=DueStepState.DONE, settled_at=now)
            if at is not None:
                pending = {"state": DueStepState.PENDING, "due_at": at, "wake_at": at}
                transaction.on_commit(partial(rows.update, **pending))

    monkeypatch.setattr(timer_actions, "next_looks", next_looks)


def enqueue_on_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Notifications after the commit that decided them."""
    enqueue = notification_actions.enqueue_all

    def later(tellings: Iterable[object], **values: object) -> None:
        transaction.on_commit(partial(enqueue, list(tellings), **values))  # type: ignore[arg-type]

    monkeypatch.setattr(notification_actions, "enqueue_all", later)


def mark_before_send(monkeypatch: pytest.MonkeyPatch) -> None:
    """A notification is done once it is claimed."""
    _after_the_claim(monkeypatch, NotificationState.DELIVERED, lambda _: True)


def expired_is_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a dead worker left is given up."""
    _after_the_claim(
        monkeypatch,
        NotificationState.FAILED,
        lambda row: row.attempts > 1 and row.may_be_duplicate,
    )


def _after_the_claim(
    monkeypatch: pytest.MonkeyPatch,
    state: NotificationState,
    concerns: Callable[[Notification], bool],
) -> None:
    claim_all = notification_actions.claim_all

    def and_more(rows: Sequence[Notification], **values: Any) -> None:
        claim_all(rows, **values)
        marked = [row.pk for row in rows if concerns(row)]
        Notification.objects.filter(pk__in=marked).update(state=state, lease_until=None)

    monkeypatch.setattr(notification_actions, "claim_all", and_more)


@pytest.mark.parametrize(
    ("plant", "law"),
    [
        (enqueue_on_commit, "I7"),
        (mark_before_send, "I6"),
        (expired_is_failed, "I2"),
    ],
)
def test_the_same_deaths_find_a_planted_bug(
    shop: Shop,
    monkeypatch: pytest.MonkeyPatch,
    plant: Callable[[pytest.MonkeyPatch], None],
    law: str,
) -> None:
    plant(monkeypatch)

    found = next(broken for broken in deaths(shop, first_pages) if broken)

    assert any(f": {law}" in one for one in found)


def test_the_database_refuses_a_next_look_in_another_transaction(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    next_look_later(monkeypatch)
    shop.declare_p1()

    shop.settle_without_delivery()

    # Refused before the commit, so the step is set aside with the reason (I10).
    refused = DueStep.objects.filter(failures__gt=0)
    assert refused
    assert all("nobody will look at its" in one.last_error for one in refused)
    assert stranded() == []


def test_without_that_refusal_the_deaths_find_it(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    next_look_later(monkeypatch)
    with without_the_trigger():
        found = next(broken for broken in deaths(shop, first_pages) if broken)

        clear()
    assert any(": I7" in one for one in found)


@contextmanager
def without_the_trigger() -> Iterator[None]:
    """Let the database believe that every open incident has a next look."""
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {_LOOKS} DISABLE TRIGGER {_GUARD}")
        cursor.execute(f"ALTER TABLE {_INCIDENTS} DISABLE TRIGGER {_OTHER_GUARD}")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {_LOOKS} ENABLE TRIGGER {_GUARD}")
            cursor.execute(f"ALTER TABLE {_INCIDENTS} ENABLE TRIGGER {_OTHER_GUARD}")
