"""Draft: a plan while it is being read from a document, and where each value is from.

Values are text, as they will stand in the plan file. The first place that says
something wins; a later one that says otherwise is reported and not taken. What fills
a hole is a *guess*, with its reason and the decision that gives the default.

Every source line has one fate: *taken*, *guessed* when its meaning was a matter of
interpretation, or *unplaced*. A line of which nothing was said is unplaced, so that
nothing can be dropped silently.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from watchbill.plan.values import UnreadableError, parse_text

Tree = dict[str, "Value"]
Value = str | None | list["Value"] | Tree
"""A plan as plain mappings, lists and texts."""

Path = tuple[str | int, ...]


class Fate(StrEnum):
    """What became of a line of the document."""

    TAKEN = "taken"
    GUESSED = "guessed"
    UNPLACED = "unplaced"


_ORDER = (Fate.TAKEN, Fate.GUESSED, Fate.UNPLACED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """One thing that the import has to say."""

    fate: Fate
    #: The source line; None for a guess about which the document says nothing.
    line: int | None
    #: Where in the plan, such as ``severities.P1.response``; empty when nowhere.
    key: str = ""
    reason: str = ""
    #: Such as ``A21``; empty when the reading follows from the words.
    decision: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Because:
    """Why a value is a guess."""

    reason: str
    decision: str = ""


@dataclass(slots=True)
class Draft:
    """A plan in the making."""

    tree: Tree = field(default_factory=dict)
    lines: dict[Path, int] = field(default_factory=dict)
    guessed: dict[Path, Because] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)

    def put(
        self,
        path: Path,
        value: Value | list[str],
        line: int,
        because: Because | None = None,
    ) -> bool:
        """Set a value that a line says; False when another line said otherwise."""
        value = _cleaned(value)
        if value is None or value in ("", [], {}):
            return False
        before = self.get(path)
        if before is not None and path not in self.guessed:
            if before != value:
                self.unplaced(line, f"another line says {_key(path)} already", path)
            return before == value
        self._set(path, value)
        self.guessed.pop(path, None)
        self.lines[path] = line
        self.note(line, path, because)
        if because is not None:
            self.guessed[path] = because
        return True

    def note(self, line: int, path: Path, because: Because | None = None) -> None:
        """Say that a line stands for something of the plan."""
        fate = Fate.GUESSED if because else Fate.TAKEN
        self._remark(fate, line, path, because or Because(reason=""))

    def guess(self, path: Path, value: Value | list[str], because: Because) -> None:
        """Set a value of which the document says nothing, unless there is one."""
        value = _cleaned(value)
        if value is None or self.get(path) is not None:
            return
        self._set(path, value)
        self.guessed[path] = because
        self._remark(Fate.GUESSED, None, path, because)

    def unplaced(self, line: int, reason: str, path: Path = ()) -> None:
        """Say that something of a line has no place in the plan."""
        self._remark(Fate.UNPLACED, line, path, Because(reason=reason))

    def _remark(
        self, fate: Fate, line: int | None, path: Path, because: Because
    ) -> None:
        remark = Remark(
            fate=fate,
            line=line,
            key=_key(path),
            reason=because.reason,
            decision=because.decision,
        )
        if remark not in self.remarks[-20:]:
            self.remarks.append(remark)

    def get(self, path: Path) -> Value:
        """Return the value at a path; None when there is none."""
        found: Value = self.tree
        for step in path:
            if isinstance(found, dict):
                found = found.get(str(step))
            elif isinstance(found, list) and isinstance(step, int):
                found = found[step] if step < len(found) else None
            else:
                return None
        return found

    def table(self, *path: str) -> Tree:
        """Return the mapping at a path; an empty one when there is none."""
        found = self.get(path)
        return found if isinstance(found, dict) else {}

    def entries(self, *path: str) -> Iterator[tuple[str, Tree]]:
        """Yield the entries of the mapping at a path that are mappings."""
        for key, value in list(self.table(*path).items()):
            if isinstance(value, dict):
                yield key, value

    def text(self, *path: str) -> str:
        """Return the text at a path; empty when there is none."""
        found = self.get(path)
        return found if isinstance(found, str) else ""

    def fresh(self, path: Path, key: str) -> str:
        """Return a key that the mapping at a path does not have yet."""
        taken = self.get(path)
        names = taken if isinstance(taken, dict) else {}
        number, fresh = 1, key
        while fresh in names:
            number += 1
            fresh = f"{key[:58]}_{number}"
        return fresh

    def _set(self, path: Path, value: Value) -> None:
        place = self.tree
        for step in path[:-1]:
            inner = place.get(str(step))
            if not isinstance(inner, dict):
                inner = {}
                place[str(step)] = inner
            place = inner
        place[str(path[-1])] = value

    def fate_of(self, line: int) -> Fate | None:
        """Return what became of a line, None when nothing was said of it."""
        fates = {one.fate for one in self.remarks if one.line == line}
        return max(fates, key=_ORDER.index, default=None)


def _key(path: Path) -> str:
    return ".".join(str(step) for step in path)


def _cleaned(value: Value | list[str]) -> Value:
    """The value with texts that a plan can hold: one line, of bounded length."""
    if isinstance(value, str):
        try:
            return parse_text(value[:1000])
        except UnreadableError:
            return None
    if isinstance(value, list):
        return [kept for one in value if (kept := _cleaned(one)) is not None]
    if isinstance(value, dict):
        return {key: _cleaned(one) for key, one in value.items() if one is not None}
    return None


_FORBIDDEN = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)


def printable(text: str) -> str:
    """Return the text with a space for each character that a plan cannot hold."""
    return _FORBIDDEN.sub(" ", text)
