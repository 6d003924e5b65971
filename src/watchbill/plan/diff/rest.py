"""The rest compared: promises, hours, channels, windows, approvals, and every key.

What follows from a key, such as who is told, is compared by behavior elsewhere. Here
every key that both plans can hold is looked at as well: one with a meaning of its own
gets its own sentence, and one that no comparison speaks of is said as it is written,
so that a diff is empty only where no key differs. A section that a later version of
watchbill adds is therefore compared from its first day.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from pydantic import BaseModel

from watchbill.core.temporal import describe
from watchbill.plan.diff.change import Area, Change, Effect
from watchbill.plan.diff.people import mask, named
from watchbill.plan.model import Plan
from watchbill.plan.source import Document, Path
from watchbill.plan.tree import meets, parts, shown

Key = tuple[str, ...]
_BEHIND: tuple[tuple[str, set[Area]], ...] = (
    ("escalation.**", {Area.LADDER}),
    ("alerts.contacting.**", {Area.LADDER}),
    ("alerts.after_hours.**", {Area.LADDER}),
    ("alerts.routes.**", {Area.ALERTS, Area.LADDER}),
    ("alerts.**", {Area.ALERTS}),
    ("aliases.**", {Area.LADDER, Area.PEOPLE, Area.ON_CALL}),
    ("groups.**", {Area.LADDER, Area.PEOPLE}),
    ("default_expert", {Area.LADDER}),
    ("fallback", {Area.PEOPLE}),
    ("contacts.**", {Area.PEOPLE}),
    ("on_call.**", {Area.ON_CALL}),
    ("severities.*.urgency", {Area.LADDER}),
)
"""Keys whose effect is compared as behavior, and where it would have shown.

A key without any such change, say a match that no probe meets, is said as written.
"""

_WORDS = (
    "escalation.*.*.title",
    "escalation.*.*.why",
    "alerts.severity.rules.*.because",
    "alerts.inhibit.*.because",
    "alerts.routes.*.title",
    "on_call.*.title",
)
"""Keys that say something to people and do nothing."""

_AREAS = {
    "alerts": Area.ALERTS,
    "bugs": Area.TARGETS,
    "business_hours": Area.ON_CALL,
    "changes": Area.APPROVALS,
    "channels": Area.CHANNELS,
    "communication": Area.CHANNELS,
    "contacts": Area.PEOPLE,
    "escalation": Area.LADDER,
    "groups": Area.PEOPLE,
    "hotfix": Area.TARGETS,
    "levels": Area.PEOPLE,
    "maintenance": Area.MAINTENANCE,
    "on_call": Area.ON_CALL,
    "severities": Area.TARGETS,
    "shifts": Area.ON_CALL,
    "status_page": Area.CHANNELS,
}

_SECRET = {"phone", "email", "slack"}

_PROMISES = {
    "response": "the first answer to {}",
    "resolution": "the resolution of {}",
    "fix": "the fix of {}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """One value of a plan's file."""

    value: object
    #: As it is written, a phone number or address masked.
    shown: str


Leaves = dict[Key, Leaf]


def leaves(file: BaseModel, document: Document) -> Leaves:
    """Return every value of a plan by its key; a list of words is one value."""
    return dict(_leaves(file, document, (), ()))


def _leaves(
    entry: object, document: Document, key: Key, path: Path
) -> Iterator[tuple[Key, Leaf]]:
    found = list(parts(entry))
    for part in found:
        below = (*path, part.place)
        yield from _leaves(part.value, document, (*key, part.name), below)
    if not found and entry is not None and not isinstance(entry, BaseModel):
        said = shown(entry, document, path)
        yield key, Leaf(value=entry, shown=mask(said) if key[-1] in _SECRET else said)


def compare_rest(
    old: Plan, new: Plan, before: Leaves, after: Leaves, *, known: Iterable[Change]
) -> Iterator[Change]:
    """Yield what differs by key, except what the ``known`` changes speak of."""
    areas = {one.area for one in known}
    shared = _entries(before) & _entries(after)
    told: set[Key] = set()
    for path in dict.fromkeys((*after, *before)):
        if _value(before, path) == _value(after, path):
            continue
        whole = _missing_root(path, shared)
        if whole in told or _is_behind(path, whole, areas):
            continue
        told.add(whole)
        if whole != path:
            yield _whole(whole, before, after)
        else:
            yield from _changes(old, new, path, before, after)


def _value(entries: Leaves, path: Key) -> object:
    leaf = entries.get(path)
    return None if leaf is None else leaf.value


def _is_behind(path: Key, whole: Key, areas: set[Area]) -> bool:
    """Whether a change that is said already comes from this key."""
    if path == whole and any(meets(path, pattern) for pattern in _WORDS):
        return False
    where = (areas & found for pattern, found in _BEHIND if meets(path, pattern))
    return bool(next(where, None))


