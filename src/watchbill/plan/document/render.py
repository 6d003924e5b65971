"""Rendering: the readable plan in Markdown, with all tables of a support plan.

The frame is in English or Burmese; what the plan says stays as it is written. What
no table shows follows in an appendix of settings, so that reading the document back
gives the very plan: the renderer reads its own tables and writes down the difference.
Where a table alone would give an entry another id, the table has a column for it.
"""

from watchbill.plan.document.chapters import Chapters
from watchbill.plan.document.draft import Tree, Value
from watchbill.plan.document.order import in_order
from watchbill.plan.document.reader import import_document
from watchbill.plan.document.settings import (
    INFO,
    Settings,
    as_tree,
    difference,
    keyed,
    same,
)
from watchbill.plan.document.terms import Language, say
from watchbill.plan.document.yamltext import write
from watchbill.plan.load import InvalidPlanError, Loaded
from watchbill.plan.source import parse_source

WITH_IDS = (
    ("contacts",),
    ("monitoring", "tools"),
    ("monitoring", "metrics"),
    ("alerts", "routes"),
    ("maintenance", "windows"),
    ("changes", "types"),
    ("bugs", "levels"),
    ("communication", "external"),
    ("runbooks",),
    ("reviews",),
)
"""The sections whose tables can have a column for the ids."""

_INTRO = (
    "The values below are part of the plan and stand in no table. "
    "watchbill reads them back together with the tables."
)


def render_markdown(loaded: Loaded, *, language: Language = Language.ENGLISH) -> str:
    """Return the readable document of a plan.

    InvalidPlanError when the plan has errors.
    """
    document = parse_source(loaded.source).document
    if loaded.plan is None or document is None:
        raise InvalidPlanError(loaded)
    return render_tree(plan_tree(document.plain()), language=language)


def plan_tree(plain: object) -> Tree:
    """Return a plan's mappings, lists and texts in the order of the schema."""
    return in_order(keyed(plain)) if isinstance(plain, dict) else {}


def render_tree(tree: Tree, *, language: Language) -> str:
    """Return the readable document of a valid plan's tree."""
    bare = Chapters(tree, language, frozenset()).render()
    read = import_document(bare).tree
    ids = frozenset(path for path in WITH_IDS if _keys(read, path) != _keys(tree, path))
    text = Chapters(tree, language, ids).render() if ids else bare
    found = import_document(text)
    settings = difference(found.tree, tree, found.guessed)
    whole = text + _appendix(settings, language)
    if _is_same(import_document(whole).tree, tree):
        return whole
    # The settings changed how a table is read; then they say everything.
    drop = tuple((key,) for key in import_document(text).tree)
    return text + _appendix(Settings(set_=tree, drop=drop), language)


def _is_same(one: Tree, other: Tree) -> bool:
    return same(one, other)


def _keys(tree: Tree, path: tuple[str, ...]) -> list[str]:
    found: Value = tree
    for step in path:
        found = found.get(step) if isinstance(found, dict) else None
    return list(found) if isinstance(found, dict) else []


def _appendix(settings: Settings, language: Language) -> str:
    if settings.is_empty:
        return ""
    body = write(as_tree(settings), banners=False)
    fence = "~" * 4
    while fence in body:
        fence += "~"
    title = say("Settings", language)
    return f"\n---\n\n## {title}\n\n{_INTRO}\n\n{fence}{INFO}\n{body}{fence}\n"
