"""Heartbeats that do not come: silence is an alert like any other (S4.1-12).

At the instant at which a monitor is late its due step asks. If it has not spoken, an
incident is declared, or joined while one is open. Afterwards it is looked at once in
a while: when people have resolved the incident and the silence goes on for as long
again, there is another one, because they believed that it was over, and it is not.

Two things could make watchbill take its own deafness for the silence of others:

- Posts that are stored and not yet folded. While the integration has one from before
  the instant, nothing is decided.
- A time in which nobody could post, because watchbill, its database or its engines
  were down. Two steps of this kind about no monitor notice and remember it
  (``hearing.py``): all silence counts from when it ended.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from watchbill.core.temporal import describe
from watchbill.plan import Plan
from watchbill.server import clock
from watchbill.server.engine import hearing
from watchbill.server.engine.kinds import Kind, Moment
from watchbill.server.heartbeats import actions as heartbeats
from watchbill.server.heartbeats import queries
from watchbill.server.heartbeats.models import HeartbeatMonitor
from watchbill.server.heartbeats.waiting import Awaited, Silence, awaited, window_of
from watchbill.server.incidents import actions as incidents
from watchbill.server.incidents import queries as incident_queries
from watchbill.server.intake import queries as intake
from watchbill.server.plans import queries as plans
from watchbill.server.timers import actions as timers
from watchbill.server.timers.models import DueStep

_SOON = timedelta(seconds=1)


def _fire(due: list[DueStep], moment: Moment) -> None:
    now = moment.now
    is_deaf = hearing.is_deaf(now=now, held=due)
    hearing.decide(due, now=now)
    asked = [step for step in due if step.subject_id > hearing.PULSE]
    if not asked:
        return
    plan = plans.plan_of(plans.in_force(now=now).pk)
    held = queries.hold_many(step.subject_id for step in asked)
    waiting = intake.waiting_since({one.integration_id for one in held.values()})
    for step in asked:
        monitor = held.get(step.subject_id)
        at = (
            None
            if monitor is None
            else _look(monitor, plan, waiting, is_deaf=is_deaf, now=now)
        )
        timers.next_look(step, at=at, now=now)


def _look(
    monitor: HeartbeatMonitor,
    plan: Plan,
    waiting: Mapping[int, datetime],
    *,
    is_deaf: bool,
    now: datetime,
) -> datetime | None:
    """Decide about a held monitor, and return when to look again."""
    windows = plan.maintenance.windows
    found = awaited(monitor, windows, since=_believed_over_at(monitor))
    if found is None or now < found.late_at:
        return None if found is None else found.late_at
    oldest = waiting.get(monitor.integration_id)
    if is_deaf or (oldest is not None and oldest < found.late_at):
        return now + _SOON * clock.rate()
    _miss(monitor, found, plan, now=now)
    ahead = awaited(monitor, windows)
    return None if ahead is None else ahead.late_at


def _believed_over_at(monitor: HeartbeatMonitor) -> datetime | None:
    """When people resolved the incident of a silence that goes on."""
    if monitor.missed_at is None or monitor.incident is None:
        return None
    return monitor.incident.resolved_at


def _miss(
    monitor: HeartbeatMonitor, found: Awaited, plan: Plan, *, now: datetime
) -> None:
    incident = monitor.incident
    is_told = (
        monitor.missed_at is not None
        and incident is not None
        and incident_queries.is_open(incident)
        and found.what is not Silence.WINDOW
    )
    if incident is None or not is_told:
        title = _title(monitor, found, plan, now=now)
        incident = heartbeats.declare(
            monitor, title, plan=plan, actor=incidents.SYSTEM, now=now
        )
    heartbeats.mark_missed(monitor, incident, late_at=found.late_at, now=now)


def _title(
    monitor: HeartbeatMonitor, found: Awaited, plan: Plan, *, now: datetime
) -> str:
    """What a person who is woken reads first."""
    if found.what is Silence.WINDOW:
        window = window_of(monitor, plan.maintenance.windows)
        zone = plan.meta.zone if window is None else window.zone
        by = found.late_at.astimezone(zone)
        return f"{monitor.name} has not reported a success by {by:%H:%M}"
    if found.what is Silence.END and monitor.started_at is not None:
        return (
            f"{monitor.name} has run for {describe(now - monitor.started_at)}"
            " and not ended"
        )
    last = monitor.last_success_at or monitor.counts_from or now
    return f"No sign of life from {monitor.name} for {describe(now - last)}"


KIND = Kind(name=queries.KIND, fire=_fire, is_recurring=True)
