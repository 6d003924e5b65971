"""Read events as clients send them to PagerDuty, at PagerDuty's own paths.

Three of its interfaces are here: Events API v2 (``/v2/enqueue``), change events
(``/v2/change/enqueue``) and Events API v1 (``create_event.json``). The key is in the
body and has 32 characters, because clients count them; one of another length is no
key at all, and is told so in PagerDuty's words.

*What is refused* is what PagerDuty refuses: an event without an action, a trigger
without a summary, a source or a known severity, an acknowledgement without a key. All
faults of an event are told at once, in the order of its documentation; of the words,
only those about the key and about unreadable JSON are attested, the others follow
their pattern. What is merely too long is cut, and a timestamp that cannot be read is
left out with a problem: neither is worth losing an alert.

*The key of the alert* (``dedup_key``) is its fingerprint. A trigger without one gets
the digest of its body, where PagerDuty draws a key at random: what a post says may
depend on nothing but the post. So two events that are equal byte for byte are one
alert, which is also right for a client that repeats an event whose answer was lost.

*Labels* are ``severity`` as it was sent, ``source``, ``component``, ``group``,
``class`` and every short word of ``custom_details`` under its own name, nested names
joined by dots; longer texts are annotations. ``alertname`` is the class, else the
summary, unless the details name it: plans group by it, and PagerDuty would not join
two keys in one alert.

An overloaded server answers 503: clients of both interfaces repeat it, while 429 is
unknown to those of v1.

Source: developer.pagerduty.com, Events API v2 and v1 and change events; PagerDuty's
api-schema, ``reference/events-v2/openapiv3.json``; ``notify/pagerduty/pagerduty.go``
of Alertmanager, which sends the whole payload also with a resolve.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from watchbill.core.alerts import (
    Act,
    ActKind,
    AlertStatus,
    ChangeReport,
    Report,
    Signal,
)
from watchbill.integrations.contract import PayloadError
from watchbill.integrations.jsons import decode_as, decode_object, instant_of, text_of
from watchbill.integrations.sources import (
    NO_CONFIG,
    Accepted,
    Config,
    Door,
    Post,
    PostReply,
    Reading,
    Refused,
    Source,
)
from watchbill.integrations.text import one_line, printable, shorten, web_url

_EVENTS = "v2/enqueue"
_CHANGES = "v2/change/enqueue"
_V1 = "generic/2010-04-15/create_event.json"

SOURCE = Source(
    group="Paging",
    setup="""\
# Keep the client; give it this address in place of https://events.pagerduty.com
# (the EU's, likewise) and this key as routing key or integration key.
{base}
{key}

# alertmanager.yml
receivers:
  - name: watchbill
    pagerduty_configs:
      - url: {base}/v2/enqueue
        routing_key: {key}

