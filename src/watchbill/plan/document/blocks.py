"""Blocks: a Markdown text as headings, tables, lists, prose and code with their lines.

markdown-it-py finds the blocks, as CommonMark and GitHub's tables define them; what
stands inside a line is read here, by :func:`plain`, because a plan needs the words
and not their emphasis. Every block knows its source lines, so that the report of an
import can account for each of them.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.token import Token


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of text; lines count from 1."""

    number: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A heading without its number: ``## 2.1 Contacts`` is "Contacts"."""

    line: int
    end: int
    level: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a table, as long as the table's heading."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A table."""

    line: int
    header: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item of a list."""

    line: int
    end: int
    text: str
    children: "tuple[Item, ...]" = ()
    #: Whether it stands behind a check box.
    is_box: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """A list."""

    line: int
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prose:
    """A paragraph by lines, still with its marks."""

    lines: tuple[Line, ...]

    @property
    def line(self) -> int:
        """The first line."""
        return self.lines[0].number


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A block of code, or of a drawing made of letters."""

    line: int
    end: int
    info: str
    lines: tuple[Line, ...]

    @property
    def text(self) -> str:
        """The content as it stands."""
        return "".join(f"{line.text}\n" for line in self.lines)


Block = Heading | Grid | Items | Prose | Code


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """A whole document."""

    blocks: tuple[Block, ...]
    #: The source by lines, for the report.
    lines: tuple[str, ...]


def outline(text: str) -> Outline:
    """Return the blocks of a Markdown text; any text whatsoever is one."""
    lines = tuple(re.split(r"\r\n|\r|\n", text))
    parser = MarkdownIt("commonmark").enable("table").disable("inline")
    tokens = parser.parse("\n".join(lines))
    return Outline(blocks=tuple(_Walk(tokens).blocks()), lines=lines)


class _Walk:
    """Reads the tokens from first to last."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.at = 0

    def blocks(self) -> Iterator[Block]:
        while self.at < len(self.tokens):
            block = self._block()
            if block is not None:
                yield block

    def _next(self) -> Token:
        token = self.tokens[self.at]
        self.at += 1
        return token

    def _block(self) -> Block | None:
        token = self._next()
        match token.type:
            case "heading_open":
                return self._heading(token)
            case "table_open":
                return self._grid(token)
            case "bullet_list_open" | "ordered_list_open":
                return self._items(token)
            case "paragraph_open":
                return _prose(self._next())
            case "fence" | "code_block":
                return _code(token)
        return None

    def _heading(self, token: Token) -> Heading:
        inline = self._next()
        start, end = _lines(token)
        text = plain(" ".join(inline.content.split("\n")))
        level = int(token.tag[1])
        return Heading(line=start, end=end, level=level, text=_unnumbered(text))

    def _grid(self, token: Token) -> Grid:
        rows: list[Row] = []
        cells: list[str] = []
        start = _lines(token)[0]
        while (token := self._next()).type != "table_close":
            if token.type == "tr_open":
                start, cells = _lines(token)[0], []
            elif token.type == "inline":
                cells.append(plain(token.content))
            elif token.type == "tr_close":
                rows.append(Row(line=start, cells=tuple(cells)))
        head = rows[0] if rows else Row(line=start, cells=())
        return Grid(line=head.line, header=head.cells, rows=tuple(rows[1:]))

    def _items(self, token: Token) -> Items:
        start = _lines(token)[0]
        closing = token.type.replace("open", "close")
        items = []
        while (token := self._next()).type != closing:
            if token.type == "list_item_open":
                items.append(self._item(token))
        return Items(line=start, items=tuple(items))

    def _item(self, token: Token) -> Item:
        start = end = _lines(token)[0]
        text: str | None = None
        children: list[Item] = []
        while (token := self.tokens[self.at]).type != "list_item_close":
            block = self._block()
            if isinstance(block, Prose) and text is None:
                text = " ".join(line.text for line in block.lines)
                end = block.lines[-1].number
            elif isinstance(block, Items):
                children += block.items
        self.at += 1
        box = re.match(r"\[[ xX]\]\s+", text or "")
        said = plain((text or "")[box.end() if box else 0 :])
        return Item(
            line=start,
            end=end,
            text=said,
            children=tuple(children),
            is_box=box is not None,
        )


def _lines(token: Token) -> tuple[int, int]:
    """The first and the last line of a token, counted from 1."""
    first, last = token.map or (0, 1)
    return first + 1, max(last, first + 1)


def _prose(token: Token) -> Prose:
    first = _lines(token)[0]
    lines = token.content.split("\n")
    return Prose(
        lines=tuple(
            Line(number=number, text=text) for number, text in enumerate(lines, first)
        )
    )


def _code(token: Token) -> Code:
    first, end = _lines(token)
    offset = first + 1 if token.type == "fence" else first
    lines = token.content.split("\n")
    return Code(
        line=first,
        end=end,
        info=token.info.strip(),
        lines=tuple(
            Line(number=number, text=text)
            for number, text in enumerate(lines[:-1], offset)
        ),
    )


def _unnumbered(text: str) -> str:
    """The heading without "2.1" or "3)" before it; a bare number is kept."""
    found = re.match(r"(?:section\s+)?[0-9]+(?:\.[0-9]+)*[.):]?\s+(?=\S)", text, re.I)
    return text[found.end() :] if found else text


_SPAN = re.compile(
    r"\\([!-/:-@\[-`{-~])"  # 1: escaped
    r"|(`+)(.+?)\2(?!`)"  # 3: code
    r"|<([a-zA-Z][a-zA-Z0-9+.-]*:[^<>\s]*)>"  # 4: address
    r"|<br\s*/?>"
    r"|!?\[([^\[\]]*)\]\(<?([^()\s<>]*)>?(?:\s+\"[^\"]*\")?\)"  # 5, 6: link
    r"|(\*\*|__)(?=\S)"
    r"|(?<=\S)(\*\*|__)"
    r"|(?<![\w*])[*_](?=[^\s*_])|(?<=[^\s*_])[*_](?![\w*])"
    r"|(&[#a-zA-Z0-9]{1,31};)"  # 9: entity
)


def plain(text: str) -> str:
    """Return the words of a line of Markdown, without its marks.

    Of a link the words are kept, of a link without words its address.
    """
    return " ".join(_SPAN.sub(_plain_span, text).split())


def _plain_span(found: re.Match[str]) -> str:
    escaped, _, code, address, words, target, _, _, entity = found.groups()
    if entity:
        return html.unescape(entity)
    if words is not None:
        return words or target or ""
    said = escaped or code or address
    return said if said else (" " if found[0].startswith("<") else "")


_ESCAPED = re.compile(
    r"[\\`*|\[\]]|<(?=[A-Za-z/!?])|&(?=[#A-Za-z])|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])"
)


def escape(text: str) -> str:
    """Return text as Markdown that :func:`plain` reads back as it was."""
    if text == "[Name]":
        return text
    return _ESCAPED.sub(r"\\\g<0>", " ".join(text.split()))


def escape_line(text: str) -> str:
    """Return text that begins a line: it must not become a list or a heading."""
    safe = escape(text)
    if found := re.match(r"[0-9]{1,9}(?=[.)])", safe):
        return f"{found[0]}\\{safe[found.end() :]}"
    return f"\\{safe}" if safe[:1] in set("#+-=~:>") else safe
