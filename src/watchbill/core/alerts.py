"""Alerts: many signals about one condition, kept as one record.

A *signal* is one observation by a source: a condition, named by its fingerprint,
is firing or resolved. The first firing signal makes an *alert*; every further one
updates it and never opens a second incident while the first is open (S4.1-09).

An alert that fires again joins its incident while that is open; once the incident
is resolved, the alert begins a new *episode*, which has an incident of its own. So
does an alert that a source still reports some minutes after people have resolved
its incident: they believed that it was over, and it is not.

Signals may arrive late and out of order. A resolve that ended before the alert
began is stale and changes nothing. So is a repetition of the very firing that has
just ended, but only for some minutes: later it is believed, whatever start it
names, because a source that was restarted or whose clock is slow reports old
starts, and a page too many is better than one too few. A start in the future is
clamped to the instant of receipt, and both are kept (A58).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from watchbill.core.labels import Labels

GRACE = timedelta(minutes=5)
"""For this long signals may still be on their way that were sent before an end."""


class AlertStatus(StrEnum):
    """Whether the source sees the condition now."""

    FIRING = "firing"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One observation of one condition, in the common form (S4.1-08)."""

    fingerprint: str
    status: AlertStatus
    title: str
    labels: Labels
    annotations: Mapping[str, str] = field(default_factory=dict)
    #: When the source says that the condition began and ended.
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    #: Links by what they show, such as "runbook" or "dashboard".
    links: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """What is known of an alert from its first firing to its resolve."""

    status: AlertStatus
    starts_at: datetime
    last_seen_at: datetime
    ends_at: datetime | None = None
    #: When it began to fire again, if it has; a resolve from before is stale.
    resumed_at: datetime | None = None
    #: Firing signals received, the first included.
    count: int = 1


class FoldReason(StrEnum):
    """What a signal did to its alert."""

    FIRST_SEEN = "first_seen"
    SEEN_AGAIN = "seen_again"
    FIRED_AGAIN = "fired_again"
    NEW_EPISODE = "new_episode"
    RESOLVED = "resolved"
    ALREADY_RESOLVED = "already_resolved"
    STALE = "stale"
    NEVER_FIRED = "never_fired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """The alert after a signal; ``episode`` is None when there still is none."""

    reason: FoldReason
    episode: Episode | None

    @property
    def starts_episode(self) -> bool:
        """Whether a new alert record begins here."""
        return self.reason in {FoldReason.FIRST_SEEN, FoldReason.NEW_EPISODE}


def fold(
    current: Episode | None,
    signal: Signal,
    *,
    incident_resolved_at: datetime | None,
    now: datetime,
) -> Fold:
    """Return the alert after a signal received at ``now``.

    ``incident_resolved_at`` is when the incident of the current episode was
    resolved, None while it is open.
    """
    match signal.status:
        case AlertStatus.RESOLVED:
            return _resolve(current, signal, now=now)
        case AlertStatus.FIRING if current is None:
            return Fold(reason=FoldReason.FIRST_SEEN, episode=_fresh(signal, now=now))
        case AlertStatus.FIRING if current.status is AlertStatus.FIRING:
            return _still_fires(current, signal, incident_resolved_at, now=now)
        case AlertStatus.FIRING:
            return _fires_again(current, signal, incident_resolved_at, now=now)


def _fresh(signal: Signal, *, now: datetime) -> Episode:
    return Episode(
        status=AlertStatus.FIRING,
        starts_at=_start_of(signal, now=now),
        last_seen_at=now,
    )


def _start_of(signal: Signal, *, now: datetime) -> datetime:
    return min(signal.starts_at or now, now)


def _still_fires(
    current: Episode, signal: Signal, resolved_at: datetime | None, *, now: datetime
) -> Fold:
    if resolved_at is not None and now - resolved_at > GRACE:
        fresh = _fresh(signal, now=now)
        return Fold(reason=FoldReason.NEW_EPISODE, episode=fresh)
    seen = replace(current, last_seen_at=now, count=current.count + 1)
    return Fold(reason=FoldReason.SEEN_AGAIN, episode=seen)


def _fires_again(
    current: Episode, signal: Signal, resolved_at: datetime | None, *, now: datetime
) -> Fold:
    starts_at = _start_of(signal, now=now)
    is_repetition = starts_at <= (current.resumed_at or current.starts_at)
    if is_repetition and now - current.last_seen_at <= GRACE:
        return Fold(reason=FoldReason.STALE, episode=current)
    if resolved_at is not None:
        fresh = _fresh(signal, now=now)
        return Fold(reason=FoldReason.NEW_EPISODE, episode=fresh)
    again = replace(
        current,
        status=AlertStatus.FIRING,
        last_seen_at=now,
        ends_at=None,
        resumed_at=max(starts_at, current.ends_at or starts_at),
        count=current.count + 1,
    )
    return Fold(reason=FoldReason.FIRED_AGAIN, episode=again)


def _resolve(current: Episode | None, signal: Signal, *, now: datetime) -> Fold:
    if current is None:
        return Fold(reason=FoldReason.NEVER_FIRED, episode=None)
    if current.status is AlertStatus.RESOLVED:
        return Fold(reason=FoldReason.ALREADY_RESOLVED, episode=current)
    ends_at = min(signal.ends_at or now, now)
    if ends_at < (current.resumed_at or current.starts_at):
        return Fold(reason=FoldReason.STALE, episode=current)
    over = replace(
        current, status=AlertStatus.RESOLVED, last_seen_at=now, ends_at=ends_at
    )
    return Fold(reason=FoldReason.RESOLVED, episode=over)
