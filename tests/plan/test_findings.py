"""Findings stand at the right place, in the right order, in a form that stays."""

import json
import os
import re
from datetime import date
from pathlib import Path

import pytest

from tests.plan.samples import MINIMAL, TRM, codes, minimal
from watchbill.plan import Code, Level, Loaded, as_json, load
from watchbill.plan.findings import Span, finding, in_order, level_of, render_text
from watchbill.plan.source import MAX_BYTES
from watchbill.plan.width import display_width

HERE = Path(__file__).parent
BAD = sorted((HERE / "bad").glob("*.yaml"))
# What is overdue depends on the day; the other plans are not asked about it.
AS_OF = {"overdue": date(2026, 11, 23)}
REFERENCE = HERE.parents[1] / "docs" / "plan-reference.md"


def load_bad(path: Path) -> Loaded:
    return load(path.read_bytes(), name=path.name, as_of=AS_OF.get(path.stem))


@pytest.mark.req("S0-06")
@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_bad_plan_gets_the_findings_that_are_on_file(path: Path) -> None:
    rendered = load_bad(path).render()

    golden = path.with_suffix(".expected")
    if os.environ.get("WATCHBILL_UPDATE_GOLDEN"):
        golden.write_text(rendered, "utf-8")
    assert rendered == golden.read_text("utf-8")


def test_every_code_has_a_bad_plan_that_shows_it() -> None:
    shown = {code for path in BAD for code in codes(load_bad(path))}

    assert set(Code) - shown == {Code.TOO_LARGE}


def test_every_code_is_explained_in_the_reference() -> None:
    headings = re.findall(r"^#### (WB\d{3})", REFERENCE.read_text("utf-8"), re.M)

    assert headings == [code.value for code in Code]


def test_the_reference_gives_each_code_its_level() -> None:
    rows = re.findall(r"^#### (WB\d{3}) \((\w+)\)", REFERENCE.read_text("utf-8"), re.M)

    assert rows == [(code.value, level_of(code).value) for code in Code]


def test_a_plan_of_more_than_a_megabyte_is_refused_without_reading_it() -> None:
    loaded = load("#" * (MAX_BYTES + 1), name="huge.yaml")

    assert codes(loaded) == {Code.TOO_LARGE}
    assert loaded.plan is None
    assert "huge.yaml:1:1: error[WB001]" in loaded.render()


@pytest.mark.req("S0-06")
def test_a_finding_names_the_line_and_column_of_the_value() -> None:
    loaded = minimal(("after: 15m", "after: 15 minutes"))

    (one,) = loaded.findings
    line = MINIMAL.splitlines()[one.line - 1].replace("15m", "15 minutes")
    assert line[one.column - 1 : one.end_column - 1] == "15 minutes"
    assert one.severity is Level.ERROR


def test_findings_come_in_the_order_of_the_text_and_once_each() -> None:
    late = finding(Code.TAB, Span(line=9, column=1, end_line=9, end_column=2), "late")
    early = finding(Code.TAG, Span(line=2, column=5, end_line=2, end_column=6), "early")
    first = finding(Code.TAB, Span(line=2, column=1, end_line=2, end_column=2), "first")

    assert in_order([late, early, first, early]) == (first, early, late)


def test_the_caret_stands_under_the_word_after_wide_and_burmese_letters() -> None:
    text = "title: 日本 ဆိုင် x"
    column = text.index("x") + 1
    span = Span(line=1, column=column, end_line=1, end_column=column + 1)

    rendered = render_text(
        [finding(Code.BAD_VALUE, span, "bad")], name="p", lines=(text,)
    )

    quotation, caret = rendered.splitlines()[1:3]
    before = quotation[: quotation.index("x")]
    assert caret.index("^") == display_width(before)


def test_a_quotation_cannot_send_commands_to_the_terminal() -> None:
    rendered = load("title: \x1b[31m red", name="p").render()

    assert "\x1b" not in rendered


def test_json_carries_the_same_findings_for_editors() -> None:
    loaded = minimal(("do: escalate", "do: escalte"))

    (row,) = json.loads(as_json(loaded.findings, name="minimal.yaml"))

    assert row == {
        "file": "minimal.yaml",
        "severity": "error",
        "code": "WB105",
        "message": '"do" cannot be "escalte"',
        "line": loaded.findings[0].line,
        "column": 24,
        "end_line": loaded.findings[0].line,
        "end_column": 31,
        "hint": 'Did you mean "escalate"?',
    }


def test_a_mistake_in_the_big_plan_is_reported_at_its_place() -> None:
    broken = TRM.replace("who: technical_lead,", "who: technical_leed,", 1)
    loaded = load(broken, name="plans/trm.yaml")

    (error,) = loaded.errors
    assert error.code is Code.UNKNOWN_ROLE
    assert broken.splitlines()[error.line - 1][error.column - 1 :].startswith(
        "technical_leed"
    )
