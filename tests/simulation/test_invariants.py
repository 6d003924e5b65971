"""I1 to I12, each shown once by name; the searches look for every way to break them."""

from datetime import timedelta
from random import Random

import pytest

from tests.engine.watch import DELIVERED, minutes
from tests.simulation.provider import Mood
from tests.simulation.rows import (
    Delivery,
    DueStep,
    Incident,
    Notification,
    Post,
    StepFiring,
)
from tests.simulation.shop import Shop, put_plan_in_force
from tests.simulation.simulation import Process, Simulation
from tests.simulation.world import START
from watchbill.core.alerts import AlertStatus
from watchbill.core.escalation import FiringReason
from watchbill.core.incidents import IncidentAction
from watchbill.core.notification import MAX_ATTEMPTS, NotificationState, Outcome
from watchbill.core.oncall import Duty, Override
from watchbill.core.temporal import Interval
from watchbill.server.clock import VirtualClock
from watchbill.server.engine import actions, deliver, queries
from watchbill.server.engine.models import AuditRun
from watchbill.server.notifications.models import Notification as NotificationRow

ACK, RESOLVE = IncidentAction.ACKNOWLEDGE, IncidentAction.RESOLVE
SECOND = timedelta(seconds=1)


def run(sim: Simulation, minute: float) -> None:
    sim.at(minutes(minute), start=START)


def declared(*, nodes: int = 1) -> Simulation:
    sim = Simulation(nodes=nodes)
    sim.done(sim.declare())
    return sim


def sender(sim: Simulation, node: int, channel: str) -> Process:
    """Return the process of a node that sends by a channel."""
    every = sim.nodes[node].processes
    return next(one for one in every if one.channel == channel)


def until(sim: Simulation, process: Process, port: str) -> None:
    """Let one process go on until it stands before a port."""
    for _ in range(100):
        if process.port == port:
            return
        sim.step(process)
    raise AssertionError(port)


# ── Invariants ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("ports", range(4))
def test_i01_what_was_answered_2xx_is_in_the_store_wherever_the_web_dies(
    ports: int,
) -> None:
    sim = Simulation()
    sim.accept("first", "disk", AlertStatus.FIRING)
    sim.crash_people(after=ports)

    stored = {post.name for post in sim.world.store.all(Post)}

    assert sim.world.answered <= stored
    sim.liveness()


def test_i02_every_post_has_a_disposition_and_every_page_an_end() -> None:
    sim = Simulation(nodes=2)
    for number in range(6):
        status = AlertStatus.RESOLVED if number % 3 == 2 else AlertStatus.FIRING
        sim.accept(f"post {number}", f"alert {number % 2}", status)
    sim.world.providers.moods.update(slack=Mood.REFUSES, email=Mood.FAILS)
    sim.run(300, Random(1))

    sim.liveness()

    assert all(post.disposition for post in sim.world.store.all(Post))


def test_i03_after_any_downtime_what_is_due_is_sent_at_once() -> None:
    sim = declared()
    sim.crash(0, after=3, random=Random(3))
    sim.pass_time(timedelta(minutes=7))
    sim.start(0)

    sim.settle()

    begun = [one.started_at for one in sim.world.store.all(Delivery)]
    assert begun
    assert set(begun) == {sim.world.store.now}


@pytest.mark.req("A2")
def test_i04_no_page_is_claimed_after_an_acknowledgement() -> None:
    sim = declared()
    until(sim, sim.nodes[0].processes[1], "idle")
    for _ in range(8):
        sim.step(sim.nodes[0].processes[1])
    sim.done(sim.act(sim.incidents[0].key, ACK))

    sim.settle()

    states = {row.state for row in sim.world.store.all(Notification) if row.contact_key}
    assert states == {NotificationState.SUPERSEDED}


def test_i05_a_doubled_message_has_one_key_and_says_that_it_may_be_doubled() -> None:
    sim = declared()
    sim.world.providers.moods["slack"] = Mood.LOSES_THE_ANSWER
    run(sim, 2)
    sim.liveness()

    doubled = [
        row
        for row in sim.world.store.all(Notification)
        if sum(one.page == row.page for one in sim.world.providers.accepted()) > 1
    ]
    assert doubled
    assert all(row.may_be_duplicate for row in doubled)
    assert all(row.attempts <= MAX_ATTEMPTS for row in doubled)


