"""Windows of maintenance: their days, their hours, and who gives way."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.core.cast import YANGON, at
from watchbill.core.maintenance import (
    LAST,
    AsNeeded,
    Daily,
    Impact,
    Monthly,
    Recurrence,
    Weekly,
    Window,
    make_room,
    may_be_called,
    occurrences,
    overlaps,
)
from watchbill.core.temporal import Interval

SUNDAY = 6
NEW_YORK = ZoneInfo("America/New_York")


def window(key: str, repeats: Recurrence, *, hours: int = 2) -> Window:
    return Window(
        key=key,
        title=key,
        repeats=repeats,
        starts=time(2),
        duration=timedelta(hours=hours),
        zone=YANGON,
        impact=Impact.DEGRADED,
    )


DATABASE = window("database", Monthly(weekday=SUNDAY, nth=1), hours=4)
DEPENDENCIES = window(
    "dependencies",
    Weekly(days=frozenset({SUNDAY}), every=2, first_day=date(2026, 2, 8)),
)
PERFORMANCE = window(
    "performance",
    Monthly(weekday=SUNDAY, nth=3, every=3, first_day=date(2026, 2, 15)),
    hours=4,
)
YEAR = Interval(starts_at=at("2026-02-06 00:00"), ends_at=at("2027-02-06 00:00"))


def days(one: Window, during: Interval = YEAR) -> list[str]:
    return [found.day.isoformat() for found in occurrences(one, during=during)]


@pytest.mark.req("S5.1-02", "A24")
def test_the_first_sunday_of_each_month() -> None:
    assert days(DATABASE) == [
        "2026-03-01", "2026-04-05", "2026-05-03", "2026-06-07", "2026-07-05",
        "2026-08-02", "2026-09-06", "2026-10-04", "2026-11-01", "2026-12-06",
        "2027-01-03",
    ]  # fmt: skip


@pytest.mark.req("S5.1-04", "A24")
def test_each_quarter_is_counted_from_its_first_day() -> None:
    assert days(PERFORMANCE) == [
        "2026-02-15", "2026-05-17", "2026-08-16", "2026-11-15",
    ]  # fmt: skip


@pytest.mark.req("S5.1-03", "A24")
def test_every_second_week_skips_the_one_between_and_what_lies_before() -> None:
    found = days(DEPENDENCIES)

    assert found[:4] == ["2026-02-08", "2026-02-22", "2026-03-08", "2026-03-22"]
    assert len(found) == 26


@pytest.mark.req("A24")
def test_twice_weekly_is_two_days_of_every_week() -> None:
    twice = window("twice", Weekly(days=frozenset({2, SUNDAY})))
    fortnight = Interval(
        starts_at=at("2026-02-06 00:00"), ends_at=at("2026-02-20 00:00")
    )

    assert days(twice, fortnight) == [
        "2026-02-08", "2026-02-11", "2026-02-15", "2026-02-18",
    ]  # fmt: skip


def test_the_last_weekday_of_a_month() -> None:
    last = Monthly(weekday=SUNDAY, nth=LAST)

    assert last.falls_on(date(2026, 2, 22))
    assert last.falls_on(date(2026, 5, 31))
    assert not last.falls_on(date(2026, 5, 24))


@pytest.mark.req("S5.1-07")
def test_sunday_at_two_in_yangon_is_saturday_in_utc() -> None:
    first = next(occurrences(DEPENDENCIES, during=YEAR))

    assert first.during.starts_at == datetime(2026, 2, 7, 19, 30, tzinfo=UTC)
    assert first.during.starts_at.strftime("%A") == "Saturday"
    assert first.day.strftime("%A") == "Sunday"


@pytest.mark.req("A57")
def test_a_window_in_the_skipped_hour_is_neither_lost_nor_cut() -> None:
    spring = replace(window("spring", Daily()), zone=NEW_YORK, starts=time(2, 30))
    night = Interval(
        starts_at=datetime(2026, 3, 8, 5, tzinfo=UTC),
        ends_at=datetime(2026, 3, 8, 12, tzinfo=UTC),
    )

    (found,) = occurrences(spring, during=night)

    assert found.during.starts_at == datetime(2026, 3, 8, 7, 30, tzinfo=UTC)
    assert found.during.ends_at - found.during.starts_at == timedelta(hours=2)


def test_a_day_that_the_calendar_left_out_has_no_window() -> None:
    apia = replace(window("daily", Daily()), zone=ZoneInfo("Pacific/Apia"))
    around = Interval(
        starts_at=datetime(2011, 12, 29, 12, tzinfo=UTC),
        ends_at=datetime(2011, 12, 31, 12, tzinfo=UTC),
    )

    assert days(apia, around) == ["2011-12-29", "2011-12-31"]
    assert not may_be_called(
        replace(apia, repeats=AsNeeded(days=frozenset(range(7)))), date(2011, 12, 30)
    )


def test_a_window_under_way_counts_and_one_that_has_just_ended_does_not() -> None:
    def found(starts_at: str) -> list[str]:
        during = Interval(starts_at=at(starts_at), ends_at=at("2026-02-08 12:00"))
        return days(DEPENDENCIES, during)

    assert found("2026-02-08 03:59") == ["2026-02-08"]
    assert found("2026-02-08 04:00") == []


@pytest.mark.req("S5.1-01", "A24")
def test_what_is_called_as_needed_has_no_days_but_may_be_called_on_sundays() -> None:
    patches = window("patches", AsNeeded(days=frozenset({SUNDAY})))

    assert days(patches) == []
    assert may_be_called(patches, date(2026, 2, 8))
    assert not may_be_called(patches, date(2026, 2, 9))
    assert not may_be_called(DATABASE, date(2026, 3, 1))
    assert patches.on(date(2026, 2, 8)).during.starts_at == at("2026-02-08 02:00")


@pytest.mark.req("S5.1-13", "A25")
def test_a_job_is_missed_fifteen_minutes_after_its_end() -> None:
    backup = replace(
        window("backup", Daily(), hours=1),
        starts=time(1),
        heartbeat_grace=timedelta(minutes=15),
    )

    assert backup.on(date(2026, 2, 8)).heartbeat_due_at == at("2026-02-08 02:15")
    assert DATABASE.on(date(2026, 3, 1)).heartbeat_due_at is None


@pytest.mark.req("S5.1-09", "A24")
def test_every_sunday_on_which_two_windows_meet_is_found() -> None:
    found = overlaps((DATABASE, PERFORMANCE, DEPENDENCIES), during=YEAR)

    met = [(one.stays.window.key, one.yields.day.isoformat()) for one in found]
    assert met == [
        ("database", "2026-04-05"),
        ("database", "2026-05-03"),
        ("performance", "2026-05-17"),
        ("database", "2026-09-06"),
        ("database", "2026-10-04"),
        ("database", "2026-11-01"),
        ("performance", "2026-11-15"),
    ]
    assert {one.yields.window.key for one in found} == {"dependencies"}


@pytest.mark.req("A25")
def test_windows_that_meet_end_to_end_do_not_overlap() -> None:
    backup = replace(window("backup", Daily(), hours=1), starts=time(1))

    assert overlaps((DATABASE, backup), during=YEAR) == ()


@pytest.mark.req("A24")
def test_windows_on_different_components_can_share_their_time() -> None:
    database = replace(DATABASE, components=frozenset({"mongodb"}))
    web = replace(DEPENDENCIES, components=frozenset({"web"}))

    assert {one.can_share for one in overlaps((database, web), during=YEAR)} == {True}
    everything = overlaps((database, DEPENDENCIES), during=YEAR)
    assert {one.can_share for one in everything} == {False}


@pytest.mark.req("A24")
def test_the_lower_one_goes_to_the_next_week_that_is_open_and_free() -> None:
    windows = (DATABASE, PERFORMANCE, DEPENDENCIES)
    thingyan = frozenset(date(2026, 4, 12) + n * timedelta(days=1) for n in range(11))

    found = overlaps(windows, during=YEAR)
    rooms = [make_room(one, windows, closed_on=thingyan) for one in found]

    assert [one.day.isoformat() for one in rooms if one is not None] == [
        "2026-04-26", "2026-05-10", "2026-05-24", "2026-09-13", "2026-10-11",
        "2026-11-08", "2026-11-22",
    ]  # fmt: skip


@pytest.mark.req("A24")
def test_what_comes_again_anyway_is_left_out_and_not_moved() -> None:
    weekly = window("weekly", Weekly(days=frozenset({SUNDAY})))

    first, *_ = overlaps((DATABASE, weekly), during=YEAR)

    assert make_room(first, (DATABASE, weekly)) is None


@pytest.mark.req("A24")
def test_there_may_be_no_room_for_a_quarter() -> None:
    crowd = window("crowd", Weekly(days=frozenset({SUNDAY})), hours=1)
    windows = (crowd, PERFORMANCE)

    first, *_ = overlaps(windows, during=YEAR)

    assert make_room(first, windows) is None


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: Weekly(days=frozenset({6}), every=2), "without a first day"),
        (lambda: Monthly(weekday=6, nth=1, every=3), "without a first day"),
        (lambda: Monthly(weekday=6, nth=5), "not every month"),
        (lambda: replace(DATABASE, duration=timedelta(0)), "no duration"),
    ],
)
def test_a_window_that_cannot_be_counted_is_refused(make: object, reason: str) -> None:
    assert callable(make)
    with pytest.raises(ValueError, match=reason):
        make()
