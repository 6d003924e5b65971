"""Ends that nobody reports: alerts whose sources fell silent, and flapping ones.

A source such as Prometheus never says that something is over; it stops saying that it
is not. Its alerts end at the instant that it named last, as if it had said so. Two
things could make us take our own fault for the end of what goes on:

- Posts that came before that instant, may repeat the alert, and are not folded yet. One
  may even be on its way into the inbox: it is stamped shortly before it is stored. So
  an end is believed some seconds late.
- A time in which nobody could post (``hearing.py``). Afterwards each source has as long
  to repeat its alerts as they last.

A flapping alert whose end was not believed is looked at here too: when it has been
quiet for the hold-down, its incident may end (S4.2-26).

What can be ended is ended in one transaction, of many integrations. An integration
whose posts are being folded is passed over. The others are held, then all alerts, then
due steps and incidents, in the order in which folding holds them.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from watchbill.core.flapping import FlapRule, is_flapping
from watchbill.plan import Plan
from watchbill.server import clock
from watchbill.server.alerts import queries as alerts
from watchbill.server.engine import hearing
from watchbill.server.engine.fold_batch import Batch, Setting
from watchbill.server.engine.kinds import Kind, Moment
from watchbill.server.engine.parting import do_parts
from watchbill.server.incidents import queries as incident_queries
from watchbill.server.intake import queries as intake_queries
from watchbill.server.intake.models import Integration
from watchbill.server.plans import queries as plans
from watchbill.server.timers import actions as timers
from watchbill.server.timers.models import DueStep

EVERY = timedelta(seconds=2)
MOST = 2_000
"""Alerts looked at in one transaction, of those that expire and of those that flap."""

SETTLED = timedelta(seconds=5)
"""So long after its stamp a post is in the inbox."""

Condition = tuple[int, str]
"""Integration and fingerprint."""


def end_silent(*, now: datetime) -> int:
    """End what has expired and believe what is quiet; return how many were asked."""
    if hearing.is_deaf(now=now):
        return 0
    plan = plans.plan_of(plans.in_force(now=now).pk)
    found = _expired(now=now) | _quiet(plan, now=now)
    return do_parts(sorted(found), partial(_end, now=now))


def _end(found: Sequence[Condition], *, now: datetime) -> int:
    by_integration: dict[int, set[str]] = {}
    for integration_id, fingerprint in found:
        by_integration.setdefault(integration_id, set()).add(fingerprint)
    held = intake_queries.hold_integrations(by_integration)
    _hold([(one, by_integration[one.pk]) for one in held])
    # Posts may have come or been folded before we held the integrations.
    still = _expired(now=now)
    version_id = plans.in_force(now=now).pk
    plan = plans.plan_of(version_id)
    for integration in held:
        setting = Setting(integration=integration, plan=plan, version_id=version_id)
        batch = Batch(setting)
        for line in batch.load_ends(by_integration[integration.pk]):
            if (integration.pk, line.fingerprint) in still:
                batch.expire(line, now=now)
            batch.calm(line, now=now)
        batch.write()
    return sum(len(by_integration[one.pk]) for one in held)


def _hold(asked: Sequence[tuple[Integration, set[str]]]) -> None:
    """Hold the alerts of several integrations before any of their incidents."""
    numbers = {
        alert.incident_id
        for integration, fingerprints in asked
        for alert in alerts.hold_current(integration.pk, fingerprints).values()
        if alert.incident_id is not None
    }
    incident_queries.hold_all(numbers)


def _expired(*, now: datetime) -> set[Condition]:
    """The alerts that ended by themselves, but for those a waiting post may repeat."""
    before = now - SETTLED * clock.rate()
    deaf_until = hearing.deaf_until()
    return set(
        intake_queries.silent_alerts(before=before, deaf_until=deaf_until, limit=MOST)
    )


def _quiet(plan: Plan, *, now: datetime) -> set[Condition]:
    rule = plan.alerting.flapping
    found = {
        (integration_id, fingerprint)
        for integration_id, fingerprint, flips in alerts.flapping(limit=MOST)
        if not _flaps(flips, rule, now=now)
    }
    late = hearing.behind({integration_id for integration_id, _ in found}, now=now)
    return {one for one in found if one[0] not in late}


def _flaps(flips: list[str], rule: FlapRule | None, *, now: datetime) -> bool:
    times = [datetime.fromisoformat(one) for one in flips]
    return rule is not None and is_flapping(times, at=now, rule=rule)


def _fire(due: list[DueStep], moment: Moment) -> None:
    asked = end_silent(now=moment.now)
    wait = timedelta(0) if asked >= MOST else EVERY
    for step in due:
        at = moment.now + wait * clock.rate()
        timers.next_look(step, at=at, now=moment.now)


KIND = Kind(name="expiry", fire=_fire, is_recurring=True)
