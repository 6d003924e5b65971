"""Silence is late after its period and its grace; a Watchdog is no alert."""

from datetime import timedelta

import pytest

from tests.core.cast import T0
from watchbill.core.heartbeats import Expectation, is_watchdog, late_at
from watchbill.core.labels import Matcher

WATCHDOG = (Matcher(name="alertname", values=frozenset({"Watchdog"})),)


@pytest.mark.req("S4.1-12", "S5.1-13")
def test_a_sign_of_life_is_late_after_its_period_and_its_grace() -> None:
    nightly = Expectation(period=timedelta(days=1), grace=timedelta(minutes=30))

    assert late_at(T0, nightly) == T0 + timedelta(days=1, minutes=30)
    assert late_at(T0, Expectation(period=timedelta(minutes=5))) == T0 + timedelta(
        minutes=5
    )


@pytest.mark.req("S4.1-12")
def test_the_alert_that_always_fires_is_a_sign_of_life() -> None:
    assert is_watchdog(WATCHDOG, {"alertname": "Watchdog", "severity": "none"})
    assert not is_watchdog(WATCHDOG, {"alertname": "DiskFull"})


@pytest.mark.parametrize("condition", [None, ()])
def test_without_a_condition_every_alert_is_an_alert(
    condition: tuple[Matcher, ...] | None,
) -> None:
    assert not is_watchdog(condition, {"alertname": "Watchdog"})
