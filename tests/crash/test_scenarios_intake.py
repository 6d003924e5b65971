"""Failure scenarios of the intake, by their numbers in the reliability study.

F22, poisoned posts, is tests/intake/test_fuzz.py.
"""

import base64
import os
import random
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path

import httpx2
import psycopg
import pytest

from tests.crash import checker
from tests.crash import cluster as clusters
from tests.crash import system as systems
from tests.crash.campaign import HASTY
from tests.crash.cluster import Cluster
from tests.crash.system import System
from tests.doubles.recording_provider import RecordingProvider
from tests.e2e.product import alert, eventually, p1, p3

pytestmark = pytest.mark.crash

_POSTS = "SELECT count(*) FROM watchbill_inboxentry"


def post_in_vain(system: System, service: str) -> None:
    """Post to a web process that dies of it."""
    with pytest.raises(httpx2.TransportError):
        system.fire(p1(service))


def settled(system: System, accepted: dict[str, str]) -> checker.Verdict:
    """Start what is missing, wait until nothing waits, and judge."""
    if not any(one.role == "engine" for one in system.nodes):
        system.engines()
    checker.drain(system, seconds=60)
    verdict = checker.judge(system, accepted)
    assert verdict.violations() == {}
    return verdict


@pytest.mark.req("S4.1-09")
def test_f01_a_web_process_killed_before_the_commit_has_promised_nothing(
    system: System,
) -> None:
    web = system.fork("web", point="web: before the commit")
    system.await_web()
    post_in_vain(system, "f01")
    web.await_death()
    assert system.one(_POSTS) == 0

    system.again(web)
    system.await_web()
    system.post(p1("f01"))

    settled(system, {"f01": "P1"})
    assert system.one("SELECT count(*) FROM watchbill_incident") == 1


@pytest.mark.req("S4.1-09")
def test_f02_a_post_stored_but_not_answered_leads_to_one_incident_when_sent_again(
    system: System,
) -> None:
    web = system.fork("web", point="web: after the commit, before the answer")
    system.await_web()
    post_in_vain(system, "f02")
    web.await_death()
    assert system.one(_POSTS) == 1

    system.again(web)
    system.await_web()
    system.post(p1("f02"))

    verdict = settled(system, {"f02": "P1"})
    assert system.one(_POSTS) == 2
    assert system.one("SELECT count(*) FROM watchbill_incident") == 1
    assert verdict.max_sends() == 1


@pytest.mark.req("S4.1-09")
def test_f06_a_post_whose_commit_got_no_reply_is_never_answered_2xx(
    system: System,
) -> None:
    system.fork("web")
    system.await_web()
    system.post(p3("before"))
    system.proxy.lose_reply_to(b"the-lost-one")

    answer = system.fire(p1("the-lost-one"))

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert system.one(_POSTS) == 2, "the reply was to be lost, not the commit"
    system.post(p1("the-lost-one"))
    verdict = settled(system, {"before": "P3", "the-lost-one": "P1"})
    assert verdict.max_sends() == 1


@pytest.mark.req("S3.2-18")
def test_f06_an_engine_whose_commits_get_no_reply_fires_nothing_twice(
    system: System,
) -> None:
    system.fork("web")
    system.await_web()
    system.engines()
    eventually(lambda: system.one("SELECT count(*) FROM watchbill_enginenode"), "runs")
    before = system.proxy.lost_replies

    system.proxy.lose_reply_to(b"COMMIT")
    system.post(p1("f06"))
    for number in range(1, 5):
        eventually(
            partial(has_lost, system, before + number),
            "a reply is lost",
            seconds=20,
        )
        system.proxy.lose_reply_to(b"COMMIT")
    system.proxy.heal()

    settled(system, {"f06": "P1"})


def has_lost(system: System, wanted: int) -> bool:
    """Return whether the network has swallowed so many replies."""
    return system.proxy.lost_replies >= wanted


