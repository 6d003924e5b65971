"""Reading exports: JSON in, objects with a place out, and every key accounted for.

An export may be one document with a list for each kind of object, or answers of the
product's API as they came, one a file. A list whose kind nothing names is sorted by
what its objects look like. An object that cannot be read is dropped with the place and
the reason and takes nothing else with it; only a file in which nothing can be found is
an error.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from watchbill.migrate.report import Entry, Outcome
from watchbill.plan.values import UnreadableError, parse_email, parse_phone, parse_zone

_LONGEST = 200
_YEARS = range(2000, 2101)


class ExportError(ValueError):
    """A file in which nothing can be found; the message says where and why."""


class FieldError(ValueError):
    """An object that cannot be taken; the message says why."""


@dataclass(slots=True)
class Fields:
    """The keys of one object, which remembers those that were asked for."""

    content: Mapping[str, Any]
    place: str
    asked: set[str] = field(default_factory=set)

    def get(self, *names: str) -> Any:
        """Return the first of the values that is there."""
        self.asked.update(names)
        found = (self.content.get(name) for name in names)
        return next((one for one in found if one is not None), None)

    def text(self, *names: str) -> str:
        """Return a text on one line; empty without one."""
        found = self.get(*names)
        if isinstance(found, int | float) and not isinstance(found, bool):
            found = str(found)
        return clean(found) if isinstance(found, str) else ""

    def required(self, *names: str) -> str:
        """Return a text; FieldError without one."""
        found = self.text(*names)
        if not found:
            message = f"it has no {names[0]}"
            raise FieldError(message)
        return found

    def number(self, *names: str, default: int | None = None) -> int:
        """Return a whole number that is not negative; FieldError without one."""
        found = self.get(*names)
        if found is None and default is not None:
            return default
        if isinstance(found, bool) or not isinstance(found, int | float):
            message = f"its {names[0]} is not a number"
            raise FieldError(message)
        if found != found or not 0 <= found <= 10**9 or found != int(found):
            message = f"its {names[0]} is not a whole number from 0 to a billion"
            raise FieldError(message)
        return int(found)

    def instant(self, *names: str, zone: ZoneInfo | None = None) -> datetime:
        """Return an instant; one without offset is read in ``zone``, else in UTC."""
        found = self.instant_or_none(*names, zone=zone)
        if found is None:
            message = f"it has no {names[0]}"
            raise FieldError(message)
        return found

    def instant_or_none(
        self, *names: str, zone: ZoneInfo | None = None
    ) -> datetime | None:
        """Return an instant, None without one; FieldError when it cannot be read."""
        found = self.get(*names)
        if found is None or found == "":
            return None
        try:
            read = datetime.fromisoformat(found)
            aware = read if read.tzinfo else read.replace(tzinfo=zone or UTC)
            at = aware.astimezone(UTC)
        except (TypeError, ValueError, OverflowError):
            message = f"its {names[0]} is not a time: {clean(str(found))[:40]}"
            raise FieldError(message) from None
        if at.year not in _YEARS:
            message = f"its {names[0]} is not between 2000 and 2100"
            raise FieldError(message)
        return at.replace(microsecond=0)

    def zone(self, *names: str) -> ZoneInfo:
        """Return a time zone; FieldError when there is none of that name."""
        try:
            return parse_zone(self.required(*names))
        except UnreadableError as error:
            raise FieldError(error.message) from None

    def items(self, *names: str) -> tuple["Fields", ...]:
        """Return the objects of a list, which is empty when there is none."""
        found = self.get(*names)
        rows = found if isinstance(found, list) else []
        return tuple(
            Fields(one, f"{self.place}.{names[0]}[{number}]")
            for number, one in enumerate(rows)
            if isinstance(one, dict)
        )

    def one(self, *names: str) -> "Fields":
        """Return an object; an empty one where there is none."""
        found = self.get(*names)
        return Fields(found if isinstance(found, dict) else {}, self.place)

    def texts(self, *names: str) -> tuple[str, ...]:
        """Return the texts of a list."""
        found = self.get(*names)
        rows = found if isinstance(found, list) else []
        return tuple(clean(one) for one in rows if isinstance(one, str) and clean(one))

    def ignore(self, *names: str) -> None:
        """Say that keys are known and of no use to a plan."""
        self.asked.update(names)

    @property
    def unread(self) -> frozenset[str]:
        """The keys with a value that nobody asked for."""
        return frozenset(
            name
            for name, value in self.content.items()
            if name not in self.asked and value not in (None, "", [], {}, False)
        )


class Notes:
    """What becomes of each object, while it is read."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._unread: dict[str, set[str]] = {}

    def taken(self, kind: str, name: str, place: str) -> None:
        """Note an object that the plan will say as it is."""
        self._add(Outcome.TAKEN, kind, name, "", place)

    def guessed(self, kind: str, name: str, because: str, place: str = "") -> None:
        """Note an object of which the plan says something near."""
        self._add(Outcome.GUESSED, kind, name, because, place)

    def dropped(self, kind: str, name: str, because: str, place: str = "") -> None:
        """Note an object that the plan does not say."""
        self._add(Outcome.DROPPED, kind, name, because, place)

    def unread(self, kind: str, fields: Fields) -> None:
        """Note the keys of an object that were not asked for."""
        if fields.unread:
            self._unread.setdefault(kind, set()).update(map(clean, fields.unread))

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Everything noted, each kind's unread keys at the end."""
        rest = (
            Entry(
                outcome=Outcome.DROPPED,
                kind="keys",
                name=f"of {kind}",
                because="a plan has no place for " + ", ".join(sorted(names)),
            )
            for kind, names in sorted(self._unread.items())
        )
        return (*self._entries, *rest)

    def _add(
        self, outcome: Outcome, kind: str, name: str, because: str, place: str
    ) -> None:
        self._entries.append(
            Entry(outcome=outcome, kind=kind, name=name, because=because, place=place)
        )


