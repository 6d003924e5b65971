"""A simulation as a page shows it: a table, and a drawing of who hears when.

The drawing has a lane for each person or channel and a column for each instant at
which something happens, all of one width: minutes and days would else not fit on
one line.
"""

from datetime import datetime, timedelta
from typing import Any

from watchbill.core.temporal import describe
from watchbill.plan import Line, Plan
from watchbill.plan.simulate import Incident, Lane, lanes

_LANE = 34
_HEAD = 40


def table(lines: tuple[Line, ...], *, shows_contacts: bool) -> list[dict[str, Any]]:
    """Return the lines for a table."""
    return [
        {
            "at": one.at,
            "elapsed": elapsed(one.elapsed),
            "verb": one.verb.value,
            "does": one.verb.replace("_", " ").capitalize(),
            "is_copy": one.is_copy,
            "whom": one.whom,
            "is_nobody": one.whom == "(nobody)",
            "how": list(one.how)
            if shows_contacts
            else [how.partition(" ")[0] for how in one.how],
            "title": one.step.title,
            "why": one.why,
            "ids": list(one.step.origin),
        }
        for one in lines
    ]


def drawing(incident: Incident, lines: tuple[Line, ...]) -> dict[str, Any]:
    """Return lanes, columns and marks of the drawing."""
    events = _events(incident)
    times = sorted({one.at for one in lines} | {at for at, _ in events})
    column = {at: number for number, at in enumerate(times)}
    width = 100 / max(len(times), 1)
    rows = lanes(lines)
    return {
        "lanes": [{"label": _label(one)} for one in rows],
        "height": _HEAD + _LANE * len(rows),
        "min_width": 88 * len(times),
        "ticks": [
            {
                "x": number * width,
                "width": width,
                "label": elapsed(at - incident.declared_at),
                "events": [name for when, name in events if when == at],
            }
            for at, number in column.items()
        ],
        "marks": [
            {
                "x": column[one.at] * width,
                "y": _HEAD + _LANE * row,
                "icon": _icon(one),
                "is_copy": one.is_copy,
            }
            for row, lane in enumerate(rows)
            for one in {one.at: one for one in reversed(lane.lines)}.values()
        ],
        "bands": [{"y": _HEAD + _LANE * number} for number in range(0, len(rows), 2)],
    }


def elapsed(after: timedelta) -> str:
    """Return how long after the declaration something happens."""
    return describe(after) if after else "0 min"


def _events(incident: Incident) -> list[tuple[datetime, str]]:
    named = (
        (incident.acknowledged_at, "acknowledged"),
        (incident.mitigated_at, "mitigated"),
        (incident.resolved_at, "resolved"),
    )
    return [(at, name) for at, name in named if at is not None]


def _label(lane: Lane) -> str:
    if lane.contact is not None:
        return lane.contact.label
    return "Record" if lane.whom == "-" else lane.whom


def _icon(line: Line) -> str:
    return "x" if line.whom == "(nobody)" else line.verb.value


def severities(plan: Plan) -> list[dict[str, str]]:
    """Return the severities to choose from."""
    return [{"key": one.key, "title": one.title} for one in plan.severities]


def routes(plan: Plan) -> list[dict[str, str]]:
    """Return the kinds of alert to choose from."""
    return [{"key": one.key, "title": one.title} for one in plan.routing.routes]
