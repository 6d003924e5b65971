import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchbill.core.alerts import Act, ActKind, AlertStatus, ChangeReport, Signal
from watchbill.integrations.contract import PayloadError
from watchbill.integrations.pagerduty.inbound import (
    SOURCE,
    accepted,
    key_of,
    parse,
    refused,
)
from watchbill.integrations.sources import Accepted, Post, Refused

KEY = "2bcdefghijklmnopqrstuvwxyz234567"
EVENTS, CHANGES = "v2/enqueue", "v2/change/enqueue"
V1 = "generic/2010-04-15/create_event.json"
RECEIPT = Accepted(request_id="1", took=0.1)

pytestmark = pytest.mark.req("S4.1-02")


def post(event: object, path: str = EVENTS) -> Post:
    return Post(body=json.dumps(event).encode(), path=path)


def trigger(payload: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    usual = {"summary": "Disk is full", "source": "db-1", "severity": "critical"}
    event = {"routing_key": KEY, "event_action": "trigger", "dedup_key": "disk/db-1"}
    return event | {"payload": usual | (payload or {})} | more


def signal(event: dict[str, Any], path: str = EVENTS) -> Signal:
    (report,) = parse(post(event, path)).reports
    assert isinstance(report, Signal)
    return report


def faults(event: object, path: str = EVENTS) -> list[str]:
    """Return the errors that the answer lists."""
    with pytest.raises(PayloadError) as caught:
        parse(post(event, path))
    error = caught.value
    refusal = Refused(
        status=400, reason="bad_payload", problem=error.problem, where=error.where
    )
    reply = refused(refusal)
    assert reply.status == 400
    content = json.loads(reply.body)
    assert content["status"] == "invalid event"
    assert content["message"] == "Event object is invalid"
    listed: list[str] = content["errors"]
    return listed


@pytest.mark.req("S4.1-08")
def test_a_trigger_becomes_a_signal_with_everything_it_says() -> None:
    found = signal(
        trigger(
            {
                "timestamp": "2015-07-17T08:42:58.315+0000",
                "component": "postgres",
                "group": "prod",
                "class": "disk",
                "custom_details": {
                    "service": "payments",
                    "free": {"bytes": 12, "share": 0.5},
                    "mounts": ["/", "/var"],
                    "description": "No space left on device",
                    "log": "one\ntwo",
                    "severity": "info",
                },
            },
            client="Sample Monitor",
            client_url="https://monitor.example/1",
            links=[
                {"href": "https://wiki.example/disk", "text": "Runbook"},
                {"href": "https://wiki.example/more", "text": "Runbook"},
                {"href": "javascript:alert(1)", "text": "Press me"},
            ],
            images=[{"src": "https://graph.example/1.png", "alt": "Graph"}],
        )
    )

    assert found == Signal(
        fingerprint="disk/db-1",
        status=AlertStatus.FIRING,
        title="Disk is full",
        labels={
            "alertname": "disk",
            "severity": "critical",
            "source": "db-1",
            "component": "postgres",
            "group": "prod",
            "class": "disk",
            "service": "payments",
            "free.bytes": "12",
            "free.share": "0.5",
            "mounts": "/, /var",
        },
        annotations={
            "description": "No space left on device",
            "log": "one\ntwo",
            "client": "Sample Monitor",
        },
        starts_at=datetime(2015, 7, 17, 8, 42, 58, 315000, tzinfo=UTC),
        links={
            "Sample Monitor": "https://monitor.example/1",
            "Runbook": "https://wiki.example/disk",
            "Runbook 2": "https://wiki.example/more",
            "Graph": "https://graph.example/1.png",
        },
    )


@pytest.mark.req("S4.1-10")
def test_a_resolve_needs_no_payload_and_is_over_when_it_comes() -> None:
    event = {"event_action": "resolve", "dedup_key": "disk/db-1"}

    found = signal(event)

    assert (found.fingerprint, found.status) == ("disk/db-1", AlertStatus.RESOLVED)
    assert found.ends_at is None
    with_payload = trigger(
        {"timestamp": "2020-01-01T00:00:00Z"}, event_action="resolve"
    )
    assert signal(with_payload).starts_at is None


def test_an_acknowledgement_is_an_act() -> None:
    event = {"event_action": "acknowledge", "dedup_key": "k", "client": "Jane's phone"}

    (act,) = parse(post(event)).reports

    assert act == Act(fingerprint="k", kind=ActKind.ACKNOWLEDGE, actor="Jane's phone")


@pytest.mark.req("S4.1-09")
def test_a_trigger_without_a_key_gets_one_that_its_repetition_gets_too() -> None:
    event = trigger(dedup_key=None)
    reading = parse(post(event))

    reply = accepted(post(event), reading, RECEIPT)

    key = json.loads(reply.body)["dedup_key"]
    assert len(key) == 32
    assert signal(event).fingerprint == key
    assert signal(trigger({"summary": "Other"}, dedup_key="")).fingerprint != key
    # The client may use it from then on.
    assert signal({"event_action": "resolve", "dedup_key": key}).fingerprint == key


@pytest.mark.parametrize("odd", ["x" * 256, "a\x00b", "a\nb", "\u202eevil"])
def test_a_key_that_cannot_be_shown_becomes_its_digest(odd: str) -> None:
    found = signal(trigger(dedup_key=odd)).fingerprint

    assert len(found) == 32
    assert signal({"event_action": "resolve", "dedup_key": odd}).fingerprint == found


def test_answers_are_pagerdutys_own() -> None:
    event = post(trigger())
    change = post({"payload": {"summary": "Deployed"}}, CHANGES)
    first = post(
        {"service_key": KEY, "event_type": "trigger", "description": "Down"}, V1
    )

    answered = accepted(event, parse(event), RECEIPT)
    noted = accepted(change, parse(change), RECEIPT)
    old = accepted(first, parse(first), RECEIPT)

    assert answered.status == 202
    assert json.loads(answered.body) == {
        "status": "success",
        "message": "Event processed",
        "dedup_key": "disk/db-1",
    }
    assert noted.status == 202
    assert json.loads(noted.body)["status"] == "success"
    assert old.status == 200
    assert set(json.loads(old.body)) == {"status", "message", "incident_key"}


@pytest.mark.parametrize(
    ("event", "errors"),
    [
        ({}, ["'event_action' is missing or blank"]),
        ({"event_action": ["trigger"]}, [
            "'event_action' is invalid (must be one of the following: 'trigger',"
            " 'acknowledge' or 'resolve')"
        ]),
        ({"event_action": "resolve"}, ["'dedup_key' is missing or blank"]),
        ({"event_action": "acknowledge", "dedup_key": " "}, [
            "'dedup_key' is missing or blank"
        ]),
        ({"event_action": "trigger"}, ["'payload' is missing or blank"]),
        ({"event_action": "trigger", "payload": 1}, ["'payload' is missing or blank"]),
        ({"event_action": "trigger", "payload": {"severity": "fatal", "summary": ""}}, [
            "'payload.summary' is missing or blank",
            "'payload.source' is missing or blank",
            "'payload.severity' is invalid (must be one of the following: 'critical',"
            " 'error', 'warning' or 'info')",
        ]),
    ],
)  # fmt: skip
def test_all_faults_of_an_event_are_told_at_once(
    event: dict[str, Any], errors: list[str]
) -> None:
    assert faults(event) == errors


def test_faults_of_v1_and_of_changes_are_told_in_their_own_names() -> None:
    assert faults({"event_type": "trigger"}, V1) == [
        "'description' is missing or blank"
    ]
    assert faults({"event_type": "resolve"}, V1) == [
        "'incident_key' is missing or blank"
    ]
    assert faults({}, V1) == ["'event_type' is missing or blank"]
    assert faults({"payload": {}}, CHANGES) == ["'payload' is missing or blank"]
    assert faults({"payload": {"source": "x"}}, CHANGES) == [
        "'payload.summary' is missing or blank"
    ]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff", b"[" * 100_000])
def test_what_is_no_json_object_is_unrecognized(body: bytes) -> None:
    with pytest.raises(PayloadError) as caught:
        parse(Post(body=body))

    told = Refused(
        status=400,
        reason="bad_payload",
        problem=caught.value.problem,
        where=caught.value.where,
    )
    assert json.loads(refused(told).body) == {
        "status": "Unrecognized object",
        "message": "Event object format is unrecognized",
        "errors": ["JSON parse error"],
    }


@pytest.mark.parametrize(
    ("reason", "error"),
    [
        ("no_key", "Length of 'routing_key' is incorrect (should be 32 characters)"),
        ("unknown_key", "Invalid routing key"),
        ("revoked_key", "Invalid routing key"),
    ],
)
def test_a_wrong_key_is_a_400_as_at_pagerduty(reason: str, error: str) -> None:
    reply = refused(Refused(status=401, reason=reason, problem="no"))

    assert reply.status == 400
    assert json.loads(reply.body) == {
        "status": "invalid event",
        "message": "Event object is invalid",
        "errors": [error],
    }


def test_other_refusals_keep_their_status() -> None:
    reply = refused(Refused(status=413, reason="too_large", problem="too long"))

    assert (reply.status, json.loads(reply.body)["message"]) == (413, "too long")
    assert SOURCE.max_body == 512 * 1024


@pytest.mark.parametrize(
    ("body", "key"),
    [
        (json.dumps({"routing_key": KEY}), KEY),
        (json.dumps({"service_key": KEY}), KEY),
        (json.dumps({"routing_key": KEY[1:]}), ""),
        ('{"routing_key": 1}', ""),
    ],
)
def test_the_key_is_found_in_the_body_when_it_has_32_characters(
    body: str, key: str
) -> None:
    assert key_of(Post(body=body.encode())) == key


@pytest.mark.parametrize("body", [b"[", b"", b"[]", b"\xff"])
def test_a_body_that_holds_no_key_at_all_is_refused_as_such(body: bytes) -> None:
    with pytest.raises(PayloadError, match="JSON parse error"):
        key_of(Post(body=body))


def test_an_event_of_v1_has_no_severity_of_its_own() -> None:
    found = signal(
        {
            "service_key": KEY,
            "event_type": "trigger",
            "incident_key": "srv01/HTTP",
            "description": "FAILURE for production/HTTP",
            "client": "Monitor",
            "client_url": "https://monitor.example",
            "details": {"load": 0.75},
            "contexts": [
                {"type": "link", "href": "https://a.example", "text": "A"},
                {"type": "image", "src": "https://b.example/b.png"},
            ],
        },
        V1,
    )

    assert found.fingerprint == "srv01/HTTP"
    assert found.labels == {"alertname": "FAILURE for production/HTTP", "load": "0.75"}
    assert list(found.links) == ["Monitor", "A", "image"]


@pytest.mark.req("S4.1-08")
def test_a_change_is_reported_with_what_it_touched() -> None:
    event = {
        "routing_key": KEY,
        "payload": {
            "summary": "Deployed 1.2.3",
            "source": "jenkins",
            "timestamp": "2026-11-23T10:00:00Z",
            "custom_details": {"service": "payments", "build": {"number": 7}},
        },
        "links": [{"href": "https://ci.example/7", "text": "Build"}],
    }

    (change,) = parse(post(event, CHANGES)).reports

    assert change == ChangeReport(
        summary="Deployed 1.2.3",
        at=datetime(2026, 11, 23, 10, tzinfo=UTC),
        source="jenkins",
        service="payments",
        details={"service": "payments", "build.number": "7"},
        links={"Build": "https://ci.example/7"},
    )


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2015-07-17T08:42:58.315+0630", datetime(2015, 7, 17, 2, 12, 58, 315000, UTC)),
        ("2015-07-17T08:42:58+00:00Z", datetime(2015, 7, 17, 8, 42, 58, 0, UTC)),
        ("2015-07-17 08:42:58", datetime(2015, 7, 17, 8, 42, 58, 0, UTC)),
        (1437122578, datetime(2015, 7, 17, 8, 42, 58, 0, UTC)),
    ],
)
def test_timestamps_come_in_many_spellings(text: object, instant: datetime) -> None:
    assert signal(trigger({"timestamp": text})).starts_at == instant


