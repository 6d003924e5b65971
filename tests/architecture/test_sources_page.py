import json
import re

from tests.plugins import source_tables
from tests.plugins.plan_index import ROOT
from watchbill.integrations.mapper import check

MAPPING = ROOT / "docs" / "sources" / "mapping.md"


def test_the_page_of_sources_is_current() -> None:
    page = source_tables.PAGE.read_text("utf-8")

    assert source_tables.render(page) == page, (
        "run `python -m tests.plugins.source_tables` and commit the page"
    )


def test_each_source_has_a_row_that_leads_to_its_instructions() -> None:
    page = source_tables.PAGE.read_text("utf-8")

    for one in source_tables.known():
        assert f"| [{one.title}](#{one.anchor}) | `{one.name}` |" in page
        assert f"\n### {one.title}\n" in page


def test_the_mapping_of_the_documentation_has_no_mistakes() -> None:
    (example,) = re.findall(r"```json\n(.*?)```", MAPPING.read_text("utf-8"), re.DOTALL)

    assert check(json.loads(example)) == []
