"""Everything the engine fires, by kind of due step; the ladders first.

A new kind of work is one module with a ``KIND`` and one line here.
"""

from datetime import timedelta

from django.conf import settings

from watchbill.server.engine import (
    audit,
    beats,
    expiry,
    fire,
    housekeeping,
    mutes,
    promises,
    watch,
    weekly,
)
from watchbill.server.engine.egress import Egress
from watchbill.server.engine.heartbeat import Sender
from watchbill.server.engine.kinds import Kind


def kinds() -> tuple[Kind, ...]:
    """Return the kinds of this installation."""
    watchdog = Sender(
        url=settings.HEARTBEAT_URL,
        every=timedelta(seconds=settings.HEARTBEAT_EVERY),
        egress=Egress(allow=settings.EGRESS_ALLOW),
    )
    return (
        fire.KIND,
        promises.KIND,
        beats.KIND,
        mutes.KIND,
        expiry.KIND,
        audit.KIND,
        watchdog.kind,
        weekly.KIND,
        watch.KIND,
        housekeeping.KIND,
    )
