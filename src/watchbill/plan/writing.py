"""How values are written in a plan file: as YAML, with quotes only where needed."""

from collections.abc import Mapping, Sequence

import yaml

Item = str | Mapping[str, "Value"]
Words = str | Sequence[str]
Value = str | Sequence[Item] | Mapping[str, "Value"] | None
"""What a plan holds at a place: a text, a list or a mapping; None is no entry."""


def block(indent: str, key: str, value: Mapping[str, "Value"]) -> list[str]:
    """A mapping in the style of a plan: a line for each key of its own."""
    lines = [f"{indent}{written(key)}:"]
    for name, inner in value.items():
        if isinstance(inner, Mapping) and any(
            isinstance(one, Mapping) for one in inner.values()
        ):
            lines += block(f"{indent}  ", name, inner)
        elif inner is not None:
            lines.append(f"{indent}  {written(name)}: {written(inner)}")
    return lines


def written(value: Value, *, quote: str = "", in_flow: bool = True) -> str:
    """A value as YAML: in the quotes of the old one, without if none are needed."""
    if value is None:
        return "null"
    if isinstance(value, Mapping):
        pairs = (
            f"{written(key)}: {written(one)}"
            for key, one in value.items()
            if one is not None
        )
        return "{" + ", ".join(pairs) + "}"
    if not isinstance(value, str):
        return "[" + ", ".join(written(one) for one in value) + "]"
    if quote == "'" and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    if not quote and _is_plain(value, in_flow=in_flow):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\r", "\\r").replace("\n", "\\n") + '"'


def _is_plain(value: str, *, in_flow: bool) -> bool:
    """Whether a text needs no quotes as a value, between brackets also as a key."""
    if value in {"", "~", "null", "<<"} or not value.isprintable():
        return False
    sample, count = (f"[{value}, {value}: x]", 11) if in_flow else (f"x: {value}", 8)
    wanted = [value, value, "x"] if in_flow else ["x", value]
    try:
        events = list(yaml.parse(sample, Loader=yaml.CSafeLoader))
    except yaml.YAMLError:
        return False
    scalars = [one for one in events if isinstance(one, yaml.ScalarEvent)]
    same = len(events) == count and [one.value for one in scalars] == wanted
    return same and all(one.implicit[0] for one in scalars)
