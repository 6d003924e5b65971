from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network
from urllib.parse import parse_qsl
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.doubles.twilio_server import HANG, NUMBER, TwilioDouble, refused, twiml_fault
from tests.integrations.notices import BURMESE, PAGE
from watchbill.core.messages import Button, Notice, Reply
from watchbill.core.notification import Attempt, Outcome
from watchbill.core.paging import AddressKind, MethodKind
from watchbill.integrations.contract import Outgoing, SettingsError, TransportFailure
from watchbill.integrations.twilio_voice.outbound import (
    CHANNEL,
    read,
    render,
    speakable,
)
from watchbill.server.engine.egress import Egress

pytestmark = pytest.mark.req("S7.1-01")

LOOPBACK = (ip_network("127.0.0.0/8"),)
ANA = "+959250000001"
HOOK = "https://watch.example/hooks/twilio_voice"
SETTINGS = {
    "account_sid": "AC" + "0" * 32,
    "auth_token": "s3cret",
    "voice_from": NUMBER,
    "to": ANA,
    "hook_url": HOOK,
}
ASKING = replace(
    PAGE,
    buttons=(
        Button(reply=Reply.ACKNOWLEDGE, label="Acknowledge", token="a.Kf-3_x"),
        Button(reply=Reply.RESOLVE, label="Resolve", token="r.Kf-3_x"),
        Button(reply=Reply.ESCALATE, label="Escalate", token="e.Kf-3_x"),
    ),
)


def form(notice: Notice = ASKING, **settings: str) -> dict[str, str]:
    request = render(notice, {**SETTINGS, **settings})
    return dict(parse_qsl(request.body.decode(), strict_parsing=True))


def played(notice: Notice = ASKING, **settings: str) -> ET.Element:
    document = form(notice, **settings)["Twiml"]
    assert twiml_fault(document.encode()) == ""
    assert len(document) <= 4000
    return ET.fromstring(document)


def spoken(element: ET.Element) -> list[str]:
    return [part.text or "" for part in element.iter("Say")]


def titled(title: str) -> Notice:
    return replace(ASKING, subject=f"[P1] Page: {title} (#12)")


def test_a_notice_becomes_one_call() -> None:
    request = render(ASKING, SETTINGS)
    fields = form()

    account = SETTINGS["account_sid"]
    assert request.url == (
        f"https://api.twilio.com/2010-04-01/Accounts/{account}/Calls.json"
    )
    assert "s3cret" not in repr(request)
    assert (fields["To"], fields["From"]) == (ANA, NUMBER)
    assert fields["StatusCallback"] == f"{HOOK}/status"
    assert fields["StatusCallbackEvent"] == "completed"
    assert fields["MachineDetection"] == "Enable"
    assert fields["AsyncAmd"] == "true"
    assert fields["AsyncAmdStatusCallback"] == f"{HOOK}/status"


def test_the_channel_says_whom_it_reaches_and_how_long_it_waits() -> None:
    assert CHANNEL.kind is MethodKind.VOICE
    assert CHANNEL.reaches is AddressKind.PHONE
    assert CHANNEL.prefix == "TWILIO"
    assert CHANNEL.receipt_within == timedelta(minutes=2)


def test_the_call_ends_before_its_receipt_is_overdue() -> None:
    assert CHANNEL.receipt_within is not None
    longest = int(form()["Timeout"]) + int(form()["TimeLimit"])
    assert longest <= CHANNEL.receipt_within.total_seconds()


def test_it_is_said_how_bad_what_which_and_which_key_to_press() -> None:
    gathers = played().findall("Gather")

    assert len(gathers) == 3
    for gather in gathers:
        assert spoken(gather) == [
            "P1. Page: 5xx rate of the API is 7.3 %.",
            "Incident number 1 2.",
            "Press 1 to acknowledge. Press 2 to escalate. Press star to hear it again.",
        ]
    assert played()[-1].text == "No key was pressed. Goodbye."


def test_a_key_goes_to_our_door_with_the_token_that_it_stands_for() -> None:
    gather = played().findall("Gather")[0]

    assert gather.attrib == {
        "input": "dtmf",
        "numDigits": "1",
        "finishOnKey": "*",
        "timeout": "4",
        "action": f"{HOOK}/digits?1=a.Kf-3_x&2=e.Kf-3_x",
        "method": "POST",
    }


def test_nothing_that_is_said_travels_in_an_address() -> None:
    addresses = [gather.attrib["action"] for gather in played().findall("Gather")]

    assert not any("5xx" in address or "P1" in address for address in addresses)


def test_whoever_is_only_informed_is_asked_for_nothing() -> None:
    root = played(replace(ASKING, buttons=()))

    assert root.findall("Gather") == []
    assert spoken(root) == [
        "P1. Page: 5xx rate of the API is 7.3 %.",
        "Incident number 1 2.",
    ] * 2  # fmt: skip


