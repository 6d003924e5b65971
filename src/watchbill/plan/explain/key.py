"""A key explained: what it says, does, comes from, and whom it moves."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from watchbill.plan.decisions import DECISIONS, governing
from watchbill.plan.explain.affected import affected, names_of, step_sentence
from watchbill.plan.explain.keys import (
    Found,
    Opened,
    Place,
    find,
    is_written,
    open_plan,
    place_of,
    step_of,
)
from watchbill.plan.load import Loaded
from watchbill.plan.meanings import meaning_of
from watchbill.plan.model import Plan
from watchbill.plan.schema import StepEntry
from watchbill.plan.source import Path
from watchbill.plan.tree import parts, shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A decision, by id and title."""

    id: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What there is to say about a key."""

    key: str
    value: str
    #: None when the key is not written and its default holds.
    place: Place | None
    does: str
    requirements: tuple[str, ...]
    decisions: tuple[Reference, ...]
    #: Who is told, or counted on, because of it.
    affects: tuple[str, ...]
    #: What a comment beside the key says.
    note: str = ""


def explain(loaded: Loaded, key: str) -> Explanation:
    """Return what a key says and does.

    Raises UnknownNameError for a key that plans do not have, InvalidPlanError for a
    plan with errors.
    """
    opened = open_plan(loaded)
    found = find(opened, key)
    meaning = meaning_of(found.key)
    written = is_written(opened.document, found.path)
    origin = _origin(found)
    requirements = (*(meaning.requirements if meaning else ()), *origin)
    return Explanation(
        key=".".join(found.key),
        value=value_of(opened, found),
        place=place_of(opened, found.path) if written else None,
        does=_does(opened.plan, found),
        requirements=only_requirements(requirements),
        decisions=references(found.key, origin),
        affects=names_of(opened.plan, affected(opened.plan, found)),
        note=_note(opened, found.path) if written else "",
    )


def only_requirements(ids: Iterable[str]) -> tuple[str, ...]:
    """Return the lines of the plan among ids, without the decisions."""
    return tuple(dict.fromkeys(one for one in ids if one not in DECISIONS))


def references(key: tuple[str, ...], origin: Iterable[str]) -> tuple[Reference, ...]:
    """Return the decisions that a rule quotes, and those that govern its key."""
    ids = [one for one in origin if one in DECISIONS]
    about = dict.fromkeys((*ids, *(one.id for one in governing(key))))
    return tuple(Reference(id=one, title=DECISIONS[one].title) for one in about)


def value_of(opened: Opened, found: Found) -> str:
    """Return a value as it is written; of a section, the names of its entries."""
    names = [one.name for one in parts(found.value)]
    if isinstance(found.value, StepEntry):
        return _inline(opened, found.path)
    if names:
        return ", ".join(names)
    if found.value is None and opened.document.raw(found.path) is None:
        return _by_default(opened, found)
    return shown(found.value, opened.document, found.path)


def _by_default(opened: Opened, found: Found) -> str:
    """What holds at a key that says nothing: a step's follows from its verb."""
    step = step_of(opened.plan, found)
    derived = {} if step is None else {"until": step.stop_on, "urgency": step.urgency}
    return str(derived.get(found.key[-1], "nothing"))


def _inline(opened: Opened, path: Path) -> str:
    """An entry on one line, however many it is written on."""
    span = opened.document.node(path).span
    rows = list(opened.loaded.lines[span.line - 1 : span.end_line])
    rows[-1] = rows[-1][: span.end_column - 1]
    rows[0] = rows[0][span.column - 1 :]
    return " ".join(" ".join(rows).split())


_COMMENT = re.compile(r"^\s*# ?(.*)$")


def _note(opened: Opened, path: Path) -> str:
    """The comment at the end of the key's line, else the one right above it."""
    lines = opened.loaded.lines
    span = opened.document.span(path)
    key = opened.document.key_span(path)
    if span.line == span.end_line:
        behind = lines[span.end_line - 1][span.end_column - 1 :]
        if found := re.fullmatch(r"[\"'\]},]*\s+# ?(.*)", behind):
            return found[1].strip()
    above: list[str] = []
    number = key.line - 2
    while number >= 0 and (comment := _COMMENT.match(lines[number])):
        above.insert(0, comment[1].strip())
        number -= 1
    text = " ".join(above)
    return text if re.search(r"\w", text) else ""


def _origin(found: Found) -> tuple[str, ...]:
    """The requirements and decisions that a step, or the steps of a ladder, quote."""
    if isinstance(found.section, StepEntry):
        return found.section.why
    steps = found.value if isinstance(found.value, tuple) else ()
    return tuple(
        one for step in steps if isinstance(step, StepEntry) for one in step.why
    )


def _does(plan: Plan, found: Found) -> str:
    step = step_of(plan, found)
    if step is not None:
        return step_sentence(plan, step)
    meaning = meaning_of(found.key)
    if meaning is not None:
        owner = found.key[-2] if len(found.key) > 1 else ""
        return meaning.text.format(key=owner)
    said = type(found.section).__doc__ or ""
    return " ".join(said.split())
