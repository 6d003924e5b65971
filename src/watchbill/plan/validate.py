"""Validation: from the tree to the schema, with every fault at its place.

pydantic finds the faults; here each is said again in the words of a plan, at the
line and column of the node it is about, or of the key where the key is wrong.
"""

from difflib import get_close_matches
from enum import StrEnum
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from watchbill.plan.findings import Code, Finding, Span, finding
from watchbill.plan.schema import PlanFile
from watchbill.plan.sections.entry import TABLE, WORD
from watchbill.plan.source import Document, Listing, Node, Path, Scalar, Table

FORMAT = "1"
"""The version of the plan's format that this watchbill reads."""

_TOO_MANY = 500
"""Names among which the nearest is not looked for: it would take too long."""

_EXPECTED = {
    "string_type": "text",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}


def validate(document: Document) -> tuple[PlanFile | None, tuple[Finding, ...]]:
    """Return the plan as it is written, or None with every fault of its form."""
    if problem := _unknown_format(document):
        return None, (problem,)
    try:
        return PlanFile.model_validate(document.plain()), ()
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        real = (fault for fault in faults if not _is_consequence(document, fault))
        return None, tuple(_finding(document, fault) for fault in real)


def did_you_mean(word: str, known: list[str]) -> str:
    """Return a hint with the nearest known word, or with all of a short list."""
    if len(known) > _TOO_MANY:
        return ""
    near = get_close_matches(word, known, n=1, cutoff=0.6)
    if near:
        return f'Did you mean "{near[0]}"?'
    return f"Known are: {', '.join(known)}." if 0 < len(known) <= 15 else ""


def _unknown_format(document: Document) -> Finding | None:
    version = document.raw(("watchbill",))
    if version is None or version == FORMAT:
        return None
    message = f'this watchbill reads plans of format 1, not "{version}"'
    hint = 'Write "watchbill: 1", or use the watchbill the plan was written for.'
    return finding(
        Code.UNKNOWN_FORMAT, document.span(("watchbill",)), message, hint=hint
    )


def _is_consequence(document: Document, fault: ErrorDetails) -> bool:
    """Whether a list is called too short only because its entries are at fault."""
    if fault["type"] != "too_short":
        return False
    node = document.node(fault["loc"])
    match node:
        case Listing():
            return bool(node.items)
        case Table():
            return bool(node.entries)
        case Scalar():
            return False


def _finding(document: Document, fault: ErrorDetails) -> Finding:
    path = _as_written(document, fault["loc"])
    kind = fault["type"]
    context = fault.get("ctx", {})
    on_key = bool(path) and path[-1] == "[key]"
    path = path[:-1] if on_key else path
    span = document.key_span(path) if on_key else document.span(path)
    if kind == "missing":
        return _missing(document, path)
    if kind == "missing_key":
        return _missing(document, (*path, context["key"]))
    if kind == "extra_forbidden":
        return _unknown_key(document, path)
    if kind in _EXPECTED:
        return _wrong_shape(document.node(path), span, _EXPECTED[kind], path)
    if kind == "enum":
        return _not_a_choice(document.raw(path) or "", span, path)
    if kind == "too_short":
        message = f"{_name(path)} must not be empty"
        return finding(Code.NOTHING_LISTED, span, message)
    message = context.get("message") or fault["msg"]
    return finding(Code.BAD_VALUE, span, message, context.get("hint", ""))


def _as_written(document: Document, place: Path) -> Path:
    """The path of a fault in the text, which may leave the brackets of a list out."""
    path: Path = ()
    for step in place:
        is_bare = isinstance(step, int) and isinstance(document.node(path), Table)
        if step not in {WORD, TABLE} and not is_bare:
            path = (*path, step)
    return path


def _missing(document: Document, path: Path) -> Finding:
    message = f'the key "{path[-1]}" is missing'
    return finding(Code.MISSING_KEY, _parent_span(document, path), message)


def _parent_span(document: Document, path: Path) -> Span:
    return document.key_span(path[:-1]) if len(path) > 1 else document.span(())


def _name(path: Path) -> str:
    keys = [step for step in path if isinstance(step, str)]
    entry = "an entry of " if path and isinstance(path[-1], int) else ""
    return f'{entry}"{keys[-1]}"' if keys else "the plan"


def _unknown_key(document: Document, path: Path) -> Finding:
    key = str(path[-1])
    section = _section_at(path[:-1])
    known = [] if section is None else _keys_of(section)
    message = f'unknown key "{key}"'
    hint = did_you_mean(key, known)
    return finding(Code.UNKNOWN_KEY, document.key_span(path), message, hint)


def _wrong_shape(node: Node, span: Span, expected: str, path: Path) -> Finding:
    match node:
        case Scalar():
            found = "nothing" if node.is_nothing else "text"
        case Listing():
            found = "a list"
        case Table():
            found = "a mapping"
    message = f"{_name(path)} must be {expected}, not {found}"
    quote = expected == "text" and not isinstance(node, Scalar)
    hint = "Quote a text that begins with [ or {." if quote else ""
    return finding(Code.WRONG_SHAPE, span, message, hint)


def _not_a_choice(word: str, span: Span, path: Path) -> Finding:
    known = [
        str(choice)
        for one in _kinds_at(path)
        if isinstance(one, type) and issubclass(one, StrEnum)
        for choice in one
    ]
    message = f'{_name(path)} cannot be "{word}"'
    return finding(Code.NOT_A_CHOICE, span, message, did_you_mean(word, known))


def _keys_of(section: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in section.model_fields.items()]


def _section_at(path: Path) -> type[BaseModel] | None:
    for found in _kinds_at(path):
        if isinstance(found, type) and issubclass(found, BaseModel):
            return found
    return None


def _kinds_at(path: Path) -> list[Any]:
    """What the schema says of the node at a path: each form that it may have."""
    found: list[Any] = [PlanFile]
    for step in path:
        found = [kind for one in found for kind in _forms(_inside(one, step))]
    return found


def _inside(found: Any, step: str | int) -> Any:
    if isinstance(found, type) and issubclass(found, BaseModel):
        for name, field in found.model_fields.items():
            if (field.alias or name) == step:
                return field.annotation
        return None
    arguments = get_args(found)
    if get_origin(found) is dict:
        return arguments[1]
    return arguments[0] if arguments else None


def _forms(found: Any) -> list[Any]:
    """The alternatives of a type, bare of Annotated and Optional."""
    origin = get_origin(found)
    if origin is Annotated:
        return _forms(get_args(found)[0])
    if origin in {Union, UnionType}:
        return [form for one in get_args(found) for form in _forms(one)]
    return [] if found in {None, NoneType} else [found]
