"""On-call: who holds the watch at any instant, and why.

A *schedule* is made of *layers* (see :mod:`watchbill.core.layers`), in each of which
members take turns. Where several layers are active the last one counts; where none
is, nobody holds the watch, and that is a gap to be reported (S4.4-08). The
lowest layer runs on for ever without further entries (S4.4-03), and before the first
hand-over those who take over there already hold the watch, because cover begins with
the plan, at 00:00 of its first day, and not at the first 10:00 (A23).

Three *duties* are held side by side. The secondary is by default whose turn it was
before, so that the backup knows what happened, and the shadow whose turn comes next, so
that nobody starts blind (A23); either may have layers of its own instead. A shadow
learns: it gets copies and can never be the only one told (S4.4-07).

*Overrides*, of which an accepted swap makes two, take precedence over the layers, the
latest entered first (S4.4-09). An *absence* passes a person over: the next member of
the same layer who is there and has no greater duty stands in, and with nobody left the
duty is held by nobody. An override counts even while its contact is absent: naming
somebody for these very hours says more than his leave does, and what looks like a slip
is reported by :mod:`watchbill.core.coverage`.

Nobody holds two duties at once (S4.4-10). Where an override would make it so, as when
the secondary takes over the primary's night, the greater duty counts and the lesser one
is held by nobody: a ladder then goes on to its next step at once, instead of ringing
the same person again. Nobody is called in for that; a stand-in is for the absent only.

:func:`resolve` is the one resolver: page, calendar, feed and report all ask it, and so
cannot differ. It goes once over the instants at which anything changes (see
:mod:`watchbill.core.sweep`): a turn, the hours of a layer, an override, an absence.
What is ruled there depends on nothing else; a state met before is not ruled again.
Holidays close the office and not the watch; who held it, and for how long, is all that
is said about pay (A59).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import chain, count, groupby
from operator import itemgetter
from typing import NamedTuple
from zoneinfo import ZoneInfo

from watchbill.core.layers import NOT_ACTIVE, Layer
from watchbill.core.sweep import Changes, State, coverings, sweep
from watchbill.core.temporal import Interval

_DAY = timedelta(days=1)

#: How far to either side of an instant its shift is looked for: seldom past the first.
_REACHES = (2 * _DAY, 16 * _DAY, 365 * _DAY)


class Duty(StrEnum):
    """What somebody on call is expected to do, the greatest duty first."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    SHADOW = "shadow"


DUTIES = tuple(Duty)
"""All duties, the greatest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Follow:
    """The member so many turns before (-) or after (+) the primary's, in his layer."""

    offset: int


