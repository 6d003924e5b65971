"""The rules no linter knows: each takes source text and yields (line, offence)."""

import ast
import re
from collections.abc import Iterator, Sequence

Offence = tuple[int, str]

_BROAD = {"Exception", "BaseException"}


def broad_excepts_without_reason(source: str) -> Iterator[Offence]:
    """A handler of everything says on its line why that is right there."""
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ExceptHandler) and _is_broad(node.type):
            comment = lines[node.lineno - 1].partition("#")[2]
            reason = re.sub(r"noqa(: ?[A-Z0-9, ]+)?|pragma: no cover", "", comment)
            if not reason.strip(" -–:"):
                yield node.lineno, "catches everything without a reason"


def _is_broad(type_: ast.expr | None) -> bool:
    names = type_.elts if isinstance(type_, ast.Tuple) else [type_]
    return any(
        name is None or (isinstance(name, ast.Name) and name.id in _BROAD)
        for name in names
    )


#: A save that names its columns, and one that can only insert.
_NAMED_SAVES = {"update_fields", "force_insert"}


def whole_row_saves(source: str) -> Iterator[Offence]:
    """A whole-row save overwrites what another process has just written."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or _called(node) != "save":
            continue
        if not {keyword.arg for keyword in node.keywords} & _NAMED_SAVES:
            yield node.lineno, ".save() without update_fields"


def kinds_met_late(source: str) -> Iterator[Offence]:
    """msgspec is told a type while modules are imported, by one thread (stored.py)."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        named = {keyword.arg for keyword in node.keywords}
        is_convert = _called(node) == "convert"
        if is_convert or (_called(node) == "decode" and "type" in named):
            yield node.lineno, "a type that msgspec may meet in two threads at once"


def trusted_markup(source: str) -> Iterator[Offence]:
    """Escaping is Django's business: format_html builds markup, nothing else does."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and _called(node) in {"mark_safe", "SafeString"}:
            yield node.lineno, f"{_called(node)}() instead of format_html()"


def _called(call: ast.Call) -> str | None:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else None


_TEMPLATE_CODE = re.compile(r"{%.*?%}|{{.*?}}|{#.*?#}", re.DOTALL)
_TAG = re.compile(r"<[a-zA-Z][^<>]*>")
_TEMPLATE_OFFENCES = (
    (re.compile(r"\|\s*safe(seq)?\b"), "|safe"),
    (re.compile(r"{%\s*autoescape\s+off"), "autoescape off"),
)
_TAG_OFFENCES = (
    (re.compile(r"\sstyle\s*="), "inline style"),
    (re.compile(r"\son[a-z]+\s*="), "inline event handler"),
    (re.compile(r"\shx-on[:\-]"), "inline event handler"),
    (re.compile(r"^<style\b"), "inline style sheet"),
    (re.compile(r"""=\s*["']?\s*javascript:"""), "javascript: link"),
    (
        re.compile(r"^<script\b(?!.*\ssrc=)(?!.*application/json)", re.DOTALL),
        "inline script",
    ),
)


def template_offences(source: str) -> Iterator[Offence]:
    """The content security policy allows our own files only; markup stays escaped."""
    for pattern, offence in _TEMPLATE_OFFENCES:
        yield from _found(pattern, source, offence)
    # A template expression may hold quotes and angle brackets; keep only its newlines.
    plain = _TEMPLATE_CODE.sub(lambda code: "x" + "\n" * code[0].count("\n"), source)
    for tag in _TAG.finditer(plain):
        line = plain.count("\n", 0, tag.start()) + 1
        for pattern, offence in _TAG_OFFENCES:
            if pattern.search(tag[0].replace("\n", " ")):
                yield line, offence


def _found(pattern: re.Pattern[str], source: str, offence: str) -> Iterator[Offence]:
    for match in pattern.finditer(source):
        yield source.count("\n", 0, match.start()) + 1, offence


def public_classes(source: str) -> Iterator[str]:
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield node.name


def migration_dependencies(source: str) -> list[str]:
    """Return the migrations of our own app that a migration names as dependencies."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assign) and _names(node.targets) == ["dependencies"]:
            return [name for app, name in _pairs(node.value) if app == "watchbill"]
    return []


def _names(targets: Sequence[ast.expr]) -> list[str]:
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _pairs(value: ast.expr) -> Iterator[tuple[str, str]]:
    for element in value.elts if isinstance(value, ast.List) else []:
        if isinstance(element, ast.Tuple):  # not swappable_dependency(...)
            yield ast.literal_eval(element)
