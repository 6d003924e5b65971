"""Report: what a story expected beside what the plan does, with the exact times."""

from watchbill.plan.findings import render_text
from watchbill.plan.model import Plan
from watchbill.plan.scenario.faults import Fault
from watchbill.plan.scenario.run import Event, Mismatch, Result
from watchbill.plan.scenario.script import Script


def render_result(script: Script, result: Result, plan: Plan) -> str:
    """Return nothing for a story that holds, else its faults or differences.

    A line with - was expected and is not done; one with + is done and was not
    expected. Times are those of the plan's zone.
    """
    if result.faults:
        return render_faults(script, result.faults)
    if not result.mismatches:
        return ""
    head = f"{script.name}:{result.story.line}: {result.story.title}"
    blocks = [_block(one, plan) for one in result.mismatches]
    return "\n".join([head, *blocks]) + "\n"


def render_faults(script: Script, faults: tuple[Fault, ...]) -> str:
    """Return faults as a compiler prints them, each with its line and a caret."""
    return render_text(faults, name=script.name, lines=script.lines)


def _block(one: Mismatch, plan: Plan) -> str:
    rows = [f"  {_where(one, plan)}"]
    rows += [f"    - {event.text}" for event in one.missing]
    rows += [f"    + {_with_reason(event)}" for event in one.surplus]
    return "\n".join(rows)


def _where(one: Mismatch, plan: Plan) -> str:
    at = None if one.at is None else one.at.astimezone(plan.meta.zone)
    # Only a time with odd seconds shows them.
    form = "%a %Y-%m-%d %H:%M:%S" if at and at.second else "%a %Y-%m-%d %H:%M"
    clock = "" if at is None else f" ({at:{form}})"
    line = "no line says" if one.line is None else f"line {one.line}:"
    return f"{line} {one.place}{clock}"


def _with_reason(event: Event) -> str:
    return f"{event.text}  ({event.why})" if event.why else event.text
