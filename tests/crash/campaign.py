"""The crash campaign: lanes of faults, side by side, and the report of their figures.

A *lane* is one installation under one seed: sender, providers, nemesis, and then peace
until nothing waits, and the questions of the checker. Lanes know nothing of each other
and leave one file each, so that a campaign that was interrupted goes on where it was.
Two *controls* have a mistake planted in them. They must lose something: a harness that
cannot see a loss proves nothing by seeing none.

    python -m tests.crash.campaign             all of it, and docs/crash-report.md
    python -m tests.crash.campaign --small     a taste of it, and no report
"""

import argparse
import contextlib
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path

import httpx2

from tests.crash import checker, cluster, report, system
from tests.crash.nemesis import Doses, Nemesis
from tests.crash.report import Figures
from tests.crash.sender import Sender
from tests.crash.system import System
from tests.doubles.recording_provider import Fault, Received, RecordingProvider
from tests.plugins.plan_index import ROOT

#: In a thousand messages, so many are met by this.
_PER_MILLE = {
    Fault.BUSY: 25,
    Fault.THROTTLED: 20,
    Fault.SILENT: 4,
    Fault.CUT_AFTER_ACCEPT: 20,
    Fault.CUT_EARLY: 20,
    Fault.SLOW: 25,
}
#: What makes a lane settle in seconds.
HASTY = ("hasty", "unthrottled")
#: Retries are spread over four minutes; an unanswered attempt waits for its lease.
_DRAIN_SECONDS = 420.0
_STATE = Path(tempfile.gettempdir()) / f"watchbill-campaign-{os.geteuid()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """What one installation has to stand."""

    name: str
    seed: int
    doses: Doses
    postgres: str = "embedded"
    variants: tuple[str, ...] = ()
    settings: dict[str, str] = field(default_factory=dict)
    #: A mistake is planted, and must be found.
    is_control: bool = False
    #: Every message of a provider that is slow gives a kill time to hit.
    always_slow: bool = False
    #: How many post at the same time, and seconds between two posts of each.
    senders: int = 2
    pause: float = 0.8
    #: For all faults together, at most.
    seconds: float = 900.0
    engines: int = 2


def full(seed: int) -> list[Lane]:
    """Return all lanes: over 1,000 SIGKILLs and over 100 database crashes."""
    # Long enough between two faults that an engine is often killed in mid-work.
    doses = Doses(kills=260, crashes=26, zombies=3, cuts=24, pauses=(0.3, 1.2))
    kinds = cluster.available()
    lanes = [
        Lane(
            name=f"lane-{number}",
            seed=seed + number,
            doses=doses,
            postgres=kinds[number % len(kinds)],
            # Half of them as shipped, half without the limits that spare a recipient
            # and, with them, most of the sends that a kill could hit.
            variants=("unthrottled",) if number < 2 else (),
        )
        for number in range(4)
    ]
    return [*lanes, *controls(seed, kills=60, crashes=15)]


def controls(seed: int, *, kills: int, crashes: int) -> list[Lane]:
    """Return the lanes that must lose something."""
    return [
        Lane(
            name="control-mark-first",
            seed=seed + 100,
            doses=Doses(kills=kills, pauses=(0.2, 0.5)),
            variants=(*HASTY, "mark first"),
            is_control=True,
            always_slow=True,
        ),
        Lane(
            name="control-asynchronous-commit",
            seed=seed + 101,
            doses=Doses(kills=0, crashes=crashes, pauses=(0.3, 0.8)),
            variants=HASTY,
            settings={"synchronous_commit": "off", "wal_writer_delay": "2s"},
            is_control=True,
        ),
    ]


def small(seed: int) -> list[Lane]:
    """Return a taste of the campaign: 30 SIGKILLs and 5 database crashes."""
    doses = Doses(kills=30, crashes=5, zombies=1, cuts=4, sleep=6.0)
    lane = Lane(name="small", seed=seed, doses=doses, variants=HASTY)
    return [lane, *controls(seed, kills=12, crashes=3)]


# ── One lane ──────────────────────────────────────────────────────────────────────


def run(lane: Lane) -> Figures:
    """Run a lane to its end and return its figures."""
    with ExitStack() as stack:
        home = stack.enter_context(cluster.short_directory())
        server = stack.enter_context(
            cluster.running(lane.postgres, home=home, **lane.settings)
        )
        chance = random.Random(lane.seed)
        peace = threading.Event()
        provider = stack.enter_context(
            RecordingProvider(_faults(lane, chance, peace), slow_seconds=0.3)
        )
        one = stack.enter_context(
            system.running(server, provider, home / "system", variants=lane.variants)
        )
        return _run(lane, one, peace)


def _run(lane: Lane, one: System, peace: threading.Event) -> Figures:
    one.fork("web")
    one.engines(lane.engines)
    one.await_web()
    one.cluster.checkpoint()  # a control must not forget its own set-up
    nemesis = Nemesis(system=one, doses=lane.doses, seed=lane.seed)
    senders = [
        Sender(one.hook, prefix=f"s{number}-", pause=lane.pause)
        for number in range(lane.senders)
    ]
    began = time.monotonic()
    with Reader(one, lane.seed) as reader:
        with ExitStack() as sending:
            for sender in senders:
                sending.enter_context(sender)
            nemesis.run(until=began + lane.seconds)
        nemesis.make_peace()
        peace.set()
        faults_took = time.monotonic() - began
        checker.drain(one, seconds=_DRAIN_SECONDS)
    accepted: dict[str, str] = {}
    for sender in senders:
        accepted |= sender.accepted
    verdict = checker.judge(one, accepted)
    return Figures(
        lane=lane.name,
        is_control=lane.is_control,
        postgres=one.cluster.version(),
        seed=lane.seed,
        seconds=time.monotonic() - began,
        fault_seconds=faults_took,
        done=dict(nemesis.done),
        provider_faults=dict(one.provider.shown),
        lost_replies=one.proxy.lost_replies,
        resets=one.proxy.resets,
        accepted=verdict.accepted,
        cut_off=sum(each.cut_off for each in senders),
        refused=sum(each.refused for each in senders),
        longest_wait=max(each.longest_wait for each in senders),
        messages=len(verdict.told),
        received=len(one.provider.received),
        acknowledged=reader.acknowledged,
        exhausted=verdict.exhausted,
        lost=verdict.lost(),
        violations={
            name: list(map(str, rows)) for name, rows in verdict.violations().items()
        },
        duplicates=verdict.duplicates(),
        unexplained=len(verdict.silent_duplicates),
        unknown=sum(told.unknown for told in verdict.told),
        max_sends=verdict.max_sends(),
        engine_recovery=_engine_recovery(one, nemesis),
        database_recovery=_database_recovery(one, nemesis),
        postgres_start=nemesis.recovery_seconds,
    )


def _faults(
    lane: Lane, chance: random.Random, peace: threading.Event
) -> Callable[[str], Fault]:
    kinds = [Fault.NONE, *_PER_MILLE]
    weights = [1000 - sum(_PER_MILLE.values()), *_PER_MILLE.values()]

    def next_fault(_channel: str) -> Fault:
        if peace.is_set():
            return Fault.NONE
        if lane.always_slow:
            return Fault.SLOW
        return chance.choices(kinds, weights)[0]

    return next_fault


class Reader:
    """Reads the mail that comes in, and acknowledges half of the incidents."""

    def __init__(self, one: System, seed: int) -> None:
        self.acknowledged = 0
        self._system = one
        self._chance = random.Random(seed + 1)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._read, name="reader")

    def __enter__(self) -> "Reader":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join(30)

    def _read(self) -> None:
        seen = 0
        while not self._stopping.wait(0.05):
            received = self._system.provider.received
            for page in received[seen : len(received)]:
                seen += 1
                if page.channel == "email" and self._chance.random() < 0.3:
                    self._acknowledge(page)

    def _acknowledge(self, page: Received) -> None:
        # The web process may be dead just now; a person would try again later.
        with contextlib.suppress(httpx2.TransportError):
            self.acknowledged += self._system.acknowledge(page)


def _engine_recovery(one: System, nemesis: Nemesis) -> list[float]:
    """Return the seconds from the fork of each engine to its first attempt."""
    first = one.rows(
        "SELECT split_part(node, ':', 2)::int, extract(epoch FROM min(started_at))"
        " FROM watchbill_delivery GROUP BY 1"
    )
    return [
        float(at) - nemesis.forked_at[pid]
        for pid, at in first
        if pid in nemesis.forked_at
    ]


def _database_recovery(one: System, nemesis: Nemesis) -> list[float]:
    """Return the seconds from each start of the database to the next message."""
    arrivals = sorted(received.at for received in one.provider.received)
    return [
        next(at - ready for at in arrivals if at > ready)
        for ready in nemesis.database_ready_at
        if arrivals and arrivals[-1] > ready
    ]


# ── All of them ───────────────────────────────────────────────────────────────────


def main() -> None:
    """Run what is still to be run, and write the report."""
    arguments = _arguments()
    if arguments.lane:
        lane = next(one for one in _lanes(arguments) if one.name == arguments.lane)
        _write(arguments.state, lane, run(lane))
        return
    lanes = _lanes(arguments)
    arguments.state.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(max_workers=arguments.at_once) as pool:
        list(pool.map(lambda lane: _run_apart(lane, arguments), lanes))
    figures = [_read(arguments.state, lane) for lane in lanes]
    found = [one for one in figures if one is not None]
    print(report.table(found))
    failures = report.failures(found, expected=len(lanes))
    if not arguments.small:
        path = ROOT / "docs" / "crash-report.md"
        path.write_text(report.document(found), "utf-8")
        print(f"Written: {path.relative_to(ROOT)}")
    sys.exit("\n".join(failures) if failures else 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="run.py campaign", description=__doc__)
    parser.add_argument("--small", action="store_true", help="a taste of it")
    parser.add_argument("--seed", type=int, default=2026, help="repeats a campaign")
    parser.add_argument("--at-once", type=int, default=2, help="lanes side by side")
    parser.add_argument("--state", type=Path, default=_STATE, help="files of the lanes")
    parser.add_argument("--afresh", action="store_true", help="forget earlier lanes")
    parser.add_argument("--lane", help=argparse.SUPPRESS)
    return parser.parse_args()


def _lanes(arguments: argparse.Namespace) -> list[Lane]:
    return small(arguments.seed) if arguments.small else full(arguments.seed)


def _run_apart(lane: Lane, arguments: argparse.Namespace) -> None:
    """Run a lane in a process of its own, unless it has been run."""
    if not arguments.afresh and _read(arguments.state, lane) is not None:
        print(f"{lane.name}: done earlier")
        return
    print(f"{lane.name}: begins")
    began = time.monotonic()
    command = [
        *system.WITH_US,
        sys.executable,
        "-m",
        "tests.crash.campaign",
        "--lane",
        lane.name,
    ]
    command += ["--seed", str(arguments.seed), "--state", str(arguments.state)]
    command += ["--small"] if arguments.small else []
    finished = subprocess.run(command, cwd=ROOT, check=False)
    took = time.monotonic() - began
    print(f"{lane.name}: ended with {finished.returncode} after {took:.0f} s")


def _write(state: Path, lane: Lane, figures: Figures) -> None:
    state.mkdir(parents=True, exist_ok=True)
    content = {"of": _digest(lane), "figures": asdict(figures)}
    _file(state, lane).write_text(json.dumps(content, indent=1), "utf-8")


def _read(state: Path, lane: Lane) -> Figures | None:
    """Return the figures of a lane, if they are of this code and these doses."""
    try:
        content = json.loads(_file(state, lane).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if content["of"] != _digest(lane):
        return None
    return Figures(**content["figures"])


def _file(state: Path, lane: Lane) -> Path:
    return state / f"{lane.name}-{lane.seed}.json"


def _digest(lane: Lane) -> str:
    """Return what tells whether figures are of the code as it is."""
    digest = hashlib.sha256(repr(lane).encode())
    for path in sorted(_sources()):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _sources() -> Iterable[Path]:
    yield from (ROOT / "src").rglob("*.py")
    yield from (ROOT / "tests" / "crash").glob("*.py")


if __name__ == "__main__":
    main()
