"""The stories that come with watchbill hold, each against the plan it names."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from watchbill.plan import bundled_text, load
from watchbill.plan.model import Plan
from watchbill.plan.scenario import check, parse, render_result
from watchbill.plan.scenario.script import Script, Story

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "tests" / "scenarios").glob("*.scenario"))
EXAMPLES = sorted((ROOT / "examples").glob("*.scenario"))


def told() -> Iterator[object]:
    for path in (*FILES, *EXAMPLES):
        script = parse(path.read_bytes(), name=path.name)
        assert script.faults == ()
        for story in script.stories:
            yield pytest.param(path, script, story, id=f"{path.stem}:{story.line}")


def plan_of(path: Path, story: Story) -> Plan:
    name = story.plan.text if story.plan else "trm"
    text = bundled_text("trm") if name == "trm" else (path.parent / name).read_text()
    plan = load(text, name=name).plan
    assert plan is not None
    return plan


@pytest.mark.req(
    "S2.2-01", "S2.2-05", "S2.2-08", "S2.2-09", "S3.2-01", "S3.2-02", "S3.2-03",
    "S3.2-04", "S3.2-05", "S3.2-07", "S3.2-08", "S3.2-09", "S3.2-12", "S3.2-15",
    "S3.2-20", "S3.2-22", "S4.3-04", "S4.3-07", "S4.3-09", "S4.4-01", "S4.4-03",
    "A1", "A2", "A15", "A23", "A32",
)  # fmt: skip
@pytest.mark.parametrize(("path", "script", "story"), list(told()))
def test_a_story_holds(path: Path, script: Script, story: Story) -> None:
    plan = plan_of(path, story)

    assert render_result(script, check(story, plan), plan) == ""


def test_enough_stories_are_told() -> None:
    assert len(FILES) >= 8
    assert len(EXAMPLES) >= 3
