"""YAML text: a plan's tree as a file that people like to read.

Sections stand in the order of the schema, entries of one or two lines in braces, and
behind each the line of the document that it was read from, or the decision that
filled it in.
"""

import re
from collections.abc import Callable, Iterator

from watchbill.plan.document.draft import Path, Tree, Value

WIDTH = 88

_BANNERS = {
    "levels": "Who",
    "business_hours": "When",
    "severities": "How bad",
    "fallback": "Who is told, and when",
    "alerts": "Alerts",
    "channels": "Where news is told",
    "monitoring": "Monitoring",
    "maintenance": "Maintenance and changes",
    "bugs": "Bugs and hotfixes",
    "communication": "The public",
    "runbooks": "Knowledge and reviews",
    "emergency_procedures": "Appendices",
}

_PLAIN = re.compile(r"[A-Za-z0-9_/.(+][A-Za-z0-9 _/.%()&+@'-]*")

Comment = Callable[[Path], str]


def write(
    tree: Tree, comment: Comment = lambda path: "", *, banners: bool = True
) -> str:
    """Return a plan as YAML; ``comment`` says what stands behind a path."""
    lines: list[str] = []
    for key, value in tree.items():
        if banners and key in _BANNERS:
            banner = f"# ── {_BANNERS[key]} "
            lines += ["", banner + "─" * (WIDTH - 8 - len(banner)), ""]
        elif isinstance(value, dict | list) and lines and lines[-1]:
            lines.append("")
        lines += _entry(key, value, (key,), 0, comment)
    return "\n".join(line.rstrip() for line in lines).strip("\n") + "\n"


def scalar(text: str) -> str:
    """Return a text as a YAML scalar, with quotes where it needs them."""
    is_plain = bool(_PLAIN.fullmatch(text)) and text not in {"null", "~"}
    is_plain = is_plain and not re.fullmatch(r"[0-9]+\.[0-9]+", text)
    if is_plain and not text.endswith(" "):
        return text
    return '"' + "".join(_escaped(char) for char in text) + '"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    # A reader may break lines at these; YAML knows them as escapes.
    return f"\\u{ord(char):04x}" if char in "\x85\u2028\u2029\ufeff" else char


def _entry(
    key: str, value: Value, path: Path, indent: int, comment: Comment
) -> Iterator[str]:
    head = f"{' ' * indent}{scalar(key)}:"
    said = comment(path)
    if value is None:
        yield _with(f"{head} null", said)
    elif isinstance(value, str):
        yield _with(f"{head} {scalar(value)}", said)
    elif len(path) > 1 and (flow := _flow(value, f"{head} ")):
        flow[-1] = _with(flow[-1], said)
        yield from flow
    elif not value:
        yield _with(f"{head} {'{}' if isinstance(value, dict) else '[]'}", said)
    else:
        texts = isinstance(value, list) and all(isinstance(v, str) for v in value)
        yield _with(head, said if texts else "")
        yield from _block(value, path, indent + 2, comment)


def _block(
    value: Tree | list[Value], path: Path, indent: int, comment: Comment
) -> Iterator[str]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _entry(key, one, (*path, key), indent, comment)
        return
    for place, one in enumerate(value):
        here: Path = (*path, place)
        if isinstance(one, dict) and isinstance(one.get("id"), str):
            here = (*path, str(one["id"]))
        yield from _item(one, here, indent, comment)


def _item(one: Value, path: Path, indent: int, comment: Comment) -> Iterator[str]:
    head = f"{' ' * indent}- "
    if one is None or isinstance(one, str):
        yield _with(head + ("null" if one is None else scalar(one)), comment(path))
        return
    flow = _flow(one, head)
    if flow:
        flow[-1] = _with(flow[-1], comment(path))
        yield from flow
        return
    inner = list(_block(one, path, indent + 2, comment))
    if inner:
        inner[0] = head + inner[0][indent + 2 :]
        yield from inner
    else:
        yield head + ("{}" if isinstance(one, dict) else "[]")


def _with(line: str, said: str) -> str:
    return f"{line}  # {said}" if said else line


_MOST_LINES = 3


def _flow(value: Value, head: str) -> list[str]:
    """A mapping or list in braces on a few lines; empty when it is too much."""
    parts = _parts(value)
    if parts is None or not isinstance(value, dict | list):
        return []
    opening, closing = ("{", "}") if isinstance(value, dict) else ("[", "]")
    hanging = " " * (len(head) - len(head.lstrip(" ")) + 3)
    lines, line = [], head + opening
    for place, part in enumerate(parts):
        piece = part + ("," if place + 1 < len(parts) else closing)
        fresh = not line.strip() or line.endswith(opening)
        joined = line + piece if fresh else f"{line} {piece}"
        if len(joined) > WIDTH and not fresh:
            lines.append(line)
            joined = hanging + piece
        line = joined
    lines.append(line if parts else line + closing)
    is_list = isinstance(value, list)
    fits = len(lines) <= (1 if is_list else _MOST_LINES)
    return lines if fits and all(len(one) <= WIDTH + 20 for one in lines) else []


def _parts(value: Value) -> list[str] | None:
    """The pieces of a mapping or list in braces; None when it is nested deeply."""
    if isinstance(value, list):
        return (
            None
            if any(_is_nested(one) for one in value)
            else [_inline(one) for one in value]
        )
    if isinstance(value, dict):
        deep = any(
            (isinstance(one, list) and any(_is_nested(item) for item in one))
            or (
                isinstance(one, dict) and any(_is_nested(item) for item in one.values())
            )
            for one in value.values()
        )
        if deep:
            return None
        return [f"{scalar(key)}: {_inline(one)}" for key, one in value.items()]
    return None


def _is_nested(value: Value) -> bool:
    return isinstance(value, dict | list) and bool(value)


def _inline(value: Value) -> str:
    if value is None:
        return "null"
    if isinstance(value, str):
        return scalar(value)
    if isinstance(value, list):
        return f"[{', '.join(_inline(one) for one in value)}]"
    return f"{{{', '.join(f'{scalar(k)}: {_inline(v)}' for k, v in value.items())}}}"
