"""The engine's time is the database's, whatever happens to clocks (I9)."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import ProgrammingError, connection

from watchbill.server import clock
from watchbill.server.clock import MOST_DELAY, DatabaseClock
from watchbill.server.engine import timekeeping
from watchbill.server.engine.models import EngineClock

NOON = datetime(2026, 2, 8, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Machine:
    """A database's clock that can be set, and a count that nobody can set."""

    def __init__(self) -> None:
        self.at = NOON
        self.count = 100.0
        self.clock = DatabaseClock(lambda: self.at, lambda: self.count)

    def wait(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        self.count += seconds

    def set_database(self, by: timedelta) -> None:
        self.clock.wall()
        self.at += by
        self.wait(6)


def test_between_two_questions_time_is_counted_on() -> None:
    machine = Machine()
    machine.clock.wall()
    machine.wait(3)
    assert machine.clock.now() == NOON + timedelta(seconds=3)
    assert machine.clock.news is None


@pytest.mark.parametrize("jump", [timedelta(hours=1), timedelta(days=3653)])
def test_a_jump_forward_is_believed_and_told(jump: timedelta) -> None:
    machine = Machine()
    machine.set_database(jump)
    assert machine.clock.wall() == NOON + jump + timedelta(seconds=6)
    news = machine.clock.news
    assert news is not None
    assert news.by == jump
    machine.clock.adopt(timedelta(0), told=news)
    assert machine.clock.news is None


@pytest.mark.parametrize("jump", [timedelta(seconds=20), timedelta(hours=1)])
def test_a_jump_back_delays_by_a_minute_at_most(jump: timedelta) -> None:
    machine = Machine()
    machine.set_database(-jump)
    delay = NOON + timedelta(seconds=6) - machine.clock.wall()
    assert delay == min(jump, MOST_DELAY)
    news = machine.clock.news
    assert news is not None
    assert news.by == -jump


def test_what_is_set_back_and_forth_again_leaves_no_lead() -> None:
    machine = Machine()
    machine.set_database(-timedelta(hours=1))
    machine.set_database(timedelta(hours=1))
    machine.clock.wall()
    assert machine.clock.offset == timedelta(0)
    assert machine.clock.wall() == NOON + timedelta(seconds=12)


def test_small_corrections_are_nobodys_news() -> None:
    machine = Machine()
    machine.set_database(timedelta(seconds=-4))
    machine.clock.wall()
    assert machine.clock.news is None
    assert machine.clock.offset == timedelta(0)


@pytest.mark.django_db
def test_all_nodes_keep_the_lead_of_the_first_that_saw_the_jump() -> None:
    first, second, late = Machine(), Machine(), Machine()
    for machine in (first, second):
        machine.set_database(-timedelta(minutes=10))
        with clock.use(machine.clock):
            machine.clock.wall()
            timekeeping.synchronise()
    with clock.use(late.clock):
        timekeeping.synchronise()

    assert late.clock.offset == second.clock.offset == 9 * MINUTE
    assert EngineClock.objects.get().moved_by == -10 * MINUTE


class Pair:
    """Two nodes on one database, of which the second asks later."""

    def __init__(self) -> None:
        self.count = 100.0
        self.behind = timedelta(0)
        self.first, self.second = self.node(), self.node()
        self.first.wall()
        self.wait(3)
        self.second.wall()

    def node(self) -> DatabaseClock:
        return DatabaseClock(self.database, lambda: self.count)

    def database(self) -> datetime:
        return self.world() - self.behind

    def world(self) -> datetime:
        return NOON + timedelta(seconds=self.count - 100)

    def wait(self, seconds: float) -> None:
        self.count += seconds

    def first_sees(self, behind: timedelta) -> None:
        """Set the database's clock so that only the first node has asked since."""
        self.wait(6)
        self.first.wall()
        self.wait(3)
        self.second.wall()
        self.behind = behind
        self.wait(2.5)
        self.first.wall()

    def all_synchronise(self) -> None:
        for one in (self.first, self.second):
            with clock.use(one):
                timekeeping.synchronise()


@pytest.mark.django_db
@pytest.mark.parametrize("jump", [timedelta(seconds=63), 10 * MINUTE])
def test_a_node_that_has_not_asked_yet_takes_a_jump_back_over_once(
    jump: timedelta,
) -> None:
    pair = Pair()
    pair.first_sees(jump)

    for _ in range(4):
        pair.all_synchronise()
        assert pair.world() - pair.first.wall() == MINUTE
        assert pair.world() - pair.second.wall() == MINUTE
        pair.wait(6)

    assert pair.second.offset == EngineClock.objects.get().offset == jump - MINUTE


@pytest.mark.django_db
def test_a_node_that_has_not_asked_yet_takes_a_jump_forward_over_once() -> None:
    pair = Pair()
    pair.first_sees(10 * MINUTE)
    pair.all_synchronise()
    pair.first_sees(5 * MINUTE)

    for _ in range(4):
        pair.all_synchronise()
        # The lead of nine minutes was four too many, and hides the other five.
        assert pair.world() - pair.first.wall() == MINUTE
        assert pair.world() - pair.second.wall() == MINUTE
        pair.wait(6)

    assert pair.second.offset == EngineClock.objects.get().offset == 4 * MINUTE


@pytest.mark.django_db
def test_a_lead_that_melts_hides_no_jump() -> None:
    pair = Pair()
    pair.first_sees(10 * MINUTE)
    pair.all_synchronise()
    pair.wait(6)
    pair.second.wall()
    pair.behind += 10 * MINUTE
    timekeeping.melt()
    with clock.use(pair.second):
        timekeeping.synchronise()
    pair.wait(6)
    assert pair.world() - pair.second.wall() == 2 * MINUTE + timekeeping.MELTS


@pytest.mark.django_db
def test_news_that_cannot_be_written_down_are_told_in_the_next_round() -> None:
    machine = Machine()
    machine.set_database(-10 * MINUTE)
    with clock.use(machine.clock):
        machine.clock.wall()
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE watchbill_engineclock RENAME TO away")
        with pytest.raises(ProgrammingError):
            timekeeping.synchronise()
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE away RENAME TO watchbill_engineclock")
        assert machine.clock.offset == 9 * MINUTE

        timekeeping.synchronise()

    assert machine.clock.offset == EngineClock.objects.get().offset == 9 * MINUTE
    assert machine.clock.news is None


def test_a_jump_while_another_is_being_told_is_told_next() -> None:
    machine = Machine()
    machine.set_database(-10 * MINUTE)
    machine.clock.wall()
    first = machine.clock.news
    machine.set_database(-10 * MINUTE)
    machine.clock.wall()
    second = machine.clock.news

    machine.clock.adopt(9 * MINUTE, told=first)

    assert second is not None
    assert machine.clock.news is second
    assert machine.clock.offset == 18 * MINUTE


@pytest.mark.django_db
def test_the_lead_melts_and_can_be_given_up_at_once() -> None:
    machine = Machine()
    machine.set_database(-timedelta(minutes=10))
    with clock.use(machine.clock):
        machine.clock.wall()
        timekeeping.synchronise()
        timekeeping.melt()
        timekeeping.synchronise()
        assert machine.clock.offset == 9 * MINUTE - timekeeping.MELTS
        assert timekeeping.accept()
        timekeeping.synchronise()
        assert machine.clock.offset == timedelta(0)
        assert not timekeeping.accept()
