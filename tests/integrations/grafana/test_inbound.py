import hashlib
import hmac
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.integrations.posts import changed, recorded, reports, signal
from watchbill.core.alerts import AlertStatus
from watchbill.integrations.contract import PayloadError, SignatureError
from watchbill.integrations.grafana.inbound import (
    SIGNATURE,
    TIMESTAMP,
    TRUNCATED,
    verify,
)
from watchbill.integrations.sources import Config, Post

pytestmark = pytest.mark.req("S4.1-02")

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SECRET = "between Grafana and us"


def test_an_alert_comes_with_its_links() -> None:
    fired = signal("grafana", recorded("grafana", "firing"))

    assert fired.fingerprint == "c6eadffa33fcdf37"
    assert fired.title == "p95 of the API is 1.8 s"
    assert fired.labels["component"] == "api"
    assert fired.labels["severity"] == "critical"
    assert fired.links["dashboard"] == "https://grafana.trm.example/d/api"
    assert fired.links["panel"] == "https://grafana.trm.example/d/api?viewPanel=2"
    assert "/silence/new" in fired.links["silence"]
    assert fired.links["runbook"] == "https://wiki.trm.example/latency"
    assert "image" not in fired.links
    assert fired.annotations["values"].startswith("[ var='A'")
    assert fired.starts_at == datetime(2026, 11, 23, 5, 30, tzinfo=UTC)
    assert fired.ends_at is None


@pytest.mark.req("S4.1-10")
def test_a_resolved_alert_ends_and_tells_of_those_left_out() -> None:
    over = signal("grafana", recorded("grafana", "resolved"))

    assert over.status is AlertStatus.RESOLVED
    assert over.ends_at == datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
    assert over.annotations[TRUNCATED].startswith("2 more alerts")


def test_the_alerting_before_grafana_9_is_understood() -> None:
    post = recorded("grafana", "legacy")

    fired = signal("grafana", post)
    over = signal("grafana", changed(post, state="ok"))

    assert (fired.fingerprint, fired.status) == ("7", AlertStatus.FIRING)
    assert fired.labels["alertname"] == "API latency"
    assert over.status is AlertStatus.RESOLVED
    assert reports("grafana", changed(post, state="paused")) == ()


def test_a_severity_is_added_only_where_the_rule_has_none() -> None:
    config = Config(options={"severity": "info"})
    post = recorded("grafana", "firing")
    bare = changed(
        post,
        alerts=[{"status": "firing", "labels": {"alertname": "X"}, "fingerprint": "f"}],
    )

    assert signal("grafana", post, config).labels["severity"] == "critical"
    assert signal("grafana", bare, config).labels["severity"] == "info"
    assert "severity" not in signal("grafana", bare).labels


def test_a_custom_payload_is_read_by_the_mapping_of_the_integration() -> None:
    mapping = {"title": "{t}", "fingerprint": "k"}
    post = Post(body=b'{"t": "Slow", "k": "1"}')

    assert signal("grafana", post, Config(mapping=mapping)).title == "Slow"
    with pytest.raises(PayloadError, match="no list of alerts"):
        reports("grafana", post)


def test_an_alert_without_a_fingerprint_is_not_merged_with_others() -> None:
    post = changed(recorded("grafana", "firing"), alerts=[{"status": "firing"}])

    with pytest.raises(PayloadError, match="cannot be told from any other"):
        reports("grafana", post)


def signed(*, timestamp: datetime | None = None, secret: str = SECRET) -> Post:
    post = recorded("grafana", "firing")
    text = str(int(timestamp.timestamp())) if timestamp else ""
    message = f"{text}:".encode() + post.body if text else post.body
    mark = hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
    headers = {SIGNATURE: mark} | ({TIMESTAMP: text} if text else {})
    return replace(post, headers=headers)


@pytest.mark.req("S4.1-11")
def test_a_signed_post_is_known_with_and_without_a_timestamp() -> None:
    verify(signed(), SECRET, now=NOW)
    verify(signed(timestamp=NOW - timedelta(minutes=4)), SECRET, now=NOW)


@pytest.mark.req("S4.1-11")
@pytest.mark.parametrize(
    "post",
    [
        Post(body=b"{}"),
        Post(body=b"{}", headers={SIGNATURE: "ü"}),
        signed(secret="another"),
        replace(signed(), body=signed().body + b" "),
        signed(timestamp=NOW - timedelta(minutes=6)),
        signed(timestamp=NOW + timedelta(minutes=6)),
    ],
)
def test_what_grafana_has_not_signed_just_now_is_refused(post: Post) -> None:
    with pytest.raises(SignatureError):
        verify(post, SECRET, now=NOW)


@pytest.mark.req("S4.1-11")
def test_a_timestamp_cannot_be_taken_off_or_put_on() -> None:
    stamped, plain = signed(timestamp=NOW), signed()
    off = {SIGNATURE: stamped.headers[SIGNATURE]}
    on = {**plain.headers, TIMESTAMP: str(int(NOW.timestamp()))}

    for headers in (off, on):
        with pytest.raises(SignatureError):
            verify(replace(plain, headers=headers), SECRET, now=NOW)
