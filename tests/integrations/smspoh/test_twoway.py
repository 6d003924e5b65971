import json
import threading
from contextlib import suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_network
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.doubles.smspoh_server import HOOK_SECRET, SmspohDouble
from tests.integrations.notices import BURMESE, PAGE
from watchbill.core.messages import Reply
from watchbill.integrations.contract import (
    Answer,
    Asked,
    Call,
    PayloadError,
    Receipt,
    ReceiptState,
    Result,
    SignatureError,
)
from watchbill.integrations.smspoh import twoway
from watchbill.integrations.smspoh.outbound import read, render
from watchbill.server.engine.egress import Egress

pytestmark = pytest.mark.req("S7.1-01")

NOW = datetime(2026, 2, 7, 20, 0, tzinfo=UTC)
ANA = "+959250000001"
HOOK = "https://watch.example/hooks/smspoh"
SETTINGS = {
    "api_key": "key",
    "api_secret": "s3cret",
    "sender": "959450000000",
    "hook_secret": HOOK_SECRET,
    "hook_url": HOOK,
}
FORM = "application/x-www-form-urlencoded"


def call(
    door: str,
    body: bytes = b"",
    *,
    query: dict[str, str] | None = None,
    content_type: str = FORM,
    authorization: str = "",
) -> Call:
    headers = {"content-type": content_type}
    if authorization:
        headers["authorization"] = authorization
    return Call(
        method="POST",
        door=door,
        url=f"{HOOK}/{door}",
        headers=headers,
        query={"key": HOOK_SECRET} if query is None else query,
        body=body,
    )


def receipt(**fields: str) -> Call:
    return call("receipt", urlencode(fields).encode())


def inbox(**fields: object) -> Call:
    return call("inbound", json.dumps(fields).encode(), content_type="application/json")


# ── Who asks ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "right",
    [
        call("receipt"),
        call("receipt", query={}, authorization=f"Bearer {HOOK_SECRET}"),
        call("receipt", query={}, authorization=HOOK_SECRET),
        call("receipt", query={"key": f"{HOOK_SECRET}?messageId=A"}),
    ],
)
def test_a_call_with_the_secret_is_let_in(right: Call) -> None:
    twoway.verify(right, SETTINGS, now=NOW)


@pytest.mark.parametrize(
    "wrong",
    [
        call("receipt", query={}),
        call("receipt", query={"key": ""}),
        call("receipt", query={"key": HOOK_SECRET[:-1]}),
        call("receipt", query={"key": HOOK_SECRET + "x"}),
        call("receipt", query={"key": "\udc80é"}),
        call("receipt", authorization="Bearer other"),
        call("receipt", urlencode({"key": HOOK_SECRET}).encode(), query={}),
    ],
)
def test_a_call_without_the_secret_is_refused(wrong: Call) -> None:
    with pytest.raises(SignatureError) as caught:
        twoway.verify(wrong, SETTINGS, now=NOW)
    assert HOOK_SECRET not in str(caught.value)


def test_without_a_secret_of_ours_nobody_is_let_in() -> None:
    for settings in ({}, {"hook_secret": ""}):
        with pytest.raises(SignatureError):
            twoway.verify(call("receipt", query={"key": ""}), settings, now=NOW)


# ── What became of a message ──────────────────────────────────────────────────────


@pytest.mark.parametrize("status", ["Delivered", "delivered", "Success"])
def test_delivered_is_a_receipt(status: str) -> None:
    assert twoway.read(receipt(messageId="A-1", to="9592", status=status)) == (
        Receipt(
            provider_ref="A-1", state=ReceiptState.DELIVERED, detail="on the phone"
        ),
    )


@pytest.mark.parametrize(
    "status", ["Rejected", "Failed", "Undelivered", "Error", "Expired"]
)
def test_what_did_not_arrive_has_failed_and_says_why(status: str) -> None:
    (event,) = twoway.read(receipt(messageId="A-1", status=status))

    assert isinstance(event, Receipt)
    assert event.state is ReceiptState.FAILED
    assert event.detail


@pytest.mark.parametrize("status", ["Accepted", "Sent", "Pending", "?", "", "x" * 999])
def test_everything_before_that_is_no_receipt(status: str) -> None:
    assert twoway.read(receipt(messageId="A-1", status=status)) == ()


@pytest.mark.parametrize(
    "one",
    [
        receipt(id="12345", client_reference="k", status="Delivered"),
        call(
            "receipt", query={"key": "k", "messageId": "12345", "status": "Delivered"}
        ),
        call("receipt", query={"key": "k?messageId=12345", "status": "Delivered"}),
        call(
            "receipt",
            b'{"messageId": 12345, "status": "Delivered", "x": null}',
            content_type="application/json; charset=utf-8",
        ),
    ],
)
def test_a_receipt_is_read_in_every_form_it_may_come_in(one: Call) -> None:
    (event,) = twoway.read(one)

    assert isinstance(event, Receipt)
    assert (event.provider_ref, event.state) == ("12345", ReceiptState.DELIVERED)


