"""The simulation and the product live through the same day and tell the same people.

Both run the same plan, the same answers of providers and the same deeds of people, at
the same virtual instants: the one on the database in memory, the other on PostgreSQL.
What arrived (when, to whom, by which step, how it was said, by which channel, whether
late) and the states at the end must agree. So what the simulation proves is about the
product, and not about a second engine that only looks like it.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from tests.engine.watch import DELIVERED, minutes
from tests.simulation.provider import Mood
from tests.simulation.rows import Incident as SimulatedIncident
from tests.simulation.rows import Notification as SimulatedNotification
from tests.simulation.shop import Shop, put_plan_in_force
from tests.simulation.simulation import Simulation
from tests.simulation.world import START
from watchbill.core.incidents import IncidentAction
from watchbill.core.notification import Attempt, Outcome
from watchbill.server.clock import VirtualClock
from watchbill.server.incidents.models import Incident, StepFiring
from watchbill.server.notifications.models import Notification

pytestmark = pytest.mark.req("S3.2-18", "S3.2-19", "A2")

ACK, RESOLVE = IncidentAction.ACKNOWLEDGE, IncidentAction.RESOLVE

_ANSWERS = {
    Mood.ACCEPTS: DELIVERED,
    Mood.REFUSES: Attempt(outcome=Outcome.PERMANENT),
    Mood.FAILS: Attempt(outcome=Outcome.TRANSIENT),
    Mood.HANGS: Attempt(outcome=Outcome.UNKNOWN),
    Mood.THROTTLES: Attempt(
        outcome=Outcome.THROTTLED, retry_after=timedelta(seconds=30)
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """The world up to so many minutes after the start, and what people do then."""

    minute: float
    #: How providers behave from the event before on.
    moods: dict[str, Mood] = field(default_factory=dict)
    action: IncidentAction | None = None
    #: Nobody runs the engine until this event.
    after_downtime: bool = False


TRACES: dict[str, tuple[Event, ...]] = {
    "nobody answers": (Event(minute=50),),
    "somebody answers": (Event(minute=3.5, action=ACK), Event(minute=40)),
    "resolved at once": (Event(minute=1, action=RESOLVE), Event(minute=40)),
    "a power cut": (
        Event(minute=1),
        Event(minute=9, after_downtime=True),
        Event(minute=20, action=ACK),
    ),
    "an answer during a power cut": (
        Event(minute=1),
        Event(minute=7, after_downtime=True, action=ACK),
        Event(minute=30),
    ),
    "chat is down": (
        Event(minute=0, moods={"slack": Mood.FAILS}),
        Event(minute=2, moods={"slack": Mood.ACCEPTS}),
        Event(minute=20, action=ACK),
    ),
    "everything is refused, and mended": (
        Event(minute=2),
        Event(minute=12, moods={"slack": Mood.REFUSES, "email": Mood.REFUSES}),
        Event(minute=45, moods={"slack": Mood.ACCEPTS, "email": Mood.ACCEPTS}),
    ),
    "no answer, then a throttle": (
        Event(minute=0, moods={"slack": Mood.HANGS, "email": Mood.THROTTLES}),
        Event(minute=4, moods={"slack": Mood.ACCEPTS, "email": Mood.ACCEPTS}),
        Event(minute=30, action=RESOLVE),
    ),
}

Told = tuple[str, str, str, str, bool]
Ending = tuple[Counter[Told], Counter[tuple[str, ...]], list[str]]


@pytest.mark.parametrize("name", TRACES)
def test_the_simulation_and_the_product_tell_the_same_people(
    db: None, virtual_clock: VirtualClock, name: str
) -> None:
    put_plan_in_force()

    simulated = in_memory(TRACES[name])
    real = on_postgres(Shop(virtual_clock), TRACES[name])

    assert simulated == real
    assert simulated[0]


@pytest.mark.parametrize("name", ["nobody answers", "chat is down", "a power cut"])
@pytest.mark.parametrize("nodes", [2, 3])
def test_i06_many_nodes_tell_what_one_node_tells(nodes: int, name: str) -> None:
    one = in_memory(TRACES[name])

    assert in_memory(TRACES[name], nodes=nodes) == one


@pytest.mark.parametrize("name", ["nobody answers", "chat is down"])
def test_i06_two_engines_on_postgres_tell_what_one_tells(
    db: None, virtual_clock: VirtualClock, name: str
) -> None:
    put_plan_in_force()
    shop = Shop(virtual_clock)
    shop.others = [shop.with_node("two"), shop.with_node("three")]

    assert on_postgres(shop, TRACES[name]) == in_memory(TRACES[name])


def in_memory(trace: Iterable[Event], *, nodes: int = 1) -> Ending:
    sim = Simulation(nodes=nodes)
    sim.done(sim.declare())
    for event in trace:
        sim.world.providers.moods.update(event.moods)
        if event.after_downtime:
            sim.world.store.set_clock(START + minutes(event.minute))
            _act_in_memory(sim, event)
        sim.at(minutes(event.minute), start=START)
        if not event.after_downtime:
            _act_in_memory(sim, event)
            sim.at(minutes(event.minute), start=START)
    rows = sim.world.store.all(SimulatedNotification)
    requests = Counter(
        (
            str(one.page[1]), str(one.address), str(one.channel), str(one.verb),
            one.is_late,
        )
        for one in sim.world.providers.requests
    )  # fmt: skip
    return (
        requests,
        Counter(
            (one.step_key, one.recipient, str(one.channel), one.state.value)
            for one in rows
        ),
        [one.status.value for one in sim.world.store.all(SimulatedIncident)],
    )


def _act_in_memory(sim: Simulation, event: Event) -> None:
    if event.action is not None:
        sim.done(sim.act(sim.incidents[0].key, event.action))


def on_postgres(shop: Shop, trace: Iterable[Event]) -> Ending:
    incident = Incident.objects.get(pk=shop.declare_p1())
    moods: dict[str, Mood] = {}
    shop.answer(lambda channel, _: _ANSWERS[moods.get(channel, Mood.ACCEPTS)])
    for event in trace:
        moods.update(event.moods)
        if event.after_downtime:
            shop.sleep_until(minutes(event.minute))
            if event.action is not None:
                shop.act(incident, event.action)
        shop.at(minutes(event.minute))
        if event.action is not None and not event.after_downtime:
            shop.act(incident, event.action)
            shop.at(minutes(event.minute))
    fired = StepFiring.objects.values_list("step_key", flat=True)
    # What tells the channels that something changed is told beside the ladder.
    rows = Notification.objects.filter(step_key__in=set(fired))
    by_key = {one.idempotency_key: one for one in rows}
    sent = [
        by_key[notice.idempotency_key]
        for _, _, notice in shop.channels.sent
        if notice.idempotency_key in by_key
    ]
    requests = Counter(
        (one.step_key, one.address, one.channel, one.verb, one.is_late) for one in sent
    )
    return (
        requests,
        Counter(
            (one.step_key, _name(one), one.channel, one.state)
            for one in by_key.values()
        ),
        [one.status for one in Incident.objects.all()],
    )


def _name(row: Notification) -> str:
    return row.recipient.partition(",")[0]
