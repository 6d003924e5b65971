from datetime import UTC, datetime
from urllib.parse import urlencode, urlsplit
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.doubles.twilio_server import FORM, TwilioDouble, twiml_fault
from tests.integrations.notices import BURMESE
from watchbill.core.messages import Reply
from watchbill.integrations.contract import (
    Asked,
    Call,
    HookReply,
    PayloadError,
    Receipt,
    ReceiptState,
    Result,
    SignatureError,
)
from watchbill.integrations.twilio_sms import twoway

pytestmark = pytest.mark.req("S7.1-01")

NOW = datetime(2026, 2, 7, 20, 0, tzinfo=UTC)
ANA = "+959250000001"
HOOK = "https://watch.example/hooks/twilio_sms"


def call(door: str, **fields: str) -> Call:
    return Call(
        method="POST",
        door=door,
        url=f"{HOOK}/{door}",
        headers={"content-type": f"{FORM}; charset=UTF-8"},
        body=urlencode(fields).encode(),
    )


def said(text: str, **more: str) -> Asked | Receipt:
    inbound = call("inbound", MessageSid="SM1", From=ANA, To="+1", Body=text, **more)
    (event,) = twoway.read(inbound)
    return event


def became(status: str, **more: str) -> tuple[Asked | Receipt, ...]:
    return twoway.read(
        call("status", MessageSid="SM1", MessageStatus=status, To=ANA, **more)
    )


# ── Who asks ──────────────────────────────────────────────────────────────────────


def test_a_request_that_twilio_signed_is_let_in_and_no_other() -> None:
    with TwilioDouble() as double:
        signed = double.signed(f"{HOOK}/inbound", {"From": ANA, "Body": "ack", "X": ""})
    one = Call(
        method="POST",
        door="inbound",
        url=signed.url,
        headers={name.lower(): value for name, value in signed.headers.items()},
        query={},
        body=signed.body,
    )

    twoway.verify(one, {"auth_token": double.auth_token}, now=NOW)
    with pytest.raises(SignatureError):
        twoway.verify(one, {"auth_token": "another"}, now=NOW)
    assert urlsplit(signed.url).hostname == "watch.example"


# ── What people write ─────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "reply", "code"),
    [
        ("ACK 4711", Reply.ACKNOWLEDGE, "4711"),
        ("ack ၄၇၁၁", Reply.ACKNOWLEDGE, "4711"),
        ("resolve 4711", Reply.RESOLVE, "4711"),
        ("2", Reply.ESCALATE, ""),
        ("what is this?", None, ""),
        (BURMESE, None, ""),
        ("", None, ""),
    ],
)
def test_an_answer_names_who_what_and_which(
    text: str, reply: Reply | None, code: str
) -> None:
    assert said(text) == Asked(address=ANA, reply=reply, code=code, text=text)


def test_stop_and_start_are_about_the_person_and_not_about_a_message() -> None:
    assert said("Stop") == Receipt(
        provider_ref="",
        state=ReceiptState.OPTED_OUT,
        detail="the person wrote STOP",
        address=ANA,
    )
    back = said("START")
    assert isinstance(back, Receipt)
    assert (back.state, back.address) == (ReceiptState.OPTED_IN, ANA)


def test_twilio_may_know_more_words_for_stop_than_we_do() -> None:
    event = said("ရပ်", OptOutType="STOP")
    help_ = said("HELP", OptOutType="HELP")

    assert isinstance(event, Receipt)
    assert event.state is ReceiptState.OPTED_OUT
    assert help_ == Asked(address=ANA, text="HELP")


def test_what_cannot_be_stored_or_shown_is_replaced() -> None:
    event = said("a\x00\u202eb")

    assert isinstance(event, Asked)
    assert event.text == "a\ufffd\ufffdb"


