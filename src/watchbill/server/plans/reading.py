"""The plan as people read it: sections, tables and words instead of YAML.

The sections are those of the text, in its order, and whatever section a plan has
appears: how a value is shown follows from its shape alone. Entries that are alike
become a table, a mapping of single values becomes a list of facts, and all else
becomes sections in sections. Only contacts and the escalation, which people look up
in another order than they write it, are arranged first.

Beside a section stand the requirements (S) and decisions (A) that its text names.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from watchbill.core.ladder import Since
from watchbill.core.temporal import describe
from watchbill.plan import Plan
from watchbill.plan.source import (
    Document,
    Listing,
    Node,
    Scalar,
    Table,
    parse_source,
)
from watchbill.plan.values import is_placeholder
from watchbill.server.plans import queries
from watchbill.server.web.masking import mask

_IDS = re.compile(r"\b(?:S(?:[0-9]+(?:\.[0-9]+)?|[A-E])-[0-9]{2}|A[1-6]?[0-9])\b")

_TITLES = {
    "plan": "About this plan",
    "levels": "Levels of support",
    "on_call": "On call",
    "escalation": "Escalation",
    "alerts": "Alert routing",
    "sla": "SLA",
}
_WORDS = {"sla", "csat", "mttr", "mtta", "slo", "cto", "ceo", "ui", "api", "id", "url"}
_ONLY_IDS = {"why"}
_SNAKE = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)+")
_UNSHOWN = {"watchbill"}
_MANY = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One section of the plan, ready for its template."""

    key: str
    title: str
    line: int
    block: dict[str, Any]
    ids: tuple[str, ...] = field(default=())


@lru_cache(maxsize=64)
def sections(version_id: int, *, shows_contacts: bool) -> tuple[Section, ...]:
    """Return the sections of a stored version, once a process as it never changes.

    Without ``shows_contacts`` phone numbers and addresses of people are masked.
    """
    loaded = queries.loaded_of(version_id)
    document = parse_source(loaded.source).document
    if document is None:
        return ()
    reader = _Reader(queries.plan_of(version_id), shows_contacts=shows_contacts)
    return tuple(
        Section(
            key=key,
            title=_TITLES.get(key) or words(key),
            line=place.span.line,
            block=reader.section(key, node),
            ids=_ids_of(loaded.lines, document, key),
        )
        for key, (place, node) in document.root.entries.items()
        if key not in _UNSHOWN
    )


def hide_contacts(version_id: int, text: str) -> str:
    """Return a text without the phone numbers and addresses of a version's people."""
    document = parse_source(queries.loaded_of(version_id).source).document
    node = document.root.entries.get("contacts") if document is not None else None
    if node is None or not isinstance(node[1], Listing):
        return text
    for entry in node[1].items:
        for value in _addresses(entry):
            text = text.replace(value, mask_any(value))
    return text


def mask_any(value: str) -> str:
    """Return an address of any spelling with its middle left out."""
    digits = "".join(char for char in value if char.isdigit() or char == "+")
    masked = mask(value if "@" in value else digits)
    return masked if masked != value else "…"


def words(key: str) -> str:
    """Return a key of the plan as words: ``test_levels`` is "Test levels"."""
    if not key.islower() or key.startswith("#"):
        return key
    parts = [
        part.upper() if part in _WORDS else part
        for part in key.replace("_", " ").replace("-", " ").split()
    ]
    text = " ".join(parts)
    return text[:1].upper() + text[1:]


def _addresses(entry: Node) -> Iterator[str]:
    if isinstance(entry, Table):
        for key in ("phone", "email", "slack"):
            found = entry.entries.get(key)
            if found is not None and isinstance(found[1], Scalar):
                text = found[1].text
                if text and not is_placeholder(text):
                    yield text


