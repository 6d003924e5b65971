import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from tests.doubles.pagerduty_server import PagerDutyDouble, faults_of
from tests.doubles.scripted_server import Reply, throttled
from tests.integrations.notices import PAGE, hostile_notices
from tests.integrations.sending import send, with_status
from watchbill.core.messages import Notice
from watchbill.core.notification import Attempt, Outcome
from watchbill.core.severity import Urgency
from watchbill.integrations.contract import Answer, SettingsError
from watchbill.integrations.pagerduty.outbound import dedup_key, read, render

pytestmark = pytest.mark.req("S7.1-08")

HOOKS = "https://watch.example/hooks/pagerduty"
#: The host is that of the settings of the tests.
KNOWN_AS = "127.0.0.1:8000/incident-12"

KEY = "0123456789abcdef0123456789abcdef"


def event(notice: Notice = PAGE) -> dict[str, Any]:
    request = render(notice, {"routing_key": KEY})
    content: dict[str, Any] = json.loads(request.body)
    return content


def post(pagerduty: PagerDutyDouble, notice: Notice = PAGE) -> Attempt:
    given = {"routing_key": pagerduty.routing_key, "api_url": pagerduty.origin}
    return send("pagerduty", given, notice)


def test_a_notice_triggers_an_alert() -> None:
    request = render(PAGE, {"routing_key": KEY})

    assert request.url == "https://events.pagerduty.com/v2/enqueue"
    assert request.headers == {"Content-Type": "application/json"}
    assert json.loads(request.body) == {
        "routing_key": KEY,
        "event_action": "trigger",
        "dedup_key": "incident-12",
        "client": "watchbill",
        "client_url": "https://watch.example/a/k3",
        "links": [
            {"href": "https://watch.example/a/k3", "text": "Acknowledge"},
            {
                "href": "https://watch.example/incidents/12",
                "text": "Open the incident",
            },
        ],
        "payload": {
            "summary": "[P1] Page: 5xx rate of the API is 7.3 % (#12)",
            "source": "watchbill",
            "severity": "critical",
            "custom_details": {
                "text": "\n\n".join(PAGE.paragraphs),
                "facts": {"Severity": "P1 Critical", "Status": "triggered"},
            },
        },
    }


def test_a_thread_is_one_alert_from_trigger_to_resolution() -> None:
    seen = []
    with PagerDutyDouble() as pagerduty:
        for status in ("triggered", "triggered", "acknowledged", "mitigated", "closed"):
            attempt = post(pagerduty, with_status(status))
            assert attempt.outcome is Outcome.DELIVERED
            assert attempt.provider_ref == KNOWN_AS
            seen.append(dict(pagerduty.alerts))

    assert seen == [
        {KNOWN_AS: "triggered"},
        {KNOWN_AS: "triggered"},
        {KNOWN_AS: "acknowledged"},
        {KNOWN_AS: "acknowledged"},
        {KNOWN_AS: "resolved"},
    ]


@pytest.mark.parametrize(
    ("status", "action"),
    [
        ("triggered", "trigger"),
        ("acknowledged", "acknowledge"),
        ("mitigated", "acknowledge"),
        ("Resolved", "resolve"),
        ("closed", "resolve"),
        ("a state of next year", "trigger"),
    ],
)
def test_the_status_chooses_the_action(status: str, action: str) -> None:
    assert event(with_status(status))["event_action"] == action


@pytest.mark.parametrize(
    ("severity", "urgency", "theirs"),
    [
        ("P1", Urgency.HIGH, "critical"),
        ("P2", Urgency.HIGH, "error"),
        ("P3", Urgency.LOW, "warning"),
        ("P4", Urgency.LOW, "info"),
        ("", Urgency.HIGH, "error"),
        ("SEV-0", Urgency.LOW, "warning"),
    ],
)
def test_severities_are_translated(
    severity: str, urgency: Urgency, theirs: str
) -> None:
    notice = replace(PAGE, severity=severity, urgency=urgency)

    assert event(notice)["payload"]["severity"] == theirs


def test_a_thread_key_of_any_length_is_a_key_of_pagerduty() -> None:
    long, longer = (
        replace(PAGE, thread_key="x" * 300),
        replace(PAGE, thread_key="x" * 301),
    )

    assert len(dedup_key(long, HOOKS)) == 64
    assert dedup_key(long, HOOKS) != dedup_key(longer, HOOKS)


def test_two_installations_with_one_routing_key_have_two_alerts() -> None:
    other = "https://watch.example.org:8443/hooks/pagerduty"

    assert dedup_key(PAGE, HOOKS) == "watch.example/incident-12"
    assert dedup_key(PAGE, other) == "watch.example.org:8443/incident-12"
    long = replace(PAGE, thread_key="x" * 300)
    assert dedup_key(long, HOOKS) != dedup_key(long, other)


@given(notice=hostile_notices())
def test_pagerduty_would_refuse_no_notice_whatever_is_in_it(notice: Notice) -> None:
    assert faults_of(render(notice, {"routing_key": KEY}).body) == []


@pytest.mark.parametrize("key", ["", "has space", "k" * 65, "ключ"])
def test_a_key_that_is_none_is_refused_and_never_quoted(key: str) -> None:
    with pytest.raises(SettingsError, match="needs a routing key") as caught:
        render(PAGE, {"routing_key": key})

    assert not key or key not in str(caught.value)


def test_an_invalid_event_is_given_up_with_its_errors() -> None:
    with PagerDutyDouble() as pagerduty:
        given = {"routing_key": "wr0ng", "api_url": pagerduty.origin}
        attempt = send("pagerduty", given)

    assert attempt.outcome is Outcome.PERMANENT
    assert attempt.detail == (
        "PagerDuty answered HTTP 400: Event object is invalid; 'routing_key' is invalid"
    )


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (throttled(30), Outcome.THROTTLED),
        (Reply(status=500), Outcome.TRANSIENT),
        (Reply(status=503), Outcome.TRANSIENT),
        (Reply(status=404), Outcome.PERMANENT),
        (Reply(status=302), Outcome.PERMANENT),
        (Reply(status=202), Outcome.DELIVERED),
        (Reply(status=200, body=b"<html>captive portal"), Outcome.UNKNOWN),
    ],
)
def test_what_pagerduty_answers_is_understood(reply: Reply, outcome: Outcome) -> None:
    with PagerDutyDouble(reply) as pagerduty:
        assert post(pagerduty).outcome is outcome


def test_a_success_of_a_compatible_service_is_one() -> None:
    body = b'{"status":"success","dedup_key":"k"}'

    assert read(Answer(status=200, body=body)).outcome is Outcome.DELIVERED
