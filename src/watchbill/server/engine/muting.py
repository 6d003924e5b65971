"""Judging mutes: why nobody is paged for an alert, asked for many alerts at once.

What the core asks is loaded once for a batch: the silences in force, the maintenance
windows that are open, and those firing alerts that could inhibit one of the batch.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice, product
from typing import Any

from watchbill.core.labels import Labels, matches_all
from watchbill.core.maintenance import Occurrence
from watchbill.core.severity import worst
from watchbill.core.suppression import (
    Firing,
    InhibitRule,
    Mute,
    Silence,
    explaining,
    mutes,
)
from watchbill.plan import Plan
from watchbill.server.alerts import queries as alerts
from watchbill.server.alerts.models import Alert
from watchbill.server.silences import queries as silences

MOST_WAYS = 8
"""In which a source can meet a rule; with more, its matchers are not asked by SQL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """What mutes alerts between two instants, under one plan."""

    rules: tuple[InhibitRule, ...]
    silences: tuple[Silence, ...]
    windows: tuple[Occurrence, ...]
    #: Kept up to date by whoever folds.
    firing: Firing
    worst: str = ""

    def mutes(self, alert: Alert, *, at: datetime) -> tuple[Mute, ...]:
        """Return everything that mutes an alert."""
        return mutes(
            alert.labels,
            key=alerts.key_of(alert),
            source=str(alert.integration_id),
            silences=self.silences,
            rules=self.rules,
            firing=self.firing,
            windows=explaining(
                self.windows,
                is_worst=alert.severity == self.worst,
                is_confidential=alert.is_confidential,
            ),
            at=at,
        )


def judge(
    plan: Plan, targets: Iterable[Labels], *, since: datetime, until: datetime
) -> Judge:
    """Return who judges alerts with the labels of ``targets`` from ``since`` on.

    A silence that both began and ended in between is not known to it; batches are
    much shorter than silences.
    """
    rules = plan.alerting.inhibit
    in_force = {one.key: one for at in {since, until} for one in silences.active(at)}
    return Judge(
        rules=rules,
        silences=tuple(in_force.values()),
        windows=plan.maintenance.open_between(since, until),
        firing=Firing.of(rules, _sources(rules, targets)),
        worst=worst(plan.severities).key,
    )


def told(found: Iterable[Mute]) -> list[dict[str, Any]]:
    """Return mutes as an alert keeps them."""
    return [
        {
            "kind": one.kind.value,
            "key": one.key,
            "text": one.text,
            "until": None if one.until is None else one.until.isoformat(),
        }
        for one in found
    ]


def _sources(
    rules: tuple[InhibitRule, ...], targets: Iterable[Labels]
) -> list[tuple[str, Labels]]:
    """The firing alerts that may inhibit one of the targets."""
    known = list(targets) if rules else []
    found: dict[str, Labels] = {}
    for rule in rules:
        agreed = {
            tuple(labels.get(name, "") for name in rule.equal)
            for labels in known
            if matches_all(rule.target, labels)
        }
        for fixed in _fixed(rule) if agreed else ():
            found |= alerts.firing_with(fixed, rule.equal, agreed)
    return list(found.items())


def _fixed(rule: InhibitRule) -> Iterator[dict[str, str]]:
    """Labels, one set for each way in which a source can meet its matchers."""
    choices = [
        [(one.name, value) for value in sorted(one.values)]
        for one in rule.source
        if not one.negated and "" not in one.values
    ]
    found = [dict(pairs) for pairs in islice(product(*choices), MOST_WAYS + 1)]
    return iter(found if len(found) <= MOST_WAYS else [{}])
