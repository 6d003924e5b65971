"""Mutes that end: asks again and again what still mutes the alerts that fire.

A muted alert fires and pages nobody. Nothing is remembered about when its mutes end,
because people end silences early, plans change and inhibiting alerts resolve; they are
judged anew, every second while there are few muted alerts and every few seconds while
there are thousands. When nothing mutes an alert any more, it joins or opens its
incident at once, with a line that says for how long it was held back and by what
(A52). An engine that was down asks when it comes back.

The alerts are judged without a lock. Only those whose mutes changed are held, and what
was folded meanwhile is left for the next round. An alert is not let go while a post of
its source waits that may say that it is over (``hearing.py``).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from watchbill.core.routing import is_of_drill
from watchbill.core.temporal import describe
from watchbill.plan import Plan
from watchbill.plan.sorting import sort
from watchbill.server import clock
from watchbill.server.alerts import actions as alert_actions
from watchbill.server.alerts import queries as alerts
from watchbill.server.alerts.models import Alert
from watchbill.server.engine.hearing import behind
from watchbill.server.engine.joining import Group, Joining, Place
from watchbill.server.engine.kinds import Kind, Moment
from watchbill.server.engine.muting import judge, told
from watchbill.server.engine.parting import do_parts
from watchbill.server.incidents import actions as incidents
from watchbill.server.incidents.models import TimelineKind
from watchbill.server.incidents.timeline import Actor, entry, record_all, tell_all
from watchbill.server.plans import queries as plans
from watchbill.server.timers import actions as timers
from watchbill.server.timers.models import DueStep
from watchbill.server.web.live import announce

EVERY = timedelta(seconds=5)
SOON = timedelta(seconds=1)

FEW = 2_000
"""Up to so many muted alerts are judged every second."""

PAGE = 5_000
MOST_CHANGED = 1_000
"""So many are changed in one transaction; the others in the next, at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """How many muted alerts were looked at, and what is to be changed."""

    count: int
    #: The alerts that nothing mutes any more.
    released: Sequence[int]
    #: What else mutes an alert now, by its number.
    changed: Mapping[int, list[dict[str, Any]]]

    @property
    def is_full(self) -> bool:
        """Whether there may be more that was not looked at."""
        return max(len(self.released), len(self.changed)) >= MOST_CHANGED


def judge_muted(*, now: datetime) -> timedelta:
    """Judge muted alerts anew, open what is due; return how soon to do so again."""
    plan = plans.plan_of(plans.in_force(now=now).pk)
    judged = _judge_all(plan, now=now)
    done = do_parts(judged.released, partial(_release, plan=plan, now=now))
    done += do_parts([*judged.changed], partial(_rewrite, judged.changed))
    if done:
        announce("alerts")
    if done and judged.is_full:
        return timedelta(0)
    return EVERY if judged.count > FEW or not judged.count else SOON


def _judge_all(plan: Plan, *, now: datetime) -> Judged:
    count = 0
    released: list[int] = []
    changed: dict[int, list[dict[str, Any]]] = {}
    for page in _pages():
        count += len(page)
        asked = judge(plan, (one.labels for one in page), since=now, until=now)
        late = behind({one.integration_id for one in page}, now=now)
        for alert in page:
            found = told(asked.mutes(alert, at=now))
            if not found and alert.integration_id not in late:
                released.append(alert.pk)
            elif found and found != alert.muted_by and len(changed) < MOST_CHANGED:
                changed[alert.pk] = found
            if len(released) >= MOST_CHANGED:  # the next round begins at once
                return Judged(count=count, released=released, changed=changed)
    return Judged(count=count, released=released, changed=changed)


def _pages() -> Iterator[list[Alert]]:
    after = 0
    while page := alerts.muted_after(after, limit=PAGE):
        yield page
        after = page[-1].pk


def _rewrite(
    changed: Mapping[int, list[dict[str, Any]]], numbers: Sequence[int]
) -> int:
    """Write down what mutes alerts now."""
    held = alerts.hold_muted(numbers)
    for alert in held:
        alert.muted_by = changed[alert.pk]
    alert_actions.write_mutes(held)
    return len(held)


def _release(numbers: Sequence[int], *, plan: Plan, now: datetime) -> int:
    """Let alerts that nothing mutes any more join or open their incidents."""
    released = alerts.hold_muted(numbers)
    joining = Joining(plan=plan, version_id=plans.in_force(now=now).pk)
    groups = [(alert, _group(alert, plan)) for alert in released]
    joining.load({group.sorting.group_key for _, group in groups}, ())
    placed = [(alert, joining.place(group, at=now)) for alert, group in groups]
    joining.declare()
    record_all([_entry(alert, place, now=now) for alert, place in placed])
    for (alert, place), (_, group) in zip(placed, groups, strict=True):
        alert.incident_id, alert.group_key = place.number, group.sorting.group_key
        alert.muted_by, alert.muted_at = [], None
    alert_actions.write_mutes(released)
    incidents.withdraw_proposals({place.declared for _, place in placed})
    joining.rename_storms()  # by what is written
    tell_all({place.number for _, place in placed})
    return len(released)


def _group(alert: Alert, plan: Plan) -> Group:
    # What began as a drill, such as a test event of a real source, stays one.
    is_drill = alert.integration.is_drill or is_of_drill(alert.group_key)
    return Group(
        sorting=sort(plan, alert.labels, is_drill=is_drill),
        title=alert.title,
        summary=alert.annotations.get("description", ""),
        actor=Actor(label=alert.integration.name),
    )


def _entry(alert: Alert, place: Place, *, now: datetime) -> dict[str, Any]:
    since = alert.muted_at or alert.received_at
    reasons = "; ".join(str(one.get("text", "")) for one in alert.muted_by)
    by = f" by {reasons}" if reasons else ""
    return entry(
        place.number,
        TimelineKind.ALERT,
        f"Alert firing: {alert.title}",
        actor=Actor(label=alert.integration.name),
        at=now,
        detail=f"Muted for {describe(now - since)}{by}.\n{alert.classified_because}",
    )


def _fire(due: list[DueStep], moment: Moment) -> None:
    wait = judge_muted(now=moment.now)
    for step in due:
        at = moment.now + wait * clock.rate()
        timers.next_look(step, at=at, now=moment.now)


KIND = Kind(name="mutes", fire=_fire, is_recurring=True)
