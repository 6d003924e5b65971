"""Reporting that this node runs the plan, and that for a time nobody did."""

from datetime import datetime, timedelta

from django.db import transaction

from watchbill.core.incidents import OPEN_STATUSES
from watchbill.server.engine.models import EngineNode, Outage
from watchbill.server.incidents import actions as incidents
from watchbill.server.incidents.models import Incident, TimelineKind

OUTAGE_AFTER = timedelta(minutes=5)
"""A shorter pause, as for an upgrade, is not worth a word."""

_FORGOTTEN_AFTER = timedelta(days=1)
_MOST_TOLD = 500


def report(
    node: str,
    *,
    version: str,
    cycled_at: datetime,
    wall: datetime,
    lagging: tuple[str, ...] = (),
) -> None:
    """Record when every part of a node had last done a round."""
    values = {
        "cycled_at": cycled_at,
        "version": version,
        "lagging": ", ".join(lagging),
    }
    EngineNode.objects.update_or_create(
        name=node, defaults=values, create_defaults={"started_at": wall, **values}
    )
    EngineNode.objects.filter(cycled_at__lt=wall - _FORGOTTEN_AFTER).exclude(
        name=node
    ).delete()


@transaction.atomic
def note_outage(*, now: datetime, wall: datetime) -> Outage | None:
    """Record, at a start, that no engine ran for a while, and tell open incidents."""
    last = (
        EngineNode.objects.order_by("-cycled_at")
        .values_list("cycled_at", flat=True)
        .first()
    )
    if last is None or wall - last <= OUTAGE_AFTER:
        return None
    outage, is_new = Outage.objects.get_or_create(
        began_at=last, defaults={"ended_at": wall}
    )
    if is_new:
        text = (
            f"watchbill did not run from {last:%Y-%m-%d %H:%M} to {wall:%H:%M} UTC;"
            " what came due in between is decided now"
        )
        for incident in Incident.objects.filter(status__in=OPEN_STATUSES)[:_MOST_TOLD]:
            incidents.record(
                incident, TimelineKind.WARNING, text, actor=incidents.SYSTEM, now=now
            )
    return outage
