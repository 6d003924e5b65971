"""The field mapper: where a source's posts keep what a signal needs.

A mapping is a JSON object that people write, or have proposed from a sample
(`samples.py`). It turns any JSON body into reports without code::

    {
      "each": "$.alerts[*]",                        one report for each of these
      "title": "{rule.name} on {host}",
      "fingerprint": ["rule.id", ["alert.id", "alert.key"]],
      "status": {"from": "state", "resolved": ["OK"], "acknowledged": ["ack"]},
      "severity": {"from": "level", "map": {"sev1": "critical"}, "default": "warning"},
      "labels": {"*": "labels", "service": "svc.name", "team": {"text": "core"}},
      "annotations": {"description": "message"},
      "links": {"dashboard": "url", "logs": {"text": "https://kibana.example/{id}"}},
      "starts_at": "date", "ends_at": "ended", "ends_after": "4h"
    }

Wherever a value is looked for, a *place* is a path (`jsons.py`) or a list of paths of
which the first that leads to anything counts. Texts hold ``{path}`` and nothing more
powerful; what is not there is empty, and ``{{`` is a brace. The name ``*`` takes all
of an object; a name given beside it wins.

``fingerprint`` is what makes two posts be about one condition, and all of its places
must be there: a post without them is refused, because a mapping that missed would
otherwise pour every alert of the source into one (wire formats §5.7). A state that is
in no list fires, since a page too many is better than one too few; values are compared
without regard to case. ``ends_after`` is for sources that never say that it is over.

A source may come with a mapping of its own, a *preset*, which holds until people save
theirs; the two options that all such sources share then change it.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from watchbill.core.alerts import Act, ActKind, AlertStatus, Signal
from watchbill.integrations.contract import PayloadError
from watchbill.integrations.jsons import (
    HOLE,
    Found,
    Looker,
    PathError,
    decode,
    duration_of,
    instant_of,
    look_for_all,
    read_path,
    spell,
    text_of,
)
from watchbill.integrations.sources import Config, Option, Reading
from watchbill.integrations.text import (
    ANNOTATION,
    LABEL,
    SEVERITIES,
    annotations_of,
    identity,
    labels_of,
    links_of,
    one_line,
    severity_of,
    shorten,
    title_of,
)

HINT: Final = "Look at the sample on the integration's page and correct the mapping."
#: Reports of one post.
MAX_ITEMS: Final = 5_000
MAX_FIELDS: Final = 50
MAX_PLACES: Final = 20
MAX_TEXT: Final = 2_000

_STATES = ("firing", "resolved", "acknowledged", "ignored")


class UnmappedError(PayloadError):
    """A body in which the mapping finds nothing to tell of.

    The sender is not at fault, and the post can be read again when the mapping has
    been corrected; so it should be kept, and set aside where people see it.
    """


# ── Presets ───────────────────────────────────────────────────────────────────────


def severity_option(default: str) -> Option:
    """Return the option that says how bad is what a source does not rate."""
    return Option(
        name="severity",
        help="How bad an alert is when the post does not say.",
        default=default,
        choices=SEVERITIES,
    )


ENDS_AFTER = Option(
    name="ends_after",
    help='When an alert ends that is not repeated, such as "4h"; empty for never.',
)


def choose(preset: Mapping[str, object], config: Config) -> Mapping[str, object]:
    """Return the mapping that people have saved, or the preset with their options."""
    if config.mapping is not None:
        return config.mapping
    mapping = dict(preset)
    severity = mapping.get("severity", {})
    if chosen := config.options.get("severity"):
        mapping["severity"] = {
            **(severity if isinstance(severity, dict) else {"from": severity}),
            "default": chosen,
        }
    if ends_after := config.options.get(ENDS_AFTER.name):
        mapping["ends_after"] = ends_after
    return mapping


# ── Checking ──────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong with a mapping, and where in it."""

    where: str
    text: str


def check(mapping: object) -> list[Problem]:
    """Return what is wrong with a mapping; nothing when it can be used."""
    return [
        Problem(where=shorten(one_line(where), 200), text=shorten(one_line(text), 500))
        for where, text in _problems(mapping)
    ]


