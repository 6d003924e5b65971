import base64
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.integrations.posts import changed, recorded, reports, signal
from watchbill.core.alerts import AlertStatus, Signal
from watchbill.integrations.cloudevents.inbound import PRESET, answer, document_of
from watchbill.integrations.contract import PayloadError
from watchbill.integrations.mapper import preview
from watchbill.integrations.sources import Post

STRUCTURED = recorded("cloudevents", "structured")
BINARY = recorded("cloudevents", "binary")

pytestmark = pytest.mark.req("S4.1-08")


def test_the_structured_and_the_binary_mode_say_the_same() -> None:
    fired = signal("cloudevents", STRUCTURED)

    assert fired == signal("cloudevents", BINARY)
    assert fired.title == "The disk is full"
    assert fired.labels == {
        "alertname": "com.example.disk.full",
        "service": "database",
        "event_source": "/storage/db-1",
        "subject": "volume-1",
        "severity": "critical",
    }
    assert fired.starts_at == datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.req("S4.1-10")
def test_in_a_batch_the_type_says_that_it_is_over() -> None:
    fired, over = reports("cloudevents", recorded("cloudevents", "batch"))

    assert isinstance(fired, Signal)
    assert isinstance(over, Signal)
    assert fired.status is AlertStatus.FIRING
    assert over.status is AlertStatus.RESOLVED
    assert over.fingerprint == fired.fingerprint


@pytest.mark.req("S4.1-09")
def test_an_event_with_a_new_id_is_about_the_same_condition() -> None:
    first = signal("cloudevents", STRUCTURED)

    def key(**parts: object) -> str:
        return signal("cloudevents", changed(STRUCTURED, **parts)).fingerprint

    assert key(id="another", time=None) == first.fingerprint
    assert key(subject="volume-2") != first.fingerprint
    assert key(type="com.example.disk.slow") != first.fingerprint


def test_a_state_in_the_data_counts_more_than_the_type() -> None:
    over = changed(STRUCTURED, data={"status": "resolved"})

    assert signal("cloudevents", over).status is AlertStatus.RESOLVED


def test_data_in_base64_is_read_when_it_is_json() -> None:
    data = base64.b64encode(b'{"title": "From bytes"}').decode()
    event = json.loads(STRUCTURED.body)
    del event["data"]

    def title(text: str) -> str:
        body = json.dumps({**event, "data_base64": text}).encode()
        return signal("cloudevents", replace(STRUCTURED, body=body)).title

    assert title(data) == "From bytes"
    assert title("!") == title("AAAA") == "com.example.disk.full: volume-1"


def test_binary_data_that_is_no_json_is_passed_over() -> None:
    headers = {**BINARY.headers, "content-type": "text/plain"}

    fired = signal("cloudevents", replace(BINARY, body=b"\xff", headers=headers))

    assert fired.title == "com.example.disk.full: volume-1"


def test_the_handshake_is_answered() -> None:
    origin = {"webhook-request-origin": "broker.example"}

    reply = answer(Post(method="OPTIONS", headers=origin))

    assert reply is not None
    assert ("webhook-allowed-origin", "broker.example") in reply.headers
    assert answer(STRUCTURED) is None
    split = answer(Post(method="OPTIONS", headers={"webhook-request-origin": "a\nb"}))
    assert split is not None
    assert ("webhook-allowed-origin", "*") in split.headers


def test_the_document_of_a_post_can_be_previewed() -> None:
    (item,) = preview(PRESET, document_of(BINARY)).items

    assert item.report == signal("cloudevents", BINARY)


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"[]", "$"),
        (b"[7]", "$[0]"),
        (b'{"type": "x"}', "$[0].source"),
        (b'{"source": "x"}', "$[0].type"),
    ],
)
def test_what_is_no_event_is_refused(body: bytes, where: str) -> None:
    with pytest.raises(PayloadError) as caught:
        reports("cloudevents", Post(body=body))

    assert caught.value.where == where
