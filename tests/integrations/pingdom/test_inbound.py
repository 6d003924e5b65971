from datetime import UTC, datetime

import pytest

from tests.integrations.posts import changed, recorded, reports, signal
from watchbill.core.alerts import AlertStatus
from watchbill.integrations.contract import PayloadError
from watchbill.integrations.sources import Config

pytestmark = pytest.mark.req("S4.1-05")

DOWN = recorded("pingdom", "down")


def test_a_check_that_goes_down_makes_an_alert_for_its_component() -> None:
    fired = signal("pingdom", DOWN)

    assert (fired.fingerprint, fired.title) == ("85975", "Referral API is down")
    assert fired.labels == {
        "alertname": "UptimeCheckDown",
        "check": "Referral API",
        "component": "api",
        "service": "api",
        "host": "api.trm.example",
        "type": "HTTP",
        "severity": "critical",
    }
    assert fired.starts_at == datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    assert fired.links == {"target": "https://api.trm.example/health"}


@pytest.mark.req("S4.1-10")
def test_a_check_that_comes_up_ends_it() -> None:
    over = signal("pingdom", recorded("pingdom", "up"))

    assert over.fingerprint == signal("pingdom", DOWN).fingerprint
    assert over.status is AlertStatus.RESOLVED
    assert over.ends_at == datetime(2026, 11, 23, 12, 15, tzinfo=UTC)


def test_a_transaction_fails_and_succeeds() -> None:
    post = recorded("pingdom", "transaction-failing")

    fired = signal("pingdom", post)
    over = signal("pingdom", changed(post, current_state="SUCCESS"))

    assert fired.status is AlertStatus.FIRING
    assert fired.labels["component"] == "apply-for-a-job"
    assert over.status is AlertStatus.RESOLVED


@pytest.mark.parametrize(
    ("importance", "option", "severity"),
    [
        ("HIGH", "", "critical"),
        ("HIGH", "error", "error"),
        ("LOW", "", "warning"),
        ("LOW", "info", "info"),
    ],
)
def test_a_check_of_low_importance_is_never_more_than_a_warning(
    importance: str, option: str, severity: str
) -> None:
    post = changed(DOWN, importance_level=importance)
    config = Config(options={"severity": option} if option else {})

    assert signal("pingdom", post, config).labels["severity"] == severity


@pytest.mark.parametrize(
    ("tags", "component", "service"),
    [
        (["component:Web App"], "web-app", "web-app"),
        (["component_web", "service-payments"], "web", "payments"),
        (["components", "prod"], "referral-api", "referral-api"),
        (None, "referral-api", "referral-api"),
    ],
)
def test_tags_say_what_a_check_is_about_or_its_name_does(
    tags: list[str] | None, component: str, service: str
) -> None:
    labels = signal("pingdom", changed(DOWN, tags=tags)).labels

    assert (labels["component"], labels["service"]) == (component, service)


@pytest.mark.parametrize("field", ["check_id", "current_state"])
def test_a_post_without_a_check_or_a_state_is_refused(field: str) -> None:
    with pytest.raises(PayloadError, match=field):
        reports("pingdom", changed(DOWN, **{field: None}))
