"""Whether what Prometheus has loaded is what the plan says."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from watchbill.commands.plan import command
from watchbill.plan import bundled
from watchbill.plan.drift import (
    DriftKind,
    UnreadableRulesError,
    find_drift,
    read_rules,
    same_parts,
)
from watchbill.plan.rules import render_rules

pytestmark = pytest.mark.req("S4.2-21")

PLAN = bundled("trm")


@pytest.fixture
def file() -> Any:
    return deepcopy(yaml.safe_load(render_rules(PLAN)))


def rule(file: Any, name: str, severity: str) -> Any:
    return next(
        one
        for group in file["groups"]
        for one in group["rules"]
        if one.get("alert") == name and one["labels"]["severity"] == severity
    )


def drift(file: Any) -> list[tuple[str, str, str, str, str]]:
    return [
        (one.kind.value, one.rule, one.part, one.planned, one.loaded)
        for one in find_drift(PLAN, read_rules(file))
    ]


def test_the_rules_of_the_plan_have_not_drifted_from_it(file: Any) -> None:
    assert drift(file) == []


def test_as_prometheus_tells_them_they_have_not_drifted_either(file: Any) -> None:
    seconds = {"2m": 120, "5m": 300, "10m": 600, "15m": 900}

    def told(one: Any) -> dict[str, Any]:
        if "record" in one:
            return {"type": "recording", "name": one["record"], "query": one["expr"]}
        return {
            "type": "alerting",
            "name": one["alert"],
            "query": f" {one['expr']} ",
            "duration": seconds.get(one.get("for"), 0),
            "keepFiringFor": seconds.get(one.get("keep_firing_for"), 0),
            "labels": one["labels"],
            "health": "ok",
        }

    groups = [
        {
            "name": one["name"],
            "file": "x",
            "rules": [told(each) for each in one["rules"]],
        }
        for one in file["groups"]
    ]
    held = {one.get("for") for group in file["groups"] for one in group["rules"]}
    assert held <= {*seconds, None}
    assert drift({"status": "success", "data": {"groups": groups}}) == []


def test_a_changed_threshold_time_severity_and_label_are_each_said(file: Any) -> None:
    cpu = rule(file, "CpuUsageHigh", "critical")
    planned = cpu["expr"]
    cpu["expr"] = "plan:cpu_usage > 99"
    cpu["for"] = "1h"
    disk = rule(file, "DiskUsageHigh", "critical")
    disk["labels"]["severity"] = "page"
    disk["labels"]["team"] = "infra"

    found = drift(file)

    assert (
        "changed",
        "CpuUsageHigh (critical)",
        "expression",
        planned,
        cpu["expr"],
    ) in (found)
    assert ("changed", "CpuUsageHigh (critical)", "for", "600s", "3600s") in found
    assert (
        "changed",
        "DiskUsageHigh (critical)",
        "severity",
        "critical",
        "page",
    ) in found
    assert ("changed", "DiskUsageHigh (critical)", "team", "", "infra") in found
    assert len(found) == 4


def test_what_is_missing_and_what_is_extra_is_said_but_not_of_other_groups(
    file: Any,
) -> None:
    first = file["groups"][0]
    gone = first["rules"].pop(0)
    first["rules"].append({"alert": "Mine", "expr": "vector(1)"})
    file["groups"].append(
        {"name": "Our own", "rules": [{"record": "a:b", "expr": "sum(b)"}]}
    )

    found = find_drift(PLAN, read_rules(file))

    assert [(one.kind, one.rule) for one in found] == [
        (DriftKind.MISSING, f"{gone['alert']} ({gone['labels']['severity']})"),
        (DriftKind.EXTRA, "Mine"),
    ]
    assert found[0].text.endswith(
        f"is not loaded: the plan has it in '{first['name']}'"
    )


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("a>1", " a  > 1.0 ", True),
        ("rate(a[60m])", "rate(a[1h])", True),
        ('a{b="c"}', "a{b='c'}", True),
        ("a > 1", "a >= 1", False),
        ('a{b="c d"}', 'a{b="cd"}', False),
        ("a1m", "a60s", False),
    ],
)
def test_expressions_are_compared_by_their_parts(
    one: str, other: str, *, same: bool
) -> None:
    assert same_parts(one, other) is same


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"groups": {}},
        {"groups": [{"name": "a", "rules": "b"}]},
        {"groups": [{"name": "a", "rules": [1]}]},
        {"groups": [{"rules": [{"alert": "A"}]}]},
        {"groups": [{"rules": [{"alert": "A", "expr": "b", "for": "soon"}]}]},
    ],
)
def test_what_are_no_rules_is_refused(document: object) -> None:
    with pytest.raises(UnreadableRulesError):
        read_rules(document)


def test_the_command_says_it_in_words_and_in_json_and_by_its_exit_code(
    tmp_path: Path,
) -> None:
    path = tmp_path / "rules.yml"
    asked = ["drift", "trm", "--rules", str(path)]
    text = render_rules(PLAN)

    path.write_text(text, "utf-8")
    fine = CliRunner().invoke(command, asked)
    path.write_text(text.replace("severity: critical", "severity: page", 1), "utf-8")
    drifted = CliRunner().invoke(command, asked)
    as_json = CliRunner().invoke(command, [*asked, "--json"])
    path.write_text("a: [", "utf-8")
    broken = CliRunner().invoke(command, asked)
    unclear = CliRunner().invoke(command, ["drift", "trm"])

    assert (fine.exit_code, fine.output) == (
        0,
        "The rules that are loaded are those of the plan.\n",
    )
    assert drifted.exit_code == as_json.exit_code == 1
    assert "severity is page, the plan says critical" in drifted.output
    (one,) = json.loads(as_json.output)["drift"]
    assert (one["kind"], one["part"], one["loaded"]) == ("changed", "severity", "page")
    assert broken.exit_code == unclear.exit_code == 2


def test_an_internal_prometheus_is_asked_only_where_that_is_allowed() -> None:
    asked = ["drift", "trm", "--prometheus", "http://127.0.0.1:9"]

    refused = CliRunner().invoke(command, asked, env={"WATCHBILL_EGRESS_ALLOW": ""})

    assert refused.exit_code == 2
    assert "nothing is sent there" in refused.output
