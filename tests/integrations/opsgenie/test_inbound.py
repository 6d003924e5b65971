import json
from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchbill.core.alerts import Act, ActKind, AlertStatus, Beat, Report, Signal
from watchbill.integrations.contract import PayloadError
from watchbill.integrations.opsgenie import identity
from watchbill.integrations.opsgenie.inbound import SOURCE, accepted, parse, refused
from watchbill.integrations.sources import Accepted, Post, PostReply, Refused

RECEIPT = Accepted(request_id="43a29c5c-3dbf-4fa4-9c26-f4f71023e120", took=0.3024)

pytestmark = pytest.mark.req("S4.1-02")


def post(
    path: str = "v2/alerts",
    method: str = "POST",
    *,
    query: dict[str, str] | None = None,
    **body: Any,
) -> Post:
    raw = json.dumps(body).encode() if body else b""
    return Post(body=raw, path=path, method=method, query=query or {})


def one(found: Post) -> Report:
    (report,) = parse(found).reports
    return report


def created(**body: Any) -> Signal:
    report = one(post(**({"message": "Disk is full"} | body)))
    assert isinstance(report, Signal)
    return report


def refusal_of(found: Post) -> PostReply:
    with pytest.raises(PayloadError) as caught:
        parse(found)
    error = caught.value
    return refused(
        Refused(
            status=400,
            reason="bad_payload",
            problem=error.problem,
            where=error.where,
            hint=error.hint,
            request_id="r",
            took=0.01,
        )
    )


@pytest.mark.req("S4.1-08")
def test_a_new_alert_is_a_signal_with_everything_it_says() -> None:
    found = created(
        alias="disk/db-1",
        description="No space left",
        responders=[
            {"type": "user", "username": "jane@trm.example"},
            {"type": "team", "name": "Operations"},
            {"type": "schedule", "id": "7"},
            "nonsense",
        ],
        visibleTo=[{"type": "team", "name": "All"}],
        actions=["Restart"],
        tags=["disk", "prod"],
        details={"region": "yangon", "log": "a\nb", "priority": "P1", "n": 7},
        entity="db-1",
        source="nagios",
        priority="P2",
        user="nagios",
        note="See the wiki",
    )

    assert found == Signal(
        fingerprint=identity.of_alias("disk/db-1"),
        status=AlertStatus.FIRING,
        title="Disk is full",
        labels={
            "alertname": "Disk is full",
            "alias": "disk/db-1",
            "priority": "P2",
            "severity": "P2",
            "entity": "db-1",
            "source": "nagios",
            "tags": "disk,prod",
            "responders": "user:jane@trm.example,team:Operations,schedule:7",
            "team": "Operations",
            "region": "yangon",
            "n": "7",
        },
        annotations={
            "description": "No space left",
            "note": "See the wiki",
            "log": "a\nb",
        },
    )


@pytest.mark.parametrize(
    ("priority", "severity"),
    [("P1", "P1"), ("p2", "P2"), (None, "P3"), ("P4", "P4"), ("P5", "P4")],
)
def test_there_is_no_severity_below_p4(priority: str | None, severity: str) -> None:
    assert created(priority=priority).labels["severity"] == severity


@pytest.mark.req("S4.1-09")
def test_an_alert_is_the_same_by_alias_by_id_and_by_tiny_id() -> None:
    name = created(alias="a b/c").fingerprint
    UUID(name)

    for identifier, kind in [
        ("a b/c", "alias"),
        (name, "id"),
        (name.upper(), "id"),
        (identity.tiny(name), "tiny"),
        # Without the type it can be no id, so it is meant as an alias.
        ("a b/c", "id"),
    ]:
        call = post(f"v2/alerts/{identifier}/close", query={"identifierType": kind})
        report = one(call)
        assert isinstance(report, Signal)
        assert (report.fingerprint, report.status) == (name, AlertStatus.RESOLVED)


@pytest.mark.req("S4.1-09")
def test_an_alert_without_an_alias_is_found_by_the_id_it_got() -> None:
    found = created(message="No alias")

    assert found.labels["alias"] == found.fingerprint
    assert created(message="No alias") == found
    assert created(message="Other").fingerprint != found.fingerprint
    for kind in ("id", "alias"):
        closed = one(
            post(f"alerts/{found.fingerprint}/close", query={"identifierType": kind})
        )
        assert isinstance(closed, Signal)
        assert closed.fingerprint == found.fingerprint


NAME = identity.of_alias("x")


