"""Reading changes."""

from collections.abc import Collection
from datetime import datetime, timedelta

from watchbill.server.changes.models import ChangeEvent

WITHIN = timedelta(days=1)
"""Most incidents that a change caused begin within a day of it."""

_MOST = 20


def recent(
    services: Collection[str] = (), *, until: datetime, within: timedelta = WITHIN
) -> list[ChangeEvent]:
    """Return the changes before ``until``, the newest first, at most 20.

    With ``services``, those of one of them and those that name no service: a change of
    the whole platform concerns every service.
    """
    rows = ChangeEvent.objects.select_related("integration").filter(
        at__lte=until, at__gte=until - within
    )
    if services:
        rows = rows.filter(service__in=["", *services])
    return list(rows.order_by("-at", "-pk")[:_MOST])