Stand = Follow | tuple[Layer, ...]
"""Who stands beside the primary: a member at a distance, or layers of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Who holds the watch, by layers of which a later one covers an earlier one."""

    key: str
    title: str
    zone: ZoneInfo
    layers: tuple[Layer, ...]
    secondary: Stand | None = None
    shadow: Stand | None = None
    #: The category whose experts it stands for; None for a general watch.
    specialty: str | None = None

    def __post_init__(self) -> None:
        if not self.layers:
            message = f"the schedule {self.key!r} has no layers"
            raise ValueError(message)

    @property
    def members(self) -> tuple[str, ...]:
        """Return everybody in any layer, once, in order."""
        layers = (layer for duty in DUTIES for layer in self.layers_of(duty))
        return tuple(dict.fromkeys(one for layer in layers for one in layer.members))

    @property
    def duties(self) -> tuple[Duty, ...]:
        """Return the duties that the schedule gives out, the greatest first."""
        return tuple(duty for duty in DUTIES if self.stand(duty) is not None)

    def stand(self, duty: Duty) -> Stand | None:
        """Return how the holder of a duty is found; None where there is none."""
        stands = (self.layers, self.secondary, self.shadow)
        return stands[DUTIES.index(duty)]

    def layers_of(self, duty: Duty) -> tuple[Layer, ...]:
        """Return the layers of a duty's own, none where it follows the primary."""
        stand = self.stand(duty)
        return stand if isinstance(stand, tuple) else ()

    def layers_behind(self, duty: Duty) -> tuple[Layer, ...]:
        """Return the layers whose members come to hold a duty, own or the primary's."""
        follows = isinstance(self.stand(duty), Follow)
        return self.layers if follows else self.layers_of(duty)

    def takers(self, asked_of: str | None) -> tuple[str, ...]:
        """Return who may take a stretch from whoever asks for it.

        It is the one who is asked, of the schedule or not; where anybody is, with
        None, it is the members.
        """
        return self.members if asked_of is None else (asked_of,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """Somebody takes one duty of a schedule for a stretch of time."""

    schedule: str
    duty: Duty
    contact: str
    during: Interval
    #: Its number in the database; 0 for one that is not stored.
    number: int = 0
    is_swap: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """Somebody cannot hold any duty for a stretch of time: leave, illness."""

    contact: str
    during: Interval


class Source(StrEnum):
    """Why a shift is held by whom it is."""

    #: It is the member's turn.
    LAYER = "layer"
    #: It is the member's place beside the primary.
    FOLLOWS = "follows"
    OVERRIDE = "override"
    SWAP = "swap"
    #: Whose turn it is is absent; the next one stands in.
    STAND_IN = "stand_in"
    #: No layer is active, all are absent, or the only one has a greater duty.
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """Who holds one duty over a stretch of time, and why; None is a gap."""

    schedule: str
    duty: Duty
    during: Interval
    holder: str | None
    source: Source
    #: The key of the layer that was asked; None where none is active.
    layer: str | None = None
    #: Whose turn it is by the layer, where he does not hold it.
    instead_of: str | None = None
    #: The number of the override that counts.
    override: int | None = None


def resolve(
    schedule: Schedule,
    *,
    during: Interval,
    duties: Sequence[Duty] = DUTIES,
    overrides: Sequence[Override] = (),
    absences: Sequence[Absence] = (),
) -> tuple[Shift, ...]:
    """Return who holds which duty within ``during``, ordered by duty, then time.

    The shifts of a duty tile ``during`` without gap or overlap, and two that meet
    differ. ``overrides`` are in the order of entry; a later one wins; those of other
    schedules are passed over.
    """
    during = during.in_utc()
    own = [one for one in overrides if one.schedule == schedule.key]
    changes = list(_rulings(schedule, during, own, absences))
    return tuple(
        chain.from_iterable(
            _shifts(schedule.key, duty, changes, until=during.ends_at)
            for duty in duties
        )
    )


def on_call(
    schedule: Schedule,
    duty: Duty,
    *,
    at: datetime,
    overrides: Sequence[Override] = (),
    absences: Sequence[Absence] = (),
) -> Shift:
    """Return the shift around an instant: whole, but for a year to either side."""
    for reach in _REACHES:
        window = Interval(starts_at=at - reach, ends_at=at + reach)
        shifts = resolve(
            schedule,
            during=window,
            duties=(duty,),
            overrides=overrides,
            absences=absences,
        )
        found = next(one for one in shifts if at in one.during)
        within = found.during
        if window.starts_at < within.starts_at and within.ends_at < window.ends_at:
            break
    return found


def holder(
    schedule: Schedule,
    duty: Duty,
    *,
    at: datetime,
    overrides: Sequence[Override] = (),
    absences: Sequence[Absence] = (),
) -> str | None:
    """Return who holds a duty at an instant: :func:`on_call` without the shift."""
    during = Interval(starts_at=at, ends_at=at + timedelta.resolution)
    (shift,) = resolve(
        schedule, during=during, duties=(duty,), overrides=overrides, absences=absences
    )
    return shift.holder


def by_holder(shifts: Iterable[Shift]) -> Iterator[Shift]:
    """Yield shifts with those joined that one person holds without a break.

    What is joined is held for the first one's reason. Of interest where it does not
    matter why: nobody is reminded at 10:00 that an override goes on.
    """
    last: Shift | None = None
    for one in shifts:
        if last is not None and _post(one, one.during.starts_at) == _post(
            last, last.during.ends_at
        ):
            last = replace(
                last, during=replace(last.during, ends_at=one.during.ends_at)
            )
            continue
        if last is not None:
            yield last
        last = one
    if last is not None:
        yield last


def together(
    *tracks: Sequence[Shift],
) -> Iterator[tuple[Interval, tuple[str | None, ...]]]:
    """Yield the stretches in which nobody of several changes, and who holds each.

    Each of ``tracks`` is one duty, and all tile the same time, as those of
    :func:`resolve` do.
    """
    begins = [{one.during.starts_at: one.holder for one in track} for track in tracks]
    held: tuple[str | None, ...] = (None,) * len(tracks)
    changes = []
    for at in sorted(set().union(*begins)):
        held = tuple(
            track.get(at, holder) for track, holder in zip(begins, held, strict=True)
        )
        changes.append((at, held))
    runs = [(next(same)[0], held) for held, same in groupby(changes, itemgetter(1))]
    ends = [at for at, _ in runs[1:]] + [tracks[0][-1].during.ends_at]
    for (starts_at, held), ends_at in zip(runs, ends, strict=True):
        yield Interval(starts_at=starts_at, ends_at=ends_at), held


def _post(shift: Shift, at: datetime) -> tuple[str, Duty, str | None, datetime]:
    return shift.schedule, shift.duty, shift.holder, at


class _Ruling(NamedTuple):
    """All of a shift but where and when."""

    holder: str | None
    source: Source
    layer: str | None
    instead_of: str | None
    override: int | None


_Rulings = tuple[_Ruling, ...]
"""One for each duty."""

_NO_OVERRIDE = -1
"""What the slot of a duty says while no override counts."""


def _rulings(
    schedule: Schedule,
    during: Interval,
    overrides: Sequence[Override],
    absences: Sequence[Absence],
) -> Iterator[tuple[datetime, _Rulings]]:
    """Yield who holds what from each instant at which that may have changed."""
    judge = _Judge(schedule, overrides, absences)
    known: dict[State, _Rulings] = {}
    for at, state in sweep(judge.changes(during)):
        rulings = known.get(state)
        if rulings is None:
            rulings = known[state] = judge.rule(state)
        yield at, rulings


class _Judge:
    """Rules who holds each duty in a state of layers, overrides and absences.

    A state has a slot for each layer, with the place among its members whose turn it
    is; one for each duty, with the override that counts; and one for who is absent.
    """

    def __init__(
        self,
        schedule: Schedule,
        overrides: Sequence[Override],
        absences: Sequence[Absence],
    ) -> None:
        self._schedule = schedule
        self._overrides = overrides
        self._absences = absences
        self._absent: list[frozenset[str]] = []
        self._stands = {duty: schedule.stand(duty) for duty in DUTIES}
        slots = count()
        #: The layers of each duty with their slots, the uppermost first.
        self._layers = {
            duty: [(next(slots), one) for one in schedule.layers_of(duty)][::-1]
            for duty in DUTIES
        }
        self._override_slots = {duty: next(slots) for duty in DUTIES}

    def changes(self, during: Interval) -> Iterator[Changes]:
        """Yield the changes of each slot, in the order of the slots."""
        for duty in DUTIES:
            for number, layer in enumerate(self._schedule.layers_of(duty)):
                yield layer.places(during, is_lowest=number == 0)
        for duty in DUTIES:
            yield self._latest_overrides(duty, during)
        yield self._who_is_absent(during)

    def rule(self, state: State) -> _Rulings:
        """Return who holds each duty, and why, in a state."""
        rulings: list[_Ruling] = []
        for duty in DUTIES:
            rulings.append(self._rule(duty, state, {one.holder for one in rulings}))
        return tuple(rulings)

    def _rule(self, duty: Duty, state: State, taken: set[str | None]) -> _Ruling:
        meant = self._meant(duty, state)
        entry = state[self._override_slots[duty]]
        if entry != _NO_OVERRIDE:
            return _overridden(self._overrides[entry], meant, taken)
        if meant is None:
            return _Ruling(None, Source.NOBODY, None, None, None)
        layer, place = meant
        absent = self._absent[state[-1]]
        member = layer.members[place]
        if member in absent:
            others = layer.members[place + 1 :] + layer.members[:place]
            free = (one for one in others if one not in absent and one not in taken)
            holder, source = next(free, None), Source.STAND_IN
        else:
            holder = member if member not in taken else None
            follows = isinstance(self._stands[duty], Follow)
            source = Source.FOLLOWS if follows else Source.LAYER
        if holder is None:
            source = Source.NOBODY
        instead_of = member if holder != member else None
        return _Ruling(holder, source, layer.key, instead_of, None)

    def _meant(self, duty: Duty, state: State) -> tuple[Layer, int] | None:
        """Return the layer that counts for a duty and the place whose turn it is."""
        stand = self._stands[duty]
        if isinstance(stand, Follow):
            meant = self._meant(Duty.PRIMARY, state)
            if meant is None:
                return None
            layer, place = meant
            return layer, (place + stand.offset) % len(layer.members)
        for slot, layer in self._layers[duty]:
            if state[slot] != NOT_ACTIVE:
                return layer, state[slot]
        return None

    def _latest_overrides(self, duty: Duty, during: Interval) -> Changes:
        """Yield which override of a duty counts, by its place in the order of entry."""
        numbers = [n for n, one in enumerate(self._overrides) if one.duty is duty]
        spans = [self._overrides[n].during for n in numbers]
        for at, covering in coverings(spans, during):
            yield at, numbers[max(covering)] if covering else _NO_OVERRIDE

    def _who_is_absent(self, during: Interval) -> Changes:
        """Yield who is absent, as a place in the list of all who are so together."""
        known: dict[frozenset[str], int] = {}
        spans = [one.during for one in self._absences]
        for at, covering in coverings(spans, during):
            absent = frozenset(self._absences[number].contact for number in covering)
            if absent not in known:
                known[absent] = len(self._absent)
                self._absent.append(absent)
            yield at, known[absent]


def _overridden(
    override: Override, meant: tuple[Layer, int] | None, taken: set[str | None]
) -> _Ruling:
    layer, member = None, None
    if meant is not None:
        layer, member = meant[0].key, meant[0].members[meant[1]]
    if override.contact in taken:
        return _Ruling(None, Source.NOBODY, layer, member, override.number)
    source = Source.SWAP if override.is_swap else Source.OVERRIDE
    instead_of = member if member != override.contact else None
    return _Ruling(override.contact, source, layer, instead_of, override.number)


def _shifts(
    schedule: str,
    duty: Duty,
    changes: Iterable[tuple[datetime, _Rulings]],
    *,
    until: datetime,
) -> list[Shift]:
    """Return the shifts of one duty, each of which lasts until the next begins."""
    place = DUTIES.index(duty)
    runs = [
        (next(same)[0], ruling)
        for ruling, same in groupby(changes, key=lambda change: change[1][place])
    ]
    ends = [at for at, _ in runs[1:]] + [until]
    return [
        Shift(
            schedule=schedule,
            duty=duty,
            during=Interval(starts_at=starts_at, ends_at=ends_at),
            holder=holder,
            source=source,
            layer=layer,
            instead_of=instead_of,
            override=override,
        )
        for (starts_at, (holder, source, layer, instead_of, override)), ends_at in zip(
            runs, ends, strict=True
        )
    ]
