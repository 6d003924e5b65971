"""What a beat does to its monitor, and what people do to it.

A beat is folded like every other post: in the order of arrival, as of the instant of
its receipt. A failure declares an incident at once, or joins the one that is open; a
success afterwards proposes its end, or ends it where the plan lets incidents of the
severity resolve by themselves, as the end of an alert does (S4.1-10).

A monitor is made by its first beat, so that a job needs nothing but a key. What is
paused keeps its record and pages nobody, until people resume it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from watchbill.core.alerts import Beat, BeatKind
from watchbill.core.routing import classify
from watchbill.plan import Plan
from watchbill.plan.values import UnreadableError, parse_duration
from watchbill.server.heartbeats import queries
from watchbill.server.heartbeats.models import HeartbeatEvent, HeartbeatMonitor
from watchbill.server.heartbeats.waiting import awaited
from watchbill.server.incidents import actions as incidents
from watchbill.server.incidents import queries as incident_queries
from watchbill.server.incidents.actions import Actor, Declaration
from watchbill.server.incidents.models import Incident, TimelineKind
from watchbill.server.intake.models import Integration
from watchbill.server.plans import queries as plans
from watchbill.server.timers import actions as timers
from watchbill.server.timers.models import DueStep
from watchbill.server.web.live import announce

MAX_LOG = 10_000
"""Characters kept of what a job printed: the end of it, where errors stand."""

MAX_MONITORS = 1_000
"""Of one integration; a sender that invents names may not fill the table."""

USUAL_PERIOD, USUAL_GRACE = timedelta(days=1), timedelta(hours=1)

_IN_SUMMARY = 1_500


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What people may set of a monitor."""

    name: str
    period: timedelta
    grace: timedelta
    severity: str = ""


@transaction.atomic
def beat(
    integration: Integration,
    report: Beat,
    *,
    now: datetime,
    watchdog_labels: Mapping[str, str] | None = None,
) -> HeartbeatMonitor | None:
    """Take a sign of life that was received at ``now``; return its monitor.

    ``watchdog_labels`` are those of the alert, when it is the Watchdog of a monitoring
    system (S4.1-12). None when the integration has too many monitors already.
    """
    plan = plans.plan_of(plans.in_force(now=now).pk)
    held = _held(integration, report, plan, watchdog_labels, now=now)
    if held is None:
        return None
    monitor, due = held
    _note(monitor, report, now=now)
    if monitor.paused_at is None:
        _follow(monitor, report, plan, now=now)
    _write(monitor)
    _plan_look(monitor, due, plan, now=now)
    announce("heartbeats")
    return monitor


def declare(
    monitor: HeartbeatMonitor, title: str, *, plan: Plan, actor: Actor, now: datetime
) -> Incident:
    """Declare the incident of a held monitor, or say so in the one that is open."""
    group_key = f"heartbeat/{monitor.pk}"
    existing = incident_queries.open_group(group_key)
    if existing is not None:
        held = incident_queries.hold(existing.pk).incident
        if incident_queries.is_open(held):
            incidents.withdraw_proposals([held])
            incidents.record(held, TimelineKind.ALERT, title, actor=actor, now=now)
            incidents.tell(held)
            return held
    sorting = classify(plan.routing, _labels(monitor))
    declaration = Declaration(
        title=title,
        summary=_summary(monitor, plan),
        severity=severity_of(monitor, plan),
        alert_type=sorting.route.key,
        group_key=group_key,
        is_drill=monitor.integration.is_drill,
    )
    return incidents.declare(declaration, actor=actor, now=now)


def severity_of(monitor: HeartbeatMonitor, plan: Plan) -> str:
    """Return the severity of a monitor's incident.

    One that the plan no longer knows counts as none: silence must always be told.
    """
    known = {one.key for one in plan.severities}
    if monitor.severity in known:
        return monitor.severity
    return plan.alerting.silence_severity


@transaction.atomic
def create(
    integration: Integration, slug: str, wish: Wish, *, window: str = "", now: datetime
) -> HeartbeatMonitor:
    """Make a monitor that waits for its first beat."""
    monitor = HeartbeatMonitor.objects.create(
        integration=integration,
        slug=slug,
        name=wish.name,
        period=wish.period,
        grace=wish.grace,
        severity=wish.severity,
        window=window,
        created_at=now,
    )
    announce("heartbeats")
    return monitor


@transaction.atomic
def change(number: int, wish: Wish, *, now: datetime) -> None:
    """Change what is awaited; its silence counts anew, so that no change pages."""

    def write(monitor: HeartbeatMonitor) -> None:
        if (monitor.period, monitor.grace) != (wish.period, wish.grace):
            monitor.counts_from = now
        monitor.name, monitor.severity = wish.name, wish.severity
        monitor.period, monitor.grace = wish.period, wish.grace

    _change(number, write, now=now)


