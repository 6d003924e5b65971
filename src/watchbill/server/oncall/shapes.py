"""Shifts as JSON and in words, the same for the API and the command line.

Nothing here asks the database, so that a plan file alone can be shown as well. No
address is ever in it.
"""

from datetime import UTC, datetime
from typing import Any

from watchbill.core.coverage import DoubleDuty
from watchbill.core.oncall import Schedule, Shift, Source
from watchbill.core.temporal import Interval
from watchbill.plan import Plan


def instant(at: datetime) -> str:
    """Return an instant as JSON has it, in UTC."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def span(during: Interval) -> dict[str, str]:
    """Return an interval, the end of which is no part of it."""
    return {
        "starts_at": instant(during.starts_at),
        "ends_at": instant(during.ends_at),
    }


def person(plan: Plan, key: str | None) -> dict[str, str] | None:
    """Return whom a key means, by key and name; None for nobody."""
    return None if key is None else {"key": key, "name": name_of(plan, key)}


def name_of(plan: Plan, key: str | None) -> str:
    """Return what a contact is called; somebody who left keeps the key."""
    if key is None:
        return "nobody"
    contact = plan.directory.contact(key)
    return contact.label if contact is not None else key


def shift(plan: Plan, one: Shift) -> dict[str, Any]:
    """Return a shift, with the reason for which it is held."""
    return {
        "schedule": one.schedule,
        "duty": str(one.duty),
        **span(one.during),
        "holder": person(plan, one.holder),
        "source": str(one.source),
        "layer": one.layer,
        "instead_of": person(plan, one.instead_of),
        "override": one.override or None,
        "because": why(plan, one),
    }


def why(plan: Plan, one: Shift) -> str:
    """Return in words why a shift is held by whom it is."""
    layer = f"the layer {one.layer}" if one.layer else "its layer"
    other = f" instead of {name_of(plan, one.instead_of)}" if one.instead_of else ""
    number = f" {one.override}" if one.override else ""
    match one.source:
        case Source.LAYER:
            return f"it is the turn in {layer}"
        case Source.FOLLOWS:
            return f"it is the place beside the primary in {layer}"
        case Source.OVERRIDE:
            return f"override{number}{other}"
        case Source.SWAP:
            return f"an accepted swap, override{number}{other}"
        case Source.STAND_IN:
            absent = name_of(plan, one.instead_of)
            return f"next in {layer}, because {absent} is away"
        case Source.NOBODY:
            return "no layer is active, or everybody is away or has a greater duty"


def schedule(plan: Plan, one: Schedule) -> dict[str, Any]:
    """Return a schedule, and who takes turns in it."""
    return {
        "key": one.key,
        "title": one.title,
        "time_zone": one.zone.key,
        "specialty": one.specialty,
        "duties": [str(duty) for duty in one.duties],
        "layers": [
            {"key": layer.key, "members": list(layer.members)} for layer in one.layers
        ],
        "members": [person(plan, key) for key in one.members],
    }


def double(plan: Plan, one: DoubleDuty) -> dict[str, Any]:
    """Return who holds duties of several schedules at once."""
    return {
        **span(one.during),
        "person": person(plan, one.contact),
        "duties": [f"{schedule} {duty}" for schedule, duty in one.posts],
    }
