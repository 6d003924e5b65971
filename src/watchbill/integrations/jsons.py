"""JSON from strangers: decoded within limits, and looked into by paths.

Whatever the bytes are, decoding ends in a value or in a `PayloadError` that says
where: deep nesting, numbers beyond all bounds and text that is not UTF-8 included. Of a
key that is given twice the last one holds. Half a surrogate becomes U+FFFD, because
senders written in JavaScript cut long texts in the middle of an emoji, and an alert is
not lost for that.

A *path* is a small part of JSONPath, and all of it: ``a.b``, ``a[0]``,
``["a key. with dots"]``, and ``[*]`` for all of a list. There are no expressions, no
filters and no patterns, because people type paths into a form and they run where
pages are decided. A path that begins with ``$`` counts from the whole document, any
other from the item that is looked at. What is null or empty is not there.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, TypeVar

import msgspec

from watchbill.integrations.contract import PayloadError
from watchbill.integrations.text import one_line, shorten

MAX_STEPS: Final = 20
MAX_PATH: Final = 300
"""Longer paths than these lead nowhere that a source would put anything."""

_HALF = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)
_BOM = b"\xef\xbb\xbf"
_T = TypeVar("_T")
_any = msgspec.json.Decoder(Any)

HOLE: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")
"""A path in a text, which is group 1, or a brace that is written twice."""
#: What is longer is cut before it is looked at; no part of a signal is so long.
_ENOUGH = 20_000

_STEP = re.compile(
    r"""\["(?P<quoted>[^"]+)"\] | \[(?P<index>\d{1,6})\] | (?P<all>\[\*\])
    | \.(?P<name>[^\s.\[\]{}"$]+)""",
    re.VERBOSE,
)
_LENGTH = re.compile(r"([1-9][0-9]{0,4})([mhd])")
_SPANS = {"m": "minutes", "h": "hours", "d": "days"}
_SHORTEST, _LONGEST = timedelta(minutes=1), timedelta(days=90)
_NUMBER = re.compile(r"[0-9]{1,20}(\.[0-9]{1,9})?")
#: Epoch seconds, milliseconds, microseconds and nanoseconds by their size: each
#: bound is the year 5138 in its unit, and the year 1973 in the next one.
_UNITS = ((1e11, 1), (1e14, 1e3), (1e17, 1e6), (1e20, 1e9))


def decode(body: bytes, *, hint: str) -> object:
    """Return the value of a JSON text, or raise `PayloadError`."""
    return decode_as(_any, body, hint=hint)


def decode_as(decoder: msgspec.json.Decoder[_T], body: bytes, *, hint: str) -> _T:
    """Return what a decoder makes of a JSON text, or raise `PayloadError`."""
    try:
        return _decode(decoder, body.removeprefix(_BOM))
    except RecursionError:
        raise PayloadError(
            where="$", problem="the JSON is nested too deeply", hint=hint
        ) from None
    except ValueError as error:  # of msgspec, or a UnicodeDecodeError
        problem, _, where = str(error).partition(" - at `")
        raise PayloadError(
            where=where.rstrip("`") or "$",
            problem=shorten(one_line(problem), 200),
            hint=hint,
        ) from None


def _decode(decoder: msgspec.json.Decoder[_T], body: bytes) -> _T:
    try:
        return decoder.decode(body)
    except msgspec.DecodeError:
        repaired, count = _HALF.subn(rb"\\ufffd", body)
        if not count:
            raise
        return decoder.decode(repaired)


def decode_object(body: bytes, *, hint: str) -> dict[str, Any]:
    """Return the object that a JSON text is, or raise `PayloadError`."""
    value = decode(body, hint=hint)
    if not isinstance(value, dict):
        raise PayloadError(where="$", problem="expected a JSON object", hint=hint)
    return value


class PathError(ValueError):
    """A path is not written as paths are."""


class _All:
    """The step ``[*]``."""


ALL: Final = _All()


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """A path that has been read."""

    steps: tuple[str | int | _All, ...]
    #: Whether it counts from the whole document.
    is_absolute: bool

    @property
    def has_all(self) -> bool:
        """Whether it may lead to many values."""
        return ALL in self.steps


@lru_cache(maxsize=4096)
def read_path(text: str) -> Path:
    """Return the path that a text spells, or raise `PathError`."""
    if len(text) > MAX_PATH:
        raise PathError(f"a path has at most {MAX_PATH} characters")
    is_absolute = text.startswith("$")
    rest = text[1:] if is_absolute else text
    if not is_absolute and rest and not rest.startswith(("[", ".")):
        rest = f".{rest}"
    steps: list[str | int | _All] = []
    position = 0
    while position < len(rest):
        found = _STEP.match(rest, position)
        if found is None:
            raise PathError(f'cannot read the path at "{shorten(rest[position:], 40)}"')
        steps.append(_step(found))
        position = found.end()
    if not steps and not is_absolute:
        raise PathError("a path names at least one field")
    if len(steps) > MAX_STEPS:
        raise PathError(f"a path has at most {MAX_STEPS} steps")
    return Path(steps=tuple(steps), is_absolute=is_absolute)


def _step(found: re.Match[str]) -> str | int | _All:
    if found["all"]:
        return ALL
    if found["index"]:
        return int(found["index"])
    return found["quoted"] or found["name"]


def spell(steps: tuple[str | int | _All, ...], *, start: str = "$") -> str:
    """Return the text of a path, as people would type it."""
    text = start
    for step in steps:
        if isinstance(step, str):
            is_plain = _STEP.fullmatch(f".{step}") is not None
            text += f".{step}" if is_plain else f'["{step}"]'
        else:
            text += f"[{step}]" if isinstance(step, int) else "[*]"
    return text if start else text.removeprefix(".")


def look(path: Path, document: object, item: object) -> object | None:
    """Return what a path without ``[*]`` leads to, or None."""
    value: object = document if path.is_absolute else item
    for step in path.steps:
        if isinstance(step, str) and isinstance(value, dict):
            value = value.get(step)
        elif isinstance(step, int) and isinstance(value, list):
            value = value[step] if step < len(value) else None
        else:
            return None
    return None if value in (None, "", [], {}) else value


def look_for_all(path: Path, document: object) -> Iterator[tuple[str, object]]:
    """Return all that a path leads to, each with the text of its own path."""
    return _walk(path.steps, document, "$")


def _walk(
    steps: tuple[str | int | _All, ...], value: object, at: str
) -> Iterator[tuple[str, object]]:
    if not steps:
        yield at, value
        return
    first, rest = steps[0], steps[1:]
    if isinstance(first, _All):
        for index, one in enumerate(value if isinstance(value, list) else ()):
            yield from _walk(rest, one, f"{at}[{index}]")
        return
    path = Path(steps=(first,), is_absolute=True)
    found = look(path, value, value)
    if found is not None:
        yield from _walk(rest, found, spell((first,), start=at))


def text_of(value: object) -> str:
    """Return a value as people read it; nested ones as JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    if isinstance(value, list) and not any(isinstance(v, list | dict) for v in value):
        return ", ".join(filter(None, map(text_of, value)))
    # Nesting that could be decoded may still be too deep to be written again.
    with suppress(RecursionError):
        return msgspec.json.encode(value).decode()
    return ""


def text_at(document: object, *names: str) -> str:
    """Return the text at nested names, empty when there is none."""
    path = Path(steps=names, is_absolute=True)
    return text_of(look(path, document, document))


def object_at(document: object, *names: str) -> dict[str, Any]:
    """Return the object at nested names, empty when there is none."""
    path = Path(steps=names, is_absolute=True)
    value = look(path, document, document)
    return value if isinstance(value, dict) else {}


def instant_of(value: object) -> datetime | None:
    """Return an instant in UTC, or None for what is none.

    Takes ISO 8601 and RFC 3339, without an offset as UTC, and epoch numbers, also as
    text, in seconds to nanoseconds. The years 1 and 9999 stand for "none" and "never".
    """
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _of_epoch(value)
    if not isinstance(value, str):
        return None
    with suppress(ValueError):
        text = value.strip().removesuffix(" UTC").removesuffix(" (UTC)")
        instant = datetime.fromisoformat(text)
        if not 1 < instant.year < 9999:
            return None
        return (
            instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
        )
    return None


def _of_epoch(value: float) -> datetime | None:
    for bound, unit in _UNITS:
        if 0 < value < bound:
            return datetime.fromtimestamp(value / unit, UTC)
    return None


def duration_of(value: object) -> timedelta | None:
    """Return a length from 1m to 90d, or None for what is none."""
    found = _LENGTH.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    length = timedelta(**{_SPANS[found[2]]: int(found[1])})
    return length if _SHORTEST <= length <= _LONGEST else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a field of a report was read from; an empty path for from nothing."""

    field: str
    path: str
    value: str


@dataclass(frozen=True, slots=True)
class Looker:
    """Looks places up for one item, and keeps what it found where."""

    document: object
    item: object
    at: str
    #: Texts of the whole document, which are the same for every item.
    shared: dict[str, tuple[str, object]]
    found: list[Found] = field(default_factory=list)

    def value(self, place: object, name: str) -> object:
        """Return what the first path of a place leads to."""
        paths = place if isinstance(place, list) else [place]
        for path in paths:
            text, value = self._look(str(path))
            if text.strip():
                self._note(name, self._spelt(str(path)), text)
                return value
        self._note(name, "", "")
        return None

    def text(self, place: object, name: str) -> str:
        """Return the text that the first path of a place leads to."""
        return text_of(self.value(place, name))[:_ENOUGH]

    def fill(self, template: object, name: str) -> tuple[str, bool]:
        """Return a text with its holes filled, and whether none stayed empty."""
        filled: list[bool] = []

        def replace(hole: re.Match[str]) -> str:
            if hole[1] is None:
                return hole[0][0]
            text = self.text(hole[1].strip(), name)
            filled.append(bool(text))
            return text

        text = HOLE.sub(replace, str(template))[:_ENOUGH]
        return text, all(filled)

    def given(self, source: object, name: str) -> str:
        """Return the value of a field: a place, or a text with holes."""
        if isinstance(source, dict):
            text, _ = self.fill(source["text"], name)
            return text
        return self.text(source, name)

    def _look(self, text: str) -> tuple[str, object]:
        path = read_path(text)
        if not path.is_absolute:
            return self._read(path)
        if text not in self.shared:
            self.shared[text] = self._read(path)
        return self.shared[text]

    def _read(self, path: Path) -> tuple[str, object]:
        value = look(path, self.document, self.item)
        text = text_of(value)[:_ENOUGH]
        return text, value if isinstance(value, dict) else text

    def _spelt(self, text: str) -> str:
        path = read_path(text)
        return spell(path.steps, start="$" if path.is_absolute else self.at)

    def _note(self, name: str, path: str, text: str) -> None:
        value = shorten(one_line(text[:1_000]), 200)
        self.found.append(Found(field=name, path=one_line(path), value=value))
