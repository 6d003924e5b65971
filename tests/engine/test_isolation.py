"""One bad row must not stop the others, and two engines must not double them."""

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial

import pytest
from django.db import connection, connections

from tests.engine.watch import DANA, DELIVERED, Watch, alert, minutes, prometheus
from watchbill.core.incidents import IncidentAction
from watchbill.core.ladder import Verb
from watchbill.core.notification import Attempt, Outcome
from watchbill.server.alerts.models import Alert
from watchbill.server.clock import VirtualClock
from watchbill.server.engine import deliver
from watchbill.server.engine.fire import fire_due
from watchbill.server.engine.fold import fold_waiting
from watchbill.server.engine.kinds import Moment
from watchbill.server.incidents import actions as incidents
from watchbill.server.incidents import queries as incident_queries
from watchbill.server.incidents.models import Incident, StepFiring, TimelineEntry
from watchbill.server.incidents.queries import LADDER, progress_of
from watchbill.server.notifications.actions import LEASE
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
    stuck = DueStep.objects.get(
        kind=LADDER, subject_id=bad.pk, state=DueStepState.PENDING
    )
    assert stuck.failures == 1
    assert "P9" in stuck.last_error
    assert stuck.wake_at > watch.start

    Incident.objects.filter(pk=bad.pk).update(severity="P1")
    watch.at(minutes(1))
    assert StepFiring.objects.filter(incident=bad).exists()


@pytest.mark.req("S3.2-18")
@pytest.mark.django_db(transaction=True)
def test_four_engines_fire_each_step_once(
    fresh_plans: None, without_storms: None, virtual_clock: VirtualClock
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
            kind=LADDER, subject_id=incident.pk, state=DueStepState.PENDING
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
                "email",
                node="one",
                now=virtual_clock.now(),
                wall=virtual_clock.now(),
                limit=10,
            )

        _race(answer, claim)

        left = deliver.claim_some(
            "email",
            node="two",
            now=virtual_clock.now(),
            wall=virtual_clock.now(),
            limit=10,
        )
        # What the first found held it left alone; of that nothing pages any more.
        assert not any(one.row.verb == Verb.PAGE for one in left)
        for one in (*claimed, *left):
            deliver.settle(
                one, DELIVERED, now=virtual_clock.now(), wall=virtual_clock.now()
            )
        pages = Notification.objects.filter(
            incident=incident, channel="email", verb=Verb.PAGE
        ).exclude(contact_key="")
        assert len(set(pages.values_list("state", flat=True))) == 1
        virtual_clock.advance(timedelta(seconds=1))


@pytest.mark.django_db(transaction=True)
def test_people_and_the_engine_at_once_never_fail_each_other(
    fresh_plans: None, trm_plan: PlanVersion, virtual_clock: VirtualClock
) -> None:
    """An acknowledgement that waits for a firing finds the next look it made."""
    for number in range(15):
        watch = Watch(virtual_clock)
        incident = watch.declare("P1", "payment")

        def fire(watch: Watch = watch) -> None:
            for _ in range(5):
                watch.settle_without_delivery()

        def answer(watch: Watch = watch, incident: Incident = incident) -> None:
            watch.act(incident, IncidentAction.ACKNOWLEDGE)

        def hurry(incident: Incident = incident) -> None:
            incidents.escalate_now(incident.pk, actor=DANA, now=virtual_clock.now())

        _race(fire, answer, hurry, fire)

        incident.refresh_from_db()
        assert incident.acknowledged_at is not None, number
        pending = DueStep.objects.filter(
            kind=LADDER, subject_id=incident.pk, state=DueStepState.PENDING
        )
        assert pending.count() == 1
        virtual_clock.advance(timedelta(seconds=1))


@pytest.mark.req("S2.2-09")
@pytest.mark.django_db(transaction=True)
def test_two_recipients_that_fail_at_once_let_the_ladder_move_on(
    fresh_plans: None, trm_plan: PlanVersion, virtual_clock: VirtualClock
) -> None:
    refused = Attempt(outcome=Outcome.PERMANENT, detail="550")
    for _ in range(10):
        watch = Watch(virtual_clock)
        watch.reach(people={"email"}, posts=set())
        incident = watch.declare("P1", "payment")
        watch.settle_without_delivery()
        now = virtual_clock.now()
        claims = [
            one
            for one in deliver.claim_some(
                "email", node="one", now=now, wall=now, limit=500
            )
            if one.row.incident_id == incident.pk
        ]
        step = Notification.objects.get(
            incident=incident, contact_key="devops_engineer"
        ).step_key
        Notification.objects.filter(incident=incident, is_copy=False).update(
            step_key=step
        )

        _race(
            *(
                partial(_settle, claim, refused, now=now)
                for claim in claims
                if not claim.row.is_copy
            )
        )

        due = DueStep.objects.get(
            kind=LADDER, subject_id=incident.pk, state=DueStepState.PENDING
        )
        assert len(claims) > 1
        assert due.due_at == now
        # Else its pages, and too many for one recipient, mix with the next one's.
        watch.act(incident, IncidentAction.RESOLVE)
        virtual_clock.advance(timedelta(minutes=2))


