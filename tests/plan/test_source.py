"""Whatever the text is, the answer is a plan or findings, never a traceback."""

import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.plan.samples import MINIMAL, TRM, codes, minimal
from watchbill.plan import Code, Loaded, load
from watchbill.plan.source import MAX_DEPTH

WORDS = st.sampled_from(
    [
        "", " ", "\n", "\t", "\x00", "[", "]", "{", "}", ": ", "- ", "#", "&a ", "*a",
        "!!int ", "<<", "---\n", "...\n", "%YAML 1.1\n", "'", '"', "|\n", "? ", "\\0",
        "null", "~", "L1", "technical_lead", "on_call.x.y", "2026-02-30", "99999999h",
        "၀၉", "日本", "\ud800", "\u2028", "\ufeff", "\r",
    ]
)  # fmt: skip


def answers(loaded: Loaded) -> None:
    """Assert that the answer is complete and fit to print."""
    assert (loaded.plan is None) == bool(loaded.errors)
    assert loaded.render().endswith("\n")
    assert all(one.line >= 1 and one.column >= 1 for one in loaded.findings)


@settings(deadline=None)
@given(st.text(max_size=200))
@example("{" * 5000)
@example("[" * 100_000)
@example("- " * 100_000)
@example("a: &a [*a]")
@example("? ? ? a")
def test_any_text_is_answered(text: str) -> None:
    answers(load(text, name="fuzz"))


@settings(deadline=None)
@given(st.binary(max_size=200))
@example(b"\xff\xfea\x00")
@example("watchbill: 1".encode("utf-16"))
def test_any_bytes_are_answered(raw: bytes) -> None:
    answers(load(raw, name="fuzz"))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, len(MINIMAL)), st.integers(0, 30), WORDS), max_size=4
    )
)
def test_any_mutation_of_a_small_plan_is_answered(
    edits: list[tuple[int, int, str]],
) -> None:
    text = MINIMAL
    for start, length, word in edits:
        text = text[:start] + word + text[start + length :]

    answers(load(text, name="fuzz"))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, len(TRM)), st.integers(0, 60), WORDS)
def test_any_mutation_of_the_big_plan_is_answered(
    start: int, length: int, word: str
) -> None:
    answers(load(TRM[:start] + word + TRM[start + length :], name="fuzz"))


@settings(max_examples=60, deadline=None)
@given(st.randoms(use_true_random=False))
def test_any_line_may_be_missing_twice_or_elsewhere(chance: random.Random) -> None:
    lines = MINIMAL.splitlines(keepends=True)
    lines.insert(chance.randrange(len(lines)), chance.choice(lines))
    del lines[chance.randrange(len(lines))]

    answers(load("".join(lines), name="fuzz"))


def test_a_million_brackets_do_not_overflow_the_stack() -> None:
    assert codes(load("[" * 900_000, name="deep")) == {Code.TOO_DEEP}


def test_nesting_up_to_the_limit_is_read() -> None:
    text = "a: " + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1)

    assert Code.TOO_DEEP not in codes(load(text, name="deep"))


def test_a_short_text_cannot_expand_into_a_long_one() -> None:
    bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n"

    assert codes(load(bomb, name="bomb")) == {Code.ANCHOR}


def test_groups_of_groups_cannot_expand_without_bound() -> None:
    rows = ["  g0: [ben, chi]"]
    rows += [
        f"  g{n}: [g{n - 1}, h{n - 1}]\n  h{n - 1}: [g{n - 1}]" for n in range(1, 40)
    ]
    groups = "groups:\n" + "\n".join(rows) + "\nbusiness_hours:"

    loaded = minimal(("business_hours:", groups))

    assert codes(loaded) == {Code.ROLE_CYCLE}


def test_a_chain_of_many_aliases_is_refused() -> None:
    chain = "\n".join(f"  a{n}: a{n + 1}" for n in range(20_000))
    aliases = f"aliases:\n{chain}\n  a20000: ben\nbusiness_hours:"

    assert codes(minimal(("business_hours:", aliases))) == {Code.ROLE_CYCLE}


def test_a_byte_order_mark_and_windows_lines_are_no_fault() -> None:
    loaded = load("\ufeff" + MINIMAL.replace("\n", "\r\n"), name="windows")

    assert loaded.plan is not None
    assert loaded.findings == ()


def test_a_control_character_cannot_come_in_by_an_escape() -> None:
    loaded = minimal(("name: Ana", 'name: "A\\0na"'))

    assert codes(loaded) == {Code.FORBIDDEN_CHARACTER}


@pytest.mark.parametrize("text", ["yes", "'true'", '"true"'])
def test_a_quoted_or_plain_word_means_the_same(text: str) -> None:
    loaded = minimal(
        ("shop: {title: Shop,", f"shop: {{title: Shop, confidential: {text},")
    )

    assert (loaded.plan is not None) == ("true" in text)
