"""Order: the keys of a plan in the order of the schema.

The order of entries matters where people name them, such as severities and routes,
and is kept; the order of the keys that the schema names does not, and is made one.
"""

from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from watchbill.plan.document.draft import Tree, Value
from watchbill.plan.schema import PlanFile


def in_order(tree: Tree) -> Tree:
    """Return the keys in the order of the schema; notes of the reader left out."""
    kept = {key: one for key, one in tree.items() if key != "_"}
    found = _ordered(kept, PlanFile)
    return found if isinstance(found, dict) else {}


def _ordered(value: Value, kind: Any) -> Value:
    kind = _bare(kind)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        if not isinstance(value, dict):
            return value
        fields = {
            field.alias or name: field.annotation
            for name, field in kind.model_fields.items()
        }
        known = {
            key: _ordered(value[key], fields[key]) for key in fields if key in value
        }
        return known | {key: one for key, one in value.items() if key not in known}
    inner = get_args(kind)
    if isinstance(value, dict) and inner:
        # A list whose entries have names may be here as a mapping.
        kind = inner[0] if get_origin(kind) is tuple else inner[-1]
        return {key: _ordered(one, kind) for key, one in value.items()}
    if isinstance(value, list) and inner:
        return [_ordered(one, inner[0]) for one in value]
    return value


def _bare(kind: Any) -> Any:
    """A type of the schema without Annotated and Optional."""
    while get_origin(kind) in {Annotated, Union, UnionType}:
        kind = get_args(kind)[0]
    return kind
