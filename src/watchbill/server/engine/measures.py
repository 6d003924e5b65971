"""What this process measures while it works, for ``/metrics``.

Each node counts what it did itself; Prometheus adds nodes up. No label holds a title,
a name or a number of an incident (A15), so that the number of series is bounded by the
kinds of due steps and the channels that are set up. What is true of the whole
installation is read from the database at each scrape instead (``metrics.py``).
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
)

disable_created_metrics()  # type: ignore[no-untyped-call]

REGISTRY = CollectorRegistry(auto_describe=True)

_LAGS = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 3600)
_MINUTES = (30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 86400)

_LAG = Histogram(
    "watchbill_due_step_lag_seconds",
    "Time from when a due step was due to when it was decided.",
    ["kind"],
    buckets=_LAGS,
    registry=REGISTRY,
)
_FAILED = Counter(
    "watchbill_due_step_failures_total",
    "Decisions of due steps that failed and will be tried again.",
    ["kind"],
    registry=REGISTRY,
)
_FOLD_LAG = Histogram(
    "watchbill_fold_lag_seconds",
    "Time from the receipt of a post to its folding into alerts and incidents.",
    buckets=_LAGS,
    registry=REGISTRY,
)
_FOLD_ENDS = Counter(
    "watchbill_fold_process_ends_total",
    "Processes that fold which ended by themselves and were started again.",
    registry=REGISTRY,
)
_ATTEMPTS = Counter(
    "watchbill_notification_attempts_total",
    "Attempts to deliver a notification, by channel and result.",
    ["channel", "result"],
    registry=REGISTRY,
)
_FIRST_ATTEMPT = Histogram(
    "watchbill_first_attempt_seconds",
    "Time from the decision to tell somebody to the first attempt to do so.",
    ["channel"],
    buckets=_LAGS,
    registry=REGISTRY,
)
_ACKNOWLEDGED = Histogram(
    "watchbill_time_to_acknowledge_seconds",
    "Time from the declaration of an incident to its acknowledgement.",
    buckets=_MINUTES,
    registry=REGISTRY,
)


def fired(kind: str, due_at: Iterable[datetime], *, now: datetime) -> None:
    """Count due steps that were decided."""
    series = _LAG.labels(kind)
    for one in due_at:
        series.observe(_seconds(now - one))


def failed(kind: str) -> None:
    """Count a due step that could not be decided."""
    _FAILED.labels(kind).inc()


def folded(received_at: datetime, *, now: datetime) -> None:
    """Count a post that was folded."""
    _folds(_seconds(now - received_at))


def observe_fold(lag: float) -> None:
    """Count a post that was folded so many seconds after its receipt."""
    _FOLD_LAG.observe(lag)


_folds: Callable[[float], None] = observe_fold


def hand_folds_to(hear: Callable[[float], None]) -> None:
    """Have another process count what this one folds: nobody scrapes this one."""
    global _folds
    _folds = hear


def fold_process_ended() -> None:
    """Count a process that folds which ended though nobody asked it to."""
    _FOLD_ENDS.inc()


def attempted(channel: str, result: str) -> None:
    """Count an attempt that ended."""
    _ATTEMPTS.labels(channel, result).inc()


def first_attempt(channel: str, after: timedelta) -> None:
    """Count a first attempt."""
    _FIRST_ATTEMPT.labels(channel).observe(_seconds(after))


def acknowledged(after: timedelta) -> None:
    """Count an acknowledgement."""
    _ACKNOWLEDGED.observe(_seconds(after))


def _seconds(duration: timedelta) -> float:
    return max(0.0, duration.total_seconds())
