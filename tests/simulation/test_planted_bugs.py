"""Bugs planted in the real engine on the real PostgreSQL, where locks are real.

Each check is a short history of two workers, or of a worker and a person, in one
exact order; it returns what it saw break. The engine as it is breaks nothing, and
with the bug the same check does not come back empty. The deaths at every statement
(:mod:`tests.simulation.test_crash_points`) find the others.
"""

import threading
from collections.abc import Callable, Collection
from datetime import datetime, timedelta

import pytest
from django.db import connection, connections

from tests.engine.watch import DANA, DELIVERED, minutes
from tests.simulation.evidence import breaches, stranded
from tests.simulation.shop import Shop, put_plan_in_force
from watchbill.core.incidents import IncidentAction
from watchbill.core.notification import Attempt, Outcome
from watchbill.server.clock import VirtualClock
from watchbill.server.engine import deliver
from watchbill.server.incidents import actions as incident_actions
from watchbill.server.incidents import queries as incident_queries
from watchbill.server.incidents.grading import change_severity
from watchbill.server.incidents.models import Incident
from watchbill.server.notifications import actions, queries
from watchbill.server.notifications.models import Notification

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.req("S3.2-18", "A2"),
]

SILENT = Attempt(outcome=Outcome.UNKNOWN, detail="no answer")
WAITS = timedelta(seconds=30)

Check = Callable[[Shop], list[str]]


@pytest.fixture
def shop(db: None, virtual_clock: VirtualClock) -> Shop:
    put_plan_in_force()
    one = Shop(virtual_clock)
    one.declare_p1()
    one.settle_without_delivery()
    return one


# ── The fencing token ─────────────────────────────────────────────────────────


def a_late_answer(shop: Shop) -> list[str]:
    """A worker whose lease ran out learns that its message was taken."""
    return _records_of_a_zombie(shop, DELIVERED)


def a_late_silence(shop: Shop) -> list[str]:
    """A worker whose lease ran out learns nothing."""
    return _records_of_a_zombie(shop, SILENT)


def _records_of_a_zombie(shop: Shop, result: Attempt) -> list[str]:
    [zombie] = _claim(shop, node="one")
    shop.clock.advance(actions.LEASE + timedelta(seconds=1))
    [_] = _claim(shop, node="two")
    now = shop.clock.now()
    deliver.settle_some([(zombie, result)], now=now, wall=now)
    row = Notification.objects.get(pk=zombie.notification_id)
    second = row.deliveries.get(number=2)
    broken = [f"I6: {row} ended {second.outcome}"] if second.outcome else []
    return broken if row.state == "sending" else [*broken, f"I6: {row} is {row.state}"]


def _claim(shop: Shop, *, node: str) -> list[deliver.Claim]:
    now = shop.clock.now()
    return deliver.claim_some("slack", node=node, now=now, wall=now, limit=1)


def hold_any(monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure is recorded whoever has taken over the lease meanwhile."""

    def hold(notification_id: int, *, attempt: int) -> Notification | None:
        del attempt
        rows = Notification.objects.select_for_update().filter(pk=notification_id)
        return rows.first()

    monkeypatch.setattr(queries, "hold", hold)


def hold_any_of_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was delivered is recorded whoever has taken over the lease meanwhile."""

    def hold_many(attempts: Collection[int]) -> list[Notification]:
        rows = Notification.objects.select_for_update().filter(pk__in=attempts)
        return list(rows.order_by("pk"))

    monkeypatch.setattr(queries, "hold_many", hold_many)


# ── The lock at the claim ─────────────────────────────────────────────────────


def an_answer_between(shop: Shop) -> list[str]:
    """Somebody acknowledges between a claim's look at the incident and its commit."""
    claim_all = actions.claim_all
    broken: list[str] = []

    def pause(rows: list[Notification], **values: object) -> None:
        answer = threading.Thread(target=_acknowledge, args=(shop.clock.now(),))
        answer.start()
        if not _waits_for_a_lock(unless=answer):
            broken.append("I4: claimed after an acknowledgement was committed")
        claim_all(rows, **values)  # type: ignore[arg-type]
        answers.append(answer)

    answers: list[threading.Thread] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(actions, "claim_all", pause)
        [_] = _claim(shop, node="one")
    for answer in answers:
        answer.join(WAITS.total_seconds())
    assert Incident.objects.get().acknowledged_at is not None
    return broken


def _acknowledge(now: datetime) -> None:
    try:
        number = Incident.objects.get().pk
        incident_actions.perform(
            number, IncidentAction.ACKNOWLEDGE, actor=DANA, now=now
        )
    finally:
        connections.close_all()


def _waits_for_a_lock(*, unless: threading.Thread) -> bool:
    """Wait until somebody waits for a lock; False when the thread ends instead."""
    while unless.is_alive():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_locks"
                " WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
            )
            if cursor.fetchone()[0]:
                return True
        unless.join(0.02)
    return False


def do_not_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """The claim reads the incident and does not hold it."""

    def hold_shared(ids: set[int]) -> dict[int, Incident]:
        return Incident.objects.in_bulk(ids)

    monkeypatch.setattr(incident_queries, "hold_shared", hold_shared)


# ── The tests ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "check",
    [a_late_answer, a_late_silence, an_answer_between],
    ids=lambda f: f.__name__,
)
def test_the_engine_breaks_nothing(shop: Shop, check: Check) -> None:
    assert check(shop) == []


@pytest.mark.parametrize(
    ("plant", "check"),
    [
        (hold_any, a_late_silence),
        (hold_any_of_many, a_late_answer),
        (do_not_hold, an_answer_between),
    ],
    ids=lambda one: one.__name__,
)
def test_the_same_history_finds_a_planted_bug(
    shop: Shop,
    monkeypatch: pytest.MonkeyPatch,
    plant: Callable[[pytest.MonkeyPatch], None],
    check: Check,
) -> None:
    plant(monkeypatch)

    assert check(shop) != []


@pytest.mark.req("A3")
def test_i07_a_downgrade_that_leaves_no_step_leaves_somebody_to_be_paged(
    shop: Shop,
) -> None:
    """Found by the search: the P2's only step was in the past, and so was skipped."""
    shop.at(minutes(3.5))
    incident = Incident.objects.get()

    change_severity(
        incident.pk, "P2", reason="slow, not down", actor=DANA, now=shop.clock.now()
    )

    incident.refresh_from_db()
    assert incident.next_due_at is not None
    assert stranded() == []
    before = len(shop.told)
    shop.at(minutes(40))
    assert len(shop.told) > before
    assert breaches(shop.arrived(), now=shop.clock.now()) == []
