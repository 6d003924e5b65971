"""On call: schedules with holes, people in two places, watches that hang on one person.

What a schedule gives out is asked of the resolver that pages people (S4.4-08), for some
weeks from the plan's first day on, or from the day for which the check is made.
None of it is refused: a watch by day alone may be meant, but it should be said.
"""

from collections.abc import Iterator
from datetime import time, timedelta
from itertools import combinations

from watchbill.core.coverage import double_duties, gaps
from watchbill.core.layers import Layer
from watchbill.core.oncall import Duty, Follow, Schedule, resolve
from watchbill.core.temporal import Interval, at_wall
from watchbill.plan.check.case import Case
from watchbill.plan.check.week import (
    gaps_of_week,
    minutes_of_week,
    write_hours,
    write_stretch,
)
from watchbill.plan.findings import Code, Finding
from watchbill.plan.schedules import layer_entries
from watchbill.plan.sections.oncall import LayerEntry, StandEntry, WatchEntry
from watchbill.plan.source import Path

GAPS_AHEAD = timedelta(weeks=8)
"""How far ahead a hole in a schedule is looked for."""

TWICE_AHEAD = timedelta(days=14)
"""How far ahead it is asked who stands first in two schedules (S4.4-08)."""

_SHOWN = 3


def check_on_call(case: Case) -> Iterator[Finding]:
    """Yield what is wanting in the schedules, each and together."""
    for schedule in case.plan.schedules.values():
        yield from _one_member(case, schedule)
        yield from _other_specialty(case, schedule)
        yield from _uncovered(case, schedule)
        yield from _no_secondary(case, schedule)
        yield from _double_duties(case, schedule)
    yield from _two_schedules(case)


def written_layers(case: Case) -> Iterator[tuple[Path, LayerEntry | WatchEntry]]:
    """Yield every layer of every schedule and duty, and where it is written."""
    for key, schedule in case.file.on_call.items():
        watches: list[tuple[Path, WatchEntry]] = [(("on_call", key), schedule)]
        for duty in (Duty.SECONDARY, Duty.SHADOW):
            stand = getattr(schedule, duty)
            if isinstance(stand, StandEntry):
                watches.append((("on_call", key, str(duty)), stand))
        for path, watch in watches:
            for name, entry in layer_entries(watch).items():
                inner = (*path, "layers", name) if watch.layers is not None else path
                yield inner, entry


def _one_member(case: Case, schedule: Schedule) -> Iterator[Finding]:
    members = {one for layer in schedule.layers for one in layer.members}
    if len(members) == 1:
        message = f"{schedule.title} hangs on one person: {_name(case, members.pop())}"
        hint = "Add members; nobody can be on call always."
        path = ("on_call", schedule.key, _where_members(case, schedule))
        yield case.at(Code.ONE_MEMBER, path, message, hint)


def _other_specialty(case: Case, schedule: Schedule) -> Iterator[Finding]:
    wanted = schedule.specialty
    if wanted is None or wanted not in case.plan.directory.specialties:
        return
    contacts = [case.plan.directory.contact(key) for key in schedule.members]
    others = [one for one in contacts if one and wanted not in one.expertise]
    if others:
        names = ", ".join(f"{one.title} ({one.key})" for one in others)
        message = (
            f'{schedule.title} stands for "{wanted}", which is not known to {names}'
        )
        hint = f'Add "{wanted}" to their expertise, or take them out.'
        path = ("on_call", schedule.key, "specialty")
        yield case.at(Code.OTHER_SPECIALTY, path, message, hint)


def _uncovered(case: Case, schedule: Schedule) -> Iterator[Finding]:
    """Report hours of each week in which nobody holds the watch, else single gaps."""
    weekly = list(_weekly_gaps(schedule.layers))
    path: Path = ("on_call", schedule.key, _where_members(case, schedule))
    if weekly:
        minutes = sum(end - start for start, end in weekly)
        shown = ", ".join(write_stretch(one) for one in weekly[:_SHOWN])
        message = (
            f"{schedule.title}: nobody is on call in {write_hours(minutes)} of the "
            f"week: {shown}{_more(len(weekly))}"
        )
        hint = "Add a layer for these hours, or leave hours out of the first one."
        yield case.at_key(Code.HOURS_UNCOVERED, path, message, hint)
        return
    found = gaps([schedule], during=_ahead(case, GAPS_AHEAD))
    if found:
        shown = ", ".join(_write(case, one.during) for one in found[:_SHOWN])
        message = f"{schedule.title}: nobody is on call {shown}{_more(len(found))}"
        hint = "Add a layer that begins there, or take its end away."
        yield case.at_key(Code.SCHEDULE_GAP, path, message, hint)


