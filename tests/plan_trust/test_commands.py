"""The commands: what they print, and the exit code a script can rely on."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from watchbill.commands.plan import command
from watchbill.plan import bundled, bundled_text
from watchbill.plan.simulate import lanes, simulate

PLAN = bundled("trm")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


@pytest.mark.req("S3.2-22", "S4.3-09")
def test_a_simulation_as_json_keeps_its_names_and_the_zone_of_the_plan() -> None:
    result = run(
        "simulate", "trm", "--severity", "P1", "--category", "payment",
        "--at", "2026-02-08 02:30", "--ack", "7m", "--resolve", "1h30m", "--json",
    )  # fmt: skip

    answer = json.loads(result.output)
    assert result.exit_code == 0
    assert answer["incident"] == {
        "severity": "P1",
        "route": "payment",
        "category": "payment",
        "is_confidential": False,
        "declared_at": "2026-02-08T02:30:00+06:30",
        "acknowledged_at": "2026-02-08T02:37:00+06:30",
        "mitigated_at": None,
        "resolved_at": "2026-02-08T04:00:00+06:30",
    }
    assert answer["lines"][0] == {
        "at": "2026-02-08T02:30:00+06:30",
        "elapsed_seconds": 0,
        "verb": "page",
        "step": "P1/0m-page",
        "title": "Page the DevOps on-call",
        "contact": "devops_engineer",
        "whom": "DevOps Engineer",
        "how": ["e-mail devops@trm.rocks"],
        "why": "due at 0 min elapsed",
        "reason": "due",
        "urgency": "high",
        "stops_on": "acknowledged",
        "origin": ["S3.2-01", "S2.2-01", "S3.1-05", "S4.4-05"],
        "is_copy": False,
        "is_late": False,
    }
    assert answer["lines"][-1]["elapsed_seconds"] == 25.5 * 3600
    assert sorted(n for lane in answer["lanes"] for n in lane["lines"]) == list(
        range(len(answer["lines"]))
    )


def test_lanes_hold_every_line_once_by_whom_it_reaches() -> None:
    at = PLAN.meta.effective_at
    lines = simulate(PLAN, severity="P1", route="payment", declared_at=at, until=at)

    assert [(lane.whom, len(lane.lines)) for lane in lanes(lines)] == [
        ("DevOps Engineer", 1),
        ("Backend Engineer", 1),
        ("#incidents", 1),
        ("Payment Specialist", 1),
    ]


@pytest.mark.req("S2.1-09")
def test_a_specialty_without_a_route_chooses_the_expert() -> None:
    result = run("simulate", "--severity", "P2", "--category", "ml", "--json")

    called = [
        line["whom"]
        for line in json.loads(result.output)["lines"]
        if line["verb"] == "escalate"
    ]
    assert called == ["ML Engineer"]


@pytest.mark.req("S2.2-09")
def test_somebody_unreachable_is_passed_over() -> None:
    result = run(
        "simulate", "--severity", "P1", "--unreachable", "DevOps Engineer", "--json"
    )

    assert "DevOps Engineer" not in {
        line["whom"] for line in json.loads(result.output)["lines"]
    }


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--ack", "-5m", '"-5m" is not a duration'),
        ("--ack", "soon", '"soon" is not a duration'),
        ("--resolve", "", "the duration is empty"),
        ("--mitigate", "9999999h", "is not a duration"),
        ("--at", "tomorrow", "is not a day and a time"),
        ("--at", "9999-12-31 23:59", "is not a date"),
        ("--severity", "P9", 'the plan has no severity "P9"'),
        ("--category", "paymnt", 'Did you mean "payment"?'),
        ("--route", "nowhere", "the plan has no route"),
        ("--unreachable", "Nobody", '"Nobody" is nobody in the plan'),
        ("--unreachable", "L3", "means 4 people"),
        ("--label", "alertname", "is no label"),
    ],
)
def test_nonsense_is_a_usage_error(option: str, value: str, said: str) -> None:
    result = run("simulate", "trm", option, value)

    assert (result.exit_code, said in result.output) == (2, True), result.output


def test_explain_exits_with_1_for_an_unknown_key_and_2_without_a_question() -> None:
    assert run("explain", "trm", "severities.P1.response").exit_code == 0
    assert run("explain", "trm", "severites").exit_code == 1
    assert run("explain", "trm").exit_code == 2
    assert json.loads(run("explain", "trm", "--due", "P1 30m", "--json").output)[0][
        "title"
    ] == ("Notify the Engineering Manager")
    assert run("explain", "trm", "--decision", "A2").output.startswith("A2: ")


@pytest.mark.req("SE-01")
def test_diff_exits_with_0_only_when_nothing_changes_for_people(
    tmp_path: Path,
) -> None:
    new = tmp_path / "new.yaml"
    new.write_text(bundled_text("trm").replace("resolution: 4h", "resolution: 5h", 1))

    assert run("diff", "trm", "trm").exit_code == 0
    result = run("diff", "trm", str(new), "--json")
    assert result.exit_code == 1
    assert json.loads(result.output)["changes"][0]["effect"] == "quieter"
    assert run("diff", "trm", str(new), "--from", "soon").exit_code == 2


STORY = "P1 payment\n+0m -> post #incidents; ...\n+2m -> nothing\n"


def test_test_exits_with_0_1_and_2_and_rewrites_on_request(tmp_path: Path) -> None:
    story, broken = tmp_path / "a.scenario", tmp_path / "b.scenario"
    story.write_text(STORY)
    broken.write_text("P1 payment\n+0m -> page Nobody Known\n")

    result = run("test", str(story))
    assert (result.exit_code, result.output.splitlines()[-1]) == (
        1,
        "1 story: 1 differs",
    )
    assert run("test", str(story), "--update").exit_code == 0
    assert story.read_text() == STORY.replace("nothing", "page DevOps Engineer")
    assert run("test", str(story)).output == "1 story: 1 holds\n"
    assert run("test", str(story), str(broken)).exit_code == 2
    assert run("test", str(tmp_path / "none.scenario")).exit_code == 2


def test_a_story_names_a_plan_beside_it_or_is_told_to_another(tmp_path: Path) -> None:
    story, plan = tmp_path / "a.scenario", tmp_path / "mine.yaml"
    story.write_text(f"plan mine.yaml\n{STORY}")

    assert "WS102" in run("test", str(story)).output
    plan.write_text(bundled_text("trm"))
    assert run("test", str(story)).exit_code == 1
    assert run("test", str(story), "--plan", "trm", "--update").exit_code == 0
    assert run("test", str(story)).exit_code == 0