@pytest.mark.parametrize(
    ("action", "body", "kind", "text"),
    [
        (
            "acknowledge",
            {"user": "Jane", "note": "On it"},
            ActKind.ACKNOWLEDGE,
            "On it",
        ),
        ("unacknowledge", {"user": "Jane"}, ActKind.UNACKNOWLEDGE, ""),
        ("notes", {"user": "Jane", "note": "Look"}, ActKind.NOTE, "Look"),
        ("escalate", {"user": "Jane"}, ActKind.ESCALATE, ""),
        (
            "tags",
            {"user": "Jane", "tags": ["a", "b"]},
            ActKind.NOTE,
            "Tags added: a, b",
        ),
        (
            "details",
            {"user": "Jane", "details": {"k": "v"}, "note": "n"},
            ActKind.NOTE,
            "Details added:\nk: v\nn",
        ),
    ],
)
def test_what_is_done_about_an_alert_is_an_act(
    action: str, body: dict[str, Any], kind: ActKind, text: str
) -> None:
    call = post(f"v2/alerts/x/{action}", query={"identifierType": "alias"}, **body)

    assert one(call) == Act(fingerprint=NAME, kind=kind, actor="Jane", text=text)


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize(
    ("field", "value", "values"),
    [
        ("message", "Worse", {"title": "Worse"}),
        ("description", "Much", {"description": "Much"}),
        ("priority", "P5", {"severity": "P4"}),
    ],
)
def test_other_words_or_another_priority_revise_the_alert(
    method: str, field: str, value: str, values: dict[str, str]
) -> None:
    body: dict[str, Any] = {field: value}
    call = post(f"v2/alerts/{NAME}/{field}", method, **body)

    assert one(call) == Act(fingerprint=NAME, kind=ActKind.REVISE, values=values)


def test_a_delete_says_in_the_query_what_a_post_says_in_the_body() -> None:
    query = {"identifierType": "alias", "user": "Jane"}
    gone = one(post("v2/alerts/x", "DELETE", query=query))
    tags = one(post("v2/alerts/x/tags", "DELETE", query=query | {"tags": "a,b"}))
    keys = one(post("v2/alerts/x/details", "DELETE", query=query | {"keys": "k"}))

    assert isinstance(gone, Signal)
    assert (gone.fingerprint, gone.status) == (NAME, AlertStatus.RESOLVED)
    assert isinstance(tags, Act)
    assert tags.text == "Tags removed: a, b"
    assert isinstance(keys, Act)
    assert keys.text == "Details removed: k"


def test_whom_an_escalation_names_is_noted_before_it() -> None:
    noted, escalated = parse(
        post(f"v2/alerts/{NAME}/escalate", escalation={"name": "L2"}, note="Help")
    ).reports

    assert noted == Act(
        fingerprint=NAME, kind=ActKind.NOTE, text="Asked for escalation to L2\nHelp"
    )
    assert escalated == Act(fingerprint=NAME, kind=ActKind.ESCALATE)


def test_the_note_of_a_close_is_kept() -> None:
    noted, closed = parse(
        post(f"v2/alerts/{NAME}/close", note="False alarm", user="Jane")
    ).reports

    assert noted == Act(
        fingerprint=NAME, kind=ActKind.NOTE, actor="Jane", text="False alarm"
    )
    assert isinstance(closed, Signal)
    assert closed.status is AlertStatus.RESOLVED


@pytest.mark.req("S4.1-12")
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH"])
def test_a_ping_of_a_heartbeat_is_a_beat(method: str) -> None:
    call = post("v2/heartbeats/nightly backup/ping", method)
    reading = parse(call)

    reply = accepted(call, reading, RECEIPT)

    assert reading.reports == (Beat(name="nightly backup"),)
    assert reply.status == 202
    assert json.loads(reply.body)["result"] == "PONG - Heartbeat received"


def test_answers_are_opsgenies_own() -> None:
    call = post(message="x")

    reply = accepted(call, parse(call), RECEIPT)

    assert reply.status == 202
    assert json.loads(reply.body) == {
        "result": "Request will be processed",
        "took": 0.302,
        "requestId": "43a29c5c-3dbf-4fa4-9c26-f4f71023e120",
    }
    assert dict(reply.headers) == {
        "content-type": "application/json",
        "x-request-id": "43a29c5c-3dbf-4fa4-9c26-f4f71023e120",
        "x-response-time": "0.302",
        "x-ratelimit-state": "OK",
    }


