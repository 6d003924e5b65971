import base64
import json
from dataclasses import replace

import pytest
from hypothesis import given

from tests.doubles.raw_server import Connection, RawServer
from tests.doubles.scripted_server import Posted, Reply, throttled
from tests.doubles.webhook_server import WebhookDouble, verify
from tests.integrations.notices import BURMESE, PAGE, hostile_notices
from tests.integrations.sending import NOW, STAMP, channels, send
from watchbill.core.messages import Link, Notice
from watchbill.core.notification import Outcome
from watchbill.core.severity import Urgency
from watchbill.integrations.contract import Answer, Outgoing, SettingsError
from watchbill.integrations.webhook.outbound import message_id, read, render

pytestmark = pytest.mark.req("S7.1-08")

KEY = bytes(range(32))
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"
SETTINGS = {
    "url": "https://hooks.example/in",
    "secret": SECRET,
    "sent_at": str(STAMP),
    "to": "#incidents",
}


def posted(request: Outgoing) -> Posted:
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Posted(path="/", headers=headers, body=request.body)


def test_a_receiver_verifies_and_reads_the_notice() -> None:
    with WebhookDouble(KEY, now=STAMP) as receiver:
        given = {"url": f"{receiver.origin}/in", "secret": SECRET}
        attempt = send("webhook", given, to="#incidents")
        (event,) = receiver.taken

    assert attempt.outcome is Outcome.DELIVERED
    assert event.content == {
        "type": "notice.posted",
        "id": message_id(PAGE),
        "data": {
            "channel": "#incidents",
            "thread_key": "incident-12",
            "subject": "[P1] Page: 5xx rate of the API is 7.3 % (#12)",
            "paragraphs": list(PAGE.paragraphs),
            "facts": [
                {"label": "Severity", "value": "P1 Critical"},
                {"label": "Status", "value": "triggered"},
            ],
            "links": [
                {
                    "label": "Open the incident",
                    "url": "https://watch.example/incidents/12",
                    "is_primary": False,
                },
                {
                    "label": "Acknowledge",
                    "url": "https://watch.example/a/k3",
                    "is_primary": True,
                },
            ],
            "severity": "P1",
            "urgency": "high",
        },
    }


def test_the_double_agrees_with_the_reference_libraries() -> None:
    # The vector of the tests of github.com/standard-webhooks/standard-webhooks.
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    known = Posted(path="/", headers=headers, body=b'{"test": 2432232314}')

    assert verify(known, key, now=1614265330) is not None


def test_a_signature_holds_for_its_secret_and_its_time() -> None:
    request = posted(render(PAGE, SETTINGS))

    assert verify(request, KEY, now=STAMP + 300) is not None
    assert verify(request, KEY, now=STAMP + 301) is None
    assert verify(request, bytes(32), now=STAMP) is None


def test_a_repetition_differs_in_its_time_and_signature_only() -> None:
    first = render(PAGE, SETTINGS)
    second = render(PAGE, SETTINGS | {"sent_at": str(STAMP + 60)})

    assert first.body == second.body
    changed = {n for n in first.headers if first.headers[n] != second.headers[n]}
    assert changed == {"webhook-timestamp", "webhook-signature"}


@pytest.mark.req("S7.1-08")
def test_a_message_whose_answer_is_lost_is_taken_once() -> None:
    with WebhookDouble(KEY, now=STAMP) as receiver:
        sender = channels(
            {"webhook": {"url": f"{receiver.origin}/in", "secret": SECRET}}
        )
        sender.send("webhook", "ops", PAGE, now=NOW)
        again = sender.send("webhook", "ops", PAGE, now=NOW)

    assert again.outcome is Outcome.DELIVERED
    assert receiver.requests == 2
    assert len(receiver.taken) == 1


def test_a_connection_that_breaks_is_unknown() -> None:
    def script(connection: Connection) -> None:
        connection.receive_request()

    with RawServer(script) as server:
        given = {"url": f"http://127.0.0.1:{server.port}/", "secret": SECRET}
        attempt = send("webhook", given)

    assert attempt.outcome is Outcome.UNKNOWN


