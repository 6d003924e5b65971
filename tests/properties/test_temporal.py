"""Wall-clock hours against a minute-by-minute reading of the calendar."""

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties.watch import ZONES, first_showing
from watchbill.core.temporal import (
    Interval,
    WeeklyHours,
    WeeklyTime,
    at_wall,
    describe,
)

DAY = timedelta(days=1)

zones = st.sampled_from(ZONES).map(ZoneInfo)
days = st.dates(date(2000, 1, 1), date(2030, 12, 31))
quarters = st.integers(0, 95).map(lambda quarter: time(quarter // 4, quarter % 4 * 15))


@st.composite
def weekly_hours(draw: st.DrawFn, around: date) -> WeeklyHours:
    near = st.integers(-3, 12).map(lambda offset: around + offset * DAY)
    return WeeklyHours(
        days=frozenset(draw(st.sets(st.integers(0, 6)))),
        starts=draw(quarters),
        ends=draw(quarters),
        zone=draw(zones),
        closed_on=frozenset(draw(st.sets(near, max_size=4))),
    )


@pytest.mark.req("A57")
@given(days, quarters, zones)
def test_a_wall_time_is_the_first_instant_that_shows_it(
    day: date, wall: time, zone: ZoneInfo
) -> None:
    assert at_wall(day, wall, zone) == first_showing(day, wall, zone)


@pytest.mark.req("A20", "A19", "A59")
@given(st.data(), days)
def test_hours_contain_what_lies_between_an_open_days_start_and_end(
    data: st.DataObject, day: date
) -> None:
    hours = data.draw(weekly_hours(day))
    at = datetime.combine(day, data.draw(quarters), tzinfo=UTC)

    is_inside = False
    for offset in range(-4, 5):
        begins = day + offset * DAY
        if begins.weekday() in hours.days and begins not in hours.closed_on:
            last = begins + (DAY if hours.ends <= hours.starts else timedelta(0))
            start = first_showing(begins, hours.starts, hours.zone)
            end = first_showing(last, hours.ends, hours.zone)
            is_inside = is_inside or start <= at < end

    assert hours.contains(at) is is_inside


@pytest.mark.req("A19")
@given(st.data(), days)
def test_the_next_opening_is_the_first_quarter_hour_inside(
    data: st.DataObject, day: date
) -> None:
    hours = data.draw(weekly_hours(day))
    at = datetime.combine(day, data.draw(quarters), tzinfo=UTC)

    opens = hours.next_opening(at)

    if opens is None:
        assert not any(hours.contains(at + offset * DAY / 24) for offset in range(400))
    else:
        assert opens >= at
        assert hours.contains(opens)
        if opens > at:
            assert not hours.contains(opens - timedelta(minutes=1))
            steps = min(200, (opens - at) // timedelta(minutes=15))
            assert not any(
                hours.contains(at + step * timedelta(minutes=15))
                for step in range(steps)
            )


@given(st.integers(-(10**7), 10**7))
def test_a_described_duration_is_read_back_to_the_minute(seconds: int) -> None:
    units = {"d": 86_400, "h": 3_600, "min": 60, "s": 1}

    text = describe(timedelta(seconds=seconds))
    read = sum(
        int(number) * units[unit] for number, unit in re.findall(r"(\d+) (\w+)", text)
    )

    size = abs(seconds)
    assert read == (size if size < 60 else size - size % 60)
    assert text.startswith("-") is (seconds < 0)


@given(st.lists(st.integers(0, 50), min_size=4, max_size=4))
def test_intervals_overlap_exactly_when_they_share_an_instant(
    ends: list[int],
) -> None:
    start = datetime(2026, 2, 6, tzinfo=UTC)
    minute = timedelta(minutes=1)
    one, other = (
        Interval(starts_at=start + a * minute, ends_at=start + (b + 51) * minute)
        if b <= a
        else Interval(starts_at=start + a * minute, ends_at=start + b * minute)
        for a, b in (ends[:2], ends[2:])
    )

    shared = any(
        start + step * minute in one and start + step * minute in other
        for step in range(102)
    )

    assert one.overlaps(other) is other.overlaps(one) is shared


weekly_times = st.builds(
    WeeklyTime, weekday=st.integers(0, 6), wall=quarters, zone=zones
)
instants = st.builds(
    lambda day, wall: datetime.combine(day, wall, tzinfo=UTC), days, st.times()
)


@given(weekly_times, instants)
def test_a_weekly_time_comes_once_in_every_week_of_every_zone(
    weekly: WeeklyTime, at: datetime
) -> None:
    after = weekly.next_after(at)
    before = weekly.latest_until(at)

    assert before <= at < after
    # A week, give or take what a zone moves its clocks by.
    assert abs(after - before - 7 * DAY) <= timedelta(hours=25)
    for one in (before, after):
        day = one.astimezone(weekly.zone).date()
        near = [day + n * DAY for n in (-1, 0, 1)]
        assert any(
            one == at_wall(d, weekly.wall, weekly.zone)
            and d.weekday() == weekly.weekday
            for d in near
        )


@given(weekly_times, instants)
def test_a_weekly_time_agrees_with_itself(weekly: WeeklyTime, at: datetime) -> None:
    after = weekly.next_after(at)

    assert weekly.latest_until(after) == after
    assert weekly.latest_until(after - timedelta(microseconds=1)) <= at
    assert weekly.next_after(after - timedelta(microseconds=1)) == after
