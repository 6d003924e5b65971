"""A due time explained: why somebody is told then.

The step may stand in a severity's ladder or come from the times of a route; beside it
stands the row of the matrix, which says what every severity does at that time.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from watchbill.core.ladder import Since, Step
from watchbill.core.routing import Route
from watchbill.plan.explain.affected import everybody, names_of, step_sentence
from watchbill.plan.explain.key import Reference, only_requirements, references
from watchbill.plan.explain.keys import (
    Key,
    Opened,
    Place,
    is_written,
    open_plan,
    place_of,
)
from watchbill.plan.load import Loaded
from watchbill.plan.lookup import UnknownNameError, find_route, find_severity
from watchbill.plan.model import Plan
from watchbill.plan.source import Path
from watchbill.plan.values import UnreadableError, parse_duration, write_duration


@dataclass(frozen=True, slots=True, kw_only=True)
class DueStep:
    """One step that is due at a time: where it comes from and what it does."""

    severity: str
    title: str
    does: str
    #: None for a step that comes from the times of a route.
    place: Place | None
    key: str
    #: The row of the matrix: what each severity does at that time.
    row: tuple[str, ...]
    requirements: tuple[str, ...]
    decisions: tuple[Reference, ...]
    affects: tuple[str, ...]


def explain_due(loaded: Loaded, due: str) -> tuple[DueStep, ...]:
    """Return why people are told at a time: ``P1 30m`` or ``P1 payment 5m``.

    Times after the resolution are written ``P1 resolved+24h``. Raises
    UnknownNameError when nothing is due then.
    """
    opened = open_plan(loaded)
    plan = opened.plan
    severity, route, clock = _read_due(plan, due)
    found = [
        _due_step(opened, severity, one, step)
        for one in ([route] if route else plan.routing.routes)
        for step in plan.ladder(severity, one.key).steps
        if _clock(step) == clock
    ]
    if not found:
        known = dict.fromkeys(
            _clock(step)
            for one in ([route] if route else plan.routing.routes)
            for step in plan.ladder(severity, one.key).steps
        )
        message = f"nothing is due at {clock} of {severity}"
        raise UnknownNameError(message, f"It has steps at {', '.join(known)}.")
    return tuple(dict.fromkeys(found))


def _read_due(plan: Plan, due: str) -> tuple[str, Route | None, str]:
    words = due.split()
    if len(words) < 2:
        message = f'"{due}" is not a severity and a time'
        raise UnknownNameError(message, "Write P1 30m.")
    severity = find_severity(plan, words[0])
    route = find_route(plan, " ".join(words[1:-1])) if len(words) > 2 else None
    text = words[-1].removeprefix("resolved+").removeprefix("+")
    try:
        after = write_duration(parse_duration(text))
    except UnreadableError as error:
        raise UnknownNameError(error.message, error.hint) from error
    late = words[-1].startswith("resolved+")
    return severity, route, f"resolved+{after}" if late else after


def _clock(step: Step) -> str:
    after = write_duration(step.after)
    return f"resolved+{after}" if step.since is Since.RESOLVED else after


def _due_step(
    opened: Opened,
    severity: str,
    route: Route,
    step: Step,
) -> DueStep:
    plan = opened.plan
    key, path = _origin_of(plan, severity, route, step)
    written = is_written(opened.document, path)
    return DueStep(
        severity=severity,
        title=step.title,
        does=step_sentence(plan, step),
        place=place_of(opened, path) if written else None,
        key=".".join(key),
        row=tuple(_row(plan, _clock(step))),
        requirements=only_requirements(step.origin),
        decisions=references(key, step.origin),
        affects=names_of(plan, everybody(plan, step.targets)),
    )


def _origin_of(plan: Plan, severity: str, route: Route, step: Step) -> tuple[Key, Path]:
    """Where a step of a composed ladder is written."""
    steps = plan.steps.get(severity, ())
    if step in steps:
        place = steps.index(step)
        name = step.key.removeprefix(f"{severity}/")
        return ("escalation", severity, name), ("escalation", severity, place)
    rank = step.key.removeprefix("route/")
    own: Path = ("alerts", "routes", route.key, "contacting", severity, rank)
    table: Path = ("alerts", "contacting", severity, rank)
    path = own if severity in route.contacting else table
    return tuple(str(one) for one in path), path


def _row(plan: Plan, clock: str) -> Iterator[str]:
    """What the matrix says of a time, severity by severity."""
    for severity in plan.severities:
        steps = plan.steps.get(severity.key, ())
        titles = [step.title for step in steps if _clock(step) == clock]
        yield f"{severity.key}: {'; '.join(titles) or '-'}"
