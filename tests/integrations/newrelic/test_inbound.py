from datetime import UTC, datetime

import pytest

from tests.integrations.posts import changed, recorded, reports, signal
from watchbill.core.alerts import Act, ActKind, AlertStatus
from watchbill.integrations.contract import PayloadError
from watchbill.integrations.sources import Config

pytestmark = pytest.mark.req("S4.1-04")

ACTIVATED = recorded("newrelic", "activated")


def test_an_issue_makes_an_alert() -> None:
    fired = signal("newrelic", ACTIVATED)

    assert fired.fingerprint == "e9b0c7a1-1"
    assert fired.title == "Apdex < 0.7 on referral-api"
    assert fired.labels == {
        "alertname": "Apdex low",
        "policy": "Golden signals",
        "service": "referral-api",
        "workflow": "watchbill",
        "severity": "critical",
    }
    assert fired.annotations["entities"] == "referral-api, referral-web"
    assert fired.starts_at == datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def test_an_issue_that_is_acknowledged_there_is_acknowledged_here() -> None:
    (report,) = reports("newrelic", recorded("newrelic", "acknowledged"))

    assert report == Act(fingerprint="e9b0c7a1-1", kind=ActKind.ACKNOWLEDGE)


@pytest.mark.req("S4.1-10")
def test_a_closed_issue_ends_its_alert() -> None:
    over = signal("newrelic", recorded("newrelic", "closed"))

    assert over.fingerprint == "e9b0c7a1-1"
    assert over.status is AlertStatus.RESOLVED
    assert over.ends_at == datetime(2026, 11, 23, 12, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("priority", "severity"),
    [
        ("CRITICAL", "critical"),
        ("HIGH", "error"),
        ("MEDIUM", "warning"),
        ("WARNING", "warning"),
        ("LOW", "info"),
        (None, "warning"),
    ],
)
def test_priorities_are_severities(priority: str | None, severity: str) -> None:
    fired = signal("newrelic", changed(ACTIVATED, priority=priority))

    assert fired.labels["severity"] == severity


def test_the_raw_names_of_the_variables_are_understood() -> None:
    fired = signal("newrelic", recorded("newrelic", "raw-names"))

    assert fired.fingerprint == "e9b0c7a1-2"
    assert fired.title == "Errors on referral-api"
    assert fired.labels["alertname"] == "Error rate"
    assert fired.links == {"source": "https://one.newrelic.com/issues/2"}


def test_without_an_id_nothing_is_merged() -> None:
    with pytest.raises(PayloadError, match="there is no id or issueId") as caught:
        reports("newrelic", changed(ACTIVATED, id=None))

    assert "{{ json issueId }}" in caught.value.hint


def test_a_template_of_their_own_is_read_by_a_mapping_of_their_own() -> None:
    mapping = {"title": "{title}", "fingerprint": "workflowName"}

    fired = signal("newrelic", ACTIVATED, Config(mapping=mapping))

    assert fired.fingerprint == "watchbill"
