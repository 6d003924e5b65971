"""What all changes of the watch share: one lock, and what is refused alike.

Changes are rare, and of two that contradict each other the second must see the first;
so there is one lock for the whole watch. It is taken first, the engine's look at the
watch second, and rows third.
"""

from datetime import datetime, timedelta

from django.db import connection

from watchbill.core.oncall import Duty
from watchbill.core.temporal import Interval
from watchbill.integrations.text import printable, shorten
from watchbill.plan import Plan
from watchbill.server.oncall import queries
from watchbill.server.oncall.queries import WATCH
from watchbill.server.timers import actions as timers
from watchbill.server.web.live import announce, wake_engine

LONGEST = timedelta(days=366)
MAX_REASON, MAX_SUMMARY, MAX_AUTHOR = 500, 10_000, 200
_WATCH_LOCK = 0x77_61_74_63_68_03


class OncallRefusedError(ValueError):
    """The watch cannot be changed so; the message says why."""


def hold_watch(*, now: datetime) -> None:
    """Let nobody else change the watch until the transaction ends; wake the engine."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_WATCH_LOCK])
    timers.hasten(WATCH, now=now)
    wake_engine()
    announce("oncall")


def plan_with(schedule_key: str, *, now: datetime) -> Plan:
    """Return the plan in force, which has this schedule."""
    plan = plan_in_force(now=now)
    if schedule_key not in plan.schedules:
        message = f"the plan in force has no schedule {schedule_key!r}"
        raise OncallRefusedError(message)
    return plan


def still_ahead(during: Interval, *, now: datetime) -> Interval:
    """Return what of an interval has not passed."""
    if during.ends_at <= now:
        message = "that time is over"
        raise OncallRefusedError(message)
    if during.ends_at - max(during.starts_at, now) > LONGEST:
        message = f"longer than {LONGEST.days} days is a change of the plan"
        raise OncallRefusedError(message)
    return Interval(starts_at=max(during.starts_at, now), ends_at=during.ends_at)


def refuse_trouble(
    plan: Plan, schedule_key: str, duty: Duty, contact_key: str, during: Interval
) -> None:
    """Raise OncallRefusedError when somebody cannot hold a duty then."""
    trouble = queries.trouble_with(plan, schedule_key, duty, contact_key, during)
    if trouble:
        raise OncallRefusedError(trouble)


def text_of(text: str, *, most: int) -> str:
    """Return what somebody typed, fit to be stored."""
    return shorten(printable(text).strip(), most)


def plan_in_force(*, now: datetime) -> Plan:
    plan = queries.plan_now(now=now)
    if plan is None:
        message = "no plan is in force"
        raise OncallRefusedError(message)
    return plan