def test_only_keys_that_are_offered_are_read_out() -> None:
    root = played(replace(ASKING, buttons=ASKING.buttons[:1]))

    assert spoken(root)[2] == "Press 1 to acknowledge. Press star to hear it again."


def test_without_an_address_that_twilio_can_come_to_no_key_is_asked_for() -> None:
    fields = form(hook_url="http://127.0.0.1:8000/hooks/twilio_voice")

    assert "Gather" not in fields["Twiml"]
    assert "StatusCallback" not in fields
    assert "MachineDetection" not in fields


# ── What cannot be spoken, and what is hostile ────────────────────────────────────


def test_burmese_is_left_out_and_the_call_says_so() -> None:
    assert spoken(played(titled(BURMESE)))[:2] == [
        "P1. Page: Its title is in another script.",
        "Incident number 1 2.",
    ]
    mixed = titled(f"login failed for 5 % of users, {BURMESE[:6]}")
    assert spoken(played(mixed))[0] == "P1. Page: login failed for 5 % of users,."


def test_a_drill_and_a_notice_about_no_incident_are_said_as_they_are() -> None:
    drill = replace(ASKING, subject="DRILL [P2] Page: x (#7)")
    check = replace(ASKING, subject="Confirm this number", buttons=())

    assert spoken(played(drill))[:2] == ["DRILL P2. Page: x.", "Incident number 7."]
    assert spoken(played(check))[:2] == ["Confirm this number."] * 2


@pytest.mark.parametrize(
    "title",
    [
        "</Say></Gather><Dial>+15550001</Dial><Gather><Say>",
        '"/><Redirect>https://evil.example</Redirect>',
        "<![CDATA[x]]><!-- &#0; &amp;",
        "line\r\nbreak\u2028and \x00 \x1b[31m \ufffe\uffff \u202e",
        "&" * 10_000,
        "<" * 10_000,
        "x" * 10_000,
        BURMESE * 400,
        "😀" * 10_000,
    ],
)
def test_no_title_adds_an_element_or_makes_the_call_too_long(title: str) -> None:
    root = played(titled(title))

    assert {element.tag for element in root.iter()} == {
        "Response",
        "Gather",
        "Say",
        "Pause",
    }
    assert spoken(root)[1] == "Incident number 1 2."
    assert all(len(text) <= 260 for text in spoken(root))


@given(st.text(max_size=500))
def test_every_title_can_be_played(title: str) -> None:
    played(replace(ASKING, subject=title))


def test_a_long_base_url_shortens_what_is_said_and_then_is_refused() -> None:
    long = "https://watch.example/" + "y" * 700
    too_long = "https://watch.example/" + "y" * 4000

    played(titled("x" * 400), hook_url=long)
    with pytest.raises(SettingsError, match="base URL is too long"):
        form(hook_url=too_long)


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("5xx  rate\nis 7 %", "5xx rate is 7 %"),
        ("Zoë: café", "Zoë: café"),
        ("a\x00b", "a b"),
        ("ကkခ", "k"),
        ("🚒", ""),
    ],
)
def test_an_english_voice_reads_latin_letters(text: str, heard: str) -> None:
    assert speakable(text) == heard


# ── What Twilio answers ───────────────────────────────────────────────────────────


@pytest.fixture
def twilio() -> Iterator[TwilioDouble]:
    with TwilioDouble() as double:
        yield double


def send(twilio: TwilioDouble, notice: Notice = ASKING, **settings: str) -> Attempt:
    known = {**twilio.settings, "to": ANA, "hook_url": HOOK, **settings}
    request: Outgoing = render(notice, known)
    answer = Egress(LOOPBACK).send(request, timeout=0.8)
    if isinstance(answer, TransportFailure):
        return answer.attempt()
    return read(answer)


def test_twilio_makes_the_call(twilio: TwilioDouble) -> None:
    attempt = send(twilio)

    made = twilio.calls[0]
    assert attempt.outcome is Outcome.DELIVERED
    assert attempt.provider_ref == made.sid
    assert made.said.startswith("P1. Page: 5xx rate of the API is 7.3 %.")
    assert made.action == f"{HOOK}/digits?1=a.Kf-3_x&2=e.Kf-3_x"


@pytest.mark.req("S7.1-08")
def test_twilio_that_refuses_or_is_silent_is_told_apart(twilio: TwilioDouble) -> None:
    twilio.then(refused(21216, 400), HANG)
    blocked, silent = send(twilio), send(twilio)
    foreign = send(twilio, voice_from="+15005550001")

    assert blocked.outcome is Outcome.PERMANENT
    assert "21216, calls to this number are blocked" in blocked.detail
    assert silent.outcome is Outcome.UNKNOWN
    assert "21210, the number that calls come from" in foreign.detail