def _weekly_gaps(layers: tuple[Layer, ...]) -> Iterator[tuple[int, int]]:
    if all(layer.hours for layer in layers):
        yield from gaps_of_week(
            sorted(
                stretch
                for layer in layers
                for hours in layer.hours
                for stretch in minutes_of_week(hours)
            )
        )


def _no_secondary(case: Case, schedule: Schedule) -> Iterator[Finding]:
    if has_turns_without_secondary(schedule):
        message = f"{schedule.title} has weeks in which nobody backs up the primary"
        hint = "Add members; no one may stand twice in a row."
        path: Path = ("on_call", schedule.key, _where_members(case, schedule))
        yield case.at(Code.NO_SECONDARY, path, message, hint)


def has_turns_without_secondary(schedule: Schedule) -> bool:
    """Return whether somebody would back up himself in some turn (S4.4-10)."""
    match schedule.secondary:
        case Follow(offset=offset):
            return any(
                layer.members[turn] == layer.members[(turn + offset) % count]
                for layer in schedule.layers
                for count in [len(layer.members)]
                for turn in range(count)
            )
        case _:
            return False


def _double_duties(case: Case, schedule: Schedule) -> Iterator[Finding]:
    """Report a duty with layers of its own whose turn falls on a greater one's."""
    for duty in (Duty.SECONDARY, Duty.SHADOW):
        if not schedule.layers_of(duty):
            continue
        found = [
            one
            for one in resolve(
                schedule, during=_ahead(case, GAPS_AHEAD), duties=(duty,)
            )
            if one.holder is None and one.instead_of is not None
        ]
        if found:
            first = found[0]
            message = (
                f"{schedule.title}: {_name(case, first.instead_of or '')} is {duty} and"
                f" holds a greater duty {_write(case, first.during)}"
                f"{_more(len(found), shown=1)}"
            )
            hint = "Begin one of the two at another member."
            path = ("on_call", schedule.key, str(duty))
            yield case.at_key(Code.DOUBLE_DUTY, path, message, hint)


def _two_schedules(case: Case) -> Iterator[Finding]:
    """Report who is primary in two schedules at once."""
    schedules = case.plan.schedules
    doubles = double_duties(schedules.values(), during=_ahead(case, TWICE_AHEAD))
    for pair in combinations(schedules.values(), 2):
        posts = {(one.key, Duty.PRIMARY) for one in pair}
        both = [one for one in doubles if posts <= set(one.posts)]
        if both:
            first, second = pair
            message = (
                f"{_name(case, both[0].contact)} is primary of {first.title} and of"
                f" {second.title} {_write(case, both[0].during)}"
                f"{_more(len(both), shown=1)}"
            )
            hint = "Begin one of the two at another member."
            path: Path = ("on_call", second.key)
            yield case.at_key(Code.TWO_SCHEDULES, path, message, hint)


def _ahead(case: Case, ahead: timedelta) -> Interval:
    """What is looked at: from the plan's first day, or the day of the check, on."""
    starts_at = case.plan.meta.effective_at
    if case.as_of is not None:
        day_begins = at_wall(case.as_of, time(0), case.plan.meta.zone)
        starts_at = max(starts_at, day_begins)
    return Interval(starts_at=starts_at, ends_at=starts_at + ahead)


def _where_members(case: Case, schedule: Schedule) -> str:
    is_layered = case.file.on_call[schedule.key].layers is not None
    return "layers" if is_layered else "members"


def _name(case: Case, key: str) -> str:
    contact = case.plan.directory.contact(key)
    return key if contact is None else f"{contact.title} ({key})"


def _write(case: Case, during: Interval) -> str:
    zone = case.plan.meta.zone
    start, end = (at.astimezone(zone) for at in (during.starts_at, during.ends_at))
    return f"from {start:%a %Y-%m-%d %H:%M} to {end:%a %Y-%m-%d %H:%M}"


def _more(count: int, *, shown: int = _SHOWN) -> str:
    return f" and {count - shown} times more" if count > shown else ""
