"""What pages of other rooms show of the watch."""

from datetime import datetime
from typing import Any

from watchbill.server.oncall import board
from watchbill.server.plans import queries as plans


def strip(*, now: datetime) -> list[dict[str, Any]]:
    """Return who holds the watch now, in one line a duty."""
    plan = plans.plan_of(plans.in_force(now=now).pk)
    return list(board.strip(plan, now=now))
