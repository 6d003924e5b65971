"""On-call: who holds the watch at any instant.

A *rotation* hands the watch from member to member at one wall-clock time each
week. The secondary is by default the primary of the week before, so that the
backup knows what happened, and the shadow is the primary of the week after, so
that nobody starts blind (A23). A shadow learns: it gets copies and can never be
the only one told (S4.4-07).

*Overrides* take precedence over the rotation, the latest entered first
(S4.4-09). Weeks are counted in the rotation's own zone and handed over at the
same wall time across zone changes, so a week may last 167 or 169 hours. The
rotation runs on for ever without further entries (S4.4-03), and before its first
handover those who take over there already hold the watch, because cover begins
with the plan, at 00:00 of its first day, and not at the first 10:00 (A23).

Nobody holds two duties at once (S4.4-10). Where an override would make it so, as
when the secondary takes over the primary's night, the greater duty counts and the
lesser one is held by nobody: a ladder then goes on to its next step at once,
instead of ringing the same person again. Holidays close the office and not the watch;
who held it, and for how long, is all that is said about pay (A59).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from itertools import takewhile
from zoneinfo import ZoneInfo

from watchbill.core.temporal import Interval, at_wall

_WEEK = timedelta(days=7)


class Duty(StrEnum):
    """What somebody on call is expected to do, the greatest duty first."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    SHADOW = "shadow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """A weekly rotation through members, given by their contact keys."""

    key: str
    title: str
    members: tuple[str, ...]
    #: The day of the first handover; it fixes the weekday (Friday in S4.4-02).
    first_day: date
    handover: time
    zone: ZoneInfo
    #: Weeks by which a duty trails (-) or leads (+) the primary's place (A23).
    secondary_offset: int = -1
    shadow_offset: int | None = 1

    def __post_init__(self) -> None:
        if not self.members:
            message = f"the rotation {self.key!r} has no members"
            raise ValueError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """Somebody takes one duty of a rotation for a stretch of time."""

    rotation: str
    duty: Duty
    contact: str
    during: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """One week of a rotation: who holds which duty, before overrides."""

    rotation: str
    during: Interval
    primary: str
    secondary: str | None
    shadow: str | None

    def holder(self, duty: Duty) -> str | None:
        """Return the contact key that holds the duty in this week."""
        match duty:
            case Duty.PRIMARY:
                return self.primary
            case Duty.SECONDARY:
                return self.secondary
            case Duty.SHADOW:
                return self.shadow


def shift_at(rotation: Rotation, *, at: datetime) -> Shift:
    """Return the week of the rotation that contains ``at``."""
    local = at.astimezone(rotation.zone).date()
    week = (local - rotation.first_day) // _WEEK
    if at < _starts_at(rotation, week):
        week -= 1
    # Where clocks go back across midnight, yesterday's date is shown again after a
    # handover at 00:00 (St. John's, until 2011).
    elif at >= _starts_at(rotation, week + 1):
        week += 1
    return _shift(rotation, week)


def shifts(rotation: Rotation, *, during: Interval) -> Iterator[Shift]:
    """Yield, in order, every week that shares an instant with ``during``."""
    shift = shift_at(rotation, at=during.starts_at)
    while shift.during.starts_at < during.ends_at:
        yield shift
        shift = shift_at(rotation, at=shift.during.ends_at)


def on_call(
    rotation: Rotation,
    duty: Duty,
    *,
    at: datetime,
    overrides: tuple[Override, ...] = (),
) -> str | None:
    """Return the contact key that holds a duty at an instant.

    ``overrides`` are in the order of entry; a later one wins. None when the
    rotation has nobody for the duty, as one of a single member has no secondary,
    or when its holder already holds a greater one (S4.4-10).
    """
    shift = shift_at(rotation, at=at)
    holders = {
        one: _override(rotation, one, at=at, overrides=overrides) or shift.holder(one)
        for one in Duty
    }
    greater = takewhile(lambda one: one is not duty, Duty)
    taken = {holders[one] for one in greater}
    return None if holders[duty] in taken else holders[duty]


def _override(
    rotation: Rotation, duty: Duty, *, at: datetime, overrides: tuple[Override, ...]
) -> str | None:
    for override in reversed(overrides):
        applies = override.rotation == rotation.key and override.duty is duty
        if applies and at in override.during:
            return override.contact
    return None


def _starts_at(rotation: Rotation, week: int) -> datetime:
    day = rotation.first_day + week * _WEEK
    return at_wall(day, rotation.handover, rotation.zone)


def _shift(rotation: Rotation, week: int) -> Shift:
    starts_at, ends_at = _starts_at(rotation, week), _starts_at(rotation, week + 1)
    # Before the first handover the members of the first week hold the watch.
    week = max(week, 0)
    primary = _member(rotation, week)
    secondary = _member(rotation, week + rotation.secondary_offset)
    shadow = (
        None
        if rotation.shadow_offset is None
        else _member(rotation, week + rotation.shadow_offset)
    )
    return Shift(
        rotation=rotation.key,
        during=Interval(starts_at=starts_at, ends_at=ends_at),
        primary=primary,
        # Nobody backs up or shadows himself (S4.4-10).
        secondary=secondary if secondary != primary else None,
        shadow=shadow if shadow not in {primary, secondary} else None,
    )


def _member(rotation: Rotation, week: int) -> str:
    return rotation.members[week % len(rotation.members)]