@transaction.atomic
def pause(number: int, *, by: str, now: datetime) -> None:
    """Await nothing until it is resumed; an open incident stays open."""

    def write(monitor: HeartbeatMonitor) -> None:
        if monitor.paused_at is not None:
            return
        monitor.paused_at, monitor.missed_at = now, None
        _say(monitor, f"{by} paused {monitor.name}: its silence is no news", now=now)

    _change(number, write, now=now)


@transaction.atomic
def resume(number: int, *, now: datetime) -> None:
    """Await signs of life again; its silence counts from now."""

    def write(monitor: HeartbeatMonitor) -> None:
        if monitor.paused_at is not None:
            monitor.paused_at, monitor.counts_from = None, now
            monitor.started_at = None

    _change(number, write, now=now)


@transaction.atomic
def delete(number: int, *, by: str, now: datetime) -> None:
    """Forget a monitor and what it said; its incident stays."""
    held = queries.hold(number)
    if held is None:
        return
    monitor, due = held
    if due is not None:
        timers.next_look(due, at=None, now=now)
    _say(monitor, f"{by} deleted the monitor {monitor.name}", now=now)
    monitor.delete()
    announce("heartbeats")


@transaction.atomic
def count_from(at: datetime) -> int:
    """Let all silence count from an instant, because nobody could hear before it."""
    rows = HeartbeatMonitor.objects.select_for_update().order_by("pk")
    numbers = [one.pk for one in rows]
    return HeartbeatMonitor.objects.filter(pk__in=numbers).update(counts_from=at)


def mark_missed(
    monitor: HeartbeatMonitor, incident: Incident, *, late_at: datetime, now: datetime
) -> None:
    """Record that a held monitor's silence was noticed; it is looked at again."""
    monitor.missed_at = monitor.missed_at or late_at
    monitor.incident, monitor.counts_from, monitor.started_at = incident, now, None
    _write(monitor)
    announce("heartbeats")


# ── A beat ────────────────────────────────────────────────────────────────────────


def _held(
    integration: Integration,
    report: Beat,
    plan: Plan,
    watchdog: Mapping[str, str] | None,
    *,
    now: datetime,
) -> tuple[HeartbeatMonitor, DueStep | None] | None:
    """The monitor of a beat, held; it is made when this is its first beat."""
    slug = report.name[:100] if watchdog is None else _slug_of(watchdog)
    while True:
        number = queries.number_of(integration.pk, slug)
        if number is None:
            rows = HeartbeatMonitor.objects.filter(integration=integration)
            if rows.count() >= MAX_MONITORS:
                return None
            values = (
                _usual(integration, slug)
                if watchdog is None
                else _watchdog(integration, slug, plan)
            )
            made, _ = HeartbeatMonitor.objects.get_or_create(
                integration=integration,
                slug=slug,
                defaults={"created_at": now, **values},
            )
            number = made.pk
        held = queries.hold(number)
        if held is not None:
            return held


def _slug_of(labels: Mapping[str, str]) -> str:
    """Which monitoring system speaks, where one integration serves several."""
    told = (labels.get("cluster", ""), labels.get("prometheus", ""))
    return " ".join(one for one in told if one)[:100]


def _watchdog(integration: Integration, slug: str, plan: Plan) -> dict[str, Any]:
    name = f"{integration.name}: {slug}" if slug else integration.name
    return {
        "name": name[:200],
        "period": plan.alerting.silence_after,
        "grace": timedelta(0),
        "severity": plan.alerting.silence_severity,
        "is_watchdog": True,
    }


def _usual(integration: Integration, slug: str) -> dict[str, Any]:
    options = integration.options
    return {
        "name": (slug or integration.name)[:200],
        "period": _duration(options.get("period"), USUAL_PERIOD),
        "grace": _duration(options.get("grace"), USUAL_GRACE),
    }


def _duration(text: Any, usual: timedelta) -> timedelta:
    """An option as a duration; what cannot be read is as if it was not set."""
    try:
        found = parse_duration(str(text)) if text else usual
    except UnreadableError:
        return usual
    return found if found > timedelta(0) else usual


def _note(monitor: HeartbeatMonitor, report: Beat, *, now: datetime) -> None:
    """Write an event, and forget those before the latest hundred."""
    began = None
    if report.kind in queries.ENDS:
        began = queries.open_start(monitor.pk, report.run)
    HeartbeatEvent.objects.create(
        monitor=monitor,
        at=now,
        kind=report.kind,
        exit_code=report.exit_code,
        run=report.run[:64],
        log=report.log[-MAX_LOG:],
        took=max(timedelta(0), now - began.at) if began is not None else None,
    )
    rows = HeartbeatEvent.objects.filter(monitor=monitor).order_by("-pk")
    oldest = rows.values_list("pk", flat=True)[queries.KEPT - 1 : queries.KEPT].first()
    if oldest is not None:
        HeartbeatEvent.objects.filter(monitor=monitor, pk__lt=oldest).delete()
    monitor.last_beat_at = now
    if report.kind is BeatKind.START:
        monitor.started_at = now
    elif began is not None and began.at == monitor.started_at:
        monitor.started_at = None