class _Reader:
    """Turns nodes of the text into blocks of a page."""

    def __init__(self, plan: Plan, *, shows_contacts: bool) -> None:
        self._severities = {one.key: one.title for one in plan.severities}
        self._plan = plan
        self._shows_contacts = shows_contacts

    def section(self, key: str, node: Node) -> dict[str, Any]:
        if key == "contacts" and isinstance(node, Listing):
            return self._contacts(node)
        if key == "escalation" and isinstance(node, Table):
            return self._escalation(node)
        return self.block(node)

    def block(self, node: Node) -> dict[str, Any]:
        match node:
            case Scalar():
                return self._text(node)
            case Listing(items=items):
                return self._listing(items)
            case Table():
                return self._table(node)

    def _text(self, node: Scalar) -> dict[str, Any]:
        text = "" if node.is_nothing else node.text
        return {
            "kind": "text",
            "text": self._worded(text) if node.is_plain else text,
            "severity": text if text in self._severities else "",
            "is_open": not text or (text[:1] == "[" and is_placeholder(text)),
        }

    def _worded(self, text: str) -> str:
        """A key as people say it: the title of a contact, words for snake_case."""
        contact = self._plan.directory.contact(text)
        if contact is not None:
            return contact.title or text
        return text.replace("_", " ") if _SNAKE.fullmatch(text) else text

    def _listing(self, items: Sequence[Node]) -> dict[str, Any]:
        if not items:
            return {"kind": "inline", "items": []}
        if all(isinstance(one, Scalar) for one in items):
            texts = [
                self._worded(one.text) if one.is_plain else one.text
                for one in items
                if isinstance(one, Scalar)
            ]
            short = len(texts) <= _MANY and sum(map(len, texts)) <= 70
            return {"kind": "inline" if short else "list", "items": texts}
        tables = [one for one in items if isinstance(one, Table)]
        if len(tables) == len(items) and all(map(_is_flat, tables)):
            if all(len(one.entries) <= 3 and len(tables) > 1 for one in tables) and (
                len({tuple(one.entries) for one in tables}) > len(tables) // 2
            ):
                return {"kind": "list", "items": [_said(one) for one in tables]}
            return self._rows([("", one) for one in tables])
        return {"kind": "blocks", "blocks": [self.block(one) for one in items]}

    def _table(self, node: Table) -> dict[str, Any]:
        entries = {key: value for key, (_, value) in node.entries.items()}
        nested = {key: value for key, value in entries.items() if not _is_small(value)}
        tables = [one for one in entries.values() if isinstance(one, Table)]
        if entries and len(tables) == len(entries) and all(map(_is_flat, tables)):
            return self._rows(list(zip(entries, tables, strict=True)))
        facts = [
            {"key": key, "label": words(key), "block": self.block(value)}
            for key, value in entries.items()
            if key not in nested
        ]
        below = [
            {
                "key": key,
                "title": words(key),
                "severity": self._severities.get(key, ""),
                "block": self.block(value),
            }
            for key, value in nested.items()
        ]
        return {"kind": "sections", "facts": facts, "sections": below}

    def _rows(self, rows: list[tuple[str, Table]]) -> dict[str, Any]:
        """Entries that are alike, one a row; the title stands at its head."""
        columns = list(dict.fromkeys(key for _, one in rows for key in one.entries))
        has_head = any(key for key, _ in rows)
        titled = "title" in columns
        shown = [one for one in columns if one != "title" and one not in _ONLY_IDS]
        return {
            "kind": "table",
            "has_head": has_head or titled,
            "columns": [words(one) for one in shown],
            "rows": [self._row(key, one, shown, titled=titled) for key, one in rows],
        }

    def _row(
        self, key: str, entry: Table, columns: list[str], *, titled: bool
    ) -> dict[str, Any]:
        title = (
            entry.entries["title"][1] if titled and "title" in entry.entries else None
        )
        said = title.text if isinstance(title, Scalar) else words(key)
        return {
            "title": said,
            "key": key if key and words(key).lower() != said.lower() else "",
            "severity": key if key in self._severities else "",
            "ids": _ids_in(entry),
            "cells": [
                {"label": words(one), "block": self._cell(one, entry)}
                for one in columns
            ],
        }

    def _cell(self, key: str, entry: Table) -> dict[str, Any]:
        found = entry.entries.get(key)
        if found is None:
            return {"kind": "none"}
        node = found[1]
        if isinstance(node, Table):
            return {"kind": "inline", "items": [_said(node)]}
        if isinstance(node, Listing) and not _is_small(node):
            return {"kind": "list", "items": [_joined(one) for one in node.items]}
        if key in {"phone", "email", "slack"} and isinstance(node, Scalar):
            return self._address(node)
        return self.block(node)

    def _address(self, node: Scalar) -> dict[str, Any]:
        block = self._text(node) | {"text": node.text}
        block["is_open"] = block["is_open"] or is_placeholder(node.text)
        if not self._shows_contacts and not block["is_open"]:
            block["text"] = mask_any(node.text)
        return block

    def _contacts(self, node: Listing) -> dict[str, Any]:
        """The contacts by level, each level with its title."""
        tables = [one for one in node.items if isinstance(one, Table)]
        titles = {one.key: f"{one.key} {one.title}" for one in self._plan.levels}
        found: dict[str, list[tuple[str, Table]]] = {}
        for one in tables:
            level, key = _text_at(one, "level"), _text_at(one, "id")
            kept = {
                name: value
                for name, value in one.entries.items()
                if name not in {"id", "level"}
            }
            row = Table(entries=kept, span=one.span)
            found.setdefault(level, []).append((key, row))
        below = [
            {
                "key": level,
                "title": titles.get(level, level),
                "severity": "",
                "block": self._rows(rows),
            }
            for level, rows in found.items()
        ]
        return {"kind": "sections", "facts": [], "sections": below}

    def _escalation(self, node: Table) -> dict[str, Any]:
        """The matrix of all severities, and below it each ladder step by step."""
        below = [
            {
                "key": f"ladder-{key}",
                "title": self._severities.get(key, ""),
                "severity": self._severities.get(key, ""),
                "block": self.block(value),
            }
            for key, (_, value) in node.entries.items()
        ]
        return {
            "kind": "sections",
            "facts": [],
            "matrix": _matrix(self._plan),
            "sections": below,
        }


