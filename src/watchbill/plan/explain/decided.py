"""A decision explained, and where a plan stands on it."""

from collections.abc import Iterator
from dataclasses import dataclass

from watchbill.plan.decisions import DECISIONS, Decision
from watchbill.plan.explain.key import value_of
from watchbill.plan.explain.keys import (
    Found,
    Opened,
    Place,
    below,
    is_written,
    open_plan,
    place_of,
    root,
)
from watchbill.plan.load import Loaded
from watchbill.plan.lookup import UnknownNameError
from watchbill.plan.tree import parts
from watchbill.plan.validate import did_you_mean


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a plan says at one key that a decision governs."""

    key: str
    value: str
    #: None when the key is not written and its default holds.
    place: Place | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A decision and where a plan stands on it."""

    decision: Decision
    written: tuple[Standing, ...]
    #: Keys that the plan leaves to their default.
    left_to_default: tuple[Standing, ...]


def explain_decision(loaded: Loaded, id: str) -> Position:
    """Return a decision and what the plan says at its keys.

    Raises UnknownNameError for an id that there is not, InvalidPlanError for a plan
    with errors.
    """
    found = DECISIONS.get(id.strip().upper())
    if found is None:
        message = f'there is no decision "{id}"'
        raise UnknownNameError(message, did_you_mean(id, list(DECISIONS)))
    opened = open_plan(loaded)
    standings = [
        one
        for key in found.keys
        for one in _standings(opened, root(opened), tuple(key.split(".")))
    ]
    return Position(
        decision=found,
        written=tuple(one for one in standings if one.place is not None),
        left_to_default=tuple(one for one in standings if one.place is None),
    )


def _standings(
    opened: Opened, at: Found, pattern: tuple[str, ...]
) -> Iterator[Standing]:
    """What is said at every key of a pattern below an entry."""
    if not pattern:
        written = is_written(opened.document, at.path)
        yield Standing(
            key=".".join(at.key),
            value=value_of(opened, at),
            place=place_of(opened, at.path) if written else None,
        )
        return
    for part in parts(at.value):
        if pattern[0] in {"*", part.name}:
            yield from _standings(opened, below(at, part), pattern[1:])
