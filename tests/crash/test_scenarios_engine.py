"""Failure scenarios of the engine, by their numbers in the reliability study."""

import signal
import time
from collections import Counter
from functools import partial
from pathlib import Path

import psycopg
import pytest

from tests.crash import checker
from tests.crash import system as systems
from tests.crash.campaign import HASTY
from tests.crash.sender import Sender
from tests.crash.system import System
from tests.crash.test_scenarios_intake import settled
from tests.doubles.recording_provider import Fault
from tests.e2e.product import eventually, p1, p3

pytestmark = pytest.mark.crash

#: Where an engine dies, and whether a message of its workers may have arrived by then.
DEATHS = {
    "after the claim": False,
    "before the socket opens": False,
    "after the request is written": True,
    "after the answer is read": True,
    "before the result commits": True,
    "after the result commits": True,
    "between firing and the next look": False,
    "after firing commits": False,
}


@pytest.mark.req("S3.2-18", "S2.2-07")
@pytest.mark.parametrize("point", DEATHS)
def test_f03_an_engine_that_dies_anywhere_loses_no_page(
    system: System, point: str
) -> None:
    system.fork("web")
    system.await_web()
    dying = system.fork("engine", point=point)
    system.post(p1("f03"))
    dying.await_death()

    system.again(dying)

    verdict = settled(system, {"f03": "P1"})
    assert verdict.max_sends() <= (2 if DEATHS[point] else 1)
    assert system.one(
        "SELECT count(*) FROM watchbill_duestep WHERE state = 'pending'"
        " AND kind = 'ladder'"
    )


@pytest.mark.req("S3.2-18")
@pytest.mark.parametrize("engines", [2, 3])
def test_f14_several_engines_say_what_one_would_say(
    system: System, engines: int
) -> None:
    said = []
    for count in (1, engines):
        systems.clean(system)
        system.fork("web")
        system.await_web()
        system.engines(count)
        for number in range(6):
            system.post(p1(f"f14-{number}"))
        verdict = settled(system, {f"f14-{number}": "P1" for number in range(6)})
        assert verdict.max_sends() == 1
        first = ("0m", "route")
        said.append(
            Counter(
                one.key.partition("/")[2]
                for one in verdict.told
                if any(word in one.key for word in first) and one.received
            )
        )

    assert said[0] == said[1]
    assert said[0].total() >= 18


@pytest.mark.req("S3.2-18", "S2.2-07")
def test_f14_an_engine_that_wakes_after_its_lease_changes_nothing(
    system: System,
) -> None:
    system.fork("web")
    system.await_web()
    zombie = system.fork("engine", point="stopped after the claim")
    system.post(p1("f14"))
    eventually(zombie.is_stopped, "the engine is stopped with a claim in its hands")
    system.engines()
    checker.drain(system, seconds=60)
    before = system.provider.counts()
    assert before, "nobody took over"

    zombie.signal(signal.SIGCONT)

    eventually(lambda: system.has_said("taken over"), "its result was refused")
    verdict = settled(system, {"f14": "P1"})
    assert verdict.max_sends() <= 2


@pytest.mark.req("S3.2-18")
def test_f15_an_engine_cut_off_from_the_database_sends_nothing_new(
    system: System,
) -> None:
    """Half open: no reset and no end, as when a cable is pulled."""
    system.fork("web", database_port=system.cluster.port)
    system.await_web()
    isolated = system.fork("engine")
    nodes = "SELECT count(*) FROM watchbill_enginenode"
    eventually(lambda: system.one(nodes) == 1, "the first engine runs")
    system.proxy.blackhole()
    system.fork("engine", database_port=system.cluster.port)
    eventually(lambda: system.one(nodes) == 2, "the second engine runs")
    accepted = {f"f15-{number}": "P1" for number in range(4)}
    for service in accepted:
        system.post(p1(service))

    verdict = settled(system, accepted)

    by_isolated = "SELECT count(*) FROM watchbill_delivery WHERE node LIKE %s"
    assert isolated.is_alive()
    assert system.one(by_isolated, f"%:{isolated.pid}") == 0
    assert verdict.max_sends() == 1
    system.proxy.heal()
    cycled = (
        "SELECT count(*) FROM watchbill_enginenode WHERE name LIKE %s"
        " AND cycled_at > clock_timestamp() - interval '3 seconds'"
    )
    eventually(
        lambda: system.one(cycled, f"%:{isolated.pid}"), "it works again by itself"
    )


def test_f15_every_connection_of_the_engine_notices_a_dead_peer(
    system: System,
) -> None:
    """What the kernel does then cannot be seen on one machine; that it is asked can."""
    system.engines()
    sessions = "SELECT pid FROM pg_stat_activity WHERE application_name = 'watchbill'"
    eventually(lambda: len(system.rows(sessions)) >= 3, "the engine is connected")

    port = f":{system.proxy.port:04X}"
    lines = Path("/proc/net/tcp").read_text("utf-8").splitlines()[1:]
    # Columns: number, local, remote, state ("01" is established), queues, timer ("02"
    # is the keep-alive); see proc_net_tcp.rst of the kernel.
    columns = [line.split() for line in lines]
    timers = [one[5][:2] for one in columns if one[2].endswith(port) and one[3] == "01"]
    assert len(timers) >= 3
    assert "00" not in timers, "a connection would never notice"


#: All of what half an hour without engines is late for.
_HALF_AN_HOUR = (
    "UPDATE watchbill_inboxentry SET received_at = received_at - interval '30 minutes'"
    " RETURNING id",
    "UPDATE watchbill_enginenode SET cycled_at = cycled_at - interval '30 minutes'"
    " RETURNING id",
)