# ── F7: the disk is full ──────────────────────────────────────────────────────────


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of its own that a few posts can fill."""
    if os.geteuid() != 0:
        pytest.skip("F7 is NOT TESTED: only root may mount a small disk")
    with clusters.short_directory() as place:
        command = ["mount", "-t", "tmpfs", "-o", "size=220m", "wb-crash", str(place)]
        mounted = subprocess.run(command, capture_output=True, text=True)
        if mounted.returncode:
            pytest.skip(f"F7 is NOT TESTED: no small disk: {mounted.stderr.strip()}")
        clusters.give_to_ordinary_user(place)
        yield place
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.mark.req("S4.1-09")
def test_f07_a_full_disk_is_answered_503_and_forgets_nothing(
    small_disk: Path, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        cluster = stack.enter_context(clusters.running("embedded", home=small_disk))
        provider = stack.enter_context(RecordingProvider())
        system = stack.enter_context(
            systems.running(cluster, provider, tmp_path / "system", variants=HASTY)
        )
        manager = stack.enter_context(ServiceManager(cluster))
        system.fork("web")
        system.await_web()
        accepted = {"before": "P1"}
        system.post(p1("before"))
        with (small_disk / "ballast").open("wb") as ballast, suppress(OSError):
            while True:
                ballast.write(bytes(65536))

        chance = random.Random(7)
        answer = system.fire(large("s0", chance))
        for number in range(1, 40):
            if answer.status_code != 202:
                break
            accepted[f"s{number - 1}"] = "P3"
            answer = system.fire(large(f"s{number}", chance))
        assert answer.status_code == 503, "the disk was never full"
        assert answer.headers["retry-after"] == "1"

        (small_disk / "ballast").unlink()
        eventually(
            lambda: system.fire(p1("after")).status_code == 202, "posts are taken"
        )
        accepted["after"] = "P1"
        settled(system, accepted)
        assert manager.is_content


def large(service: str, chance: random.Random) -> dict[str, object]:
    """Return an alert that takes half a megabyte and cannot be compressed."""
    noise = base64.b64encode(chance.randbytes(400_000)).decode()
    return alert("HostDiskHigh", summary=noise, severity="warning", service=service)


class ServiceManager:
    """Starts the database again when it ends, as systemd would."""

    def __init__(self, cluster: Cluster) -> None:
        self.is_content = True
        self._cluster = cluster
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="service-manager")

    def __enter__(self) -> "ServiceManager":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join(30)

    def _watch(self) -> None:
        while not self._stopping.wait(0.2):
            process = self._cluster.process
            if process is not None and process.poll() is not None:
                self._cluster.spawn()


# ── F20: a storm ──────────────────────────────────────────────────────────────────


@pytest.mark.req("S4.1-09")
def test_f20_a_small_storm_of_alerts_is_taken_and_none_is_lost(
    system: System, capsys: pytest.CaptureFixture[str]
) -> None:
    storm(system, capsys, alerts=300, pages=6)


@pytest.mark.campaign
def test_f20_a_storm_of_ten_thousand_alerts_is_taken_and_none_is_lost(
    system: System, capsys: pytest.CaptureFixture[str]
) -> None:
    storm(system, capsys, alerts=10_000, pages=200)


def storm(
    system: System, capsys: pytest.CaptureFixture[str], *, alerts: int, pages: int
) -> None:
    system.fork("web")
    system.engines(2)
    system.await_web()
    accepted: dict[str, str] = {}
    every = alerts // pages
    batch = 50
    for first in range(0, alerts, batch):
        numbers = range(first, first + batch)
        answer = system.fire(
            *(p3(f"s{n}") if n % every else p1(f"s{n}") for n in numbers)
        )
        assert answer.status_code == 202, "a storm may be refused, not in this size"
        accepted |= {f"s{n}": "P3" if n % every else "P1" for n in numbers}
    checker.drain(system, seconds=60 + alerts / 20)
    verdict = checker.judge(system, accepted)

    waits = system.rows(
        "SELECT extract(epoch FROM min(d.started_at) - i.declared_at)"
        " FROM watchbill_incident i"
        " JOIN watchbill_notification n ON n.incident_id = i.id"
        " JOIN watchbill_delivery d ON d.notification_id = n.id"
        " WHERE n.verb = 'page' GROUP BY i.id, i.declared_at ORDER BY 1"
    )
    with capsys.disabled():
        print(
            f"\n{alerts} alerts: the first page after {waits[0][0]:.1f} s,"
            f" the last first page after {waits[-1][0]:.1f} s"
        )
    assert verdict.violations() == {}
    assert len(waits) == pages


# ── F30: the database is there, and is of no use ──────────────────────────────────


@pytest.mark.req("S3.2-18")
def test_f30_who_holds_a_row_in_an_idle_transaction_delays_nobody_elses_alerts(
    system: System,
) -> None:
    system.fork("web")
    system.await_web()
    system.engines()
    system.post(p1("held"))
    system.provider.wait_until(lambda received: len(received) >= 2)
    with psycopg.connect(system.cluster.url) as holder:
        # As an UPDATE holds them, in our code or by hand.
        holder.execute("SELECT id FROM watchbill_incident FOR NO KEY UPDATE")
        holder.execute("SELECT id FROM watchbill_duestep FOR NO KEY UPDATE")

        system.post(p1("other"))
        said = "PlatformDown other"
        system.provider.wait_until(
            lambda received: any(
                one.channel == "email" and said in str(one.mail["Subject"])
                for one in received
            )
        )
    settled(system, {"held": "P1", "other": "P1"})


_WAITS_FOR_INCIDENT = """
SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'
AND query LIKE 'SELECT "watchbill_incident".%' -- the end of long ones is cut off
"""


@contextmanager
def deadlock_timeout(system: System, value: str) -> Iterator[None]:
    """Let sessions that begin inside the block look for deadlocks at another time."""
    with system.cluster.connect() as connection:
        connection.execute(
            f"ALTER DATABASE {clusters.DATABASE} SET deadlock_timeout = '{value}'"
        )
        yield
        connection.execute(f"ALTER DATABASE {clusters.DATABASE} RESET deadlock_timeout")


@pytest.mark.req("S3.2-18")
def test_f30_an_engine_that_loses_a_deadlock_fires_the_step_all_the_same(
    system: System,
) -> None:
    system.fork("web")
    system.await_web()
    engine = system.engines()[0]
    system.post(p1("f30"))
    eventually(lambda: system.one("SELECT count(*) FROM watchbill_stepfiring"), "fired")
    checker.drain(system, seconds=30)
    engine.kill()
    fired = system.one("SELECT count(*) FROM watchbill_stepfiring")
    with ExitStack() as stack:
        # Who has waited so long looks for a deadlock, once: by then both must wait.
        stack.enter_context(deadlock_timeout(system, "3s"))
        other = stack.enter_context(psycopg.connect(system.cluster.url))
        other.execute("SET deadlock_timeout = '20s'")  # so the engine is the victim
        other.execute("SELECT id FROM watchbill_incident FOR UPDATE")
        system.again(engine)
        # The next step is due ten seconds after the first.
        eventually(lambda: system.one(_WAITS_FOR_INCIDENT), "the engine waits")
        other.execute(
            "SELECT id FROM watchbill_duestep WHERE kind = 'ladder' FOR UPDATE"
        )
        other.commit()

    again = "SELECT count(*) FROM watchbill_stepfiring"
    eventually(lambda: system.one(again) > fired, "the step is fired")
    assert "deadlock detected" in system.cluster.log.read_text("utf-8")
    settled(system, {"f30": "P1"})
