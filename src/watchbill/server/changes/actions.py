"""Recording changes.

A change that names an instant in the future is a clock that is fast: like an alert
(A58) it is kept as of its receipt, because a change after the fact explains nothing.
"""

from datetime import datetime

from watchbill.core.alerts import ChangeReport
from watchbill.server.changes.models import ChangeEvent
from watchbill.server.web.live import announce


def record(integration_id: int, report: ChangeReport, *, now: datetime) -> ChangeEvent:
    """Store a change that a source reported."""
    event = ChangeEvent.objects.create(
        integration_id=integration_id,
        at=min(report.at or now, now),
        received_at=now,
        summary=report.summary,
        source=report.source,
        service=report.service,
        details=dict(report.details),
        links=dict(report.links),
    )
    announce("changes")
    return event
