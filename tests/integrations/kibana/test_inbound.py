import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.integrations.posts import changed, recorded, reports, signal
from watchbill.core.alerts import AlertStatus
from watchbill.integrations.contract import PayloadError
from watchbill.integrations.sources import Config

pytestmark = pytest.mark.req("S4.1-03")

MATCHED = recorded("kibana", "matched")


def test_a_rule_that_matches_makes_an_alert_with_its_link() -> None:
    fired = signal("kibana", MATCHED)

    assert fired.title == "Error logs: Document count is 61 in the last 5m."
    assert fired.labels == {
        "alertname": "Error logs",
        "service": "api",
        "space": "default",
        "severity": "critical",
    }
    assert fired.links == {"kibana": "https://kibana.trm.example/app/rules/5e2b1a"}
    assert fired.starts_at == datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.req("S4.1-10")
def test_the_action_group_recovered_ends_it() -> None:
    over = signal("kibana", recorded("kibana", "recovered"))

    assert over.fingerprint == signal("kibana", MATCHED).fingerprint
    assert over.status is AlertStatus.RESOLVED
    assert over.ends_at == datetime(2026, 11, 23, 12, 30, tzinfo=UTC)


def test_two_alerts_of_a_rule_are_two() -> None:
    other = changed(MATCHED, alert={"id": "api-2", "actionGroup": "query matched"})

    assert signal("kibana", other).fingerprint != signal("kibana", MATCHED).fingerprint


def test_a_watch_is_its_own_condition() -> None:
    watch = recorded("kibana", "watcher")

    fired = signal("kibana", watch, Config(options={"ends_after": "30m"}))

    assert fired.labels == {"alertname": "cluster_health", "severity": "error"}
    assert fired.lasts is not None
    assert fired.lasts.total_seconds() == 1800


def test_json_within_json_is_read_as_what_it_holds() -> None:
    twice = replace(MATCHED, body=json.dumps(MATCHED.body.decode()).encode())

    assert reports("kibana", twice) == reports("kibana", MATCHED)


def test_a_body_without_a_rule_is_refused() -> None:
    with pytest.raises(PayloadError, match=r"there is no rule\.id"):
        reports("kibana", changed(MATCHED, rule=None))
