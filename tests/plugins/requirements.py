"""Refuse tests that quote requirements nobody wrote.

`@pytest.mark.req("S3.2-07", "A4")` says what a test proves. An id that is not in the
index is a slip of the pen that would silently drop out of the coverage table, so the
whole run stops at collection and names the test.
"""

from collections.abc import Mapping

import pytest

from tests.plugins.plan_index import Entry, load_index


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    known = load_index()
    problems = [
        f"{item.nodeid}: {problem}" for item in items for problem in faults(item, known)
    ]
    if problems:
        raise pytest.UsageError(
            "req() takes ids of docs/requirements-index.txt as strings:\n"
            + "\n".join(sorted(set(problems)))
        )


def faults(item: pytest.Item, known: Mapping[str, Entry]) -> list[str]:
    found = []
    for mark in item.iter_markers("req"):
        if not mark.args or mark.kwargs:
            found.append("req() needs at least one id, and nothing by keyword")
        found += [f"unknown id {id!r}" for id in mark.args if id not in known]
    return found
