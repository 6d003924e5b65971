"""Rules: the thresholds of the plan as a rule file for Prometheus (S4.2-21).

The plan is where a threshold is changed; the file is made from it and never edited.
What a metric *is* Prometheus must be told: by ``query``, or by a recording rule of
one's own under the name that the metric has without one, such as ``plan:cpu_usage``.

A comparison is strict, so that exactly at a threshold nothing fires (S4.2-22). The
warning goes on firing under its critical alert, and the plan's inhibition keeps it
quiet (S4.2-23): when the critical one ends first, it is still there. A metric without
a value has an alert of its own (S4.2-25), because no comparison with nothing is true.

A drop is asked of the shortest stretch of time in which enough is expected to tell it
from chance, as in :mod:`watchbill.core.monitoring`. Prometheus knows no holidays: the
median of the weeks is that of all weeks (A13).
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta

import yaml

from watchbill.core.monitoring import Baseline, Direction, Grade, Threshold
from watchbill.core.temporal import describe
from watchbill.plan.model import Plan
from watchbill.plan.operations import Metric
from watchbill.plan.phrases import write_limit
from watchbill.plan.values import write_duration

Rule = dict[str, object]

_GRADES = (Grade.WARNING, Grade.CRITICAL)
_SIGNS = {Direction.ABOVE: ">", Direction.BELOW: "<", Direction.DROP: ">"}
_WHERE = '{{ or $labels.service $labels.instance $labels.job "everywhere" }}'


def rule_groups(plan: Plan) -> list[dict[str, object]]:
    """Return the groups of rules of a plan, as a rule file has them."""
    by_group: defaultdict[str, list[Rule]] = defaultdict(list)
    for metric in plan.monitoring.metrics.values():
        by_group[metric.group] += _rules(plan, metric)
    if watchdog := _watchdog(plan):
        by_group["Watchdog"].append(watchdog)
    return [
        {"name": f"{group_prefix(plan)}{name}", "rules": rules}
        for name, rules in by_group.items()
    ]


def group_prefix(plan: Plan) -> str:
    """Return how the names of a plan's groups begin."""
    return f"{plan.meta.product}: "


def render_rules(plan: Plan) -> str:
    """Return the rule file of a plan, for ``rule_files`` of Prometheus."""
    groups = rule_groups(plan)
    head = (
        f"# Made from the plan, version {plan.meta.version}, by: watchbill plan rules\n"
        "# Change the plan and make it again; what is edited here is lost.\n"
    )
    return head + yaml.safe_dump(
        {"groups": groups}, sort_keys=False, allow_unicode=True, width=88
    )


def _rules(plan: Plan, metric: Metric) -> Iterator[Rule]:
    baseline = metric.rule.baseline
    if baseline is not None:
        yield from _expectations(metric, baseline)
    for grade in _GRADES:
        yield _alert(plan, metric, grade)
    yield _missing(plan, metric)


def _alert(plan: Plan, metric: Metric, grade: Grade) -> Rule:
    threshold = _threshold(metric, grade)
    hold, hold_down = metric.hold[grade], metric.hold_down
    limit = write_limit(threshold, metric.unit)
    return {
        "alert": metric.alert,
        "expr": _expression(metric, threshold),
        **({"for": write_duration(hold)} if hold else {}),
        **({"keep_firing_for": write_duration(hold_down)} if hold_down else {}),
        "labels": _labels(metric, grade),
        "annotations": {
            "summary": f"{metric.title} {limit}, {grade}: {{{{ $value | humanize }}}}"
            f" {_unit(metric)}",
            "threshold": limit,
            "value": "{{ $value }}",
            **_annotations(plan, metric),
        },
    }


