"""What the page that compares plan and reality shows, for one quarter."""

import re
from datetime import datetime, timedelta
from typing import Any

from watchbill.core.reports import Quarter, Row, Tally, compare, quarter_of
from watchbill.core.temporal import describe
from watchbill.plan import Plan
from watchbill.server.incidents import queries

#: A century is enough for any plan, and keeps every instant within the calendar.
_QUARTER = re.compile(r"(20[0-9]{2})Q([1-4])")


def report(plan: Plan, text: str, *, now: datetime) -> dict[str, Any]:
    """Return the report of the quarter that somebody asked for.

    Where the text is no quarter the page says so, and shows that of ``now``.
    """
    zone = plan.meta.zone
    current = quarter_of(now, zone)
    asked = _read(text)
    quarter = asked or current
    during = quarter.interval(zone)
    rows = compare(
        plan.severities, queries.records(during=during), during=during, now=now
    )
    return {
        "quarter": quarter,
        "is_misread": bool(text) and asked is None,
        "previous": _read(str(quarter.moved(-1))),
        "next": quarter.moved(1) if during.ends_at <= now else None,
        "starts_at": during.starts_at,
        "last_day": quarter.moved(1).first_day - timedelta(days=1),
        "incidents": sum(one.incidents for one in rows),
        "rows": [_row(plan, one) for one in rows],
        "plan": plan.meta,
    }


def _read(text: str) -> Quarter | None:
    found = _QUARTER.fullmatch(text)
    if found is None:
        return None
    return Quarter(year=int(found[1]), number=int(found[2]))


def _row(plan: Plan, row: Row) -> dict[str, Any]:
    titles = {one.key: one.title for one in plan.severities}
    return {
        "severity": row.severity,
        "title": titles.get(row.severity, ""),
        "incidents": row.incidents,
        "response": _promise(row.response_target, row.response),
        "resolution": _promise(row.resolution_target, row.resolution),
    }


def _promise(target: timedelta | None, tally: Tally) -> dict[str, Any]:
    share = tally.share
    return {
        "target": describe(target) if target else "",
        "tally": tally,
        "total": tally.decided + tally.running,
        # Rounded down: only what was always met is 100 %.
        "percent": None if share is None else tally.met * 100 // tally.decided,
    }
