"""From a form to an amendment of the plan: what differs, and what that means.

The form says which version it began with. When another one is in force by then, its
author is told before anything is written, and looks at what differs now. Nothing is
written before its author has seen the list of changes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from watchbill.plan import Loaded
from watchbill.plan.edit import CannotEditError, reordered
from watchbill.plan.writing import Value
from watchbill.server.accounts.models import User
from watchbill.server.plans import actions as plan_actions
from watchbill.server.plans import drafts
from watchbill.server.plans import queries as plans
from watchbill.server.plans.models import PlanVersion

Edits = Mapping[tuple[str, ...], Value | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """Edits that are made one after the other, and the order of entries then."""

    edits: Sequence[Edits]
    orders: Mapping[tuple[str, ...], Sequence[str]] = field(default_factory=dict)

    def made_to(self, text: str) -> str:
        """Return the text with all of them made; CannotEditError when it cannot be."""
        for one in self.edits:
            text = drafts.edited(text, one)
        for path, keys in self.orders.items():
            text = reordered(text, path, keys)
        return text


class AmendingRefusedError(Exception):
    """The plan cannot be changed so; ``reasons`` are sentences."""

    def __init__(self, *reasons: str) -> None:
        super().__init__(" ".join(reasons))
        self.reasons = reasons


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An edited text of the plan in force that passes every check."""

    based_on: int
    text: str
    loaded: Loaded


def base(*, now: datetime) -> PlanVersion:
    """Return the version in force, with its text."""
    return plans.get(plans.in_force(now=now).pk)


def draft(edits: Edits | Steps, *, based_on: str, now: datetime) -> Draft:
    """Return the plan in force with edits; AmendingRefusedError when it cannot be.

    ``based_on`` is the number of the version that the author saw, as a form sent it.
    """
    begins_with = base(now=now)
    if based_on != str(begins_with.pk):
        message = (
            "The plan was changed since you opened this page. Look at what differs now,"
            " and save again."
        )
        raise AmendingRefusedError(message)
    try:
        steps = edits if isinstance(edits, Steps) else Steps(edits=(edits,))
        text = steps.made_to(begins_with.text)
    except CannotEditError as error:
        raise AmendingRefusedError(_sentence(str(error))) from error
    loaded = drafts.check(text)
    if loaded.plan is None:
        raise AmendingRefusedError(*(_finding(one) for one in loaded.errors[:5]))
    return Draft(based_on=begins_with.pk, text=text, loaded=loaded)


def amend(made: Draft, *, by: User, reason: str, now: datetime) -> PlanVersion:
    """Put a draft in force at once; AmendingRefusedError when it may not be."""
    try:
        return plan_actions.amend(
            made.text, based_on=made.based_on, by=by, reason=reason, now=now
        )
    except plan_actions.AmendmentRefusedError as error:
        raise AmendingRefusedError(_sentence(str(error))) from error


def undo(number: int, *, by: User, now: datetime) -> PlanVersion:
    """Amend the plan to what it said before an amendment; AmendingRefusedError.

    That is an amendment too: nothing is taken from the record. It is refused once
    another version is in force, because that one may rest on it.
    """
    made = base(now=now)
    is_amendment = len(plans.amends(made.pk)) > 1
    if made.pk != number or made.based_on is None or not is_amendment:
        message = "The plan has changed since, so this cannot be undone by itself."
        raise AmendingRefusedError(message)
    # Its own name, because what an amendment is called is for the plan to say.
    text = drafts.edited(made.based_on.text, {("plan", "version"): made.label})
    before = Draft(based_on=made.pk, text=text, loaded=drafts.check(text))
    return amend(before, by=by, reason=f"Undoes {made.label}.", now=now)


def changed(
    before: Mapping[str, Value], after: Mapping[str, Value]
) -> dict[str, Value | None]:
    """Return the values that differ; an emptied one is None, which removes it."""
    return {
        name: value or None
        for name, value in after.items()
        if value != before.get(name, "" if isinstance(value, str) else [])
    }


def listed(
    before: Mapping[str, Value], after: Mapping[str, Value | None]
) -> list[dict[str, str]]:
    """Return changes as lines to read: what it was, and what it will be."""
    return [
        {
            "name": name.replace("_", " "),
            "old": _text(before.get(name)),
            "new": _text(new),
        }
        for name, new in after.items()
    ]


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_text(one)}" for name, one in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(_text(one) for one in value)
    return str(value or "")


def _finding(one: Any) -> str:
    hint = f" {one.hint}" if one.hint else ""
    return _sentence(f"line {one.line}: {one.message}") + hint


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}".rstrip(".") + "."