def test_i06_a_zombie_records_nothing() -> None:
    sim = declared(nodes=2)
    for node in sim.nodes:
        node.processes[0].is_over = True
    until(sim, sim.nodes[0].processes[1], "commit")
    sim.step(sim.nodes[0].processes[1])
    zombie = sender(sim, 0, "slack")
    until(sim, zombie, "read the reply")
    sim.stop(0)
    sim.pass_time(timedelta(seconds=31))
    sim.settle()
    before = list(sim.world.store.all(Delivery))

    sim.resume(0)
    sim.settle()

    assert sim.world.store.all(Delivery)[: len(before)] == before


@pytest.mark.django_db
def test_i06_the_product_refuses_the_result_of_a_zombie(
    virtual_clock: VirtualClock,
) -> None:
    put_plan_in_force()
    shop = Shop(virtual_clock)
    shop.declare_p1()
    shop.settle_without_delivery()
    [first] = _claim(shop, node="one")
    shop.clock.advance(timedelta(seconds=31))
    again = _claim(shop, node="two")

    now = shop.clock.now()
    assert not deliver.settle(first, DELIVERED, now=now, wall=now)

    row = NotificationRow.objects.get(pk=first.notification_id)
    assert [one.notification_id for one in again] == [row.pk]
    assert (row.state, row.attempts, row.may_be_duplicate) == ("sending", 2, True)


def _claim(shop: Shop, *, node: str) -> list[deliver.Claim]:
    now = shop.clock.now()
    return deliver.claim_some("slack", node=node, now=now, wall=now, limit=1)


def test_i07_an_open_incident_has_a_next_look_at_every_commit() -> None:
    """The law is checked at each commit of this day, and of all others."""
    sim = declared(nodes=2)
    run(sim, 300)

    [due] = sim.world.store.all(DueStep)
    assert due.is_pending


@pytest.mark.req("S2.2-09")
def test_i08_a_step_without_anybody_is_not_waited_out() -> None:
    sim = declared()
    run(sim, 4)

    fired = {one.step_key: one for one in sim.world.store.all(StepFiring)}
    assert fired["P1/4m-page"].reason is FiringReason.REACHED_NOBODY
    assert fired["route/secondary"].fired_at == START + minutes(4)


@pytest.mark.parametrize("skew", [-60, 60, 60 * 24 * 3650])
def test_i09_pages_do_not_depend_on_the_clocks_of_nodes(skew: int) -> None:
    right, wrong = declared(nodes=2), Simulation(nodes=2)
    for node in wrong.nodes:
        node.client.skew = timedelta(minutes=skew)
    wrong.done(wrong.declare())
    run(right, 60)
    run(wrong, 60)

    assert sorted(map(str, right.told())) == sorted(map(str, wrong.told()))


@pytest.mark.parametrize("step", [-10, 10])
def test_i09_a_step_of_the_databases_clock_fires_nothing_twice(step: int) -> None:
    sim = declared(nodes=2)
    run(sim, 3.5)
    sim.set_clock(minutes(step))
    sim.liveness(within=minutes(60))

    keys = [one.key for one in sim.world.store.all(StepFiring)]
    assert len(keys) == len(set(keys))
    assert {"2/P1/6m-escalate", "2/P1/8m-notify"} <= set(keys)


def test_i10_one_channel_that_hangs_delays_no_other() -> None:
    sim = declared()
    run(sim, 2)
    sim.world.providers.moods["slack"] = Mood.HANGS
    run(sim, 6.5)

    by_mail = [one for one in sim.told() if one[4] == "email"]
    assert (minutes(3), "P1/3m-page", "chi", "page", "email", False) in by_mail


@pytest.mark.req("S3.2-19")
def test_i11_a_catch_up_is_one_late_message_a_person() -> None:
    sim = declared()
    run(sim, 1)
    sim.crash(0, after=0, random=Random(0))
    sim.pass_time(timedelta(minutes=15))
    sim.start(0)
    before = len(list(sim.told()))
    sim.settle()

    late = list(sim.told())[before:]
    assert sorted(who for _, _, who, *_ in late) == ["chi", "lead", "manager"]
    assert all(is_late for *_, is_late in late)


@pytest.mark.django_db
def test_i12_without_a_cycle_in_a_minute_the_engine_is_dead_and_says_so(
    virtual_clock: VirtualClock,
) -> None:
    now = virtual_clock.now()
    actions.report("one", version="1", cycled_at=now, wall=now)
    AuditRun.objects.create(
        started_at=now, finished_at=now + 59 * SECOND, is_clean=True
    )

    assert queries.health(wall=now + 59 * SECOND).is_alive
    dead = queries.health(wall=now + 60 * SECOND)
    assert not dead.is_alive
    assert "nobody is being paged" in dead.text


