"""Everything that may happen to a world, in any order: the search for a broken law.

The rules are the faults and the people; the laws are checked by the simulation itself
at every commit and request. At the end of every example the faults stop, and all must
settle. What the schedule picks is drawn as a seed, so that an example is replayed from
its choices alone.
"""

from datetime import timedelta
from random import Random
from typing import ClassVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.simulation.engine import CHANNELS, Engine
from tests.simulation.laws import Broken
from tests.simulation.provider import Mood
from tests.simulation.rows import Notification
from tests.simulation.simulation import Simulation
from tests.simulation.world import PATIENT
from watchbill.core.alerts import AlertStatus
from watchbill.core.incidents import IncidentAction
from watchbill.core.paging import Wishes

seeds = st.integers(0, 2**16)
numbers = st.integers(0, 2)
ports = st.integers(1, 20)
#: Often the same for all: a network that is down spares none.
moods = st.sampled_from(Mood).map(lambda mood: [mood] * len(CHANNELS)) | st.lists(
    st.sampled_from(Mood), min_size=len(CHANNELS), max_size=len(CHANNELS)
)
#: Mostly the acknowledgement: what is resolved meets little more.
actions = st.sampled_from(
    [
        IncidentAction.ACKNOWLEDGE,
        IncidentAction.ACKNOWLEDGE,
        IncidentAction.MITIGATE,
        IncidentAction.RESOLVE,
    ]
)
PEOPLE = ("ana", "ben", "chi", "lead", "manager")

#: The most that the database's clock is set back or forward by (F13).
STEP = timedelta(minutes=10)


