import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.integrations.posts import changed, recorded, reports, signal
from watchbill.core.alerts import AlertStatus, Beat, BeatKind
from watchbill.integrations.contract import PayloadError
from watchbill.integrations.sentry_sdk.inbound import (
    accepted,
    answer,
    key_of,
    parse,
    refused,
)
from watchbill.integrations.sources import Accepted, Config, Post, Reading, Refused

pytestmark = pytest.mark.req("S4.1-06")

EVENT = "event.envelope"
KEY = "0123456789abcdef0123456789abcdef"
STORE = recorded("sentry_sdk", "store")


def test_an_error_makes_an_alert_of_what_was_raised_and_where() -> None:
    fired = signal("sentry_sdk", recorded("sentry_sdk", EVENT))

    assert fired.status is AlertStatus.FIRING
    assert fired.title == "ValueError: bad referral 41"
    assert fired.labels == {
        "alertname": "ValueError",
        "service": "api",
        "component": "api",
        "host": "api-1",
        "environment": "production",
        "platform": "python",
        "job": "sentry",
        "severity": "error",
    }
    assert fired.annotations["culprit"] == "app.referrals in submit"
    assert fired.lasts == timedelta(hours=1)


def test_the_old_way_of_sending_says_the_same() -> None:
    assert reports("sentry_sdk", STORE) == reports(
        "sentry_sdk", recorded("sentry_sdk", EVENT)
    )


@pytest.mark.req("S4.1-09")
def test_the_words_of_an_error_do_not_tell_errors_apart() -> None:
    def key(kind: str, words: str, **parts: Any) -> str:
        error = {"type": kind, "value": words}
        post = changed(STORE, exception=[error], **parts)
        return signal("sentry_sdk", post).fingerprint

    first = key("ValueError", "bad referral 41")

    assert key("ValueError", "bad referral 42", event_id="another") == first
    assert key("KeyError", "bad referral 41") != first
    assert key("ValueError", "bad referral 41", transaction="/other") != first
    assert key("ValueError", "bad referral 41", environment="staging") != first


def test_a_message_is_told_apart_before_its_parameters_are_put_in() -> None:
    def of(number: int) -> Post:
        entry = {
            "message": "no answer from %s",
            "formatted": f"no answer from {number}",
        }
        return changed(STORE, exception=None, logentry=entry)

    first, second = signal("sentry_sdk", of(1)), signal("sentry_sdk", of(2))

    assert first.title == "no answer from 1"
    assert first.fingerprint == second.fingerprint


def test_the_fingerprint_of_the_application_counts() -> None:
    def key(*parts: str) -> str:
        return signal("sentry_sdk", changed(STORE, fingerprint=parts)).fingerprint

    assert key("{{ default }}") == signal("sentry_sdk", STORE).fingerprint
    assert key("payments") == key("payments")
    assert key("{{default}}", "a") != key("{{ default }}", "b")


@pytest.mark.parametrize(
    ("level", "lowest", "severity"),
    [
        ("fatal", "error", "critical"),
        ("error", "error", "error"),
        ("warning", "error", None),
        ("warning", "warning", "warning"),
        ("info", "info", "info"),
        ("odd", "error", "error"),
    ],
)
def test_events_below_the_level_make_no_alert(
    level: str, lowest: str, severity: str | None
) -> None:
    post = changed(STORE, level=level)

    found = parse(post, Config(options={"level": lowest})).reports

    labels = [one.labels["severity"] for one in found if hasattr(one, "labels")]
    assert labels == ([severity] if severity else [])


@pytest.mark.req("S4.1-12")
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("in_progress", BeatKind.START),
        ("ok", BeatKind.SUCCESS),
        ("error", BeatKind.FAIL),
    ],
)
def test_a_check_in_is_a_sign_of_life(status: str, kind: BeatKind) -> None:
    post = recorded("sentry_sdk", "check-in.envelope")
    body = post.body.replace(b"in_progress", status.encode())

    (beat,) = reports("sentry_sdk", replace(post, body=body))

    run = "83a7c03ed0a04e1b97e2e3b18d38f244"
    assert beat == Beat(name="nightly-report", kind=kind, run=run)


def test_transactions_and_sessions_are_answered_and_not_stored() -> None:
    post = recorded("sentry_sdk", "transaction.envelope")

    reply = answer(post)

    assert reply is not None
    assert (reply.status, reply.body) == (200, b"{}")
    assert parse(post) == Reading(())
    for name in (EVENT, "check-in.envelope", "store"):
        assert answer(recorded("sentry_sdk", name)) is None


def test_a_browser_may_ask_first() -> None:
    reply = answer(Post(method="OPTIONS"))

    assert reply is not None
    assert ("access-control-allow-origin", "*") in reply.headers


def test_the_key_is_found_where_clients_put_it() -> None:
    line = json.dumps({"dsn": f"https://{KEY}@watch.example/sentry/1"}).encode()

    assert key_of(recorded("sentry_sdk", EVENT)) == KEY
    assert key_of(Post(query={"sentry_key": KEY})) == KEY
    assert key_of(Post(body=line + b"\n{}")) == KEY
    for nothing in (b"", b"{}", b'{"dsn": "https://[x"}', b'{"dsn": 7}', b"\xff"):
        assert key_of(Post(body=nothing)) == ""


@pytest.mark.parametrize("name", [EVENT, "store"])
def test_the_answer_is_that_of_sentry(name: str) -> None:
    receipt = Accepted(request_id="r", took=0.01)

    reply = accepted(recorded("sentry_sdk", name), Reading(()), receipt)

    assert reply.status == 200
    assert json.loads(reply.body) == {"id": "9ec79c33ec9942ab8353589fcb2e04dc"}


def test_a_refusal_is_that_of_sentry() -> None:
    reply = refused(Refused(status=403, reason="unknown_key", problem="no such key"))

    assert reply.status == 403
    assert json.loads(reply.body)["detail"] == "no such key"


def test_an_item_is_as_long_as_it_says() -> None:
    """An attachment with line feeds, then an event."""
    event = json.dumps({"message": "x"}).encode()
    body = b"\n".join(
        [
            b"{}",
            b'{"type": "attachment", "length": 12}',
            b'{"type": "\n\n',
            b'{"type": "event"}',
            event,
            b"",
        ]
    )

    assert signal("sentry_sdk", Post(body=body)).title == "x"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{}\n{"type": "event", "length": 99}\n{}',
        b'{}\n{"type": "event", "length": -1}\n{}',
        b'{}\n{"type": "event"}\n{"level": "error"}',
        b'{}\n{"type": "check_in"}\n{"status": "ok"}',
        b"{}\nnonsense",
    ],
)
def test_a_broken_envelope_is_refused(body: bytes) -> None:
    with pytest.raises(PayloadError):
        parse(Post(body=body))
    assert answer(Post(body=body)) is None