# ── Scenarios of the reliability study, column "Sim" ──────────────────────────


def test_f01_a_post_whose_web_died_before_the_commit_is_posted_again() -> None:
    sim = Simulation()
    sim.accept("first", "disk", AlertStatus.FIRING)
    sim.crash_people(after=1)
    assert not sim.world.answered
    sim.done(sim.accept("first again", "disk", AlertStatus.FIRING))
    sim.settle()

    assert len(sim.incidents) == 1


def test_f02_a_post_whose_answer_was_lost_joins_its_incident() -> None:
    sim = Simulation()
    sim.accept("first", "disk", AlertStatus.FIRING)
    sim.crash_people(after=3)
    assert not sim.world.answered
    assert len(sim.world.store.all(Post)) == 1
    sim.done(sim.accept("first again", "disk", AlertStatus.FIRING))
    sim.settle()

    assert len(sim.incidents) == 1


@pytest.mark.parametrize("k", range(40))
def test_f03_a_death_at_every_port_is_made_good(k: int) -> None:
    sim = declared(nodes=2)
    sim.crash(0, after=k, random=Random(k))

    sim.liveness()

    attempts = [one.number for one in sim.world.store.all(Delivery)]
    assert max(attempts) <= 2


def test_f10_an_answer_that_is_lost_is_recorded_as_unknown() -> None:
    sim = declared()
    sim.world.providers.moods["slack"] = Mood.LOSES_THE_ANSWER
    sim.settle()

    outcomes = {
        one.outcome
        for one in sim.world.store.all(Delivery)
        if one.notification.endswith("slack")
    }
    assert outcomes == {Outcome.UNKNOWN}


@pytest.mark.req("S2.2-09")
def test_f16_an_empty_rota_turns_to_the_fallback_at_once() -> None:
    sim = Simulation()
    sim.world.deaf = {"ana", "ben", "chi", "lead"}
    sim.done(sim.declare("P2"))
    run(sim, 2)

    assert {who for _, _, who, *_ in sim.told()} == {"manager"}


def test_f16_an_override_that_has_ended_counts_no_more() -> None:
    sim = Simulation()
    gone = Interval(starts_at=START - minutes(60), ends_at=START)
    override = Override(
        schedule="primary", duty=Duty.PRIMARY, contact="lead", during=gone
    )
    sim.world.overrides = (override,)
    sim.done(sim.declare())
    sim.settle()

    people = {who for _, step, who, *_ in sim.told() if step == "P1/0m-page"}
    assert "ana" in people
    assert "lead" not in people


@pytest.mark.req("S2.2-09")
def test_f17_somebody_who_left_in_the_middle_is_passed_over() -> None:
    sim = declared()
    run(sim, 1)
    sim.world.deaf = {"chi"}
    run(sim, 3)

    firing = sim.world.store.find(StepFiring, "2/P1/3m-page")
    assert firing is not None
    assert firing.reason is FiringReason.REACHED_NOBODY
    assert any(who == "lead" for _, _, who, *_ in sim.told())


def test_f18_an_incident_keeps_its_plan_and_finds_its_people_anew() -> None:
    sim = declared()
    run(sim, 1)
    whole = Interval(starts_at=START, ends_at=START + minutes(60))
    sim.world.overrides = (
        Override(schedule="primary", duty=Duty.SECONDARY, contact="lead", during=whole),
    )
    run(sim, 3)

    assert ("P1/3m-page", "lead") in {(step, who) for _, step, who, *_ in sim.told()}


@pytest.mark.parametrize("seed", range(60))
def test_f19_two_acknowledgements_race_with_the_claims_in_every_order(
    seed: int,
) -> None:
    sim = declared(nodes=2)
    random = Random(seed)
    sim.run(seed, random)
    key = sim.incidents[0].key
    sim.act(key, ACK, "Ana")
    sim.act(key, ACK, "Ben")
    sim.run(200, random)
    sim.liveness()

    incident = sim.world.store.find(Incident, key)
    assert incident is not None
    assert len(sim.world.acted) == 1
    assert incident.acknowledged_by == sim.world.acted[0][0]


def test_f21_an_alert_that_flaps_for_an_hour_is_one_incident() -> None:
    sim = Simulation()
    for number in range(720):
        status = AlertStatus.RESOLVED if number % 2 else AlertStatus.FIRING
        sim.done(sim.accept(f"post {number}", "disk", status))
        sim.at(timedelta(seconds=5 * number), start=START)

    assert len(sim.incidents) == 1
    assert len(sim.world.providers.requests) <= 20
