"""A draft: a text on its way to becoming a version."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from watchbill.plan import Loaded, load
from watchbill.plan.edit import CannotEditError, path_of, replace, value_at
from watchbill.plan.source import Path
from watchbill.plan.writing import Value
from watchbill.server.plans import queries
from watchbill.server.plans.models import PlanVersion

DAMAGED = "\ufffd"
"""What stands where bytes could not be read as text."""

_VERSION: Path = ("plan", "version")
_EFFECTIVE: Path = ("plan", "effective")


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What a draft begins with."""

    version: PlanVersion
    #: The version stored last, which a proposal must follow.
    newest: PlanVersion
    text: str


def base(number: int | None) -> Base | None:
    """Return the version to begin with, by default the newest; None without any.

    PlanVersion.DoesNotExist when there is no version of the number.
    """
    newest = queries.newest()
    if newest is None:
        return None
    version = queries.get(newest.pk if number is None else number)
    return Base(version=version, newest=newest, text=version.text)


def next_label(text: str) -> str:
    """Return a name for the next version that none has yet: 1.1 after 1.0 and 1.0+3."""
    taken = set(queries.labels())
    label = value_at(text, _VERSION)
    said = label if isinstance(label, str) else "1.0"
    # What follows a plus counts amendments, and a proposal is none.
    rules, plus, count = said.rpartition("+")
    if plus and count.isdecimal():
        said = rules
    while said in taken:
        said = _counted_on(said)
    return said


def finish(text: str, *, based_on: str, version: str, effective: date) -> str:
    """Return the text with its version and effective date.

    What its author has changed in the text itself stays. A text in which nothing can
    be changed is returned as it is; the check says why.
    """
    wanted: dict[Path, Value] = {
        _VERSION: version,
        _EFFECTIVE: effective.isoformat(),
    }
    untouched = {
        path: value
        for path, value in wanted.items()
        if value_at(text, path) == value_at(based_on, path)
    }
    try:
        return replace(text, untouched)
    except CannotEditError:
        return text


def edited(text: str, edits: Mapping[tuple[str, ...], Value]) -> str:
    """Return the text with edits made, and every other character as it was.

    Edits are keyed by names, those of a contact by its id; None takes an entry away.
    A new contact needs no ``id`` in its value. CannotEditError when it cannot be done.
    """
    placed: dict[Path, Value] = {}
    for names, value in edits.items():
        path = path_of(text, names)
        is_listed = isinstance(path[-1], int)
        if is_listed and isinstance(value, Mapping):
            placed[path] = {"id": names[-1], **value}
        else:
            placed[path] = value
    return replace(text, placed)


def check(text: str) -> Loaded:
    """Return what the check says of a draft."""
    return load(text, name="draft")


def damage(text: str) -> int | None:
    """Return the line in which a character was lost on the way, None if in none."""
    place = text.find(DAMAGED)
    return None if place < 0 else text.count("\n", 0, place) + 1


def today(*, now: datetime) -> date:
    """Return the date in the zone of the plan in force."""
    plan = queries.plan_of(queries.in_force(now=now).pk)
    return now.astimezone(plan.meta.zone).date()


def _counted_on(label: str) -> str:
    found = re.fullmatch(r"(.*?)([0-9]{1,9})", label)
    if found is None:
        return f"{label[:30]}.1"
    return f"{found[1]}{int(found[2]) + 1}"
