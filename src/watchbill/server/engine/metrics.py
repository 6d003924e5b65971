"""Watchbill's own metrics, for Prometheus.

What this process has done it has counted (``measures.py``). What is true of the whole
installation is asked of the database at each scrape, in queries that read what is open
and not what is over; every node answers the same there, so take the maximum over nodes.
Only the version and the gate are a node's own. Numbers only: no title, name or number
of an incident is in them (A15). Ages are in the time of machines, also in the demo.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from django.db import connection
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from watchbill import __version__
from watchbill.server import clock
from watchbill.server.engine import queries
from watchbill.server.engine.measures import REGISTRY
from watchbill.server.engine.queries import SENDABLE_SINCE, EngineHealth

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

_OUTBOX = f"""
    SELECT n.channel, count(*), min({SENDABLE_SINCE}) FROM watchbill_notification n
    WHERE n.state IN ('waiting', 'sending') GROUP BY n.channel ORDER BY n.channel
"""  # noqa: S608 - a literal of the queries
_ACCEPTED = """
    SELECT kind, sum(accepted) FROM watchbill_integration GROUP BY kind ORDER BY kind
"""
_INBOX = """
    SELECT count(*), min(received_at) FROM watchbill_inboxentry
    WHERE folded_at IS NULL AND quarantined_at IS NULL
"""
_STEPS = """
    SELECT kind, count(*) FILTER (WHERE failures > 0),
      count(*) FILTER (WHERE quarantined_at IS NOT NULL)
    FROM watchbill_duestep WHERE state = 'pending' GROUP BY kind ORDER BY kind
"""
_AUDIT = """
    SELECT jsonb_array_length(findings) FROM watchbill_auditrun
    ORDER BY finished_at DESC LIMIT 1
"""


class _Installation:
    """Asks the database at each scrape."""

    def collect(self) -> Iterator[Metric]:
        health = queries.health(wall=clock.wall())
        yield from _engine(health)
        yield from _outbox()
        yield from _inbox()
        yield from _steps()


def render() -> bytes:
    """Return every metric in the text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(REGISTRY)
    registry.register(_Installation())
    return generate_latest(registry)


def _engine(health: EngineHealth) -> Iterator[Metric]:
    known, wall = health.facts, clock.wall()
    step, _message = queries.overdue(known, wall=wall)
    build = GaugeMetricFamily(
        "watchbill_build_info", "The version that runs; always 1.", labels=["version"]
    )
    build.add_metric([__version__], 1)
    yield build
    yield _gauge(
        "up", "Whether people are being paged and an audit says so.", health.is_alive
    )
    yield _gauge(
        "nodes_alive", "Engines that completed a cycle in the last minute.", known.nodes
    )
    if known.cycled_at is not None:
        yield _gauge(
            "last_cycle_timestamp_seconds",
            "When some engine last completed a full cycle.",
            known.cycled_at.timestamp(),
        )
    if known.audited_at is not None:
        yield _gauge(
            "last_clean_audit_timestamp_seconds",
            "When an audit last found nothing.",
            known.audited_at.timestamp(),
        )
    yield _gauge("audit_findings", "What the last audit found.", _one(_AUDIT))
    yield _gauge(
        "engine_held",
        "Whether a hold keeps people from being paged.",
        known.held_until is not None,
    )
    yield _gauge(
        "engine_gated",
        "Whether a newer engine has taken over from this node.",
        not health.gate.is_open,
    )
    yield _gauge(
        "due_step_oldest_lag_seconds",
        "How late the oldest due step is.",
        step.total_seconds(),
    )
    ahead = known.clock_offset or timedelta(0)
    yield _gauge(
        "clock_ahead_seconds",
        "How far the engines' time is ahead of a database clock that was set back.",
        ahead.total_seconds(),
    )
    moved = known.clock_moved_by or timedelta(0)
    yield _gauge(
        "clock_moved_seconds",
        "The last jump of the database's clock within a day.",
        moved.total_seconds(),
    )
    if known.heartbeat_at is not None:
        yield _gauge(
            "heartbeat_last_sent_timestamp_seconds",
            "When the watchdog outside last took a heartbeat.",
            known.heartbeat_at.timestamp(),
        )


def _outbox() -> Iterator[Metric]:
    depth = GaugeMetricFamily(
        "watchbill_outbox_messages",
        "Messages that are waiting or being sent, by channel.",
        labels=["channel"],
    )
    age = GaugeMetricFamily(
        "watchbill_outbox_oldest_age_seconds",
        "How long ago the oldest message of a channel could first have left.",
        labels=["channel"],
    )
    wall = clock.wall()
    times = {"wall": wall, "now": clock.now(), "rate": clock.rate()}
    for channel, count, oldest in _rows(_OUTBOX, times):
        depth.add_metric([channel], count)
        age.add_metric([channel], max(0.0, (wall - oldest).total_seconds()))
    yield depth
    yield age


def _inbox() -> Iterator[Metric]:
    accepted = CounterMetricFamily(
        "watchbill_events_accepted",
        "Posts that were accepted, by kind.",
        labels=["kind"],
    )
    for kind, count in _rows(_ACCEPTED):
        accepted.add_metric([kind], float(count))
    yield accepted
    ((waiting, oldest),) = _rows(_INBOX)
    yield _gauge("inbox_posts", "Accepted posts that are not folded yet.", waiting)
    waited = clock.now() - oldest if oldest is not None else timedelta(0)
    age = waited.total_seconds() / clock.rate()
    yield _gauge(
        "inbox_oldest_age_seconds",
        "How long the oldest of them has been waiting.",
        max(0.0, age),
    )


def _steps() -> Iterator[Metric]:
    failing = GaugeMetricFamily(
        "watchbill_due_steps_failing",
        "Due steps that could not be decided and are tried again.",
        labels=["kind"],
    )
    quarantined = GaugeMetricFamily(
        "watchbill_due_steps_quarantined",
        "Due steps that failed so often that somebody must look.",
        labels=["kind"],
    )
    for kind, bad, hopeless in _rows(_STEPS):
        failing.add_metric([kind], bad)
        quarantined.add_metric([kind], hopeless)
    yield failing
    yield quarantined


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"watchbill_{name}", text, value=float(value))


def _rows(sql: str, values: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())


def _one(sql: str) -> float:
    rows = _rows(sql)
    return float(rows[0][0]) if rows else 0.0
