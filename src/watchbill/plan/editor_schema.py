"""JSON Schema: the form of a plan for editors, which complete and check while typing.

It is made from the very classes that read a plan. Their docstrings and the ``#:``
comments at their fields become descriptions, and each kind of value brings the pattern
of its spelling. An editor reads ``2026-02-06`` or ``15`` with a YAML reader of its own,
so a kind says which of an editor's types it takes; what the schema lets through is
still checked by ``watchbill plan check``, which also says what entries mean to each
other.

In a plan it is asked for by a comment::

    # yaml-language-server: $schema=plan.schema.json
"""

import inspect
import json
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from enum import StrEnum
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from watchbill.core.temporal import Period
from watchbill.plan.quantities import in_languages, write_period, write_share
from watchbill.plan.schema import PlanFile
from watchbill.plan.sections.entry import Entry
from watchbill.plan.values import listed, write_duration

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a whole plan file."""
    made = PlanFile.model_json_schema(schema_generator=_Generator)
    definitions = made.get("$defs", {})
    for entry in _entries(PlanFile):
        where = made if entry is PlanFile else definitions.get(entry.__name__, {})
        for name, words in _comments(entry).items():
            field = entry.model_fields.get(name)
            key = (field and field.alias) or name
            if key in where.get("properties", {}):
                where["properties"][key]["description"] = words
    return {"$schema": DIALECT, **made, "title": "A watchbill plan"}


def render_json_schema() -> str:
    """Return the JSON Schema as the text of a file."""
    return json.dumps(json_schema(), ensure_ascii=False, indent=2) + "\n"


def as_written(value: object) -> str:
    """Return a default as a plan writes it; ``none`` where there is nothing."""
    match value:
        case None | () | {}:
            return "none"
        case bool():
            return "true" if value else "false"
        case timedelta():
            return write_duration(value)
        case Period():
            return write_period(value)
        case StrEnum():
            return value.value
        case float():
            return write_share(value)
        case tuple():
            return ", ".join(as_written(one) for one in value)
        case _:
            return str(value)


def find_field(path: str) -> FieldInfo | None:
    """Return the field of a key path such as ``severities.*.clock``.

    ``*`` stands for a name in a mapping or a place in a list; a path that ends with
    it, or leads nowhere, has no field.
    """
    found: FieldInfo | None = None
    inside: Any = PlanFile
    for step in path.split("."):
        found = None
        inside = _bare(inside)
        if step == "*":
            inside = _items(inside)
        elif isinstance(inside, type) and issubclass(inside, BaseModel):
            found = _field(inside, step)
            inside = found and found.annotation
        else:
            return None
    return found


def default_of(field: FieldInfo) -> str | None:
    """Return the default of a field as a plan writes it; None when it has none."""
    if field.is_required():
        return None
    return as_written(field.get_default(call_default_factory=True, validated_data={}))


class _Generator(GenerateJsonSchema):
    """Say defaults as a plan writes them, and that a list of one needs no brackets."""

    def field_title_should_be_set(self, schema: object) -> bool:
        """Return that no title repeats the key in other letters."""
        return False

    def function_before_schema(
        self, schema: core_schema.BeforeValidatorFunctionSchema
    ) -> JsonSchemaValue:
        inner = self.generate_inner(schema["schema"])
        function = schema["function"]["function"]
        if function is listed:
            return {"anyOf": [inner, inner["items"]]}
        if function is in_languages:
            return {"anyOf": [inner, {"type": "string"}]}
        return inner

    def encode_default(self, dft: Any) -> Any:
        if isinstance(dft, BaseModel):
            return {}
        if isinstance(dft, bool) or dft in ({}, ()):
            return super().encode_default(dft)
        if isinstance(dft, tuple):
            return [as_written(one) for one in dft]
        return None if dft is None else as_written(dft)

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        made = super().default_schema(schema)
        # "null" and "{}" are no news to somebody who may leave the key out.
        if made.get("default") in (None, {}, []):
            made.pop("default", None)
        return made


_FIELD = re.compile(r"    (\w+): ")


def _comments(entry: type[BaseModel]) -> dict[str, str]:
    """The ``#:`` comments of a class by the field that follows them."""
    found: dict[str, str] = {}
    words: list[str] = []
    for line in inspect.getsource(entry).splitlines():
        if line.startswith("    #: "):
            words.append(line.removeprefix("    #: "))
            continue
        if (field := _FIELD.match(line)) and words:
            found[field[1]] = " ".join(words)
        words = []
    return found


def _entries(entry: type[Entry]) -> Iterator[type[Entry]]:
    """The class and every class that its fields hold."""
    seen: dict[type[Entry], None] = {entry: None}
    waiting = [entry]
    while waiting:
        for field in waiting.pop().model_fields.values():
            for inner in _held(field.annotation):
                if inner not in seen:
                    seen[inner] = None
                    waiting.append(inner)
    return iter(seen)


def _held(annotation: Any) -> Iterator[type[Entry]]:
    if isinstance(annotation, type) and issubclass(annotation, Entry):
        yield annotation
    for one in get_args(annotation):
        yield from _held(one)


def _bare(annotation: Any) -> Any:
    """An annotation without Annotated and Optional."""
    origin = get_origin(annotation)
    if origin is Annotated or origin in {Union, UnionType}:
        return _bare(get_args(annotation)[0])
    return annotation


def _items(annotation: Any) -> Any:
    arguments = get_args(annotation)
    if not arguments:
        return None
    is_mapping = get_origin(annotation) in {dict, Mapping}
    return arguments[1] if is_mapping else arguments[0]


def _field(entry: type[BaseModel], key: str) -> FieldInfo | None:
    for name, field in entry.model_fields.items():
        if (field.alias or name) == key:
            return field
    return None
