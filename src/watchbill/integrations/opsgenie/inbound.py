"""Read what clients tell Opsgenie's Alert API v2, at Opsgenie's own paths.

==========================================  ========================================
``POST /v2/alerts``                         fires
``POST …/{id}/close``, ``DELETE …/{id}``    is over
``POST …/acknowledge``                      takes its incident
``POST …/unacknowledge``                    a note
``POST …/notes``                            a note
``POST …/escalate``                         escalates by the plan, with a note
``PUT …/message, description, priority``    other words or another severity
``POST`` and ``DELETE …/tags, details``     a note that says which
``… /v2/heartbeats/{name}/ping``            a sign of life
everything else                             422, and why
==========================================  ========================================

*What changes who is paged* (assign, snooze, responders, teams, custom actions) is
refused: the plan says who is paged, and a call that seems to have worked would leave
somebody waiting for a page that does not come. ``responders`` of a new alert are kept
as a label to route by.

*Limits.* What is too long is cut, where Opsgenie refuses some of it: an alert with a
long description is still an alert. Only an empty message and an unknown priority are
refused. Fields of a wrong type are read as their text.

*Labels* are ``priority``, ``entity``, ``source``, ``alias``, ``tags`` and
``responders`` with commas, ``team`` for the first team among them, and every short
detail under its own name; longer details are annotations. ``severity`` is the
priority, where P5 is P4. ``alertname`` is the message unless the details name it:
plans group by it, and Opsgenie would not join two aliases in one alert.

Overload is 429, as the protocol has it: Alertmanager and the clients repeat it.

Names of alerts: ``identity.py``. Sources: docs.opsgenie.com, Alert API and response
codes; opsgenie-oas ``definitions/alert.yaml`` and ``paths/alert.yaml``;
``notify/opsgenie/opsgenie.go`` of Alertmanager.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from watchbill.core.alerts import AlertStatus, Beat, Report, Signal
from watchbill.integrations.jsons import text_of
from watchbill.integrations.opsgenie import identity
from watchbill.integrations.opsgenie.calls import nothing_there, read_call
from watchbill.integrations.opsgenie.fields import (
    NAME,
    TEXT,
    TITLE,
    decode,
    invalid,
    line,
    priority_of,
    responders_of,
    severity_of,
    sorted_details,
    tags_of,
)
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
from watchbill.integrations.text import one_line, printable, shorten

SOURCE = Source(
    has_request_ids=True,
    group="Paging",
    setup="""\
# Keep the client; give it this address in place of https://api.opsgenie.com
# (the EU's, likewise) and this key as API key.
{base}
{key}

# alertmanager.yml
receivers:
  - name: watchbill
    opsgenie_configs:
      - api_url: {base}/
        api_key: {key}

# Python, package opsgenie-sdk
configuration.host = "{base}"
configuration.api_key["Authorization"] = "{key}"

