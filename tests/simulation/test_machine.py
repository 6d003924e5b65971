"""The simulated engine keeps every law, whatever happens and wherever it dies."""

import pytest
from hypothesis import settings

from tests.simulation.engine import Engine
from tests.simulation.machine import AnyWorld, search
from tests.simulation.mutants import MUTANTS, Mutant

pytestmark = pytest.mark.req("S3.2-18", "S3.2-19", "S2.2-09", "A2")

EXAMPLES = 400
"""How many examples the right engine passes."""

MOST = 4_000
"""How many examples a search may need: each bug is found within a few hundred, and
which they are depends on the modules that Hypothesis finds loaded."""

TestAnyWorld = AnyWorld.TestCase
TestAnyWorld.settings = settings(stateful_step_count=40, deadline=None, max_examples=20)


def test_the_engine_passes_the_search_that_finds_the_bugs() -> None:
    breach = search(Engine, examples=EXAMPLES)

    assert breach is None


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda one: one.__name__)
def test_a_planted_bug_is_found(mutant: type[Mutant]) -> None:
    breach = search(mutant, examples=MOST)

    assert breach is not None
    assert breach.law in mutant.breaks
    print(f"{mutant.__name__}: {breach} after {breach.examples} examples")


@pytest.mark.campaign
def test_a_million_steps_break_no_law() -> None:
    assert search(Engine, examples=25_000, steps=50) is None
