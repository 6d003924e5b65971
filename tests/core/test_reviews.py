"""Meetings avoid holidays, and reviews that were missed are known."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchbill.core.reviews import (
    Cycle,
    MeetingTime,
    Within,
    due_on,
    is_stale,
    next_meeting_at,
    next_review_on,
    overdue_reviews,
    review_dates,
)
from watchbill.core.temporal import Period, WeeklyHours

YANGON = ZoneInfo("Asia/Yangon")
THINGYAN = frozenset(date(2026, 4, day) for day in range(13, 22))
INDEPENDENCE = frozenset({date(2027, 1, 1), date(2027, 1, 4)})
HOURS = WeeklyHours(
    days=frozenset(range(5)),
    starts=time(9),
    ends=time(18),
    zone=YANGON,
    closed_on=THINGYAN | INDEPENDENCE,
)
EFFECTIVE = date(2026, 2, 6)
QUARTER = Period(months=3)


def local(year: int, month: int, day: int, hour: int = 0) -> datetime:
    return datetime(year, month, day, hour, tzinfo=YANGON).astimezone(UTC)


def meeting(cycle: Cycle, weekday: int | None, after: datetime) -> datetime:
    when = MeetingTime(weekday=weekday, wall=time(10))
    return next_meeting_at(cycle, when, after=after, hours=HOURS)


@pytest.mark.req("A54")
@pytest.mark.parametrize(
    ("cycle", "weekday", "after", "expected"),
    [
        # Weekly on Monday; two Mondays of Thingyan leave one meeting.
        (Cycle.WEEKLY, 0, local(2026, 2, 6), local(2026, 2, 9, 10)),
        (Cycle.WEEKLY, 0, local(2026, 2, 9, 9), local(2026, 2, 9, 10)),
        (Cycle.WEEKLY, 0, local(2026, 2, 9, 10), local(2026, 2, 16, 10)),
        (Cycle.WEEKLY, 0, local(2026, 4, 6, 10), local(2026, 4, 22, 10)),
        (Cycle.WEEKLY, 0, local(2026, 4, 22, 10), local(2026, 4, 27, 10)),
        # The first working Tuesday of the month.
        (Cycle.MONTHLY, 1, local(2026, 2, 6), local(2026, 3, 3, 10)),
        (Cycle.MONTHLY, 1, local(2026, 3, 3, 10), local(2026, 4, 7, 10)),
        # The first working day of the first week of the quarter.
        (Cycle.QUARTERLY, None, local(2026, 2, 6), local(2026, 4, 6, 10)),
        (Cycle.QUARTERLY, None, local(2026, 12, 1), local(2027, 1, 5, 10)),
        (Cycle.HALF_YEARLY, None, local(2026, 2, 6), local(2026, 7, 6, 10)),
        (Cycle.YEARLY, 0, local(2026, 2, 6), local(2027, 1, 11, 10)),
    ],
)
def test_a_meeting_is_moved_off_holidays(
    cycle: Cycle, weekday: int | None, after: datetime, expected: datetime
) -> None:
    assert meeting(cycle, weekday, after) == expected


@given(
    cycle=st.sampled_from(Cycle),
    weekday=st.none() | st.integers(0, 6),
    after=st.datetimes(
        min_value=datetime(2025, 1, 1),  # noqa: DTZ001 - strategies add the zone
        max_value=datetime(2030, 1, 1),  # noqa: DTZ001
        timezones=st.just(UTC),
    ),
)
def test_the_next_meeting_is_later_and_none_lies_between(
    cycle: Cycle, weekday: int | None, after: datetime
) -> None:
    first = meeting(cycle, weekday, after)

    assert first > after
    assert meeting(cycle, weekday, first - timedelta(microseconds=1)) == first


def test_people_who_never_work_meet_all_the_same() -> None:
    never = WeeklyHours(days=frozenset(), starts=time(9), ends=time(18), zone=YANGON)
    when = MeetingTime(weekday=0, wall=time(9))

    found = next_meeting_at(Cycle.WEEKLY, when, after=local(2026, 2, 6), hours=never)

    assert found == local(2026, 2, 9, 9)


@pytest.mark.req("S0-03", "A42")
def test_the_plan_is_reviewed_every_three_months_after_its_effective_date() -> None:
    dates = review_dates(EFFECTIVE, QUARTER, until=date(2026, 11, 23))

    assert dates == (date(2026, 5, 6), date(2026, 8, 6), date(2026, 11, 6))
    after = next_review_on(EFFECTIVE, QUARTER, after=date(2026, 11, 6))
    assert after == date(2027, 2, 6)


@pytest.mark.req("S0-03", "A42")
@pytest.mark.parametrize(
    ("held", "as_of", "months"),
    [
        ((), date(2026, 5, 6), []),
        ((), date(2026, 5, 7), [5]),
        ((), date(2026, 11, 23), [5, 8, 11]),
        ((date(2026, 5, 4),), date(2026, 11, 23), [8, 11]),
        ((date(2026, 9, 1),), date(2026, 11, 23), [11]),
        ((date(2026, 5, 4), date(2026, 5, 5)), date(2026, 11, 23), [8, 11]),
        ((date(2026, 8, 6), date(2026, 10, 20)), date(2026, 11, 23), []),
        ((date(2026, 12, 1),), date(2026, 11, 23), [5, 8, 11]),
        ((date(2026, 11, 7),), date(2026, 11, 23), []),
    ],
)
def test_a_review_is_overdue_until_it_is_held(
    held: tuple[date, ...], as_of: date, months: list[int]
) -> None:
    overdue = overdue_reviews(EFFECTIVE, QUARTER, held=held, as_of=as_of)

    assert [day.month for day in overdue] == months


@pytest.mark.req("S8.1-10")
def test_a_runbook_is_stale_after_its_period() -> None:
    month = Period(months=1)

    assert not is_stale(EFFECTIVE, month, as_of=date(2026, 3, 6))
    assert is_stale(EFFECTIVE, month, as_of=date(2026, 3, 7))


@pytest.mark.req("A18")
@pytest.mark.parametrize(
    ("within", "start", "last"),
    [
        (Within(days=3), date(2026, 2, 6), date(2026, 2, 9)),
        (Within(days=5, working=True), date(2026, 2, 6), date(2026, 2, 13)),
        (Within(days=5, working=True), date(2026, 4, 10), date(2026, 4, 28)),
    ],
)
def test_working_days_leave_out_weekends_and_holidays(
    within: Within, start: date, last: date
) -> None:
    assert due_on(within, start=start, hours=HOURS) == last


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [
        (Period(months=1), date(2026, 1, 31), date(2026, 2, 28)),
        (Period(months=12), date(2024, 2, 29), date(2025, 2, 28)),
        (Period(days=14), date(2026, 2, 9), date(2026, 2, 23)),
    ],
)
def test_a_period_ends_with_the_month_where_that_is_shorter(
    period: Period, start: date, end: date
) -> None:
    assert period.after(start) == end


def test_a_period_counted_from_one_beginning_does_not_drift() -> None:
    month, start = Period(months=1), date(2026, 1, 31)

    assert month.after(month.after(start)) == date(2026, 3, 28)
    assert month.after(start, times=2) == date(2026, 3, 31)


def test_a_period_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than nothing"):
        Period()
