"""Messages and calls, their receipts and their answers, over real sockets."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_network
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.doubles.twilio_server import TwilioDouble, post
from tests.integrations.notices import PAGE
from watchbill.core.messages import Button, Reply
from watchbill.integrations import twilio as shared
from watchbill.integrations.contract import (
    Answer,
    Asked,
    Call,
    HookReply,
    Outgoing,
    Receipt,
    ReceiptState,
    Result,
    SignatureError,
    TwoWay,
)
from watchbill.integrations.twilio_sms import outbound as sms_outbound
from watchbill.integrations.twilio_sms import twoway as sms_twoway
from watchbill.integrations.twilio_voice import outbound as voice_outbound
from watchbill.integrations.twilio_voice import twoway as voice_twoway
from watchbill.server.engine.egress import Egress

pytestmark = pytest.mark.req("S7.1-01")

NOW = datetime(2026, 2, 7, 20, 0, tzinfo=UTC)
ANA = "+959250000001"
ASKING = replace(
    PAGE,
    reply_code="4711",
    buttons=(Button(reply=Reply.ACKNOWLEDGE, label="Acknowledge", token="a.K3"),),
)


class Hooks(HTTPServer):
    """Takes the calls of Twilio as the server's hooks do."""

    def __init__(self, twoway: TwoWay, token: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.twoway = twoway
        self.token = token
        self.events: list[Asked | Receipt] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hooks/twilio"


class _Handler(BaseHTTPRequestHandler):
    server: Hooks

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the output of the tests clean."""

    def do_POST(self) -> None:
        parts = urlsplit(self.path)
        one = Call(
            method="POST",
            door=parts.path.rpartition("/")[2],
            url=f"http://{self.headers['Host']}{self.path}",
            headers={name.lower(): value for name, value in self.headers.items()},
            query=dict(parse_qsl(parts.query)),
            body=self.rfile.read(int(self.headers["Content-Length"])),
        )
        reply = self._reply(one)
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    def _reply(self, one: Call) -> HookReply:
        twoway = self.server.twoway
        try:
            twoway.verify(one, {"auth_token": self.server.token}, now=NOW)
        except SignatureError:
            return HookReply(status=403)
        events = twoway.read(one)
        self.server.events += events
        asked = (event for event in events if isinstance(event, Asked))
        results = (Result(asked=event, text="You have taken #12.") for event in asked)
        return twoway.answer(one, tuple(results))


@contextmanager
def hooks(twoway: TwoWay, twilio: TwilioDouble) -> Iterator[Hooks]:
    with Hooks(twoway, twilio.auth_token) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join(10)


def send(request: Outgoing) -> str:
    answer = Egress((ip_network("127.0.0.0/8"),)).send(request, timeout=2)
    assert isinstance(answer, Answer)
    return shared.read(answer).provider_ref


def test_a_text_message_is_received_answered_and_then_stopped() -> None:
    with TwilioDouble() as twilio, hooks(sms_twoway, twilio) as server:
        known = {**twilio.settings, "to": ANA, "hook_url": server.url}
        ref = send(sms_outbound.render(ASKING, known))
        inbound = f"{server.url}/inbound"
        sent = twilio.status(twilio.messages[0], "sent")
        delivered = twilio.status(twilio.messages[0], "delivered")
        answer = twilio.reply(inbound, sender=ANA, text="ack 4711")
        stop = twilio.reply(inbound, sender=ANA, text="STOP")
        refused = send(sms_outbound.render(ASKING, known))

    assert {one.status for one in (sent, delivered, answer, stop)} == {200}
    assert answer.texts == ("You have taken #12.",)
    assert stop.texts == ()
    assert refused == ""
    assert server.events == [
        Receipt(provider_ref=ref, state=ReceiptState.DELIVERED, detail="on the phone"),
        Asked(address=ANA, reply=Reply.ACKNOWLEDGE, code="4711", text="ack 4711"),
        Receipt(
            provider_ref="",
            state=ReceiptState.OPTED_OUT,
            detail="the person wrote STOP",
            address=ANA,
        ),
    ]


def test_a_call_is_answered_by_a_key() -> None:
    with TwilioDouble() as twilio, hooks(voice_twoway, twilio) as server:
        known = {**twilio.settings, "to": ANA, "hook_url": server.url}
        ref = send(voice_outbound.render(ASKING, known))
        wrong = twilio.press(twilio.calls[0], "7")
        right = twilio.press(twilio.calls[0], "1")
        twilio.status(twilio.calls[0], "completed", AnsweredBy="human")

    heard = Receipt(
        provider_ref=ref,
        state=ReceiptState.DELIVERED,
        detail="a person pressed a key",
    )
    assert wrong.texts[:2] == ("This key does nothing.", "Press 1 to acknowledge. ")
    assert right.texts == ("You have taken #12.", "Goodbye.")
    assert server.events == [
        heard,
        heard,
        Asked(address=ANA, reply=Reply.ACKNOWLEDGE, token="a.K3", text="1"),
    ]


def test_a_forged_call_changes_nothing() -> None:
    with TwilioDouble() as twilio, hooks(sms_twoway, twilio) as server:
        fields = {"From": ANA, "Body": "resolve 4711", "MessageSid": "SM1"}
        url = f"{server.url}/inbound"
        good = twilio.signed(url, fields)
        forged = post(twilio.signed(url, fields, token="guessed"))
        tampered = post(replace(good, body=good.body.replace(b"4711", b"4712")))
        elsewhere = post(replace(good, url=f"{server.url}/status"))

    assert [one.status for one in (forged, tampered, elsewhere)] == [403, 403, 403]
    assert server.events == []
