"""Coverage: where the watch is thin, while there is time to mend it.

Everything here is asked ahead, fourteen days by the engine and a season by the page
(S4.4-08), of the same resolver that pages. It reports: stretches that nobody holds;
people who are to hold two duties at once, in schedules that know nothing of each other
or because somebody takes over what leaves his own duty to nobody; overrides by somebody
who is absent; and duties and specialties that hang on too few people (A22).

A *bus factor* is how many people can do something before nobody can. A duty counts its
thinnest layer, for four people by day are no help at night. The secondary of a layer is
found among those whom the primary leaves over. Shadows are left out throughout: nobody
depends on somebody who learns (S4.4-07).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from watchbill.core.layers import Layer
from watchbill.core.oncall import (
    Absence,
    Duty,
    Follow,
    Override,
    Schedule,
    Shift,
    Source,
    by_holder,
    resolve,
)
from watchbill.core.people import Directory
from watchbill.core.sweep import coverings
from watchbill.core.temporal import Interval

#: The duties on which somebody depends.
_BINDING = (Duty.PRIMARY, Duty.SECONDARY)

Post = tuple[str, Duty]
"""A duty of a schedule, by the schedule's key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DoubleDuty:
    """Somebody is to hold several duties at once, the greatest of a schedule first."""

    contact: str
    during: Interval
    posts: tuple[Post, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BusFactor:
    """Who can hold a duty in a layer, or knows a specialty: few."""

    people: tuple[str, ...]
    schedule: str | None = None
    duty: Duty | None = None
    layer: str | None = None
    specialty: str | None = None
    #: How many of them a greater duty of the same layer takes away.
    taken: int = 0

    @property
    def number(self) -> int:
        """Return how many are left."""
        return max(len(self.people) - self.taken, 0)


def gaps(
    schedules: Iterable[Schedule],
    *,
    during: Interval,
    duty: Duty = Duty.PRIMARY,
    overrides: Sequence[Override] = (),
    absences: Sequence[Absence] = (),
) -> tuple[Shift, ...]:
    """Return the stretches in which nobody holds a duty (S4.4-08), in order.

    A schedule that does not give out the duty has no gaps in it.
    """
    found = (
        shift
        for schedule in schedules
        if duty in schedule.duties
        for shift in by_holder(
            resolve(
                schedule,
                during=during,
                duties=(duty,),
                overrides=overrides,
                absences=absences,
            )
        )
        if shift.holder is None
    )
    return tuple(sorted(found, key=lambda one: one.during.starts_at))


def double_duties(
    schedules: Iterable[Schedule],
    *,
    during: Interval,
    overrides: Sequence[Override] = (),
    absences: Sequence[Absence] = (),
) -> tuple[DoubleDuty, ...]:
    """Return when somebody is to hold several duties at once, in order.

    In different schedules he holds them all. In one schedule he holds the greater
    (S4.4-10); that is told where an override or an absence makes it so, and not where
    a layer has too few members for a secondary.
    """
    held = [
        shift
        for schedule in schedules
        for shift in resolve(
            schedule,
            during=during,
            duties=_BINDING,
            overrides=overrides,
            absences=absences,
        )
    ]
    people = dict.fromkeys(one.holder for one in held if one.holder is not None)
    across = (double for contact in people for double in _across(contact, held, during))
    found = (*across, *_dropped(held))
    return tuple(sorted(found, key=lambda one: (one.during.starts_at, one.contact)))


def overrides_of_absent(
    schedule: Schedule,
    *,
    during: Interval,
    overrides: Sequence[Override],
    absences: Sequence[Absence],
) -> tuple[Shift, ...]:
    """Return the shifts that somebody holds by an override while being absent."""
    shifts = resolve(schedule, during=during, overrides=overrides, absences=absences)
    return tuple(
        replace(shift, during=both)
        for shift in shifts
        if shift.override is not None
        for absence in absences
        if absence.contact == shift.holder
        and (both := shift.during.intersection(absence.during)) is not None
    )


def bus_factors(
    schedules: Iterable[Schedule], directory: Directory, *, enough: int = 2
) -> tuple[BusFactor, ...]:
    """Return the duties and specialties for which there are fewer people than that."""
    schedules = tuple(schedules)
    found = (*_of_duties(schedules), *_of_specialties(schedules, directory))
    return tuple(one for one in found if one.number < enough)


def _across(
    contact: str, held: Sequence[Shift], during: Interval
) -> Iterator[DoubleDuty]:
    """Yield each stretch in which shifts of one person run in several schedules."""
    mine = list(by_holder(one for one in held if one.holder == contact))
    changes = [
        (at, tuple((mine[n].schedule, mine[n].duty) for n in sorted(covering)))
        for at, covering in coverings([one.during for one in mine], during)
    ]
    ends = [at for at, _ in changes[1:]] + [during.ends_at]
    for (starts_at, posts), ends_at in zip(changes, ends, strict=True):
        if len(posts) > 1:
            stretch = Interval(starts_at=starts_at, ends_at=ends_at)
            yield DoubleDuty(contact=contact, during=stretch, posts=posts)


def _dropped(held: Sequence[Shift]) -> Iterator[DoubleDuty]:
    """Yield where a duty is nobody's because its holder has come to a greater one."""
    primaries = [one for one in held if one.duty is Duty.PRIMARY]
    for lesser in held:
        if lesser.duty is Duty.PRIMARY or lesser.source is not Source.NOBODY:
            continue
        for greater in primaries:
            both = lesser.during.intersection(greater.during)
            same = greater.schedule == lesser.schedule
            if both is not None and same and _takes_away(greater, lesser):
                posts = tuple((one.schedule, one.duty) for one in (greater, lesser))
                yield DoubleDuty(contact=greater.holder or "", during=both, posts=posts)


def _takes_away(greater: Shift, lesser: Shift) -> bool:
    if lesser.override is not None:
        return True
    by_design = greater.source in {Source.LAYER, Source.NOBODY}
    return not by_design and lesser.instead_of == greater.holder


def _of_duties(schedules: Iterable[Schedule]) -> Iterator[BusFactor]:
    for schedule in schedules:
        for duty in _BINDING:
            follows = isinstance(schedule.stand(duty), Follow)
            for layer in schedule.layers_behind(duty):
                yield _of_layer(schedule, duty, layer, taken=int(follows))


def _of_layer(schedule: Schedule, duty: Duty, layer: Layer, *, taken: int) -> BusFactor:
    return BusFactor(
        people=tuple(dict.fromkeys(layer.members)),
        schedule=schedule.key,
        duty=duty,
        layer=layer.key,
        taken=taken,
    )


def _of_specialties(
    schedules: Sequence[Schedule], directory: Directory
) -> Iterator[BusFactor]:
    watched = {one.specialty for one in schedules if one.specialty is not None}
    for specialty in sorted(directory.specialties | watched):
        experts = [one.key for one in directory.contacts if specialty in one.expertise]
        members = [
            member
            for schedule in schedules
            if schedule.specialty == specialty
            for member in schedule.members
        ]
        people = tuple(dict.fromkeys([*experts, *members]))
        yield BusFactor(people=people, specialty=specialty)
