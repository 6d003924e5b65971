from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.doubles.twilio_server import FORM, twiml_fault
from tests.integrations.notices import BURMESE
from watchbill.core.messages import Reply
from watchbill.integrations.contract import (
    Asked,
    Call,
    Event,
    PayloadError,
    Receipt,
    ReceiptState,
    Result,
)
from watchbill.integrations.twilio_voice import twoway

pytestmark = pytest.mark.req("S7.1-01")

ANA = "+959250000001"
HOOK = "https://watch.example/hooks/twilio_voice"
HEARD = Receipt(
    provider_ref="CA1", state=ReceiptState.DELIVERED, detail="a person pressed a key"
)


def call(door: str, **fields: str) -> Call:
    path, _, query = door.partition("?")
    return Call(
        method="POST",
        door=path,
        url=f"{HOOK}/{door}",
        headers={"content-type": f"{FORM}; charset=UTF-8"},
        query=dict(parse_qsl(query)),
        body=urlencode(fields).encode(),
    )


def pressed(digit: str, *, keys: str = "1=a.K3&2=e.K3") -> Call:
    return call(f"digits?{keys}", CallSid="CA1", To=ANA, From="+1", Digits=digit)


def became(**fields: str) -> tuple[Event, ...]:
    return twoway.read(call("status", CallSid="CA1", To=ANA, **fields))


# ── Keys ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("digit", "reply", "token"),
    [("1", Reply.ACKNOWLEDGE, "a.K3"), ("2", Reply.ESCALATE, "e.K3")],
)
def test_a_key_is_a_receipt_and_an_answer(digit: str, reply: Reply, token: str) -> None:
    assert twoway.read(pressed(digit)) == (
        HEARD,
        Asked(address=ANA, reply=reply, token=token, text=digit),
    )


@pytest.mark.parametrize("digit", ["3", "9", "0", "#", "", "12", "၁"])
def test_a_key_that_stands_for_nothing_shows_only_that_somebody_is_there(
    digit: str,
) -> None:
    assert twoway.read(pressed(digit)) == (HEARD,)


def test_a_key_that_was_not_offered_does_nothing() -> None:
    assert twoway.read(pressed("2", keys="1=a.K3")) == (HEARD,)


@pytest.mark.parametrize(
    "broken",
    [
        call("digits?1=a", Digits="1", To=ANA),
        call("digits?1=a", Digits="1", CallSid="CA1"),
        call("elsewhere", CallSid="CA1"),
        Call(method="GET", door="digits", url=f"{HOOK}/digits"),
    ],
)
def test_a_request_that_says_nothing_is_refused(broken: Call) -> None:
    with pytest.raises(PayloadError):
        twoway.read(broken)


# ── The end of a call ─────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ({"CallStatus": "busy"}, "the line was busy"),
        ({"CallStatus": "no-answer"}, "nobody answered"),
        ({"CallStatus": "canceled"}, "the call was cancelled"),
        (
            {"CallStatus": "failed", "SipResponseCode": "404"},
            "the call could not be made; is the number right? (SIP 404)",
        ),
        ({"CallStatus": "busy", "SipResponseCode": "x\n"}, "the line was busy"),
        (
            {"CallStatus": "completed", "AnsweredBy": "machine_start"},
            "a machine answered",
        ),
        ({"AnsweredBy": "machine_end_beep"}, "a machine answered"),
        ({"AnsweredBy": "fax"}, "a machine answered"),
    ],
)
def test_a_call_that_reached_nobody_has_failed(
    fields: dict[str, str], detail: str
) -> None:
    assert became(**fields) == (
        Receipt(provider_ref="CA1", state=ReceiptState.FAILED, detail=detail),
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"CallStatus": "initiated"},
        {"CallStatus": "ringing"},
        {"CallStatus": "in-progress"},
        {"CallStatus": "completed"},
        {"CallStatus": "completed", "AnsweredBy": "human"},
        {"AnsweredBy": "human"},
        {"AnsweredBy": "unknown"},
    ],
)
def test_only_a_key_proves_that_a_person_heard_the_call(
    fields: dict[str, str],
) -> None:
    assert became(**fields) == ()


# ── What the person hears ─────────────────────────────────────────────────────────


def heard(digit: str, *texts: str, keys: str = "1=a.K3&2=e.K3") -> str:
    asked = Asked(address=ANA, reply=Reply.ACKNOWLEDGE, token="a.K3")
    results = tuple(Result(asked=asked, text=text) for text in texts)
    reply = twoway.answer(pressed(digit, keys=keys), results)
    assert reply.content_type == "text/xml; charset=utf-8"
    assert twiml_fault(reply.body) == ""
    return reply.body.decode().partition("<Response>")[2]


def test_the_result_is_said() -> None:
    assert heard("1", "You have taken incident 12.") == (
        '<Say language="en-US">You have taken incident 12.</Say>'
        '<Say language="en-US">Goodbye.</Say></Response>'
    )


def test_a_wrong_key_is_answered_by_the_right_ones() -> None:
    said = heard("9")

    assert said.startswith('<Say language="en-US">This key does nothing.</Say><Gather')
    assert "Press 1 to acknowledge. Press 2 to escalate. <" in said.replace(" </", " <")
    action = f"{HOOK}/digits?1=a.K3&amp;2=e.K3"
    assert f'action="{action}"' in said
    assert heard("9", keys="x=y") == (
        '<Say language="en-US">This key does nothing. Goodbye.</Say></Response>'
    )


def test_a_repeated_request_is_answered_as_politely() -> None:
    assert heard("1") == (
        '<Say language="en-US">Your key was received before. Goodbye.</Say></Response>'
    )


def test_the_end_of_a_call_is_answered_by_nothing() -> None:
    reply = twoway.answer(call("status", CallSid="CA1"), ())

    assert reply.body.endswith(b"<Response/>")


def test_nothing_follows_the_response() -> None:
    assert twoway.follow_up(Result(asked=Asked(address=ANA), text="x"), {}) is None


@pytest.mark.parametrize(
    "text",
    ["</Say><Dial>+15550001</Dial>", BURMESE * 99, "x" * 10_000, "\x00\ufffe", ""],
)
def test_no_result_adds_an_element(text: str) -> None:
    said = heard("1", text)

    assert "<Dial" not in said
    assert len(said) < 600


@given(st.text(), st.text(max_size=3), st.text(max_size=20))
def test_every_result_can_be_played(text: str, digit: str, token: str) -> None:
    heard(digit, text, keys=urlencode({"1": token}))
    heard(digit, keys=urlencode({"1": token}))


def test_the_address_of_the_hook_is_kept() -> None:
    assert urlsplit(pressed("9").url).path == "/hooks/twilio_voice/digits"
