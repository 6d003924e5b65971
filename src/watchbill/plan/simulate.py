"""Simulation: who would be contacted, how, when and why (S3.2-22).

Nothing is imitated: the very function that the engine asks is asked at the instants
at which the engine would ask it, only without a clock to wait for and without
anything being sent. What a simulation shows is therefore what will happen.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from watchbill.core.escalation import (
    FALLBACK_EVERY,
    Advance,
    Firing,
    FiringReason,
    Progress,
    advance,
)
from watchbill.core.labels import Labels
from watchbill.core.ladder import Since, Situation, Step, Verb
from watchbill.core.people import Contact
from watchbill.core.roster import Roster
from watchbill.core.routing import Classification, Route, classify
from watchbill.core.temporal import describe
from watchbill.plan.model import Plan
from watchbill.plan.width import display_width, pad


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One contact made, one post, or one step that reached nobody."""

    at: datetime
    elapsed: timedelta
    step: Step
    #: None for a post, a ticket and a step that reached nobody.
    contact: Contact | None
    #: Who or what is contacted, as a person would say it.
    whom: str
    #: The contact methods that are filled in, or the channel.
    how: tuple[str, ...]
    why: str
    reason: FiringReason
    is_copy: bool = False
    is_late: bool = False

    @property
    def verb(self) -> Verb:
        """What the step does."""
        return self.step.verb


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """The incident that is supposed to happen, and what people do about it."""

    severity: str
    route: Route
    category: str | None
    declared_at: datetime
    acknowledged_at: datetime | None = None
    mitigated_at: datetime | None = None
    resolved_at: datetime | None = None

    def situation(self, *, now: datetime) -> Situation:
        """Return what is known of the incident at an instant."""
        return Situation(
            declared_at=self.declared_at,
            acknowledged_at=_if_past(self.acknowledged_at, now=now),
            mitigated_at=_if_past(self.mitigated_at, now=now),
            resolved_at=_if_past(self.resolved_at, now=now),
            category=self.category,
            confidential=self.route.confidential,
        )

    def next_event(self, *, after: datetime) -> datetime | None:
        """Return when people next do something about it."""
        events = (self.acknowledged_at, self.mitigated_at, self.resolved_at)
        return min((one for one in events if one and one > after), default=None)


def _if_past(at: datetime | None, *, now: datetime) -> datetime | None:
    return at if at is not None and at <= now else None


def simulate(  # noqa: PLR0913 - one argument a fact of the incident
    plan: Plan,
    *,
    declared_at: datetime,
    until: datetime,
    severity: str | None = None,
    route: str | None = None,
    category: str | None = None,
    labels: Labels | None = None,
    acknowledged_at: datetime | None = None,
    mitigated_at: datetime | None = None,
    resolved_at: datetime | None = None,
    unreachable: frozenset[str] = frozenset(),
) -> tuple[Line, ...]:
    """Return everything that would be done for an incident up to ``until``.

    The alert's ``labels`` decide the route, category and severity as they would for
    a real alert; ``route``, ``category`` and ``severity`` say otherwise. LookupError
    when the plan does not have the severity or the route.
    """
    incident = suppose(
        plan,
        declared_at=declared_at,
        severity=severity,
        route=route,
        category=category,
        labels=labels,
    )
    happened = replace(
        incident,
        acknowledged_at=acknowledged_at,
        mitigated_at=mitigated_at,
        resolved_at=resolved_at,
    )
    return follow(plan, happened, until=until, unreachable=unreachable)


def suppose(
    plan: Plan,
    *,
    declared_at: datetime,
    severity: str | None = None,
    route: str | None = None,
    category: str | None = None,
    labels: Labels | None = None,
) -> Incident:
    """Return the incident of an alert, or of a route and severity said outright.

    LookupError when the plan does not have the severity or the route.
    """
    found = classify(plan.routing, labels or {})
    chosen = found.route if route is None else plan.routing.route(route)
    return Incident(
        severity=plan.severity(severity or found.severity).key,
        route=chosen,
        category=category or _category(found, chosen),
        declared_at=declared_at,
    )


def follow(
    plan: Plan,
    incident: Incident,
    *,
    until: datetime,
    unreachable: frozenset[str] = frozenset(),
    roster: Roster | None = None,
) -> tuple[Line, ...]:
    """Return everything that would be done for an incident up to ``until``.

    A ``roster`` that knows who has swapped a watch takes the place of the plan's own.
    """
    known = roster or plan.roster(unreachable=unreachable)
    return tuple(_run(plan, incident, known, until=until))


def horizon(plan: Plan, incident: Incident) -> datetime:
    """Return the instant after which nothing new happens to an incident.

    Only a fallback that reaches nobody would go on trying.
    """
    starts = {
        Since.DECLARED: incident.declared_at,
        Since.RESOLVED: incident.resolved_at,
    }
    steps = plan.ladder(incident.severity, incident.route.key).steps
    ends = [
        start + step.after
        for step in steps
        if (start := starts[step.since]) is not None
    ]
    return max(ends, default=incident.declared_at) + FALLBACK_EVERY


def _category(found: Classification, chosen: Route) -> str | None:
    same = found.route.key == chosen.key
    return found.category if same else chosen.category