@pytest.mark.parametrize("text", ["yesterday", "0001-01-01T00:00:00+14:00", {"a": 1}])
def test_a_timestamp_that_cannot_be_read_loses_no_alert(text: object) -> None:
    reading = parse(post(trigger({"timestamp": text})))

    (found,) = reading.reports
    assert isinstance(found, Signal)
    assert found.starts_at is None
    assert reading.problems == (
        "'payload.timestamp' is not an instant of ISO 8601: left out",
    )


def test_what_is_too_long_is_cut_and_too_much_is_left_out() -> None:
    details = {f"n{number}": "x" for number in range(1_000)}
    found = signal(trigger({"summary": "s" * 2_000, "custom_details": details}))

    assert found.title == "s" * 199 + "…"
    assert found.annotations["summary"] == "s" * 1_023 + "…"
    assert len([name for name in found.labels if name.startswith("n")]) == 100


@pytest.mark.parametrize("details", ["text", 7, [1, 2], [{"a": 1}], True])
def test_details_that_are_no_object_are_kept(details: object) -> None:
    found = signal(trigger({"custom_details": details}))

    assert {**found.labels, **found.annotations}["details"]


def test_an_unknown_path_is_refused() -> None:
    with pytest.raises(PayloadError) as caught:
        parse(post(trigger(), "v2/other"))

    assert caught.value.where == "path"