class AnyWorld(RuleBasedStateMachine):
    engine: ClassVar[type[Engine]] = Engine
    examples: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.posts = 0

    @initialize(
        nodes=st.integers(1, 3),
        skews=st.lists(st.integers(-120, 120), min_size=3),
        wishes=st.sampled_from([PATIENT, Wishes()]),
        moods=moods,
    )
    def begin(
        self, nodes: int, skews: list[int], wishes: Wishes, moods: list[Mood]
    ) -> None:
        type(self).examples += 1
        self.sim = Simulation(self.engine, nodes=nodes)
        self.sim.world.wishes = wishes
        self.sim.world.providers.moods.update(zip(CHANNELS, moods, strict=True))
        for node, skew in zip(self.sim.nodes, skews, strict=False):
            node.client.skew = timedelta(minutes=skew)
        self.sim.done(self.sim.declare())

    # ── Ordinary life ─────────────────────────────────────────────────────────

    @rule(steps=st.integers(1, 60), seed=seeds)
    def processes_go_on(self, steps: int, seed: int) -> None:
        self.sim.run(steps, Random(seed))

    @rule(number=numbers, steps=st.integers(1, 40), seed=seeds)
    def one_node_goes_on(self, number: int, steps: int, seed: int) -> None:
        self.sim.run_node(number, steps, Random(seed))

    @rule()
    def the_engines_settle(self) -> None:
        self.sim.settle()

    @rule(seconds=st.integers(4, 9) | st.integers(10, 400))
    def time_passes(self, seconds: int) -> None:
        self.sim.pass_time(timedelta(seconds=seconds))

    @precondition(lambda self: len(self.sim.incidents) < 3)
    @rule(severity=st.sampled_from(["P1", "P2"]))
    def somebody_declares(self, severity: str) -> None:
        self.sim.declare(severity)

    @rule(
        fingerprint=st.sampled_from(["disk", "net"]),
        status=st.sampled_from([AlertStatus.FIRING, *AlertStatus]),
    )
    def a_source_posts(self, fingerprint: str, status: AlertStatus) -> None:
        self.posts += 1
        self.sim.accept(f"post {self.posts}", fingerprint, status)

    @rule(number=numbers, action=actions, who=st.sampled_from(PEOPLE))
    def somebody_answers(self, number: int, action: IncidentAction, who: str) -> None:
        self.sim.act(self._incident(number), action, who)

    @precondition(lambda self: self._followed_up())
    @rule()
    def whoever_is_asked_comes(self) -> None:
        row = self._followed_up()[0]
        who = row.contact_key
        self.sim.act(row.incident, IncidentAction.ACKNOWLEDGE, who)

    @rule(number=numbers)
    def somebody_escalates(self, number: int) -> None:
        self.sim.escalate_now(self._incident(number))

    @rule(number=numbers, severity=st.sampled_from(["P1", "P2"]))
    def the_severity_changes(self, number: int, severity: str) -> None:
        self.sim.change_severity(self._incident(number), severity)

    @rule(wishes=st.sampled_from([PATIENT, Wishes()]))
    def people_wish_otherwise(self, wishes: Wishes) -> None:
        self.sim.world.wishes = wishes

    # ── Faults ────────────────────────────────────────────────────────────────

    @rule(number=numbers, after=ports, seed=seeds, again=st.booleans())
    def a_node_dies(self, number: int, after: int, seed: int, *, again: bool) -> None:
        self.sim.crash(number, after=after, random=Random(seed))
        if again:
            self.sim.start(number)

    @rule(after=ports)
    def the_web_dies(self, after: int) -> None:
        self.sim.crash_people(after=after)

    @rule(number=numbers)
    def a_node_starts(self, number: int) -> None:
        self.sim.start(number)

    @rule(number=numbers, after=ports, seed=seeds)
    def a_node_is_stopped(self, number: int, after: int, seed: int) -> None:
        self.sim.run_node(number, after, Random(seed))
        self.sim.stop(number)

    @rule(number=numbers)
    def a_node_goes_on(self, number: int) -> None:
        self.sim.resume(number)

    @rule(number=numbers, after=ports, seed=seeds)
    def a_node_loses_the_database(self, number: int, after: int, seed: int) -> None:
        self.sim.run_node(number, after, Random(seed))
        self.sim.cut(number)

    @rule(number=numbers)
    def a_node_finds_the_database(self, number: int) -> None:
        self.sim.mend(number)

    @rule(number=numbers, after=ports, seconds=st.integers(6, 9), seed=seeds)
    def a_node_is_slow(self, number: int, after: int, seconds: int, seed: int) -> None:
        random = Random(seed)
        self.sim.run_node(number, after, random)
        self.sim.pass_time(timedelta(seconds=seconds))
        self.sim.run_node(number + 1, 40, random)

    @rule(number=numbers, after=ports, seed=seeds)
    def a_zombie_comes_back(self, number: int, after: int, seed: int) -> None:
        random = Random(seed)
        self.sim.run_node(number, after, random)
        self.sim.stop(number)
        self.sim.pass_time(timedelta(seconds=31))
        self.sim.run_node(number + 1, 40, random)
        self.sim.resume(number)
        self.sim.run_node(number, 20, random)

    @rule(moods=moods)
    def providers_change(self, moods: list[Mood]) -> None:
        self.sim.world.providers.moods.update(zip(CHANNELS, moods, strict=True))

    @rule(deaf=st.sets(st.sampled_from(PEOPLE)) | st.just(set(PEOPLE)))
    def addresses_come_and_go(self, deaf: set[str]) -> None:
        self.sim.world.deaf = deaf

    @rule(minutes=st.integers(-10, 10))
    def the_clock_of_the_database_is_set(self, minutes: int) -> None:
        self.sim.set_clock(timedelta(minutes=minutes))

    # ── What must hold ────────────────────────────────────────────────────────

    @invariant()
    def every_law_holds(self) -> None:
        """The simulation checks them at each commit and request; see Laws."""

    def teardown(self) -> None:
        """Stop the faults: everything must come to rest."""
        if not hasattr(self, "sim"):
            return
        self.sim.world.deaf.clear()
        self.sim.liveness(within=STEP + timedelta(minutes=25))

    def _followed_up(self) -> list[Notification]:
        """What will be sent unless its reader comes, the latest first."""
        rows = self.sim.world.store.all(Notification)
        now = self.sim.world.store.now
        return [one for one in rows[::-1] if one.is_follow_up and one.due_at > now]

    def _incident(self, number: int) -> str:
        incidents = self.sim.incidents
        return incidents[number % len(incidents)].key


def search(engine: type[Engine], *, examples: int, steps: int = 30) -> Broken | None:
    """Look for an example in which an engine breaks a law, the same ones every time.

    Return the first breach, None when there is none in so many examples.
    """

    class World(AnyWorld):
        pass

    World.engine = engine
    World.examples = 0
    try:
        run_state_machine_as_test(
            World,
            settings=settings(
                max_examples=examples,
                stateful_step_count=steps,
                derandomize=True,
                database=None,
                deadline=None,
                phases=[Phase.generate],
                report_multiple_bugs=False,
                print_blob=False,
                suppress_health_check=list(HealthCheck),
            ),
        )
    except Broken as breach:
        breach.examples = World.examples
        return breach
    return None
