from datetime import UTC, datetime, timedelta

import pytest

from tests.integrations.posts import changed, recorded, reports, signal
from watchbill.integrations.contract import PayloadError
from watchbill.integrations.sources import Config

pytestmark = pytest.mark.req("S4.1-03")

MATCH = recorded("elastalert", "match")


def test_a_match_makes_an_alert_that_ends_by_itself() -> None:
    fired = signal("elastalert", MATCH)

    assert fired.title == "Many errors in the API on api-1"
    assert fired.labels == {
        "alertname": "Many errors in the API",
        "host": "api-1",
        "service": "api",
        "severity": "critical",
    }
    assert fired.links["kibana"].startswith("https://kibana.trm.example/app/discover")
    assert fired.starts_at == datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    assert fired.lasts == timedelta(hours=4)


def test_how_long_it_lasts_can_be_set() -> None:
    config = Config(options={"ends_after": "1d", "severity": "info"})

    fired = signal("elastalert", recorded("elastalert", "no-host"), config)

    assert fired.lasts == timedelta(days=1)
    assert fired.labels == {"alertname": "Payments stopped", "severity": "info"}


@pytest.mark.req("S4.1-09")
def test_a_rule_and_a_host_make_a_condition() -> None:
    def key(**parts: object) -> str:
        return signal("elastalert", changed(MATCH, **parts)).fingerprint

    assert key(message="another line", _id="Zx2") == key()
    assert key(host={"name": "api-2"}) != key()
    assert key(host="api-1") == key()
    assert key(rule_name="Another rule") != key()


def test_a_match_without_a_rule_is_refused() -> None:
    with pytest.raises(PayloadError, match="rule_name"):
        reports("elastalert", changed(MATCH, rule_name=None))
