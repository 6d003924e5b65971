import base64
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network
from urllib.parse import parse_qs, parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.doubles.twilio_server import (
    HANG,
    NUMBER,
    SERVICE,
    TwilioDouble,
    broken,
    refused,
    throttled,
)
from tests.integrations.notices import BURMESE, PAGE
from watchbill.core.messages import Notice
from watchbill.core.notification import Attempt, Outcome
from watchbill.core.paging import AddressKind, MethodKind
from watchbill.integrations.contract import (
    Answer,
    Outgoing,
    SettingsError,
    TransportFailure,
)
from watchbill.integrations.sms import measure
from watchbill.integrations.twilio_sms.outbound import CHANNEL, read, render
from watchbill.server.engine.egress import Egress

pytestmark = pytest.mark.req("S7.1-01")

LOOPBACK = (ip_network("127.0.0.0/8"),)
ANA = "+959250000001"
HOOK = "https://watch.example/hooks/twilio_sms"
ASKING = replace(PAGE, reply_code="4711")
SETTINGS = {
    "account_sid": "AC" + "0" * 32,
    "auth_token": "s3cret",
    "sms_from": NUMBER,
    "to": ANA,
    "hook_url": HOOK,
}


def form(request: Outgoing) -> dict[str, str]:
    return dict(parse_qsl(request.body.decode(), strict_parsing=True))


def test_a_notice_becomes_one_message() -> None:
    request = render(ASKING, SETTINGS)

    assert request.method == "POST"
    account = SETTINGS["account_sid"]
    assert request.url == (
        f"https://api.twilio.com/2010-04-01/Accounts/{account}/Messages.json"
    )
    joined = base64.b64encode(f"{account}:s3cret".encode()).decode()
    assert request.headers["Authorization"] == f"Basic {joined}"
    assert form(request) == {
        "To": ANA,
        "From": NUMBER,
        "Body": "[P1] Page: 5xx rate of the API is 7.3 % (#12)\n"
        "Reply ACK 4711 to take it\n"
        "https://watch.example/a/k3",
        "StatusCallback": f"{HOOK}/status",
    }
    assert "s3cret" not in repr(request)


def test_the_channel_says_whom_it_reaches_and_how_long_it_waits() -> None:
    assert CHANNEL.kind is MethodKind.SMS
    assert CHANNEL.reaches is AddressKind.PHONE
    assert CHANNEL.prefix == "TWILIO"
    assert CHANNEL.receipt_within == timedelta(minutes=3)
    assert {one.name for one in CHANNEL.settings if one.is_secret} == {
        "auth_token",
        "api_key_secret",
    }


def test_a_messaging_service_sends_in_place_of_a_number() -> None:
    fields = form(render(ASKING, {**SETTINGS, "sms_from": SERVICE}))

    assert fields["MessagingServiceSid"] == SERVICE
    assert "From" not in fields
    assert "Reply ACK 4711" in fields["Body"]


def test_a_sender_with_a_name_cannot_be_answered() -> None:
    fields = form(render(ASKING, {**SETTINGS, "sms_from": "Watchbill"}))

    assert fields["From"] == "Watchbill"
    assert "Reply" not in fields["Body"]


@pytest.mark.parametrize("here", ["127.0.0.1:8000", "localhost:8000", "[::1]:8000"])
def test_twilio_is_not_told_of_an_address_it_cannot_come_to(here: str) -> None:
    url = f"http://{here}/hooks/twilio_sms"

    fields = form(render(ASKING, {**SETTINGS, "hook_url": url}))
    in_a_test = {**SETTINGS, "hook_url": url, "api_url": "http://127.0.0.1:1"}

    assert "StatusCallback" not in fields
    assert "Reply" not in fields["Body"]
    assert form(render(ASKING, in_a_test))["StatusCallback"] == f"{url}/status"


def test_an_api_key_is_sent_in_place_of_the_token() -> None:
    keyed = {**SETTINGS, "api_key": "SK1", "api_key_secret": "k"}

    assert render(ASKING, keyed).headers["Authorization"] == (
        f"Basic {base64.b64encode(b'SK1:k').decode()}"
    )
    with pytest.raises(SettingsError, match="both its SID and its secret"):
        render(ASKING, {**SETTINGS, "api_key": "SK1"})


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"account_sid": "AC/../x"}, "AC and 32"),
        ({"auth_token": ""}, "auth token"),
        ({"to": "09250000001"}, "written in full"),
        ({"to": "+95 9\r\nX: y"}, "written in full"),
        ({"to": ""}, "written in full"),
    ],
)
def test_settings_that_cannot_work_are_refused(
    wrong: dict[str, str], says: str
) -> None:
    with pytest.raises(SettingsError, match=says) as caught:
        render(ASKING, {**SETTINGS, **wrong})
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "title", ["x" * 10_000, BURMESE * 300, "😀" * 5_000, "€" * 9_999]
)
def test_a_long_title_never_makes_a_long_message(title: str) -> None:
    notice = replace(ASKING, subject=f"[P1] Page: {title} (#12)")

    body = form(render(notice, SETTINGS))["Body"]

    assert measure(body).segments == 3
    assert len(body) < 1600
    assert "(#12)" in body
    assert "Reply ACK 4711 to take it" in body


