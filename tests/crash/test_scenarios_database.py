"""Failure scenarios of PostgreSQL: crashes, a standby, and a pooler before it."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path

import httpx2
import pytest

from tests.crash import cluster as clusters
from tests.crash import system as systems
from tests.crash.campaign import HASTY
from tests.crash.cluster import Cluster
from tests.crash.system import System
from tests.crash.test_scenarios_intake import settled
from tests.doubles.recording_provider import RecordingProvider
from tests.e2e.product import eventually, free_port, p1

pytestmark = pytest.mark.crash


@pytest.mark.req("S4.1-09")
@pytest.mark.parametrize("at_once", [False, True], ids=["immediate", "kill -9"])
def test_f04_what_was_accepted_outlives_one_crash_of_postgresql_after_the_other(
    system: System, *, at_once: bool
) -> None:
    web = system.fork("web")
    system.await_web()
    engines = system.engines(2)
    accepted = {}
    for number in range(9):
        service = f"f04-{number}"
        eventually(partial(is_accepted, system, service), "it is accepted")
        accepted[service] = "P1"
        if number % 3 == 2:
            system.cluster.crash(at_once=at_once)
            system.cluster.start()

    settled(system, accepted)
    assert all(node.is_alive() for node in (web, *engines)), "no process had to end"


def is_accepted(system: System, service: str) -> bool:
    """Post once, as a sender that tries again until it is told 202."""
    try:
        return system.fire(p1(service)).status_code == 202
    except httpx2.TransportError:
        return False


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[System, Cluster]]:
    """A system on a primary with a standby, which is asynchronous at first."""
    with ExitStack() as stack:
        place = stack.enter_context(clusters.short_directory())
        primary = stack.enter_context(clusters.running("embedded", home=place))
        provider = stack.enter_context(RecordingProvider())
        system = stack.enter_context(
            systems.running(primary, provider, tmp_path / "system", variants=HASTY)
        )
        other = primary.standby(place / "standby", name="second")
        stack.callback(other.stop)
        yield system, other


def synchronise(primary: Cluster) -> None:
    """Let the primary commit nothing before its standby has it."""
    with primary.connect() as connection:
        connection.execute("ALTER SYSTEM SET synchronous_standby_names = 'second'")
        connection.execute("SELECT pg_reload_conf()")
    state = "SELECT sync_state FROM pg_stat_replication"
    eventually(lambda: primary.rows(state) == [("sync",)], "the standby is in sync")


@pytest.mark.req("S4.1-09")
def test_f05_an_asynchronous_standby_is_warned_of_until_it_is_synchronous(
    pair: tuple[System, Cluster],
) -> None:
    system, _ = pair
    state = "SELECT state, sync_state FROM pg_stat_replication"
    streams = [("streaming", "async")]
    eventually(lambda: system.rows(state) == streams, "the standby follows")

    _, said = system.engine_after_a_look()
    assert "A standby of this database is asynchronous" in said
    assert "synchronous_standby_names" in said

    synchronise(system.cluster)
    _, said = system.engine_after_a_look()
    assert "standby" not in said


@pytest.mark.req("S4.1-09")
def test_f05_nothing_accepted_is_lost_when_a_synchronous_standby_takes_over(
    pair: tuple[System, Cluster],
) -> None:
    system, standby = pair
    synchronise(system.cluster)
    system.fork("web")
    system.await_web()
    accepted = {f"f05-{number}": "P1" for number in range(8)}
    for service in accepted:
        system.post(p1(service))

    system.cluster.crash(at_once=True)
    with standby.connect("postgres") as connection:
        connection.execute("ALTER SYSTEM SET synchronous_standby_names = ''")
    standby.promote()
    # The address stays and leads elsewhere, as with a virtual one.
    system.proxy.target = standby.port
    system.cluster = standby
    system.proxy.reset()

    eventually(lambda: is_accepted(system, "f05-after"), "the new primary is used")
    accepted["f05-after"] = "P1"
    settled(system, accepted)


# ── F30: a pooler between an engine and its database ──────────────────────────────


@pytest.fixture
def pooler_port(system: System) -> Iterator[int]:
    """PgBouncer in transaction mode: no session lasts longer than a transaction."""
    if not PGBOUNCER.exists():
        pytest.skip("F30 is NOT TESTED with a pooler: no pgbouncer (apt)")
    with clusters.short_directory() as place:
        port = free_port()
        settings = place / "pgbouncer.ini"
        settings.write_text(
            _POOLER.format(port=port, place=place, database=system.cluster.port)
        )
        command = clusters.as_ordinary_user([str(PGBOUNCER), "-q", str(settings)])
        process = subprocess.Popen(command, cwd=place)
        try:
            eventually(partial(takes_connections, port), "the pooler listens")
            yield port
        finally:
            process.kill()
            process.wait(10)


PGBOUNCER = Path("/usr/sbin/pgbouncer")
#: It refuses parameters that it does not know, and drops those it is told to ignore.
_POOLER = """
[databases]
watchbill = host=127.0.0.1 port={database} user=watchbill
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
logfile = {place}/pgbouncer.log
auth_type = any
pool_mode = transaction
default_pool_size = 10
ignore_startup_parameters = options,extra_float_digits
"""


def takes_connections(port: int) -> bool:
    with suppress(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    return False


@pytest.mark.req("S3.2-18")
def test_f30_engines_behind_a_pooler_by_transactions_miss_hints_and_no_page(
    system: System, pooler_port: int
) -> None:
    """A LISTEN goes astray there; polling is the truth, so pages only wait for it."""
    system.fork("web", database_port=system.cluster.port)
    system.await_web()
    engines = system.engines(2, database_port=pooler_port)
    system.await_healthy()
    accepted = {f"f30-{number}": "P1" for number in range(4)}
    for service in accepted:
        system.post(p1(service))
    system.provider.wait_until(lambda received: len(received) >= 8)
    killed, _ = engines
    killed.kill()
    system.again(killed)

    settled(system, accepted)
