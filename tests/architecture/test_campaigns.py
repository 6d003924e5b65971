"""Full-size campaigns run when asked for, and only then."""

import pytest

from tests.plugins.plan_index import ROOT

pytest_plugins = ["pytester"]

SOURCE = """
import pytest

@pytest.mark.campaign
def test_a_million_signals(): ...

@pytest.mark.browser
def test_the_pager(): ...

def test_a_signal(): ...
"""


@pytest.mark.parametrize(
    ("arguments", "passed"),
    [([], 2), (["-m", "not browser"], 1), (["-m", "campaign"], 1)],
)
def test_campaigns_wait_to_be_asked(
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    passed: int,
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makeini("[pytest]\nmarkers =\n  campaign: x\n  browser: x\n")
    pytester.makepyfile(SOURCE)

    result = pytester.runpytest_subprocess(
        "-p", "tests.plugins.campaigns", "-p", "no:randomly", *arguments
    )

    result.assert_outcomes(passed=passed, deselected=3 - passed)
