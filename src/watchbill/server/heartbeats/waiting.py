"""By when a monitor must speak.

Nothing is awaited of a monitor that is paused, or has never spoken: whoever sets up a
job is not paged for it before it has run once.

Time is half-open: a sign of life *before* the instant at which a monitor is late is in
time, and at that very instant the monitor is late.

- Without a window, its success is awaited ``period`` and ``grace`` after the last one.
- With a window of the plan, its success is awaited once in each occurrence: from its
  start until its end and the plan's grace after it. A success before the start is one
  of the day before.
- A run that has begun must end within ``grace``, unless a window says by when.

Silence does not count while nobody could hear (``counts_from``).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from watchbill.core.heartbeats import Expectation, late_at
from watchbill.core.maintenance import Window, occurrences
from watchbill.core.temporal import Interval
from watchbill.server.heartbeats.models import HeartbeatMonitor

_AHEAD = timedelta(days=200)
"""The longest time between two occurrences of a window is a quarter."""


class Silence(StrEnum):
    """What has not come."""

    SUCCESS = "success"
    END = "end"
    WINDOW = "window"


@dataclass(frozen=True, slots=True, kw_only=True)
class Awaited:
    """What a monitor must say, and from when on it is late."""

    what: Silence
    late_at: datetime


def awaited(
    monitor: HeartbeatMonitor,
    windows: Iterable[Window],
    *,
    since: datetime | None = None,
) -> Awaited | None:
    """Return what is awaited next; None for nothing.

    ``since`` is a further instant from which its silence counts anew.
    """
    if monitor.paused_at is not None or monitor.last_beat_at is None:
        return None
    marks = (monitor.last_success_at, monitor.counts_from, since)
    anchor = max((one for one in marks if one is not None), default=None)
    if anchor is None:
        return None
    if (window := window_of(monitor, windows)) is not None:
        due_at = _due_in_window(window, after=anchor)
        if due_at is not None:
            return Awaited(what=Silence.WINDOW, late_at=due_at)
    return _by_period(monitor, anchor)


def window_of(monitor: HeartbeatMonitor, windows: Iterable[Window]) -> Window | None:
    """Return the window in which a monitor's job runs, if the plan still has it."""
    if not monitor.window:
        return None
    for window in windows:
        if window.key == monitor.window and window.heartbeat_grace is not None:
            return window
    return None


def period_of(window: Window, *, now: datetime) -> timedelta | None:
    """Return the time from one occurrence to the next; None when it has no two."""
    ahead = Interval(starts_at=now, ends_at=now + 2 * _AHEAD)
    starts = (one.during.starts_at for one in occurrences(window, during=ahead))
    first, second = next(starts, None), next(starts, None)
    return None if first is None or second is None else second - first


def _due_in_window(window: Window, *, after: datetime) -> datetime | None:
    ahead = Interval(starts_at=after, ends_at=after + _AHEAD)
    for one in occurrences(window, during=ahead):
        if one.during.starts_at > after:
            return one.heartbeat_due_at
    return None


def _by_period(monitor: HeartbeatMonitor, anchor: datetime) -> Awaited:
    expectation = Expectation(period=monitor.period, grace=monitor.grace)
    by_period = late_at(anchor, expectation)
    if monitor.started_at is not None and monitor.grace:
        # A run of which nobody could hear the end counts from when somebody could.
        began_at = max(monitor.started_at, monitor.counts_from or monitor.started_at)
        if began_at + monitor.grace < by_period:
            return Awaited(what=Silence.END, late_at=began_at + monitor.grace)
    return Awaited(what=Silence.SUCCESS, late_at=by_period)
