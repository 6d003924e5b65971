"""Plan, document, plan: the same plan, whatever stands in it."""

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.plan.samples import MINIMAL, TRM
from tests.plan_document.samples import SEED, plan_file, tree_of
from watchbill.plan import load
from watchbill.plan.document import (
    Fate,
    Language,
    import_document,
    render_markdown,
)
from watchbill.plan.document.draft import Tree, Value
from watchbill.plan.document.settings import listed, same
from watchbill.plan.document.yamltext import write

PLANS = {"trm": TRM, "minimal": MINIMAL, "seed": import_document(SEED).text}


def rendered(text: str, language: Language = Language.ENGLISH) -> str:
    """Return the document of a plan that must be valid."""
    found = load(text, name="plan.yaml")
    assert found.errors == ()
    return render_markdown(found, language=language)


@cache
def document(name: str, language: Language = Language.ENGLISH) -> str:
    return rendered(PLANS[name], language)


def is_same_plan(text: str, other: str) -> bool:
    """Whether two texts are one plan, the order of severities and routes included."""
    first, second = tree_of(text), tree_of(other)
    return plan_file(text) == plan_file(other) and same_tree(first, second)


def same_tree(first: dict[str, object], second: dict[str, object]) -> bool:
    return same(first, second)  # type: ignore[arg-type]


@pytest.mark.req("S0-05")
@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("name", sorted(PLANS))
def test_a_document_reads_back_as_the_very_plan(name: str, language: Language) -> None:
    again = import_document(document(name, language)).text

    assert is_same_plan(again, PLANS[name])
    assert load(again, name="again.yaml").plan == load(PLANS[name], name="x").plan


@pytest.mark.req("S0-05")
@pytest.mark.parametrize("name", sorted(PLANS))
def test_nothing_of_a_rendered_document_is_left_unplaced(name: str) -> None:
    report = import_document(document(name)).report

    assert [one.text for one in report.of(Fate.UNPLACED)] == []
    assert report.defaults == ()


@pytest.mark.req("S0-05")
def test_rendering_twice_gives_the_same_bytes() -> None:
    assert rendered(TRM) == document("trm")


@pytest.mark.req("S0-05", "A50")
def test_burmese_headings_frame_the_same_contents() -> None:
    burmese = document("trm", Language.BURMESE)

    assert "| ရာထူး | အမည် | အီးမေးလ် | ဖုန်း |" in burmese
    assert "### 3.2 အဆင့်မြှင့်တင်ခြင်း ဇယား" in burmese
    assert "Production system completely unavailable" in burmese


@pytest.mark.req("S0-05", "SE-01")
def test_a_table_that_somebody_edits_is_the_plan() -> None:
    edited = document("trm").replace("| CPU Usage | > 70% |", "| CPU Usage | > 60% |")
    edited = edited.replace(
        "**Resolution Target:** 4 hours", "**Resolution Target:** 3 h"
    )
    file = plan_file(import_document(edited).text)

    assert str(file.monitoring.metrics["cpu_usage"].warning.threshold.limit) == "60"
    assert str(file.severities["P2"].resolution) == "3:00:00"


@pytest.mark.req("S0-05")
def test_the_seed_comes_back_with_its_headings_and_columns() -> None:
    lines = document("trm").splitlines()
    wanted = [
        line
        for line in SEED.splitlines()
        if line.startswith("#") and not line.startswith("#### P")
    ]
    renamed = {"#### Level 3 - Subject Matter Experts (On-Call)"}
    assert [line for line in wanted if line not in lines and line not in renamed] == []
    for header in (
        "| Role | Name | Email | Phone | Shift |",
        "| Time Elapsed | P1 Action | P2 Action | P3 Action | P4 Action |",
        "| Component | Tool | Purpose | Dashboard URL |",
        "| Metric | Warning Threshold | Critical Threshold | Alert Channel |",
        "| Alert Type | Primary | Secondary | Escalation |",
        "| Week | Primary On-Call | Secondary On-Call | Shadow |",
        "| Change Type | Approval Required | Testing Required | Window |",
        "| Severity | Response | Fix Target | Communication |",
        "| Channel | Purpose | Audience |",
        "| Incident Level | Page Status | Update Frequency |",
        "| Role | Name | Signature | Date |",
    ):
        assert any(line.startswith(header.removesuffix(" |")) for line in lines), header


