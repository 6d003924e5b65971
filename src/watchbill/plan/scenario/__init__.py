"""Scenarios: stories that hold a plan to its word, as promtool does for rules.

A story says what happens on the left of an arrow and what must be done about it on
the right. It is told to the very engine, at the instants at which the engine would
wake, so that a story that holds is what will happen (S3.2-22, S4.3-09).

``parse`` reads a text, ``check`` tells its stories to a plan, ``rewrite`` puts what
happens in place of what was expected. Nothing here opens a file: callers pass the
text and the plan. The grammar is explained in ``docs/plan-scenarios.md``.
"""

from watchbill.plan.scenario.faults import Fault, StoryCode
from watchbill.plan.scenario.parse import parse
from watchbill.plan.scenario.report import render_faults, render_result
from watchbill.plan.scenario.rewrite import rewrite
from watchbill.plan.scenario.run import Mismatch, Result, check, unknown_plan
from watchbill.plan.scenario.script import Script, Story

__all__ = [
    "Fault",
    "Mismatch",
    "Result",
    "Script",
    "Story",
    "StoryCode",
    "check",
    "parse",
    "render_faults",
    "render_result",
    "rewrite",
    "unknown_plan",
]
