"""The shifts of the bundled plan in February 2026, and how they change hands."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from tests.conftest import START
from watchbill.core.oncall import Duty
from watchbill.core.temporal import Interval
from watchbill.plan import Plan
from watchbill.server.oncall import actions, queries
from watchbill.server.oncall.models import Override, Swap

YANGON = ZoneInfo("Asia/Yangon")
KEY = "primary-oncall"
DEVOPS, BACKEND = "devops_engineer", "backend_engineer"
FRONTEND, MOBILE = "frontend_engineer", "mobile_engineer"
HOUR = timedelta(hours=1)


def at(day: int, hour: int = 0, minute: int = 0) -> datetime:
    """Return an instant of February 2026, as clocks in Yangon show it."""
    return datetime(2026, 2, day, hour, minute, tzinfo=YANGON).astimezone(UTC)


def span(starts_at: datetime, ends_at: datetime) -> Interval:
    return Interval(starts_at=starts_at, ends_at=ends_at)


#: Primary is DevOps until Friday the 13th, then Backend, then Frontend, then Mobile.
NIGHT = span(at(9, 20), at(10, 8))
LATER = span(at(16, 20), at(17, 8))


def put_in(
    contact: str = FRONTEND,
    during: Interval = NIGHT,
    *,
    duty: Duty = Duty.PRIMARY,
    now: datetime = START,
) -> Override:
    return actions.override(
        KEY, duty, contact, during, reason="concert", by="Dana", now=now
    )


def ask(
    *,
    during: Interval = NIGHT,
    asked_by: str = DEVOPS,
    asked_of: str | None = FRONTEND,
    in_return: Interval | None = None,
    now: datetime = START,
) -> Swap:
    return actions.ask_swap(
        KEY,
        Duty.PRIMARY,
        during,
        asked_by=asked_by,
        asked_of=asked_of,
        return_during=in_return,
        message="my sister marries",
        now=now,
    )


def primary(plan: Plan, when: datetime) -> str | None:
    return queries.on_call(plan, KEY, Duty.PRIMARY, at=when).holder
