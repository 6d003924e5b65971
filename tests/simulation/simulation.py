"""A simulated world run step by step: who goes on, who dies, what time it is.

A process is a generator that stops before every port. The schedule picks which one
goes on, so every interleaving of statements and every place of a crash can be had,
and had again from the same choices. Two modes, as TigerBeetle has them: in the
*safety* mode anything may fail at any time and the laws are checked at each commit
and request; in the *liveness* mode the faults stop, and all must come to rest.

What is assumed of a live process is what the product's settings enforce: it ends the
work in hand within the send timeout, or its statement is cancelled by the lock
timeout, both of which are shorter than a lease. A process that is stopped, as by
SIGSTOP, is not live, and may come back as a zombie at any time.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from tests.simulation.engine import CHANNELS, IDLE, SEND_TIMEOUT, SENDING, Engine
from tests.simulation.laws import Broken, Laws
from tests.simulation.provider import Mood
from tests.simulation.rows import OPEN, DueStep, Incident, Notification
from tests.simulation.store import BLOCKED, Lost, Port
from tests.simulation.world import Client, Flight, World
from watchbill.core.incidents import IncidentAction

_ENDLESS = 30_000
"""More steps than any rest needs."""

PATIENCE = timedelta(seconds=5)


@dataclass(eq=False)
class Process:
    """One thread of a node, or one request of a person."""

    client: Client
    start: Callable[[], Port]
    #: A loop is begun anew after an error; a request is not.
    is_loop: bool = True
    #: The channel it sends by, if it does.
    channel: str = ""
    port: str = IDLE
    is_over: bool = False
    began_at: datetime | None = None
    #: It was suspended, or the clock was set, since it began: it may be a zombie.
    is_disturbed: bool = False
    #: The number of commits at which it began a cycle that found nothing.
    rested_at: int = -1
    _began_with: int = -1
    _body: Port | None = None

    @property
    def is_blocked(self) -> bool:
        return self.port == BLOCKED

    def step(self, *, now: datetime, commits: int) -> str:
        """Use one port, and go on to the next."""
        if self._body is None:
            self._body = self.start()
        if self.port == IDLE:
            self.began_at, self._began_with = now, commits
            self.is_disturbed = False
        try:
            self.port = next(self._body)
        except StopIteration:
            self.end()
        except Lost:
            self.fail()
        if self.port == IDLE:
            self.rested_at = self._began_with
            self.began_at = None
        return self.port

    def cancel(self) -> None:
        """Have the statement it waits in fail, as the lock timeout does."""
        assert self._body is not None
        try:
            self._body.throw(Lost())
        except (Lost, StopIteration):
            self.fail()

    def fail(self) -> None:
        """The work in hand failed; a loop begins anew."""
        self._body, self.port, self.began_at = None, IDLE, None
        self._began_with = -1
        self.is_over = not self.is_loop

    def end(self) -> None:
        """A request is answered."""
        self._body, self.port, self.began_at, self.is_over = None, IDLE, None, True

    def kill(self) -> None:
        """Die where it stands; what it had open is rolled back."""
        if self._body is not None:
            self._body.close()
        self.end()


@dataclass(eq=False)
class Node:
    engine: Engine
    processes: list[Process] = field(default_factory=list)

    @property
    def client(self) -> Client:
        return self.engine.client

    @property
    def is_up(self) -> bool:
        return bool(self.processes)

    def start(self) -> None:
        engine, client = self.engine, self.client
        if self.processes:
            return
        self.processes = [
            Process(client, engine.folding),
            Process(client, engine.firing),
            *(
                Process(client, _delivering(engine, channel), channel=channel)
                for channel in CHANNELS
            ),
        ]

    def crash(self) -> None:
        for process in self.processes:
            process.kill()
        self.processes = []


def _ends_by(process: Process, until: datetime) -> bool:
    """Return whether a live process ends what it has in hand before an instant."""
    return process.began_at is not None and until - process.began_at > SEND_TIMEOUT


def _delivering(engine: Engine, channel: str) -> Callable[[], Port]:
    return lambda: engine.delivering(channel)


class Simulation:
    """One world with some nodes and the people who use it."""

    def __init__(
        self,
        engine: type[Engine] = Engine,
        *,
        nodes: int = 1,
        world: World | None = None,
    ) -> None:
        self.world = world or World()
        self.laws = Laws(self.world)
        self.world.store.observers.append(self.laws)
        self.nodes = [
            Node(engine(self.world, Client(f"node {number}")))
            for number in range(1, nodes + 1)
        ]
        self.people = engine(self.world, Client("web"))
        self.requests: list[Process] = []
        for node in self.nodes:
            node.start()

    # ── What people and sources do ────────────────────────────────────────────

    def declare(self, severity: str = "P1") -> Process:
        group = f"group {self.world.store.number()}"
        return self.ask(lambda: self.people.declare(severity, group))

    def accept(self, name: str, fingerprint: str, status: object) -> Process:
        return self.ask(
            lambda: self.people.accept(name, fingerprint, status)  # type: ignore[arg-type]
        )

    def act(self, incident: str, action: IncidentAction, who: str = "Ana") -> Process:
        return self.ask(lambda: self.people.perform(incident, action, who))

    def escalate_now(self, incident: str) -> Process:
        return self.ask(lambda: self.people.escalate_now(incident))

    def change_severity(self, incident: str, severity: str) -> Process:
        return self.ask(lambda: self.people.change_severity(incident, severity))

    def ask(self, body: Callable[[], Port]) -> Process:
        """Begin a request; it goes on with the others until it is done."""
        one = Process(self.people.client, body, is_loop=False)
        self.requests.append(one)
        return one

    def done(self, request: Process) -> Process:
        """Let a request be answered before anything else happens."""
        for _ in range(_ENDLESS):
            if request.is_over:
                return request
            self.step(request)
            if request.is_blocked:
                self.run(1, Random(0))
        raise Broken("I2", "a request is never answered")

    @property
    def incidents(self) -> list[Incident]:
        return self.world.store.all(Incident)

    # ── The schedule ──────────────────────────────────────────────────────────

    def processes(self) -> list[Process]:
        """Return whatever can go on."""
        self.requests = [one for one in self.requests if not one.is_over]
        loops = [
            process
            for node in self.nodes
            if not node.client.is_stopped
            for process in node.processes
        ]
        return [*loops, *self.requests]

    def step(self, process: Process) -> None:
        """Let one process use one port; check what it sent."""
        sent = len(self.world.sent)
        store = self.world.store
        port = process.step(now=store.now, commits=store.commits)
        if len(self.world.sent) > sent:
            self.laws.check_request(sent)
        self._follow(process, port)

    def _follow(self, process: Process, port: str) -> None:
        """Keep in sight which requests are under way."""
        place = (process.client, process.channel)
        if port not in SENDING:
            self.laws.flights.pop(place, None)
        elif place not in self.laws.flights:
            notification, attempt = self.world.claims[place]
            self.laws.flights[place] = Flight(
                notification=notification,
                attempt=attempt,
                client=process.client,
                is_disturbed=process.is_disturbed,
            )

    def run(self, steps: int, random: Random) -> None:
        """Let random processes go on."""
        for _ in range(steps):
            ready = self.processes()
            if ready:
                self.step(random.choice(ready))

    def run_node(self, number: int, ports: int, random: Random) -> Node:
        """Let one node alone use so many ports."""
        node = self.nodes[number % len(self.nodes)]
        for _ in range(ports):
            if node.processes and not node.client.is_stopped:
                self.step(random.choice(node.processes))
        return node

    def crash(self, number: int, *, after: int, random: Random) -> None:
        """Kill a node after it has used so many ports."""
        node = self.run_node(number, after, random)
        self._land(node.client)
        node.crash()

    def crash_people(self, *, after: int) -> None:
        """Kill the process that serves people after so many ports."""
        for request in self.requests:
            for _ in range(after):
                if not request.is_over:
                    self.step(request)
            request.kill()

    def stop(self, number: int) -> None:
        """Suspend a node, as SIGSTOP does."""
        client = self.nodes[number % len(self.nodes)].client
        client.is_stopped = True
        self._disturb(client)

    def resume(self, number: int) -> None:
        """Let a suspended node go on where it stood: a zombie, perhaps."""
        self.nodes[number % len(self.nodes)].client.is_stopped = False

    def cut(self, number: int) -> None:
        """Part a node from the database, and not from the providers."""
        client = self.nodes[number % len(self.nodes)].client
        client.is_cut_off = True
        self.world.store.cut(client)

    def mend(self, number: int) -> None:
        """Let a node reach the database again."""
        self.nodes[number % len(self.nodes)].client.is_cut_off = False

    def start(self, number: int) -> None:
        """Start a node that crashed."""
        self.nodes[number % len(self.nodes)].start()

    # ── Time ──────────────────────────────────────────────────────────────────

    def pass_time(self, by: timedelta) -> None:
        """Let time pass; a live process first ends what it has in hand for long."""
        until = self.world.store.now + by
        while busy := [one for one in self.processes() if _ends_by(one, until)]:
            self._finish(busy[0])
        self.world.store.set_clock(until)

    def set_clock(self, by: timedelta) -> None:
        """Set the database's clock forward or back, as an operator might."""
        self._disturb(None)
        self.world.store.set_clock(self.world.store.now + by)

    def _finish(self, process: Process) -> None:
        for _ in range(_ENDLESS):
            if process.began_at is None or process.is_over:
                return
            self.step(process)
            if process.is_blocked and not self._unblock(process):
                process.cancel()
                self._follow(process, process.port)
                return
        raise Broken("I3", "a process never ends what it does")

    def _unblock(self, process: Process) -> bool:
        """Let the others go on until a lock is free; False when none does."""
        for _ in range(200):
            others = [
                one
                for one in self.processes()
                if one is not process and one.began_at is not None
            ]
            if not others:
                break
            for one in others:
                self.step(one)
            self.step(process)
            if not process.is_blocked:
                return True
        return not process.is_blocked

    def _disturb(self, client: Client | None) -> None:
        for flight in self.laws.flights.values():
            if client in {None, flight.client}:
                flight.is_disturbed = True
        for node in self.nodes:
            for process in node.processes:
                if client in {None, process.client}:
                    process.is_disturbed = True

    def _land(self, client: Client) -> None:
        for place in [one for one in self.laws.flights if one[0] is client]:
            del self.laws.flights[place]

    # ── Coming to rest ────────────────────────────────────────────────────────

    def settle(self) -> None:
        """Run every process until none finds anything to do at this instant."""
        for _ in range(_ENDLESS):
            active = [one for one in self.processes() if not self._rests(one)]
            if not active:
                return
            for process in active:
                self.step(process)
            if all(one.is_blocked for one in active):
                if not any(node.client.is_stopped for node in self.nodes):
                    raise Broken("I2", "everybody waits for a lock of somebody else")
                return
        raise Broken("I2", "the engine never comes to rest")

    def _rests(self, process: Process) -> bool:
        if not process.is_loop or process.port != IDLE:
            return False
        fresh = process.rested_at == self.world.store.commits
        return fresh or process.client.is_cut_off

    def at(self, after: timedelta, *, start: datetime) -> None:
        """Run to an instant, as a live engine would that wakes whenever it must."""
        end = start + after
        self.settle()
        while (moment := self.next_moment()) is not None and moment <= end:
            self.world.store.set_clock(moment)
            self._wake()
            self.settle()
        self.world.store.set_clock(max(end, self.world.store.now))
        self._wake()
        self.settle()

    def next_moment(self) -> datetime | None:
        """Return the next instant at which something becomes due."""
        now = self.world.store.now
        due = [row.wake_at for row in self.world.store.all(DueStep) if row.is_pending]
        sends = [
            row.wake_at
            for row in self.world.store.all(Notification)
            if row.state in OPEN
        ]
        return min((one for one in [*due, *sends] if one > now), default=None)

    def end_faults(self) -> None:
        """Begin the liveness mode: everything works from now on."""
        for number, node in enumerate(self.nodes):
            self.resume(number)
            self.mend(number)
            node.start()
        self.people.client.is_cut_off = False
        for channel in CHANNELS:
            self.world.providers.moods[channel] = Mood.ACCEPTS
        self._wake()

    def liveness(self, *, within: timedelta = timedelta(minutes=20)) -> None:
        """End the faults, let time pass, and require that all has settled."""
        self.end_faults()
        self.at(within, start=self.world.store.now)
        self.laws.at_rest(patience=PATIENCE)

    def _wake(self) -> None:
        for process in self.processes():
            process.rested_at = -1

    def told(self) -> Iterator[tuple[timedelta, str, str, str, str, bool]]:
        """Yield what arrived: when, step, who, verb, channel, and whether late."""
        begin = self.incidents[0].declared_at
        for one in self.world.providers.accepted():
            _, step, who, channel = one.page
            yield (one.at - begin, step, who, one.verb, channel, one.is_late)
