"""Plan: the whole support plan as values of the book.

A plan is read once and never changed; a new version is a new plan, and an incident
stays with the version under which it was declared (S0-07). The methods answer the
two questions the engine asks of a plan: which ladder an incident climbs, and who
stands behind the targets of its steps.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from watchbill.core.bugs import Hotfix
from watchbill.core.ladder import Ladder, Step, Target, compose
from watchbill.core.oncall import Absence, Override, Schedule
from watchbill.core.people import Directory
from watchbill.core.roster import Roster
from watchbill.core.routing import AfterHours, RoutingTable
from watchbill.core.severity import Severity, worst
from watchbill.core.sla import Cadence, Promise, Terms
from watchbill.core.team import Team
from watchbill.core.temporal import WeeklyHours
from watchbill.plan.alerting import Alerting
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
from watchbill.plan.process import (
    Bugs,
    Handling,
    IncidentRules,
    warnings_before,
)
from watchbill.plan.sections.communication import Missing
from watchbill.plan.values import ChannelKind, Cover, ReviewCycle


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
    #: What its provider knows it by; the key unless the plan says another.
    address: str
    #: Of a meeting, when people come together (A54).
    meets: Meets | None = None

    @property
    def provider(self) -> str:
        """The provider that posts to it; that of a pager is PagerDuty (A12)."""
        return "pagerduty" if self.kind is ChannelKind.PAGER else self.kind.value

    def can_be_posted_to(self, providers: frozenset[str]) -> bool:
        """Return whether one of these providers can post to it.

        A mailbox has an address; the name of a channel alone is none.
        """
        is_addressed = self.kind is not ChannelKind.EMAIL or "@" in self.address
        return is_addressed and self.provider in providers


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
    alerting: Alerting
    schedules: Mapping[str, Schedule]
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
            repeat_after=self.incidents.repeat_after,
            ack_timeout=self.ack_timeout(key),
        )

    def ack_timeout(self, severity: str) -> timedelta | None:
        """Return how long an acknowledgement lasts without activity (A2).

        None where it lasts for ever.
        """
        rules = self.incidents
        concerned = self._is_for(rules.ack_timeout_for, severity)
        return rules.ack_timeout if concerned else None

    def team(self, severity: str) -> Team | None:
        """Return the response team that a severity activates, if any (A30)."""
        rules = self.incidents
        return rules.team if self._is_for(rules.team_for, severity) else None

    def is_confidential(self, route_key: str, category: str | None) -> bool:
        """Return whether an incident is confidential from the start (A15).

        So it is by its route, or by the category of a route that is: an alert about
        security that another route takes tells no less.
        """
        return self.routing.route(route_key).confidential or (
            category is not None
            and any(
                route.confidential and route.category == category
                for route in self.routing.routes
            )
        )

    def terms(self, severity: str) -> Terms:
        """Return what a severity promises, and what happens when it is not kept."""
        promised = self.severity(severity)
        handling = self.handling.get(severity, Handling())
        digest = self.incidents.digests.get(severity)
        executives = self.incidents.executive_updates.get(severity)
        return Terms(
            response=_promise(promised.response_target, handling),
            resolution=_promise(promised.resolution_target, handling),
            repeat_breach_every=self.incidents.repeat_breach_every,
            digest_every=None if digest is None else digest.every,
            executives=None
            if executives is None
            else Cadence(after=executives.after, every=executives.every),
            suggest_raise_after=self.incidents.suggest_raise.get(severity),
        )

    def _is_for(self, severities: frozenset[str], severity: str) -> bool:
        """Whether a rule is for a severity; one that names none is for the worst."""
        return severity in (severities or {worst(self.severities).key})

    def roster(
        self,
        *,
        overrides: Sequence[Override] = (),
        absences: Sequence[Absence] = (),
        unreachable: Container[str] = frozenset(),
        reachable: Container[str] = frozenset(),
    ) -> Roster:
        """Return who stands behind the targets of the plan's steps.

        ``unreachable`` are the contacts whom no configured channel can reach,
        ``reachable`` those who have given an address that the plan does not know.
        """
        return Roster(
            directory=self.directory,
            schedules=self.schedules,
            overrides=tuple(overrides),
            absences=tuple(absences),
            open_hours=self.business_hours,
            unreachable=unreachable,
            reachable=reachable,
        )


def _promise(target: timedelta | None, handling: Handling) -> Promise | None:
    if target is None:
        return None
    return Promise(within=target, warnings=warnings_before(handling, target))
