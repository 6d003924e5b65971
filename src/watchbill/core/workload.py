"""Workload: how much of the watch each person carries, and how to share it out.

Hours are counted as they were or will be held, by the one resolver. Hours at *night*,
at *weekends* and on *holidays* weigh more and are counted beside the whole, each by
itself: the night of a holiday is in all of them. What is counted as such is wall-clock
time of one zone. A shadow's hours are counted but carry nothing (S4.4-07).

Two things are warned of (S4.4-13): more than two incidents within any twelve hours, as
many as can be handled with the care that each needs; and more than a quarter of all
time on call as primary or secondary, which leaves too little for other work. Both are
of the Google SRE book, chapter 11.

:func:`fair` shares the coming turns out. It gives one after the other to whom it makes
least uneven: the one for whom the squares of what each carries, by night, at weekends
and on holidays, grow least. Nobody gets a turn who is absent for any of it, and as long
as others are there everybody rests for some turns between two. The same question has
the same answer; it is a proposal, and people decide.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from watchbill.core.layers import Layer
from watchbill.core.oncall import Absence, Duty, Shift
from watchbill.core.sweep import Ends, joined
from watchbill.core.temporal import Interval, WeeklyHours

MAX_INCIDENTS = 2
"""Incidents within ``SHIFT`` above which there is a warning."""

SHIFT = timedelta(hours=12)

MAX_SHARE = 0.25
"""The share of all time on call above which there is a warning."""

_EVERY_DAY = frozenset(range(7))


class Burden(StrEnum):
    """Hours that are counted: all of them, and those that weigh more."""

    HOURS = "hours"
    NIGHT = "night"
    WEEKEND = "weekend"
    HOLIDAY = "holiday"


@dataclass(frozen=True, slots=True, kw_only=True)
class OffHours:
    """What counts as night, weekend and holiday in one zone."""

    zone: ZoneInfo
    #: The night shift of A21, unless told otherwise.
    night_starts: time = time(20)
    night_ends: time = time(8)
    weekend: frozenset[int] = frozenset({5, 6})
    holidays: frozenset[date] = frozenset()

    def is_night(self, at: datetime) -> bool:
        """Return whether an instant lies in a night."""
        return self._night.contains(at)

    def burdens(self, during: Interval) -> Mapping[Burden, timedelta]:
        """Return how much of a stretch counts as what."""
        return {
            Burden.HOURS: during.length,
            Burden.NIGHT: _shared(self._night.around(during), during),
            Burden.WEEKEND: _shared(self._days(self.weekend, during), during),
            Burden.HOLIDAY: _shared(self._holidays_around(during), during),
        }

    @property
    def _night(self) -> WeeklyHours:
        return WeeklyHours(
            days=_EVERY_DAY,
            starts=self.night_starts,
            ends=self.night_ends,
            zone=self.zone,
        )

    def _days(self, days: frozenset[int], during: Interval) -> Iterator[Ends]:
        whole = WeeklyHours(days=days, starts=time(), ends=time(), zone=self.zone)
        return whole.around(during)

    def _holidays_around(self, during: Interval) -> Iterator[Ends]:
        for starts_at, ends_at in self._days(_EVERY_DAY, during):
            if starts_at.astimezone(self.zone).date() in self.holidays:
                yield starts_at, ends_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One page that went to somebody."""

    contact: str
    at: datetime
    #: The incident's number.
    incident: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What one person carries in a stretch of time."""

    contact: str
    hours: Mapping[Duty, timedelta] = field(default_factory=dict)
    #: As primary and secondary together.
    burdens: Mapping[Burden, timedelta] = field(default_factory=dict)
    #: The part of all time in which the person is primary or secondary.
    share: float = 0.0
    pages: int = 0
    night_pages: int = 0
    incidents: int = 0
    #: The most incidents within any twelve hours, and when those began.
    worst_incidents: int = 0
    worst_at: datetime | None = None

    def burden(self, kind: Burden) -> timedelta:
        """Return the hours of one kind."""
        return self.burdens.get(kind, timedelta(0))

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return what is too much, in words (S4.4-13)."""
        found = []
        if self.worst_incidents > MAX_INCIDENTS:
            hours = SHIFT // timedelta(hours=1)
            found.append(
                f"{self.worst_incidents} incidents within {hours} hours; "
                f"more than {MAX_INCIDENTS} are too many"
            )
        if self.share > MAX_SHARE:
            found.append(
                f"on call {self.share:.0%} of the time; "
                f"more than {MAX_SHARE:.0%} is too much"
            )
        return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignedTurn:
    """A turn and whom it is proposed for; None where everybody is absent."""

    turn: int
    during: Interval
    contact: str | None


def workloads(
    shifts: Iterable[Shift],
    calls: Iterable[Call] = (),
    *,
    during: Interval,
    off_hours: OffHours,
) -> tuple[Workload, ...]:
    """Return what each person carries in a stretch, by contact key.

    Shifts may be of several schedules; where two of one person run at once both count,
    but the share of time counts that once.
    """
    held: dict[str, list[Shift]] = defaultdict(list)
    for shift in shifts:
        if shift.holder is not None and shift.during.overlaps(during):
            held[shift.holder].append(shift)
    called: dict[str, list[Call]] = defaultdict(list)
    for call in calls:
        if call.at in during:
            called[call.contact].append(call)
    return tuple(
        _workload(contact, held[contact], called[contact], during, off_hours)
        for contact in sorted({*held, *called})
    )