@pytest.mark.parametrize(
    ("call", "status", "field"),
    [
        (post(message=" "), 422, "message"),
        (post(alias="x"), 422, "message"),
        (post(message="x", priority="P6"), 422, "priority"),
        (post("v2/alerts/x/notes"), 422, "note"),
        (post("v2/alerts/x/tags"), 422, "tags"),
        (post("v2/alerts/x/details", details={}), 422, "details"),
        (post("v2/alerts/x/message", "PUT"), 422, "message"),
        (post("v2/alerts/x/description", "PUT"), 422, "description"),
        (post("v2/alerts/x/priority", "PUT"), 422, "priority"),
        (post("alerts/x/tags", query={"identifierType": "x"}), 422, "identifierType"),
        (post("v2/alerts/x/snooze", endTime="2030-01-01T00:00:00Z"), 422, "request"),
        (post("v2/alerts/x/assign", owner={"id": "7"}), 422, "request"),
        (post("v2/alerts/x/responders"), 422, "request"),
        (post("v2/alerts/x/teams"), 422, "request"),
        (post("v2/alerts/x/actions/restart"), 422, "request"),
        (post("v2/alerts/x/attachments/7", "DELETE"), 422, "request"),
        (post("v2/alerts/saved-searches"), 422, "request"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_by_field(
    call: Post, status: int, field: str
) -> None:
    reply = refusal_of(call)
    content = json.loads(reply.body)

    assert reply.status == status
    assert set(content["errors"]) == {field}
    assert content["requestId"] == "r"


def test_bad_json_is_400_and_an_unknown_path_404() -> None:
    bad = refusal_of(Post(body=b"{", path="v2/alerts"))
    lost = refusal_of(post("v2/alerts/x/frobnicate"))
    other = refusal_of(post("v2/incidents"))

    assert (bad.status, lost.status, other.status) == (400, 404, 404)
    assert set(json.loads(bad.body)) == {"message", "took", "requestId"}


@pytest.mark.parametrize(
    ("status", "reason", "message"),
    [
        (401, "unknown_key", "Could not authenticate"),
        (403, "revoked_key", "API key is not authorized: it is revoked"),
    ],
)
def test_a_wrong_key_is_told_as_opsgenie_tells_it(
    status: int, reason: str, message: str
) -> None:
    reply = refused(Refused(status=status, reason=reason, problem="it is revoked"))

    assert (reply.status, json.loads(reply.body)["message"]) == (status, message)


def test_a_throttled_client_hears_for_how_long() -> None:
    reply = refused(Refused(status=429, reason="overloaded", problem="full"))

    assert SOURCE.overloaded == 429
    assert dict(reply.headers)["x-ratelimit-state"] == "THROTTLED"
    assert dict(reply.headers)["x-ratelimit-period-in-sec"] == "60"


def test_what_is_too_long_is_cut() -> None:
    found = created(
        message="m" * 1_000_000,
        description="d" * 20_000,
        tags=["t" * 60] * 30,
        details={f"k{number}": "v" * 150 for number in range(90)},
    )

    assert found.title == "m" * 199 + "…"
    assert len(found.annotations["description"]) == 15_000
    assert found.labels["tags"].count(",") == 19
    assert found.annotations["watchbill_truncated"]
    assert sum(len(v) for k, v in found.labels.items() if k[0] == "k") <= 8_000


_words = st.text(max_size=30) | st.sampled_from(
    ["P1", "\x00", "alias", "9" * 400, NAME, "a/b", "javascript:alert(1)"]
)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_words, inner),
    max_leaves=15,
)
_FIELDS = ("message", "alias", "description", "responders", "tags", "details", "user")
_MORE = ("entity", "source", "priority", "note", "escalation", "keys")
_ACTIONS = ("close", "acknowledge", "notes", "escalate", "message", "description")
_THINGS = ("priority", "tags", "details", "ping", "")


@given(
    body=st.fixed_dictionaries({}, optional=dict.fromkeys((*_FIELDS, *_MORE), _json))
    | _json,
    method=st.sampled_from(["POST", "PUT", "PATCH", "DELETE", "GET"]),
    room=st.sampled_from(["v2/alerts", "alerts", "v2/heartbeats", ""]),
    name=_words,
    action=st.sampled_from((*_ACTIONS, *_THINGS)),
    query=st.dictionaries(
        st.sampled_from(["identifierType", "user", "note", "tags", "keys"]),
        _words | st.sampled_from(["id", "tiny", "alias"]),
    ),
)
def test_any_request_is_read_or_refused_and_always_alike(
    body: object, method: str, room: str, name: str, action: str, query: dict[str, str]
) -> None:
    """Reliability study, 5.2: nothing but `PayloadError` comes out."""
    path = "/".join(part for part in (room, name, action) if part)
    raw = json.dumps(body).encode()
    call = Post(body=raw, method=method, path=path, query=query)
    with suppress(PayloadError):
        reading = parse(call)
        assert reading == parse(call)
        accepted(call, reading, RECEIPT)
        for report in reading.reports:
            repr(report).encode()
            assert "\\x00" not in repr(report)


@given(body=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with suppress(PayloadError):
        parse(Post(body=body, path="v2/alerts"))


@given(alias=st.text(max_size=600))
def test_every_alias_has_an_id_that_leads_back_to_it(alias: str) -> None:
    name = identity.of_alias(alias)

    assert identity.of_alias(name) == name
    assert identity.of_identifier(identity.tiny(name), "tiny") == name


@pytest.mark.parametrize("number", ["9" * 40, "9" * 10_000, "١٢", "-1"])
def test_a_tiny_id_that_is_none_names_something_else(number: str) -> None:
    name = identity.of_identifier(number, "tiny")

    assert str(UUID(name)) == name
