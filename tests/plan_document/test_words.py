"""What people write for times, dates and names, and how a plan spells it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchbill.plan.document import words
from watchbill.plan.document.blocks import (
    Grid,
    Items,
    escape,
    escape_line,
    outline,
    plain,
)


@pytest.mark.parametrize(
    ("said", "spelled"),
    [
        ("15 minutes", "15m"),
        ("15 min", "15m"),
        ("30m", "30m"),
        ("1hr", "1h"),
        ("24 hours", "24h"),
        ("1 hour 30 minutes", "1h30m"),
        ("1.5 hours", "1h30m"),
        ("an hour", "1h"),
        ("2 weeks", "14d"),
        ("90 sec", "90s"),
        ("၁၅ မိနစ်", "15m"),
        ("Within 48 hours of closing", "48h"),
        ("Immediate", None),
        ("soon", None),
        ("500 days", None),
    ],
)
def test_durations(said: str, spelled: str | None) -> None:
    assert words.duration(said) == spelled


@pytest.mark.parametrize(
    ("said", "spelled"),
    [
        ("February 6, 2026", "2026-02-06"),
        ("Feb 6, 2026", "2026-02-06"),
        ("6 Feb 2026", "2026-02-06"),
        ("6th February, 2026", "2026-02-06"),
        ("2026-02-06", "2026-02-06"),
        ("06/02/2026", "2026-02-06"),
        ("2026-02-30", None),
        ("soon", None),
    ],
)
def test_dates(said: str, spelled: str | None) -> None:
    assert words.day(said) == spelled


@pytest.mark.parametrize(
    ("said", "spelled"),
    [
        ("Sunday 02:00-04:00", ("02:00", "04:00")),
        ("2am to 4:30 pm", ("02:00", "16:30")),
        ("20.00 – 24.00", ("20:00", "00:00")),
        ("2-4", None),
        ("25:00-26:00", None),
    ],
)
def test_clock_ranges(said: str, spelled: tuple[str, str] | None) -> None:
    assert words.clock_range(said) == spelled


@pytest.mark.parametrize(
    ("said", "spelled"),
    [
        ("Sundays", "sun"),
        ("Mon-Fri", "mon-fri"),
        ("Saturday and Sunday", "sat, sun"),
        ("Mon, Wed - Fri", "mon, wed-fri"),
        ("weekdays", "mon-fri"),
        ("daily", None),
    ],
)
def test_days_of_the_week(said: str, spelled: str | None) -> None:
    assert words.weekdays(said) == spelled


@pytest.mark.req("A13")
@pytest.mark.parametrize(
    ("said", "limit"),
    [
        ("> 70%", ("> 70%", False)),
        ("≥ 300 ms", (">= 300ms", False)),
        ("< 5% drop", ("drop > 5%", True)),
        ("> 5 % decrease", ("drop > 5%", False)),
        ("often", None),
    ],
)
def test_thresholds(said: str, limit: tuple[str, bool] | None) -> None:
    assert words.threshold(said) == limit


@given(st.text(max_size=60))
def test_what_is_escaped_reads_back_in_a_cell_and_in_a_list(text: str) -> None:
    said = " ".join(text.replace("\0", "").split())
    if not said:
        return
    assert plain(escape(said)) == said
    table = outline(f"| A | B |\n|---|---|\n| {escape(said)} | x |\n").blocks[0]
    assert isinstance(table, Grid)
    assert table.rows[0].cells == (said, "x")
    listed = outline(f"- {escape_line(said)}\n").blocks[0]
    assert isinstance(listed, Items)
    assert [item.text for item in listed.items] == [said]


def test_marks_of_emphasis_are_not_part_of_the_words() -> None:
    assert plain("**Bold** and *leaning* `code` [here](https://x.example)") == (
        "Bold and leaning code here"
    )
    assert plain("snake_case and 2 * 3 * 4") == "snake_case and 2 * 3 * 4"
