"""Settings: what a plan holds and the readable document cannot show.

The document ends in a block of YAML with these values, so that reading it back gives
the very plan. What the tables do say is not repeated there: a table that somebody
edits is the plan. Three parts: ``set`` adds and replaces values, ``drop`` names what
the tables suggest and the plan does not have, ``order`` gives the order of entries
where the tables have another.

Values that a reader would only guess are set as well, so that a document does not
change its meaning when the defaults of a later watchbill do.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeGuard

from watchbill.plan.document.draft import Path, Tree, Value
from watchbill.plan.document.order import in_order
from watchbill.plan.document.words import seconds

INFO = "yaml watchbill-settings"
"""How the block is marked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What turns the plan of the tables into the plan of the file."""

    set_: Tree = field(default_factory=dict)
    drop: tuple[Path, ...] = ()
    order: Mapping[Path, tuple[str, ...]] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether the tables say everything."""
        return not (self.set_ or self.drop or self.order)


def difference(read: Tree, plan: Tree, guessed: frozenset[Path]) -> Settings:
    """Return what must be set so that what was read becomes the plan."""
    set_, drop = dict[str, Value](), list[Path]()
    _differ((), read, plan, set_, drop, guessed)
    settings = Settings(set_=set_, drop=tuple(drop))
    order = dict(_orders((), in_order(applied(read, settings)), plan))
    return Settings(set_=set_, drop=tuple(drop), order=order)


def _differ(
    path: Path,
    read: Tree,
    plan: Tree,
    set_: Tree,
    drop: list[Path],
    guessed: frozenset[Path],
) -> None:
    for key, value in plan.items():
        here = (*path, key)
        before = read.get(key)
        if isinstance(value, dict) and value and isinstance(before, dict):
            inner: Tree = {}
            _differ(here, before, value, inner, drop, guessed)
            if inner:
                set_[key] = inner
        elif here in guessed or key not in read or not same(before, value):
            set_[key] = value
    drop += [(*path, key) for key in read if key not in plan]


def same(one: Value, other: Value) -> bool:
    """Return whether two spellings are one value: ``60m`` and ``1h``, ``x`` and [x]."""
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(same(one[k], other[k]) for k in one)
    if isinstance(one, list) or isinstance(other, list):
        first = one if isinstance(one, list) else [one]
        second = other if isinstance(other, list) else [other]
        pairs = zip(first, second, strict=False)
        return len(first) == len(second) and all(same(a, b) for a, b in pairs)
    if isinstance(one, str) and isinstance(other, str):
        if " ".join(one.split()) == " ".join(other.split()):
            return True
        return one[-1:] in set("smhd") and 0 < seconds(one) == seconds(other)
    return one is other


def _orders(
    path: Path, read: Tree, plan: Tree
) -> Iterator[tuple[Path, tuple[str, ...]]]:
    if list(read) != list(plan):
        yield path, tuple(plan)
    for key, value in plan.items():
        before = read.get(key)
        if isinstance(value, dict) and isinstance(before, dict):
            yield from _orders((*path, key), before, value)


def applied(read: Tree, settings: Settings) -> Tree:
    """Return what was read with the settings put on top."""
    found = _copied(read)
    for path in settings.drop:
        _drop(found, path)
    _put(found, settings.set_)
    for path, keys in settings.order.items():
        _sort(found, path, keys)
    return found


def _copied(tree: Tree) -> Tree:
    return {
        key: _copied(value) if isinstance(value, dict) else value
        for key, value in tree.items()
    }


def _put(tree: Tree, more: Tree) -> None:
    for key, value in more.items():
        inner = tree.get(key)
        if isinstance(value, dict) and value and isinstance(inner, dict):
            _put(inner, value)
        else:
            tree[key] = _copied(value) if isinstance(value, dict) else value


def _drop(tree: Tree, path: Path) -> None:
    inner = _inside(tree, path[:-1])
    if inner is not None and path:
        inner.pop(str(path[-1]), None)


def _sort(tree: Tree, path: Path, keys: tuple[str, ...]) -> None:
    inner = _inside(tree, path)
    if inner is None:
        return
    sorted_ = {key: inner[key] for key in keys if key in inner}
    rest = {key: value for key, value in inner.items() if key not in sorted_}
    inner.clear()
    inner.update(sorted_ | rest)


def _inside(tree: Tree, path: Path) -> Tree | None:
    found: Value = tree
    for step in path:
        found = found.get(str(step)) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else None


_KEYED = (
    (("contacts",), "id"),
    (("hotfix", "phases"), "id"),
    (("maintenance", "before"), "step"),
    (("maintenance", "after"), "step"),
)
"""Lists whose entries have a name, so that a value can be set in one of them."""


def keyed(tree: Tree) -> Tree:
    """Return the tree with the named entries of its lists as mappings."""
    found = _copied(tree)
    for path, name in _KEYED:
        inner = _inside(found, path[:-1])
        entries = inner.get(path[-1]) if inner is not None else None
        if inner is None or not isinstance(entries, list):
            continue
        by_name = {str(one[name]): one for one in entries if _is_named(one, name)}
        if len(by_name) == len(entries):
            inner[path[-1]] = dict(by_name)
    return found


def _is_named(one: Value, name: str) -> TypeGuard[Tree]:
    return isinstance(one, dict) and isinstance(one.get(name), str)


def listed(tree: Tree) -> Tree:
    """Return the tree with the lists that a plan file has; undoes :func:`keyed`."""
    found = _copied(tree)
    for path, name in _KEYED:
        inner = _inside(found, path[:-1])
        entries = inner.get(path[-1]) if inner is not None else None
        if inner is not None and isinstance(entries, dict):
            inner[path[-1]] = [
                {name: key, **one} if isinstance(one, dict) else one
                for key, one in entries.items()
            ]
    return found


def as_tree(settings: Settings) -> Tree:
    """Return the settings as they are written."""
    tree: Tree = {}
    if settings.set_:
        tree["set"] = settings.set_
    if settings.drop:
        tree["drop"] = [[str(step) for step in path] for path in settings.drop]
    if settings.order:
        tree["order"] = [
            {"at": [str(step) for step in path], "keys": list(keys)}
            for path, keys in settings.order.items()
        ]
    return tree


def from_tree(tree: object) -> Settings:
    """Return the settings of a block; what is not understood is left out."""
    if not isinstance(tree, dict):
        return Settings()
    set_, drop, order = tree.get("set"), tree.get("drop"), tree.get("order")
    orders: dict[Path, tuple[str, ...]] = {}
    for one in order if isinstance(order, list) else []:
        if isinstance(one, dict):
            orders[_texts(one.get("at"))] = _texts(one.get("keys"))
    return Settings(
        set_=set_ if isinstance(set_, dict) else {},
        drop=tuple(_texts(path) for path in (drop if isinstance(drop, list) else [])),
        order=orders,
    )


def _texts(value: object) -> tuple[str, ...]:
    listed = value if isinstance(value, list) else []
    return tuple(one for one in listed if isinstance(one, str))
