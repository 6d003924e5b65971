import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.doubles.smspoh_server import (
    HANG,
    HOOK_SECRET,
    SmspohDouble,
    SmspohReply,
    broken,
    error,
    invalid,
    throttled,
    unauthorized,
)
from tests.integrations.notices import BURMESE, PAGE
from watchbill.core.messages import Notice
from watchbill.core.notification import Attempt, Outcome
from watchbill.core.paging import AddressKind, MethodKind
from watchbill.integrations.contract import Answer, SettingsError, TransportFailure
from watchbill.integrations.sms import measure
from watchbill.integrations.smspoh.outbound import CHANNEL, local, read, render
from watchbill.server.engine.egress import Egress

pytestmark = pytest.mark.req("S7.1-01")

LOOPBACK = (ip_network("127.0.0.0/8"),)
ANA = "+959250000001"
HOOK = "https://watch.example/hooks/smspoh"
ASKING = replace(PAGE, reply_code="4711")
SETTINGS = {
    "api_key": "key",
    "api_secret": "s3cret",
    "sender": "WatchBill",
    "hook_secret": HOOK_SECRET,
    "to": ANA,
    "hook_url": HOOK,
}


def content(notice: Notice = ASKING, /, **settings: str) -> dict[str, Any]:
    request = render(notice, {**SETTINGS, **settings})
    found: dict[str, Any] = json.loads(request.body)
    return found


def test_a_notice_becomes_one_message_of_version_3() -> None:
    request = render(ASKING, SETTINGS)

    assert request.method == "POST"
    assert request.url == "https://v3.smspoh.com/api/rest/send"
    assert request.headers == {
        "Content-Type": "application/json",
        "Accept": "application/json",
        "Authorization": f"Bearer {base64.b64encode(b'key:s3cret').decode()}",
    }
    assert json.loads(request.body) == {
        "to": "09250000001",
        "message": "[P1] Page: 5xx rate of the API is 7.3 % (#12)\n"
        "https://watch.example/a/k3",
        "from": "WatchBill",
        "clientReference": "step-7/ana/mail",
        "deliveryReceiptUrl": f"{HOOK}/receipt?key={HOOK_SECRET}",
    }
    assert "s3cret" not in repr(request)


def test_the_channel_says_whom_it_reaches_and_how_long_it_waits() -> None:
    assert CHANNEL.kind is MethodKind.SMS
    assert CHANNEL.reaches is AddressKind.PHONE
    assert CHANNEL.receipt_within == timedelta(minutes=3)
    assert all("hook_secret" in mode.needs for mode in CHANNEL.modes)


def test_version_2_differs_in_its_address_its_token_and_a_field() -> None:
    old = {
        "token": "t",
        "sender_field": "sender",
        "api_url": "https://smspoh.com/api/v2/",
    }
    request = render(ASKING, {**SETTINGS, **old})

    assert request.url == "https://smspoh.com/api/v2/send"
    assert request.headers["Authorization"] == "Bearer t"
    assert content(**old)["sender"] == "WatchBill"
    assert "from" not in content(**old)


def test_an_answer_is_asked_for_only_if_it_would_reach_us() -> None:
    assert "Reply ACK 4711 to take it" in content(replies="yes")["message"]
    assert "Reply" not in content(replies="no")["message"]


def test_burmese_is_sent_as_unicode_and_other_text_is_not() -> None:
    burmese = content(replace(ASKING, subject=f"[P1] Page: {BURMESE} (#12)"))

    assert burmese["unicode"] == 1
    assert BURMESE in burmese["message"]
    assert "unicode" not in content()


@pytest.mark.parametrize(
    "title", ["x" * 10_000, BURMESE * 300, "😀" * 5_000, "\x00\n" * 99]
)
def test_no_title_makes_a_long_message(title: str) -> None:
    text = content(replace(ASKING, subject=f"[P1] Page: {title} (#12)"))["message"]

    assert measure(text).segments <= 3
    assert "(#12)" in text
    assert "\x00" not in text


@pytest.mark.parametrize(
    ("number", "written"),
    [
        ("+959250000001", "09250000001"),
        ("+95912345678", "0912345678"),
        ("+9512345678", "+9512345678"),
        ("+66912345678", "+66912345678"),
    ],
)
def test_a_number_is_written_as_smspoh_takes_it(number: str, written: str) -> None:
    assert local(number) == written


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"to": "09250000001"}, "written in full"),
        ({"to": ""}, "written in full"),
        ({"api_secret": ""}, "API key and its secret"),
        ({"sender": "x"}, "sender ID"),
        ({"sender": "Watchbill\r\n"}, None),
        ({"sender": "Watch<bill>"}, "sender ID"),
        ({"hook_secret": "short"}, "16 characters"),
    ],
)
def test_settings_that_cannot_work_are_refused(
    wrong: dict[str, str], says: str | None
) -> None:
    if says is None:
        assert content(**wrong)["from"] == "Watchbill"
        return
    with pytest.raises(SettingsError, match=says) as caught:
        render(ASKING, {**SETTINGS, **wrong})
    assert "s3cret" not in str(caught.value)
    assert "short" not in str(caught.value)


