"""Keys: from the path of names that people write to the entry and its place."""

import re
from dataclasses import dataclass

from pydantic import BaseModel

from watchbill.core.ladder import Step
from watchbill.plan.load import InvalidPlanError, Loaded
from watchbill.plan.lookup import UnknownNameError
from watchbill.plan.model import Plan
from watchbill.plan.schema import PlanFile, StepEntry
from watchbill.plan.source import Document, Path, parse_source
from watchbill.plan.tree import Part, parts
from watchbill.plan.validate import did_you_mean, validate

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where something is written."""

    name: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.name}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One entry of a plan and how it was reached."""

    key: Key
    path: Path
    value: object
    #: The section in which it stands.
    section: BaseModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A loaded plan with everything an explanation asks it."""

    loaded: Loaded
    plan: Plan
    file: PlanFile
    document: Document


def open_plan(loaded: Loaded) -> Opened:
    """Return a plan with its file and its text; InvalidPlanError when it has errors."""
    document = parse_source(loaded.source).document
    file = None if document is None else validate(document)[0]
    if loaded.plan is None or document is None or file is None:
        raise InvalidPlanError(loaded)
    return Opened(loaded=loaded, plan=loaded.plan, file=file, document=document)


def root(opened: Opened) -> Found:
    """Return the plan itself as an entry."""
    return Found(key=(), path=(), value=opened.file, section=opened.file)


def below(at: Found, part: Part) -> Found:
    """Return a part of an entry; the nearest section around it is kept."""
    section = part.value if isinstance(part.value, BaseModel) else at.section
    return Found(
        key=(*at.key, part.name),
        path=(*at.path, part.place),
        value=part.value,
        section=section,
    )


def find(opened: Opened, key: str) -> Found:
    """Return the entry of a key; UnknownNameError when plans have no such key."""
    names = [name for name in re.split(r"[.\[\]]+", key) if name]
    at = root(opened)
    if not names:
        raise _unknown(key, key, (), list(parts(opened.file)))
    while names:
        choices = list(parts(at.value))
        part, used = _choose(choices, names)
        if part is None:
            raise _unknown(key, names[0], at.key, choices)
        names, at = names[used:], below(at, part)
    return at


def _choose(choices: list[Part], names: list[str]) -> tuple[Part | None, int]:
    """The part that the next names mean; a label may itself contain dots."""
    for used in range(1, len(names) + 1):
        name = ".".join(names[:used])
        for one in choices:
            if one.name == name or f"#{name}" == one.name:
                return one, used
    # A step by its time, or an entry by its number.
    for one in choices:
        by_time = isinstance(one.value, StepEntry) and one.name.startswith(
            f"{names[0]}-"
        )
        if by_time or (isinstance(one.place, int) and str(one.place + 1) == names[0]):
            return one, 1
    return None, 0


def _unknown(key: str, name: str, walked: Key, choices: list[Part]) -> UnknownNameError:
    where = ".".join(walked) or "a plan"
    message = f'"{key}" is no key of the plan: {where} has no "{name}"'
    return UnknownNameError(message, did_you_mean(name, [one.name for one in choices]))


def is_written(document: Document, path: Path) -> bool:
    """Return whether the document goes as far as the path does."""
    if not path:
        return True
    above = document.node(path[:-1])
    # A node that does not exist is answered with the nearest one above it.
    return is_written(document, path[:-1]) and document.node(path) is not above


def place_of(opened: Opened, path: Path) -> Place:
    """Return where the entry of a path is written."""
    span = opened.document.span(path)
    return Place(name=opened.loaded.name, line=span.line, column=span.column)


def step_of(plan: Plan, found: Found) -> Step | None:
    """Return the built step of a step's entry, or of a key of it."""
    if not isinstance(found.section, StepEntry) or len(found.path) < 3:
        return None
    place = found.path[2]
    steps = plan.steps.get(str(found.path[1]), ())
    return steps[place] if isinstance(place, int) else None