def _missing(plan: Plan, metric: Metric) -> Rule:
    """The alert of a metric that has no value: no better than a warning."""
    limit = plan.alerting.silence_after
    return {
        "alert": f"{metric.alert}NoData",
        "expr": f"absent({metric.query})",
        **({"for": write_duration(limit)} if limit else {}),
        "labels": _labels(metric, Grade.WARNING),
        "annotations": {
            "summary": f"{metric.title} has had no value for {describe(limit)}",
            **_annotations(plan, metric),
        },
    }


def _labels(metric: Metric, grade: Grade) -> dict[str, str]:
    said = {**metric.labels(grade), "metric": metric.key}
    # Prometheus sets it to the name of the rule.
    del said["alertname"]
    return said


def _annotations(plan: Plan, metric: Metric) -> dict[str, str]:
    tools = plan.monitoring.tools.values()
    tool = plan.monitoring.tools.get(metric.tool or "")
    dashboards = (one.dashboard for one in ((tool,) if tool else tools))
    dashboard = next((one for one in dashboards if one), None)
    runbook = plan.runbooks.get(metric.runbook or "")
    return {
        "metric": metric.title,
        "component": _WHERE,
        **({"dashboard": dashboard} if dashboard else {}),
        **({"runbook_url": runbook.location} if runbook else {}),
    }


def _threshold(metric: Metric, grade: Grade) -> Threshold:
    rule = metric.rule
    return rule.critical if grade is Grade.CRITICAL else rule.warning


def _unit(metric: Metric) -> str:
    is_drop = metric.rule.baseline is not None
    return "% fewer than usual" if is_drop else metric.unit


def _expression(metric: Metric, threshold: Threshold) -> str:
    sign = _SIGNS[threshold.direction]
    baseline = metric.rule.baseline
    if baseline is None or threshold.direction is not Direction.DROP:
        return f"({metric.query}) {sign} {threshold.limit}"
    enough = baseline.minimum_expected(threshold)
    asked: list[str] = []
    for place, stretch in enumerate(baseline.stretches):
        tells = [
            f"{_recorded(metric, 'expected', one)} >= {enough}"
            for one in baseline.stretches[: place + 1]
        ]
        *shorter, here = tells
        dropped = f"{_recorded(metric, 'drop', stretch)} {sign} {threshold.limit}"
        unless = "".join(f" unless {one}" for one in shorter)
        asked.append(f"({dropped} and {here}{unless})")
    return " or ".join(asked)


def _expectations(metric: Metric, baseline: Baseline) -> Iterator[Rule]:
    """What each stretch of time should have brought, and by how much it fell short."""
    for stretch in baseline.stretches:
        length = write_duration(stretch)
        observed = f"sum(increase({metric.query}[{length}]))"
        weeks = " or ".join(
            f"label_replace(sum(increase({metric.query}[{length}] offset {week}w)), "
            f'"week", "{week}", "", "")'
            for week in range(1, baseline.weeks + 1)
        )
        expected = _recorded(metric, "expected", stretch)
        yield {"record": expected, "expr": f"quantile(0.5, {weeks})"}
        yield {
            "record": _recorded(metric, "drop", stretch),
            # Divided last: a drop of exactly 5 % must not be 5.000000000000004.
            "expr": f"100 * ({expected} - {observed}) / ({expected} > 0)",
        }


def _recorded(metric: Metric, what: str, stretch: timedelta) -> str:
    key = metric.key.replace("-", "_")
    return f"plan:{key}:{what}_{write_duration(stretch)}"


def _watchdog(plan: Plan) -> Rule | None:
    """The alert that always fires; None where no one label set would meet the plan."""
    condition = plan.alerting.watchdog or ()
    labels = {
        one.name: min(one.values)
        for one in condition
        if not one.negated and min(one.values)
    }
    name = labels.pop("alertname", "Watchdog")
    found = {"alertname": name, **labels}
    if not condition or not all(one.matches(found) for one in condition):
        return None
    return {
        "alert": name,
        "expr": "vector(1)",
        "labels": {"severity": "none", **labels},
        "annotations": {
            "summary": "Prometheus lives: watchbill opens an incident when this ends"
        },
    }
