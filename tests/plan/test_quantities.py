"""Quantities are read in one spelling, and written in the same."""

from collections.abc import Callable
from typing import Any

import pytest

from watchbill.core.reviews import Cycle
from watchbill.plan import quantities as q
from watchbill.plan.values import UnreadableError, parse_duration, write_duration


@pytest.mark.parametrize(
    ("parse", "write", "text"),
    [
        (q.parse_period, q.write_period, "1 month"),
        (q.parse_period, q.write_period, "36 months"),
        (q.parse_period, q.write_period, "90 days"),
        (q.parse_share, q.write_share, "80%"),
        (q.parse_share, q.write_share, "99.95%"),
        (q.parse_news, q.write_news, "every 2h"),
        (q.parse_news, q.write_news, "daily"),
        (q.parse_news, q.write_news, "weekly"),
        (q.parse_news, q.write_news, "sprint review"),
        (q.parse_fix, q.write_fix, "4h"),
        (q.parse_fix, q.write_fix, "next sprint"),
        (q.parse_frequency, q.write_frequency, "quarterly"),
        (q.parse_frequency, q.write_frequency, "after each P1/P2"),
        (q.parse_within, q.write_within, "3d"),
        (q.parse_within, q.write_within, "5 business days"),
        (parse_duration, write_duration, "2h30m"),
    ],
)
def test_what_is_read_is_written_back(
    parse: Callable[[str], Any], write: Callable[[Any], str], text: str
) -> None:
    assert write(parse(text)) == text


@pytest.mark.parametrize(
    ("text", "cycle"),
    [
        ("mon 09:00", Cycle.WEEKLY),
        ("first week 10:00", Cycle.WEEKLY),
        ("first tue 10:00", Cycle.MONTHLY),
        ("first week 10:00", Cycle.QUARTERLY),
    ],
)
def test_a_meeting_time_is_written_for_its_cycle(text: str, cycle: Cycle) -> None:
    assert q.write_meeting_time(q.parse_meeting_time(text), cycle) == text


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (q.parse_period, "0 months"),
        (q.parse_period, "9999 years"),
        (q.parse_period, "month"),
        (q.parse_share, "101%"),
        (q.parse_share, "0.8"),
        (q.parse_count, "0"),
        (q.parse_count, "many"),
        (q.parse_news, "every 0m"),
        (q.parse_news, "2h"),
        (q.parse_fix, "sprint"),
        (q.parse_meeting_time, "week 10:00"),
        (q.parse_meeting_time, "mon 25:00"),
        (q.parse_frequency, "sometimes"),
        (q.parse_frequency, "after each "),
        (q.parse_within, "0d"),
    ],
)
def test_what_cannot_be_read_is_refused(parse: Callable[[str], Any], text: str) -> None:
    with pytest.raises(UnreadableError):
        parse(text)