@pytest.mark.parametrize(
    "broken",
    [
        receipt(status="Delivered"),
        call("elsewhere", b"messageId=A"),
        call("receipt", b"\xff"),
        call("receipt", b"[" * 9999, content_type="application/json"),
        call("receipt", b"[]", content_type="application/json"),
        call("inbound", b"", content_type="application/json"),
        inbox(message="ack"),
        inbox(message="ack", **{"from": "Bank"}),
        inbox(message="ack", **{"from": ["959"]}),
    ],
)
def test_a_call_that_says_nothing_is_refused(broken: Call) -> None:
    with pytest.raises(PayloadError):
        twoway.read(broken)


# ── What people write ─────────────────────────────────────────────────────────────


def said(text: str, sender: str = "959250000001") -> Asked | Receipt:
    (event,) = twoway.read(inbox(message=text, to="1", **{"from": sender}))
    return event


def test_an_answer_names_who_what_and_which() -> None:
    assert said("ack ၄၇၁၁") == Asked(
        address=ANA, reply=Reply.ACKNOWLEDGE, code="4711", text="ack ၄၇၁၁"
    )
    assert said(BURMESE) == Asked(address=ANA, text=BURMESE)


@pytest.mark.parametrize(
    ("sender", "address"),
    [
        ("959250000001", ANA),
        ("+959250000001", ANA),
        ("09250000001", ANA),
        ("66912345678", "+66912345678"),
        ("1234", "1234"),
    ],
)
def test_the_sender_is_known_by_the_number_in_full(sender: str, address: str) -> None:
    event = said("ack", sender)

    assert isinstance(event, Asked)
    assert event.address == address


def test_stop_and_start_are_about_the_person() -> None:
    out, back = said("STOP"), said("start")

    assert isinstance(out, Receipt)
    assert isinstance(back, Receipt)
    assert (out.state, out.address) == (ReceiptState.OPTED_OUT, ANA)
    assert (back.state, back.address) == (ReceiptState.OPTED_IN, ANA)


@given(
    st.binary(max_size=200),
    st.sampled_from(["receipt", "inbound"]),
    st.sampled_from([FORM, "application/json", ""]),
)
def test_no_body_breaks_the_reader(body: bytes, door: str, content_type: str) -> None:
    with suppress(PayloadError):
        twoway.read(call(door, body, content_type=content_type))


# ── What people read in reply ─────────────────────────────────────────────────────


def test_the_result_is_sent_as_a_message_of_its_own() -> None:
    result = Result(asked=Asked(address=ANA), text="You have taken #12." + "x" * 9_999)

    reply = twoway.answer(inbox(), (result,))
    request = twoway.follow_up(result, SETTINGS)

    assert (reply.status, reply.body) == (200, b"OK")
    assert request is not None
    body = json.loads(request.body)
    assert body["to"] == "09250000001"
    assert body["message"].startswith("You have taken #12.")
    assert len(body["message"]) == 459
    assert twoway.follow_up(Result(asked=Asked(address=ANA), text=""), {}) is None


# ── From end to end ───────────────────────────────────────────────────────────────


class _Hooks(HTTPServer):
    """Takes the calls of SMSPoh as the server's hooks do."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.events: list[Asked | Receipt] = []


class _Handler(BaseHTTPRequestHandler):
    server: _Hooks

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the output of the tests clean."""

    def do_POST(self) -> None:
        parts = urlsplit(self.path)
        one = Call(
            method="POST",
            door=parts.path.rpartition("/")[2],
            url=self.path,
            headers={name.lower(): value for name, value in self.headers.items()},
            query=dict(parse_qsl(parts.query)),
            body=self.rfile.read(int(self.headers["Content-Length"])),
        )
        try:
            twoway.verify(one, SETTINGS, now=NOW)
            self.server.events += twoway.read(one)
            status = twoway.answer(one, ()).status
        except SignatureError:
            status = 403
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()


def test_a_message_its_receipt_and_its_answer_go_round() -> None:
    with SmspohDouble() as smspoh, _Hooks() as hooks:
        thread = threading.Thread(target=hooks.serve_forever, args=(0.05,))
        thread.start()
        url = f"http://127.0.0.1:{hooks.server_port}/hooks/smspoh"
        known = {**smspoh.settings, "to": ANA, "hook_url": url}
        answer = Egress((ip_network("127.0.0.0/8"),)).send(
            render(PAGE, known), timeout=2
        )
        assert isinstance(answer, Answer)
        ref = read(answer).provider_ref
        statuses = [
            smspoh.receipt(smspoh.messages[0], "Delivered"),
            smspoh.inbox(
                f"{url}/inbound?key={HOOK_SECRET}", sender="959250000001", text="ACK"
            ),
            smspoh.inbox(f"{url}/inbound?key=x", sender="959250000001", text="ACK"),
        ]
        hooks.shutdown()
        thread.join(10)

    assert statuses == [200, 200, 403]
    assert hooks.events == [
        Receipt(provider_ref=ref, state=ReceiptState.DELIVERED, detail="on the phone"),
        Asked(address=ANA, reply=Reply.ACKNOWLEDGE, text="ACK"),
    ]