@given(st.text(max_size=300))
def test_no_title_adds_a_field_to_the_form(title: str) -> None:
    request = render(
        replace(ASKING, subject=title + "&To=+1&StatusCallback=x"), SETTINGS
    )

    fields = parse_qs(request.body.decode(), strict_parsing=True)
    assert fields["To"] == [ANA]
    assert fields["StatusCallback"] == [f"{HOOK}/status"]


# ── What Twilio answers ───────────────────────────────────────────────────────────


@pytest.fixture
def twilio() -> Iterator[TwilioDouble]:
    with TwilioDouble() as double:
        yield double


def send(twilio: TwilioDouble, notice: Notice = ASKING, **settings: str) -> Attempt:
    known = {**twilio.settings, "to": ANA, "hook_url": HOOK, **settings}
    answer = Egress(LOOPBACK).send(render(notice, known), timeout=0.8)
    if isinstance(answer, TransportFailure):
        return answer.attempt()
    return read(answer)


def test_twilio_takes_a_page(twilio: TwilioDouble) -> None:
    attempt = send(twilio)

    message = twilio.messages[0]
    assert attempt.outcome is Outcome.DELIVERED
    assert attempt.provider_ref == message.sid
    assert message.to == ANA
    assert "Reply ACK 4711" in message.body


def test_burmese_arrives_as_it_was_written(twilio: TwilioDouble) -> None:
    send(twilio, replace(ASKING, subject=f"[P1] Page: {BURMESE} (#12)"))

    assert twilio.messages[0].body.startswith(f"[P1] Page: {BURMESE} (#12)\n")


def test_an_api_key_is_as_good_as_the_token(twilio: TwilioDouble) -> None:
    twilio.keys["SK1"] = "k"

    right = send(twilio, api_key="SK1", api_key_secret="k", auth_token="other")
    wrong = send(twilio, api_key="SK1", api_key_secret="j")

    assert right.outcome is Outcome.DELIVERED
    assert wrong.outcome is Outcome.PERMANENT


@pytest.mark.req("S7.1-08")
def test_twilio_that_is_busy_broken_silent_or_refuses_is_told_apart(
    twilio: TwilioDouble,
) -> None:
    twilio.then(throttled(30), broken(503), broken(500), broken(502), HANG)
    attempts = [send(twilio) for _ in range(5)]

    assert [attempt.outcome for attempt in attempts] == [
        Outcome.THROTTLED,
        Outcome.TRANSIENT,
        Outcome.UNKNOWN,
        Outcome.UNKNOWN,
        Outcome.UNKNOWN,
    ]
    assert attempts[0].retry_after == timedelta(seconds=30)
    assert len(twilio.messages) == 1


@pytest.mark.req("S7.1-08")
def test_what_nobody_but_a_person_can_mend_is_permanent_and_says_what(
    twilio: TwilioDouble,
) -> None:
    twilio.opted_out.add("+959250000002")
    twilio.landlines.add("+9591234567")
    twilio.forbidden = ("+850",)

    assert send(twilio, to="+959250000002") == Attempt(
        outcome=Outcome.PERMANENT,
        detail="Twilio refused: 21610, the person has opted out by STOP;"
        " they may answer START",
    )
    assert "21614, the number cannot receive" in send(twilio, to="+9591234567").detail
    assert "21408, messages to this country" in send(twilio, to="+8501234567").detail
    assert "20003, the account SID, the auth" in send(twilio, auth_token="x").detail
    assert "20003" in send(twilio, account_sid="AC" + "f" * 32).detail
    assert "21606, the sender" in send(twilio, sms_from="+15005550001").detail
    assert twilio.messages == []


@pytest.mark.parametrize(
    ("answer", "outcome", "detail"),
    [
        (Answer(status=201, body=b"{}"), Outcome.UNKNOWN, "without a readable answer"),
        (Answer(status=201, body=b'{"sid": "x"}'), Outcome.UNKNOWN, "HTTP 201"),
        (Answer(status=201, body=b"<html>"), Outcome.UNKNOWN, "HTTP 201"),
        (Answer(status=200, body=b"[" * 9999), Outcome.UNKNOWN, "HTTP 200"),
        (Answer(status=302), Outcome.PERMANENT, "HTTP 302"),
        (Answer(status=404), Outcome.PERMANENT, "HTTP 404"),
        (Answer(status=408), Outcome.TRANSIENT, "HTTP 408"),
        (Answer(status=429), Outcome.THROTTLED, "limits the rate"),
        (Answer(status=400, body=refused(21211).body), Outcome.PERMANENT, "21211, the"),
        (Answer(status=400, body=refused(21611).body), Outcome.THROTTLED, "21611"),
        (
            Answer(status=400, body=refused(99999, message="a\nb" * 99).body),
            Outcome.PERMANENT,
            "99999 a b",
        ),
    ],
)
def test_every_other_answer_has_an_outcome(
    answer: Answer, outcome: Outcome, detail: str
) -> None:
    attempt = read(answer)

    assert attempt.outcome is outcome
    assert detail in attempt.detail
    assert "\n" not in attempt.detail
    assert len(attempt.detail) < 200


@given(st.integers(min_value=100, max_value=599), st.binary(max_size=200))
def test_no_answer_breaks_the_reader(status: int, body: bytes) -> None:
    assert read(Answer(status=status, body=body)).detail
