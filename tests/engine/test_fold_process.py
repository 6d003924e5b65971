"""Looking after the process that folds, and what alerts that join hold."""

import logging
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import pytest
from django.db import connections, transaction

from tests.engine.watch import Watch
from watchbill.server.clock import VirtualClock
from watchbill.server.engine import folding
from watchbill.server.engine.threads import keep_going
from watchbill.server.incidents import queries as incidents
from watchbill.server.incidents.models import Incident
from watchbill.server.plans import queries as plans
from watchbill.server.plans.models import PlanVersion

T = TypeVar("T")


def test_when_no_process_can_live_it_is_said_and_given_up(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(folding, "MODULE", "watchbill.nowhere")
    monkeypatch.setattr(folding, "_RESTART_AFTER", 0)
    rounds: list[None] = []

    with caplog.at_level(logging.ERROR):
        could = folding.keep_process(
            until=threading.Event(), done=lambda: rounds.append(None)
        )

    assert not could
    assert rounds == []
    ended = "the process that folds ended with 1; starting it again"
    assert caplog.messages == [
        *[ended] * folding.MAX_EARLY_DEATHS,
        "no process that folds can live; folding here",
    ]


def test_a_part_goes_on_after_an_error_until_the_stop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("watchbill.server.engine.threads._AFTER_ERROR", timedelta(0))
    stop = threading.Event()
    turns: list[int] = []

    def body() -> None:
        turns.append(len(turns))
        if len(turns) == 3:
            stop.set()
        raise ValueError("whatever")

    keep_going(body, until=stop)

    assert turns == [0, 1, 2]


@pytest.mark.req("S4.1-09")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_proposed", [False, True])
def test_messages_about_an_incident_leave_while_alerts_join_it(
    trm_plan: PlanVersion, virtual_clock: VirtualClock, *, is_proposed: bool
) -> None:
    plans.forget()
    incident = Watch(virtual_clock).declare()
    if is_proposed:
        Incident.objects.update(resolve_proposed_at=virtual_clock.now())

    with transaction.atomic():
        assert set(incidents.hold_to_join([incident.pk])) == {incident.pk}
        claimable = _elsewhere(lambda: incidents.hold_shared({incident.pk}))
        changeable = _elsewhere(lambda: _hold_at_once(incident.pk))

    assert set(claimable) == (set() if is_proposed else {incident.pk})
    assert changeable == [], "nobody may resolve it meanwhile"
    assert _elsewhere(lambda: _hold_at_once(incident.pk)) == [incident.pk]


def _hold_at_once(number: int) -> list[int]:
    rows = Incident.objects.select_for_update(no_key=True, skip_locked=True)
    return [one.pk for one in rows.filter(pk=number)]


def _elsewhere(ask: Callable[[], T]) -> T:
    """Ask in a transaction of another connection."""
    found: list[T] = []

    def run() -> None:
        try:
            with transaction.atomic():
                found.append(ask())
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(30)
    return found[0]