Signs = Mapping[str, Callable[[Mapping[str, Any]], bool]]
"""By kind: whether an object that no key names is of that kind, the first that fits."""


def sorted_out(
    files: Mapping[str, bytes], signs: Signs, notes: Notes
) -> dict[str, list[Fields]]:
    """Return the objects of some files by kind; ExportError when there are none."""
    found: dict[str, list[Fields]] = {kind: [] for kind in signs}
    for name, body in files.items():
        for key, place, content in _objects(decoded(body, name=name), name):
            kind = key if key in signs else _kind_of(content, signs)
            if kind is None:
                notes.dropped("object", key or "without a name", _UNKNOWN, place)
            else:
                found[kind].append(Fields(content, place))
    if not any(found.values()):
        names = ", ".join(files)
        message = f"{names}: nothing here is one of {', '.join(signs)}"
        raise ExportError(message)
    return found


_UNKNOWN = "this importer does not know what it is"


def decoded(body: bytes, *, name: str) -> object:
    """Return the JSON of a file; ExportError when it is none."""
    try:
        return json.loads(body.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        message = f"{name}: byte {error.start} is not UTF-8"
        raise ExportError(message) from None
    except json.JSONDecodeError as error:
        message = f"{name}:{error.lineno}:{error.colno}: not JSON: {error.msg}"
        raise ExportError(message) from None
    except (RecursionError, ValueError):
        message = f"{name}: its values are nested too deep, or a number is too long"
        raise ExportError(message) from None


_WRAPPERS = frozenset({"data", "results", "nodes"})
"""Keys of API answers that say nothing of what they hold."""


def _objects(
    document: object, name: str
) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    if isinstance(document, list):
        yield from _rows("", name, document)
        return
    if not isinstance(document, dict):
        message = f"{name}: it holds neither a list nor an object"
        raise ExportError(message)
    inner = document.get("data")
    if isinstance(inner, dict) and set(document) <= {"data", "errors", "extensions"}:
        document = inner  # the answer of a GraphQL query
    listed = [key for key, value in document.items() if isinstance(value, list | dict)]
    is_object = any(one in document for one in ("id", "_parent", "alias"))
    if is_object or not listed:
        yield "", name, document
        return
    for key in listed:
        rows = document[key]
        if isinstance(rows, dict):
            rows = rows["nodes"] if isinstance(rows.get("nodes"), list) else [rows]
        kind = "" if key in _WRAPPERS else clean(key)
        yield from _rows(kind, f"{name}: {clean(key)}", rows)


def _rows(
    key: str, place: str, rows: Sequence[object]
) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for number, one in enumerate(rows):
        if isinstance(one, dict):
            yield key, f"{place}[{number}]", one


def _kind_of(content: Mapping[str, Any], signs: Signs) -> str | None:
    return next((kind for kind, fits in signs.items() if fits(content)), None)


def clean(text: str) -> str:
    """Return a text on one line, without what cannot be shown, at most 200 long."""
    shown = "".join(
        " " if unicodedata.category(one) in {"Cc", "Zl", "Zp"} else one
        for one in text[: 4 * _LONGEST]
        if unicodedata.category(one) != "Cs"
    )
    return " ".join(shown.split())[:_LONGEST].strip()


def email_of(text: str) -> str | None:
    """Return an e-mail address, None when it is none."""
    try:
        return parse_email(text) if text else None
    except UnreadableError:
        return None


def phone_of(text: str) -> str | None:
    """Return a phone number in E.164, None when it is none or has no country."""
    digits = re.sub(r"[^0-9]", "", text)
    if not text.strip().startswith("+") or not digits:
        return None
    try:
        return parse_phone("+" + digits)
    except UnreadableError:
        return None


def wall_of(text: str) -> time:
    """Return the wall time of ``08:00:00``; FieldError when it is none."""
    try:
        found = time.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.second or found.microsecond:
        message = f"{text} is not a time of day to the minute"
        raise FieldError(message)
    return found.replace(tzinfo=None)
