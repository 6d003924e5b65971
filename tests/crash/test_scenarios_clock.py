"""Failure scenarios of clocks: those of the nodes, and that of the database (I9).

libfaketime shifts the clock of a running process by what a file says. The monotonic
clock stays true, as it does when an administrator sets the time.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.crash import checker
from tests.crash import cluster as clusters
from tests.crash import system as systems
from tests.crash.campaign import HASTY
from tests.crash.system import System
from tests.crash.test_scenarios_intake import settled
from tests.doubles.recording_provider import RecordingProvider
from tests.e2e.product import eventually, p1

LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))

pytestmark = [
    pytest.mark.crash,
    pytest.mark.skipif(
        not LIBRARIES, reason="F12 and F13 are NOT TESTED: no libfaketime (apt)"
    ),
]


class FakedClock:
    """What tells processes how far their clock is off."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.set("+0")

    def set(self, offset: str) -> None:
        part = self.file.with_suffix(".part")
        part.write_text(offset + "\n", "utf-8")
        part.chmod(0o644)
        part.rename(self.file)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(LIBRARIES[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_RESET": "1",
        }


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    with clusters.short_directory() as path:
        yield path


@pytest.fixture(scope="module")
def nodes_clock(place: Path) -> FakedClock:
    return FakedClock(place / "nodes.time")


@pytest.fixture(scope="module")
def faked_system(place: Path, nodes_clock: FakedClock) -> Iterator[System]:
    """Nodes with a clock of their own, on a database with the true one."""
    with ExitStack() as stack:
        cluster = stack.enter_context(clusters.running("embedded", home=place))
        provider = stack.enter_context(RecordingProvider())
        yield stack.enter_context(
            systems.running(
                cluster,
                provider,
                place / "nodes",
                variants=HASTY,
                env=nodes_clock.environment,
            )
        )


@pytest.fixture(scope="module")
def undisturbed(faked_system: System, nodes_clock: FakedClock) -> Counter[str]:
    return told_by(faked_system, nodes_clock, "+0")


@pytest.mark.req("S3.2-18")
@pytest.mark.parametrize(
    "offset", ["+3600", "-3600", "+10y", "@2026-03-01 00:00:00"], ids=str
)
def test_f12_wrong_clocks_of_the_nodes_change_no_page(
    faked_system: System,
    nodes_clock: FakedClock,
    undisturbed: Counter[str],
    offset: str,
) -> None:
    assert told_by(faked_system, nodes_clock, offset) == undisturbed


def told_by(system: System, nodes: FakedClock, offset: str) -> Counter[str]:
    """Return what is said of one alert up to the second step of its ladder."""
    systems.clean(system)
    nodes.set(offset)
    system.fork("web")
    system.await_web()
    system.engines()
    system.post(p1("f12"))
    pages = (
        "SELECT count(*) FROM watchbill_notification WHERE state = 'delivered'"
        " AND verb = 'page' AND idempotency_key NOT LIKE %s"
    )
    eventually(
        lambda: system.one(pages, "%/route/%") >= 3,
        "the ladder's second page is sent",
        seconds=120,
    )
    verdict = settled(system, {"f12": "P1"})  # nor is anything said twice unexplained
    early = ("0m", "10s", "route/primary")
    return Counter(
        one.key.partition("/")[2]
        for one in verdict.told
        if any(word in one.key for word in early)
    )


@pytest.fixture
def database_clock(place: Path) -> FakedClock:
    return FakedClock(place / "database.time")


@pytest.fixture
def system_on_faked_database(
    place: Path, database_clock: FakedClock, tmp_path: Path
) -> Iterator[System]:
    with ExitStack() as stack:
        own = stack.enter_context(clusters.short_directory())
        cluster = stack.enter_context(clusters.running("embedded", home=own))
        cluster.stop()
        cluster.clock = database_clock.environment
        cluster.start()
        provider = stack.enter_context(RecordingProvider())
        yield stack.enter_context(
            systems.running(cluster, provider, tmp_path / "system", variants=HASTY)
        )


@pytest.mark.req("S3.2-18")
def test_f13_a_database_clock_that_jumps_fires_no_step_twice_and_skips_none(
    system_on_faked_database: System, database_clock: FakedClock
) -> None:
    system = system_on_faked_database
    system.fork("web")
    system.await_web()
    system.engines(2)
    system.post(p1("before"))
    pages = "SELECT count(*) FROM watchbill_notification WHERE state = 'delivered'"
    eventually(lambda: system.one(pages) >= 3, "the first pages are sent")

    database_clock.set("-600")
    system.post(p1("while it is back"))
    system.provider.wait_until(
        lambda received: any(
            one.channel == "email" and "while it is back" in str(one.mail["Subject"])
            for one in received
        )
    )
    assert checker.judge(system, {}).max_sends() == 1, "a step was fired again"

    eventually(
        lambda: system.health().json()["clock"]["moved_seconds"] < -500,
        "those who watch it are told that the clock moved",
    )
    moved = system.health().json()["clock"]
    assert moved["moved_seconds"] == pytest.approx(-600, abs=10)
    # A minute of it is taken over; for the rest, the nodes run ahead of the database.
    assert moved["ahead_seconds"] == pytest.approx(540, abs=30)

    database_clock.set("+600")
    fired = "SELECT count(*) FROM watchbill_stepfiring WHERE incident_id = %s"
    first = system.one("SELECT min(id) FROM watchbill_incident")
    eventually(lambda: system.one(fired, first) >= 5, "what is due by then is fired")
    verdict = settled(system, {"before": "P1", "while it is back": "P1"})

    assert verdict.max_sends() == 1
    twice = (
        "SELECT count(*) FROM watchbill_stepfiring"
        " GROUP BY incident_id, step_key HAVING count(*) > 1"
    )
    assert system.rows(twice) == []
