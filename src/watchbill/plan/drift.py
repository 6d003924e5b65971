"""Drift: where the rules that a Prometheus has loaded are not those of the plan.

The plan is where a threshold is changed (S4.2-21), but the file made from it is copied
to another machine, edited there in a hurry, or forgotten. Then the plan says one thing
and what pages people is another. A drift is a rule of the plan that is not loaded, one
in a group of the plan that the plan does not know, or one that says something else:
another expression, another time for which it must hold, another severity or label.
Rules in groups of other names are nobody's business here.

A rule is known by its name, and several may share one (the warning and the critical
grade of a metric): of these, the most alike are compared with each other. Expressions
are compared by their parts and not by their spelling, as Prometheus writes them its
own way; whoever can ask Prometheus to spell both passes ``same``.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

from watchbill.plan.model import Plan
from watchbill.plan.rules import group_prefix, rule_groups

Same = Callable[[str, str], bool]

_TOKEN = re.compile(
    r"""\s*(?:("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`)"""
    r"|((?:[0-9]+(?:ms|[smhdwy]))+)|([0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?)"
    r"|([A-Za-z_:][A-Za-z0-9_:]*)|(==|!=|>=|<=|=~|!~|\S))"
)
_SPAN = re.compile(r"([0-9]+)(ms|[smhdwy])")
_SECONDS = {
    "ms": 0.001,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86_400.0,
    "w": 604_800.0,
    "y": 31_536_000.0,
}


class UnreadableRulesError(ValueError):
    """What was given are no rules of Prometheus; the message says where."""


class DriftKind(StrEnum):
    """In which way what is loaded is not the plan's."""

    MISSING = "missing"
    EXTRA = "extra"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedRule:
    """One rule of Prometheus, from its file or as it tells of it."""

    group: str
    name: str
    expression: str
    hold: timedelta = timedelta(0)
    keep_firing: timedelta = timedelta(0)
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The name, and the severity where rules of one name differ by it."""
        severity = self.labels.get("severity")
        return f"{self.name} ({severity})" if severity else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One difference; ``planned`` and ``loaded`` are empty where there is none."""

    kind: DriftKind
    rule: str
    group: str
    #: "expression", "for", "keep_firing_for", or the name of a label.
    part: str = ""
    planned: str = ""
    loaded: str = ""

    @property
    def text(self) -> str:
        """The difference as a sentence."""
        match self.kind:
            case DriftKind.MISSING:
                return f"{self.rule} is not loaded: the plan has it in {self.group!r}"
            case DriftKind.EXTRA:
                return f"{self.rule} in {self.group!r} is not of the plan"
            case DriftKind.CHANGED:
                said = f"the plan says {self.planned or 'nothing'}"
                return f"{self.rule}: {self.part} is {self.loaded or 'gone'}, {said}"


def planned_rules(plan: Plan) -> list[LoadedRule]:
    """Return the rules that a plan implies."""
    return read_rules({"groups": rule_groups(plan)})


def read_rules(document: object) -> list[LoadedRule]:
    """Return the rules of a rule file, or of an answer of ``/api/v1/rules``.

    Raises `UnreadableRulesError` for anything else.
    """
    data = document.get("data", document) if isinstance(document, dict) else None
    groups = data.get("groups") if isinstance(data, dict) else None
    if not isinstance(groups, list):
        raise UnreadableRulesError("there is no list of groups")
    found: list[LoadedRule] = []
    for group in groups:
        rules = group.get("rules") if isinstance(group, dict) else None
        if not isinstance(rules, list | None):
            raise UnreadableRulesError("a group has no list of rules")
        found += [_rule(str(group.get("name", "")), one) for one in rules or ()]
    return found


def find_drift(
    plan: Plan, loaded: Sequence[LoadedRule], *, same: Same | None = None
) -> list[Drift]:
    """Return every difference, in the order of the plan, what is extra last."""
    is_same = same or same_parts
    planned = planned_rules(plan)
    pairs = _pairs(planned, loaded)
    found: list[Drift] = []
    for one in planned:
        other = pairs.get(id(one))
        if other is None:
            found.append(_whole(DriftKind.MISSING, one))
        else:
            found += _changes(one, other, is_same)
    taken = {id(one) for one in pairs.values()}
    prefix = group_prefix(plan)
    extra = [
        one for one in loaded if one.group.startswith(prefix) and id(one) not in taken
    ]
    return found + [_whole(DriftKind.EXTRA, one) for one in extra]


def same_parts(one: str, other: str) -> bool:
    """Return whether two expressions are made of the same parts, however spelt."""
    return list(_parts(one)) == list(_parts(other))


def _pairs(
    planned: Sequence[LoadedRule], loaded: Sequence[LoadedRule]
) -> dict[int, LoadedRule]:
    """The loaded rule for each planned one, the most alike first."""
    alike = sorted(
        (_distance(one, other), place, index)
        for place, one in enumerate(planned)
        for index, other in enumerate(loaded)
        if one.name == other.name
    )
    found: dict[int, LoadedRule] = {}
    taken: set[int] = set()
    for _, place, index in alike:
        if id(planned[place]) not in found and index not in taken:
            found[id(planned[place])] = loaded[index]
            taken.add(index)
    return found


def _distance(one: LoadedRule, other: LoadedRule) -> int:
    return (
        4 * (one.labels.get("severity") != other.labels.get("severity"))
        + 3 * (not same_parts(one.expression, other.expression))
        + (one.hold != other.hold)
        + (one.group != other.group)
        + (dict(one.labels) != dict(other.labels))
    )


def _changes(one: LoadedRule, other: LoadedRule, same: Same) -> Iterator[Drift]:
    parts = [
        ("for", _seconds(one.hold), _seconds(other.hold)),
        ("keep_firing_for", _seconds(one.keep_firing), _seconds(other.keep_firing)),
    ]
    if not same_parts(one.expression, other.expression) and not same(
        one.expression, other.expression
    ):
        parts.insert(0, ("expression", one.expression, other.expression))
    for name in sorted(set(one.labels) | set(other.labels)):
        parts.append((name, one.labels.get(name, ""), other.labels.get(name, "")))
    for part, planned, loaded in parts:
        if planned != loaded:
            yield Drift(
                kind=DriftKind.CHANGED,
                rule=one.title,
                group=other.group,
                part=part,
                planned=planned,
                loaded=loaded,
            )


def _whole(kind: DriftKind, one: LoadedRule) -> Drift:
    return Drift(kind=kind, rule=one.title, group=one.group)


def _seconds(span: timedelta) -> str:
    return f"{span.total_seconds():g}s"


def _rule(group: str, rule: Any) -> LoadedRule:
    if not isinstance(rule, dict):
        raise UnreadableRulesError(f"a rule of the group {group!r} is no mapping")
    name = rule.get("alert") or rule.get("record") or rule.get("name")
    expression = rule.get("expr", rule.get("query"))
    labels = rule.get("labels") or {}
    if not name or expression is None or not isinstance(labels, dict):
        raise UnreadableRulesError(
            f"a rule of the group {group!r} has no name, no expression or odd labels"
        )
    return LoadedRule(
        group=group,
        name=str(name),
        expression=str(expression),
        hold=_span(rule.get("for", rule.get("duration")), rule=str(name)),
        keep_firing=_span(
            rule.get("keep_firing_for", rule.get("keepFiringFor")), rule=str(name)
        ),
        labels={str(key): str(value) for key, value in labels.items()},
    )


def _span(value: object, *, rule: str) -> timedelta:
    """A duration as a file has it, in words, or as Prometheus tells it, in seconds."""
    if value is None:
        return timedelta(0)
    if isinstance(value, int | float):
        return timedelta(seconds=value)
    if not re.fullmatch(rf"0|(?:{_SPAN.pattern})+", str(value)):
        raise UnreadableRulesError(f"{rule} has the duration {value!r}, which is none")
    return timedelta(seconds=_length(str(value)))


def _length(text: str) -> float:
    return sum(int(count) * _SECONDS[unit] for count, unit in _SPAN.findall(text))


def _parts(expression: str) -> Iterator[tuple[str, object]]:
    for text, span, number, name, sign in _TOKEN.findall(expression):
        if text:
            yield "text", text[1:-1]
        elif span:
            yield "span", _length(span)
        elif number:
            yield "number", float(number)
        else:
            yield "sign", name or sign
