"""The rule file for Prometheus, judged by promtool."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.plan.samples import minimal
from watchbill.core.heartbeats import is_watchdog
from watchbill.core.monitoring import Direction, Grade
from watchbill.core.routing import classify
from watchbill.plan import Plan, bundled
from watchbill.plan.rules import render_rules

PLAN = bundled("trm")
needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed"
)

_SMALL = "orders: {title: Orders, group: Business, channel: '#incidents', "


def promtool(*arguments: str | Path) -> str:
    """Return what promtool prints; fail with it when it is not content."""
    found = subprocess.run(
        ["promtool", *arguments], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout


def with_metric(text: str) -> Plan:
    """Return the smallest plan with one metric."""
    loaded = minimal(
        ("channels:\n", f"monitoring: {{metrics: {{{text}}}}}\nchannels:\n")
    )
    assert loaded.plan is not None, loaded.render()
    return loaded.plan


def rules(plan: Plan) -> list[dict[str, Any]]:
    groups = yaml.safe_load(render_rules(plan))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def firing(alert: str, at: str, **labels: str) -> dict[str, Any]:
    """One alert is firing at an instant of the test."""
    return {
        **_question(alert, at, labels),
        "exp_samples": [{"labels": "{}", "value": 1}],
    }


def silent(alert: str, at: str, **labels: str) -> dict[str, Any]:
    """No alert is firing at an instant of the test."""
    return {**_question(alert, at, labels), "exp_samples": []}


def _question(alert: str, at: str, labels: dict[str, str]) -> dict[str, Any]:
    chosen = {"alertname": alert, "alertstate": "firing", **labels}
    pairs = ",".join(f'{name}="{value}"' for name, value in chosen.items())
    return {"expr": f"count(ALERTS{{{pairs}}})", "eval_time": at}


def judge(
    plan: Plan,
    tmp_path: Path,
    series: dict[str, str],
    *questions: dict[str, Any],
    every: str = "1m",
    judged_every: str = "1m",
    **more: object,
) -> None:
    """Have promtool run the rules of a plan over series and ask its questions."""
    (tmp_path / "rules.yml").write_text(render_rules(plan), "utf-8")
    test = {
        "interval": every,
        "input_series": [
            {"series": name, "values": values} for name, values in series.items()
        ],
        "promql_expr_test": list(questions),
        **more,
    }
    file = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": judged_every,
        "tests": [test],
    }
    path = tmp_path / "test.yml"
    path.write_text(yaml.safe_dump(file), "utf-8")
    promtool("test", "rules", path)


@needs_promtool
@pytest.mark.req("S4.2-21")
def test_prometheus_takes_the_rules_of_the_plan(tmp_path: Path) -> None:
    path = tmp_path / "rules.yml"
    path.write_text(render_rules(PLAN), "utf-8")

    # Two grades and the missing value of ten metrics, a count and a drop for each of
    # three stretches of two of them, and the Watchdog.
    assert "SUCCESS: 43 rules found" in promtool("check", "rules", path)


@pytest.mark.req("S4.2-21", "S4.2-22")
def test_every_threshold_of_the_plan_is_in_a_strict_comparison() -> None:
    exprs = {
        (rule["labels"]["metric"], rule["labels"]["severity"]): rule["expr"]
        for rule in rules(PLAN)
        if "alert" in rule and not rule["expr"].startswith(("absent", "vector"))
    }

    for key, metric in PLAN.monitoring.metrics.items():
        for grade, limit in (
            (Grade.WARNING, metric.rule.warning),
            (Grade.CRITICAL, metric.rule.critical),
        ):
            sign = "<" if limit.direction is Direction.BELOW else ">"
            assert f" {sign} {limit.limit}" in exprs.pop((key, grade.value))
    assert exprs == {}


@pytest.mark.req("S4.2-21", "A12")
def test_the_labels_of_a_rule_lead_to_the_severity_that_the_metric_names() -> None:
    for rule in rules(PLAN):
        metric = PLAN.monitoring.metrics.get(rule.get("labels", {}).get("metric"))
        if metric is None or rule["alert"] != metric.alert:
            continue
        labels = {"alertname": rule["alert"], **rule["labels"]}

        found = classify(PLAN.routing, labels)

        assert found.severity == metric.creates[Grade(labels["severity"])]
        assert found.route.key == metric.type


LEVELS = [
    ("error_rate", "HighErrorRate", 0.1, 1, 0.001),
    ("response_time", "HighLatency", 300, 500, 1),
    ("database_connections", "DatabaseConnectionsHigh", 80, 95, 1),
    ("payment_success_rate", "PaymentSuccessRateLow", 98, 95, -0.1),
    ("user_login_success", "LoginSuccessRateLow", 99, 97, -0.1),
]


@needs_promtool
@pytest.mark.req("S4.2-22", "S4.2-23")
@pytest.mark.parametrize(("key", "alert", "warning", "critical", "beyond"), LEVELS)
def test_exactly_at_a_threshold_nothing_fires(
    key: str,
    alert: str,
    warning: float,
    critical: float,
    beyond: float,
    tmp_path: Path,
) -> None:
    """The value is at each threshold for half an hour, and beyond it for another."""
    values = (warning, warning + beyond, critical, critical + beyond)
    series = " ".join(f"{value}x29" for value in values)

    judge(
        PLAN,
        tmp_path,
        {f'plan:{key}{{service="api"}}': series},
        silent(alert, "29m"),
        firing(alert, "59m", severity="warning"),
        silent(alert, "59m", severity="critical"),
        silent(alert, "89m", severity="critical"),
        firing(alert, "119m", severity="critical"),
        # The warning stays under its critical alert; the plan keeps it quiet.
        firing(alert, "119m", severity="warning"),
    )


@needs_promtool
@pytest.mark.req("S4.2-24")
def test_an_alert_names_metric_value_threshold_component_and_links(
    tmp_path: Path,
) -> None:
    labels = {"severity": "critical", "alert_type": "payment", "service": "checkout"}
    annotations = {
        "metric": "Payment Success Rate",
        "summary": "Payment Success Rate < 95%, critical: 90.5 %",
        "threshold": "< 95%",
        "value": "90.5",
        "component": "checkout",
        "dashboard": "https://grafana.trm.rocks/d/metrics",
        "runbook_url": "/docs/runbooks/payments.md",
    }
    alerts = [
        {
            "exp_labels": {**labels, "metric": "payment_success_rate"},
            "exp_annotations": annotations,
        },
        {
            "exp_labels": {
                **labels,
                "severity": "warning",
                "metric": "payment_success_rate",
            },
            "exp_annotations": {
                **annotations,
                "summary": "Payment Success Rate < 98%, warning: 90.5 %",
                "threshold": "< 98%",
            },
        },
    ]

    judge(
        PLAN,
        tmp_path,
        {'plan:payment_success_rate{service="checkout"}': "90.5x20"},
        alert_rule_test=[
            {
                "eval_time": "10m",
                "alertname": "PaymentSuccessRateLow",
                "exp_alerts": alerts,
            }
        ],
    )


@needs_promtool
@pytest.mark.req("S4.2-25")
def test_a_metric_without_a_value_has_an_alert_of_its_own(tmp_path: Path) -> None:
    judge(
        PLAN,
        tmp_path,
        {"plan:error_rate": "0x5 _x30", "plan:response_time": "0x35"},
        silent("HighErrorRateNoData", "5m"),
        # A series is believed for five minutes after its last value.
        silent("HighErrorRateNoData", "14m"),
        firing("HighErrorRateNoData", "16m", severity="warning"),
        silent("HighErrorRate", "16m"),
        silent("HighLatencyNoData", "30m"),
        firing("JobApplicationRateDropNoData", "5m"),
    )


@needs_promtool
@pytest.mark.req("S4.2-26")
def test_a_metric_that_hovers_does_not_clear_before_its_hold_down(
    tmp_path: Path,
) -> None:
    judge(
        PLAN,
        tmp_path,
        {"plan:error_rate": "0.5x10 0x4 0.5x0 0x20"},
        firing("HighErrorRate", "14m", severity="warning"),
        firing("HighErrorRate", "19m", severity="warning"),
        silent("HighErrorRate", "22m"),
    )


@needs_promtool
@pytest.mark.req("S4.1-12")
def test_the_watchdog_always_fires_and_is_the_one_that_the_plan_awaits(
    tmp_path: Path,
) -> None:
    judge(PLAN, tmp_path, {}, firing("Watchdog", "0m"), firing("Watchdog", "1h"))

    (rule,) = (one for one in rules(PLAN) if one.get("alert") == "Watchdog")
    labels = {"alertname": rule["alert"], **rule["labels"]}
    assert is_watchdog(PLAN.alerting.watchdog, labels)


@pytest.mark.parametrize(
    ("watchdog", "names"),
    [
        ("null", []),
        ('{match: {"not alertname": Watchdog}}', []),
        ("{match: {alertname: [Up, Alive], cluster: main}}", ["Alive"]),
    ],
)
def test_a_watchdog_is_written_only_where_it_would_be_known(
    watchdog: str, names: list[str]
) -> None:
    loaded = minimal(
        ("channels:\n", f"monitoring: {{watchdog: {watchdog}}}\nchannels:\n")
    )
    assert loaded.plan is not None

    found = rules(loaded.plan)

    assert [one["alert"] for one in found] == names
    assert all(
        is_watchdog(
            loaded.plan.alerting.watchdog, {"alertname": one["alert"], **one["labels"]}
        )
        for one in found
    )


#: A counter that grows by so many every half hour for five weeks.
_WEEKS = 5 * 7 * 48


@needs_promtool
@pytest.mark.req("S4.2-17", "S4.2-18", "S4.2-22", "A13")
@pytest.mark.parametrize(
    ("usual", "now", "warns", "is_critical"),
    [
        # 2,000 events an hour: a drop by 5 % is asked of six hours, one by 10 % of one.
        (1000, 950, False, False),
        (1000, 949, True, False),
        (1000, 900, True, False),
        (1000, 899, True, True),
        (1000, 1100, False, False),
        # 100 events an hour: only a day has 900 to tell a drop by 10 % from chance, and
        # nothing has the 3,600 that one by 5 % needs.
        (50, 0, False, True),
        # Two events an hour tell nothing.
        (1, 0, False, False),
    ],
)
def test_a_drop_is_asked_of_the_shortest_time_that_can_tell(
    usual: int,
    now: int,
    *,
    warns: bool,
    is_critical: bool,
    tmp_path: Path,
) -> None:
    plan = with_metric(
        _SMALL + "warning: drop > 5%, critical: drop > 10%, "
        "for: {warning: 0m, critical: 0m}}"
    )
    last = usual * _WEEKS
    series = f"0+{usual}x{_WEEKS} {last + now}+{now}x48"
    at = f"{(_WEEKS + 48) // 2}h"

    judge(
        plan,
        tmp_path,
        {"plan:orders": series},
        (firing if warns else silent)("Orders", at, severity="warning"),
        (firing if is_critical else silent)("Orders", at, severity="critical"),
        every="30m",
        judged_every="12h",
    )


@needs_promtool
def test_a_query_of_any_kind_is_compared_as_a_whole(tmp_path: Path) -> None:
    plan = with_metric(
        _SMALL + 'query: "up or vector(9)", warning: "> 5%", critical: "> 8%", '
        "for: {warning: 0m, critical: 0m}, hold_down: 0m}"
    )

    judge(plan, tmp_path, {}, firing("Orders", "5m", severity="critical"))
