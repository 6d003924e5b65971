"""Seeing whether any engine is alive and whole, in one question to the database."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction

from watchbill.server import clock
from watchbill.server.engine import gate
from watchbill.server.engine.gate import GateState
from watchbill.server.engine.models import AuditRun, EngineNode, Outage

SILENT_AFTER = timedelta(seconds=60)
"""Without a full cycle or a clean audit for this long, no plan is being run (I12)."""

OUTAGE_SHOWN = timedelta(hours=12)
CLOCK_SHOWN = timedelta(hours=24)

SENDABLE_SINCE = (
    "greatest(n.next_attempt_at,"
    " %(wall)s::timestamptz - (%(now)s::timestamptz - n.due_at) / %(rate)s)"
)
"""SQL for when an open message could first have left, in the time of machines.

It is in the future for one that waits for its time, such as the end of quiet hours.
"""

_FACTS = f"""
    SELECT
      (SELECT max(cycled_at) FROM watchbill_enginenode),
      (SELECT count(*) FROM watchbill_enginenode WHERE cycled_at > %(alive)s),
      (SELECT lagging FROM watchbill_enginenode WHERE lagging <> ''
        ORDER BY cycled_at DESC LIMIT 1),
      (SELECT finished_at FROM watchbill_auditrun WHERE is_clean
        ORDER BY finished_at DESC LIMIT 1),
      (SELECT min(d.wake_at) FROM watchbill_duestep d WHERE d.state = 'pending'),
      (SELECT min({SENDABLE_SINCE}) FROM watchbill_notification n
        WHERE n.state = 'waiting'),
      (SELECT until FROM watchbill_enginehold
        WHERE released_at IS NULL AND until > %(wall)s ORDER BY until DESC LIMIT 1),
      (SELECT reason FROM watchbill_enginehold
        WHERE released_at IS NULL AND until > %(wall)s ORDER BY until DESC LIMIT 1),
      (SELECT "offset" FROM watchbill_engineclock LIMIT 1),
      (SELECT moved_by FROM watchbill_engineclock WHERE moved_at > %(moved)s LIMIT 1),
      (SELECT sent_at FROM watchbill_heartbeat LIMIT 1),
      (SELECT trouble FROM watchbill_heartbeat LIMIT 1),
      (SELECT dismissed_at FROM watchbill_heartbeat LIMIT 1),
      (SELECT version FROM watchbill_enginegate LIMIT 1),
      (SELECT coalesce(max(name), '') FROM django_migrations
        WHERE app = 'watchbill'),
      (SELECT began_at FROM watchbill_outage ORDER BY began_at DESC LIMIT 1),
      (SELECT ended_at FROM watchbill_outage ORDER BY began_at DESC LIMIT 1)
"""  # noqa: S608 - literals from above


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the database knows of the engines."""

    cycled_at: datetime | None
    nodes: int
    lagging: str | None
    audited_at: datetime | None
    next_wake_at: datetime | None
    sendable_since: datetime | None
    held_until: datetime | None
    hold_reason: str | None
    clock_offset: timedelta | None
    clock_moved_by: timedelta | None
    heartbeat_at: datetime | None
    heartbeat_trouble: str | None
    heartbeat_dismissed_at: datetime | None
    gate_version: int | None
    newest_migration: str
    outage_began_at: datetime | None
    outage_ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineHealth:
    """Whether the plan is being run, in a form fit for a banner."""

    #: One word for a program: ok, silent, unaudited, held or gated.
    status: str
    text: str
    facts: Facts
    gate: GateState

    @property
    def is_alive(self) -> bool:
        """Whether people are being paged and an audit says so."""
        return self.status == "ok"

    @property
    def cycled_at(self) -> datetime | None:
        """When some node last did all of its work."""
        return self.facts.cycled_at


@contextmanager
def answered_within(limit: timedelta) -> Iterator[None]:
    """Let no question inside the block wait longer than ``limit`` for its answer.

    Whoever asks whether the engine is alive must hear "no" while a table is locked
    (F27). Raises OperationalError when the time is up.
    """
    milliseconds = str(int(limit / timedelta(milliseconds=1)))
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('statement_timeout', %s, true)", [milliseconds]
            )
        yield


def facts(*, wall: datetime) -> Facts:
    """Return what the database knows of the engines."""
    values: dict[str, datetime | float] = {
        "alive": wall - SILENT_AFTER,
        "wall": wall,
        "moved": wall - CLOCK_SHOWN,
        "now": clock.now(),
        "rate": clock.rate(),
    }
    with connection.cursor() as cursor:
        cursor.execute(_FACTS, values)
        row = cursor.fetchone()
    return Facts(**dict(zip(Facts.__slots__, row, strict=True)))


def health(*, wall: datetime) -> EngineHealth:
    """Return whether the plan is being run."""
    known = facts(wall=wall)
    passage = gate.judge(known.gate_version, known.newest_migration)
    status, text = next(_verdicts(known, passage, wall=wall))
    return EngineHealth(status=status, text=text, facts=known, gate=passage)


def _verdicts(
    known: Facts, passage: GateState, *, wall: datetime
) -> Iterator[tuple[str, str]]:
    """Everything that is wrong, the worst first, and in the end that nothing is."""
    if known.held_until is not None:
        reason = known.hold_reason or "no reason was given"
        until = f"{known.held_until:%Y-%m-%d %H:%M:%S} UTC"
        yield (
            "held",
            f"On hold until {until}: nobody is being paged. The reason: {reason}.",
        )
    if known.cycled_at is None:
        yield "silent", passage.text or "No engine has ever run here."
    elif wall - known.cycled_at >= SILENT_AFTER:
        yield "silent", _silent(known, passage, known.cycled_at)
    if known.audited_at is None:
        yield "unaudited", "No audit of the engine has been clean yet."
    elif wall - known.audited_at >= SILENT_AFTER:
        yield "unaudited", _unaudited(known.audited_at)
    if not passage.is_open:
        yield "gated", passage.text
    yield "ok", "The engine runs."


def _silent(known: Facts, passage: GateState, cycled_at: datetime) -> str:
    if passage.text:
        return passage.text
    since = f"{cycled_at:%Y-%m-%d %H:%M:%S} UTC"
    if known.lagging:
        return f"Not all of the engine works since {since}: {known.lagging} is stuck."
    return f"No engine has completed a cycle since {since}: nobody is being paged."


def _unaudited(audited_at: datetime) -> str:
    latest = AuditRun.objects.order_by("-finished_at").first()
    found = " ".join(latest.findings[:2]) if latest is not None else ""
    since = f"{audited_at:%Y-%m-%d %H:%M:%S} UTC"
    return f"No audit has been clean since {since}. {found}".strip()


def overdue(known: Facts, *, wall: datetime) -> tuple[timedelta, timedelta]:
    """Return how late the oldest step and message are, in the time of machines."""
    step = _late(known.next_wake_at, clock.now()) / clock.rate()
    return step, _late(known.sendable_since, wall)


def _late(due_at: datetime | None, now: datetime) -> timedelta:
    return max(now - due_at, timedelta(0)) if due_at is not None else timedelta(0)


def nodes() -> list[EngineNode]:
    """Return the engines that have run within the last day, by name."""
    return list(EngineNode.objects.order_by("name"))


def audits() -> list[AuditRun]:
    """Return the last audits, the latest first."""
    return list(AuditRun.objects.order_by("-finished_at")[:20])


def outages() -> list[Outage]:
    """Return the times in which no engine ran, the latest first."""
    return list(Outage.objects.order_by("-began_at")[:20])
