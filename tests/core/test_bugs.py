"""Bugs keep their own clocks, sprints have dates, hotfix phases add up."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from watchbill.core.bugs import (
    Bound,
    BugLevel,
    Disposition,
    Hotfix,
    Phase,
    Reckoning,
    SprintCalendar,
    Triage,
    fix_due_at,
    hotfix_total,
    latest_safe_end,
    phase_due_at,
    suspects_outage,
    triage_due_at,
    update_due_at,
)

YANGON = ZoneInfo("Asia/Yangon")
SPRINTS = SprintCalendar(first_day=date(2026, 2, 9), days=14, zone=YANGON)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def local(day: int, hour: int = 0, *, month: int = 2) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=YANGON).astimezone(UTC)


def level(fix: timedelta | None, communicate: timedelta | None) -> BugLevel:
    return BugLevel(
        key="some",
        title="Some",
        severity="P3",
        act_within=24 * HOUR,
        disposition=Disposition.BACKLOG,
        response=4 * HOUR,
        fix=fix,
        communicate=communicate,
    )


def phase(bound: Bound, at_least: timedelta, at_most: timedelta) -> Phase:
    return Phase(
        key="some",
        title="Some",
        bound=bound,
        at_least=at_least,
        at_most=at_most,
        steps=("Do it",),
    )


DEVELOPMENT = phase(Bound.ELAPSED, 30 * MINUTE, 4 * HOUR)
TESTING = phase(Bound.DURATION, 30 * MINUTE, HOUR)
DEPLOYMENT = phase(Bound.DURATION, 15 * MINUTE, 30 * MINUTE)
WATCH = phase(Bound.WATCH, HOUR, 24 * HOUR)
HOTFIX = Hotfix(target=4 * HOUR, phases=(DEVELOPMENT, TESTING, DEPLOYMENT, WATCH))


@pytest.mark.req("S6.3-15", "A36")
@pytest.mark.parametrize(
    ("reported_at", "number", "starts_at"),
    [
        (local(6, 12), 1, local(9)),
        (local(9), 2, local(23)),
        (local(22, 23), 2, local(23)),
        (local(23), 3, local(9, month=3)),
    ],
)
def test_next_sprint_is_a_date(
    reported_at: datetime, number: int, starts_at: datetime
) -> None:
    sprint = SPRINTS.next_sprint(reported_at)

    assert (sprint.number, sprint.during.starts_at) == (number, starts_at)
    assert sprint.during.ends_at - sprint.during.starts_at == timedelta(days=14)


@pytest.mark.req("S6.3-15")
def test_a_sprint_changes_at_local_midnight() -> None:
    before = datetime(2026, 2, 22, 17, 29, tzinfo=UTC)

    assert SPRINTS.sprint_at(before).number == 1
    assert SPRINTS.sprint_at(before + MINUTE).number == 2


@pytest.mark.req("S6.3-11", "S6.3-12", "A36")
def test_what_waits_for_a_sprint_is_due_when_it_ends() -> None:
    low = level(fix=None, communicate=None)

    due = fix_due_at(low, SPRINTS, reported_at=local(10, 12))
    news = update_due_at(low, SPRINTS, told_at=local(10, 12))

    assert due == local(9, month=3)
    assert news == local(23)


def test_without_a_calendar_of_sprints_nothing_is_due_with_one() -> None:
    low = level(fix=None, communicate=None)

    assert fix_due_at(low, None, reported_at=local(10)) is None
    assert update_due_at(low, None, told_at=local(10)) is None


@pytest.mark.req("S6.3-13")
def test_news_is_due_after_the_last_news_and_not_after_the_report() -> None:
    critical = level(fix=4 * HOUR, communicate=2 * HOUR)

    assert fix_due_at(critical, None, reported_at=local(10, 1)) == local(10, 5)
    assert update_due_at(critical, None, told_at=local(10, 3)) == local(10, 5)


def test_a_sprint_of_no_days_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one day"):
        SprintCalendar(first_day=date(2026, 2, 9), days=0, zone=YANGON)


TRIAGE = Triage(
    who="L1",
    within=30 * MINUTE,
    suspected_p1_within=5 * MINUTE,
    spike=5,
    spike_within=10 * MINUTE,
    keywords=frozenset({"cannot log in", "ဝင်မရ"}),
)


@pytest.mark.req("S6.1-01", "A37")
def test_a_suspected_outage_jumps_the_queue() -> None:
    at = local(10)

    ordinary = triage_due_at(TRIAGE, reported_at=at, is_suspected_p1=False)
    urgent = triage_due_at(TRIAGE, reported_at=at, is_suspected_p1=True)

    assert (ordinary - at, urgent - at) == (30 * MINUTE, 5 * MINUTE)


@pytest.mark.req("A37")
@pytest.mark.parametrize(
    ("text", "similar", "suspected"),
    [
        ("The colour of a button", 1, False),
        ("I CANNOT LOG IN since noon", 1, True),
        ("အကောင့်ထဲဝင်မရဘူး", 1, True),
        ("The colour of a button", 4, False),
        ("The colour of a button", 5, True),
    ],
)
def test_words_and_spikes_suggest_an_outage(
    text: str,
    similar: int,
    suspected: bool,  # noqa: FBT001
) -> None:
    assert suspects_outage(TRIAGE, text=text, similar=similar) is suspected


@pytest.mark.req("A7")
def test_development_must_end_early_enough_for_what_follows() -> None:
    assert latest_safe_end(HOTFIX) == Reckoning(
        worst=2 * HOUR + 30 * MINUTE, best=3 * HOUR + 15 * MINUTE
    )


@pytest.mark.req("A7")
def test_the_watch_after_the_fix_does_not_count_toward_the_target() -> None:
    assert hotfix_total(HOTFIX) == Reckoning(
        worst=5 * HOUR + 30 * MINUTE, best=HOUR + 15 * MINUTE
    )


@pytest.mark.req("A7", "S6.2-07")
@pytest.mark.parametrize(
    ("one", "late_at"),
    [(DEVELOPMENT, local(10, 4)), (TESTING, local(10, 3)), (WATCH, local(11, 2))],
)
def test_each_phase_is_late_by_its_own_clock(one: Phase, late_at: datetime) -> None:
    due_at = phase_due_at(one, detected_at=local(10), entered_at=local(10, 2))

    assert due_at == late_at


def test_phases_on_the_clock_alone_take_as_long_as_the_last_of_them() -> None:
    early = phase(Bound.ELAPSED, timedelta(0), 15 * MINUTE)
    hotfix = Hotfix(target=4 * HOUR, phases=(early, DEVELOPMENT))

    assert hotfix_total(hotfix) == Reckoning(worst=4 * HOUR, best=30 * MINUTE)
    assert latest_safe_end(hotfix) == Reckoning(worst=4 * HOUR, best=4 * HOUR)
