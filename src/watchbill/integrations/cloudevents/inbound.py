"""Read CloudEvents 1.0 over HTTP, in the structured, the batch and the binary mode.

An event is not a condition: its ``id`` is new each time. So a condition is known by the
``source``, the ``subject`` and the ``type`` without its last word when that says how
the condition stands; ``disk.full`` and ``disk.full.resolved`` are then about one. That
word, or the state in the data, tells whether it is over. What the mapping looks into is
the event with its attributes, its ``data``, and these two under ``condition`` and
``state``.

The handshake of the webhook specification (``OPTIONS``) is answered, because some
brokers deliver nothing without it.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from watchbill.integrations.contract import PayloadError
from watchbill.integrations.jsons import decode, text_at
from watchbill.integrations.mapper import ENDS_AFTER, choose, read, severity_option
from watchbill.integrations.sources import (
    NO_CONFIG,
    Config,
    Post,
    PostReply,
    Reading,
    Source,
)
from watchbill.integrations.text import STATES

_HINT = "Send CloudEvents 1.0, structured, as a batch or with ce- headers."
_ATTRIBUTES = (
    *("specversion", "id", "source", "type", "subject", "time"),
    *("datacontenttype", "dataschema"),
)
_ORIGIN = "webhook-request-origin"
_FIRING = ["firing", "open", "opened", "triggered", "alerting", "created", "down"]
_STATES = {**STATES, "firing": _FIRING}
_STATE_WORDS = frozenset(word for words in _STATES.values() for word in words)

PRESET: Final[Mapping[str, object]] = {
    "each": "$[*]",
    "title": [
        *("{data.title}", "{data.summary}", "{data.message}", "{data.name}"),
        *("{condition}: {subject}", "{condition}: {source}"),
    ],
    "fingerprint": ["source", ["subject", "source"], "condition"],
    "status": {"from": ["data.status", "data.state", "state"], **_STATES},
    "severity": {
        "from": ["data.severity", "severity", "data.level", "data.priority"],
        "default": "warning",
    },
    "labels": {
        "*": "data.labels",
        "alertname": ["data.labels.alertname", "data.alertname", "condition"],
        "service": ["data.labels.service", "data.service"],
        "component": ["data.labels.component", "data.component"],
        "host": ["data.labels.host", "data.host", "data.hostname"],
        "event_source": "source",
        "subject": "subject",
    },
    "annotations": {
        "*": "data.annotations",
        "description": ["data.description", "data.message"],
    },
    "links": {"source": ["data.url", "data.link"], "runbook": "data.runbook_url"},
    "starts_at": ["data.starts_at", "data.startsAt", "time"],
    "ends_at": ["data.ends_at", "data.endsAt", "time"],
}

SOURCE = Source(
    group="Anything",
    setup="""\
# Any broker or SDK that delivers CloudEvents over HTTP; all three modes are understood.
curl {address} -H 'Authorization: Bearer {key}' \\
  -H 'Content-Type: application/cloudevents+json' -d '{
  "specversion": "1.0", "id": "1", "source": "/storage/db-1", "type": "disk.full",
  "data": {"title": "The disk of db-1 is full", "severity": "critical"}
}'
# The type disk.full.resolved, or "status": "resolved" in the data, ends the alert.
""",
    methods=frozenset({"POST", "OPTIONS"}),
    headers=frozenset(
        {"content-type", _ORIGIN, *(f"ce-{name}" for name in _ATTRIBUTES)}
    ),
    options=(severity_option("warning"), ENDS_AFTER),
    has_mapping=True,
)


def answer(post: Post) -> PostReply | None:
    """Return the answer to the handshake of the webhook specification."""
    if post.method != "OPTIONS":
        return None
    origin = post.headers.get(_ORIGIN, "").strip()
    is_sound = origin.isascii() and origin.isprintable()
    headers = (
        ("allow", "POST, OPTIONS"),
        ("webhook-allowed-origin", origin if origin and is_sound else "*"),
        ("webhook-allowed-rate", "*"),
    )
    return PostReply(status=200, headers=headers)


def parse(post: Post, config: Config = NO_CONFIG) -> Reading:
    """Return what the events of a post say, in their order."""
    return read(choose(PRESET, config), _events(post), hint=_HINT)


def document_of(post: Post) -> bytes:
    """Return what the mapping looks into, or raise `PayloadError`."""
    events = _events(post)
    try:
        return msgspec.json.encode(events)
    except RecursionError:
        raise PayloadError(
            where="$", problem="the JSON is nested too deeply", hint=_HINT
        ) from None


def _events(post: Post) -> list[dict[str, Any]]:
    kind = post.headers.get("content-type", "").partition(";")[0].strip().lower()
    if "ce-type" in post.headers:
        headers = post.headers
        event: dict[str, Any] = {
            name: headers[f"ce-{name}"]
            for name in _ATTRIBUTES
            if f"ce-{name}" in headers
        }
        is_json = not kind or kind.endswith("json")
        if post.body and is_json:
            event["data"] = decode(post.body, hint=_HINT)
        return [_completed(event, "$")]
    body = decode(post.body, hint=_HINT)
    events = body if isinstance(body, list) else [body]
    if not events:
        raise PayloadError(where="$", problem="the batch is empty", hint=_HINT)
    return [_completed(event, f"$[{index}]") for index, event in enumerate(events)]


def _completed(event: object, where: str) -> dict[str, Any]:
    if not isinstance(event, dict):
        raise PayloadError(where=where, problem="expected an event", hint=_HINT)
    for name in ("source", "type"):
        if not text_at(event, name).strip():
            raise PayloadError(
                where=f"{where}.{name}", problem="is missing", hint=_HINT
            )
    condition, state = _split(text_at(event, "type"))
    whole = {**event, "condition": condition, "state": state}
    if "data" not in event and "data_base64" in event:
        whole["data"] = _decoded(text_at(event, "data_base64"))
    return whole


def _split(kind: str) -> tuple[str, str]:
    """Return a type without the last word that says how it stands, and that word."""
    condition, _, last = kind.rpartition(".")
    is_state = bool(condition) and last.lower() in _STATE_WORDS
    return (condition, last) if is_state else (kind, "")


def _decoded(text: str) -> object:
    # Data that is no JSON is no reason to lose the event.
    try:
        return decode(base64.b64decode(text, validate=True), hint=_HINT)
    except (PayloadError, binascii.Error, ValueError):
        return None