def _follow(
    monitor: HeartbeatMonitor, report: Beat, plan: Plan, *, now: datetime
) -> None:
    """What a beat means for whoever waits for it."""
    marks = (monitor.last_success_at, monitor.counts_from)
    if all(mark is None for mark in marks):
        monitor.counts_from = now
    if report.kind is not BeatKind.LOG:
        monitor.last_kind = report.kind
    if report.kind is BeatKind.SUCCESS:
        monitor.last_success_at = max(now, monitor.last_success_at or now)
        _alive(monitor, plan, now=now)
    elif report.kind is BeatKind.FAIL:
        monitor.counts_from = now
        title = f"{monitor.name} failed{_code(report)}"
        actor = Actor(label=monitor.integration.name)
        monitor.incident = declare(monitor, title, plan=plan, actor=actor, now=now)
    elif report.kind is BeatKind.START and monitor.missed_at is not None:
        _say(monitor, f"{monitor.name} has begun to run", now=now)


def _code(report: Beat) -> str:
    return "" if report.exit_code is None else f" with exit code {report.exit_code}"


def _alive(monitor: HeartbeatMonitor, plan: Plan, *, now: datetime) -> None:
    """Its incident, if any is open, may end."""
    number, monitor.incident, monitor.missed_at = monitor.incident_id, None, None
    if number is None:
        return
    incident = incident_queries.hold(number).incident
    if not incident_queries.is_open(incident):
        return
    text = f"{monitor.name} is alive again"
    actor = Actor(label=monitor.integration.name)
    incidents.record(incident, TimelineKind.ALERT, text, actor=actor, now=now)
    incidents.tell(incident)
    auto = incident.severity in plan.auto_resolve
    incidents.propose_resolution(incident, auto=auto, now=now)


# ── What they share ───────────────────────────────────────────────────────────────

_MOVING = (
    "name",
    "period",
    "grace",
    "severity",
    "paused_at",
    "last_kind",
    "last_success_at",
    "last_beat_at",
    "started_at",
    "counts_from",
    "missed_at",
    "incident_id",
)


def _write(monitor: HeartbeatMonitor) -> None:
    """Write what may have changed of a held monitor."""
    values = {name: getattr(monitor, name) for name in _MOVING}
    HeartbeatMonitor.objects.filter(pk=monitor.pk).update(**values)


def _change(
    number: int, write: Callable[[HeartbeatMonitor], None], *, now: datetime
) -> None:
    held = queries.hold(number)
    if held is None:
        return
    monitor, due = held
    write(monitor)
    _write(monitor)
    _plan_look(monitor, due, plans.plan_of(plans.in_force(now=now).pk), now=now)
    announce("heartbeats")


def _plan_look(
    monitor: HeartbeatMonitor, due: DueStep | None, plan: Plan, *, now: datetime
) -> None:
    """Move the look at a held monitor to when it is late, or end it."""
    found = awaited(monitor, plan.maintenance.windows)
    at = None if found is None else found.late_at
    if due is not None:
        timers.next_look(due, at=at, now=now)
    elif at is not None:
        timers.plan(queries.KIND, monitor.pk, None, due_at=at)


def _say(monitor: HeartbeatMonitor, text: str, *, now: datetime) -> None:
    """Write to the timeline of a monitor's incident, if one is open."""
    incident = monitor.incident
    if incident is not None and incident_queries.is_open(incident):
        actor = incidents.SYSTEM
        incidents.record(incident, TimelineKind.ALERT, text, actor=actor, now=now)
        incidents.tell(incident)


def _labels(monitor: HeartbeatMonitor) -> dict[str, str]:
    """By what a plan's routes may tell the incidents of monitors apart."""
    labels = {
        "alertname": "HeartbeatMissed",
        "heartbeat": monitor.slug or monitor.name,
        "source": monitor.integration.kind,
    }
    return labels | ({"window": monitor.window} if monitor.window else {})


def _summary(monitor: HeartbeatMonitor, plan: Plan) -> str:
    lines = []
    if monitor.last_success_at is not None:
        at = monitor.last_success_at.astimezone(plan.meta.zone)
        lines.append(f"Its last success was on {at:%Y-%m-%d at %H:%M} ({at.tzname()}).")
    else:
        lines.append("It has never reported a success.")
    if words := queries.last_words(monitor.pk).strip():
        lines.append(f"It printed last:\n{words[-_IN_SUMMARY:]}")
    return "\n".join(lines)
