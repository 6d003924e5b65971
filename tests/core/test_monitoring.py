"""Thresholds are strict, critical takes the warning's place, chance is no drop."""

from datetime import timedelta
from decimal import Decimal

import pytest

from watchbill.core.monitoring import (
    Baseline,
    Count,
    Direction,
    Grade,
    MetricRule,
    Threshold,
    judge,
    judge_drop,
)

HOUR = timedelta(hours=1)


def rule(direction: Direction, warning: str, critical: str) -> MetricRule:
    return MetricRule(
        key="metric",
        title="Metric",
        warning=Threshold(direction=direction, limit=Decimal(warning)),
        critical=Threshold(direction=direction, limit=Decimal(critical)),
        baseline=Baseline() if direction is Direction.DROP else None,
    )


def count(hours: int, observed: int, expected: str | None) -> Count:
    known = None if expected is None else Decimal(expected)
    return Count(stretch=hours * HOUR, observed=observed, expected=known)


@pytest.mark.req("S4.2-22", "S4.2-23")
@pytest.mark.parametrize(
    ("value", "grade"),
    [
        ("70", Grade.FINE),
        ("70.01", Grade.WARNING),
        ("85", Grade.WARNING),
        ("85.01", Grade.CRITICAL),
    ],
)
def test_exactly_at_an_upper_threshold_nothing_fires(value: str, grade: Grade) -> None:
    assert judge(rule(Direction.ABOVE, "70", "85"), Decimal(value)).grade is grade


@pytest.mark.req("S4.2-22", "S4.2-23")
@pytest.mark.parametrize(
    ("value", "grade"),
    [
        ("98", Grade.FINE),
        ("97.99", Grade.WARNING),
        ("95", Grade.WARNING),
        ("94.99", Grade.CRITICAL),
    ],
)
def test_exactly_at_a_lower_threshold_nothing_fires(value: str, grade: Grade) -> None:
    assert judge(rule(Direction.BELOW, "98", "95"), Decimal(value)).grade is grade


@pytest.mark.req("S4.2-24")
def test_the_reason_names_metric_value_and_threshold() -> None:
    found = judge(rule(Direction.ABOVE, "0.1", "1"), Decimal("1.4"))

    assert found.reason == "Metric 1.4 is above 1"


@pytest.mark.req("S4.2-25")
def test_a_missing_value_is_not_a_good_one() -> None:
    assert judge(rule(Direction.ABOVE, "70", "85"), None).grade is Grade.MISSING
    assert judge_drop(rule(Direction.DROP, "5", "10"), ()).grade is Grade.MISSING


@pytest.mark.req("A13")
@pytest.mark.parametrize(("percent", "events"), [("5", 3600), ("10", 900), ("20", 225)])
def test_a_drop_needs_so_many_expected_events(percent: str, events: int) -> None:
    threshold = Threshold(direction=Direction.DROP, limit=Decimal(percent))

    assert Baseline().minimum_expected(threshold) == events


@pytest.mark.req("A13")
def test_a_part_of_an_event_is_a_whole_one() -> None:
    threshold = Threshold(direction=Direction.DROP, limit=Decimal(7))

    assert Baseline().minimum_expected(threshold) == 1837


@pytest.mark.req("S4.2-17", "S4.2-18", "S4.2-22", "A13")
@pytest.mark.parametrize(
    ("observed", "grade"),
    [
        (4000, Grade.FINE),
        (3800, Grade.FINE),
        (3799, Grade.WARNING),
        (3600, Grade.WARNING),
        (3599, Grade.CRITICAL),
        (0, Grade.CRITICAL),
        (9000, Grade.FINE),
    ],
)
def test_a_drop_is_more_than_so_many_percent(observed: int, grade: Grade) -> None:
    counts = (count(1, observed, "4000"),)

    assert judge_drop(rule(Direction.DROP, "5", "10"), counts).grade is grade


@pytest.mark.req("A13")
def test_a_small_number_is_asked_over_a_longer_time() -> None:
    counts = (count(1, 10, "100"), count(6, 500, "600"), count(24, 3000, "4000"))

    found = judge_drop(rule(Direction.DROP, "5", "10"), counts)

    assert found.grade is Grade.CRITICAL
    assert found.reason == "Metric dropped by 25.0 % in 24 h, more than 10 %"


@pytest.mark.req("A13")
def test_too_few_events_raise_no_alarm_and_say_so() -> None:
    counts = (count(1, 0, "10"), count(6, 0, "60"), count(24, 0, None))

    found = judge_drop(rule(Direction.DROP, "5", "10"), counts)

    assert found.grade is Grade.FINE
    assert "too little is expected" in found.reason


@pytest.mark.req("A13")
def test_a_critical_drop_shows_where_a_warning_would_be_chance() -> None:
    counts = (count(1, 700, "1000"),)

    assert judge_drop(rule(Direction.DROP, "5", "10"), counts).grade is Grade.CRITICAL


def test_a_warning_comes_before_its_critical_threshold() -> None:
    def ordered(direction: Direction, warning: str, critical: str) -> bool:
        one = rule(direction, warning, critical)
        return one.warning.precedes(one.critical)

    assert ordered(Direction.ABOVE, "70", "85")
    assert ordered(Direction.BELOW, "98", "95")
    assert ordered(Direction.DROP, "5", "10")
    assert not ordered(Direction.ABOVE, "85", "70")
    assert not ordered(Direction.ABOVE, "85", "85")
    assert not ordered(Direction.BELOW, "95", "98")


@pytest.mark.parametrize("limit", ["0", "100", "-5"])
def test_nothing_drops_by_nothing_or_by_everything(limit: str) -> None:
    with pytest.raises(ValueError, match="nothing can drop"):
        Threshold(direction=Direction.DROP, limit=Decimal(limit))
