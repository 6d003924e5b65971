"""A report says of each promise how often it was kept, and of nothing what it isn't."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchbill.core.reports import (
    Quarter,
    Record,
    Row,
    Tally,
    compare,
    quarter_of,
)
from watchbill.core.severity import Severity
from watchbill.core.temporal import Interval

YANGON = ZoneInfo("Asia/Yangon")
START = datetime(2026, 1, 1, tzinfo=UTC)
END = datetime(2026, 4, 1, tzinfo=UTC)
QUARTER = Interval(starts_at=START, ends_at=END)
MINUTE = timedelta(minutes=1)
TICK = timedelta(microseconds=1)

P1 = Severity(
    key="P1",
    rank=1,
    title="Critical",
    response_target=5 * MINUTE,
    resolution_target=60 * MINUTE,
)
P2 = Severity(key="P2", rank=2, title="High", response_target=15 * MINUTE)
SCALE = (P1, P2)

T0 = datetime(2026, 2, 6, tzinfo=UTC)


def p1(
    *,
    at: datetime = T0,
    answered: timedelta | None = None,
    ended: timedelta | None = None,
) -> Record:
    return Record(
        severity="P1",
        declared_at=at,
        acknowledged_at=None if answered is None else at + answered,
        resolved_at=None if ended is None else at + ended,
    )


def row(*records: Record, now: datetime = END) -> Row:
    return compare(SCALE, records, during=QUARTER, now=now)[0]


@pytest.mark.req("SE-02")
def test_a_target_reached_exactly_on_time_is_met_and_a_tick_later_missed() -> None:
    on_time = p1(answered=5 * MINUTE, ended=60 * MINUTE)
    late = p1(answered=5 * MINUTE + TICK, ended=60 * MINUTE + TICK)

    assert row(on_time).response == row(on_time).resolution == Tally(met=1)
    assert row(late).response == row(late).resolution == Tally(missed=1)


@pytest.mark.req("SE-02")
def test_what_is_open_runs_up_to_the_instant_it_is_due_and_is_missed_after() -> None:
    due_at = T0 + 60 * MINUTE
    record = p1(answered=MINUTE)

    assert row(record, now=due_at).resolution == Tally(running=1)
    assert row(record, now=due_at + TICK).resolution == Tally(missed=1)
    assert row(p1(), now=T0 + 6 * MINUTE).response == Tally(missed=1)
    assert row(p1(), now=T0 + 6 * MINUTE).resolution == Tally(running=1)


@pytest.mark.req("SE-02")
def test_a_share_is_over_the_decided_only() -> None:
    found = row(
        p1(answered=MINUTE),
        p1(answered=9 * MINUTE),
        p1(answered=2 * MINUTE),
        p1(at=T0 + 30 * MINUTE),
        now=T0 + 31 * MINUTE,
    )

    assert found.incidents == 4
    assert found.response == Tally(met=2, missed=1, running=1)
    assert found.response.share == 2 / 3
    assert found.resolution == Tally(running=4)
    assert found.resolution.share is None


@pytest.mark.req("SE-02")
def test_without_incidents_there_is_a_row_and_no_share() -> None:
    rows = compare(SCALE, [], during=QUARTER, now=END)

    assert [(one.severity, one.incidents) for one in rows] == [("P1", 0), ("P2", 0)]
    assert {one.response.share for one in rows} == {None}


@pytest.mark.req("SE-02", "A39")
def test_drills_do_not_count() -> None:
    drill = Record(severity="P1", declared_at=T0, is_drill=True)

    assert row(drill) == row()


@pytest.mark.req("SE-02")
@pytest.mark.parametrize(
    ("declared_at", "count"),
    [(START - TICK, 0), (START, 1), (END - TICK, 1), (END, 0)],
)
def test_an_incident_belongs_to_the_interval_it_was_declared_in(
    declared_at: datetime, count: int
) -> None:
    record = p1(at=declared_at, answered=MINUTE, ended=MINUTE)

    assert row(record, now=END + 60 * MINUTE).incidents == count


@pytest.mark.req("SE-02")
def test_where_nothing_is_promised_incidents_are_counted_and_not_judged() -> None:
    records = [Record(severity=key, declared_at=T0) for key in ("P2", "old", "P2")]

    rows = compare(SCALE, records, during=QUARTER, now=END)

    assert [(one.severity, one.incidents) for one in rows] == [
        ("P1", 0),
        ("P2", 2),
        ("old", 1),
    ]
    assert rows[1].response == Tally(missed=2)
    assert (rows[1].resolution_target, rows[1].resolution) == (None, Tally())
    assert (rows[2].response, rows[2].resolution) == (Tally(), Tally())


lengths = st.none() | st.integers(0, 120).map(lambda number: number * MINUTE)
records = st.lists(
    st.builds(
        p1,
        at=st.integers(-200, 200).map(lambda number: T0 + number * MINUTE),
        answered=lengths,
        ended=lengths,
    ),
    max_size=20,
)


@pytest.mark.req("SE-02")
@given(records=records)
def test_every_incident_is_met_or_missed_or_running(records: list[Record]) -> None:
    found = row(*records)

    for tally in (found.response, found.resolution):
        assert tally.decided + tally.running == found.incidents == len(records)
        assert tally.share is None or 0 <= tally.share <= 1


@pytest.mark.req("SE-02")
@given(records=records, cut=st.integers(-200, 200))
def test_two_intervals_that_meet_count_what_both_together_do(
    records: list[Record], cut: int
) -> None:
    middle = T0 + cut * MINUTE
    halves = (
        Interval(starts_at=START, ends_at=middle),
        Interval(starts_at=middle, ends_at=END),
    )

    parts = [compare(SCALE, records, during=one, now=END)[0] for one in halves]

    whole = row(*records)
    assert sum(one.incidents for one in parts) == whole.incidents
    assert sum(one.resolution.met for one in parts) == whole.resolution.met


@pytest.mark.req("SE-02")
@given(records=records, minutes=st.integers(0, 500))
def test_what_is_decided_stays_decided(records: list[Record], minutes: int) -> None:
    now = T0 + 320 * MINUTE  # the last of them has ended, or is open

    sooner, later = row(*records, now=now), row(*records, now=now + minutes * MINUTE)

    assert later.response.met == sooner.response.met
    assert later.response.missed >= sooner.response.missed


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        # Midnight in Yangon is 17:30 UTC of the day before.
        (datetime(2026, 3, 31, 17, 29, tzinfo=UTC), "2026Q1"),
        (datetime(2026, 3, 31, 17, 30, tzinfo=UTC), "2026Q2"),
        (datetime(2026, 12, 31, 17, 29, tzinfo=UTC), "2026Q4"),
        (datetime(2026, 12, 31, 17, 30, tzinfo=UTC), "2027Q1"),
    ],
)
def test_a_quarter_is_one_of_the_local_calendar(at: datetime, expected: str) -> None:
    quarter = quarter_of(at, YANGON)

    assert str(quarter) == expected
    assert at in quarter.interval(YANGON)


@given(
    year=st.integers(2000, 2099), number=st.integers(1, 4), steps=st.integers(-40, 40)
)
def test_quarters_follow_one_another_without_a_gap(
    year: int, number: int, steps: int
) -> None:
    quarter = Quarter(year=year, number=number)

    assert quarter.moved(steps).moved(-steps) == quarter
    assert (
        quarter.interval(YANGON).ends_at == quarter.moved(1).interval(YANGON).starts_at
    )


def test_a_quarter_begins_with_its_first_month() -> None:
    days = [Quarter(year=2026, number=number).first_day for number in (1, 2, 3, 4)]

    assert days == [date(2026, month, 1) for month in (1, 4, 7, 10)]