TEXTS = st.text(
    st.one_of(
        st.sampled_from("|\\`*_#[]()<>&:-+~=.0123!\"'{}%@ "),
        st.characters(codec="utf-8", categories=["L", "N", "P", "S", "M"]),
    ),
    min_size=1,
    max_size=30,
).filter(lambda text: bool(text.strip()))
TIMES = st.sampled_from(["0m", "90s", "1m", "15m", "1h", "1h30m", "24h", "3d", "100m"])
KEYS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,8}", fullmatch=True)
QUIET: st.SearchStrategy[Tree] = st.fixed_dictionaries(
    {},
    optional={
        "inhibit": st.lists(
            st.fixed_dictionaries(
                {
                    "source": st.fixed_dictionaries({"not alertname": st.just("")}),
                    "target": st.dictionaries(TEXTS, TEXTS, min_size=1, max_size=2),
                    "because": TEXTS,
                },
                optional={"equal": st.lists(TEXTS, max_size=2)},
            ),
            max_size=2,
        ),
        "flapping": st.none() | st.fixed_dictionaries({"within": TIMES}),
        "storm": st.none() | st.just({"incidents": "50"}),
        "resolve_timeout": TIMES,
    },
)


@st.composite
def plans(draw: st.DrawFn) -> str:
    """The smallest plan with other names, severities, times, roles and texts."""
    tree: Tree = listed(tree_of(MINIMAL))  # type: ignore[arg-type]
    keys = draw(st.lists(KEYS, min_size=3, max_size=5, unique_by=str.lower))
    severities: Tree = {}
    escalation: Tree = {}
    for key in keys:
        severities[key] = {
            "title": draw(TEXTS),
            "criteria": [draw(TEXTS), draw(TEXTS)],
            "response": draw(TIMES),
            "resolution": draw(TIMES),
            "urgency": draw(st.sampled_from(["high", "low"])),
            "actions": [draw(TEXTS)],
        }
        steps: list[Value] = [
            {
                "after": "0m",
                "do": "page",
                "who": ["on_call.primary"],
                "title": draw(TEXTS),
            },
            {
                "after": draw(TIMES),
                "do": "notify",
                "who": ["manager"],
                "title": draw(TEXTS),
            },
        ]
        escalation[key] = steps
    tree |= {"severities": severities, "escalation": escalation}
    tree["alerts"] = {
        **dict(tree["alerts"]),  # type: ignore[arg-type]
        "severity": {"default": keys[0]},
        "after_hours": {keys[0]: "page"},
        **draw(QUIET),
    }
    tree["monitoring"] = {
        "silence_creates": keys[0],
        **draw(st.sampled_from([{}, {"watchdog": None}])),
    }
    tree["channels"] = {
        "#news": {"kind": "slack", "purpose": draw(TEXTS), "audience": draw(TEXTS)}
    }
    tree["improvement"] = [draw(TEXTS)]
    plan: Tree = dict(tree["plan"])  # type: ignore[arg-type]
    tree["plan"] = {**plan, "title": draw(TEXTS), "product": draw(TEXTS)}
    return write(tree)


@pytest.mark.req("S0-05")
@settings(max_examples=25, deadline=None)
@given(plans())
def test_any_plan_survives_its_document(text: str) -> None:
    found = load(text, name="plan.yaml")
    if found.plan is None:
        return  # such as a text that YAML cannot hold, or a ladder back in time
    again = import_document(render_markdown(found)).text

    assert is_same_plan(again, text)
