"""Alerting: the rules by which alerts become fewer pages, as values (S4).

Beside routing, which says whose an alert is, these say when nobody is paged for it,
when its end is believed, and when many are one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from watchbill.core.flapping import FlapRule
from watchbill.core.labels import Matcher
from watchbill.core.routing import Condition
from watchbill.core.storms import StormRule
from watchbill.core.suppression import InhibitRule
from watchbill.plan.rows import row
from watchbill.plan.schema import AlertsEntry
from watchbill.plan.sections.alerting import InhibitEntry
from watchbill.plan.sections.operations import MonitoringEntry

NOT = "not "
"""Before the name of a label: the condition is that it has none of the values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerting:
    """What is done about many alerts, and about none at all."""

    #: In the plan's order.
    inhibit: tuple[InhibitRule, ...]
    #: None when every end of an alert is believed at once.
    flapping: FlapRule | None
    #: None when every group of alerts has an incident of its own.
    storm: StormRule | None
    #: How long an alert fires whose source repeats it and does not say until when.
    resolve_timeout: timedelta
    #: Which alert is a sign of life of the monitoring; None when none is (S4.1-12).
    watchdog: Condition | None
    #: Without a sign of life for so long the monitoring itself is down.
    silence_after: timedelta
    #: The severity of the incident that this opens.
    silence_severity: str


def build_alerting(alerts: AlertsEntry, monitoring: MonitoringEntry) -> Alerting:
    """Return the rules that a plan's file describes."""
    watchdog = monitoring.watchdog
    return Alerting(
        inhibit=tuple(_inhibition(one) for one in alerts.inhibit),
        flapping=None if alerts.flapping is None else row(FlapRule, alerts.flapping),
        storm=None if alerts.storm is None else row(StormRule, alerts.storm),
        resolve_timeout=alerts.resolve_timeout,
        watchdog=None if watchdog is None else build_condition(watchdog.match),
        silence_after=monitoring.silence_after,
        silence_severity=monitoring.silence_creates,
    )


def _inhibition(entry: InhibitEntry) -> InhibitRule:
    return InhibitRule(
        source=build_condition(entry.source),
        target=build_condition(entry.target),
        equal=tuple(dict.fromkeys(entry.equal)),
        because=entry.because,
    )


def build_condition(entry: Mapping[str, tuple[str, ...]]) -> Condition:
    """Return the matchers of a condition as it is written, all of which must hold."""
    return tuple(
        Matcher(
            name=name.removeprefix(NOT),
            values=frozenset(values),
            negated=name.startswith(NOT),
        )
        for name, values in entry.items()
    )
