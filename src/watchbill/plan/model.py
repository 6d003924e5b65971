"""Plan: the whole support plan as values of the book.

A plan is read once and never changed; a new version is a new plan, and an incident
stays with the version under which it was declared (S0-07). The methods answer the
two questions the engine asks of a plan: which ladder an incident climbs, and who
stands behind the targets of its steps.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from watchbill.core.bugs import Hotfix
from watchbill.core.ladder import Ladder, Step, Target, compose
from watchbill.core.oncall import Override, Rotation
from watchbill.core.people import Directory
from watchbill.core.roster import Roster
from watchbill.core.routing import AfterHours, RoutingTable
from watchbill.core.severity import Severity
from watchbill.core.temporal import WeeklyHours
from watchbill.plan.communication import (
    Communication,
    KnowledgePlace,
    Meets,
    StatusPage,
)
from watchbill.plan.governance import (
    Compliance,
    EmergencyProcedure,
    Measures,
    Review,
    RunbookPlace,
    Signing,
    Vendor,
)
from watchbill.plan.operations import Changes, Maintenance, Monitoring
from watchbill.plan.process import Bugs, Handling, IncidentRules
from watchbill.plan.sections.communication import Missing
from watchbill.plan.values import ChannelKind, Cover, ReviewCycle

REPEAT_AFTER = timedelta(minutes=30)
"""An unacknowledged page is repeated after the last step of its ladder (A2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    """What the plan is, whose it is, and from when it holds (S0)."""

    title: str
    product: str
    version: str
    #: The plan's rules run from here on: local midnight of the effective date.
    effective_at: datetime
    #: The role or group that owns the plan and may propose changes (S0-04).
    owner: str
    review_cycle: ReviewCycle
    zone: ZoneInfo
    #: Of public texts, the first one first.
    languages: tuple[str, ...]
    signing: Signing
    #: The days on which the plan was reviewed.
    reviewed_on: tuple[date, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SupportLevel:
    """A level of support, such as L1 Help Desk."""

    key: str
    title: str
    cover: Cover


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A place where messages are posted or news is told (S7.1)."""

    #: Such as ``#incidents``.
    key: str
    kind: ChannelKind
    purpose: str
    audience: str
    #: Of a meeting, when people come together (A54).
    meets: Meets | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A support plan that has passed every check."""

    meta: Meta
    levels: tuple[SupportLevel, ...]
    directory: Directory
    #: The working hours of contacts who have a shift, by the shift's name.
    shifts: Mapping[str, WeeklyHours]
    #: Worst first.
    severities: tuple[Severity, ...]
    #: The ladder of each severity, without the contacts of the route.
    steps: Mapping[str, tuple[Step, ...]]
    fallback: tuple[Target, ...]
    routing: RoutingTable
    rotations: Mapping[str, Rotation]
    business_hours: WeeklyHours
    channels: Mapping[str, Channel]
    #: Severities whose incident resolves by itself when its last alert does.
    auto_resolve: frozenset[str]
    #: The priority of the ticket that an incident creates, by severity.
    ticket_priority: Mapping[str, str]
    #: The role, group or level that such a ticket goes to, by severity.
    ticket_team: Mapping[str, str]
    #: What each severity asks for beyond its targets.
    handling: Mapping[str, Handling]
    incidents: IncidentRules
    #: None when the plan has no such section; so for the two below.
    bugs: Bugs | None
    hotfix: Hotfix | None
    status_page: StatusPage | None
    communication: Communication
    missing_translation: Missing
    runbooks: Mapping[str, RunbookPlace]
    knowledge_base: Mapping[str, KnowledgePlace]
    reviews: Mapping[str, Review]
    improvement: tuple[str, ...]
    measures: Measures
    emergency_procedures: Mapping[str, EmergencyProcedure]
    vendors: Mapping[str, Vendor]
    compliance: Compliance
    monitoring: Monitoring
    maintenance: Maintenance
    changes: Changes

    def severity(self, key: str) -> Severity:
        """Return the severity with this key; LookupError when there is none."""
        for severity in self.severities:
            if severity.key == key:
                return severity
        message = f"the plan has no severity {key!r}"
        raise LookupError(message)

    def level(self, key: str) -> SupportLevel:
        """Return the level with this key; LookupError when there is none."""
        for level in self.levels:
            if level.key == key:
                return level
        message = f"the plan has no level {key!r}"
        raise LookupError(message)

    def ladder(self, severity: str, route_key: str) -> Ladder:
        """Return the ladder of an incident of a severity that came by a route.

        LookupError when the plan has no such severity or route.
        """
        route = self.routing.route(route_key)
        key = self.severity(severity).key
        return compose(
            self.steps.get(key, ()),
            route,
            self.routing.contacting_of(route, key),
            after_hours=self.routing.after_hours.get(key, AfterHours.PAGE),
            fallback=self.fallback,
            repeat_after=REPEAT_AFTER,
        )

    def roster(
        self,
        *,
        overrides: tuple[Override, ...] = (),
        unreachable: frozenset[str] = frozenset(),
    ) -> Roster:
        """Return who stands behind the targets of the plan's steps.

        ``unreachable`` are the contacts whom no configured channel can reach.
        """
        return Roster(
            directory=self.directory,
            rotations=self.rotations,
            overrides=overrides,
            open_hours=self.business_hours,
            unreachable=unreachable,
        )
