"""How much of the watch each person carries (S4.4-13).

Hours come from the schedules of the given plan, with what people changed of them;
pages from the outbox. A page is one call of one step, by however many methods it went
out, and one that was taken back before it left woke nobody. Drills are left out (A39).
Confidential incidents are counted: a load shows numbers only (A15).
"""

from collections.abc import Collection

from django.db.models import Min, Q

from watchbill.core.ladder import Verb
from watchbill.core.temporal import Interval
from watchbill.core.workload import Call, OffHours, Workload, workloads
from watchbill.plan import Plan
from watchbill.server.notifications.models import Notification, Purpose
from watchbill.server.oncall import queries as oncall

_WAKES = (Verb.PAGE.value, Verb.ESCALATE.value)


def load(
    plan: Plan, during: Interval, *, schedule_keys: Collection[str] | None = None
) -> tuple[Workload, ...]:
    """Return what each person carries in an interval, by contact key.

    With ``schedule_keys`` the hours are those of these schedules; a page knows none,
    so that all of them count.
    """
    shifts = [
        shift
        for key in (plan.schedules if schedule_keys is None else schedule_keys)
        for shift in oncall.shifts(plan, key, during=during)
    ]
    off_hours = OffHours(zone=plan.meta.zone, holidays=plan.business_hours.closed_on)
    return workloads(shifts, _calls(during), during=during, off_hours=off_hours)


def _calls(during: Interval) -> list[Call]:
    has_left = Q(attempts__gt=0) | Q(bundled_into__isnull=False)
    # All messages of a call are made at one instant, also one that is tried anew by
    # another method: so the index on it bounds what is read.
    rows = (
        Notification.objects.filter(
            has_left,
            created_at__gte=during.starts_at,
            created_at__lt=during.ends_at,
            purpose=Purpose.INCIDENT,
            verb__in=_WAKES,
            is_copy=False,
            is_follow_up=False,
            incident__is_drill=False,
        )
        .exclude(contact_key="")
        .values("incident", "step_key", "contact_key")
        .annotate(at=Min("created_at"))
        .order_by("at")
    )
    return [
        Call(contact=row["contact_key"], at=row["at"], incident=row["incident"])
        for row in rows
    ]
