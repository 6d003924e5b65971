"""Values are read as people write them, and never guessed."""

from datetime import date, time, timedelta

import pytest

from tests.plan.samples import minimal
from watchbill.core.ladder import (
    ChannelTarget,
    DutyTarget,
    ExpertTarget,
    RoleTarget,
    Target,
    TurnTarget,
)
from watchbill.core.oncall import Duty
from watchbill.plan.values import (
    UnreadableError,
    is_doubtful_phone,
    is_placeholder,
    parse_date,
    parse_dates,
    parse_days,
    parse_duration,
    parse_email,
    parse_phone,
    parse_target,
    parse_truth,
    parse_wall_time,
    parse_zone,
)


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("0", timedelta(0)),
        ("0m", timedelta(0)),
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("2h30m", timedelta(hours=2, minutes=30)),
        ("24h", timedelta(days=1)),
        ("3d", timedelta(days=3)),
        ("1d12h", timedelta(hours=36)),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text: str, duration: timedelta) -> None:
    assert parse_duration(text) == duration


@pytest.mark.parametrize("text", ["", "15", "15 m", "m", "30m2h", "-5m", "1.5h", "1y"])
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(UnreadableError):
        parse_duration(text)


def test_a_duration_of_more_than_a_year_is_refused() -> None:
    with pytest.raises(UnreadableError, match="longer than a year"):
        parse_duration("999999d")


def test_a_wall_time_has_two_digits_each() -> None:
    assert parse_wall_time("09:30") == time(9, 30)
    for text in ("9:30", "24:00", "12:60", "12:30:00", "noon"):
        with pytest.raises(UnreadableError):
            parse_wall_time(text)


def test_a_date_is_written_year_first_and_must_exist() -> None:
    assert parse_date("2028-02-29") == date(2028, 2, 29)
    for text in ("2026-02-29", "06.02.2026", "2026-2-6", "0001-01-01", "20260206"):
        with pytest.raises(UnreadableError):
            parse_date(text)


@pytest.mark.req("A20")
def test_a_holiday_may_last_several_days() -> None:
    thingyan = parse_dates("2026-04-13 to 2026-04-21")

    assert len(thingyan) == 9
    assert thingyan[-1] == date(2026, 4, 21)
    with pytest.raises(UnreadableError):
        parse_dates("2026-04-21 to 2026-04-13")


def test_days_are_named_and_may_run_over_the_weekend() -> None:
    assert parse_days("mon-fri") == frozenset(range(5))
    assert parse_days("sat, sun") == {5, 6}
    assert parse_days("fri-mon") == {4, 5, 6, 0}
    for text in ("", "weekdays", "mon-", "mon to fri"):
        with pytest.raises(UnreadableError):
            parse_days(text)


def test_only_true_and_false_are_truth_values() -> None:
    assert parse_truth("true") is True
    for text in ("yes", "on", "True", "1"):
        with pytest.raises(UnreadableError):
            parse_truth(text)


@pytest.mark.parametrize(
    "text", ["", "Rangoon", "../etc/passwd", "America", "/", "a b"]
)
def test_an_unknown_time_zone_is_refused(text: str) -> None:
    with pytest.raises(UnreadableError):
        parse_zone(text)


@pytest.mark.req("S2.1-13")
@pytest.mark.parametrize(
    "text",
    [
        "09 250 000 001",
        "09250000001",
        "+959250000001",
        "+95 9 250-000-001",
        "၀၉၂၅၀၀၀၀၀၀၁",
    ],
)
def test_a_myanmar_number_is_stored_in_e164(text: str) -> None:
    assert parse_phone(text) == "+959250000001"


@pytest.mark.req("S2.1-13")
def test_what_is_no_phone_number_is_refused() -> None:
    for text in ("", "250", "call me", "+1", "1-800-FLOWERS", "09 250 000 001 or 2"):
        with pytest.raises(UnreadableError):
            parse_phone(text)


def test_a_number_of_no_known_range_is_kept_and_doubted() -> None:
    assert parse_phone("+95 1 000 0000") == "+9510000000"
    assert is_doubtful_phone("+95 1 000 0000")
    assert not is_doubtful_phone("+95 9 250 000 001")


@pytest.mark.req("S2.1-14")
def test_placeholders_are_read_as_not_filled_in() -> None:
    assert is_placeholder("[Name]")
    assert parse_phone("+95-xxx-xxx-xxxx") is None
    assert parse_email("[Email]") is None
    assert not is_placeholder("Xavier")


def test_an_email_address_has_two_parts_and_a_domain() -> None:
    assert parse_email("dba@trm.rocks") == "dba@trm.rocks"
    for text in (
        "dba",
        "dba@",
        "a b@c.d",
        "dba@trm",
        "a@b.c, d@e.f",
        "x" * 300 + "@a.b",
    ):
        with pytest.raises(UnreadableError):
            parse_email(text)


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("technical_lead", RoleTarget(role="technical_lead")),
        ("L2", RoleTarget(role="L2")),
        ("#incidents", ChannelTarget(channel="#incidents")),
        ("channel.email", ChannelTarget(channel="email")),
        ("L3 by category", ExpertTarget(level="L3")),
        ("on_call.main", DutyTarget(schedule="main", duty=Duty.PRIMARY)),
        ("one of L1 in turn", TurnTarget(role="L1")),
        ("on_call.main.shadow", DutyTarget(schedule="main", duty=Duty.SHADOW)),
    ],
)
def test_a_target_is_told_by_its_form(text: str, target: Target) -> None:
    assert parse_target(text) == target


@pytest.mark.parametrize(
    "text",
    ["", "the boss", "on_call.", "on_call.a.boss", " by category", "one of in turn"],
)
def test_other_targets_are_refused(text: str) -> None:
    with pytest.raises(UnreadableError):
        parse_target(text)


@pytest.mark.parametrize(
    "word", ["no", "12:30:00", "010", "1_000", "0x1F", "1e3", "on"]
)
def test_yaml_does_not_turn_text_into_something_else(word: str) -> None:
    plan = minimal(('version: "1"', f"version: {word}")).plan

    assert plan is not None
    assert plan.meta.version == word
