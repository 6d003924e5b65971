"""Rows: from the entries of a table to the values of a plan.

Where a row means in the plan what it says in the file, its fields have one name in
both, and only the key moves in.
"""

from collections.abc import Mapping
from typing import TypeVar

from watchbill.plan.sections.entry import Entry

_Row = TypeVar("_Row")


def row(kind: type[_Row], entry: Entry, **more: object) -> _Row:
    """Return a value with the fields of an entry, and those that only it has."""
    return kind(**{name: value for name, value in entry if name not in more}, **more)


def table(kind: type[_Row], entries: Mapping[str, Entry]) -> dict[str, _Row]:
    """Return the rows of a table, each with its key."""
    return {key: row(kind, entry, key=key) for key, entry in entries.items()}
