"""Alerts compared: what the same alert becomes under either plan (S4.3-09).

The conditions of both plans are turned into alerts that meet them, each also with
every value of the label ``severity`` that a plan knows, and both plans are asked.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from watchbill.core.labels import Labels
from watchbill.core.routing import Condition, RoutingTable, classify
from watchbill.plan.diff.change import Area, Change, Effect
from watchbill.plan.model import Plan

_SHOWN = 3
"""Alerts named in a sentence; the others are counted."""

_OTHER = "(other)"
"""A value that no condition names."""


def compare_alerts(old: Plan, new: Plan) -> Iterator[Change]:
    """Yield alerts that become something else, and routes that came or went."""
    yield from _routes(old, new)
    severity: dict[tuple[str, str], list[str]] = defaultdict(list)
    route: dict[tuple[str, str], list[str]] = defaultdict(list)
    for labels in _probes(old.routing, new.routing):
        before, after = (classify(plan.routing, labels) for plan in (old, new))
        name = " ".join(f"{key}={value}" for key, value in labels.items()) or "any"
        if before.severity != after.severity:
            severity[before.severity, after.severity].append(name)
        if before.route.key != after.route.key:
            route[before.route.key, after.route.key].append(name)
    for (was, now), names in severity.items():
        effect = _worse(old, new, was, now)
        yield _change(effect, names, f"severity/{was}", was, now)
    for (was, now), names in route.items():
        titles = old.routing.route(was).title, new.routing.route(now).title
        yield _change(Effect.NEUTRAL, names, "route", *titles)
    yield from _grouping(old, new)


def _worse(old: Plan, new: Plan, was: str, now: str) -> Effect:
    """Whether an alert becomes worse, by the scale that has both severities."""
    for plan in (new, old):
        ranks = {one.key: one.rank for one in plan.severities}
        if was in ranks and now in ranks:
            return Effect.LOUDER if ranks[now] < ranks[was] else Effect.QUIETER
    return Effect.NEUTRAL


def _change(
    effect: Effect, names: list[str], key: str, before: str, after: str
) -> Change:
    shown = "; ".join(names[:_SHOWN])
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return Change(
        area=Area.ALERTS,
        effect=effect,
        text=f"alerts become {after} instead of {before}: {shown}{more}",
        key="severity" if key.startswith("severity") else key,
        before=before,
        after=after,
    )


def _probes(*tables: RoutingTable) -> list[Labels]:
    """Alerts that meet each condition, in an order that does not depend on tables."""
    conditions = {
        condition
        for table in tables
        for condition in (
            *(one for route in table.routes for one in route.any_of),
            *(rule.condition for rule in table.severity_rules),
        )
    }
    said = sorted({value for table in tables for value in table.severity_labels})
    probes: set[tuple[tuple[str, str], ...]] = {()}
    for condition in conditions:
        probes.update(_meeting(condition))
    labelled = {
        tuple(sorted({"severity": value, **dict(probe)}.items()))
        for probe in probes
        for value in said
    }
    everything = sorted(probes | labelled, key=lambda one: (len(one), one))
    return [dict(probe) for probe in everything]


def _meeting(condition: Condition) -> Iterator[tuple[tuple[str, str], ...]]:
    """One alert for each value of each label, the other labels at their first."""
    choices: dict[str, list[str]] = {}
    for matcher in condition:
        values = [_OTHER] if matcher.negated else sorted(matcher.values)
        choices[matcher.name] = values
    firsts = {name: values[0] for name, values in choices.items()}
    for name, values in choices.items():
        for value in values:
            labels = {**firsts, name: value}
            yield tuple(sorted(item for item in labels.items() if item[1]))


def _routes(old: Plan, new: Plan) -> Iterator[Change]:
    before = {one.key: one for one in old.routing.routes}
    after = {one.key: one for one in new.routing.routes}
    for key in sorted({*before, *after}):
        was, now = before.get(key), after.get(key)
        if was is None or now is None:
            title = (now or before[key]).title
            yield Change(
                area=Area.ALERTS,
                effect=Effect.NEUTRAL,
                text=f"the alert type {title} is {'new' if now else 'gone'}",
                key=f"routes/{key}",
                before=was.title if was else "",
                after=now.title if now else "",
            )
        elif was.confidential is not now.confidential:
            hidden = "hidden" if now.confidential else "not hidden any more"
            yield Change(
                area=Area.ALERTS,
                effect=Effect.QUIETER if now.confidential else Effect.LOUDER,
                text=f"incidents of {now.title} are {hidden} from channels",
                key=f"routes/{key}/confidential",
                before="confidential" if was.confidential else "open",
                after="confidential" if now.confidential else "open",
            )


def _grouping(old: Plan, new: Plan) -> Iterator[Change]:
    tables = old.routing, new.routing
    if tables[0].group_by != tables[1].group_by:
        before, after = (", ".join(one.group_by) for one in tables)
        text = f"alerts share an incident by {after} instead of {before}"
        yield _neutral("group_by", text, before, after)
    before, after = (_list(one.auto_resolve) for one in (old, new))
    if before != after:
        text = f"incidents of {after} instead of {before} resolve by themselves"
        yield _neutral("auto_resolve", text, before, after)


def _list(keys: Iterable[str]) -> str:
    return ", ".join(sorted(keys)) or "no severity"


def _neutral(key: str, text: str, before: str, after: str) -> Change:
    return Change(
        area=Area.ALERTS,
        effect=Effect.NEUTRAL,
        text=text,
        key=key,
        before=before,
        after=after,
    )
