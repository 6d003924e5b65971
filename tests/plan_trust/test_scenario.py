"""A story is read with its faults at their place, and told to the engine itself."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchbill.plan import bundled
from watchbill.plan.findings import render_text
from watchbill.plan.scenario import check, parse, render_result, rewrite
from watchbill.plan.scenario.run import Result

PLAN = bundled("trm")

NIGHT = """\
# A payment P1 at night
plan trm
at 2026-02-08 02:30
P1 payment

+0m    -> page DevOps Engineer, Payment Specialist; post #incidents
+2m    -> page DevOps Engineer
+4m    acknowledged by Technical Lead
+20m   -> escalate to Technical Lead
+30m   -> notify Engineering Manager
"""


def results(text: str) -> list[Result]:
    script = parse(text, name="night.scenario")
    assert script.faults == ()
    return [check(story, PLAN) for story in script.stories]


def faults(text: str) -> list[str]:
    """Every fault, of the form or of a name, as line:column code."""
    script = parse(text, name="x")
    found = [*script.faults]
    for story in script.stories:
        found += check(story, PLAN).faults
    return [f"{one.line}:{one.column} {one.code}" for one in found]


@pytest.mark.req("S3.2-22")
def test_a_difference_shows_expected_and_actual_with_the_exact_time() -> None:
    script = parse(NIGHT, name="night.scenario")

    said = render_result(script, check(script.stories[0], PLAN), PLAN)

    assert said.splitlines() == [
        "night.scenario:2: A payment P1 at night",
        "  no line says +15m (Sun 2026-02-08 02:45)",
        "    + escalate to Technical Lead  (Escalate to the Technical Lead and L3:"
        " due at 15 min elapsed; S3.2-05, S2.2-02, S3.1-04, A1)",
        "    + escalate to Payment Specialist  (Escalate to the Technical Lead and L3:"
        " due at 15 min elapsed; S3.2-05, S2.2-02, S3.1-04, A1)",
        "  line 9: +20m (Sun 2026-02-08 02:50)",
        "    - escalate to Technical Lead",
    ]


def test_rewriting_makes_a_story_hold_and_leaves_the_rest_of_the_text() -> None:
    script = parse(NIGHT, name="x")

    text = rewrite(script, results(NIGHT))

    assert text.splitlines()[8:] == [
        "+15m   -> escalate to Technical Lead, Payment Specialist",
        "+20m   -> nothing",
        "+30m   -> notify Engineering Manager",
    ]
    assert text.splitlines()[:8] == NIGHT.splitlines()[:8]
    assert [one.holds for one in results(text)] == [True]
    assert rewrite(parse(text, name="x"), results(text)) == text


def test_a_gap_leaves_what_happens_in_it_open() -> None:
    story = "P1 payment\n...\n+30m -> notify Engineering Manager\n"

    assert [one.holds for one in results(story)] == [True]


def test_others_among_the_deeds_leave_an_instant_open() -> None:
    story = "P1 payment\n+0m -> post #incidents; ...\n"

    assert [one.holds for one in results(story)] == [True]


def test_a_group_stands_for_its_people() -> None:
    story = "P1 payment\n...\n+10m -> page devops\n"

    assert [one.holds for one in results(story)] == [True]


@pytest.mark.req("S4.3-09")
def test_what_an_alert_becomes_is_rewritten_as_well() -> None:
    text = "alert alertname=HighErrorRate severity=critical -> P1 Payment Issues\n"

    said = rewrite(parse(text, name="x"), results(text))

    assert said == (
        "alert alertname=HighErrorRate severity=critical -> P2 Application Errors\n"
    )


@pytest.mark.req("S4.4-01")
def test_who_is_on_call_is_rewritten_as_well() -> None:
    text = "at 2026-02-13 10:00\non call primary -> nobody\n"

    assert rewrite(parse(text, name="x"), results(text)).splitlines()[1] == (
        "on call primary -> Backend Engineer"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "1:1 WS005"),
        ("P1 payment\n+5x -> nothing", "2:1 WS002"),
        ("P1 payment\n+ -> nothing", "2:1 WS002"),
        ("P1 payment\n+5m -> nothing\n+5m -> nothing", "3:1 WS003"),
        ("P1 payment\n+5m ->", "2:1 WS001"),
        ("P1 payment\n+5m -> wake CTO", "2:8 WS001"),
        ("P1 payment\n+5m -> page", "2:8 WS001"),
        ("P1 payment\n+5m fixed", "2:5 WS001"),
        ("P1 payment\n+5m acknowledged Technical Lead", "2:5 WS001"),
        ("P1 payment\n+5m -> page CEEO", "2:13 WS101"),
        ("P1 payment\n+5m -> post #incident", "2:13 WS101"),
        ("P1 payment\n+5m acknowledged by Nobody Known", "2:21 WS101"),
        ("P9 payment\n+5m -> nothing", "1:1 WS101"),
        ("P1 paiment\n+5m -> nothing", "1:4 WS101"),
        ("+5m -> nothing", "1:1 WS004"),
        ("P1 payment\nP2 payment\n+5m -> nothing", "3:1 WS004"),
        ("P1 payment", "1:1 WS005"),
        ("P1 payment\n+5m -> nothing\nat 2026-02-08 02:30", "3:1 WS003"),
        ("at 2026-02-30 02:30\nP1\n+5m -> nothing", "1:4 WS002"),
        ("at noon\nP1\n+5m -> nothing", "1:4 WS002"),
        ("alert a=b c -> P1 Security", "1:11 WS002"),
        ("alert a=b -> P1 Securty", "1:14 WS101"),
        ("on call boss -> CTO", "1:9 WS002"),
        ("on call other primary -> CTO", "1:9 WS101"),
        ("on call primary", "1:1 WS001"),
        ("unreachable\nP1\n+5m -> nothing", "1:1 WS001"),
    ],
)
def test_a_fault_is_found_at_its_place(text: str, expected: str) -> None:
    assert expected in faults(text)


def test_a_fault_is_printed_with_its_line_and_a_caret() -> None:
    script = parse("P1 payment\n+5m -> page Techincal Lead\n", name="x.scenario")

    (fault,) = check(script.stories[0], PLAN).faults

    assert render_text([fault], name=script.name, lines=script.lines) == (
        'x.scenario:2:13: error[WS101]: "Techincal Lead" is nobody in the plan\n'
        "    2 | +5m -> page Techincal Lead\n"
        "      |             ^~~~~~~~~~~~~~\n"
        '  hint: Did you mean "Technical Lead"?\n'
    )


_WORDS = st.sampled_from(
    ["P1", "payment", "+5m", "+0m", "->", "page", "CTO", ";", ",", "...", "---", "at",
     "2026-02-08", "02:30", "alert", "a=b", "on", "call", "primary", "#", "# x",
     "acknowledged", "by", "nothing", "post", "#incidents", "unreachable", '"', "\t"]
)  # fmt: skip


@given(
    st.one_of(
        st.text(max_size=200),
        st.binary(max_size=200),
        st.lists(st.lists(_WORDS, max_size=6).map(" ".join), max_size=8).map("\n".join),
    )
)
def test_any_text_is_read_and_told_without_a_crash(text: str | bytes) -> None:
    script = parse(text, name="x")

    found = [check(story, PLAN) for story in script.stories]

    assert bool(script.faults) is not bool(found)
    if found and not any(one.faults for one in found):
        again = parse(rewrite(script, found), name="x")
        assert all(check(story, PLAN).holds for story in again.stories)


@given(
    minutes=st.sets(st.integers(0, 150), min_size=1, max_size=8),
    severity=st.sampled_from([one.key for one in PLAN.severities]),
    route=st.sampled_from([one.key for one in PLAN.routing.routes]),
)
def test_a_rewritten_story_holds_whatever_it_said(
    minutes: set[int], severity: str, route: str
) -> None:
    lines = [f"+{minute}m -> nothing" for minute in sorted(minutes)]
    text = "\n".join([f"{severity} {route}", *lines])

    written = rewrite(parse(text, name="x"), results(text))

    assert [one.holds for one in results(written)] == [True]
    last = parse(written, name="x").stories[0].moments[-1]
    assert last.elapsed == timedelta(minutes=max(minutes))
