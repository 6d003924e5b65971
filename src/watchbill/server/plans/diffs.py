"""The difference between two versions, line by line and side by side.

Lines that stay are folded but for a few around each change. In a line that changed
a little, the words that did are marked.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

from watchbill.plan import InvalidPlanError
from watchbill.plan.diff import Diff, diff
from watchbill.server.plans import queries

AROUND = 3
"""Unchanged lines shown before and after a change."""

_LONG = 4000
"""Lines above which frequent ones no longer help to find what belongs together."""

_LONGEST_LINE = 400
"""Characters above which the words of a line are not compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Some words of a line, and whether they changed."""

    text: str
    is_changed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A line on one side."""

    number: int
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of the comparison, or the lines folded in its place."""

    #: "same", "changed", "removed", "added" or "folded".
    kind: str
    old: Side | None = None
    new: Side | None = None
    folded: int = 0


def compare(old: str, new: str, *, whole: bool = False) -> list[Row]:
    """Return the rows of a comparison; all of them when the ``whole`` is wanted."""
    before, after = old.split("\n"), new.split("\n")
    is_long = max(len(before), len(after)) > _LONG
    matcher = SequenceMatcher(a=before, b=after, autojunk=is_long)
    rows: list[Row] = []
    opcodes = matcher.get_opcodes()
    for place, (tag, i1, i2, j1, j2) in enumerate(opcodes):
        if tag == "equal":
            same = [
                Row(
                    kind="same",
                    old=_side(i1 + offset, before[i1 + offset]),
                    new=_side(j1 + offset, before[i1 + offset]),
                )
                for offset in range(i2 - i1)
            ]
            rows += (
                same
                if whole
                else _folded(
                    same, is_first=place == 0, is_last=place + 1 == len(opcodes)
                )
            )
        else:
            rows += _changed(before, after, (i1, i2, j1, j2))
    return rows


def counts(rows: list[Row]) -> tuple[int, int]:
    """Return how many lines were added and how many removed."""
    added = sum(1 for one in rows if one.kind in {"added", "changed"})
    removed = sum(1 for one in rows if one.kind in {"removed", "changed"})
    return added, removed


def _folded(same: list[Row], *, is_first: bool, is_last: bool) -> list[Row]:
    head = 0 if is_first else AROUND
    tail = 0 if is_last else AROUND
    hidden = len(same) - head - tail
    if hidden <= 1:
        return same
    fold = Row(kind="folded", folded=hidden)
    return [*same[:head], fold, *same[len(same) - tail :]]


def _changed(
    before: list[str], after: list[str], place: tuple[int, int, int, int]
) -> Iterator[Row]:
    i1, i2, j1, j2 = place
    for offset in range(max(i2 - i1, j2 - j1)):
        i, j = i1 + offset, j1 + offset
        if i < i2 and j < j2:
            old, new = _marked(before[i], after[j])
            yield Row(
                kind="changed",
                old=Side(number=i + 1, pieces=old),
                new=Side(number=j + 1, pieces=new),
            )
        elif i < i2:
            yield Row(kind="removed", old=_side(i, before[i]))
        else:
            yield Row(kind="added", new=_side(j, after[j]))


def _side(place: int, text: str) -> Side:
    return Side(number=place + 1, pieces=(Piece(text=text),))


def _marked(old: str, new: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """Both lines in pieces; whole when they have too little in common."""
    if max(len(old), len(new)) > _LONGEST_LINE:
        return (Piece(text=old),), (Piece(text=new),)
    left, right = re.findall(r"\w+|\W", old), re.findall(r"\w+|\W", new)
    matcher = SequenceMatcher(a=left, b=right, autojunk=False)
    if matcher.ratio() < 0.5:
        return (Piece(text=old),), (Piece(text=new),)
    olds, news = [], []
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        olds.append(Piece(text="".join(left[i1:i2]), is_changed=tag != "equal"))
        news.append(Piece(text="".join(right[j1:j2]), is_changed=tag != "equal"))
    return _with_text(olds), _with_text(news)


def _with_text(pieces: list[Piece]) -> tuple[Piece, ...]:
    return tuple(one for one in pieces if one.text)


@lru_cache(maxsize=32)
def for_people(old: int, new: int) -> Diff | None:
    """Return what changes for people; None where a version no longer loads.

    Versions never change, so that each pair is compared once a process.
    """
    try:
        return diff(queries.loaded_of(old), queries.loaded_of(new))
    except InvalidPlanError:
        return None
