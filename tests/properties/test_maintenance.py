"""Maintenance windows against a calendar that is walked through hour by hour."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.properties.watch import ZONES, first_showing
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
    occurrences,
    overlaps,
)
from watchbill.core.temporal import Interval

DAY, HOUR = timedelta(days=1), timedelta(hours=1)

zones = st.sampled_from(ZONES).map(ZoneInfo)
days = st.dates(date(2005, 1, 1), date(2030, 12, 31))
weekdays = st.integers(0, 6)
walls = st.sampled_from(
    [time(0), time(0, 30), time(1), time(2), time(2, 30), time(12), time(23, 30)]
)
lengths = st.integers(1, 24).map(lambda hours: hours * HOUR)


@st.composite
def recurrences(draw: st.DrawFn, around: date) -> Recurrence:
    first = around + draw(st.integers(-60, 30)) * DAY
    several = frozenset(draw(st.sets(weekdays, min_size=1)))
    kinds: list[Recurrence] = [
        Daily(),
        AsNeeded(days=several),
        Weekly(days=several, every=draw(st.integers(1, 5)), first_day=first),
        Weekly(days=several),
        Monthly(
            weekday=draw(weekdays),
            nth=draw(st.sampled_from([1, 2, 3, 4, LAST])),
            every=draw(st.integers(1, 4)),
            first_day=first,
        ),
    ]
    return draw(st.sampled_from(kinds))


@st.composite
def windows(draw: st.DrawFn, around: date, key: str = "window") -> Window:
    return Window(
        key=key,
        title=key,
        repeats=draw(recurrences(around)),
        starts=draw(walls),
        duration=draw(lengths),
        zone=draw(zones),
        impact=Impact.DEGRADED,
    )


def shown_days(zone: ZoneInfo, during: Interval) -> list[date]:
    """Every date that clocks in the zone show, from two days before to two after."""
    at, found = during.starts_at - 2 * DAY, set()
    while at < during.ends_at + 2 * DAY:
        found.add(at.astimezone(zone).date())
        at += HOUR / 2
    return sorted(found)


def falls(repeats: Recurrence, day: date) -> bool:
    """A second reading of the calendar, by walking instead of by arithmetic."""
    match repeats:
        case Daily():
            return True
        case AsNeeded():
            return False
        case Weekly(days=some, every=every, first_day=first):
            if first is None:
                return day.weekday() in some
            monday = first
            while monday.weekday() != 0:
                monday -= DAY
            while monday + 7 * DAY <= day:
                monday += 7 * every * DAY
            in_week = monday <= day < monday + 7 * DAY
            return in_week and day >= first and day.weekday() in some
        case Monthly(weekday=weekday, nth=nth, every=every, first_day=first):
            assert first is not None
            year, month = first.year, first.month
            while (year, month) < (day.year, day.month):
                for _ in range(every):
                    year, month = (year, month + 1) if month < 12 else (year + 1, 1)
            in_month = [
                one
                for offset in range(-31, 32)
                if (one := day + offset * DAY).month == day.month
            ]
            named = [one for one in in_month if one.weekday() == weekday]
            wanted = named[-1] if nth == LAST else named[nth - 1]
            return (year, month) == (day.year, day.month) and day == wanted >= first


@pytest.mark.req("S5.1-07", "A24", "A57")
@given(st.data(), days)
def test_occurrences_are_those_of_the_local_calendar(
    data: st.DataObject, day: date
) -> None:
    window = data.draw(windows(day))
    starts_at = datetime.combine(day, time(), tzinfo=UTC)
    during = Interval(
        starts_at=starts_at, ends_at=starts_at + data.draw(st.integers(1, 40)) * DAY
    )

    expected = []
    for shown in shown_days(window.zone, during):
        if falls(window.repeats, shown):
            begins = first_showing(shown, window.starts, window.zone)
            if begins < during.ends_at and during.starts_at < begins + window.duration:
                expected.append((shown, begins, begins + window.duration))

    found = [
        (one.day, one.during.starts_at, one.during.ends_at)
        for one in occurrences(window, during=during)
    ]
    assert found == expected


@pytest.mark.req("S5.1-07", "A57")
@given(st.data(), days)
@example(data=None, day=date(2011, 12, 30)).via("the day that Apia left out")
def test_occurrences_come_in_order_and_none_twice(
    data: st.DataObject | None, day: date
) -> None:
    window = (
        data.draw(windows(day))
        if data is not None
        else Window(
            key="daily",
            title="Daily",
            repeats=Daily(),
            starts=time(2),
            duration=HOUR,
            zone=ZoneInfo("Pacific/Apia"),
            impact=Impact.NONE,
        )
    )
    noon = datetime.combine(day, time(12), tzinfo=UTC)
    during = Interval(starts_at=noon - 20 * DAY, ends_at=noon + 20 * DAY)

    starts = [one.during.starts_at for one in occurrences(window, during=during)]

    assert all(one < other for one, other in pairwise(starts))


@pytest.mark.req("S5.1-09", "A24")
@given(st.data(), days)
def test_overlaps_are_the_pairs_that_share_an_instant(
    data: st.DataObject, day: date
) -> None:
    rows = tuple(data.draw(windows(day, key=key)) for key in "abc")
    starts_at = datetime.combine(day, time(), tzinfo=UTC)
    during = Interval(starts_at=starts_at, ends_at=starts_at + 40 * DAY)

    expected = {
        (higher.window.key, higher.day, lower.window.key, lower.day)
        for place, one in enumerate(rows)
        for other in rows[place + 1 :]
        for higher in occurrences(one, during=during)
        for lower in occurrences(other, during=during)
        if max(higher.during.starts_at, lower.during.starts_at)
        < min(higher.during.ends_at, lower.during.ends_at)
    }
    found = [
        (one.stays.window.key, one.stays.day, one.yields.window.key, one.yields.day)
        for one in overlaps(rows, during=during)
    ]

    assert len(found) == len(set(found))
    assert set(found) == expected


@pytest.mark.req("A24")
@given(st.data(), days)
def test_where_an_occurrence_makes_room_it_meets_nothing(
    data: st.DataObject, day: date
) -> None:
    rows = tuple(data.draw(windows(day, key=key)) for key in "ab")
    closed_on = frozenset(
        day + offset * DAY for offset in data.draw(st.sets(st.integers(0, 90)))
    )
    starts_at = datetime.combine(day, time(), tzinfo=UTC)
    during = Interval(starts_at=starts_at, ends_at=starts_at + 40 * DAY)

    for one in overlaps(rows, during=during)[:5]:
        room = make_room(one, rows, closed_on=closed_on)
        if room is not None:
            assert room.day.weekday() == one.yields.day.weekday()
            assert room.day > one.yields.day
            assert room.day not in closed_on
            assert list(occurrences(rows[0], during=room.during)) == []
