"""Watches: schedules that are no list of weeks, as rows of a table.

The readable plan shows a rotation week by week. What has layers, hours or turns of
another length is shown by its layers; that table is for people, and the settings at
the end of the document hold what it cannot say.
"""

from collections.abc import Iterator

from watchbill.plan.document import spelling
from watchbill.plan.document.draft import Tree, Value

_RHYTHM = ("layers", "every", "weekdays", "hours", "until", "zone", "specialty")

Row = tuple[str, list[str], str, str]
"""A layer's name, its members, when it is handed over, and its hours."""


def is_weekly(schedule: Tree) -> bool:
    """Return whether a schedule can be shown week by week."""
    stands = (schedule.get("secondary"), schedule.get("shadow"))
    is_short = not any(key in schedule for key in _RHYTHM)
    return is_short and not any(isinstance(one, dict) for one in stands)


def rows(schedule: Tree) -> Iterator[Row]:
    """Yield the layers of a schedule and of the duties that have their own."""
    for duty in ("primary", "secondary", "shadow"):
        watch = schedule if duty == "primary" else schedule.get(duty)
        if not isinstance(watch, dict):
            continue
        layers = watch.get("layers")
        entries = layers.items() if isinstance(layers, dict) else [("", watch)]
        for name, layer in entries:
            if isinstance(layer, dict):
                members = spelling.texts(layer.get("members"))
                said = (layer, watch, schedule)
                label = f"{duty}, {name}" if name else duty
                yield label, members, _handover(said), written(layer.get("hours"))


def _handover(said: tuple[Tree, ...]) -> str:
    def first(key: str) -> str:
        return next((written(one[key]) for one in said if one.get(key)), "")

    turn = next((one for one in said if one.get("every") or one.get("weekdays")), {})
    every = written(turn.get("every")) or "week"
    days = written(turn.get("weekdays"))
    parts = (every, days, first("handover"), first("zone"))
    return " ".join(filter(None, parts))


def written(value: Value | None) -> str:
    """Return a value in words, whatever form it has."""
    if isinstance(value, dict):
        return " ".join(f"{key} {written(one)}" for key, one in value.items())
    if isinstance(value, list):
        return ", ".join(written(one) for one in value)
    return spelling.said(value)
