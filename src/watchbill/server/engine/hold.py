"""The hold: a restored database pages nobody until somebody has looked (F29).

What was restored from a backup believes that it is still yesterday: incidents long
resolved are open in it, and their steps are all due. So an engine that finds its
database older than what it has seen starts in hold, as it does with ``up --hold``. The
posts that come in are kept and folded; nothing is fired and nothing is sent until an
owner releases the hold on the console or with ``watchbill engine release``, or until it
runs out, since a pager that is silent for ever is worse than one that repeats itself.
"""

from datetime import datetime, timedelta

from django.db import transaction

from watchbill.server.engine.models import EngineHold
from watchbill.server.web.live import announce, wake_engine

LASTS = timedelta(minutes=15)


def current(*, wall: datetime) -> EngineHold | None:
    """Return the hold that is in force."""
    rows = EngineHold.objects.filter(released_at=None, until__gt=wall)
    return rows.order_by("-until").first()


@transaction.atomic
def begin(reason: str, *, wall: datetime, lasts: timedelta = LASTS) -> EngineHold:
    """Page nobody for a while."""
    one = EngineHold.objects.create(began_at=wall, until=wall + lasts, reason=reason)
    announce("engine")
    return one


@transaction.atomic
def release(*, by: str, wall: datetime) -> bool:
    """Page again; False when nothing was held."""
    rows = EngineHold.objects.filter(released_at=None, until__gt=wall)
    released = rows.update(released_at=wall, released_by=by)
    wake_engine()
    announce("engine")
    return bool(released)
