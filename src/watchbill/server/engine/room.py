"""Room: whether a recipient can bear another message now, and what if not (F20).

Nobody reads a phone that rings without end. The first messages of a minute go at once
and by themselves; then what waits for the same recipient waits, and when there is room
again it is said in one digest.
"""

from datetime import datetime

from django.conf import settings

from watchbill.core.ladder import StopOn
from watchbill.core.messages import Notice, digest
from watchbill.core.notification import (
    WINDOW,
    NotificationState,
    next_room,
)
from watchbill.server.incidents import queries as incidents
from watchbill.server.incidents.models import Incident
from watchbill.server.notifications import actions, digests, queries
from watchbill.server.notifications.models import Notification, Purpose
from watchbill.server.oncall import queries as oncall
from watchbill.server.web.live import announce

WORTH_A_DIGEST = 3
DIGEST_AT_MOST = 1_000


class Room:
    """The recipients of one batch of held notifications."""

    def __init__(
        self,
        channel: str,
        rows: list[Notification],
        *,
        now: datetime,
        wall: datetime,
    ) -> None:
        self._channel = channel
        self._now, self._wall = now, wall
        #: Recipients for whom nothing more leaves in this batch.
        self._closed: set[str] = set()
        #: What leaves by itself in this batch; its claim is written at the end.
        self._taken: set[int] = set()
        self._started = queries.latest_attempts_of(
            channel,
            {row.address for row in rows if _may_wait(row)},
            since=wall - WINDOW,
        )

    def is_gone(self, row: Notification) -> bool:
        """Return whether this batch has put a row off or into a digest already."""
        return row.address in self._closed and _may_wait(row)

    def take(self, row: Notification) -> bool:
        """Return whether a held message may leave by itself now, and then count it."""
        if not _may_wait(row):
            return True
        started = self._started[row.address]
        limit = settings.MESSAGES_A_MINUTE
        until = next_room(started, now=self._wall, limit=limit)
        if until is not None:
            actions.put_off(self._channel, row.address, until=until, wall=self._wall)
            self._closed.add(row.address)
            return False
        if len(started) == limit - 1 and self._say_together(row.address):
            self._closed.add(row.address)
            return False
        started.append(self._wall)
        self._taken.add(row.pk)
        return True

    def _say_together(self, address: str) -> bool:
        """Make one digest of what waits for a recipient, if that is worth it."""
        rows = queries.take_waiting_for(
            self._channel,
            address,
            now=self._now,
            wall=self._wall,
            limit=DIGEST_AT_MOST,
            without=self._taken,
        )
        if len(rows) < WORTH_A_DIGEST:
            return False
        wanted = self._still_wanted(rows)
        if len(wanted) < WORTH_A_DIGEST:
            return False
        notice = _digest_of(wanted, key=f"digest/{wanted[0].pk}")
        digests.bundle(wanted, notice, now=self._now, wall=self._wall)
        announce("notifications")
        return True

    def _still_wanted(self, rows: list[Notification]) -> list[Notification]:
        held = incidents.hold_shared(
            {row.incident_id for row in rows if row.incident_id is not None}
        )
        wanted = []
        for row in rows:
            if row.incident_id is not None and row.incident_id not in held:
                continue
            incident = held[row.incident_id] if row.incident_id is not None else None
            reason = unwanted(row, incident)
            if reason is None:
                wanted.append(row)
            else:
                actions.supersede(row, reason, wall=self._wall)
        return wanted


def renew_digest(row: Notification, *, wall: datetime) -> bool | None:
    """Let a held digest say what is still wanted; False when nothing is (I4).

    None while somebody is changing one of its incidents.
    """
    members = list(row.members.filter(state=NotificationState.SUPERSEDED))
    about = {one.incident_id for one in members if one.incident_id is not None}
    held = incidents.hold_shared(about)
    if len(held) < len(about):
        return None
    wanted = [
        one
        for one in members
        if unwanted(one, held[one.incident_id] if one.incident_id else None) is None
    ]
    if not wanted:
        actions.supersede(row, "all that it says has been answered", wall=wall)
        return False
    if len(wanted) < len(members):
        digests.rewrite(row, _digest_of(wanted, key=row.idempotency_key))
    return True


def _digest_of(rows: list[Notification], *, key: str) -> Notice:
    return digest(
        tuple(row.subject for row in rows),
        key=key,
        urgent=any(row.is_urgent for row in rows),
    )


def unwanted(row: Notification, incident: Incident | None) -> str | None:
    """Return why a held message is not wanted any more; None while it is (I4)."""
    if row.swap_id is not None and not oncall.is_asked(row.swap_id):
        return "the request was answered or ran out"
    if incident is None:
        return None
    situation = incidents.situation_of(incident)
    reason = situation.stop_reason(StopOn(row.stop_on))
    if reason is None and row.is_follow_up:
        since = row.created_at
        if incidents.has_answered(incident.pk, row.contact_key, since=since):
            return f"{row.recipient} has answered"
    return reason


def _may_wait(row: Notification) -> bool:
    """Whether a message is held back when its recipient has had too many."""
    return row.attempts == 0 and row.purpose == Purpose.INCIDENT
