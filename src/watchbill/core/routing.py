"""Routing: what kind of alert this is, how bad, and whose it is.

Every alert gets exactly one alert type (S4.3-07): the first route whose
condition it meets, in the plan's order, else the catch-all route, which is
listed so that somebody fixes the plan. Severity comes from the first severity
rule it meets, else from its ``severity`` label by the plan's mapping, else from
the plan's default. Both answers say why, because the question "who would get
this alert now?" must be answerable without sending anything (S4.3-09).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum

from watchbill.core.labels import Labels, Matcher, fingerprint, matches_all
from watchbill.core.storms import STORM

Condition = tuple[Matcher, ...]


class AfterHours(StrEnum):
    """What an incident asks of its route's contacts outside business hours (A29)."""

    #: They are paged as at any hour.
    PAGE = "page"
    #: Whoever is on call is paged by the ladder; the route's contacts are not.
    ON_CALL_ONLY = "oncall_only"
    #: Nobody of the route is paged; the ticket waits in its queue.
    QUEUE = "queue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contacting:
    """When the three contacts of a route are told, counted from the declaration."""

    primary: timedelta = timedelta(0)
    secondary: timedelta
    #: None when only the matrix and people lead to the escalation contact (A6).
    escalation: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One row of the alert routing table (S4.3-01 to S4.3-05)."""

    key: str
    title: str
    primary: str
    secondary: str
    escalation: str
    #: The specialty that "escalate to L3" looks for.
    category: str | None = None
    #: Any one of these conditions is enough.
    any_of: tuple[Condition, ...] = ()
    #: Nothing of it is published by itself (A15).
    confidential: bool = False
    #: Times of its own, by severity; they take the place of the table's (A6).
    contacting: Mapping[str, Contacting] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeverityRule:
    """Alerts that meet the condition have this severity."""

    severity: str
    condition: Condition
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingTable:
    """All of a plan's rules about incoming alerts."""

    routes: tuple[Route, ...]
    #: The key of the route that takes what no other one does.
    catch_all: str
    severity_rules: tuple[SeverityRule, ...] = ()
    #: From the value of the ``severity`` label to a severity of the plan.
    severity_labels: Mapping[str, str] = field(default_factory=dict)
    default_severity: str
    #: When each route contact is told, by severity; absent means not paged (A11).
    contacting: Mapping[str, Contacting] = field(default_factory=dict)
    #: By severity; one that is absent pages at any hour.
    after_hours: Mapping[str, AfterHours] = field(default_factory=dict)
    #: Alerts of one severity that agree on these labels share an incident. A worse
    #: alert has one of its own: it must not hide in an incident that wakes nobody.
    group_by: tuple[str, ...] = ("alertname",)

    _by_key: Mapping[str, Route] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_key = {route.key: route for route in reversed(self.routes)}
        object.__setattr__(self, "_by_key", by_key)

    def route(self, key: str) -> Route:
        """Return the route with this key; LookupError when there is none."""
        route = self._by_key.get(key)
        if route is None:
            message = f"the plan has no route {key!r}"
            raise LookupError(message)
        return route

    def contacting_of(self, route: Route, severity: str) -> Contacting | None:
        """Return when the contacts of a route are told of a severity, if ever."""
        return route.contacting.get(severity) or self.contacting.get(severity)


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """What an alert is, and why."""

    route: Route
    severity: str
    category: str | None
    group_key: str
    is_catch_all: bool
    route_reason: str
    severity_reason: str
    #: What only the plan and the source know; the routing table leaves them false.
    is_confidential: bool = False
    is_drill: bool = False

    @property
    def is_apart(self) -> bool:
        """Whether it shares no incident with alerts of any other sort."""
        return self.is_confidential or self.is_drill

    @property
    def reason(self) -> str:
        """Both reasons in one sentence."""
        return f"{self.route_reason}; {self.severity_reason}"


def regroup(group_key: str, *, severity: str) -> str:
    """Return the group that alerts of another severity would have.

    Empty where a group is not one of alerts.
    """
    route, _, rest = group_key.partition("/")
    _, parts, digest = rest.partition("/")
    is_of_alerts = parts and route != STORM
    return f"{route}/{severity}/{digest}" if is_of_alerts else ""


DRILL = "/drill"
"""How the key of a group of drills ends."""


def is_of_drill(group_key: str) -> bool:
    """Return whether the alerts of a group are drills."""
    return group_key.endswith(DRILL)


def set_apart(
    found: Classification, *, is_confidential: bool, is_drill: bool
) -> Classification:
    """Return the same alert in a group of those that it may share an incident with.

    What is confidential is not told to those who may read of the rest (A15), and a
    drill never takes in what is real.
    """
    confidential = "/confidential" if is_confidential else ""
    drill = DRILL if is_drill else ""
    return replace(
        found,
        group_key=f"{found.group_key}{confidential}{drill}",
        is_confidential=is_confidential,
        is_drill=is_drill,
    )


def classify(table: RoutingTable, labels: Labels) -> Classification:
    """Return alert type, severity and group of an alert with these labels."""
    route, is_catch_all, why_route = _route(table, labels)
    severity, why_severity = _severity(table, labels)
    grouped = {name: labels.get(name, "") for name in table.group_by}
    return Classification(
        route=route,
        severity=severity,
        category=labels.get("category") or route.category,
        group_key=f"{route.key}/{severity}/{fingerprint(grouped)}",
        is_catch_all=is_catch_all,
        route_reason=why_route,
        severity_reason=why_severity,
    )


def _route(table: RoutingTable, labels: Labels) -> tuple[Route, bool, str]:
    for route in table.routes:
        for condition in route.any_of:
            if matches_all(condition, labels):
                met = " and ".join(str(matcher) for matcher in condition)
                return route, False, f"{route.title} because {met}"
    route = table.route(table.catch_all)
    return route, True, f"{route.title} because no other route takes it"


def _severity(table: RoutingTable, labels: Labels) -> tuple[str, str]:
    for rule in table.severity_rules:
        if matches_all(rule.condition, labels):
            met = " and ".join(str(matcher) for matcher in rule.condition)
            return rule.severity, f"{rule.severity} because {rule.reason or met}"
    label = labels.get("severity", "")
    if label in table.severity_labels:
        severity = table.severity_labels[label]
        return severity, f"{severity} because severity = {label}"
    default = table.default_severity
    return default, f"{default} because no rule names its severity"
