"""Leave the full-size campaigns out, unless the marker expression speaks of them.

`-m campaign` runs them; any other expression, or none, does not. (A default `-m` in the
configuration would be replaced, and the campaigns let in, by `-m "not browser"`.)
"""

import pytest


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    if "campaign" in (config.getoption("markexpr") or ""):
        return
    campaigns = [item for item in items if item.get_closest_marker("campaign")]
    if campaigns:
        config.hook.pytest_deselected(items=campaigns)
        items[:] = [item for item in items if item not in campaigns]