# Python, package pagerduty
pagerduty.EventsApiV2Client("{key}", base_url="{base}")
""",
    doors=tuple(Door(path=f"/{one}", prefix=one) for one in (_EVENTS, _CHANGES, _V1)),
    has_short_key=True,
    max_body=512 * 1024,
)

_ACTIONS = ("trigger", "acknowledge", "resolve")
_NEED_A_KEY = ("acknowledge", "resolve")
_SEVERITIES = ("critical", "error", "warning", "info")
_PLACES = ("component", "group", "class")
_PROSE = frozenset({"description", "details", "message", "summary"})
_KEY_LENGTH, _DEDUP_LENGTH = 32, 255
_LINE, _TITLE, _NAME, _TEXT = 1_024, 200, 200, 4_000
_WORD, _ENTRIES, _LINKS, _DEPTH = 200, 100, 20, 4
_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]{0,99}")

_HINT = "Send what developer.pagerduty.com documents."
_UNREADABLE = "JSON parse error"
_WRONG_LENGTH = "Length of 'routing_key' is incorrect (should be 32 characters)"
_SEPARATOR = "; "


class _Keys(msgspec.Struct):
    routing_key: str = ""
    service_key: str = ""


_keys = msgspec.json.Decoder(_Keys)


def key_of(post: Post) -> str:
    """Return the routing key in the body; empty when it cannot be one.

    Raises `PayloadError` for a body that is no JSON object, which is said first.
    """
    try:
        found = decode_as(_keys, post.body, hint=_HINT)
    except PayloadError:
        _decode(post.body)
        return ""
    key = found.routing_key or found.service_key
    return key if len(key) == _KEY_LENGTH else ""


def parse(post: Post, config: Config = NO_CONFIG) -> Reading:
    """Return what an event says.

    Raises `PayloadError`, and nothing else, whatever the bytes are.
    """
    event = _decode(post.body)
    problems: list[str] = []
    match post.path.removeprefix("/"):
        case "" | "v2/enqueue":
            report = _event(event, post.body, problems)
        case "v2/change/enqueue":
            report = _change(event, problems)
        case "generic/2010-04-15/create_event.json":
            report = _event(_as_v2(event), post.body, problems, is_v1=True)
        case _:
            raise PayloadError(
                where="path",
                problem="there is no such interface",
                hint=f"post to /{_EVENTS} or /{_CHANGES}",
            )
    return Reading((report,), tuple(problems))


def accepted(post: Post, reading: Reading, receipt: Accepted) -> PostReply:
    """Answer as PagerDuty does, with the key of the alert."""
    (report,) = reading.reports
    if isinstance(report, ChangeReport):
        return _reply(202, status="success", message="Change event processed")
    key = report.fingerprint if isinstance(report, Signal | Act) else ""
    success = {"status": "success", "message": "Event processed"}
    if post.path == _V1:
        return _reply(200, **success, incident_key=key)
    return _reply(202, **success, dedup_key=key)


def refused(refusal: Refused) -> PostReply:
    """Answer as PagerDuty does: 400 for whatever is wrong with event or key."""
    match refusal.reason:
        case "no_key":
            return _invalid([_WRONG_LENGTH])
        case "unknown_key" | "revoked_key" | "wrong_kind":
            return _invalid(["Invalid routing key"])
        case "bad_payload" if refusal.where == "$":
            return _reply(
                400,
                status="Unrecognized object",
                message="Event object format is unrecognized",
                errors=refusal.problem.split(_SEPARATOR),
            )
        case "bad_payload" if refusal.where == "event":
            return _invalid(refusal.problem.split(_SEPARATOR))
        case _:
            problem = one_line(refusal.problem)
            return _reply(
                refusal.status, status="error", message=problem, errors=[problem]
            )


def _invalid(errors: list[str]) -> PostReply:
    return _reply(
        400, status="invalid event", message="Event object is invalid", errors=errors
    )


def _reply(code: int, **content: object) -> PostReply:
    return PostReply(status=code, body=msgspec.json.encode(content))


def _decode(body: bytes) -> dict[str, Any]:
    try:
        return decode_object(body, hint=_HINT)
    except PayloadError:
        raise PayloadError(where="$", problem=_UNREADABLE, hint=_HINT) from None


# ── Events ────────────────────────────────────────────────────────────────────────


def _as_v2(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event of API v1 as one of v2, which has no severity then."""
    contexts = [one for one in _list(event.get("contexts")) if isinstance(one, dict)]
    return {
        "event_action": event.get("event_type"),
        "dedup_key": event.get("incident_key"),
        "client": event.get("client"),
        "client_url": event.get("client_url"),
        "payload": {
            "summary": event.get("description"),
            "custom_details": event.get("details"),
        },
        "links": [one for one in contexts if one.get("type") == "link"],
        "images": [one for one in contexts if one.get("type") == "image"],
    }


def _event(
    event: Mapping[str, Any], body: bytes, problems: list[str], *, is_v1: bool = False
) -> Report:
    if faults := list(_faults(event, is_v1=is_v1)):
        raise PayloadError(where="event", problem=_SEPARATOR.join(faults), hint=_HINT)
    key = _identity(text_of(event.get("dedup_key")).strip(), body)
    if event["event_action"] == "acknowledge":
        client = _line(event.get("client"))
        return Act(fingerprint=key, kind=ActKind.ACKNOWLEDGE, actor=client)
    return _signal(event, key, problems)


def _faults(event: Mapping[str, Any], *, is_v1: bool) -> Iterator[str]:
    action = event.get("event_action")
    name = "event_type" if is_v1 else "event_action"
    if _is_blank(action):
        yield f"'{name}' is missing or blank"
    elif action not in _ACTIONS:
        yield _not_one_of(name, _ACTIONS)
    if action in _NEED_A_KEY and _is_blank(event.get("dedup_key")):
        yield f"'{'incident_key' if is_v1 else 'dedup_key'}' is missing or blank"
    if action == "trigger":
        yield from _faults_of_v1(event) if is_v1 else _faults_of_payload(event)


def _faults_of_v1(event: Mapping[str, Any]) -> Iterator[str]:
    if _is_blank(event["payload"]["summary"]):
        yield "'description' is missing or blank"


def _faults_of_payload(event: Mapping[str, Any]) -> Iterator[str]:
    payload = event.get("payload")
    if not isinstance(payload, dict) or not payload:
        yield "'payload' is missing or blank"
        return
    for name in ("summary", "source"):
        if _is_blank(payload.get(name)):
            yield f"'payload.{name}' is missing or blank"
    severity = payload.get("severity")
    if _is_blank(severity):
        yield "'payload.severity' is missing or blank"
    elif severity not in _SEVERITIES:
        yield _not_one_of("payload.severity", _SEVERITIES)


def _not_one_of(name: str, values: Iterable[str]) -> str:
    *most, last = [f"'{one}'" for one in values]
    listed = f"{', '.join(most)} or {last}"
    return f"'{name}' is invalid (must be one of the following: {listed})"


