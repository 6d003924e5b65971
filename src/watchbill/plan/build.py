"""Building: from the plan as it is written to the values of the book.

Nothing is judged here: whatever passed the schema can be built, so that the checks
can ask the very values that the engine will ask.

What the text leaves out is filled in: a contact's id is one of its roles, and
every level is a group of that name. A step stops by the
custom of its verb (A2): a page at the acknowledgement, an escalation when service
is restored, a notice at the resolution, a ticket and a post-mortem never.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, time

from watchbill.core.ladder import Since, Step, StopOn, Verb, When
from watchbill.core.people import Contact, Directory
from watchbill.core.routing import Contacting, Route, RoutingTable, SeverityRule
from watchbill.core.severity import Severity
from watchbill.core.temporal import at_wall
from watchbill.plan import schema
from watchbill.plan.alerting import build_alerting, build_condition
from watchbill.plan.communication import (
    KnowledgePlace,
    Meets,
    build_communication,
    build_status_page,
)
from watchbill.plan.governance import (
    EmergencyProcedure,
    Review,
    RunbookPlace,
    Vendor,
    build_compliance,
    build_measures,
    build_signing,
)
from watchbill.plan.model import Channel, Meta, Plan, SupportLevel
from watchbill.plan.operations import (
    build_changes,
    build_maintenance,
    build_monitoring,
)
from watchbill.plan.process import (
    build_bugs,
    build_handling,
    build_hotfix,
    build_incident_rules,
)
from watchbill.plan.rows import row, table
from watchbill.plan.schedules import build_hours, build_schedule
from watchbill.plan.values import Hours, write_duration

_STOPS_ON = {
    Verb.PAGE: StopOn.ACKNOWLEDGED,
    Verb.ESCALATE: StopOn.MITIGATED,
    Verb.NOTIFY: StopOn.RESOLVED,
    Verb.POST: StopOn.RESOLVED,
    Verb.CREATE_TICKET: StopOn.NEVER,
    Verb.POSTMORTEM: StopOn.NEVER,
}

_WHEN = {
    Hours.ALWAYS: When.ALWAYS,
    Hours.BUSINESS_HOURS: When.OPEN_HOURS,
    Hours.OUTSIDE_BUSINESS_HOURS: When.CLOSED_HOURS,
}


def build(file: schema.PlanFile) -> Plan:
    """Return the plan that a file describes; names in it may still lead nowhere."""
    zone = file.plan.time_zone
    severities = _severities(file)
    tickets = {
        key: entry.ticket for key, entry in file.severities.items() if entry.ticket
    }
    return Plan(
        meta=_meta(file.plan),
        levels=tuple(
            SupportLevel(key=key, title=entry.title, cover=entry.cover)
            for key, entry in file.levels.items()
        ),
        directory=_directory(file),
        shifts={key: build_hours(entry, zone) for key, entry in file.shifts.items()},
        severities=severities,
        steps={
            one.key: _steps(one, file.escalation[one.key])
            for one in severities
            if one.key in file.escalation
        },
        fallback=file.fallback,
        routing=_routing(file),
        alerting=build_alerting(file.alerts, file.monitoring),
        schedules={
            key: build_schedule(key, entry, shifts=file.shifts, zone=zone)
            for key, entry in file.on_call.items()
        },
        business_hours=build_hours(file.business_hours, zone),
        channels={
            key: Channel(
                key=key,
                kind=entry.kind,
                purpose=entry.purpose,
                audience=entry.audience,
                address=entry.address or key,
                meets=None if entry.meets is None else row(Meets, entry.meets),
            )
            for key, entry in file.channels.items()
        },
        auto_resolve=frozenset(file.alerts.auto_resolve),
        ticket_priority={key: ticket.priority for key, ticket in tickets.items()},
        ticket_team={key: ticket.team for key, ticket in tickets.items()},
        handling=build_handling(file.severities),
        incidents=build_incident_rules(file.incidents),
        bugs=None if file.bugs is None else build_bugs(file.bugs, zone),
        hotfix=None if file.hotfix is None else build_hotfix(file.hotfix),
        status_page=None
        if file.status_page is None
        else build_status_page(file.status_page),
        communication=build_communication(file.communication),
        missing_translation=file.language.missing_translation,
        runbooks=table(RunbookPlace, file.runbooks),
        knowledge_base=table(KnowledgePlace, file.knowledge_base),
        reviews=table(Review, file.reviews),
        improvement=file.improvement,
        measures=build_measures(file.measures),
        emergency_procedures=table(EmergencyProcedure, file.emergency_procedures),
        vendors=table(Vendor, file.vendors),
        compliance=build_compliance(file.compliance),
        monitoring=build_monitoring(file.monitoring),
        maintenance=build_maintenance(file.maintenance, zone),
        changes=build_changes(file.changes, zone),
    )


def _meta(entry: schema.MetaEntry) -> Meta:
    midnight: datetime = at_wall(entry.effective, time(0), entry.time_zone)
    return Meta(
        title=entry.title,
        product=entry.product,
        version=entry.version,
        effective_at=midnight,
        owner=entry.owner,
        review_cycle=entry.review,
        zone=entry.time_zone,
        languages=entry.languages,
        signing=build_signing(entry.signers, entry.signatures, entry.approval),
        reviewed_on=entry.reviewed,
    )


def _directory(file: schema.PlanFile) -> Directory:
    contacts = tuple(_contact(entry) for entry in file.contacts)
    levels = {
        level: tuple(one.key for one in contacts if one.level == level)
        for level in file.levels
    }
    groups = {
        key: tuple(dict.fromkeys(members)) for key, members in file.groups.items()
    }
    return Directory(
        contacts=contacts,
        aliases=file.aliases,
        groups={**levels, **groups},
        default_expert=file.default_expert,
    )


def _contact(entry: schema.ContactEntry) -> Contact:
    return Contact(
        key=entry.id,
        roles=tuple(dict.fromkeys((*entry.roles, entry.id))),
        level=entry.level,
        name=entry.name,
        email=entry.email,
        phone=entry.phone,
        slack_id=entry.slack,
        expertise=frozenset(entry.expertise),
        shift=entry.shift,
        title=entry.title,
        languages=entry.languages,
    )


def _severities(file: schema.PlanFile) -> tuple[Severity, ...]:
    return tuple(
        Severity(
            key=key,
            rank=rank,
            title=entry.title,
            criteria=entry.criteria,
            response_target=entry.response,
            resolution_target=entry.resolution,
            urgency=entry.urgency,
        )
        for rank, (key, entry) in enumerate(file.severities.items(), start=1)
    )


def _steps(
    severity: Severity, entries: tuple[schema.StepEntry, ...]
) -> tuple[Step, ...]:
    taken: Counter[str] = Counter()
    steps = []
    for entry in entries:
        name = entry.id or _step_name(entry)
        taken[name] += 1
        number = f"-{taken[name]}" if taken[name] > 1 else ""
        steps.append(_step(severity, entry, key=f"{severity.key}/{name}{number}"))
    return tuple(steps)


def _step_name(entry: schema.StepEntry) -> str:
    """The name of a step that has none: its time and its verb, as in ``15m-page``.

    It survives a reordering and a new title, so that a step is known again in the
    next version of the plan.
    """
    after = write_duration(entry.after)
    clock = f"resolved+{after}" if entry.from_ is Since.RESOLVED else after
    return f"{clock}-{entry.do}"


def _step(severity: Severity, entry: schema.StepEntry, *, key: str) -> Step:
    return Step(
        key=key,
        title=entry.title,
        after=entry.after,
        verb=entry.do,
        targets=entry.who,
        stop_on=entry.until or _STOPS_ON[entry.do],
        since=entry.from_,
        when=_WHEN[entry.when],
        urgency=entry.urgency or severity.urgency,
        origin=entry.why,
    )


def _routing(file: schema.PlanFile) -> RoutingTable:
    entry = file.alerts
    own = {key: key for key in file.severities}
    return RoutingTable(
        routes=tuple(_route(key, route) for key, route in entry.routes.items()),
        catch_all=entry.catch_all,
        severity_rules=tuple(
            SeverityRule(
                severity=rule.severity,
                condition=build_condition(condition),
                reason=rule.because,
            )
            for rule in entry.severity.rules
            for condition in rule.match
        ),
        # Sources that know our severities, or Opsgenie's, name them as they are.
        severity_labels=own | entry.severity.labels,
        default_severity=entry.severity.default,
        contacting=_contacting(entry.contacting),
        after_hours=entry.after_hours,
        group_by=entry.group_by,
    )


def _route(key: str, entry: schema.RouteEntry) -> Route:
    return Route(
        key=key,
        title=entry.title,
        primary=entry.primary,
        secondary=entry.secondary,
        escalation=entry.escalation,
        category=entry.category,
        any_of=tuple(build_condition(condition) for condition in entry.match),
        confidential=entry.confidential,
        contacting=_contacting(entry.contacting),
    )


def _contacting(
    entries: Mapping[str, schema.ContactingEntry],
) -> dict[str, Contacting]:
    return {
        key: Contacting(
            primary=times.primary,
            secondary=times.secondary,
            escalation=times.escalation,
        )
        for key, times in entries.items()
    }
