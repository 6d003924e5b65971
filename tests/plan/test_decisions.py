"""The register of decisions is complete, and says what the keys really do."""

import importlib
import re

import pytest

from tests.plan.samples import TRM
from tests.plugins.plan_index import load_index
from watchbill.plan.decisions import DECISIONS, Decision, decision, governing
from watchbill.plan.editor_schema import default_of, find_field

EVERY = [pytest.param(one, id=one.id) for one in DECISIONS.values()]


def test_every_decision_is_there_once_and_in_order() -> None:
    assert list(DECISIONS) == [f"A{number}" for number in range(1, 63)]


@pytest.mark.parametrize("one", EVERY)
def test_every_key_of_a_decision_is_in_the_schema(one: Decision) -> None:
    assert [key for key in one.keys if find_field(key) is None] == []
    assert set(one.defaults) <= set(one.keys)


@pytest.mark.req(
    "A2", "A3", "A4", "A9", "A12", "A15", "A16", "A17", "A19", "A23", "A24", "A26",
    "A28", "A29", "A34", "A36", "A37", "A39", "A40", "A42", "A43", "A45", "A46", "A47",
    "A48", "A50", "A51", "A53", "A56",
)  # fmt: skip
def test_what_the_register_calls_the_default_is_that_of_the_schema() -> None:
    said = {
        key: text for one in DECISIONS.values() for key, text in one.defaults.items()
    }

    done = {}
    for key in said:
        field = find_field(key)
        done[key] = None if field is None else default_of(field)

    assert said == done
    assert len(said) > 40


@pytest.mark.parametrize("one", EVERY)
def test_a_decision_names_a_key_or_the_module_that_holds_its_rule(
    one: Decision,
) -> None:
    assert one.keys or one.fixed_in
    for module in one.fixed_in:
        assert one.id in (importlib.import_module(module).__doc__ or "")


@pytest.mark.parametrize("one", EVERY)
def test_a_decision_says_what_and_why_and_for_which_lines(one: Decision) -> None:
    known = load_index()

    assert one.title
    assert one.default.endswith(".")
    assert one.reason.endswith(".")
    assert one.requirements
    assert [id for id in one.requirements if id not in known] == []


def test_the_plan_mentions_no_decision_that_was_not_made() -> None:
    mentioned = set(re.findall(r"\bA[0-9]+\b", TRM))

    assert mentioned
    assert mentioned <= set(DECISIONS)


def test_an_unknown_decision_is_an_error_that_names_it() -> None:
    with pytest.raises(LookupError, match="'A63'"):
        decision("A63")


@pytest.mark.parametrize(
    ("path", "ids"),
    [
        (("hotfix", "target"), ["A7"]),
        (("severities", "P3", "clock"), ["A19"]),
        (("escalation", "P1", 5, "who", 0), ["A1", "A33", "A44"]),
        (("alerts", "routes", "security", "confidential"), ["A6", "A15"]),
        (("plan", "title"), []),
    ],
)
def test_a_key_knows_the_decisions_about_it(
    path: tuple[str | int, ...], ids: list[str]
) -> None:
    assert [one.id for one in governing(path)] == ids
