"""What names a call: the same when it is repeated, another one for another call."""

import json
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlencode

import pytest

from watchbill.integrations.contract import Call, TwoWay
from watchbill.integrations.registry import providers

pytestmark = pytest.mark.req("S2.1-16")

FORM = "application/x-www-form-urlencoded"


def twoway(provider: str) -> TwoWay:
    found = providers()[provider].twoway
    assert found is not None
    return found


def call(door: str, body: bytes, content_type: str = FORM, **headers: str) -> Call:
    return Call(
        method="POST",
        door=door,
        url=f"https://watch.example/hooks/x/{door}",
        headers={"content-type": content_type}
        | {name.replace("_", "-"): value for name, value in headers.items()},
        body=body,
    )


def form(door: str, **fields: str) -> Call:
    return call(door, urlencode(fields).encode())


def update(number: int, text: str = "ack") -> Call:
    body = {"update_id": number, "message": {"message_id": 1, "chat": {"id": 7}}}
    return call("updates", json.dumps(body | {"text": text}).encode())


SLACK = call("command", b"text=ack", x_slack_signature="v0=" + "0" * 64)
DIFFERENT = {
    "slack": (
        SLACK,
        replace(SLACK, body=b"text=ack&x=1"),
        call("command", b"text=ack", x_slack_signature="v0=" + "1" * 64),
    ),
    "telegram": (update(1), update(2), update(2, "resolve")),
    "smspoh": (
        form("inbound", **{"from": "959", "message": "ack"}),
        form("inbound", **{"from": "959", "message": "resolve"}),
        form("receipt", messageId="1", status="delivered"),
        replace(call("receipt", b""), query={"messageId": "1", "status": "failed"}),
        replace(call("receipt", b""), query={"messageId": "2", "status": "failed"}),
    ),
    "twilio_sms": (
        form("inbound", MessageSid="SM1", Body="ack"),
        form("inbound", MessageSid="SM2", Body="ack"),
        form("status", MessageSid="SM1", MessageStatus="sent"),
        form("status", MessageSid="SM1", MessageStatus="delivered"),
    ),
    "twilio_voice": (
        form("digits", CallSid="CA1", Digits="1", To="+1"),
        form("digits", CallSid="CA1", Digits="2", To="+1"),
        form("digits", CallSid="CA2", Digits="1", To="+1"),
        form("status", CallSid="CA1", CallStatus="busy"),
        form("status", CallSid="CA1", AnsweredBy="machine_start"),
    ),
}


@pytest.mark.parametrize("provider", DIFFERENT)
def test_each_call_has_a_mark_of_its_own(provider: str) -> None:
    calls = DIFFERENT[provider]

    marks = {twoway(provider).mark(one) for one in calls}

    assert len(marks) == len(calls)


@pytest.mark.parametrize("provider", DIFFERENT)
def test_a_repetition_has_the_same_mark_whatever_is_hung_on_to_it(
    provider: str,
) -> None:
    module = twoway(provider)
    for one in DIFFERENT[provider]:
        again = replace(
            one,
            url=f"{one.url}?x=1",
            headers={**one.headers, "x-signature": "1", "x-timestamp": "2"},
        )
        assert module.mark(again) == module.mark(one)


def test_every_two_way_channel_is_examined_here_and_says_how_long_a_mark_holds() -> (
    None
):
    found = {
        name: one.twoway.SAME_FOR
        for name, one in providers().items()
        if one.twoway is not None
    }

    assert found == {
        "slack": timedelta(days=1),
        "smspoh": timedelta(minutes=5),
        "telegram": timedelta(days=366),
        "twilio_sms": timedelta(days=366),
        "twilio_voice": timedelta(days=366),
    }
    assert set(found) == set(DIFFERENT)