# ── What SMSPoh answers ───────────────────────────────────────────────────────────


@pytest.fixture
def smspoh() -> Iterator[SmspohDouble]:
    with SmspohDouble() as double:
        yield double


def send(settings: dict[str, str], **more: str) -> Attempt:
    request = render(ASKING, {**settings, "to": ANA, "hook_url": HOOK, **more})
    answer = Egress(LOOPBACK).send(request, timeout=0.8)
    if isinstance(answer, TransportFailure):
        return answer.attempt()
    return read(answer)


def test_both_versions_take_a_page_and_name_it(smspoh: SmspohDouble) -> None:
    third, second = send(smspoh.settings), send(smspoh.settings_2)

    assert third.outcome is second.outcome is Outcome.DELIVERED
    assert [third.provider_ref, second.provider_ref] == [m.id for m in smspoh.messages]
    assert smspoh.messages[0].to == "09250000001"
    assert smspoh.messages[0].text.startswith("[P1] Page: 5xx rate")


@pytest.mark.req("S7.1-08")
def test_smspoh_that_is_busy_broken_silent_or_refuses_is_told_apart(
    smspoh: SmspohDouble,
) -> None:
    smspoh.then(throttled(30), broken(503), broken(500), HANG, unauthorized())
    attempts = [send(smspoh.settings) for _ in range(5)]
    attempts.append(send(smspoh.settings, api_secret="wrong"))
    attempts.append(send(smspoh.settings, sender="Stranger"))

    assert [attempt.outcome for attempt in attempts] == [
        Outcome.THROTTLED,
        Outcome.TRANSIENT,
        Outcome.UNKNOWN,
        Outcome.UNKNOWN,
        Outcome.PERMANENT,
        Outcome.PERMANENT,
        Outcome.PERMANENT,
    ]
    assert attempts[0].retry_after == timedelta(seconds=30)
    assert "invalid credentials" in attempts[4].detail
    assert "permitted addresses" in attempts[4].detail
    assert "from: Sender ID is not approved." in attempts[6].detail
    assert len(smspoh.messages) == 1


def of(reply: SmspohReply) -> Answer:
    return Answer(status=reply.status, headers=reply.headers, body=reply.body)


def said(document: object, status: int = 201) -> Answer:
    return Answer(status=status, body=json.dumps(document).encode())


REJECTED = {"messages": [{"messageId": "A", "status": "Rejected"}]}
NO_CREDIT = {"status": False, "data": {"message": "No credit"}}


@pytest.mark.parametrize(
    ("answer", "outcome", "detail"),
    [
        (said(REJECTED), Outcome.PERMANENT, "took nothing: Rejected"),
        (said({"messages": [{"messageId": "A"}]}), Outcome.DELIVERED, "took it"),
        (said({"messages": []}), Outcome.UNKNOWN, "does not name"),
        (said({"messages": [{}]}), Outcome.UNKNOWN, "does not name"),
        (said(NO_CREDIT, 200), Outcome.PERMANENT, "HTTP 200: No credit"),
        (said({"status": True, "data": {}}, 200), Outcome.UNKNOWN, "does not name"),
        (said([1], 200), Outcome.UNKNOWN, "does not name"),
        (Answer(status=200, body=b"<html>"), Outcome.UNKNOWN, "does not name"),
        (Answer(status=200, body=b"[" * 9999), Outcome.UNKNOWN, "does not name"),
        (Answer(status=302), Outcome.PERMANENT, "HTTP 302"),
        (of(error(402, "Payment", "No\ncredit")), Outcome.PERMANENT, "402: No credit"),
        (of(invalid("to", "x" * 999)), Outcome.PERMANENT, "422: to: xxx"),
    ],
)
def test_every_other_answer_has_an_outcome(
    answer: Answer, outcome: Outcome, detail: str
) -> None:
    attempt = read(answer)

    assert attempt.outcome is outcome
    assert detail in attempt.detail
    assert "\n" not in attempt.detail
    assert len(attempt.detail) < 220


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["messages", "messageId", "status", "data", "id", "message"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=9,
)


@given(st.integers(min_value=100, max_value=599), JSON)
def test_no_answer_breaks_the_reader(status: int, document: object) -> None:
    assert read(said(document, status)).detail
