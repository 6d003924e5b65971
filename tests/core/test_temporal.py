"""Instants, intervals and wall-clock hours."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.core.cast import OFFICE_HOURS, YANGON, at
from watchbill.core.temporal import (
    Interval,
    WeeklyHours,
    at_wall,
    describe,
    require_aware,
)

NEW_YORK = ZoneInfo("America/New_York")
EVERY_DAY = frozenset(range(7))


def test_an_instant_without_a_zone_is_refused_by_name() -> None:
    naive = datetime(2026, 2, 6, 10, 0)  # noqa: DTZ001 - the point of the test

    with pytest.raises(ValueError, match="starts_at must be an aware datetime"):
        require_aware(naive, "starts_at")


@pytest.mark.req("A57")
def test_an_aware_instant_is_turned_into_utc() -> None:
    local = datetime(2026, 2, 6, 10, 0, tzinfo=YANGON)

    assert require_aware(local, "at").isoformat() == "2026-02-06T03:30:00+00:00"


def test_intervals_are_half_open() -> None:
    morning = Interval(starts_at=at("2026-02-06 09:00"), ends_at=at("2026-02-06 12:00"))
    noon = Interval(starts_at=at("2026-02-06 12:00"), ends_at=at("2026-02-06 13:00"))

    assert at("2026-02-06 09:00") in morning
    assert at("2026-02-06 12:00") not in morning
    assert not morning.overlaps(noon)
    assert not noon.overlaps(morning)
    assert morning.overlaps(morning)


@pytest.mark.parametrize("ends_at", ["2026-02-06 09:00", "2026-02-06 08:59"])
def test_an_empty_or_backward_interval_is_refused(ends_at: str) -> None:
    with pytest.raises(ValueError, match="must end after it starts"):
        Interval(starts_at=at("2026-02-06 09:00"), ends_at=at(ends_at))


@pytest.mark.req("A57")
def test_a_wall_time_that_is_skipped_is_read_with_the_offset_before() -> None:
    skipped = at_wall(date(2026, 3, 8), time(2, 30), NEW_YORK)

    assert skipped == datetime(2026, 3, 8, 7, 30, tzinfo=UTC)
    assert skipped.astimezone(NEW_YORK).time() == time(3, 30)


@pytest.mark.req("A57")
def test_a_wall_time_that_occurs_twice_is_its_first_occurrence() -> None:
    twice = at_wall(date(2026, 11, 1), time(1, 30), NEW_YORK)

    assert twice == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)


@pytest.mark.req("A20")
@pytest.mark.parametrize(
    ("instant", "is_open"),
    [
        ("2026-02-06 08:59", False),
        ("2026-02-06 09:00", True),
        ("2026-02-06 16:59", True),
        ("2026-02-06 17:00", False),
        ("2026-02-07 12:00", False),
    ],
)
def test_office_hours_are_half_open_on_weekdays(instant: str, is_open: bool) -> None:  # noqa: FBT001
    assert OFFICE_HOURS.contains(at(instant)) is is_open


def test_a_night_shift_is_one_entry_of_the_day_on_which_it_begins() -> None:
    friday_night = WeeklyHours(
        days=frozenset({4}), starts=time(20), ends=time(8), zone=YANGON
    )

    assert not friday_night.contains(at("2026-02-06 07:59"))
    assert friday_night.contains(at("2026-02-06 23:59"))
    assert friday_night.contains(at("2026-02-07 07:59"))
    assert not friday_night.contains(at("2026-02-07 08:00"))


def test_hours_that_end_when_they_start_last_a_whole_day() -> None:
    monday = WeeklyHours(days=frozenset({0}), starts=time(), ends=time(), zone=YANGON)

    assert monday.contains(at("2026-02-09 00:00"))
    assert monday.contains(at("2026-02-09 23:59"))
    assert not monday.contains(at("2026-02-10 00:00"))


@pytest.mark.req("A19", "A59")
def test_the_next_opening_passes_over_weekend_and_holidays() -> None:
    hours = WeeklyHours(
        days=frozenset(range(5)),
        starts=time(9),
        ends=time(17),
        zone=YANGON,
        closed_on=frozenset({date(2026, 2, 9), date(2026, 2, 10)}),
    )

    assert hours.next_opening(at("2026-02-06 17:00")) == at("2026-02-11 09:00")
    assert hours.next_opening(at("2026-02-06 12:34")) == at("2026-02-06 12:34")


def test_a_holiday_takes_away_the_night_that_begins_on_it_and_no_other() -> None:
    nights = WeeklyHours(
        days=EVERY_DAY,
        starts=time(20),
        ends=time(8),
        zone=YANGON,
        closed_on=frozenset({date(2026, 2, 6)}),
    )

    assert nights.contains(at("2026-02-06 07:00"))
    assert not nights.contains(at("2026-02-06 21:00"))
    assert not nights.contains(at("2026-02-07 07:00"))


def test_hours_without_a_day_never_open() -> None:
    never = WeeklyHours(days=frozenset(), starts=time(9), ends=time(17), zone=YANGON)

    assert never.next_opening(at("2026-02-06 12:00")) is None


@pytest.mark.req("A57")
def test_hours_swallowed_by_a_zone_change_do_not_occur_on_that_day() -> None:
    hours = WeeklyHours(days=EVERY_DAY, starts=time(2), ends=time(3), zone=NEW_YORK)
    day_of_change = datetime(2026, 3, 8, 7, 0, tzinfo=UTC)

    assert not hours.contains(day_of_change)
    assert hours.next_opening(day_of_change) == datetime(2026, 3, 9, 6, 0, tzinfo=UTC)


@pytest.mark.req("A57")
def test_hours_that_began_before_clocks_went_back_over_midnight_go_on() -> None:
    zone = ZoneInfo("America/St_Johns")
    sundays = WeeklyHours(days=frozenset({6}), starts=time(), ends=time(8), zone=zone)
    saturday_again = datetime(2006, 10, 29, 2, 35, tzinfo=UTC)

    assert saturday_again.astimezone(zone).strftime("%a %H:%M") == "Sat 23:05"
    assert sundays.contains(saturday_again)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 min"),
        (0.9, "0 min"),
        (59, "59 s"),
        (60, "1 min"),
        (90, "1 min"),
        (900, "15 min"),
        (3600, "1 h"),
        (5400, "1 h 30 min"),
        (86_400, "24 h"),
        (172_740, "47 h 59 min"),
        (172_800, "2 d"),
        (176_460, "2 d 1 h 1 min"),
        (-900, "-15 min"),
    ],
)
def test_durations_are_written_as_people_write_them(seconds: float, text: str) -> None:
    assert describe(timedelta(seconds=seconds)) == text
