"""Explanations as text for a terminal."""

from collections.abc import Iterable, Iterator

from watchbill.plan.explain.decided import Position, Standing
from watchbill.plan.explain.due import DueStep
from watchbill.plan.explain.key import Explanation, Reference

_SHOWN = 5
"""Keys of a decision that are listed; the others are counted."""


def render_explanation(one: Explanation) -> str:
    """Return a key's explanation."""
    place = str(one.place) if one.place else "not written; this is the default"
    rows = [
        f"{one.key}: {one.value}",
        f"  at        {place}",
        f"  does      {one.does}",
    ]
    rows += [f"  note      {one.note}"] if one.note else []
    rows += _sources(one.requirements, one.decisions)
    rows.append(f"  affects   {', '.join(one.affects) or 'nobody by name'}")
    return "\n".join(rows) + "\n"


def render_due(steps: Iterable[DueStep]) -> str:
    """Return the explanations of what is due at a time."""
    return "\n".join(_due(one) for one in steps)


def _due(one: DueStep) -> str:
    place = str(one.place) if one.place else "not written; this is the default"
    rows = [
        f"{one.severity}: {one.title}",
        f"  from      {one.key}",
        f"  at        {place}",
        f"  does      {one.does}",
        f"  matrix    {' | '.join(one.row)}",
        *_sources(one.requirements, one.decisions),
        f"  affects   {', '.join(one.affects) or 'nobody by name'}",
    ]
    return "\n".join(rows) + "\n"


def render_position(position: Position) -> str:
    """Return a decision and where the plan stands on it."""
    decision = position.decision
    rows = [
        f"{decision.id}: {decision.title}",
        f"  default   {decision.default}",
        f"  because   {decision.reason}",
        f"  answers   {', '.join(decision.requirements)}",
        *(f"  rule in   {module}" for module in decision.fixed_in),
        *(
            f"  {one.key}: {one.value}  ({one.place})"
            for one in _some(position.written)
        ),
    ]
    rows += _more(position.written)
    for one in _some(position.left_to_default):
        rows.append(f"  {one.key}: {one.value}  (default)")
    rows += _more(position.left_to_default)
    return "\n".join(rows) + "\n"


def _some(standings: tuple[Standing, ...]) -> tuple[Standing, ...]:
    return standings[:_SHOWN]


def _more(standings: tuple[Standing, ...]) -> list[str]:
    number = len(standings) - _SHOWN
    return [f"  and {number} more"] if number > 0 else []


def _sources(
    requirements: tuple[str, ...], decisions: tuple[Reference, ...]
) -> Iterator[str]:
    if requirements:
        yield f"  answers   {', '.join(requirements)}"
    for one in decisions:
        yield f"  decided   {one.id} {one.title}"
