"""Reading steps: the exact table of a ladder, as the renderer writes it."""

from watchbill.plan.document.draft import Tree, Value
from watchbill.plan.document.sections import Placed
from watchbill.plan.document.severity import Scale
from watchbill.plan.document.tables import Cells, Known
from watchbill.plan.document.words import duration, is_blank

COLUMNS = (
    ("after", "After"),
    ("from", "From"),
    ("do", "Do"),
    ("who", "Who"),
    ("title", "Title"),
    ("when", "When"),
    ("until", "Until"),
    ("urgency", "Urgency"),
    ("why", "Why"),
    ("id", "Id"),
)
"""The keys of a step and their columns."""

LISTS = frozenset({"who", "why"})


def read_steps(scale: Scale, table: Known, place: Placed) -> None:
    """Read the ladder of the severity in the heading above, word by word."""
    key = scale.of_heading(place) or scale.find(place.title)
    if key is None:
        scale.draft.unplaced(table.line, "the heading above names no severity")
        return
    steps: list[Value] = []
    for row in table.rows:
        step = _step(row)
        if "after" in step and "do" in step:
            steps.append(step)
            scale.draft.note(row.line, ("escalation", key, len(steps) - 1))
        else:
            scale.draft.unplaced(row.line, "the row says no time or nothing to do")
    scale.draft.put(("escalation", key), steps, table.line)


def _step(row: Cells) -> Tree:
    step: Tree = {}
    for key, _ in COLUMNS:
        text = row[key]
        if is_blank(text):
            continue
        if key in LISTS:
            step[key] = [part.strip() for part in text.split(",") if part.strip()]
        elif key == "after":
            if spelled := duration(text) or ("0m" if text == "0" else None):
                step[key] = spelled
        else:
            step[key] = text
    return step