@pytest.mark.req("S3.2-18")
def test_f26_after_half_an_hour_without_engines_what_is_due_is_said_once_and_marked(
    system: System,
) -> None:
    system.fork("web")
    system.await_web()
    (engine,) = system.engines()
    nodes = "SELECT count(*) FROM watchbill_enginenode"
    eventually(lambda: system.one(nodes), "an engine has run here before")
    engine.kill()
    accepted = {"first": "P1", "second": "P1"}
    for service in accepted:
        system.post(p1(service))
    for update in _HALF_AN_HOUR:
        assert system.rows(update)
    assert system.health().status_code == 503

    system.nodes.remove(engine)
    _, said = system.engine_after_a_look()
    system.engines()

    assert "No engine ran from" in said
    verdict = settled(system, accepted)
    assert verdict.max_sends() == 1
    # Every step of the ladder had come due, so all that it says is late, ...
    in_time = (
        "SELECT step_key FROM watchbill_notification"
        " WHERE verb IN ('page', 'escalate') AND NOT is_late"
    )
    assert system.rows(in_time) == []
    # ... and the ladder's many steps are one message for each person and channel.
    told = Counter(
        (one.incident, one.key.split("/")[-2], one.channel)
        for one in verdict.told
        if one.received and one.is_to_person
    )
    assert set(told.values()) == {1}, "somebody was told of one incident repeatedly"
    system.await_healthy()
    since = system.health().json()["last_outage"]
    assert since is not None, "those who watch it are not told of the half hour"


@pytest.mark.req("S3.2-18")
def test_f26_a_watchdog_outside_hears_nothing_while_every_engine_is_dead(
    system: System,
) -> None:
    heard = system.provider.heartbeats
    system.fork("web")
    system.await_web()
    engines = system.engines(2)
    eventually(lambda: len(heard) >= 2, "the watchdog hears the heart beat")

    for node in engines:
        node.kill()
        system.nodes.remove(node)
    before = len(heard)
    # Ours expects a beat a second, and gives up after five.
    eventually(lambda: time.monotonic() - heard[-1] > 5, "the watchdog gives up")
    assert len(heard) - before <= 1, "a beat on its way when the engine died"

    system.engines()
    eventually(lambda: len(heard) > before + 1, "it is heard again")


def test_f27_an_engine_that_is_stuck_in_one_place_says_so_to_those_who_watch(
    system: System,
) -> None:
    system.fork("web")
    system.await_web()
    system.engines()
    system.await_healthy()
    with psycopg.connect(system.cluster.url) as holder:
        holder.execute("LOCK TABLE watchbill_duestep IN ACCESS EXCLUSIVE MODE")
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        eventually(lambda: system.one(waiting), "the engine is stuck")

        # Whoever asks is answered, although the answer is behind the lock.
        answer = system.health()
        assert answer.status_code == 503
        assert answer.json()["status"] == "unanswered"
        # What needs no due steps goes on beside it.
        system.post(p3("f27"))
        eventually(partial(stands_still, system), "no cycle is reported any more")
        heard = len(system.provider.heartbeats)
        assert stands_still(system)
        assert len(system.provider.heartbeats) == heard
    system.await_healthy()
    system.post(p1("f27-after"))
    settled(system, {"f27": "P3", "f27-after": "P1"})


def stands_still(system: System) -> bool:
    """Return whether no engine reports a cycle within three seconds."""
    cycled = "SELECT max(cycled_at) FROM watchbill_enginenode"
    before = system.one(cycled)
    system.rows("SELECT pg_sleep(3)")
    return bool(system.one(cycled) == before)


@pytest.mark.req("S3.2-18")
def test_f28_a_newer_engine_takes_over_in_the_middle_and_the_old_one_stops(
    system: System,
) -> None:
    system.fork("web")
    system.await_web()
    (old,) = system.engines()
    with Sender(system.hook, prefix="f28-", pause=0.2) as sender:
        system.provider.wait_until(lambda received: len(received) >= 2)
        by_one = (
            "SELECT count(*) FROM watchbill_delivery d, watchbill_enginegate g"
            " WHERE node LIKE %s AND started_at > raised_at + interval '3 seconds'"
        )

        new, _ = system.engine_after_a_look(variants=(*HASTY, "newer"))

        eventually(
            lambda: system.one(by_one, f"%:{new.pid}") >= 4, "the newer one pages"
        )
    assert old.is_alive(), "it need not end, only hold still"
    assert system.one(by_one, f"%:{old.pid}") == 0
    assert system.has_said("a newer one requires 2: it pages nobody")
    assert sender.refused == 0
    assert sender.longest_wait < 5
    verdict = settled(system, sender.accepted)
    assert verdict.max_sends() == 1


@pytest.mark.req("S2.2-07")
@pytest.mark.parametrize("fault", [Fault.SILENT, Fault.CUT_AFTER_ACCEPT])
def test_f10_a_page_that_was_taken_without_a_word_comes_twice_at_most_and_says_so(
    system: System, fault: Fault
) -> None:
    system.fork("web")
    system.await_web()
    script = [fault]
    system.provider.faults = lambda _channel: script.pop() if script else Fault.NONE
    system.engines()
    system.post(p1("f10"))

    verdict = settled(system, {"f10": "P1"})

    assert [one.received for one in verdict.told if one.unknown] == [2]
    assert verdict.max_sends() == 2
    doubtful = "SELECT count(*) FROM watchbill_notification WHERE may_be_duplicate"
    assert system.one(doubtful) == 1