# A heartbeat
curl -X POST {base}/v2/heartbeats/NAME/ping -H "Authorization: GenieKey {key}"
""",
    doors=(
        Door(
            path="/v2/alerts",
            prefix="v2/alerts",
            methods=frozenset({"POST", "PUT", "PATCH", "DELETE"}),
        ),
        Door(
            path="/v2/heartbeats",
            prefix="v2/heartbeats",
            methods=frozenset({"GET", "POST", "PUT", "PATCH"}),
        ),
    ),
    methods=frozenset({"POST", "PUT", "PATCH", "DELETE"}),
    query=frozenset({"identifierType", "user", "note", "source", "tags", "keys"}),
    schemes=frozenset({"geniekey", "bearer", "basic"}),
    scopes=frozenset({"post", "read"}),
    max_body=1024 * 1024,
    overloaded=429,
)


def parse(post: Post, config: Config = NO_CONFIG) -> Reading:
    """Return what a call says.

    Raises `PayloadError`, and nothing else, whatever the request is.
    """
    path = post.path.strip("/").removeprefix("v2/")
    room, _, rest = path.partition("/")
    if room in {"", "alerts"} and not rest and post.method == "POST":
        return Reading(tuple(_create(decode(post.body), post.body)))
    if room == "alerts" and rest:
        return Reading(tuple(read_call(post, rest)))
    if room == "heartbeats" and rest.endswith("/ping"):
        return Reading((Beat(name=line(rest.removesuffix("/ping"))),))
    raise nothing_there(post)


def accepted(post: Post, reading: Reading, receipt: Accepted) -> PostReply:
    """Answer as Opsgenie does: the request has been taken, and this is its id."""
    is_ping = any(isinstance(one, Beat) for one in reading.reports)
    content = {
        "result": "PONG - Heartbeat received"
        if is_ping
        else "Request will be processed",
        "took": round(receipt.took, 3),
        "requestId": receipt.request_id,
    }
    headers = headers_of(receipt.request_id, receipt.took)
    return PostReply(status=202, body=msgspec.json.encode(content), headers=headers)


def refused(refusal: Refused) -> PostReply:
    """Answer as Opsgenie does: a sentence, and which fields it is about."""
    status, content = refusal.status, _refusal_in_words(refusal)
    if refusal.reason == "bad_payload" and refusal.where == "path":
        status = 404
    elif refusal.reason == "bad_payload" and refusal.where != "$":
        status = 422
    content |= {"took": round(refusal.took, 3), "requestId": refusal.request_id}
    return PostReply(
        status=status,
        body=msgspec.json.encode(content),
        headers=headers_of(
            refusal.request_id, refusal.took, is_throttled=status == 429
        ),
    )


def headers_of(
    request_id: str, took: float, *, is_throttled: bool = False
) -> tuple[tuple[str, str], ...]:
    """Return the headers of every answer; ``took`` is in seconds."""
    headers = (
        ("content-type", "application/json"),
        ("x-request-id", request_id),
        ("x-response-time", f"{took:.3f}"),
        ("x-ratelimit-state", "THROTTLED" if is_throttled else "OK"),
    )
    if not is_throttled:
        return headers
    return (
        *headers,
        ("x-ratelimit-reason", "INTEGRATION"),
        ("x-ratelimit-period-in-sec", "60"),
    )


def _refusal_in_words(refusal: Refused) -> dict[str, object]:
    match refusal.reason:
        case "no_key" | "unknown_key":
            return {"message": "Could not authenticate"}
        case "revoked_key" | "wrong_kind" | "wrong_scope":
            return {"message": f"API key is not authorized: {refusal.problem}"}
        case "bad_payload" if refusal.where == "$":
            return {"message": "Request body is not processable. JSON is not valid."}
        case "bad_payload" if refusal.where == "path":
            return {"message": f"No such resource: {refusal.problem}"}
        case "bad_payload":
            return {
                "message": "Request body is not processable. Please check the errors.",
                "errors": {refusal.where: refusal.problem},
            }
        case _:
            return {"message": one_line(f"{refusal.problem} {refusal.hint}")}


def _create(alert: Mapping[str, Any], body: bytes) -> Iterator[Report]:
    message = one_line(text_of(alert.get("message")))
    if not message:
        raise invalid("message", "Message can not be empty.")
    alias = text_of(alert.get("alias")).strip()
    fingerprint = identity.of_alias(alias) if alias else identity.of_body(body)
    labels, annotations = sorted_details(alert.get("details"))
    labels |= _fields(alert)
    labels["alias"] = identity.readable(alias) or fingerprint
    labels.setdefault("alertname", shorten(message, NAME))
    for name in ("description", "note"):
        if text := printable(text_of(alert.get(name))).strip():
            annotations[name] = shorten(text, TEXT)
    yield Signal(
        fingerprint=fingerprint,
        status=AlertStatus.FIRING,
        title=shorten(message, TITLE),
        labels=labels,
        annotations=annotations,
    )


def _fields(alert: Mapping[str, Any]) -> dict[str, str]:
    priority = priority_of(alert.get("priority"))
    responders = list(responders_of(alert.get("responders")))
    teams = [name for kind, name in responders if kind == "team"]
    fields = {
        "priority": priority,
        "severity": severity_of(priority),
        "entity": line(alert.get("entity")),
        "source": line(alert.get("source")),
        "tags": ",".join(tags_of(alert.get("tags"))),
        "responders": ",".join(f"{kind}:{name}" for kind, name in responders),
        "team": teams[0] if teams else "",
    }
    return {name: text for name, text in fields.items() if text}
