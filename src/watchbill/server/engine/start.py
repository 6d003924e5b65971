"""What an engine does before its first cycle: look at where it has woken up.

It raises the gate, notices a restored database and a time in which nobody ran, and says
what an operator should know before trusting it.
"""

from collections.abc import Iterator
from pathlib import Path

from django.db import DatabaseError, connection, transaction

from watchbill.server import clock
from watchbill.server.engine import actions, gate, hold, mark, timekeeping

PAGES = 24
OTHERS = 12
"""Connections besides the channels' own: engine, hints, intake, commands."""

_ASYNC = """
    SELECT count(*) FROM pg_stat_replication
    WHERE state = 'streaming' AND sync_state = 'async'
"""


def begin(data_dir: Path, *, node: str, is_held: bool) -> tuple[str, ...]:
    """Prepare this node's engine to run; return what the operator should read."""
    timekeeping.synchronise()
    now, wall = clock.now(), clock.wall()
    gate.raise_to(gate.VERSION, by=node, wall=wall)
    restored = mark.why_older(data_dir)
    outage = actions.note_outage(now=now, wall=wall)
    reason = "it was started with --hold" if is_held else restored
    lines = []
    if reason is not None:
        held = hold.begin(reason, wall=wall)
        lines.append(
            f"On hold until {held.until:%H:%M} UTC, because {reason}: nobody is paged."
            " Release it on the console or with: watchbill engine release"
        )
    if outage is not None:
        lines.append(
            f"No engine ran from {outage.began_at:%Y-%m-%d %H:%M} to"
            f" {outage.ended_at:%Y-%m-%d %H:%M} UTC; messages about that time are"
            " marked late."
        )
    return (*lines, *_warnings())


def _warnings() -> Iterator[str]:
    """What is wrong with this database, and not so wrong that it is refused."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW max_connections")
        limit = int(cursor.fetchone()[0])
    if limit < PAGES + OTHERS:
        yield (
            f"max_connections of the database is {limit}; a busy node of watchbill uses"
            f" about {PAGES + OTHERS}."
        )
    if _async_standbys():
        yield (
            "A standby of this database is asynchronous: a failover to it may lose what"
            " was confirmed last. Set synchronous_standby_names to close that window."
        )


def _async_standbys() -> int:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_ASYNC)
            return int(cursor.fetchone()[0])
    except DatabaseError:  # who may not look at replication cannot be warned of it
        return 0