_Found = Iterator[tuple[str, str]]


def _problems(mapping: object) -> _Found:
    if not isinstance(mapping, dict):
        yield "$", "a mapping is a JSON object"
        return
    yield from _check_keys(mapping, "$", _CHECKS.keys())
    for name in ("title", "fingerprint"):
        if name not in mapping:
            yield f"$.{name}", "is required"
    for name, check_one in _CHECKS.items():
        if name in mapping:
            yield from check_one(mapping[name], f"$.{name}")


def _check_keys(value: Mapping[str, object], where: str, known: Set[str]) -> _Found:
    for name in value.keys() - known:
        text = f"unknown key; the keys are {', '.join(sorted(known))}"
        yield spell((str(name),), start=where), text


def _check_each(value: object, where: str) -> _Found:
    try:
        is_absolute = read_path(str(value)).is_absolute
    except PathError as error:
        yield where, str(error)
        return
    if not is_absolute:
        yield where, 'begins with "$", the whole document'


def _check_path(value: object, where: str) -> _Found:
    if not isinstance(value, str):
        yield where, "a path is a text"
        return
    try:
        path = read_path(value)
    except PathError as error:
        yield where, str(error)
        return
    if path.has_all:
        yield where, '"[*]" is allowed in "each" only'


def _check_place(value: object, where: str) -> _Found:
    if not isinstance(value, list):
        yield from _check_path(value, where)
        return
    if not 1 <= len(value) <= MAX_PLACES:
        yield where, f"has 1 to {MAX_PLACES} paths"
    for index, one in enumerate(value[:MAX_PLACES]):
        yield from _check_path(one, f"{where}[{index}]")


def _check_text(value: object, where: str) -> _Found:
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_TEXT:
        yield where, f"is a text of 1 to {MAX_TEXT} characters"
        return
    for hole in HOLE.finditer(value):
        if hole[1] is not None:
            yield from _check_path(hole[1].strip(), where)
    if re.search(r"[{}]", HOLE.sub("", value)):
        yield where, "has a brace without its partner; write {{ or }} for a brace"


def _check_title(value: object, where: str) -> _Found:
    texts = value if isinstance(value, list) else [value]
    if not 1 <= len(texts) <= MAX_PLACES:
        yield where, f"has 1 to {MAX_PLACES} texts"
    for index, text in enumerate(texts[:MAX_PLACES]):
        at = f"{where}[{index}]" if isinstance(value, list) else where
        yield from _check_text(text, at)


def _check_fingerprint(value: object, where: str) -> _Found:
    if not isinstance(value, list):
        yield from _check_path(value, where)
        return
    if not 1 <= len(value) <= MAX_PLACES:
        yield where, f"has 1 to {MAX_PLACES} places"
    for index, place in enumerate(value[:MAX_PLACES]):
        yield from _check_place(place, f"{where}[{index}]")


def _check_status(value: object, where: str) -> _Found:
    if not isinstance(value, dict):
        yield where, 'is an object with "from" and lists of values'
        return
    yield from _check_keys(value, where, {"from", *_STATES})
    yield from _check_place(value.get("from"), f"{where}.from")
    for name in _STATES:
        if not _are_scalars(value.get(name, [])):
            yield f"{where}.{name}", f"is a list of at most {MAX_FIELDS} values"


def _are_scalars(values: object) -> bool:
    return (
        isinstance(values, list)
        and len(values) <= MAX_FIELDS
        and all(isinstance(one, str | int | float) for one in values)
    )


def _check_severity(value: object, where: str) -> _Found:
    if not isinstance(value, dict):
        yield from _check_place(value, where)
        return
    yield from _check_keys(value, where, {"default", "from", "map"})
    if "from" in value:
        yield from _check_place(value["from"], f"{where}.from")
    names = value.get("map", {})
    if not isinstance(names, dict) or len(names) > MAX_FIELDS:
        yield f"{where}.map", f"is an object of at most {MAX_FIELDS} values"
        names = {}
    chosen = {f"{where}.map.{word}": one for word, one in names.items()}
    if "default" in value:
        chosen[f"{where}.default"] = value["default"]
    for at, severity in chosen.items():
        if not isinstance(severity, str) or not severity_of(severity):
            yield at, f"is one of {', '.join(SEVERITIES)}, P1, P2, P3, P4"