def _matrix(plan: Plan) -> dict[str, Any]:
    """Which step falls at which time, severity by severity (S3.2)."""
    keys = [one.key for one in plan.severities]
    times = {
        (step.since, step.after): describe(step.after) if step.after else "at once"
        for key in keys
        for step in plan.steps.get(key, ())
    }
    ordered = sorted(times, key=lambda one: (one[0] is Since.RESOLVED, one[1]))
    return {
        "columns": [{"key": one.key, "title": one.title} for one in plan.severities],
        "rows": [
            {
                "time": times[since, after],
                "since": "after the resolution" if since is Since.RESOLVED else "",
                "cells": [
                    [
                        step
                        for step in plan.steps.get(key, ())
                        if (step.since, step.after) == (since, after)
                    ]
                    for key in keys
                ],
            }
            for since, after in ordered
        ],
    }


def _is_small(node: Node) -> bool:
    """Whether a value fits beside its name."""
    match node:
        case Scalar():
            return True
        case Listing(items=items):
            return all(isinstance(one, Scalar) for one in items)
        case Table():
            return False


def _is_flat(node: Table) -> bool:
    """Whether each value of an entry fits into a cell."""
    return all(
        _is_small(value) or all(map(_is_row, _tables_in(value)))
        for _, value in node.entries.values()
    )


def _tables_in(node: Node) -> Sequence[Node]:
    """What of a value would have to fit into a line of its cell."""
    return node.items if isinstance(node, Listing) else [node]


def _is_row(node: Node) -> bool:
    if not isinstance(node, Table):
        return False
    return len(node.entries) <= 4 and all(
        _is_small(value) for _, value in node.entries.values()
    )


def _said(node: Table) -> str:
    """A small mapping in one line: "alertname: A or B, severity: critical"."""
    return ", ".join(
        f"{words(key).lower() if key.islower() else key}: {_joined(value)}"
        for key, (_, value) in node.entries.items()
    )


def _joined(node: Node) -> str:
    match node:
        case Scalar(text=text):
            return text
        case Listing(items=items):
            return " or ".join(_joined(one) for one in items)
        case Table():
            return _said(node)


def _text_at(node: Table, key: str) -> str:
    found = node.entries.get(key)
    return found[1].text if found is not None and isinstance(found[1], Scalar) else ""


def _ids_in(entry: Table) -> list[str]:
    texts = [
        _joined(entry.entries[key][1]) for key in _ONLY_IDS if key in entry.entries
    ]
    return sorted(set(_IDS.findall(" ".join(texts))))


def _ids_of(lines: tuple[str, ...], document: Document, key: str) -> tuple[str, ...]:
    """The ids that a section's text names, with the comment that stands above it."""
    starts = [place.span.line for place, _ in document.root.entries.values()]
    place, _ = document.root.entries[key]
    first = place.span.line
    later = [start for start in starts if start > first]
    last = _above(lines, min(later)) if later else len(lines) + 1
    text = "\n".join(lines[_above(lines, first) - 1 : last - 1])
    return tuple(dict.fromkeys(_IDS.findall(text)))[:24]


def _above(lines: tuple[str, ...], number: int) -> int:
    """The line at which the comment directly above a line begins."""
    while number > 1 and lines[number - 2].startswith("#"):
        number -= 1
    return number
