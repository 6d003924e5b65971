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
    """The keys of one object, which remembers those that were asked for.

    The objects within it are remembered with it, so that what nobody read of them is
    known as well.
    """

    content: Mapping[str, Any]
    place: str
    asked: set[str] = field(default_factory=set)
    #: Whether the report has said of it, by itself, what was not read.
    is_noted: bool = False
    _inner: dict[str, "Fields"] = field(default_factory=dict)
    #: Values of another kind than was asked for.
    _odd: set[str] = field(default_factory=set)

    def get(self, *names: str) -> Any:
        """Return the first of the values that is there."""
        return self._found(names)[1]

    def _found(self, names: Sequence[str]) -> tuple[str, Any]:
        self.asked.update(names)
        found = ((name, self.content.get(name)) for name in names)
        return next((one for one in found if one[1] is not None), (names[0], None))

    def text(self, *names: str) -> str:
        """Return a text on one line; empty without one."""
        name, found = self._found(names)
        if isinstance(found, int | float) and not isinstance(found, bool):
            found = str(found)
        if isinstance(found, str):
            return clean(found)
        self._expect(name, found, is_right=False)
        return ""

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
        name, rows = self._rows(names, dict)
        return tuple(self._within(f"{name}[{at}]", one) for at, one in rows)

    def one(self, *names: str) -> "Fields":
        """Return an object; an empty one where there is none."""
        name, found = self._found(names)
        self._expect(name, found, is_right=isinstance(found, dict))
        return self._within(name, found if isinstance(found, dict) else {})

    def reference(self, *names: str) -> "Fields":
        """Return an object that names another, whose labels say nothing more."""
        found = self.one(*names)
        found.ignore(*LABELS)
        return found

    def texts(self, *names: str) -> tuple[str, ...]:
        """Return the texts of a list."""
        _, rows = self._rows(names, str)
        return tuple(text for _, one in rows if (text := clean(one)))

    def ignore(self, *names: str) -> None:
        """Say that keys are known and of no use to a plan."""
        self.asked.update(names)

    @property
    def unread(self) -> frozenset[str]:
        """The keys with a value that nobody asked for, with those of objects within."""
        found = {
            name
            for name, value in self.content.items()
            if name not in self.asked and value not in (None, "", [], {}, False)
        }
        for path, inner in self._inner.items():
            if not inner.is_noted:
                kind = re.sub(r"\[\d+\]$", "[]", path)
                found.update(f"{kind}.{name}" for name in inner.unread)
        return frozenset(found | self._odd)

    def _rows(self, names: Sequence[str], kind: type) -> tuple[str, list[Any]]:
        """The values of one kind in a list, each with its place in it."""
        name, found = self._found(names)
        self._expect(name, found, is_right=isinstance(found, list))
        rows = list(enumerate(found)) if isinstance(found, list) else []
        for _, one in rows:
            self._expect(f"{name}[]", one, is_right=isinstance(one, kind))
        return name, [(at, one) for at, one in rows if isinstance(one, kind)]

    def _within(self, path: str, content: Mapping[str, Any]) -> "Fields":
        place = f"{self.place}.{path}"
        return self._inner.setdefault(path, Fields(content, place))

    def _expect(self, name: str, found: object, *, is_right: bool) -> None:
        if not is_right and found not in (None, "", [], {}, False):
            self._odd.add(name)


LABELS = (
    "id",
    "type",
    "name",
    "username",
    "email",
    "summary",
    "self",
    "html_url",
    "links",
)
"""What products write of an object where they only name it."""


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
        """Note the keys of an object, and within it, that were not asked for."""
        fields.is_noted = True
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
                because="nothing is made of " + ", ".join(sorted(names)),
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
        for key, place, content in _objects(decoded(body, name=name), name, notes):
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


_ENVELOPE = frozenset(
    {"limit", "offset", "total", "more", "took", "requestId", "count", "next"}
    | {"previous", "current_page_number", "page_size", "total_pages", "paging"}
)
"""Keys of API answers that count what they hold."""


def _objects(
    document: object, name: str, notes: Notes
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
    listed = [
        key
        for key, value in document.items()
        if isinstance(value, list | dict) and key not in _ENVELOPE
    ]
    is_object = any(one in document for one in ("id", "_parent", "alias"))
    if is_object or not listed:
        yield "", name, document
        return
    whole = Fields(document, name)
    whole.ignore(*listed, *_ENVELOPE)
    notes.unread("file", whole)
    if _is_page(document) or any(_is_page(document[key]) for key in listed):
        because = "it is one page of several; give the others too"
        notes.guessed("file", clean(name), because)
    for key in listed:
        rows = document[key]
        if isinstance(rows, dict):
            rows = rows["nodes"] if isinstance(rows.get("nodes"), list) else [rows]
        kind = "" if key in _WRAPPERS else clean(key)
        yield from _rows(kind, f"{name}: {clean(key)}", rows)


def _is_page(answer: object) -> bool:
    """Whether an API says that there is more than it answered."""
    if not isinstance(answer, dict):
        return False
    paging, info = answer.get("paging"), answer.get("pageInfo")
    return (
        answer.get("more") is True
        or bool(answer.get("next"))
        or (isinstance(paging, dict) and bool(paging.get("next")))
        or (isinstance(info, dict) and info.get("hasNextPage") is True)
    )


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