def _run(
    plan: Plan, incident: Incident, roster: Roster, *, until: datetime
) -> Iterator[Line]:
    """Ask the engine at each instant at which it would ask itself."""
    # Whoever acknowledges in a simulation goes on working on it.
    ladder = replace(
        plan.ladder(incident.severity, incident.route.key), ack_timeout=None
    )
    progress = Progress()
    now: datetime | None = incident.declared_at
    while now is not None and now <= until:
        situation = incident.situation(now=now)
        answer: Advance = advance(ladder, progress, situation, roster, now=now)
        progress = answer.progress
        for firing in answer.firings:
            yield from _lines(firing, incident, now=now)
        times = (answer.ask_at, incident.next_event(after=now))
        now = min((one for one in times if one is not None), default=None)


def _lines(firing: Firing, incident: Incident, *, now: datetime) -> Iterator[Line]:
    if firing.reason in {FiringReason.STOPPED, FiringReason.NOT_AT_THIS_HOUR}:
        return
    for contact in firing.recipients:
        yield _line(firing, incident, contact.label, now=now, contact=contact)
    for contact in firing.copies:
        yield _line(
            firing, incident, contact.label, now=now, contact=contact, is_copy=True
        )
    for channel in firing.channels:
        yield _line(firing, incident, channel, now=now)
    if not (firing.recipients or firing.channels):
        whom = "-" if firing.acts else "(nobody)"
        yield _line(firing, incident, whom, now=now)


def _line(
    firing: Firing,
    incident: Incident,
    whom: str,
    *,
    now: datetime,
    contact: Contact | None = None,
    is_copy: bool = False,
) -> Line:
    return Line(
        at=now,
        elapsed=now - incident.declared_at,
        step=firing.step,
        contact=contact,
        whom=whom,
        how=() if contact is None else methods(contact),
        why=firing.explanation,
        reason=firing.reason,
        is_copy=is_copy,
        is_late=firing.is_late,
    )


def methods(contact: Contact) -> tuple[str, ...]:
    """Return the contact methods that are filled in, the most direct first."""
    named = (
        ("phone", contact.phone),
        ("Slack", contact.slack_id),
        ("e-mail", contact.email),
    )
    return tuple(f"{kind} {value}" for kind, value in named if value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """Everything that one person or channel gets, for a time line who by when."""

    whom: str
    #: None for a channel, a ticket and steps that reached nobody.
    contact: Contact | None
    lines: tuple[Line, ...]


def lanes(lines: Iterable[Line]) -> tuple[Lane, ...]:
    """Return the lines by whom they reach, in the order in which each is first met."""
    found: dict[tuple[bool, str], list[Line]] = {}
    for line in lines:
        # Two people may bear one name; a channel may be called as a person is.
        key = line.whom if line.contact is None else line.contact.key
        found.setdefault((line.contact is None, key), []).append(line)
    return tuple(
        Lane(whom=each[0].whom, contact=each[0].contact, lines=tuple(each))
        for each in found.values()
    )


def as_rows(plan: Plan, lines: Iterable[Line]) -> list[dict[str, object]]:
    """Return lines for JSON: times in the plan's zone, names that stay."""
    return [_fields(plan, line) for line in lines]


def _fields(plan: Plan, line: Line) -> dict[str, object]:
    return {
        "at": line.at.astimezone(plan.meta.zone).isoformat(),
        "elapsed_seconds": int(line.elapsed.total_seconds()),
        "verb": line.verb.value,
        "step": line.step.key,
        "title": line.step.title,
        "contact": None if line.contact is None else line.contact.key,
        "whom": line.whom,
        "how": list(line.how),
        "why": line.why,
        "reason": line.reason.value,
        "urgency": line.step.urgency.value,
        "stops_on": line.step.stop_on.value,
        "origin": list(line.step.origin),
        "is_copy": line.is_copy,
        "is_late": line.is_late,
    }


def render_table(plan: Plan, lines: tuple[Line, ...]) -> str:
    """Return a simulation as a table of plain text, in the plan's time zone."""
    heads = ("Time", "Elapsed", "Does", "Whom", "How", "Why")
    rows = [heads, *(_cells(plan, line) for line in lines)]
    widths = [max(display_width(row[place]) for row in rows) for place in range(6)]
    rows.insert(1, tuple("-" * width for width in widths))
    return "\n".join(_row(row, widths) for row in rows) + "\n"


def _row(row: tuple[str, ...], widths: list[int]) -> str:
    cells = (pad(cell, width) for cell, width in zip(row, widths, strict=True))
    return "  ".join(cells).rstrip()


def _cells(plan: Plan, line: Line) -> tuple[str, ...]:
    local = line.at.astimezone(plan.meta.zone)
    does = line.verb.replace("_", " ")
    origin = f" ({', '.join(line.step.origin)})" if line.step.origin else ""
    return (
        f"{local:%a %Y-%m-%d %H:%M}",
        describe(line.elapsed) if line.elapsed else "0 min",
        f"{does} (copy)" if line.is_copy else does,
        line.whom,
        ", ".join(line.how) or "-",
        f"{line.step.title}: {line.why}{origin}",
    )
