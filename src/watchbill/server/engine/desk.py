"""What an operator may do to the engine from a terminal, in sentences."""

from datetime import timedelta

from watchbill.server import clock
from watchbill.server.engine import hold as holds
from watchbill.server.engine import queries, timekeeping

_OPERATOR = "an operator at the command line"


def status() -> tuple[list[str], bool]:
    """Return how the engine stands, line by line, and whether people are paged."""
    wall = clock.wall()
    found = queries.health(wall=wall)
    step, message = queries.overdue(found.facts, wall=wall)
    lines = [found.text, f"Nodes alive: {found.facts.nodes}"]
    for name, at in (
        ("Last full cycle", found.facts.cycled_at),
        ("Last clean audit", found.facts.audited_at),
        ("Last heartbeat taken", found.facts.heartbeat_at),
    ):
        lines.append(f"{name}: {at:%Y-%m-%d %H:%M:%S} UTC" if at else f"{name}: never")
    lines.append(f"Oldest due step late by: {step.total_seconds():.0f} s")
    lines.append(f"Oldest message waiting for: {message.total_seconds():.0f} s")
    if found.facts.clock_offset:
        ahead = found.facts.clock_offset / timedelta(seconds=1)
        lines.append(f"Ahead of the database's clock by: {ahead:.0f} s")
    return lines, found.is_alive


def hold(reason: str) -> str:
    """Page nobody for a while."""
    one = holds.begin(reason, wall=clock.wall())
    return f"On hold until {one.until:%Y-%m-%d %H:%M:%S} UTC; nobody is paged."


def release() -> str:
    """Page people again."""
    if holds.release(by=_OPERATOR, wall=clock.wall()):
        return "Released: people are paged again."
    return "Nothing was on hold."


def accept_clock() -> str:
    """Keep to the database's clock again."""
    if timekeeping.accept():
        return "The engines keep to the database's clock again."
    return "The engines keep to the database's clock already."
