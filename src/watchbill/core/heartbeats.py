"""Heartbeats: whoever watches is watched.

A job, or a monitoring system, says again and again that it lives. It is *late* when
the period in which it should have spoken and the grace after it have passed; then its
silence is the alert (S4.1-12, S5.1-13).

Prometheus speaks through an alert that always fires, by custom called Watchdog. It
means the opposite of every other alert: it is a sign of life while it comes, and
never an alert itself.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from watchbill.core.labels import Labels, Matcher, matches_all


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """How often a sign of life should come, and how much later it still may."""

    period: timedelta
    grace: timedelta = timedelta(0)


def late_at(last_success_at: datetime, expectation: Expectation) -> datetime:
    """Return the instant from which it is late, unless a sign of life comes."""
    return last_success_at + expectation.period + expectation.grace


def is_watchdog(condition: tuple[Matcher, ...] | None, labels: Labels) -> bool:
    """Return whether an alert is a sign of life of the monitoring itself.

    Without a condition none is: else no alert would ever page again.
    """
    return bool(condition) and matches_all(condition or (), labels)
