"""Edit: change values in a plan's text and leave every other character alone.

A plan is written by people, with comments that say why. A program that changes a
value must not reformat the rest, so nothing is parsed and written out again: the
value is replaced at the very place where it stands, in the style in which it was
written. A list keeps the comments of the entries that stay.

A value may be a mapping, such as a whole schedule: what it says of a mapping that
stands there already is changed key by key, so that its comments stay as well, and what
is new is written in the style of its neighbors. None takes an entry away, with the
comment at the end of its line and not with those above it: nobody can tell whether
they speak of it alone.

The result is read again, and must say what it said before but for the given values.
A text in which that cannot be done safely is refused, never guessed at.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise

from watchbill.plan.places import Places
from watchbill.plan.source import (
    Document,
    Listing,
    Node,
    Path,
    Scalar,
    Table,
    parse_source,
)
from watchbill.plan.writing import Item, Value, block, written


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

    A last key that is missing is added to its mapping, the place after the last one to
    its list. CannotEditError when the text is no plan, a path leads nowhere, or the
    text cannot be changed there.
    """
    bom, bare = ("\ufeff", text[1:]) if text.startswith("\ufeff") else ("", text)
    document = _read(bare)
    place = Places(bare)
    changes: list[_Change] = []
    for path, value in values.items():
        changes += _changes(document, place, path, value)
    if not changes:
        return text
    changed = _apply(bare, changes)
    wanted = document.plain()
    # From the end of each list, so that a place means what it meant in the old text.
    for path in sorted(values, key=_from_the_end):
        wanted = _with(wanted, path, values[path])
    if _read(changed).plain() != wanted:
        names = ", ".join(_name(path) for path in values)
        message = f"{names} cannot be changed by itself; change the text by hand"
        raise CannotEditError(message)
    return bom + changed


def reordered(text: str, path: Path, keys: Sequence[str]) -> str:
    """Return the text with the entries of a mapping in the order of ``keys``.

    An entry takes along the comments above it. CannotEditError when the mapping does
    not hold exactly these keys, or cannot be taken apart.
    """
    bom, bare = ("\ufeff", text[1:]) if text.startswith("\ufeff") else ("", text)
    document, place = _read(bare), Places(bare)
    node = _exactly(document, path)
    if not isinstance(node, Table) or sorted(node.entries) != sorted(keys):
        message = f"{_name(path)} does not hold {', '.join(keys)}"
        raise CannotEditError(message)
    if list(node.entries) == list(keys):
        return text
    spans = dict(zip(node.entries, _spans(place, node), strict=True))
    changes = [
        _Change(*old, bare[slice(*spans[new])])
        for old, new in zip(spans.values(), keys, strict=True)
    ]
    changed = _apply(bare, changes)
    again = _read(changed)
    found = _exactly(again, path)
    in_order = isinstance(found, Table) and list(found.entries) == list(keys)
    if not in_order or again.plain() != document.plain():
        message = f"{_name(path)} cannot be put in another order by itself"
        raise CannotEditError(message)
    return bom + changed


def path_of(text: str, names: Sequence[str]) -> Path:
    """Return the place that names lead to, in lists by the ``id`` of their entries.

    A last name that a list does not have is the place after its last entry.
    """
    node: Node | None = _read(text.removeprefix("\ufeff")).root
    path: list[str | int] = []
    for name in names:
        step: str | int = name
        if isinstance(node, Listing):
            step = _place_in(node, name)
            node = node.items[step] if step < len(node.items) else None
        elif isinstance(node, Table):
            node = node.entries[name][1] if name in node.entries else None
        path.append(step)
    return tuple(path)


def _place_in(listing: Listing, name: str) -> int:
    for place, item in enumerate(listing.items):
        entry = item.entries.get("id") if isinstance(item, Table) else None
        if entry and isinstance(entry[1], Scalar) and entry[1].text == name:
            return place
    return len(listing.items)


def value_at(text: str, path: Path) -> str | list[str] | None:
    """Return the text or list of texts at a path, None when there is neither."""
    document = parse_source(text).document
    if document is None:
        return None
    return value_in(document, path)


def value_in(document: Document, path: Path) -> str | list[str] | None:
    """Return the text or list of texts at a path of a document, None without one."""
    match _exactly(document, path):
        case Scalar() as scalar:
            return None if scalar.is_nothing else scalar.text
        case Listing(items=items):
            texts = [one.text for one in items if isinstance(one, Scalar)]
            return texts if len(texts) == len(items) else None
        case _:
            return None


def _read(text: str) -> Document:
    source = parse_source(text)
    if source.document is None or source.findings:
        why = source.findings[0].message if source.findings else "it is no plan"
        message = f"the text cannot be edited: {why}"
        raise CannotEditError(message)
    return source.document