def _missing_root(path: Key, shared: set[Key]) -> Key:
    """The nearest entry above a path that one of the plans does not have at all."""
    above = (path[:length] for length in range(1, len(path)))
    return next((root for root in above if root not in shared), path)


def _entries(found: Leaves) -> set[Key]:
    """Every entry that holds a value."""
    return {path[:length] for path in found for length in range(1, len(path))}


def _changes(
    old: Plan, new: Plan, path: Key, before: Leaves, after: Leaves
) -> Iterator[Change]:
    was, now = before.get(path), after.get(path)
    for pattern, compare in _SPECIAL:
        if was is not None and now is not None and meets(path, pattern):
            yield from compare(old, new, path, was, now)
            return
    yield _plain(path, was, now, _title(path, before, after))


def _whole(root: Key, before: Leaves, after: Leaves) -> Change:
    is_new = root in _entries(after)
    entries = after if is_new else before
    title = _value(entries, (*root, "title"))
    name = f"{'.'.join(root)} ({title})" if title else ".".join(root)
    return Change(
        area=_AREAS.get(root[0], Area.PLAN),
        effect=Effect.NEUTRAL,
        text=f"{name} is {'new' if is_new else 'gone'}",
        key=".".join(root),
        before="" if is_new else "there",
        after="there" if is_new else "",
    )


def _plain(path: Key, was: Leaf | None, now: Leaf | None, title: str = "") -> Change:
    before, after = (one.shown if one else "" for one in (was, now))
    name = f"{'.'.join(path)}{f' ({title})' if title else ''}"
    if was is None:
        text = f"{name} is said now: {after}"
    elif now is None:
        text = f"{name} is not said any more (was {before})"
    else:
        text = f"{name} is {after} instead of {before}"
    return Change(
        area=_AREAS.get(path[0], Area.PLAN),
        effect=Effect.NEUTRAL,
        text=text,
        key=".".join(path),
        before=before,
        after=after,
    )


def _title(path: Key, before: Leaves, after: Leaves) -> str:
    for length in range(len(path) - 1, 1, -1):
        key = (*path[:length], "title")
        title = _value(after, key) or _value(before, key)
        if title and key != path:
            return str(title)
    return ""


def _promise(
    _old: Plan, _new: Plan, path: Key, was: Leaf, now: Leaf
) -> Iterator[Change]:
    """A target of time: a longer one is a weaker promise."""
    what = _PROMISES[path[-1]].format(path[-2])
    yield _moved(path, was, now, f"{what} is due", is_before=False)


def _notice(
    _old: Plan, _new: Plan, path: Key, was: Leaf, now: Leaf
) -> Iterator[Change]:
    """How long before a window users are told."""
    said = "users are told of maintenance"
    yield _moved(path, was, now, said, is_before=True)


def _moved(path: Key, was: Leaf, now: Leaf, said: str, *, is_before: bool) -> Change:
    """A time that moves; one that is counted before an event moves the other way."""
    before, after = was.value, now.value
    if not isinstance(before, timedelta) or not isinstance(after, timedelta):
        return _plain(path, was, now)
    is_earlier = (after > before) if is_before else (after < before)
    delta, way = describe(abs(after - before)), "earlier" if is_earlier else "later"
    clocks = f"{describe(after)} instead of {describe(before)}"
    return Change(
        area=_AREAS.get(path[0], Area.PLAN),
        effect=Effect.LOUDER if is_earlier else Effect.QUIETER,
        text=f"{said} {delta} {way} ({clocks})",
        key=".".join(path),
        before=describe(before),
        after=describe(after),
    )


def _approvals(
    old: Plan, new: Plan, path: Key, was: Leaf, now: Leaf
) -> Iterator[Change]:
    """Who must approve a type of change."""
    before, after = (_names(one.value) for one in (was, now))
    if set(before) == set(after):
        yield _plain(path, was, now)
    for role in dict.fromkeys((*after, *before)):
        if (role in before) is not (role in after):
            needed = "is asked to approve" if role in after else "no longer approves"
            yield Change(
                area=Area.APPROVALS,
                effect=Effect.LOUDER if role in after else Effect.QUIETER,
                text=f"{named(old, new, [role])} {needed} changes of type {path[-2]}",
                key=f"{'.'.join(path)}/{role}",
                before="approves" if role in before else "",
                after="approves" if role in after else "",
            )


def _names(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, tuple) else [str(value)]


_SPECIAL: tuple[
    tuple[str, Callable[[Plan, Plan, Key, Leaf, Leaf], Iterator[Change]]], ...
] = (
    ("severities.*.response", _promise),
    ("severities.*.resolution", _promise),
    ("bugs.levels.*.response", _promise),
    ("bugs.levels.*.fix", _promise),
    ("maintenance.notice", _notice),
    ("changes.types.*.approvals", _approvals),
)
