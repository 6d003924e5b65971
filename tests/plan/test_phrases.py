"""Recurrences, thresholds and addresses: what was read is written again."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchbill.core.maintenance import LAST, AsNeeded, Daily, Monthly, Weekly
from watchbill.core.monitoring import Direction, Threshold
from watchbill.plan.phrases import (
    parse_limit,
    parse_repeats,
    parse_sigma,
    parse_url,
    parse_weeks,
    write_limit,
    write_repeats,
)
from watchbill.plan.values import UnreadableError

FIRST = date(2026, 2, 6)
amounts = st.decimals("0.001", "99.999", places=3)
near_misses = st.text("0123456789 <>%.dropmseveryinthfwkly,:/", max_size=30)


@given(st.sampled_from(Direction), amounts)
def test_a_threshold_is_read_back_from_what_is_written(
    direction: Direction, amount: Decimal
) -> None:
    threshold = Threshold(direction=direction, limit=amount)

    limit = parse_limit(write_limit(threshold, "%"))

    assert (limit.threshold, limit.unit, limit.is_turned) == (threshold, "%", False)


@pytest.mark.req("A13")
@pytest.mark.parametrize(
    ("text", "is_turned"),
    [
        ("drop > 5%", False),
        ("> 5% drop", False),
        ("< 5% drop", True),
        ("drop < 5 %", True),
    ],
)
def test_a_drop_is_always_a_drop_of_more(text: str, is_turned: bool) -> None:  # noqa: FBT001
    limit = parse_limit(text)

    assert limit.threshold == Threshold(direction=Direction.DROP, limit=Decimal(5))
    assert limit.is_turned is is_turned


@given(
    st.sets(st.integers(0, 6), min_size=1).map(frozenset),
    st.sampled_from([1, 2, 3, 4, LAST]),
    st.integers(1, 52),
)
def test_a_recurrence_is_read_back_from_what_is_written(
    days: frozenset[int], nth: int, every: int
) -> None:
    weekly = parse_repeats(
        write_repeats(Weekly(days=days, every=every, first_day=FIRST))
    )
    monthly = parse_repeats(
        write_repeats(Monthly(weekday=min(days), nth=nth, every=every, first_day=FIRST))
    )

    assert (weekly.days, weekly.every, weekly.nth) == (days, every, None)
    assert (monthly.days, monthly.every, monthly.nth) == (
        frozenset({min(days)}),
        every,
        nth,
    )
    for repeats in (Daily(), AsNeeded(days=days)):
        assert parse_repeats(write_repeats(repeats)).every == 1


@pytest.mark.parametrize(
    "parse", [parse_repeats, parse_limit, parse_weeks, parse_sigma, parse_url]
)
@given(near_misses | st.text(max_size=30))
def test_whatever_cannot_be_read_is_refused_with_a_hint(
    parse: Callable[[str], object], text: str
) -> None:
    refusal: UnreadableError | None = None
    try:
        parse(text)
    except UnreadableError as error:
        refusal = error

    assert refusal is None or (refusal.message and refusal.hint)


@pytest.mark.parametrize(
    "text",
    ["http://", "https://[::1", "ftp://x.test", "https://a b", "javascript:alert(1)"],
)
def test_only_addresses_of_the_web_are_links(text: str) -> None:
    with pytest.raises(UnreadableError):
        parse_url(text)