def _changes(
    document: Document, place: Places, path: Path, value: Value
) -> Iterator[_Change]:
    node = _exactly(document, path)
    match node:
        case None if value is None:
            return
        case None:
            yield _addition(document, place, path, value)
        case _ if value is None:
            yield _removal(document, place, path, node)
        case Scalar():
            if isinstance(value, str) and node.text == value and not node.is_nothing:
                return
            in_flow = _is_in_flow(document, place, path)
            yield _scalar_change(place, node, value, in_flow=in_flow)
        case Table(entries=entries) if isinstance(value, Mapping):
            for key in dict.fromkeys((*entries, *value)):
                yield from _changes(document, place, (*path, key), value.get(key))
        case Table() if isinstance(value, str) and _is_one_line(place, node):
            yield _Change(*place.of(node), written(value))
        case Listing() if not isinstance(value, str | Mapping):
            yield from _listing_changes(place, node, list(value), path)
        case _:
            message = f"{_name(path)} is {_kind(node)}, which cannot become another"
            raise CannotEditError(message)


def _is_one_line(place: Places, node: Node) -> bool:
    start, _ = place.of(node)
    return place.text[start : start + 1] == "{"


def _scalar_change(
    place: Places, node: Scalar, value: Value, *, in_flow: bool
) -> _Change:
    start, end = place.of(node)
    old = place.text[start:end]
    # A text block ends with the line break that the next line needs.
    kept = len(old) - len(old.rstrip()) if old[:1] in {"|", ">"} else 0
    quote = old[:1] if old[:1] in {'"', "'"} else ""
    text = written(value, quote=quote, in_flow=in_flow)
    glued = start == end and place.text[start - 1 : start] in {":", "-"}
    return _Change(start, end - kept, f" {text}" if glued else text)


def _listing_changes(
    place: Places, node: Listing, given: list[Item], path: Path
) -> Iterator[_Change]:
    values = [one for one in given if isinstance(one, str)]
    items = [one for one in node.items if isinstance(one, Scalar)]
    if len(items) != len(node.items) or len(values) != len(given):
        if _plain_of(node) == _plain_value(given):
            return
        if place.text[place.of(node)[0]] == "[":
            yield _Change(*place.of(node), written(given))
            return
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
    place: Places, items: list[Scalar], values: list[str], start: int, end: int
) -> _Change:
    text = ", ".join(written(one) for one in values)
    if not items:
        return _Change(start + 1, end - 1, text)
    return _Change(place.of(items[0])[0], place.of(items[-1])[1], text)


def _block_changes(
    place: Places, items: list[Scalar], values: list[str]
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
                place, at, [indent + written(one, in_flow=False) for one in added]
            )


def _added_lines(place: Places, at: int, lines: list[str]) -> _Change:
    whole = "".join(line + place.line_break for line in lines)
    # The last line of the text may have no line break to stand behind.
    open_end = at and place.text[at - 1] not in "\r\n"
    return _Change(at, at, place.line_break + whole if open_end else whole)


def _addition(document: Document, place: Places, path: Path, value: Value) -> _Change:
    above = _exactly(document, path[:-1]) if path else None
    key = path[-1] if path else ""
    match above:
        case Table(entries=entries) if isinstance(key, str) and entries:
            nodes = [node for _, node in entries.values()]
            first: Node = next(iter(entries.values()))[0]
            entry = f"{written(key)}: {written(value)}"
        case Listing(items=items) if items and key == len(items):
            nodes, first = list(items), items[0]
            entry = written(value)
        case _:
            message = f"{_name(path)} is not in the plan"
            raise CannotEditError(message)
    start, _ = place.of(above)
    if place.text[start : start + 1] in {"{", "["}:
        last = max(place.of(node)[1] for node in nodes)
        return _Change(last, last, f", {entry}")
    first_at, _ = place.of(first)
    indent = place.text[place.line(first_at)[0] : first_at]
    if isinstance(above, Table) and indent.strip() == "-":
        # The first key stands behind the dash, the others below it.
        indent = " " * len(indent)
    if indent.strip() not in ({"-"} if isinstance(above, Listing) else {""}):
        message = f"{_name(path)} cannot be added where it belongs"
        raise CannotEditError(message)
    lines = [indent + entry]
    if isinstance(value, Mapping) and isinstance(above, Table):
        lines = block(indent, str(key), value)
    begin, finish = place.of(nodes[-1])
    # What ends with a line break ends before the character that follows it.
    at = place.line(max(_last_word(place, begin, finish), begin))[1]
    return _added_lines(place, at, lines)


def _last_word(place: Places, begin: int, finish: int) -> int:
    """Where a node's last word ends: a block runs on over the comments below it."""
    lines = place.text[begin:finish].splitlines(keepends=True)
    while len(lines) > 1 and (not lines[-1].strip() or lines[-1].lstrip()[:1] == "#"):
        lines.pop()
    return begin + sum(len(one) for one in lines) - 1