def fair(
    layer: Layer,
    *,
    during: Interval,
    off_hours: OffHours,
    absences: Sequence[Absence] = (),
    carried: Mapping[str, Workload] | None = None,
    rest: int = 1,
) -> tuple[AssignedTurn, ...]:
    """Return a proposal: who takes each turn of a layer that begins in a stretch.

    ``carried`` is what people carry already, by contact key; ``rest`` is how many turns
    lie between two of one person, as far as there are people enough.
    """
    turns = list(_turns(layer, during))
    weights = [off_hours.burdens(turn) for _, turn in turns]
    shares = _Shares(layer.members, weights, carried or {})
    given: list[AssignedTurn] = []
    for (number, turn), weight in zip(turns, weights, strict=True):
        away = {one.contact for one in absences if one.during.overlaps(turn)}
        there = [one for one in shares.members if one not in away]
        tired = {one.contact for one in given[-rest:]} if rest else set()
        rested = [one for one in there if one not in tired]
        contact = shares.give(rested or there, weight)
        given.append(AssignedTurn(turn=number, during=turn, contact=contact))
    return tuple(given)


class _Shares:
    """What each member has been given so far, in parts of what there is to give."""

    def __init__(
        self,
        members: Sequence[str],
        weights: Sequence[Mapping[Burden, timedelta]],
        carried: Mapping[str, Workload],
    ) -> None:
        self.members = tuple(dict.fromkeys(members))
        self._given = dict.fromkeys(self.members, 0)
        nothing = timedelta(0)
        self._totals = {
            kind: sum((one[kind] for one in weights), nothing) for kind in Burden
        }
        self._parts = {
            one: {
                kind: self._part(kind, carried[one].burden(kind))
                if one in carried
                else 0.0
                for kind in Burden
            }
            for one in self.members
        }

    def give(
        self, people: Sequence[str], weight: Mapping[Burden, timedelta]
    ) -> str | None:
        """Give a turn to whom it makes least uneven, and return who that is.

        Among equals it is who was given fewer, then who stands first.
        """
        if not people:
            return None
        parts = {kind: self._part(kind, weight[kind]) for kind in Burden}

        def uneven(one: str) -> tuple[float, int]:
            mine = self._parts[one]
            # By so much the sum of squares grows, but for what is the same for all.
            growth = sum(mine[kind] * parts[kind] for kind in Burden)
            return round(growth, 12), self._given[one]

        chosen = min(people, key=uneven)
        self._given[chosen] += 1
        for kind in Burden:
            self._parts[chosen][kind] += parts[kind]
        return chosen

    def _part(self, kind: Burden, amount: timedelta) -> float:
        total = self._totals[kind]
        return amount / total if total else 0.0


def _turns(layer: Layer, during: Interval) -> Iterator[tuple[int, Interval]]:
    turn = layer.rhythm.turn_at(during.starts_at)
    while turn.during.starts_at < during.ends_at:
        if turn.during.starts_at >= during.starts_at:
            yield turn.number, turn.during
        turn = layer.rhythm.turn_at(turn.during.ends_at)


def _workload(
    contact: str,
    shifts: Sequence[Shift],
    calls: Sequence[Call],
    during: Interval,
    off_hours: OffHours,
) -> Workload:
    hours: dict[Duty, timedelta] = defaultdict(timedelta)
    burdens: dict[Burden, timedelta] = defaultdict(timedelta)
    stretches = []
    for shift in shifts:
        stretch = shift.during.intersection(during)
        if stretch is None:
            continue
        hours[shift.duty] += stretch.length
        if shift.duty is not Duty.SHADOW:
            stretches.append((stretch.starts_at, stretch.ends_at))
            for kind, amount in off_hours.burdens(stretch).items():
                burdens[kind] += amount
    worst, worst_at = _worst(calls)
    return Workload(
        contact=contact,
        hours=dict(hours),
        burdens=dict(burdens),
        share=_shared(stretches, during) / during.length,
        pages=len(calls),
        night_pages=sum(off_hours.is_night(call.at) for call in calls),
        incidents=len({call.incident for call in calls}),
        worst_incidents=worst,
        worst_at=worst_at,
    )


def _worst(calls: Sequence[Call]) -> tuple[int, datetime | None]:
    """Return the most incidents within ``SHIFT`` of a call, and the first such call."""
    first, found = None, 0
    ordered = sorted(calls, key=lambda one: one.at)
    instants = [one.at for one in ordered]
    for number, call in enumerate(ordered):
        until = bisect_left(instants, call.at + SHIFT)
        within = {one.incident for one in ordered[number:until]}
        if len(within) > found:
            first, found = call.at, len(within)
    return found, first


def _shared(stretches: Iterable[Ends], during: Interval) -> timedelta:
    """Return for how much of a stretch any of others runs."""
    pieces = joined([sorted(stretches)], during)
    return sum((ends_at - starts_at for starts_at, ends_at in pieces), timedelta(0))
