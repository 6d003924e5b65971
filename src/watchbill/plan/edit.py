"""Edit: change values in a plan's text and leave every other character alone.

A plan is written by people, with comments that say why. A program that changes a
value must not reformat the rest, so nothing is parsed and written out again: the
value is replaced at the very place where it stands, in the style in which it was
written. A list keeps the comments of the entries that stay.

The result is read again, and must say what it said before but for the given values.
A text in which that cannot be done safely is refused, never guessed at.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise

import yaml

from watchbill.plan.source import (
    Document,
    Listing,
    Node,
    Path,
    Scalar,
    Table,
    parse_source,
)

Value = str | Sequence[str]
"""What a plan holds at a place: a text, or a list of texts."""


class CannotEditError(ValueError):
    """A value cannot be changed by itself; the message says which and why."""


@dataclass(frozen=True, slots=True, order=True)
class _Change:
    """Characters from ``start`` to ``end`` give way to ``text``."""

    start: int
    end: int
    text: str


def replace(text: str, values: Mapping[Path, Value]) -> str:
    """Return the text with the given values in place of those that stand there.

    A last key that is missing is added to its mapping. CannotEditError when the text
    is no plan, a path leads nowhere, or the text cannot be changed there.
    """
    bom, bare = ("\ufeff", text[1:]) if text.startswith("\ufeff") else ("", text)
    document = _read(bare)
    place = _Places(bare)
    changes: list[_Change] = []
    for path, value in values.items():
        changes += _changes(document, place, path, value)
    if not changes:
        return text
    changed = _apply(bare, changes)
    wanted = document.plain()
    for path, value in values.items():
        wanted = _with(wanted, path, value)
    if _read(changed).plain() != wanted:
        names = ", ".join(_name(path) for path in values)
        message = f"{names} cannot be changed by itself; change the text by hand"
        raise CannotEditError(message)
    return bom + changed


def value_at(text: str, path: Path) -> Value | None:
    """Return the text or list of texts at a path, None when there is neither."""
    document = parse_source(text).document
    if document is None:
        return None
    return value_in(document, path)


def value_in(document: Document, path: Path) -> Value | None:
    """Return the text or list of texts at a path of a document, None without one."""
    match _exactly(document, path):
        case Scalar() as scalar:
            return None if scalar.is_nothing else scalar.text
        case Listing(items=items):
            texts = [one.text for one in items if isinstance(one, Scalar)]
            return texts if len(texts) == len(items) else None
        case _:
            return None


class _Places:
    """Where lines begin, to find the character of a line and column."""

    def __init__(self, text: str) -> None:
        self.text = text
        breaks = (one.end() for one in re.finditer(r"\r\n|\r|\n", text))
        self._starts = [0, *breaks]

    def offset(self, line: int, column: int) -> int:
        if line > len(self._starts):
            return len(self.text)
        return min(self._starts[line - 1] + column - 1, len(self.text))

    def of(self, node: Node) -> tuple[int, int]:
        """Where a node begins and ends; what is empty ends where it begins."""
        start = self.offset(node.span.line, node.span.column)
        if isinstance(node, Scalar) and node.is_plain and not node.text:
            return start, start
        return start, self.offset(node.span.end_line, node.span.end_column)

    def line(self, at: int) -> tuple[int, int]:
        """Where the line around a character begins, and where the next one does."""
        number = next(
            (i for i, (_, after) in enumerate(pairwise(self._starts)) if after > at),
            len(self._starts) - 1,
        )
        last = number + 1 == len(self._starts)
        return self._starts[number], len(self.text) if last else self._starts[
            number + 1
        ]

    @property
    def line_break(self) -> str:
        """How this text ends its lines."""
        found = re.search(r"\r\n|\r|\n", self.text)
        return found[0] if found else "\n"


def _read(text: str) -> Document:
    source = parse_source(text)
    if source.document is None or source.findings:
        why = source.findings[0].message if source.findings else "it is no plan"
        message = f"the text cannot be edited: {why}"
        raise CannotEditError(message)
    return source.document


def _changes(
    document: Document, place: _Places, path: Path, value: Value
) -> Iterator[_Change]:
    node = _exactly(document, path)
    match node:
        case None:
            yield _addition(document, place, path, value)
        case Scalar():
            if isinstance(value, str) and node.text == value and not node.is_nothing:
                return
            in_flow = _is_in_flow(document, place, path)
            yield _scalar_change(place, node, value, in_flow=in_flow)
        case Listing() if not isinstance(value, str):
            yield from _listing_changes(place, node, list(value), path)
        case _:
            message = f"{_name(path)} is {_kind(node)}, which cannot become a text"
            raise CannotEditError(message)


def _scalar_change(
    place: _Places, node: Scalar, value: Value, *, in_flow: bool
) -> _Change:
    start, end = place.of(node)
    written = place.text[start:end]
    # A text block ends with the line break that the next line needs.
    kept = len(written) - len(written.rstrip()) if written[:1] in {"|", ">"} else 0
    quote = written[:1] if written[:1] in {'"', "'"} else ""
    text = _written(value, quote=quote, in_flow=in_flow)
    glued = start == end and place.text[start - 1 : start] in {":", "-"}
    return _Change(start, end - kept, f" {text}" if glued else text)


def _listing_changes(
    place: _Places, node: Listing, values: list[str], path: Path
) -> Iterator[_Change]:
    items = [one for one in node.items if isinstance(one, Scalar)]
    if len(items) != len(node.items):
        message = f"{_name(path)} holds more than texts"
        raise CannotEditError(message)
    if [one.text for one in items] == values:
        return
    start, end = place.of(node)
    if place.text[start : start + 1] == "[":
        yield _flow_change(place, items, values, start, end)
    elif not values:
        message = f"{_name(path)} cannot become an empty list"
        raise CannotEditError(message)
    else:
        yield from _block_changes(place, items, values)


def _flow_change(
    place: _Places, items: list[Scalar], values: list[str], start: int, end: int
) -> _Change:
    text = ", ".join(_written(one) for one in values)
    if not items:
        return _Change(start + 1, end - 1, text)
    return _Change(place.of(items[0])[0], place.of(items[-1])[1], text)


def _block_changes(
    place: _Places, items: list[Scalar], values: list[str]
) -> Iterator[_Change]:
    """Change a list of one entry a line; the lines of entries that stay are kept."""
    old = [one.text for one in items]
    spans = [place.of(one) for one in items]
    lines = [place.line(start) for start, _ in spans]
    indent = place.text[lines[0][0] : spans[0][0]]
    if "-" not in indent or len(set(lines)) != len(lines):
        # The first dash stands behind a key or another dash: nothing to copy from.
        message = "the list is not written one entry a line"
        raise CannotEditError(message)
    matcher = SequenceMatcher(a=old, b=values, autojunk=False)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            continue
        shared = min(i2 - i1, j2 - j1)
        for number in range(shared):
            old_item, new_item = items[i1 + number], values[j1 + number]
            yield _scalar_change(place, old_item, new_item, in_flow=False)
        for number in range(i1 + shared, i2):
            yield _Change(*lines[number], "")
        added = values[j1 + shared : j2]
        if added:
            at = lines[i1 + shared - 1][1] if i1 + shared else lines[0][0]
            yield _added_lines(
                place, at, [indent + _written(one, in_flow=False) for one in added]
            )


def _added_lines(place: _Places, at: int, lines: list[str]) -> _Change:
    whole = "".join(line + place.line_break for line in lines)
    # The last line of the text may have no line break to stand behind.
    open_end = at and place.text[at - 1] not in "\r\n"
    return _Change(at, at, place.line_break + whole if open_end else whole)


def _addition(document: Document, place: _Places, path: Path, value: Value) -> _Change:
    table = _exactly(document, path[:-1]) if path else None
    key = path[-1] if path else ""
    if not isinstance(table, Table) or not isinstance(key, str) or not table.entries:
        message = f"{_name(path)} is not in the plan"
        raise CannotEditError(message)
    entry = f"{_written(key)}: {_written(value)}"
    nodes = [node for _, node in table.entries.values()]
    start, _ = place.of(table)
    if place.text[start : start + 1] == "{":
        last = max(place.of(node)[1] for node in nodes)
        return _Change(last, last, f", {entry}")
    key_at, _ = place.of(next(iter(table.entries.values()))[0])
    indent = place.text[place.line(key_at)[0] : key_at]
    if indent.strip():
        message = f"{_name(path)} cannot be added where it belongs"
        raise CannotEditError(message)
    begin, finish = place.of(nodes[-1])
    # What ends with a line break ends before the character that follows it.
    at = place.line(max(finish - 1, begin))[1]
    return _added_lines(place, at, [indent + entry])


def _written(value: Value, *, quote: str = "", in_flow: bool = True) -> str:
    """A value as YAML: in the quotes of the old one, without if none are needed."""
    if not isinstance(value, str):
        return "[" + ", ".join(_written(one) for one in value) + "]"
    if quote == "'" and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    if not quote and _is_plain(value, in_flow=in_flow):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\r", "\\r").replace("\n", "\\n") + '"'


def _is_plain(value: str, *, in_flow: bool) -> bool:
    """Whether a text needs no quotes as a value, between brackets also as a key."""
    if value in {"", "~", "null", "<<"} or not value.isprintable():
        return False
    sample, count = (f"[{value}, {value}: x]", 11) if in_flow else (f"x: {value}", 8)
    wanted = [value, value, "x"] if in_flow else ["x", value]
    try:
        events = list(yaml.parse(sample, Loader=yaml.CSafeLoader))
    except yaml.YAMLError:
        return False
    scalars = [one for one in events if isinstance(one, yaml.ScalarEvent)]
    same = len(events) == count and [one.value for one in scalars] == wanted
    return same and all(one.implicit[0] for one in scalars)


def _apply(text: str, changes: list[_Change]) -> str:
    ordered = sorted(changes)
    for before, after in pairwise(ordered):
        if after.start < before.end:
            message = "two of the values lie in each other"
            raise CannotEditError(message)
    for change in reversed(ordered):
        text = text[: change.start] + change.text + text[change.end :]
    return text


def _is_in_flow(document: Document, place: _Places, path: Path) -> bool:
    """Whether a place lies between brackets, where a comma ends a text."""
    above = (_exactly(document, path[:depth]) for depth in range(len(path)))
    starts = (place.of(one)[0] for one in above if one is not None)
    return any(place.text[start : start + 1] in {"[", "{"} for start in starts)


def _exactly(document: Document, path: Path) -> Node | None:
    node: Node = document.root
    for step in path:
        match node:
            case Table(entries=entries) if step in entries:
                node = entries[str(step)][1]
            case Listing(items=items) if isinstance(step, int) and 0 <= step < len(
                items
            ):
                node = items[step]
            case _:
                return None
    return node


def _with(tree: object, path: Path, value: Value) -> object:
    if not path:
        return value if isinstance(value, str) else list(value)
    step, rest = path[0], path[1:]
    if isinstance(tree, dict):
        return {**tree, step: _with(tree.get(step), rest, value)}
    if isinstance(tree, list) and isinstance(step, int):
        return [*tree[:step], _with(tree[step], rest, value), *tree[step + 1 :]]
    return None


def _kind(node: Node) -> str:
    return "a list" if isinstance(node, Listing) else "a mapping"


def _name(path: Path) -> str:
    return ".".join(str(step) for step in path)
