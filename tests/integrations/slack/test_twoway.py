import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.doubles.slack_server import faults
from tests.integrations.notices import HOSTILE, PAGE
from watchbill.core.messages import Button, Reply
from watchbill.integrations.contract import (
    Answer,
    Asked,
    Call,
    PayloadError,
    Result,
    SignatureError,
)
from watchbill.integrations.slack import rooms, twoway
from watchbill.integrations.slack.outbound import read, render

pytestmark = pytest.mark.req("S7.1-01")

NOW = datetime.fromtimestamp(1531420618, tz=UTC)
SETTINGS = {"token": "xoxb-1", "signing_secret": "8f742231b10e8888abcd99yyyzzz85a5"}
BUTTONS = (
    Button(reply=Reply.ACKNOWLEDGE, label="Acknowledge", token="1f.abc"),
    Button(reply=Reply.ESCALATE, label="Escalate", token="1f.abc"),
)
#: The example of docs.slack.dev, verifying requests from Slack.
DOCUMENTED = Call(
    method="POST",
    door="command",
    url="https://watch.example/hooks/slack/command",
    headers={
        "x-slack-request-timestamp": "1531420618",
        "x-slack-signature": "v0="
        "a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    },
    body=b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&"
    b"channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&"
    b"command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2F"
    b"commands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&"
    b"trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
)


def message(settings: dict[str, str]) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(
        render(replace(PAGE, buttons=BUTTONS), {**settings, "to": "#incidents"}).body
    )
    return said


def actions(settings: dict[str, str]) -> list[dict[str, Any]]:
    return [
        element
        for block in message(settings)["blocks"]
        if block["type"] == "actions"
        for element in block["elements"]
    ]


def pressed(user: str = "U1", **more: object) -> Call:
    payload = {
        "type": "block_actions",
        "user": {"id": user},
        "response_url": "https://hooks.slack.com/actions/T/1/s",
        "message": {"text": "x", "blocks": message(SETTINGS)["blocks"]},
        "actions": [{"action_id": "acknowledge", "value": "1f.abc"}],
    } | more
    body = urlencode({"payload": json.dumps(payload)}).encode()
    return replace(DOCUMENTED, door="actions", body=body)


def asked(call: Call) -> Asked:
    (event,) = twoway.read(call)
    assert isinstance(event, Asked)
    return event


def test_the_documented_call_is_slacks() -> None:
    twoway.verify(DOCUMENTED, SETTINGS, now=NOW)
    assert asked(DOCUMENTED) == Asked(address="U2CERLKJA", text="")


def test_a_signature_is_made_over_version_time_and_body() -> None:
    stamp, body = "1531420618", b"a=1"
    assert twoway.signature("k", stamp, body) == (
        "v0=" + _hmac(b"k", b"v0:1531420618:a=1")
    )


def _hmac(key: bytes, text: bytes) -> str:
    """HMAC-SHA256 written out (RFC 2104), so that two ways of making it agree."""
    inner = bytes(one ^ 0x36 for one in key.ljust(64, b"\0"))
    outer = bytes(one ^ 0x5C for one in key.ljust(64, b"\0"))
    return hashlib.sha256(outer + hashlib.sha256(inner + text).digest()).hexdigest()


def test_a_call_without_a_secret_or_by_get_is_not_slacks() -> None:
    with pytest.raises(SignatureError, match="no signing secret"):
        twoway.verify(DOCUMENTED, {}, now=NOW)
    with pytest.raises(SignatureError, match="POST only"):
        twoway.verify(replace(DOCUMENTED, method="GET"), SETTINGS, now=NOW)


def test_with_a_signing_secret_answers_are_pressed_in_place() -> None:
    found = actions(SETTINGS)
    assert [(one["action_id"], one.get("value"), one.get("url")) for one in found] == [
        ("acknowledge", "1f.abc", None),
        ("escalate", "1f.abc", None),
        ("link-1", None, "https://watch.example/incidents/12"),
    ]
    assert [one.get("style") for one in found] == ["primary", None, None]
    assert list(faults(message(SETTINGS)["blocks"])) == []


def test_without_one_the_answers_are_links() -> None:
    assert [one["action_id"] for one in actions({"token": "xoxb-1"})] == [
        "link-1",
        "link-2",
    ]


def test_a_press_names_who_what_and_which() -> None:
    found = asked(pressed())
    assert (found.address, found.reply, found.token) == (
        "U1",
        Reply.ACKNOWLEDGE,
        "1f.abc",
    )


def test_a_pressed_link_asks_for_nothing() -> None:
    assert twoway.read(pressed(actions=[{"action_id": "link-1"}])) == ()
    assert twoway.read(pressed(type="view_submission")) == ()


@pytest.mark.parametrize("user", ["", "u1", "U1\n", "<!channel>", "U" * 40])
def test_who_presses_must_be_a_member(user: str) -> None:
    with pytest.raises(PayloadError, match="not a member's id"):
        twoway.read(pressed(user))


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/x",
        "http://hooks.slack.com/x",
        "https://hooks.slack.com.evil.example/x",
        "https://hooks.slack.com@evil.example/x",
        "https://[::1",
        "",
    ],
)
def test_a_follow_up_goes_to_slack_and_nowhere_else(url: str) -> None:
    result = Result(asked=asked(pressed(response_url=url)), text="x", is_change=True)
    assert twoway.follow_up(result, SETTINGS) is None


@pytest.mark.parametrize("text", HOSTILE)
def test_whatever_is_said_is_shown_as_plain_text(text: str) -> None:
    result = Result(asked=asked(pressed()), text=f"-{text}", is_change=True)
    outgoing = twoway.follow_up(result, SETTINGS)
    assert outgoing is not None
    body = json.loads(outgoing.body)
    assert list(faults(body["blocks"])) == []
    assert "<!" not in body["text"]
    reply = twoway.answer(replace(DOCUMENTED, door="command"), (result,))
    assert "<!" not in json.loads(reply.body)["text"]


def test_a_delivered_message_is_called_by_its_channel_and_time() -> None:
    said = b'{"ok":true,"channel":"C012","ts":"17.5","message":{"text":"x"}}'
    assert read(Answer(status=200, body=said)).provider_ref == "C012:17.5"


def test_a_thread_is_followed_by_the_time_in_the_reference() -> None:
    for ref in ("C012:17.5", "17.5"):
        settings = {**SETTINGS, "to": "#incidents", "thread_ts": ref}
        assert json.loads(render(PAGE, settings).body)["thread_ts"] == "17.5"


@pytest.mark.parametrize(
    ("title", "is_confidential", "tries", "name"),
    [
        ("API: 5xx > 5 %!", False, 0, "inc-12-api-5xx-5"),
        ("API: 5xx > 5 %!", True, 0, "inc-12"),
        ("Down", False, 2, "inc-12-down-3"),
        ("အကောင့်", False, 0, "inc-12"),
        ("x" * 200, False, 1, "inc-12-" + "x" * 71 + "-2"),
        ("---", False, 0, "inc-12"),
    ],
)
def test_the_name_of_a_room_is_one_that_slack_takes(
    title: str,
    is_confidential: bool,  # noqa: FBT001 - a row of the table
    tries: int,
    name: str,
) -> None:
    found = rooms.name_of(12, title, is_confidential=is_confidential, tries=tries)
    assert found == name
    assert len(found) <= 80