def _check_fields(value: object, where: str) -> _Found:
    if not isinstance(value, dict) or len(value) > MAX_FIELDS:
        yield where, f"is an object of at most {MAX_FIELDS} fields"
        return
    for name, source in value.items():
        at = spell((str(name),), start=where)
        if not one_line(str(name)):
            yield at, "has no name"
        if isinstance(source, dict):
            if source.keys() != {"text"} or name == "*":
                yield at, 'is a path, a list of paths or {"text": "..."}'
            else:
                yield from _check_text(source["text"], f"{at}.text")
        else:
            yield from _check_place(source, at)


def _check_duration(value: object, where: str) -> _Found:
    if duration_of(value) is None:
        yield where, 'is a time from 1m to 90d, such as "4h"'


_CHECKS: Final[dict[str, Callable[[object, str], _Found]]] = {
    "each": _check_each,
    "title": _check_title,
    "fingerprint": _check_fingerprint,
    "status": _check_status,
    "severity": _check_severity,
    "labels": _check_fields,
    "annotations": _check_fields,
    "links": _check_fields,
    "starts_at": _check_place,
    "ends_at": _check_place,
    "ends_after": _check_duration,
}


# ── Reading ───────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Previewed:
    """One report, None when its state is ignored, and where its fields came from."""

    report: Signal | Act | None
    found: tuple[Found, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a mapping makes of a body."""

    items: tuple[Previewed, ...] = ()
    problems: tuple[Problem, ...] = ()


def read(
    mapping: Mapping[str, object], document: object, *, hint: str = HINT
) -> Reading:
    """Return the reports of a decoded body, or raise `PayloadError`."""
    _require_sound(mapping)
    shared: dict[str, tuple[str, object]] = {}
    reports = tuple(
        report
        for at, item in _items(mapping, document, hint)
        if (report := _report(mapping, Looker(document, item, at, shared), hint))
    )
    return Reading(reports)


def preview(mapping: Mapping[str, object], body: bytes) -> Preview:
    """Return what a mapping makes of a body, and where each field came from."""
    if problems := check(mapping):
        return Preview(problems=tuple(problems))
    items = []
    try:
        document = decode(body, hint=HINT)
        for at, item in _items(mapping, document, HINT):
            looker = Looker(document, item, at, {})
            report = _report(mapping, looker, HINT)
            items.append(Previewed(report=report, found=tuple(looker.found)))
    except PayloadError as error:
        problem = Problem(where=error.where, text=f"{error.problem}. {error.hint}")
        return Preview(items=tuple(items), problems=(problem,))
    return Preview(items=tuple(items))


def _require_sound(mapping: Mapping[str, object]) -> None:
    # A saved mapping has been checked; one from an older release may not hold now.
    if problems := check(mapping):
        first = problems[0]
        raise UnmappedError(
            where="$",
            problem=f"the mapping cannot be used: {first.where} {first.text}",
            hint=HINT,
        )


def _items(
    mapping: Mapping[str, object], document: object, hint: str
) -> Iterator[tuple[str, object]]:
    each = mapping.get("each")
    if not isinstance(each, str):
        yield "$", document
        return
    count = 0
    for at, item in look_for_all(read_path(each), document):
        count += 1
        if count > MAX_ITEMS:
            raise PayloadError(
                where=one_line(at), problem=f"more than {MAX_ITEMS} items", hint=hint
            )
        yield at, item
    if not count:
        raise UnmappedError(
            where=one_line(each),
            problem="there is nothing to make a report of",
            hint=hint,
        )


def _report(
    mapping: Mapping[str, object], looker: Looker, hint: str
) -> Signal | Act | None:
    state = _state(mapping, looker)
    if state == "ignored":
        return None
    fingerprint = _fingerprint(mapping, looker, hint)
    if state == "acknowledged":
        return Act(fingerprint=fingerprint, kind=ActKind.ACKNOWLEDGE)
    is_resolved = state == "resolved"
    return Signal(
        fingerprint=fingerprint,
        status=AlertStatus.RESOLVED if is_resolved else AlertStatus.FIRING,
        title=_title(mapping, looker),
        labels=_labels(mapping, looker),
        annotations=annotations_of(_fields(mapping, "annotations", looker)),
        links=links_of(_fields(mapping, "links", looker).items()),
        starts_at=_instant(mapping, "starts_at", looker),
        ends_at=_instant(mapping, "ends_at", looker) if is_resolved else None,
        lasts=None if is_resolved else duration_of(mapping.get("ends_after")),
    )


def _state(mapping: Mapping[str, object], looker: Looker) -> str:
    status = mapping.get("status")
    if not isinstance(status, dict):
        return "firing"
    value = looker.text(status["from"], "status").strip().casefold()
    for state in _STATES:
        listed = (text_of(one).strip().casefold() for one in status.get(state, []))
        if value and value in listed:
            return state
    return "firing"


def _fingerprint(mapping: Mapping[str, object], looker: Looker, hint: str) -> str:
    given = mapping["fingerprint"]
    places = given if isinstance(given, list) else [given]
    parts = []
    for place in places:
        text = looker.text(place, "fingerprint")
        if not text.strip():
            paths = map(str, place if isinstance(place, list) else [place])
            named = shorten(one_line(" or ".join(paths)), 200)
            raise UnmappedError(
                where=one_line(looker.at),
                problem=f"there is no {named},"
                " so this cannot be told from any other alert",
                hint=hint,
            )
        parts.append(text)
    return identity(*parts)


def _title(mapping: Mapping[str, object], looker: Looker) -> str:
    given = mapping["title"]
    best = ""
    for template in given if isinstance(given, list) else [given]:
        text, is_whole = looker.fill(template, "title")
        best = best or title_of(text)
        if is_whole and title_of(text):
            return title_of(text)
    return best or "alert without a title"


def _labels(mapping: Mapping[str, object], looker: Looker) -> dict[str, str]:
    labels = labels_of(_fields(mapping, "labels", looker))
    severity = _severity(mapping.get("severity"), labels, looker)
    return labels | labels_of({"severity": severity})


def _severity(given: object, labels: Mapping[str, str], looker: Looker) -> str:
    spec: dict[str, Any] = given if isinstance(given, dict) else {"from": given}
    word = looker.text(spec["from"], "severity") if spec.get("from") else ""
    if not word.strip() and labels.get("severity"):
        return labels["severity"]  # the source's own label, in its own words
    word = word.strip()
    names = {str(name).casefold(): one for name, one in spec.get("map", {}).items()}
    mapped = names.get(word.casefold(), word)
    return severity_of(mapped) or severity_of(str(spec.get("default", ""))) or mapped


def _fields(mapping: Mapping[str, object], kind: str, looker: Looker) -> dict[str, str]:
    """Return the fields of a kind, such as labels, by name; empty ones included."""
    given = mapping.get(kind)
    if not isinstance(given, dict):
        return {}
    fields: dict[str, str] = {}
    if "*" in given:
        every = looker.value(given["*"], f"{kind}.*")
        limit = LABEL if kind == "labels" else ANNOTATION
        pairs = every.items() if isinstance(every, dict) else ()
        for name, one in list(pairs)[:MAX_FIELDS]:
            fields[name] = text_of(one)[: 4 * limit]
    named = {
        name: looker.given(source, f"{kind}.{name}")
        for name, source in given.items()
        if name != "*"
    }
    return fields | {name: text for name, text in named.items() if text.strip()}


def _instant(
    mapping: Mapping[str, object], name: str, looker: Looker
) -> datetime | None:
    return instant_of(looker.text(mapping[name], name)) if name in mapping else None