_words = st.text(max_size=30) | st.sampled_from(
    ["trigger", "resolve", "acknowledge", "critical", "\x00", "\ud800", "9" * 400, KEY]
)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_words, inner),
    max_leaves=15,
)
_FIELDS = ("routing_key", "event_action", "event_type", "dedup_key", "incident_key")
_MORE = ("payload", "links", "images", "contexts", "client", "client_url", "details")
_PAYLOAD = ("summary", "source", "severity", "timestamp", "class", "custom_details")
_events = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys((*_FIELDS, *_MORE), _words | _json)
    | {
        "payload": st.fixed_dictionaries(
            {}, optional=dict.fromkeys(_PAYLOAD, _words | _json)
        )
    },
)


@given(event=_events | _json, path=st.sampled_from([EVENTS, CHANGES, V1, "", "x"]))
def test_any_json_is_read_or_refused_and_always_alike(event: object, path: str) -> None:
    """Reliability study, 5.2: nothing but `PayloadError` comes out."""
    one = post(event, path)
    with suppress(PayloadError):
        key_of(one)
    with suppress(PayloadError):
        reading = parse(one)
        assert reading == parse(one)
        accepted(one, reading, RECEIPT)
        for report in reading.reports:
            repr(report).encode()  # no lone surrogate is left
            assert "\\x00" not in repr(report)


@given(body=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with suppress(PayloadError):
        key_of(Post(body=body))
    with suppress(PayloadError):
        parse(Post(body=body, path=EVENTS))


def test_a_string_of_a_megabyte_and_deep_nesting_are_survived() -> None:
    deep = '{"a":' * 900 + "1" + "}" * 900
    event = json.dumps(trigger({"summary": "x" * 1_000_000})).encode()
    nested = json.dumps(trigger({"custom_details": 0})).replace(": 0", f": {deep}")

    assert len(signal(trigger({"summary": "y" * 1_000_000})).title) == 200
    assert len(parse(Post(body=event)).reports) == 1
    with suppress(PayloadError):
        parse(Post(body=nested.encode()))