def test_two_secrets_sign_while_one_replaces_the_other() -> None:
    new = bytes(range(32, 64))
    both = f"{SECRET} whsec_{base64.b64encode(new).decode()}"

    request = posted(render(PAGE, SETTINGS | {"secret": both}))

    assert verify(request, KEY, now=STAMP) is not None
    assert verify(request, new, now=STAMP) is not None


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"url": ""}, "must begin with https"),
        ({"url": "ftp://hooks.example/"}, "must begin with https"),
        ({"secret": ""}, "needs a secret"),
        ({"secret": "whsec_s3cret"}, "Secret 1 of the webhook must be whsec_"),
        ({"secret": f"{SECRET} whsec_AAAA"}, "Secret 2 of the webhook"),
        ({"sent_at": ""}, "without the time"),
    ],
)
def test_settings_that_cannot_work_are_refused_and_never_quoted(
    wrong: dict[str, str], says: str
) -> None:
    with pytest.raises(SettingsError, match=says) as caught:
        render(PAGE, SETTINGS | wrong)

    assert "s3cret" not in str(caught.value)
    assert SECRET not in str(caught.value)


def test_links_that_are_no_web_pages_are_left_out() -> None:
    notice = replace(PAGE, links=(Link(label="x", url="javascript:alert(1)"),))

    assert json.loads(render(notice, SETTINGS).body)["data"]["links"] == []


def test_burmese_and_names_of_channels_stay_out_of_the_headers() -> None:
    notice = replace(PAGE, idempotency_key=f"7/page/{BURMESE}", urgency=Urgency.LOW)
    request = render(notice, SETTINGS | {"to": BURMESE})

    assert all(value.isascii() for value in request.headers.values())
    assert BURMESE.encode() in request.body


@given(notice=hostile_notices())
def test_whatever_is_in_a_notice_is_signed_and_readable(notice: Notice) -> None:
    event = verify(posted(render(notice, SETTINGS)), KEY, now=STAMP)

    assert event is not None
    assert event.content["type"] == "notice.posted"


@pytest.mark.parametrize(
    ("reply", "outcome", "detail"),
    [
        (Reply(status=200), Outcome.DELIVERED, "the receiver answered HTTP 200"),
        (Reply(status=204), Outcome.DELIVERED, "the receiver answered HTTP 204"),
        (Reply(status=410), Outcome.PERMANENT, "wants no more"),
        (Reply(status=302), Outcome.PERMANENT, "redirects are not followed"),
        (Reply(status=401, body=b"who?"), Outcome.PERMANENT, "HTTP 401: who?"),
        (Reply(status=404), Outcome.PERMANENT, "HTTP 404"),
        (Reply(status=408), Outcome.TRANSIENT, "HTTP 408"),
        (Reply(status=425), Outcome.TRANSIENT, "HTTP 425"),
        (throttled(30), Outcome.THROTTLED, "limits the rate"),
        (Reply(status=503, headers={"Retry-After": "5"}), Outcome.TRANSIENT, "503"),
    ],
)
def test_what_a_receiver_answers_is_understood(
    reply: Reply, outcome: Outcome, detail: str
) -> None:
    with WebhookDouble(KEY, reply, now=STAMP) as receiver:
        attempt = send("webhook", {"url": receiver.origin, "secret": SECRET})

    assert attempt.outcome is outcome
    assert detail in attempt.detail


@pytest.mark.parametrize(
    ("status", "text", "seconds"),
    [
        (429, "30", 30),
        (503, "30", 30),
        (503, "999999999", 3600),
        (503, "Fri, 31 Dec 1999 23:59:59 GMT", None),
        (400, "30", None),
    ],
)
def test_the_receiver_says_how_long_to_wait(
    status: int, text: str, seconds: int | None
) -> None:
    wait = read(Answer(status=status, headers={"retry-after": text})).retry_after

    assert (wait.total_seconds() if wait else None) == seconds
