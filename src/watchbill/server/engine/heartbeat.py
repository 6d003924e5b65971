"""The heartbeat: tells a watchdog outside that somebody is being paged (I12).

Who pages you when the pager is dead is a question that nothing inside can answer. So
watchbill calls an address of an outside watchdog regularly, and the watchdog raises the
alarm when the calls stop. A call goes out only while the engine is whole: every part of
it has done a round, and an audit was clean, within the last minute. A heartbeat that
merely proves that a process runs would lie exactly when it matters.
"""

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from watchbill.integrations.contract import Outgoing, TransportFailure
from watchbill.server import clock
from watchbill.server.engine import queries
from watchbill.server.engine.egress import Egress
from watchbill.server.engine.kinds import Kind, Moment
from watchbill.server.engine.models import THE_ROW, Heartbeat
from watchbill.server.timers import actions as timers
from watchbill.server.timers.models import DueStep

NAME = "heartbeat"
TIMEOUT = 10.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Sends heartbeats to one address; nowhere when it is empty."""

    #: Whoever knows it can keep the watchdog quiet.
    url: str = field(repr=False)
    every: timedelta
    egress: Egress

    @property
    def kind(self) -> Kind:
        """The kind of due step that sends them."""
        return Kind(name=NAME, fire=self._fire, afterwards=self.beat, is_recurring=True)

    def _fire(self, due: list[DueStep], moment: Moment) -> None:
        for step in due:
            at = moment.now + self.every * clock.rate()
            timers.next_look(step, at=at, now=moment.now)

    def beat(self, moment: Moment) -> None:
        """Send one heartbeat if the engine is whole, and record what came of it."""
        if not self.url:
            return
        health = queries.health(wall=moment.wall)
        trouble = "" if health.is_alive else f"not sent: {health.text}"
        if not trouble:
            trouble = self._send()
        if trouble:
            logger.warning("heartbeat: %s", trouble)
        _record(trouble, wall=moment.wall)

    def _send(self) -> str:
        """Call the watchdog; return what went wrong, without its secret address."""
        outgoing = Outgoing(method="GET", url=self.url, headers={}, body=b"")
        answer = self.egress.send(outgoing, timeout=TIMEOUT)
        if isinstance(answer, TransportFailure):
            return f"the watchdog was not reached: {answer.detail}"
        if not 200 <= answer.status < 300:
            return f"the watchdog answered {answer.status}"
        return ""


def dismiss(*, by: str, wall: datetime) -> None:
    """Say no more that no watchdog is set up."""
    Heartbeat.objects.update_or_create(
        id=THE_ROW, defaults={"dismissed_at": wall, "dismissed_by": by}
    )


def _record(trouble: str, *, wall: datetime) -> None:
    values: dict[str, object] = {"tried_at": wall, "trouble": trouble}
    if not trouble:
        values["sent_at"] = wall
    Heartbeat.objects.update_or_create(id=THE_ROW, defaults=values)