@pytest.mark.req("S2.2-09", "S3.2-21")
def test_a_step_that_is_due_already_is_not_taken_for_the_end_of_the_ladder(
    watch: Watch,
) -> None:
    """Two steps fail at one instant, before the next one has fired."""
    incident = watch.declare("P1", "payment")
    watch.settle_without_delivery()
    for _ in range(2):
        incidents.move_on(incident.pk, because="Nobody was told.", now=watch.start)

    pressed = incidents.escalate_now(incident.pk, actor=DANA, now=watch.start)

    progress = progress_of(Incident.objects.get(pk=incident.pk))
    assert progress.fallback_at is None
    assert list(progress.brought_forward.values()) == [watch.start]
    assert (pressed.is_change, pressed.reason) == (
        False,
        "the next step is due already",
    )


@pytest.mark.req("S2.2-09")
def test_the_fallback_is_turned_to_when_the_last_step_fails(watch: Watch) -> None:
    incident = watch.declare("P1", "payment")
    for _ in range(20):
        watch.settle_without_delivery()
        incidents.move_on(incident.pk, because="Nobody was told.", now=watch.start)

    pressed = incidents.escalate_now(incident.pk, actor=DANA, now=watch.start)

    progress = progress_of(Incident.objects.get(pk=incident.pk))
    assert progress.fallback_tries == 1
    assert pressed.reason == "no further step contacts anybody"


def test_a_lease_is_counted_from_when_the_incidents_are_held(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A claim that waited for somebody to acknowledge is no shorter for it."""
    watch.declare("P1", "payment")
    watch.settle_without_delivery()
    hold_shared = incident_queries.hold_shared

    def wait_and_hold(ids: set[int]) -> dict[int, Incident]:
        watch.clock.advance(timedelta(seconds=20))
        return hold_shared(ids)

    monkeypatch.setattr(incident_queries, "hold_shared", wait_and_hold)

    [claim] = deliver.claim_some(
        "email", node="one", now=watch.start, wall=watch.start, limit=1
    )

    row = Notification.objects.get(pk=claim.notification_id)
    assert row.lease_until == watch.start + timedelta(seconds=20) + LEASE


@pytest.mark.req("S4.1-09")
@pytest.mark.django_db(transaction=True)
def test_an_alert_never_joins_an_incident_that_is_being_resolved(
    fresh_plans: None, trm_plan: PlanVersion, virtual_clock: VirtualClock
) -> None:
    source = prometheus(virtual_clock.now())
    for number in range(12):
        watch = Watch(virtual_clock)
        watch.post(source, alert(instance=f"first{number}"))
        watch.settle_without_delivery()
        incident = Incident.objects.latest("pk")
        watch.post(source, alert(instance=f"second{number}"))

        def resolve(watch: Watch = watch, incident: Incident = incident) -> None:
            watch.act(incident, IncidentAction.RESOLVE)

        def fold() -> None:
            fold_waiting(now=virtual_clock.now())

        _race(resolve, fold)

        second = Alert.objects.get(labels__instance=f"second{number}")
        joined_before = TimelineEntry.objects.filter(
            incident=incident,
            text__startswith="Alert firing",
            pk__lt=_resolved(incident),
        ).count()
        assert second.incident_id != incident.pk or joined_before == 2
        virtual_clock.advance(timedelta(minutes=10))
        latest = Incident.objects.latest("pk")
        if latest.status != "resolved":
            watch.act(latest, IncidentAction.RESOLVE)
        virtual_clock.advance(timedelta(minutes=10))


def _settle(claim: deliver.Claim, result: Attempt, *, now: datetime) -> None:
    deliver.settle(claim, result, now=now, wall=now)


def _resolved(incident: Incident) -> int:
    return TimelineEntry.objects.get(
        incident=incident, text__startswith="Resolved by"
    ).pk


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
