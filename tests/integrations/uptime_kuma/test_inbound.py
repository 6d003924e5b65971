from datetime import UTC, datetime, timedelta

import pytest

from tests.integrations.posts import changed, recorded, reports, signal
from watchbill.core.alerts import AlertStatus
from watchbill.integrations.contract import PayloadError

pytestmark = pytest.mark.req("S4.1-05")

DOWN = recorded("uptime_kuma", "down")


def test_a_monitor_that_goes_down_makes_an_alert_for_its_component() -> None:
    fired = signal("uptime_kuma", DOWN)

    assert (fired.fingerprint, fired.title) == ("1", "Referral API is down")
    assert fired.labels == {
        "alertname": "UptimeCheckDown",
        "check": "Referral API",
        "component": "api",
        "service": "api",
        "type": "http",
        "severity": "critical",
    }
    assert fired.starts_at == datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    assert fired.links == {"target": "https://api.trm.example/health"}


@pytest.mark.req("S4.1-10")
def test_a_monitor_that_comes_up_ends_it() -> None:
    over = signal("uptime_kuma", recorded("uptime_kuma", "up"))

    assert over.fingerprint == "1"
    assert over.status is AlertStatus.RESOLVED
    assert over.ends_at == datetime(2026, 11, 23, 12, 5, tzinfo=UTC)


@pytest.mark.parametrize("status", [2, 3])
def test_pending_and_maintenance_change_nothing(status: int) -> None:
    beat = {"monitorID": 1, "status": status}

    assert reports("uptime_kuma", changed(DOWN, heartbeat=beat)) == ()


def test_a_test_makes_no_alert() -> None:
    assert reports("uptime_kuma", recorded("uptime_kuma", "test")) == ()


def test_a_certificate_that_ends_is_one_alert_however_many_days_are_left() -> None:
    post = recorded("uptime_kuma", "certificate")

    today = signal("uptime_kuma", post)
    words = "[Referral API][https://api.trm.example] server certificate"
    words += " api.trm.example will expire in 7 days"
    later = signal("uptime_kuma", changed(post, msg=words))

    assert later.fingerprint == today.fingerprint
    assert today.labels["severity"] == "warning"
    assert today.lasts == timedelta(days=1)


@pytest.mark.parametrize("beat", [{}, {"status": 9, "monitorID": 1}, {"status": 0}])
def test_a_beat_that_says_nothing_is_refused(beat: dict[str, int]) -> None:
    with pytest.raises(PayloadError):
        reports("uptime_kuma", changed(DOWN, heartbeat=beat, monitor=None))
