"""What is done to the system, in a random order that a seed repeats.

A process is killed and its successor forked at once; a database is crashed and started
again; an engine is stopped for longer than its lease and then goes on, as after a pause
of its virtual machine; the network between the nodes and the database breaks.
"""

import random
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.crash.cluster import ready_after
from tests.crash.system import Node, System

#: What the network does, one after the other.
CUTS = ("reset", "blackhole", "slow", "refuse", "lost COMMIT reply", "cut in a reply")


@dataclass(frozen=True, slots=True, kw_only=True)
class Doses:
    """How much of what."""

    kills: int
    crashes: int = 0
    zombies: int = 0
    cuts: int = 0
    #: Seconds between two faults, at least and at most.
    pauses: tuple[float, float] = (0.1, 0.5)
    #: Seconds for which a zombie sleeps.
    sleep: float = 33.0


@dataclass(kw_only=True)
class Nemesis:
    """Does it, and counts."""

    system: System
    doses: Doses
    seed: int
    done: Counter[str] = field(default_factory=Counter)
    #: When each engine was forked, by its process number.
    forked_at: dict[int, float] = field(default_factory=dict)
    #: By the monotonic clock, when each crashed database took connections again.
    database_ready_at: list[float] = field(default_factory=list)
    recovery_seconds: list[float] = field(default_factory=list)
    _asleep: dict[int, tuple[Node, float]] = field(default_factory=dict)

    def run(self, *, until: float) -> None:
        """Do everything, or stop at an instant of the monotonic clock."""
        chance = random.Random(self.seed)
        doses = self.doses
        plan = (
            ["kill"] * doses.kills
            + ["crash"] * doses.crashes
            + ["zombie"] * doses.zombies
            + ["cut"] * doses.cuts
        )
        chance.shuffle(plan)
        pause = threading.Event()
        self._remember()
        for what in plan:
            if time.monotonic() > until:
                self.done["out of time"] = 1
                return
            pause.wait(chance.uniform(*doses.pauses))
            self._wake()
            match what:
                case "kill":
                    self._kill(chance)
                case "crash":
                    self._crash(chance)
                case "zombie":
                    self._stop(chance)
                case "cut":
                    self._cut(chance, pause)

    def make_peace(self) -> None:
        """Undo what lasts, so that the system can settle."""
        self._wake(everybody=True)
        self.system.proxy.heal()

    def _remember(self) -> None:
        for node in self.system.nodes:
            if node.role == "engine":
                self.forked_at[node.pid] = node.started_at

    def _kill(self, chance: random.Random) -> None:
        free = [one for one in self.system.nodes if one.pid not in self._asleep]
        engines = [one for one in free if one.role == "engine"]
        web = [one for one in free if one.role == "web"]
        node = chance.choice(engines if engines and chance.random() < 0.7 else web)
        node.kill()
        self.done[f"SIGKILL of the {node.role}"] += 1
        again = self.system.again(node)
        if again.role == "engine":
            self.forked_at[again.pid] = again.started_at

    def _crash(self, chance: random.Random) -> None:
        at_once = chance.random() < 0.5
        self.system.cluster.crash(at_once=at_once)
        how = "SIGKILL of all of PostgreSQL" if at_once else "immediate stop"
        self.done[f"PostgreSQL: {how}"] += 1
        self.recovery_seconds.append(ready_after(self.system.cluster))
        self.database_ready_at.append(time.monotonic())

    def _stop(self, chance: random.Random) -> None:
        engines = [
            one
            for one in self.system.nodes
            if one.role == "engine" and one.pid not in self._asleep
        ]
        if len(engines) < 2:
            return
        node = chance.choice(engines)
        node.signal(signal.SIGSTOP)
        self._asleep[node.pid] = (node, time.monotonic() + self.doses.sleep)
        self.done["SIGSTOP of an engine beyond its lease"] += 1

    def _wake(self, *, everybody: bool = False) -> None:
        for pid, (node, at) in list(self._asleep.items()):
            if everybody or time.monotonic() >= at:
                node.signal(signal.SIGCONT)
                del self._asleep[pid]

    def _cut(self, chance: random.Random, pause: threading.Event) -> None:
        proxy = self.system.proxy
        what = chance.choice(CUTS)
        match what:
            case "reset":
                proxy.reset()
            case "blackhole":
                proxy.blackhole()
            case "slow":
                proxy.delay(0.05)
            case "refuse":
                proxy.drop()
            case "lost COMMIT reply":
                proxy.lose_reply_to(b"COMMIT")
            case "cut in a reply":
                proxy.cut_after(chance.randrange(500, 5000))
        self.done[f"network: {what}"] += 1
        pause.wait(chance.uniform(0.2, 1.0))
        proxy.heal()
