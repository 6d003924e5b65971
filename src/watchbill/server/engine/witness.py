"""The witness: checks the chain of the audit log, and says its head elsewhere.

With each audit the lines since the last check are followed, and some of the old ones
again. A break is said once, as an incident and in the log of the process; it cannot be
mended, so it neither stops the heartbeat nor is it declared anew: nobody would see the
next one. Lines that were cut off at the end of the log are missed by what was checked
before, and by the heads that stand in the log of the process, where who can change the
database need not reach.
"""

import logging
from datetime import datetime, timedelta

from watchbill.server.audit import actions, queries
from watchbill.server.incidents import actions as incidents
from watchbill.server.incidents import queries as incident_queries
from watchbill.server.incidents.actions import SYSTEM, Declaration
from watchbill.server.incidents.models import Incident
from watchbill.server.plans import queries as plans
from watchbill.server.plans.queries import NoPlanInForceError, PlanUnreadableError

GROUP = "watchbill/audit-log"
"""The group key of the incident that says that the audit log was tampered with."""

HEAD_EVERY = timedelta(hours=1)

logger = logging.getLogger(__name__)


def look(*, now: datetime, wall: datetime) -> None:
    """Check a part of the chain; declare an incident when it is broken."""
    before = queries.check()
    finding = actions.check_some(wall=wall)
    if finding:
        logger.error("the audit log is broken: %s", finding)
    stands = _stands(finding)
    if stands:
        _declare(stands, now=now)
    if before is None or _hour(before.checked_at) != _hour(wall):
        logger.info("the head of the audit log is %s", queries.head())


def _stands(news: str) -> str:
    """Return the finding that nobody was told of yet.

    When it was news there may have been no plan that says whom to tell. An incident
    that was resolved has told of it.
    """
    if news:
        return news
    kept = queries.check()
    if kept is None or not kept.finding:
        return ""
    was_declared = Incident.objects.filter(group_key=GROUP).exists()
    return "" if was_declared else kept.finding


def _hour(at: datetime) -> int:
    return int(at.timestamp() // HEAD_EVERY.total_seconds())


def _declare(finding: str, *, now: datetime) -> None:
    if incident_queries.open_group(GROUP) is not None:
        return
    try:
        table = plans.plan_of(plans.in_force(now=now).pk).routing
    except (NoPlanInForceError, PlanUnreadableError):
        return
    declaration = Declaration(
        title="The audit log was tampered with",
        summary=f"Its chain of hashes is broken: {finding}. Nothing of watchbill does"
        " that. Keep the database as it is, run `watchbill audit verify`, and compare"
        " it with the last export.",
        severity=table.severity_labels.get("critical", table.default_severity),
        alert_type=table.catch_all,
        group_key=GROUP,
    )
    incidents.declare(declaration, actor=SYSTEM, now=now)
