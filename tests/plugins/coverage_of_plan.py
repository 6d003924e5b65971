"""Write docs/coverage-of-the-plan.md: which test proves which line of the plan.

Read from the source of the tests, without importing them, so that the table is the same
on a machine without a browser and takes well under a second. A mark counts for the
function, class or module it decorates; a mark inside a function (on a `pytest.param`)
counts for that function. Test data that is not Python (scenarios) quotes its ids in a
comment line `# req: S3.2-01 A4`; a test that marks itself from such lines writes
`req(*ids)`, which is skipped here.

Run it with `python3 run.py coverage` or `python -m tests.plugins.coverage_of_plan`.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from tests.plugins.plan_index import ROOT, Entry, load_index

PAGE = ROOT / "docs" / "coverage-of-the-plan.md"
TEXT_SUFFIXES = {".scenario", ".yaml", ".yml", ".txt", ".md"}
_QUOTE_LINE = re.compile(r"^\s*# req: (.+)$", re.MULTILINE)

Quotes = dict[str, set[str]]
"""Requirement id → the tests that quote it, as path::Class::function."""


def main() -> None:
    page = render(load_index(), collect(ROOT / "tests"))
    PAGE.write_text(page, "utf-8")


def collect(tests: Path) -> Quotes:
    """Return the quotes of every file below `tests`."""
    quotes: Quotes = defaultdict(set)
    for path in sorted(tests.rglob("*")):
        name = path.relative_to(tests.parent).as_posix()
        for id, test in _quotes_of(path, name):
            quotes[id].add(test)
    return quotes


def _quotes_of(path: Path, name: str) -> Iterator[tuple[str, str]]:
    if path.suffix == ".py" and path.name.startswith("test_"):
        yield from quotes_of_source(path.read_text("utf-8", "replace"), name)
    elif path.suffix in TEXT_SUFFIXES:
        for line in _QUOTE_LINE.findall(path.read_text("utf-8", "replace")):
            yield from ((id, name) for id in re.split(r"[,\s]+", line.strip()))


def quotes_of_source(source: str, name: str) -> Iterator[tuple[str, str]]:
    """Yield (id, test) for every mark in a test module; refuse computed ids."""
    if "req(" in source:
        yield from _walk(ast.parse(source), name)


def _walk(node: ast.AST, where: str) -> Iterator[tuple[str, str]]:
    for child in ast.iter_child_nodes(node):
        inner = where
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inner = f"{where}::{child.name}"
        if isinstance(child, ast.Call) and _is_req(child.func):
            yield from ((id, where) for id in _ids(child, where))
        yield from _walk(child, inner)


def _is_req(func: ast.expr) -> bool:
    return (
        isinstance(func, ast.Attribute)
        and func.attr == "req"
        and isinstance(func.value, ast.Attribute)
        and func.value.attr == "mark"
    )


def _ids(call: ast.Call, where: str) -> Iterator[str]:
    for argument in call.args:
        if isinstance(argument, ast.Starred):
            continue
        if not (isinstance(argument, ast.Constant) and isinstance(argument.value, str)):
            raise ValueError(f"{where}, line {call.lineno}: write the ids of req() out")
        yield argument.value


def render(index: Mapping[str, Entry], quotes: Mapping[str, Iterable[str]]) -> str:
    """Return the page: the shares, then one table per section."""
    sections: dict[str, list[Entry]] = defaultdict(list)
    for entry in index.values():
        sections[entry.section].append(entry)
    blocks = [_HEAD, _summary(sections, quotes)]
    blocks += [_table(title, part, quotes) for title, part in sections.items()]
    return "\n\n".join(blocks) + "\n"


_HEAD = """# Coverage of the plan

Generated from the tests by `python3 run.py coverage`; do not edit. A line counts as
covered when at least one test quotes its id. An id without a test is either not built
or not proven; both are worth knowing."""


def _share(part: Iterable[Entry], quotes: Mapping[str, Iterable[str]]) -> str:
    ids = [entry.id for entry in part]
    covered = sum(1 for id in ids if quotes.get(id))
    return f"{covered} | {len(ids)} | {100 * covered // len(ids)} %"


def _summary(
    sections: Mapping[str, list[Entry]], quotes: Mapping[str, Iterable[str]]
) -> str:
    lines = ["| section | covered | of | share |", "| --- | ---: | ---: | ---: |"]
    lines += [
        f"| {title} | {_share(part, quotes)} |" for title, part in sections.items()
    ]
    stated = [e for part in sections.values() for e in part if not e.is_decision]
    lines.append(f"| **all requirements** | {_share(stated, quotes)} |")
    return "\n".join(lines)


def _table(
    title: str, part: Iterable[Entry], quotes: Mapping[str, Iterable[str]]
) -> str:
    lines = [f"## {title}", "", "| id | tests |", "| --- | --- |"]
    for entry in part:
        label = f"{entry.id} {entry.topic}" if entry.is_decision else entry.id
        tests = "<br>".join(f"`{test}`" for test in sorted(quotes.get(entry.id, ())))
        lines.append(f"| {label} | {tests or '–'} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