def _signal(event: Mapping[str, Any], key: str, problems: list[str]) -> Signal:
    payload = event.get("payload")
    payload = payload if isinstance(payload, dict) else {}
    is_resolved = event["event_action"] == "resolve"
    labels, annotations = _described(payload, event)
    summary = _line(payload.get("summary"))
    if len(summary) > _TITLE:
        annotations.setdefault("summary", summary)
    # The instant of a resolve is not read: clients repeat the one of the trigger.
    starts_at = None if is_resolved else _instant(payload, problems)
    return Signal(
        fingerprint=key,
        status=AlertStatus.RESOLVED if is_resolved else AlertStatus.FIRING,
        title=shorten(summary or key, _TITLE),
        labels=labels,
        annotations=annotations,
        starts_at=starts_at,
        links=_links(event),
    )


def _described(
    payload: Mapping[str, Any], event: Mapping[str, Any]
) -> tuple[dict[str, str], dict[str, str]]:
    """Labels and annotations; no detail takes the place of a field."""
    labels, annotations = _sorted_details(payload.get("custom_details"))
    fields = {name: _line(payload.get(name)) for name in ("source", *_PLACES)}
    fields["severity"] = _line(payload.get("severity"))
    labels |= {name: text for name, text in fields.items() if text}
    named = labels.get("class") or _line(payload.get("summary"))
    if named:
        labels.setdefault("alertname", shorten(named, _NAME))
    if client := _line(event.get("client")):
        annotations["client"] = client
    return labels, annotations


def _identity(key: str, body: bytes) -> str:
    """The key of an alert; what is no readable key becomes its digest."""
    if 0 < len(key) <= _DEDUP_LENGTH and one_line(key) == key:
        return key
    raw = key.encode("utf-8", "surrogatepass") if key else body
    return hashlib.sha256(raw).hexdigest()[:_KEY_LENGTH]


# ── Changes ───────────────────────────────────────────────────────────────────────


def _change(event: Mapping[str, Any], problems: list[str]) -> ChangeReport:
    payload = event.get("payload")
    if not isinstance(payload, dict) or not payload:
        raise PayloadError(
            where="event", problem="'payload' is missing or blank", hint=_HINT
        )
    if _is_blank(payload.get("summary")):
        raise PayloadError(
            where="event", problem="'payload.summary' is missing or blank", hint=_HINT
        )
    details = dict(_flat(payload.get("custom_details")))
    service = details.get("service") or details.get("component", "")
    return ChangeReport(
        summary=_line(payload["summary"]),
        at=_instant(payload, problems),
        source=_line(payload.get("source")),
        service=shorten(one_line(service), _NAME),
        details=details,
        links=_links(event),
    )


# ── Parts of both ─────────────────────────────────────────────────────────────────


def _is_blank(value: object) -> bool:
    return not text_of(value).strip()


def _line(value: object) -> str:
    return shorten(one_line(text_of(value)), _LINE)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _instant(payload: Mapping[str, Any], problems: list[str]) -> datetime | None:
    given = payload.get("timestamp")
    if _is_blank(given):
        return None
    # Some clients write an offset and a Z after it.
    text = re.sub(r"([+-]\d{2}:?\d{2})Z$", r"\1", text_of(given).strip()[:100])
    instant = instant_of(text)
    if instant is None:
        problems.append("'payload.timestamp' is not an instant of ISO 8601: left out")
    return instant


def _sorted_details(value: object) -> tuple[dict[str, str], dict[str, str]]:
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    for name, text in _flat(value):
        is_word = 0 < len(text) <= _WORD and "\n" not in text
        if is_word and name not in _PROSE and _LABEL.fullmatch(name):
            labels[name] = text
        elif text:
            annotations[name] = text
    return labels, annotations


def _flat(value: object) -> Iterator[tuple[str, str]]:
    """The leaves of a JSON value, at most 100, by their names joined with dots."""
    if isinstance(value, dict):
        leaves = _leaves(value, "", _DEPTH)
        for _, (name, leaf) in zip(range(_ENTRIES), leaves, strict=False):
            yield shorten(one_line(name), _NAME), shorten(printable(leaf), _TEXT)
    elif not _is_blank(value):
        yield "details", shorten(printable(text_of(value)), _TEXT)


def _leaves(
    values: Mapping[str, Any], start: str, depth: int
) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, dict) and value and depth > 1:
            yield from _leaves(value, f"{start}{name}.", depth - 1)
        else:
            yield f"{start}{name}", text_of(value)


def _links(event: Mapping[str, Any]) -> dict[str, str]:
    found = [(one.get("text"), one.get("href")) for one in _objects(event, "links")]
    for one in _objects(event, "images"):
        alt = one.get("alt") or "image"
        found += [(alt, one.get("src")), (f"{text_of(alt)} leads to", one.get("href"))]
    client = text_of(event.get("client")) or "client"
    found.insert(0, (client, event.get("client_url")))
    links: dict[str, str] = {}
    for text, href in found[:_LINKS]:
        url = web_url(text_of(href))
        if url is not None and url not in links.values():
            links[_unused(shorten(_line(text) or "link", 100), links)] = url
    return links


def _objects(event: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    items = _list(event.get(name))[:_LINKS]
    return [one for one in items if isinstance(one, dict)]


def _unused(name: str, taken: Mapping[str, str]) -> str:
    number = 2
    wanted = name
    while wanted in taken:
        wanted = f"{name} {number}"
        number += 1
    return wanted
