"""When an engine must not work: a newer one took over, or the database is old."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection

from tests.engine.watch import RecordingChannels, Watch, minutes
from watchbill.server import clock
from watchbill.server.clock import VirtualClock
from watchbill.server.engine import actions, gate, hold, kinds, mark, queries, start
from watchbill.server.engine.egress import Egress
from watchbill.server.engine.kinds import Kind
from watchbill.server.engine.loop import Engine
from watchbill.server.engine.models import (
    EngineGate,
    EngineHold,
    EngineMark,
    EngineNode,
    Outage,
)
from watchbill.server.incidents.models import TimelineEntry
from watchbill.server.plans import queries as plans
from watchbill.server.plans.models import PlanVersion
from watchbill.server.timers import actions as timers
from watchbill.server.timers.models import DueStep

# ── The gate ────────────────────────────────────────────────────────────────────


@pytest.mark.django_db
def test_the_gate_is_raised_and_never_lowered(virtual_clock: VirtualClock) -> None:
    wall = virtual_clock.wall()
    assert gate.state(version=1).is_open
    gate.raise_to(2, by="new", wall=wall)
    gate.raise_to(1, by="old", wall=wall)
    assert EngineGate.objects.get().version == 2
    assert gate.state(version=2).is_open
    closed = gate.state(version=1)
    assert not closed.is_open
    assert "engine version 1, and a newer one requires 2" in closed.text


@pytest.mark.django_db
def test_old_code_does_not_run_on_a_newer_schema() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_migrations (app, name, applied)"
            " VALUES ('watchbill', '9999_from_the_future', %s)",
            [clock.wall()],
        )
    closed = gate.state()
    assert not closed.is_open
    assert "9999_from_the_future" in closed.text


@pytest.fixture
def fresh_plans() -> Iterator[None]:
    plans.forget()
    yield
    plans.forget()


def eventually(condition: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(200):
        if condition():
            return
        pause.wait(0.1)
    raise AssertionError("it did not come true within 20 s")


@pytest.mark.django_db(transaction=True)
def test_an_engine_below_the_gate_leaves_all_work_to_the_newer_one(
    fresh_plans: None,
) -> None:
    by: dict[str, list[int]] = {"old": [], "new": []}

    def kind(node: str) -> Kind:
        def fire(due: list[DueStep], moment: kinds.Moment) -> None:
            for step in due:
                by[node].append(step.subject_id)
                timers.next_look(step, at=None, now=moment.now)

        return Kind(name="letters", fire=fire)

    def plan(*numbers: int) -> None:
        for number in numbers:
            timers.plan("letters", number, None, due_at=clock.now())

    channels = RecordingChannels(egress=Egress())
    old, new = (
        Engine(channels, node=name, kinds=[kind(name)], version=number)
        for number, name in ((1, "old"), (2, "new"))
    )
    gate.raise_to(1, by="old", wall=clock.wall())
    plan(1, 2)
    old.start()
    try:
        eventually(lambda: by["old"] == [1, 2])
        eventually(EngineNode.objects.filter(name="old").exists)
        gate.raise_to(2, by="new", wall=clock.wall())
        seen = EngineNode.objects.get(name="old").cycled_at
        eventually(lambda: not old._may_page.is_set())
        new.start()
        plan(3, 4, 5)
        eventually(lambda: len(by["new"]) == 3)
        eventually(lambda: EngineNode.objects.filter(name="new").exists())
        assert by["old"] == [1, 2]
        late = EngineNode.objects.get(name="old").cycled_at - seen
        assert late < timedelta(seconds=5)
    finally:
        old.stop()
        new.stop()


# ── The hold ────────────────────────────────────────────────────────────────────


def test_the_first_start_and_an_ordinary_one_hold_nothing(
    watch: Watch, tmp_path: Path
) -> None:
    for _ in range(3):
        assert start.begin(tmp_path, node="one", is_held=False) == ()
        mark.advance(tmp_path)
    assert not EngineHold.objects.exists()


def test_a_database_older_than_what_the_node_has_seen_is_held(
    watch: Watch, tmp_path: Path
) -> None:
    start.begin(tmp_path, node="one", is_held=False)
    backup = EngineMark.objects.get().number
    for _ in range(5):
        mark.advance(tmp_path)
    EngineMark.objects.update(number=backup)

    (line,) = start.begin(tmp_path, node="one", is_held=False)

    assert "older than what this node has seen" in line
    found = queries.health(wall=watch.clock.wall())
    assert found.status == "held"
    assert "nobody is being paged" in found.text
    assert hold.release(by="Olga", wall=watch.clock.wall())
    assert EngineHold.objects.get().released_by == "Olga"
    assert start.begin(tmp_path, node="one", is_held=False) == ()


def test_a_dump_loaded_elsewhere_is_held_without_any_file(
    watch: Watch, tmp_path: Path
) -> None:
    start.begin(tmp_path, node="one", is_held=False)
    EngineMark.objects.update(place="7000/1")
    (line,) = start.begin(tmp_path / "new", node="one", is_held=False)
    assert "loaded from a copy" in line


def test_a_hold_runs_out_after_a_quarter_of_an_hour(
    watch: Watch, tmp_path: Path
) -> None:
    (line,) = start.begin(tmp_path, node="one", is_held=True)
    assert "--hold" in line
    wall = watch.clock.wall()
    assert hold.current(wall=wall + minutes(14)) is not None
    assert hold.current(wall=wall + minutes(15)) is None


@pytest.mark.django_db(transaction=True)
def test_while_held_nothing_is_fired_and_after_the_release_it_is(
    fresh_plans: None,
) -> None:
    fired: list[int] = []

    def fire(due: list[DueStep], moment: kinds.Moment) -> None:
        for step in due:
            fired.append(step.subject_id)
            timers.next_look(step, at=None, now=moment.now)

    hold.begin("a test", wall=clock.wall())
    timers.plan("letters", 1, None, due_at=clock.now())
    engine = Engine(
        RecordingChannels(egress=Egress()),
        node="one",
        kinds=[Kind(name="letters", fire=fire)],
    )
    engine.start()
    try:
        eventually(engine._may_fold.is_set)
        assert not engine._may_page.is_set()
        assert fired == []
        hold.release(by="Olga", wall=clock.wall())
        eventually(lambda: fired == [1])
    finally:
        engine.stop()


# ── Down ────────────────────────────────────────────────────────────────────────


def test_a_time_without_any_engine_is_recorded_and_told_to_open_incidents(
    watch: Watch, tmp_path: Path
) -> None:
    incident = watch.declare("P1")
    now = watch.clock.now()
    actions.report("one", version="1", cycled_at=now, wall=now)
    watch.clock.advance(minutes(30))

    lines = [start.begin(tmp_path, node="one", is_held=False) for _ in range(2)]

    assert len(lines[0]) == len(lines[1]) == 1
    assert lines[0][0].startswith("No engine ran from")
    outage = Outage.objects.get()
    assert outage.ended_at - outage.began_at == minutes(30)
    entry = TimelineEntry.objects.get(
        incident=incident, text__startswith="watchbill did not run"
    )
    assert entry.text.startswith("watchbill did not run from 2026-02-07 20:00 to 20:30")


def test_a_short_pause_is_not_worth_a_word(watch: Watch, tmp_path: Path) -> None:
    now = watch.clock.now()
    actions.report("one", version="1", cycled_at=now, wall=now)
    watch.clock.advance(minutes(5))
    assert start.begin(tmp_path, node="one", is_held=False) == ()


# ── A stuck part ────────────────────────────────────────────────────────────────


@pytest.mark.django_db
def test_a_part_that_is_stuck_makes_the_node_silent_and_is_named(
    trm_plan: PlanVersion, virtual_clock: VirtualClock
) -> None:
    engine = Engine(
        RecordingChannels(egress=Egress()),
        node="one",
        kinds=[
            Kind(name=name, fire=lambda _due, _moment: None)
            for name in ("ladder", "letters")
        ],
    )
    for part in ("fold", "ladder", "letters"):
        engine._done(part)
    engine._report(virtual_clock.wall())
    virtual_clock.advance(timedelta(seconds=61))
    for part in ("fold", "ladder"):
        engine._done(part)
    engine._report(virtual_clock.wall())

    found = queries.health(wall=virtual_clock.wall())

    assert found.status == "silent"
    assert "letters is stuck" in found.text
