"""docs/failure-scenarios.md names thirty scenarios, and only tests that exist."""

import ast
import re

from tests.plugins.plan_index import ROOT

PAGE = (ROOT / "docs" / "failure-scenarios.md").read_text("utf-8")
NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")


def scenarios() -> dict[str, list[str]]:
    """Return the cells of each scenario, by its number."""
    lines = [line for line in PAGE.splitlines() if re.match(r"\| F\d", line)]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: row[1:] for row in cells}


def functions_of(path: str) -> set[str]:
    tree = ast.parse((ROOT / "tests" / path).read_text("utf-8"))
    return {one.name for one in ast.walk(tree) if isinstance(one, ast.FunctionDef)}


def test_each_scenario_is_there_once_in_order() -> None:
    assert list(scenarios()) == [f"F{number}" for number in range(1, 31)]


def test_each_scenario_names_a_test() -> None:
    assert [
        number for number, (_, tests, _) in scenarios().items() if "test_" not in tests
    ] == []


def test_every_test_that_is_named_exists() -> None:
    named = NAMED.findall(PAGE)

    assert [
        f"{path}::{name}" for path, name in named if name not in functions_of(path)
    ] == []
    assert len(named) == PAGE.count("::"), "a name is not written as path::test"


def test_every_test_with_the_number_of_a_scenario_is_named() -> None:
    numbered = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in functions_of(str(path.relative_to(ROOT / "tests")))
        if re.match(r"test_f\d\d_", name)
    }
    told = {(name, row) for row, (_, tests, _) in scenarios().items()
            for _, name in NAMED.findall(tests)}  # fmt: skip

    expected = {(name, f"F{int(name[6:8])}") for name in numbered}
    assert expected - told == set()
