"""Write docs/sources/README.md's table and instructions from the sources' folders.

What a source is called, how its key is given, what can be set and how the other side is
set up stands in its ``SOURCE``; so adding a source is adding its folder, and the page
cannot differ: `tests/architecture/test_sources_page.py` renders it again and compares.
After a change, run `python -m tests.plugins.source_tables` and commit the page.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.plugins.plan_index import ROOT
from watchbill.integrations.registry import providers
from watchbill.integrations.sources import Option, Source

PAGE = ROOT / "docs" / "sources" / "README.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A provider that is a source."""

    name: str
    title: str
    source: Source

    @property
    def anchor(self) -> str:
        """The fragment by which the page links to its instructions."""
        kept = re.sub(r"[^a-z0-9 -]", "", self.title.lower())
        return kept.replace(" ", "-")


def known() -> list[Known]:
    """Return the sources by the heading of the gallery and their titles."""
    found = (
        Known(name=name, title=one.title, source=one.inbound.SOURCE)
        for name, one in providers().items()
        if one.inbound is not None
    )
    return sorted(found, key=lambda one: (one.source.group, one.title.lower()))


def main() -> None:
    PAGE.write_text(render(PAGE.read_text("utf-8")), "utf-8")


def render(page: str) -> str:
    """Return the page with its generated parts made anew between their marks."""
    for name, lines in (("sources", _table()), ("instructions", _instructions())):
        begin, end = f"<!-- {name}: made by ", f"<!-- end of {name} -->"
        found = re.findall(rf"({begin}.*? -->\n).*?{end}", page, re.DOTALL)
        if len(found) != 1:
            raise SystemExit(f"{PAGE.name} must have the marks of {name} once.")
        before, rest = page.split(found[0])
        body = "\n".join(lines).rstrip()
        page = f"{before}{found[0]}\n{body}\n\n{end}{rest.partition(end)[2]}"
    return page


def _table() -> Iterator[str]:
    yield "| group | source | name | also at | signed | mapping | overloaded |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for one in known():
        source = one.source
        cells = (
            source.group,
            f"[{one.title}](#{one.anchor})",
            f"`{one.name}`",
            ", ".join(f"`{door.path}`" for door in source.doors),
            "can be" if source.is_signed else "",
            "yes" if source.has_mapping else "",
            str(source.overloaded),
        )
        yield f"| {' | '.join(cells)} |"


def _instructions() -> Iterator[str]:
    for one in known():
        yield f"### {one.title}"
        yield ""
        yield "```text"
        yield from one.source.setup.rstrip().splitlines()
        yield "```"
        yield ""
        if one.source.options:
            yield "| option | default | meaning |"
            yield "| --- | --- | --- |"
            for option in one.source.options:
                yield f"| `{option.name}` | {_default(option)} | {_meaning(option)} |"
            yield ""


def _default(option: Option) -> str:
    return f"`{option.default}`" if option.default else "none"


def _meaning(option: Option) -> str:
    values = ", ".join(f"`{one}`" for one in option.choices if one)
    return f"{option.help} One of {values}." if values else option.help


if __name__ == "__main__":
    main()
