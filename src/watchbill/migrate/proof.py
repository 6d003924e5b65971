"""The proof: the imported schedule beside the shifts that the product computed.

An export may hold the shifts as the product itself shows them, with overrides. Both are
cut at every instant at which either changes; where a plan would page somebody whom the
product does not, the report says so. Where the product has several people on call, any
of them will do.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from watchbill.core.oncall import Duty, Override, Schedule, resolve
from watchbill.core.temporal import Interval
from watchbill.migrate.model import Cover, Rendered
from watchbill.migrate.report import Entry, Outcome

_LONGEST = timedelta(days=366)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A stretch that the plan and the product see differently."""

    during: Interval
    #: Who is on call by the product; nobody where it is empty.
    product: frozenset[str]
    plan: str | None


def overrides_of(schedule: Schedule, covers: Sequence[Cover]) -> tuple[Override, ...]:
    """Return covers as overrides; one of a certain person only where they hold it."""
    made: list[Override] = []
    for cover in covers:
        during = Interval(starts_at=cover.starts_at, ends_at=cover.ends_at)
        stretches: Iterable[Interval] = (during,)
        if cover.instead_of is not None:
            stretches = [
                one.during
                for one in resolve(
                    schedule, during=during, duties=(Duty.PRIMARY,), overrides=made
                )
                if one.holder == cover.instead_of
            ]
        made.extend(
            Override(
                schedule=schedule.key,
                duty=Duty.PRIMARY,
                contact=cover.person,
                during=one,
            )
            for one in stretches
        )
    return tuple(made)


def differences(
    schedule: Schedule,
    overrides: Sequence[Override],
    rendered: Sequence[Rendered],
    *,
    since: datetime,
) -> tuple[Difference, ...]:
    """Return where a schedule differs from what the product computed.

    The persons of ``rendered`` are contact keys. Only its time after ``since`` counts.
    """
    during = _window(rendered, since=since)
    if during is None:
        return ()
    shifts = resolve(
        schedule, during=during, duties=(Duty.PRIMARY,), overrides=overrides
    )
    edges = {one.during.starts_at for one in shifts} | {during.ends_at}
    for one in rendered:
        edges |= {at for at in (one.starts_at, one.ends_at) if at in during}
    holders = iter(shifts)
    current = next(holders)
    found: list[Difference] = []
    for starts_at, ends_at in pairwise(sorted(edges)):
        while starts_at >= current.during.ends_at:
            current = next(holders)
        wanted = frozenset(
            one.person for one in rendered if one.starts_at <= starts_at < one.ends_at
        )
        if current.holder not in (wanted or {None}):
            span = Interval(starts_at=starts_at, ends_at=ends_at)
            found.append(Difference(during=span, product=wanted, plan=current.holder))
    return tuple(found)


def compared(
    schedules: Mapping[str, Schedule],
    covers: Mapping[str, Sequence[Cover]],
    rendered: Sequence[Rendered],
    *,
    since: datetime,
) -> tuple[Entry, ...]:
    """Return what the report says of each schedule that can be compared."""
    entries = []
    for key, schedule in schedules.items():
        own = [one for one in rendered if one.schedule == key]
        during = _window(own, since=since)
        if during is None:
            continue
        overrides = overrides_of(schedule, covers.get(key, ()))
        found = differences(schedule, overrides, own, since=since)
        entries.append(_entry(schedule, during, found))
    return tuple(entries)


def _entry(
    schedule: Schedule, during: Interval, found: tuple[Difference, ...]
) -> Entry:
    span = f"{during.starts_at:%Y-%m-%d %H:%M} to {during.ends_at:%Y-%m-%d %H:%M} UTC"
    if not found:
        return Entry(
            outcome=Outcome.TAKEN,
            kind="proof",
            name=schedule.key,
            because=f"the same shifts as the product's own from {span}",
        )
    first = found[0]
    hours = sum((_length(one.during) for one in found), timedelta()) / timedelta(
        hours=1
    )
    return Entry(
        outcome=Outcome.GUESSED,
        kind="proof",
        name=schedule.key,
        because=(
            f"{hours:g} hours differ from the product's own from {span}; first at"
            f" {first.during.starts_at:%Y-%m-%d %H:%M} UTC, where the product has"
            f" {' and '.join(sorted(first.product)) or 'nobody'} and the plan"
            f" {first.plan or 'nobody'}"
        ),
    )


def _window(rendered: Sequence[Rendered], *, since: datetime) -> Interval | None:
    """The time that was computed, at most a year of it."""
    if not rendered:
        return None
    starts_at = max(since, min(one.starts_at for one in rendered))
    ends_at = min(max(one.ends_at for one in rendered), starts_at + _LONGEST)
    if ends_at <= starts_at:
        return None
    return Interval(starts_at=starts_at, ends_at=ends_at)


def _length(during: Interval) -> timedelta:
    return during.ends_at - during.starts_at
