"""Layers: who takes turns in one rhythm, and when that counts.

A layer hands the watch from member to member, turn by turn (see
:mod:`watchbill.core.recurrence`). It may be *active* within its hours only, such as
nights or weekends, and between two days. Layers lie on each other in a schedule
(:mod:`watchbill.core.oncall`): while one is not active, the one below it counts.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time, timedelta

from watchbill.core.recurrence import Rhythm
from watchbill.core.sweep import Changes, Ends, joined
from watchbill.core.temporal import Interval, WeeklyHours, at_wall

NOT_ACTIVE = -1
"""The place of a layer while it is not active."""

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """Members, by their contact keys, who take turns in one rhythm."""

    key: str
    members: tuple[str, ...]
    rhythm: Rhythm
    #: It holds only within these; empty is always.
    hours: tuple[WeeklyHours, ...] = ()
    #: From 00:00 of the first to the end of the last, on days of the rhythm's zone;
    #: None is unbounded. The lowest layer of a schedule has no beginning (A23).
    first_day: date | None = None
    last_day: date | None = None

    def __post_init__(self) -> None:
        if not self.members:
            message = f"the layer {self.key!r} has no members"
            raise ValueError(message)

    def place_of(self, turn: int) -> int:
        """Return whose turn it is, as a place among the members.

        Before the first hand-over it is the first member's (A23).
        """
        return max(turn, 0) % len(self.members)

    def places(self, during: Interval, *, is_lowest: bool) -> Changes:
        """Yield whose turn it is from each instant on, as a place among the members.

        It is ``NOT_ACTIVE`` while the layer is not.
        """
        turns = [
            (starts_at, self.place_of(number))
            for number, starts_at in self.rhythm.starts_within(during)
        ]
        starts = [starts_at for starts_at, _ in turns]
        until = during.starts_at
        for starts_at, ends_at in self._active(during, is_lowest=is_lowest):
            if until < starts_at:
                yield until, NOT_ACTIVE
            until = ends_at
            number = bisect_right(starts, starts_at)
            yield starts_at, turns[number - 1][1]
            while number < len(turns) and starts[number] < ends_at:
                yield turns[number]
                number += 1
        if until < during.ends_at:
            yield until, NOT_ACTIVE

    def _active(self, during: Interval, *, is_lowest: bool) -> Iterator[Ends]:
        """Yield the ends of the stretches in which it is active: in order, apart."""
        starts_at, ends_at = during.starts_at, during.ends_at
        zone = self.rhythm.zone
        if self.first_day is not None and not is_lowest:
            starts_at = max(starts_at, at_wall(self.first_day, time(), zone))
        if self.last_day is not None:
            ends_at = min(ends_at, at_wall(self.last_day + _DAY, time(), zone))
        if ends_at <= starts_at:
            return
        bounds = Interval(starts_at=starts_at, ends_at=ends_at)
        if self.hours:
            yield from joined((one.around(bounds) for one in self.hours), bounds)
        else:
            yield starts_at, ends_at