@pytest.mark.parametrize(
    "sender", ["", "whatsapp:+959250000001", "+95' OR 1=1", "Bank"]
)
def test_a_sender_that_is_no_number_is_refused(sender: str) -> None:
    with pytest.raises(PayloadError, match="From"):
        twoway.read(call("inbound", From=sender, Body="ack"))


# ── What became of a message ──────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "status", ["accepted", "queued", "sending", "sent", "scheduled"]
)
def test_sent_is_no_receipt(status: str) -> None:
    assert became(status) == ()


@pytest.mark.parametrize("status", ["delivered", "read"])
def test_delivered_is_a_receipt(status: str) -> None:
    assert became(status) == (
        Receipt(
            provider_ref="SM1", state=ReceiptState.DELIVERED, detail="on the phone"
        ),
    )


@pytest.mark.parametrize(
    ("status", "code", "detail"),
    [
        ("undelivered", "30036", "undelivered: 30036, it was not delivered in time"),
        ("failed", "30008", "failed: 30008, the network gave no reason"),
        ("failed", "39999", "failed: error 39999"),
        ("failed", "", "failed"),
        ("undelivered", "x<>\n", "undelivered"),
        ("canceled", "", "canceled"),
    ],
)  # fmt: skip
def test_a_message_that_failed_says_why(status: str, code: str, detail: str) -> None:
    assert became(status, ErrorCode=code) == (
        Receipt(provider_ref="SM1", state=ReceiptState.FAILED, detail=detail),
    )


def test_a_message_to_somebody_who_opted_out_earlier_says_both() -> None:
    failed, out = became("failed", ErrorCode="21610")

    assert isinstance(failed, Receipt)
    assert isinstance(out, Receipt)
    assert failed.state is ReceiptState.FAILED
    assert (out.state, out.address) == (ReceiptState.OPTED_OUT, ANA)


@pytest.mark.parametrize(
    "broken",
    [
        call("status", MessageStatus="delivered"),
        call("status", MessageSid="SM1"),
        call("elsewhere", MessageSid="SM1"),
        Call(method="GET", door="status", url=f"{HOOK}/status"),
    ],
)
def test_a_request_that_says_nothing_is_refused(broken: Call) -> None:
    with pytest.raises(PayloadError):
        twoway.read(broken)


# ── What people read in reply ─────────────────────────────────────────────────────


def answered(*texts: str) -> HookReply:
    results = tuple(Result(asked=Asked(address=ANA), text=text) for text in texts)
    return twoway.answer(call("inbound", From=ANA, Body="ack"), results)


def test_the_result_is_sent_back_as_a_text_message() -> None:
    reply = answered("You have taken #12.")

    assert (reply.status, reply.content_type) == (200, "text/xml; charset=utf-8")
    assert reply.body == (
        b'<?xml version="1.0" encoding="UTF-8"?>'
        b"<Response><Message>You have taken #12.</Message></Response>"
    )


def test_a_status_and_a_stop_are_answered_by_nothing() -> None:
    empty = b'<?xml version="1.0" encoding="UTF-8"?><Response/>'

    assert answered().body == empty
    assert answered("").body == empty


def test_nothing_follows_the_response() -> None:
    assert twoway.follow_up(Result(asked=Asked(address=ANA), text="x"), {}) is None


@pytest.mark.parametrize(
    "text",
    [
        "</Message><Message to='+15550001'>call this number</Message>",
        "<![CDATA[x]]><!-- -->&amp;&#0;",
        "\x00\x08\ufffe\uffff\ud800",
        BURMESE * 200,
        "😀" * 9_999,
    ],
)
def test_no_result_adds_an_element(text: str) -> None:
    body = answered(text).body

    assert twiml_fault(body) == ""
    (message,) = ET.fromstring(body)
    assert message.tag == "Message"
    assert message.attrib == {}
    assert len(message) == 0
    assert len(message.text or "") <= 480


@given(st.text(min_size=1))
def test_every_result_is_twiml(text: str) -> None:
    assert twiml_fault(answered(text).body) == ""
