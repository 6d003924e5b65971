"""At which instants the watch changes hands."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.core.cast import WEEKLY, YANGON, at
from watchbill.core.recurrence import Rhythm, Turn, Unit

FRIDAYS = WEEKLY.rhythm
DAILY = replace(FRIDAYS, unit=Unit.DAY)
MONTHLY = replace(FRIDAYS, unit=Unit.MONTH, first_day=date(2026, 1, 31))


def days(rhythm: Rhythm, count: int = 5) -> list[str]:
    """The local days of the first hand-overs, and that numbers lead there and back."""
    turns = [rhythm.turn(number) for number in range(count)]
    assert [rhythm.turn_at(one.during.starts_at) for one in turns] == turns
    return [f"{one.during.starts_at.astimezone(YANGON):%a %d %b}" for one in turns]


@pytest.mark.req("S4.4-02", "S4.4-04")
def test_a_week_is_handed_over_on_the_weekday_of_its_first_day() -> None:
    assert days(FRIDAYS, 3) == ["Fri 06 Feb", "Fri 13 Feb", "Fri 20 Feb"]


@pytest.mark.req("S4.4-04")
@pytest.mark.parametrize(
    ("rhythm", "handed_over"),
    [
        (DAILY, ["Fri 06 Feb", "Sat 07 Feb", "Sun 08 Feb", "Mon 09 Feb", "Tue 10 Feb"]),
        (
            replace(DAILY, every=3),
            ["Fri 06 Feb", "Mon 09 Feb", "Thu 12 Feb", "Sun 15 Feb", "Wed 18 Feb"],
        ),
        (
            replace(FRIDAYS, every=2),
            ["Fri 06 Feb", "Fri 20 Feb", "Fri 06 Mar", "Fri 20 Mar", "Fri 03 Apr"],
        ),
        (
            replace(FRIDAYS, weekdays=frozenset({0, 4})),
            ["Fri 06 Feb", "Mon 09 Feb", "Fri 13 Feb", "Mon 16 Feb", "Fri 20 Feb"],
        ),
        # As RFC 5545 counts: weeks begin on Monday, and one of two is left out.
        (
            replace(FRIDAYS, weekdays=frozenset({0, 4}), every=2),
            ["Fri 06 Feb", "Mon 16 Feb", "Fri 20 Feb", "Mon 02 Mar", "Fri 06 Mar"],
        ),
        # The first hand-over is not before the first day.
        (
            replace(FRIDAYS, weekdays=frozenset({1})),
            ["Tue 10 Feb", "Tue 17 Feb", "Tue 24 Feb", "Tue 03 Mar", "Tue 10 Mar"],
        ),
        (
            MONTHLY,
            ["Sat 31 Jan", "Sat 28 Feb", "Tue 31 Mar", "Thu 30 Apr", "Sun 31 May"],
        ),
        (
            replace(MONTHLY, every=3),
            ["Sat 31 Jan", "Thu 30 Apr", "Fri 31 Jul", "Sat 31 Oct", "Sun 31 Jan"],
        ),
    ],
)
def test_each_rhythm_is_handed_over_on_its_days(
    rhythm: Rhythm, handed_over: list[str]
) -> None:
    assert days(rhythm) == handed_over


def test_a_turn_is_half_open() -> None:
    handover = at("2026-02-13 10:00")

    assert FRIDAYS.turn_at(handover - timedelta(microseconds=1)).number == 0
    assert FRIDAYS.turn_at(handover).number == 1


@pytest.mark.req("A23")
def test_turns_before_the_first_one_have_negative_numbers() -> None:
    before = FRIDAYS.turn_at(at("2026-02-06 09:59"))

    assert before.number == -1
    assert before.during.starts_at == at("2026-01-30 10:00")
    assert FRIDAYS.turn(-1) == before


@pytest.mark.req("A57")
def test_a_week_across_a_zone_change_is_an_hour_shorter_or_longer() -> None:
    rhythm = replace(FRIDAYS, zone=ZoneInfo("America/New_York"))

    lengths = {rhythm.turn(number).during.length for number in range(52)}

    assert lengths == {timedelta(hours=hours) for hours in (167, 168, 169)}


@pytest.mark.req("A57")
@pytest.mark.parametrize(
    ("zone", "day", "wall", "instant"),
    [
        # Skipped: as a clock would show that nobody has put forward.
        ("America/New_York", date(2026, 3, 8), time(2, 30), "2026-03-08T07:30Z"),
        # Shown twice: the first time.
        ("America/New_York", date(2026, 11, 1), time(1, 30), "2026-11-01T05:30Z"),
        # Half an hour only.
        ("Australia/Lord_Howe", date(2026, 4, 5), time(1, 45), "2026-04-04T14:45Z"),
        ("Australia/Lord_Howe", date(2026, 10, 4), time(2, 15), "2026-10-03T15:45Z"),
        # Ramadan: clocks go back in it and forward after it.
        ("Africa/Casablanca", date(2026, 2, 15), time(2, 30), "2026-02-15T01:30Z"),
        ("Africa/Casablanca", date(2026, 3, 22), time(2, 30), "2026-03-22T02:30Z"),
    ],
)
def test_a_hand_over_at_a_time_that_is_skipped_or_shown_twice(
    zone: str, day: date, wall: time, instant: str
) -> None:
    rhythm = Rhythm(first_day=day, handover=wall, zone=ZoneInfo(zone), unit=Unit.DAY)
    expected = datetime.fromisoformat(instant)

    assert rhythm.turn(0).during.starts_at == expected
    assert rhythm.turn_at(expected).number == 0
    assert rhythm.turn_at(expected - timedelta(microseconds=1)).number == -1


@pytest.mark.req("A57", "S4.4-08")
def test_a_turn_on_the_day_that_samoa_skipped_has_vanished() -> None:
    rhythm = replace(DAILY, first_day=date(2011, 12, 28), zone=ZoneInfo("Pacific/Apia"))
    change = datetime(2011, 12, 30, 20, 0, tzinfo=UTC)

    before = rhythm.turn_at(change - timedelta(microseconds=1))
    after = rhythm.turn_at(change)

    assert (before.number, after.number) == (1, 3)
    assert before.during.ends_at == after.during.starts_at == change
    assert rhythm.turn(2) == after


@pytest.mark.req("A57")
def test_a_hand_over_at_midnight_that_clocks_cross_twice_happens_once() -> None:
    rhythm = replace(
        DAILY,
        first_day=date(2010, 11, 7),
        handover=time(),
        zone=ZoneInfo("America/St_Johns"),
    )
    # At 00:01 clocks went back to 23:01 of the day before.
    handover = datetime(2010, 11, 7, 2, 30, tzinfo=UTC)

    turns = {rhythm.turn_at(handover + timedelta(minutes=n)).number for n in range(99)}

    assert rhythm.turn(0).during.starts_at == handover
    assert turns == {0}


def test_the_turn_of_a_far_year_is_found_as_fast_as_tomorrows() -> None:
    found = FRIDAYS.turn_at(at("2526-02-16 09:59"))

    assert found == Turn(number=found.number, during=FRIDAYS.turn(found.number).during)
    assert found.number == 26090


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"every": 0}, "at least one week, not 0"),
        ({"unit": Unit.DAY, "weekdays": frozenset({1})}, "of weeks, not of days"),
        ({"weekdays": frozenset({7})}, r"0 \(Monday\) to 6, not \[7\]"),
    ],
)
def test_a_rhythm_that_cannot_be_is_refused(
    change: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        replace(FRIDAYS, **change)  # type: ignore[arg-type]
