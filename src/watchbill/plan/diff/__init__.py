"""Diff: what a new version of a plan changes for people (S0-05, SE-01).

Not the texts are compared but what follows from them: ladders by severity and route,
what alerts become, who is on call in the weeks to come, promises, people and how they
are reached. A comment, an order of keys or ``60m`` for ``1h`` is no change. A key that
has no such consequence is still said, so that an empty diff means: no effect.
"""

from collections.abc import Iterator
from datetime import datetime

from watchbill.plan.diff.alerts import compare_alerts
from watchbill.plan.diff.change import (
    Area,
    Change,
    Diff,
    Effect,
    as_fields,
    in_order,
    render_diff,
)
from watchbill.plan.diff.ladders import compare_ladders
from watchbill.plan.diff.people import compare_people, compare_weeks
from watchbill.plan.diff.quiet import compare_quiet
from watchbill.plan.diff.rest import Leaves, compare_rest, leaves
from watchbill.plan.load import InvalidPlanError, Loaded
from watchbill.plan.model import Plan
from watchbill.plan.source import parse_source
from watchbill.plan.validate import validate

__all__ = [
    "Area",
    "Change",
    "Diff",
    "Effect",
    "as_fields",
    "changed_keys",
    "diff",
    "render_diff",
]


def diff(old: Loaded, new: Loaded, *, since: datetime | None = None) -> Diff:
    """Return what changes for people from one plan to another.

    On-call weeks are compared from ``since`` on, the later of the two effective dates
    by default. Raises InvalidPlanError when either plan has errors.
    """
    before, after = _plan(old), _plan(new)
    start = since or max(before.meta.effective_at, after.meta.effective_at)
    known = tuple(_behavior(before, after, since=start))
    rest = compare_rest(before, after, _leaves(old), _leaves(new), known=known)
    return Diff(
        old=old.name,
        new=new.name,
        changes=in_order((*known, *rest)),
        is_same_text=old.source == new.source,
    )


def changed_keys(old: Loaded, new: Loaded) -> tuple[tuple[str, ...], ...]:
    """Return the key of every value that differs, whatever follows from it.

    Raises InvalidPlanError when either plan has errors.
    """
    before, after = _leaves(old), _leaves(new)
    return tuple(
        key
        for key in dict.fromkeys((*before, *after))
        if _value(before, key) != _value(after, key)
    )


def _value(found: Leaves, key: tuple[str, ...]) -> object:
    leaf = found.get(key)
    return None if leaf is None else leaf.value


def _behavior(old: Plan, new: Plan, *, since: datetime) -> Iterator[Change]:
    yield from compare_ladders(old, new)
    yield from compare_alerts(old, new)
    yield from compare_quiet(old, new)
    yield from compare_weeks(old, new, since=since)
    yield from compare_people(old, new)


def _plan(loaded: Loaded) -> Plan:
    if loaded.plan is None:
        raise InvalidPlanError(loaded)
    return loaded.plan


def _leaves(loaded: Loaded) -> Leaves:
    document = parse_source(loaded.source).document
    file = None if document is None else validate(document)[0]
    if document is None or file is None:
        raise InvalidPlanError(loaded)
    return leaves(file, document)
