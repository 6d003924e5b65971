"""One bad row must not stop the others, and two engines must not double them."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.db import connection, connections

from tests.engine.watch import DELIVERED, Watch, alert, minutes, prometheus
from watchbill.core.incidents import IncidentAction
from watchbill.server.clock import VirtualClock
from watchbill.server.engine import deliver
from watchbill.server.engine.fire import Moment, fire_due
from watchbill.server.engine.fold import fold_waiting
from watchbill.server.incidents.models import Incident, StepFiring
from watchbill.server.notifications.models import Notification
from watchbill.server.plans import queries as plans
from watchbill.server.plans.models import PlanVersion
from watchbill.server.timers.models import DueStep, DueStepState


@pytest.fixture
def fresh_plans() -> Iterator[None]:
    """Plans are kept by number for ever, but a truncated table counts anew."""
    plans.forget()
    yield
    plans.forget()


def test_a_step_that_cannot_be_decided_is_pushed_back_and_shown(
    watch: Watch,
) -> None:
    bad = watch.declare("P1", "payment")
    Incident.objects.filter(pk=bad.pk).update(severity="P9")
    good = watch.declare("P1", "infrastructure")

    watch.at(timedelta(0))

    assert StepFiring.objects.filter(incident=good).exists()
    assert not StepFiring.objects.filter(incident=bad).exists()
    stuck = DueStep.objects.get(subject_id=bad.pk, state=DueStepState.PENDING)
    assert stuck.failures == 1
    assert "P9" in stuck.last_error
    assert stuck.wake_at > watch.start

    Incident.objects.filter(pk=bad.pk).update(severity="P1")
    watch.at(minutes(1))
    assert StepFiring.objects.filter(incident=bad).exists()


@pytest.mark.req("S3.2-18")
@pytest.mark.django_db(transaction=True)
def test_four_engines_fire_each_step_once(
    fresh_plans: None, trm_plan: PlanVersion, virtual_clock: VirtualClock
) -> None:
    watch = Watch(virtual_clock)
    source = prometheus(watch.start)
    for number in range(25):
        watch.post(source, alert(f"Payment{number}"), alert(f"Payment{number + 1}"))

    def engine() -> None:
        moment = Moment(
            now=virtual_clock.now(),
            wall=virtual_clock.now(),
            reach=watch.channels.reach,
        )
        for _ in range(40):
            fold_waiting(now=moment.now, limit=3)
            fire_due(moment, limit=3)

    _race(*[engine] * 4)
    virtual_clock.advance(timedelta(minutes=5))
    _race(*[engine] * 4)

    assert Incident.objects.count() == 26
    for incident in Incident.objects.all():
        keys = list(incident.firings.values_list("step_key", flat=True))
        assert len(keys) == len(set(keys)) == 6
        pending = DueStep.objects.filter(
            subject_id=incident.pk, state=DueStepState.PENDING
        )
        assert pending.count() == 1
    told = Notification.objects.values_list("incident", "step_key", "contact_key")
    assert len(told) == len(set(told))


@pytest.mark.req("A2")
@pytest.mark.django_db(transaction=True)
def test_an_acknowledgement_and_a_claim_at_once_never_cross(
    fresh_plans: None, trm_plan: PlanVersion, virtual_clock: VirtualClock
) -> None:
    """Whichever commits first: no page is claimed after a committed answer."""
    for _ in range(10):
        watch = Watch(virtual_clock)
        incident = watch.declare("P1", "payment")
        watch.settle_without_delivery()
        claimed: list[deliver.Claim] = []

        def answer(watch: Watch = watch, incident: Incident = incident) -> None:
            watch.act(incident, IncidentAction.ACKNOWLEDGE)

        def claim(claimed: list[deliver.Claim] = claimed) -> None:
            claimed += deliver.claim_some(
                "email", node="one", wall=virtual_clock.now(), limit=10
            )

        _race(answer, claim)

        left = deliver.claim_some(
            "email", node="two", wall=virtual_clock.now(), limit=10
        )
        assert left == []
        for one in claimed:
            deliver.settle(
                one, DELIVERED, now=virtual_clock.now(), wall=virtual_clock.now()
            )
        states = set(
            Notification.objects.filter(incident=incident, channel="email").values_list(
                "state", flat=True
            )
        )
        assert len(states) == 1
        virtual_clock.advance(timedelta(seconds=1))


def _race(*bodies: Callable[[], None]) -> None:
    """Run every body at once, each on a connection of its own."""
    start = threading.Barrier(len(bodies))
    errors: list[BaseException] = []

    def run(body: Callable[[], None]) -> None:
        try:
            start.wait()
            body()
        except BaseException as error:  # shown by the assertion below
            errors.append(error)
        finally:
            connections.close_all()

    connection.close()
    threads = [threading.Thread(target=run, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
