import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.integrations.posts import changed, recorded, reports, signal
from watchbill.core.alerts import Act, ActKind, AlertStatus
from watchbill.integrations.contract import PayloadError, SignatureError
from watchbill.integrations.sentry.inbound import RESOURCE, SIGNATURE, answer, verify
from watchbill.integrations.sources import Config, Post

pytestmark = pytest.mark.req("S4.1-06")

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SECRET = "the client secret"


def test_an_issue_alert_makes_an_alert_of_its_issue() -> None:
    fired = signal("sentry", recorded("sentry", "event-alert"))

    assert fired.fingerprint == "issue:1117540176"
    assert fired.status is AlertStatus.FIRING
    assert fired.title == "TypeError: 'NoneType' object is not iterable"
    assert fired.labels == {
        "alertname": "Errors in checkout",
        "service": "referral-api",
        "host": "api-1",
        "environment": "production",
        "platform": "python",
        "job": "sentry",
        "severity": "error",
    }
    assert fired.annotations["culprit"] == "referrals.views in submit"
    assert fired.links["sentry"].startswith("https://sentry.io/organizations/trm/")


@pytest.mark.req("S4.1-10")
@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("issue-created", AlertStatus.FIRING),
        ("issue-unresolved", AlertStatus.FIRING),
        ("issue-resolved", AlertStatus.RESOLVED),
        ("issue-archived", AlertStatus.RESOLVED),
    ],
)
def test_what_becomes_of_an_issue_becomes_of_its_alert(
    name: str, status: AlertStatus
) -> None:
    alert = signal("sentry", recorded("sentry", "event-alert"))
    issue = signal("sentry", recorded("sentry", name))

    assert issue.fingerprint == alert.fingerprint
    assert issue.status is status


def test_an_issue_that_comes_back_does_not_begin_long_ago() -> None:
    assert signal("sentry", recorded("sentry", "issue-created")).starts_at is not None
    assert signal("sentry", recorded("sentry", "issue-unresolved")).starts_at is None


def test_assigning_an_issue_is_a_note() -> None:
    (report,) = reports("sentry", recorded("sentry", "issue-assigned"))

    assert report == Act(
        fingerprint="issue:1117540176",
        kind=ActKind.NOTE,
        text="assigned to Ana in Sentry",
    )


@pytest.mark.parametrize(
    ("name", "status", "severity"),
    [
        ("metric-critical", AlertStatus.FIRING, "critical"),
        ("metric-warning", AlertStatus.FIRING, "warning"),
        ("metric-resolved", AlertStatus.RESOLVED, "warning"),
    ],
)
def test_a_metric_alert_worsens_and_ends_as_one(
    name: str, status: AlertStatus, severity: str
) -> None:
    alert = signal("sentry", recorded("sentry", name))

    assert alert.fingerprint == "metric:31"
    assert alert.status is status
    assert alert.labels["severity"] == severity
    assert alert.labels["alertname"] == "Too many errors"


def test_the_legacy_plugin_is_about_the_same_issue() -> None:
    alert = signal("sentry", recorded("sentry", "plugin"))

    assert alert.fingerprint == "issue:1117540176"
    assert alert.labels["service"] == "referral-api"
    assert alert.labels["platform"] == "ios"


def test_an_installation_is_answered_and_not_stored() -> None:
    reply = answer(recorded("sentry", "installation"))

    assert reply is not None
    assert reply.status == 200
    assert answer(recorded("sentry", "event-alert")) is None
    assert answer(recorded("sentry", "plugin")) is None
    assert reports("sentry", recorded("sentry", "installation")) == ()


def test_a_level_that_is_missing_takes_the_severity_that_is_set() -> None:
    post = changed(recorded("sentry", "plugin"), level=None)

    config = Config(options={"severity": "info"})

    assert signal("sentry", post, config).labels["severity"] == "info"
    assert signal("sentry", post).labels["severity"] == "error"


@pytest.mark.parametrize("resource", ["event_alert", "issue", "metric_alert", ""])
def test_what_names_no_issue_is_refused(resource: str) -> None:
    headers = {RESOURCE: resource} if resource else {}

    with pytest.raises(PayloadError, match="cannot be told from any other"):
        reports("sentry", Post(body=b'{"action": "created"}', headers=headers))


def signed(post: Post, secret: str = SECRET) -> Post:
    mark = hmac.new(secret.encode(), post.body, hashlib.sha256).hexdigest()
    return replace(post, headers={**post.headers, SIGNATURE: mark})


@pytest.mark.req("S4.1-11")
def test_the_signature_is_over_the_bytes_as_they_came() -> None:
    post = signed(recorded("sentry", "event-alert"))
    verify(post, SECRET, now=NOW)

    rewritten = json.dumps(json.loads(post.body)).encode()
    for wrong in (
        replace(post, body=rewritten),
        recorded("sentry", "event-alert"),
        signed(post, "another"),
        replace(post, headers={SIGNATURE: "\ud800"}),
    ):
        with pytest.raises(SignatureError):
            verify(wrong, SECRET, now=NOW)
