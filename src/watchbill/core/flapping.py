"""Flapping: a condition that comes and goes faster than people can answer.

Every begin and every cease is a *flip*. An alert *flaps* from the flip with which
the latest so many lie within a stretch of time, until it has been quiet for the
hold-down. While it flaps its ends are not believed: the incident stays open, and the
next begin joins it instead of opening another (S4.2-26).

Only the latest flips that the rule counts are kept, so that an alert which flaps for
a week takes no more room than one which flapped for an hour.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class FlapRule:
    """How many flips are too many, and how long a quiet is believed after."""

    flips: int
    within: timedelta
    hold_down: timedelta

    def __post_init__(self) -> None:
        if self.flips < 1:
            message = f"an alert cannot flap at {self.flips} flips"
            raise ValueError(message)


def after_flip(
    flips: Sequence[datetime], *, at: datetime, rule: FlapRule
) -> tuple[datetime, ...]:
    """Return the flips to remember after one more, in order, the latest last.

    Flips may become known out of order; each counts.
    """
    return tuple(sorted((*flips, at))[-rule.flips :])


def is_flapping(flips: Sequence[datetime], *, at: datetime, rule: FlapRule) -> bool:
    """Return whether an end of the alert is not to be believed yet."""
    latest = sorted(flips)[-rule.flips :]
    if len(latest) < rule.flips:
        return False
    too_fast = latest[-1] - latest[0] <= rule.within
    return too_fast and at < quiet_at(latest, rule)


def quiet_at(flips: Sequence[datetime], rule: FlapRule) -> datetime:
    """Return when the end of a flapping alert is believed, if it flips no more.

    ValueError when there was no flip.
    """
    return max(flips) + rule.hold_down
