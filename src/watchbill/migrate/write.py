"""Writing: an import as a new plan, or put into one that is there.

A new plan has what a plan needs besides: one level, business hours, a severity and a
ladder, each noted as guessed. Into a plan that is there only new contacts, groups and
schedules go, at the end of their sections; every other character of it stays. The
result is read again before anybody sees it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import yaml

from watchbill.migrate.fragment import Fragment
from watchbill.migrate.report import Entry, Outcome
from watchbill.plan import Loaded, load


class CannotWriteError(ValueError):
    """A plan into which nothing can be put by itself; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A plan with an import in it, and what was added of our own."""

    text: str
    loaded: Loaded
    entries: tuple[Entry, ...]


def section_text(value: object) -> str:
    """Return a value as YAML, in the order in which it was made."""
    return yaml.dump(
        value,
        Dumper=_Plain,
        sort_keys=False,
        allow_unicode=True,
        width=10_000,
        default_flow_style=False,
    )


class _Plain(yaml.SafeDumper):
    """Lists of names on one line, and no anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _list(dumper: yaml.SafeDumper, data: list[Any]) -> yaml.Node:
    is_short = all(isinstance(one, str) for one in data)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=is_short)


def _str(dumper: yaml.SafeDumper, data: str) -> yaml.Node:
    """A text; in quotes if other programs might take it for a number or a time."""
    style = '"' if re.fullmatch(r"[-+0-9:.]+", data) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_Plain.add_representer(list, _list)
_Plain.add_representer(str, _str)


def fragment_text(fragment: Fragment) -> str:
    """Return the parts of a plan as YAML, the ladders by the names of the product."""
    sections = {
        "contacts": fragment.contacts,
        "groups": fragment.groups,
        "on_call": fragment.on_call,
        "escalation": fragment.ladders,
    }
    return section_text({key: value for key, value in sections.items() if value})


def new_plan(
    fragment: Fragment, *, title: str, zone: str, today: date, level: str = "L1"
) -> Written:
    """Return a whole plan around an import."""
    if not fragment.contacts:
        message = "there is nobody in the export, and a plan needs a contact"
        raise CannotWriteError(message)
    first = _first(fragment)
    name, ladder = next(iter(fragment.ladders.items()), ("", []))
    steps = ladder or [_step(first)]
    content = {
        "watchbill": "1",
        "plan": _meta(fragment, title=title, zone=zone, today=today),
        "levels": {level: {"title": "On call", "cover": "on_call"}},
        "contacts": fragment.contacts,
        **({"groups": fragment.groups} if fragment.groups else {}),
        "business_hours": {"days": "mon-fri", "from": "09:00", "to": "17:00"},
        **({"on_call": fragment.on_call} if fragment.on_call else {}),
        "severities": {"P1": _SEVERITY},
        "fallback": str(fragment.contacts[0]["id"]),
        "escalation": {"P1": steps},
        "alerts": _alerts(fragment),
    }
    text = section_text(content)
    used = [name] if ladder else []
    entries = (*_guesses(fragment, used), *_unused(fragment, used))
    return Written(text=text, loaded=load(text, name="the new plan"), entries=entries)


_SEVERITY = {
    "title": "Everything that pages",
    "criteria": ["Somebody has to look at it now"],
    "response": "15m",
    "resolution": "4h",
    "urgency": "high",
}


def _meta(fragment: Fragment, *, title: str, zone: str, today: date) -> dict[str, Any]:
    return {
        "title": title,
        "product": title,
        "version": "1",
        "effective": today.isoformat(),
        "review": "quarterly",
        "owner": str(fragment.contacts[0]["id"]),
        "time_zone": zone,
        "languages": ["en"],
    }


def _first(fragment: Fragment) -> str:
    key = next(iter(fragment.on_call), None)
    return f"on_call.{key}.primary" if key else str(fragment.contacts[0]["id"])


def _step(who: str) -> dict[str, str]:
    return {"after": "0m", "do": "page", "who": who, "title": "Page who is on call"}


def _alerts(fragment: Fragment) -> dict[str, Any]:
    who = str(fragment.contacts[0]["id"])
    route = {"title": "Everything", "primary": who, "secondary": who, "escalation": who}
    return {
        "catch_all": "everything",
        "auto_resolve": [],
        "severity": {"default": "P1"},
        "routes": {"everything": route},
    }


def _guesses(fragment: Fragment, used: list[str]) -> Iterator[Entry]:
    who = str(fragment.contacts[0]["id"])
    ladder = f"the ladder of {used[0]}" if used else "a ladder of one step"
    for name, because in (
        ("owner and fallback", f"{who}, the first contact; name the right one"),
        ("level", "everybody is of one level, on call"),
        ("business hours", "mon-fri 09:00-17:00"),
        ("severities", f"P1 only, with {ladder}"),
        ("alerts", "one route for all of them"),
    ):
        yield Entry(
            outcome=Outcome.GUESSED,
            kind="section",
            name=name,
            because=f"no product has it: {because}",
        )


def _unused(fragment: Fragment, used: list[str]) -> Iterator[Entry]:
    for name in fragment.ladders:
        if name not in used:
            yield Entry(
                outcome=Outcome.DROPPED,
                kind="policy",
                name=name,
                because="a plan has one ladder a severity; the fragment shows it",
            )


def into_plan(fragment: Fragment, text: str, *, name: str) -> Written:
    """Return a plan with an import added to its sections.

    CannotWriteError when a section is written in a way that nothing can be added to, or
    when the result is no plan any more.
    """
    added = text
    for key, value in (
        ("contacts", fragment.contacts),
        ("groups", fragment.groups),
        ("on_call", fragment.on_call),
    ):
        if value:
            added = _added(added, key, value)
    loaded = load(added, name=name)
    return Written(text=added, loaded=loaded, entries=tuple(_unused(fragment, [])))


def _added(text: str, key: str, value: Any) -> str:
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        message = f"it is not YAML: {error}"
        raise CannotWriteError(message) from None
    if not isinstance(root, yaml.MappingNode) or root.flow_style:
        message = "it is not a plan of one section below the other"
        raise CannotWriteError(message)
    pairs = {one.value: node for one, node in root.value if hasattr(one, "value")}
    node = pairs.get(key)
    if node is None:
        return text.rstrip("\n") + "\n\n" + section_text({key: value})
    if not isinstance(node, yaml.CollectionNode) or node.flow_style or not node.value:
        message = f"its {key} is not written one entry a line; add an entry by hand"
        raise CannotWriteError(message)
    indent = " " * node.start_mark.column
    lines = section_text(value).splitlines()
    addition = "".join(f"{indent}{line}\n" for line in lines)
    at = _end_of(text, node)
    return text[:at] + addition + text[at:]


def _end_of(text: str, node: yaml.CollectionNode) -> int:
    """Where the last line of a section that is not blank or a comment ends."""
    last = _last(node)
    end = text.find("\n", last.end_mark.index)
    if last.end_mark.column == 0:  # a block text ends where the next line begins
        blank = re.search(r"\s*\Z", text[: last.end_mark.index])
        end = text.find("\n", blank.start() if blank else 0)
    return len(text) if end < 0 else end + 1


def _last(node: yaml.Node) -> yaml.Node:
    while isinstance(node, yaml.CollectionNode) and node.value and not node.flow_style:
        found = node.value[-1]
        node = found[1] if isinstance(found, tuple) else found
    return node
