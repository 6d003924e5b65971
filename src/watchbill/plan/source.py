"""Source: the text of a plan as a tree in which every node knows its place.

The text is YAML, of which a plan needs little: mappings, lists and scalars. What
makes YAML surprising is refused with a finding: anchors and aliases (a short text
could grow without bound), tags, merge keys, a second document, tabs, and a key
written twice, of which other readers silently keep the last.

Plain scalars are text until the schema asks for something else. YAML 1.1 would
read ``no`` as false, ``12:30:00`` as the number 45000, ``010`` as 8 and ``1_000``
as 1000; a plan is full of times and phone numbers, so none of that happens here.

The tree is built from the parser's events, one at a time: the depth is limited
before anything recurses, because libyaml's own composer overflows the C stack on a
megabyte of opening brackets.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import yaml

from watchbill.plan.findings import START, Code, Finding, Span, finding

MAX_BYTES = 1_000_000
MAX_DEPTH = 50

Path = tuple[str | int, ...]
"""How to get to a node: keys of mappings and places in lists, from the root."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalar:
    """One value as it is written, without its quotes."""

    text: str
    #: Neither quoted nor a text block.
    is_plain: bool
    span: Span

    @property
    def is_nothing(self) -> bool:
        """Whether no value is given: empty, ``~`` or ``null``, and not quoted."""
        return self.is_plain and self.text in {"", "~", "null"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A list."""

    items: "tuple[Node, ...]"
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A mapping; each key has its own place."""

    entries: "dict[str, tuple[Scalar, Node]]"
    span: Span


Node = Scalar | Listing | Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A plan's text as a tree."""

    root: Table

    def node(self, path: Path) -> Node:
        """Return the node at a path, or the nearest one above it that exists."""
        return self._walk(path)[1]

    def raw(self, path: Path) -> str | None:
        """Return the scalar exactly at a path as it is written."""
        depth, node, _ = self._walk(path)
        found = depth == len(path) and isinstance(node, Scalar)
        return node.text if found and isinstance(node, Scalar) else None

    def span(self, path: Path) -> Span:
        """Return where the value is; of a block of several lines, where it begins."""
        _, node, key = self._walk(path)
        span = node.span
        if isinstance(node, Scalar) and node.is_nothing and key is not None:
            return key.span
        if isinstance(node, Scalar) or span.line == span.end_line:
            return span
        return key.span if key is not None else _first_key(node)

    def key_span(self, path: Path) -> Span:
        """Return where the key of a mapping is; the value's place for a list item."""
        _, _, key = self._walk(path)
        return key.span if key is not None else self.span(path)

    def plain(self) -> object:
        """Return the tree as dicts, lists, strings and None, for the schema."""
        return _plain(self.root)

    def _walk(self, path: Path) -> tuple[int, Node, Scalar | None]:
        """How many steps of the path exist, the node there, and its key."""
        node: Node = self.root
        key: Scalar | None = None
        for depth, step in enumerate(path):
            if isinstance(node, Table) and step in node.entries:
                key, node = node.entries[str(step)]
            elif isinstance(node, Listing) and _is_index(step, node):
                key, node = None, node.items[int(step)]
            else:
                return depth, node, key
        return len(path), node, key


def _is_index(step: str | int, node: Listing) -> bool:
    return isinstance(step, int) and 0 <= step < len(node.items)


def _first_key(node: Node) -> Span:
    if isinstance(node, Table):
        for key, _ in node.entries.values():
            return key.span
    if isinstance(node, Listing) and node.items:
        return _first_key(node.items[0])
    return node.span


def _plain(node: Node) -> object:
    match node:
        case Scalar():
            return None if node.is_nothing else node.text
        case Listing():
            return [_plain(item) for item in node.items]
        case Table():
            return {key: _plain(value) for key, (_, value) in node.entries.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What could be read of a text."""

    #: None when no tree could be made.
    document: Document | None
    findings: tuple[Finding, ...]
    lines: tuple[str, ...]


def parse_source(text: str | bytes) -> Source:
    """Return the tree of a plan's text; total, whatever the text or bytes are."""
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    if len(raw) > MAX_BYTES:
        message = f"the plan has {len(raw):,} bytes; the limit is {MAX_BYTES:,}"
        problem = finding(Code.TOO_LARGE, START, message, "Is this the right file?")
        return Source(document=None, findings=(problem,), lines=())
    try:
        decoded = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return _not_utf8(raw, error.start)
    decoded = decoded.removeprefix("\ufeff")
    lines = _split(decoded)
    problems = tuple(_forbidden(lines))
    if problems:
        return Source(document=None, findings=problems, lines=lines)
    document, found = _Builder().build(decoded)
    return Source(document=document, findings=tuple(found), lines=lines)


def _split(text: str) -> tuple[str, ...]:
    return tuple(re.split(r"\r\n|\r|\n", text))


def _not_utf8(raw: bytes, offset: int) -> Source:
    before = _split(raw[:offset].decode("utf-8"))
    lines = _split(raw.decode("utf-8", "replace"))
    message = f"byte 0x{raw[offset]:02x} is not valid UTF-8"
    hint = "Save the file as UTF-8."
    span = _at(len(before), len(before[-1]) + 1)
    return Source(
        document=None,
        findings=(finding(Code.NOT_UTF8, span, message, hint),),
        lines=lines,
    )


# What YAML calls printable, without NEL and the line and paragraph separators: YAML
# breaks lines there and editors do not, so that line numbers would disagree.
_FORBIDDEN = re.compile(
    "[^\t\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)


def _forbidden(lines: tuple[str, ...]) -> Iterator[Finding]:
    """The first tab and the first forbidden character; the rest is like them."""
    for number, line in enumerate(lines, start=1):
        if found := _FORBIDDEN.search(line):
            span = _at(number, found.start() + 1)
            hint = "Delete it; it is usually invisible and comes from copying."
            message = _says_forbidden(found[0])
            yield finding(Code.FORBIDDEN_CHARACTER, span, message, hint)
            break
    for number, line in enumerate(lines, start=1):
        if "\t" in line:
            span = _at(number, line.index("\t") + 1)
            hint = "Indent with spaces; in a quoted text write \\t."
            yield finding(Code.TAB, span, "a tab cannot stand in a plan", hint)
            break


def _says_forbidden(char: str) -> str:
    return f"the character U+{ord(char):04X} cannot stand in a plan"


def _at(line: int, column: int) -> Span:
    return Span(line=line, column=column, end_line=line, end_column=column + 1)


class _Mark(Protocol):
    """A place as the parser says it; lines and columns count from 0."""

    line: int
    column: int


@dataclass(slots=True)
class _Frame:
    """A list or mapping that is still open."""

    is_table: bool
    start: _Mark | None
    items: list[Node] = field(default_factory=list)
    entries: dict[str, tuple[Scalar, Node]] = field(default_factory=dict)
    key: Scalar | None = None
    #: A key that cannot be used was read; its value is dropped.
    skips: bool = False

    @property
    def wants_key(self) -> bool:
        return self.is_table and self.key is None and not self.skips


class _StopError(Exception):
    """The rest of the text is not read."""


class _Builder:
    """Builds the tree from the parser's events."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.stack: list[_Frame] = []
        self.root: Node | None = None
        self.documents = 0

    def build(self, text: str) -> tuple[Document | None, list[Finding]]:
        """Return the document, or None with the reasons."""
        try:
            for event in yaml.parse(text, Loader=yaml.CSafeLoader):
                self._take(event)
        except yaml.YAMLError as error:
            self.findings.append(_syntax(error))
        except _StopError:
            pass
        if isinstance(self.root, Table) and self._is_usable():
            return Document(root=self.root), self.findings
        if not self.findings:
            self._report_root()
        return None, self.findings

    def _is_usable(self) -> bool:
        # Keys written twice leave a tree worth checking further.
        return all(one.code is Code.DUPLICATE_KEY for one in self.findings)

    def _report_root(self) -> None:
        hint = 'A plan begins with "watchbill: 1".'
        if isinstance(self.root, Listing) or (
            isinstance(self.root, Scalar) and not self.root.is_nothing
        ):
            message = "the plan must be a mapping of keys to values"
            self._add(Code.EMPTY, self.root.span, message, hint)
        else:
            self._add(Code.EMPTY, START, "the plan is empty", hint)

    def _add(self, code: Code, span: Span, message: str, hint: str = "") -> None:
        self.findings.append(finding(code, span, message, hint))

    def _take(self, event: yaml.Event) -> None:
        match event:
            case yaml.DocumentStartEvent():
                self._begin_document(event)
            case yaml.AliasEvent():
                self._refuse_alias(event)
            case yaml.ScalarEvent():
                self._refuse_extras(event, event.anchor, event.tag)
                self._add_scalar(event)
            case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                self._refuse_extras(event, event.anchor, event.tag)
                self._open(event)
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                self._close(event)

    def _begin_document(self, event: yaml.Event) -> None:
        self.documents += 1
        if self.documents > 1:
            hint = "Keep each plan in a file of its own."
            span = _span(event.start_mark, event.start_mark)
            message = "a second document begins here; a plan is one document"
            self._add(Code.SECOND_DOCUMENT, span, message, hint)
            raise _StopError

    def _refuse_alias(self, event: yaml.AliasEvent) -> None:
        hint = "Repeat the value; a role, group or alias names people once."
        message = f'the alias "*{event.anchor}" cannot stand in a plan'
        span = _span(event.start_mark, event.end_mark)
        self._add(Code.ANCHOR, span, message, hint)
        self._place(Scalar(text="", is_plain=True, span=span))

    def _refuse_extras(
        self, event: yaml.Event, anchor: str | None, tag: str | None
    ) -> None:
        span = _span(event.start_mark, event.start_mark)
        if anchor is not None:
            message = f'the anchor "&{anchor}" cannot stand in a plan'
            hint = "Remove it, or quote a text that begins with &."
            self._add(Code.ANCHOR, span, message, hint)
        if tag is not None:
            shown = tag.replace("tag:yaml.org,2002:", "!!")
            message = f'the tag "{shown}" cannot stand in a plan'
            hint = "Remove it, or quote a text that begins with an exclamation mark."
            self._add(Code.TAG, span, message, hint)

    def _add_scalar(self, event: yaml.ScalarEvent) -> None:
        span = _span(event.start_mark, event.end_mark)
        is_plain = bool(event.implicit[0])
        scalar = Scalar(text=event.value, is_plain=is_plain, span=span)
        # An escape such as \0 in a quoted text brings in what the text itself cannot.
        if found := _FORBIDDEN.search(event.value.replace("\n", " ")):
            self._add(Code.FORBIDDEN_CHARACTER, span, _says_forbidden(found[0]))
        top = self.stack[-1] if self.stack else None
        if top is not None and top.wants_key:
            self._add_key(top, scalar)
        else:
            self._place(scalar)

    def _add_key(self, top: _Frame, key: Scalar) -> None:
        if key.is_plain and key.text == "<<":
            hint = "Write the keys out."
            message = "merge keys cannot stand in a plan"
            self._add(Code.MERGE_KEY, key.span, message, hint)
            top.skips = True
        elif key.text in top.entries:
            first = top.entries[key.text][0].span
            message = f'the key "{key.text}" is written twice'
            hint = f"It stands already in line {first.line}; keep one of them."
            self._add(Code.DUPLICATE_KEY, key.span, message, hint)
            top.skips = True
        else:
            top.key = key

    def _open(self, event: yaml.Event) -> None:
        span = _span(event.start_mark, event.start_mark)
        if len(self.stack) >= MAX_DEPTH:
            message = f"the plan is nested more than {MAX_DEPTH} levels deep"
            self._add(Code.TOO_DEEP, span, message)
            raise _StopError
        is_table = isinstance(event, yaml.MappingStartEvent)
        self.stack.append(_Frame(is_table=is_table, start=event.start_mark))

    def _close(self, event: yaml.Event) -> None:
        frame = self.stack.pop()
        span = _span(frame.start, event.end_mark)
        if frame.is_table:
            self._place(Table(entries=frame.entries, span=span))
        else:
            self._place(Listing(items=tuple(frame.items), span=span))

    def _place(self, node: Node) -> None:
        """Put a finished node where it belongs."""
        if not self.stack:
            self.root = node
            return
        top = self.stack[-1]
        if not top.is_table:
            top.items.append(node)
        elif top.skips:
            top.skips = False
        elif top.key is not None:
            top.entries[top.key.text] = (top.key, node)
            top.key = None
        else:
            hint = "A key is a single word or text."
            self._add(Code.KEY_NOT_TEXT, node.span, "a key must be text", hint)
            top.skips = True


def _span(start: _Mark | None, end: _Mark | None) -> Span:
    """The stretch between two marks of the parser; at least one character."""
    if start is None or end is None:
        return START
    line, column = start.line + 1, start.column + 1
    end_line, end_column = end.line + 1, end.column + 1
    if (end_line, end_column) <= (line, column):
        end_line, end_column = line, column + 1
    return Span(line=line, column=column, end_line=end_line, end_column=end_column)


def _syntax(error: yaml.YAMLError) -> Finding:
    if not isinstance(error, yaml.MarkedYAMLError):
        return finding(Code.SYNTAX, START, f"this is not YAML: {error}")
    begun = error.context_mark
    # What is not closed fails far below; the place to look at is where it opens.
    unclosed = begun is not None and "flow" in (error.context or "")
    place = begun if unclosed else error.problem_mark or begun
    span = _span(place, place)
    message = f"this is not YAML: {error.problem or 'it cannot be read'}"
    hint = f"It was found {error.context}. " if error.context else ""
    hint += "Text that contains ': ' or begins with # [ { * & ! % @ must be quoted."
    return finding(Code.SYNTAX, span, message, hint)
