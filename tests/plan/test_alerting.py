"""The rules by which alerts become fewer pages: their defaults, and no rule at all."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.plan.samples import codes, minimal
from watchbill.core.flapping import FlapRule
from watchbill.core.labels import Matcher
from watchbill.core.maintenance import Impact
from watchbill.core.storms import StormRule
from watchbill.core.suppression import Firing, mutes
from watchbill.plan import Alerting, Code, bundled

PLAN = bundled("trm")
MINUTE = timedelta(minutes=1)
USUAL_FLAPPING = FlapRule(flips=4, within=30 * MINUTE, hold_down=10 * MINUTE)
USUAL_STORM = StormRule(incidents=20, within=5 * MINUTE)
WATCHDOG = (Matcher(name="alertname", values=frozenset({"Watchdog"})),)


def alerting(*lines: str, monitoring: str = "") -> Alerting:
    """Return the rules of the smallest plan with more lines under ``alerts``."""
    more = "".join(f"  {line}\n" for line in lines)
    changes = [("alerts:\n", f"alerts:\n{more}")]
    if monitoring:
        changes.append(("channels:\n", f"monitoring: {monitoring}\nchannels:\n"))
    loaded = minimal(*changes)
    assert loaded.plan is not None, loaded.render()
    return loaded.plan.alerting


def inhibited(labels: dict[str, str], *firing: dict[str, str]) -> bool:
    rules = PLAN.alerting.inhibit
    index = Firing.of(rules, ((str(n), one) for n, one in enumerate(firing)))
    return bool(
        mutes(
            labels,
            key="me",
            silences=(),
            rules=rules,
            firing=index,
            windows=(),
            at=PLAN.meta.effective_at,
        )
    )


@pytest.mark.req("S4.1-12", "S4.2-26")
def test_a_plan_that_says_nothing_is_guarded_all_the_same() -> None:
    assert alerting() == Alerting(
        inhibit=(),
        flapping=USUAL_FLAPPING,
        storm=USUAL_STORM,
        resolve_timeout=5 * MINUTE,
        watchdog=WATCHDOG,
        silence_after=5 * MINUTE,
        silence_severity="P2",
    )


def test_null_switches_a_rule_off() -> None:
    found = alerting("flapping: null", "storm: null", monitoring="{watchdog: null}")

    assert (found.flapping, found.storm, found.watchdog) == (None, None, None)


def test_what_a_rule_does_not_say_is_as_usual() -> None:
    found = alerting(
        "flapping: {flips: 6}",
        "storm: {incidents: 50}",
        "resolve_timeout: 2m",
        monitoring='{watchdog: {match: {alertname: [Alive, Up], "not cluster": test}}}',
    )

    assert found.flapping == FlapRule(
        flips=6, within=30 * MINUTE, hold_down=10 * MINUTE
    )
    assert found.storm == StormRule(incidents=50, within=5 * MINUTE)
    assert found.resolve_timeout == 2 * MINUTE
    assert found.watchdog == (
        Matcher(name="alertname", values=frozenset({"Alive", "Up"})),
        Matcher(name="cluster", values=frozenset({"test"}), negated=True),
    )


def test_an_inhibition_needs_two_sides_and_a_reason() -> None:
    loaded = minimal(
        ("alerts:\n", "alerts:\n  inhibit: [{source: {a: b}, target: {}}]\n")
    )

    assert codes(loaded) == {Code.MISSING_KEY, Code.NOTHING_LISTED}


@pytest.mark.req("S4.2-23")
def test_the_critical_alert_of_a_metric_mutes_its_warning() -> None:
    cpu = {"alertname": "CpuUsage", "service": "api", "instance": "a1"}
    warning, critical = {**cpu, "severity": "warning"}, {**cpu, "severity": "critical"}

    assert inhibited(warning, critical)
    assert not inhibited(critical, warning)
    assert not inhibited({**warning, "instance": "a2"}, critical)


@pytest.mark.req("S4.2-23")
def test_alerts_without_a_name_do_not_mute_each_other() -> None:
    """By Alertmanager's rules they would agree on labels that neither has."""
    assert not inhibited({"severity": "warning"}, {"severity": "critical"})


@pytest.mark.req("S4.2-26", "S4.1-12")
def test_the_plan_of_trm_writes_the_defaults_out() -> None:
    found = PLAN.alerting

    assert (found.flapping, found.storm) == (USUAL_FLAPPING, USUAL_STORM)
    assert (found.watchdog, found.resolve_timeout) == (WATCHDOG, 5 * MINUTE)
    assert (found.silence_after, found.silence_severity) == (5 * MINUTE, "P2")


@pytest.mark.req("A26", "S5.1-01")
def test_the_windows_that_are_open_are_found_for_any_instant() -> None:
    # Sunday, 8 February 2026, 02:30 in Yangon.
    sunday_night = datetime(2026, 2, 7, 20, 0, tzinfo=UTC)

    found = PLAN.maintenance.open_at(sunday_night)

    assert all(sunday_night in one.during for one in found)
    assert any(one.window.impact is not Impact.NONE for one in found)
    assert PLAN.maintenance.open_at(datetime(2026, 2, 10, 6, 0, tzinfo=UTC)) == ()
