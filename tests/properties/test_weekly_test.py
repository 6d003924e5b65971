"""The weekly test page: each due time is answered once, whenever anybody looks."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.properties.test_temporal import instants, weekly_times
from watchbill.core.paging import (
    LOOK_AT_LEAST_EVERY,
    TEST_LATE_AT_MOST,
    WeeklyTest,
    weekly_test,
)
from watchbill.core.temporal import WeeklyTime

gaps = st.lists(st.timedeltas(timedelta(0), timedelta(days=9)), min_size=1, max_size=30)


@given(weekly_times, instants, gaps)
def test_looks_at_any_times_send_each_test_once_or_skip_it(
    weekly: WeeklyTime, start: datetime, gaps: list[timedelta]
) -> None:
    planned_at = now = start
    answered: list[datetime] = []
    for gap in gaps:
        found = weekly_test(weekly, planned_at=planned_at, now=now)
        answered += [at for at in (found.due_at, found.skipped_at) if at]
        planned_at = found.ask_at
        now = found.ask_at + gap

    assert answered == sorted(set(answered))
    assert all(start <= at <= now for at in answered)
    # Nobody who looks in time misses one; who sleeps over several answers the last.
    last = weekly_test(weekly, planned_at=planned_at, now=now)
    due = weekly.latest_until(now)
    told = {last.due_at, last.skipped_at, *answered}
    assert due in told or due < start


@given(weekly_times, instants, st.timedeltas(timedelta(0), timedelta(days=6)))
def test_a_test_is_late_by_less_than_half_a_day_or_left_out(
    weekly: WeeklyTime, at: datetime, late: timedelta
) -> None:
    due = weekly.next_after(at)

    found = weekly_test(weekly, planned_at=due, now=due + late)

    is_sent = late < TEST_LATE_AT_MOST
    assert (found.due_at, found.skipped_at) == ((due, None) if is_sent else (None, due))


@given(st.none() | weekly_times, instants, instants)
def test_there_is_always_a_next_look_and_never_before_now(
    weekly: WeeklyTime | None, planned_at: datetime, now: datetime
) -> None:
    found = weekly_test(weekly, planned_at=planned_at, now=now)

    assert now < found.ask_at <= now + LOOK_AT_LEAST_EVERY


@given(weekly_times, instants)
def test_asked_twice_it_answers_once(weekly: WeeklyTime, at: datetime) -> None:
    due = weekly.next_after(at)
    first = weekly_test(weekly, planned_at=due, now=due)
    second = weekly_test(weekly, planned_at=first.ask_at, now=first.ask_at)

    assert first.due_at == due
    assert second.due_at is None


def test_switched_off_it_sends_nothing() -> None:
    at = datetime(2026, 2, 6, 3, 30, tzinfo=UTC)

    assert weekly_test(None, planned_at=at, now=at) == WeeklyTest(
        ask_at=at + LOOK_AT_LEAST_EVERY
    )
