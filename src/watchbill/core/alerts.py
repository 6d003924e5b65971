"""Alerts: many signals about one condition, kept as one record.

A *signal* is one observation by a source: a condition, named by its fingerprint,
is firing or resolved. The first firing signal makes an *alert*; every further one
updates it and never opens a second incident while the first is open (S4.1-09).

An alert that fires again joins its incident while that is open; once the incident
is resolved, the alert begins a new *episode*, which has an incident of its own. So
does an alert that a source still reports some minutes after people have resolved
its incident: they believed that it was over, and it is not.

Signals may arrive late and out of order. A resolve that ended before the alert
began is stale and changes nothing, provided that the source named the beginning too:
its clock compared with ours would tell nothing. So is a repetition of the very firing
that has just ended, but only for some minutes: later it is believed, whatever start it
names, because a source that was restarted or whose clock is slow reports old
starts, and a page too many is better than one too few. A start in the future is
clamped to the instant of receipt, and both are kept (A58).

A source that never says that something is over, as Prometheus, says until when each
signal holds. Unless it is repeated the alert *expires* then, which ends it as a resolve
does, with one difference: the next signal is never a straggler, because the end was
nobody's observation.
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
    #: When a firing condition ends by itself unless the source repeats it, as
    #: Prometheus does; None for sources that say when it is over, or never do.
    expires_at: datetime | None = None
    #: How long it is believed without a repetition, counted from its receipt: for
    #: sources that never say when it is over, and whose posts name no instant.
    lasts: timedelta | None = None


class ActKind(StrEnum):
    """What somebody did about an alert in the tool that reports it."""

    ACKNOWLEDGE = "acknowledge"
    UNACKNOWLEDGE = "unacknowledge"
    NOTE = "note"
    ESCALATE = "escalate"
    #: Other words or another severity for the same condition, in ``values``: any of
    #: "title", "description" and "severity" (a value of the label ``severity``).
    REVISE = "revise"


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Something done about an alert that is known; nothing when it is not open."""

    fingerprint: str
    kind: ActKind
    #: Who did it, as the source names people; empty when it does not say.
    actor: str = ""
    text: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeReport:
    """A deployment or another change; it pages nobody and explains much."""

    summary: str
    at: datetime | None = None
    source: str = ""
    service: str = ""
    details: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)


class BeatKind(StrEnum):
    """What a job says of its run."""

    START = "start"
    SUCCESS = "success"
    FAIL = "fail"
    #: Words only; neither a success nor a failure.
    LOG = "log"


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """A sign of life of a job or a monitoring system (S4.1-12, S5.1-13)."""

    #: Names the monitor among those of its integration; empty when it has one only.
    name: str = ""
    kind: BeatKind = BeatKind.SUCCESS
    exit_code: int | None = None
    #: The end of what the job printed.
    log: str = ""
    #: Tells apart the runs of a job that overlaps itself.
    run: str = ""


Report = Signal | Act | ChangeReport | Beat
"""One thing that a source tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """What is known of an alert from its first firing to its resolve."""

    status: AlertStatus
    starts_at: datetime
    last_seen_at: datetime
    #: Whether ``starts_at`` is by the clock of the source, and not by ours.
    is_start_claimed: bool = False
    ends_at: datetime | None = None
    #: When it began to fire again, if it has; a resolve from before is stale.
    resumed_at: datetime | None = None
    #: When it ends by itself unless it is repeated.
    expires_at: datetime | None = None
    #: Firing signals received, the first included.
    count: int = 1

    @property
    def has_expired(self) -> bool:
        """Whether it ended because nothing more was heard of it."""
        return self.ends_at is not None and self.ends_at == self.expires_at


class FoldReason(StrEnum):
    """What a signal did to its alert."""

    FIRST_SEEN = "first_seen"
    SEEN_AGAIN = "seen_again"
    FIRED_AGAIN = "fired_again"
    NEW_EPISODE = "new_episode"
    RESOLVED = "resolved"
    EXPIRED = "expired"
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


def received(signal: Signal, *, now: datetime) -> Signal:
    """Return what a signal means that was received at ``now``.

    How long it lasts becomes until when; and one that names an end that has passed says
    that the condition is over, whatever it calls itself.
    """
    expires_at = signal.expires_at
    if expires_at is None and signal.lasts is not None:
        expires_at = now + signal.lasts
    if signal.status is AlertStatus.RESOLVED or expires_at is None:
        return signal
    if expires_at > now:
        return replace(signal, expires_at=expires_at)
    return replace(signal, status=AlertStatus.RESOLVED, ends_at=expires_at)


def expire(current: Episode, *, now: datetime) -> Fold:
    """Return the alert at ``now`` if no further signal has come."""
    ends_at = current.expires_at
    is_over = current.status is AlertStatus.RESOLVED
    if ends_at is None or ends_at > now or is_over:
        return Fold(reason=FoldReason.STALE, episode=current)
    over = replace(current, status=AlertStatus.RESOLVED, ends_at=ends_at)
    return Fold(reason=FoldReason.EXPIRED, episode=over)


def _fresh(signal: Signal, *, now: datetime) -> Episode:
    return Episode(
        status=AlertStatus.FIRING,
        starts_at=_start_of(signal, now=now),
        is_start_claimed=signal.starts_at is not None,
        last_seen_at=now,
        expires_at=signal.expires_at,
    )


def _start_of(signal: Signal, *, now: datetime) -> datetime:
    return min(signal.starts_at or now, now)


def _still_fires(
    current: Episode, signal: Signal, resolved_at: datetime | None, *, now: datetime
) -> Fold:
    if resolved_at is not None and now - resolved_at > GRACE:
        fresh = _fresh(signal, now=now)
        return Fold(reason=FoldReason.NEW_EPISODE, episode=fresh)
    seen = replace(
        current,
        last_seen_at=now,
        expires_at=signal.expires_at,
        count=current.count + 1,
    )
    return Fold(reason=FoldReason.SEEN_AGAIN, episode=seen)


def _fires_again(
    current: Episode, signal: Signal, resolved_at: datetime | None, *, now: datetime
) -> Fold:
    starts_at = _start_of(signal, now=now)
    is_repetition = starts_at <= (current.resumed_at or current.starts_at)
    is_recent = now - current.last_seen_at <= GRACE
    if is_repetition and is_recent and not current.has_expired:
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
        expires_at=signal.expires_at,
        count=current.count + 1,
    )
    return Fold(reason=FoldReason.FIRED_AGAIN, episode=again)


def _resolve(current: Episode | None, signal: Signal, *, now: datetime) -> Fold:
    if current is None:
        return Fold(reason=FoldReason.NEVER_FIRED, episode=None)
    if current.status is AlertStatus.RESOLVED:
        return Fold(reason=FoldReason.ALREADY_RESOLVED, episode=current)
    ends_at = min(signal.ends_at or now, now)
    began_at = current.resumed_at or current.starts_at
    if ends_at < began_at and current.is_start_claimed:
        return Fold(reason=FoldReason.STALE, episode=current)
    over = replace(
        current,
        status=AlertStatus.RESOLVED,
        last_seen_at=now,
        ends_at=max(ends_at, began_at),
    )
    return Fold(reason=FoldReason.RESOLVED, episode=over)