def _removal(document: Document, place: Places, path: Path, node: Node) -> _Change:
    """Take an entry away: its lines in a block, else the entry and one comma."""
    above = _exactly(document, path[:-1])
    match above:
        case Table(entries=entries) if len(entries) > 1:
            spans = {
                key: (place.of(one)[0], place.of(inner)[1])
                for key, (one, inner) in entries.items()
            }
            begin, finish = spans[str(path[-1])]
        case Listing(items=items) if len(items) > 1:
            begin, finish = place.of(node)
            spans = {str(n): place.of(one) for n, one in enumerate(items)}
        case _:
            message = f"{_name(path)} is the only entry, and cannot be taken away"
            raise CannotEditError(message)
    if place.text[place.of(above)[0]] in {"{", "["}:
        return _flow_removal(list(spans.values()), (begin, finish))
    first, _ = place.line(begin)
    if place.text[first:begin].strip() != ("-" if isinstance(above, Listing) else ""):
        message = f"{_name(path)} shares its line, and cannot be taken away by itself"
        raise CannotEditError(message)
    last = place.line(max(_last_word(place, begin, finish), begin))[1]
    return _Change(first, last, "")


def _flow_removal(spans: list[tuple[int, int]], removed: tuple[int, int]) -> _Change:
    number = spans.index(removed)
    if number:
        return _Change(spans[number - 1][1], removed[1], "")
    return _Change(removed[0], spans[1][0], "")


def _spans(place: Places, table: Table) -> Iterator[tuple[int, int]]:
    """Yield where each entry of a mapping begins and ends: whole lines in a block."""
    start, _ = place.of(table)
    if place.text[start : start + 1] == "{":
        for one, inner in table.entries.values():
            yield place.of(one)[0], place.of(inner)[1]
        return
    begin: int | None = None
    for one, inner in table.entries.values():
        first, finish = place.of(one)[0], place.of(inner)[1]
        begin = _comments_above(place, first) if begin is None else begin
        at = max(_last_word(place, place.of(inner)[0], finish), first)
        end = place.line(at)[1]
        if place.text[end - 1 : end] not in {"\r", "\n"}:
            message = "the last entry has no line of its own"
            raise CannotEditError(message)
        yield begin, end
        begin = end


def _comments_above(place: Places, at: int) -> int:
    """Where the comments begin that stand right above the line of a character."""
    begin, _ = place.line(at)
    while begin and place.text[slice(*place.line(begin - 1))].lstrip()[:1] == "#":
        begin, _ = place.line(begin - 1)
    return begin


def _apply(text: str, changes: list[_Change]) -> str:
    ordered = sorted(changes)
    for before, after in pairwise(ordered):
        if after.start < before.end:
            message = "two of the values lie in each other"
            raise CannotEditError(message)
    for change in reversed(ordered):
        text = text[: change.start] + change.text + text[change.end :]
    return text


def _is_in_flow(document: Document, place: Places, path: Path) -> bool:
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
        return _merged(tree, value)
    step, rest = path[0], path[1:]
    is_removed = not rest and value is None
    if isinstance(tree, dict):
        if is_removed:
            return {key: one for key, one in tree.items() if key != step}
        return {**tree, step: _with(tree.get(step), rest, value)}
    if isinstance(tree, list) and isinstance(step, int):
        if is_removed:
            return [*tree[:step], *tree[step + 1 :]]
        found = tree[step] if step < len(tree) else None
        return [*tree[:step], _with(found, rest, value), *tree[step + 1 :]]
    return None


def _merged(tree: object, value: Value) -> object:
    """A value as it is read again; a mapping in the order of the one it changes."""
    if isinstance(tree, dict) and isinstance(value, Mapping):
        keys = dict.fromkeys((*tree, *value))
        return {
            key: _merged(tree.get(key), one)
            for key in keys
            if (one := value.get(key)) is not None
        }
    return _plain_value(value)


def _plain_value(value: object) -> object:
    match value:
        case Mapping():
            return {
                key: _plain_value(one) for key, one in value.items() if one is not None
            }
        case None | str():
            return value
        case Sequence():
            return [_plain_value(one) for one in value]
    return None


def _plain_of(node: Node) -> object:
    match node:
        case Scalar():
            return None if node.is_nothing else node.text
        case Listing(items=items):
            return [_plain_of(one) for one in items]
        case Table(entries=entries):
            return {key: _plain_of(one) for key, (_, one) in entries.items()}


def _from_the_end(path: Path) -> tuple[tuple[int, str], ...]:
    return tuple((-one, "") if isinstance(one, int) else (0, one) for one in path)


def _kind(node: Node) -> str:
    return "a list" if isinstance(node, Listing) else "a mapping"


def _name(path: Path) -> str:
    return ".".join(str(step) for step in path)
