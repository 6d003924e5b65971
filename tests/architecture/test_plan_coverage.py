"""The coverage page tells the truth, and the index it rests on is complete."""

from collections import Counter
from textwrap import dedent

import pytest

from tests.plugins.coverage_of_plan import PAGE, collect, quotes_of_source, render
from tests.plugins.plan_index import ROOT, load_index

pytest_plugins = ["pytester"]


def test_the_index_holds_every_requirement_and_decision() -> None:
    kinds = Counter(entry.is_decision for entry in load_index().values())

    assert kinds == {False: 315, True: 62}


def test_the_coverage_page_is_current() -> None:
    assert PAGE.read_text("utf-8") == render(load_index(), collect(ROOT / "tests")), (
        "run `python3 run.py coverage` and commit the page"
    )


def test_no_file_quotes_an_id_that_does_not_exist() -> None:
    unknown = {
        id: sorted(tests)
        for id, tests in collect(ROOT / "tests").items()
        if id not in load_index()
    }

    assert unknown == {}


def test_a_mark_counts_for_what_it_decorates() -> None:
    source = dedent(
        """
        import pytest
        pytestmark = pytest.mark.req("S0-01")

        @pytest.mark.req("S0-02", "A4")
        class TestPaging:
            @pytest.mark.parametrize(
                "x", [pytest.param(1, marks=pytest.mark.req("S0-03"))]
            )
            def test_pages(self, x): ...
        """
    )

    quotes = sorted(quotes_of_source(source, "tests/test_x.py"))

    assert quotes == [
        ("A4", "tests/test_x.py::TestPaging"),
        ("S0-01", "tests/test_x.py"),
        ("S0-02", "tests/test_x.py::TestPaging"),
        ("S0-03", "tests/test_x.py::TestPaging::test_pages"),
    ]


def test_ids_that_are_computed_are_refused() -> None:
    with pytest.raises(ValueError, match="write the ids of req"):
        list(quotes_of_source("@pytest.mark.req(X)\ndef test_a(): ...", "t.py"))


def test_a_run_stops_at_an_unknown_id(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.req("S3.2-07", "S3.2-99")
        def test_pages(): ...
        """
    )

    result = pytester.runpytest_subprocess(
        "-p", "tests.plugins.requirements", "-p", "no:randomly"
    )

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*test_pages: unknown id 'S3.2-99'"])
