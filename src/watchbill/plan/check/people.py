"""People: who is not filled in yet, and where the team is stretched thin.

All of it is said and none of it refused: an unfinished plan can be run by whoever
can be reached, and a real staffing gap is not mended by a parser (A10, A21, A22).
"""

from collections.abc import Iterator
from itertools import combinations

from watchbill.core.people import Contact
from watchbill.plan.check.case import Case
from watchbill.plan.check.week import (
    Stretch,
    gaps_of_week,
    minutes_of_week,
    write_hours,
    write_stretch,
)
from watchbill.plan.findings import Code, Finding
from watchbill.plan.source import Path
from watchbill.plan.values import Cover, is_doubtful_phone, is_placeholder

MAX_WEEK = 60
"""Hours a week above which a shift is reported (A21)."""


def check_people(case: Case) -> Iterator[Finding]:
    """Yield what is unfilled, uncovered, overworked or carried by one person."""
    yield from _unfilled(case)
    yield from _uncovered(case)
    yield from _long_weeks(case)
    yield from _bus_factor(case)
    yield from _same_person(case)


def _unfilled(case: Case) -> Iterator[Finding]:
    for place, entry in enumerate(case.file.contacts):
        path: Path = ("contacts", place)
        blanks = [
            key
            for key in ("name", "email", "phone")
            if is_placeholder(case.document.raw((*path, key)) or "")
        ]
        if blanks:
            message = (
                f"{entry.title} ({entry.id}) is not filled in: {', '.join(blanks)}"
            )
            yield case.at(Code.UNFILLED_CONTACT, (*path, blanks[0]), message)
        phone = case.document.raw((*path, "phone"))
        if phone is not None and is_doubtful_phone(phone):
            message = f'no known range of numbers contains "{phone}"'
            hint = "Check it for a slip; a number of a new range may be right."
            yield case.at(Code.DOUBTFUL_PHONE, (*path, "phone"), message, hint)


def _uncovered(case: Case) -> Iterator[Finding]:
    """Report the minutes of the week at which nobody of a 24/7 level works."""
    for level in case.plan.levels:
        if level.cover is not Cover.ALL_HOURS:
            continue
        gaps = list(gaps_of_week(_worked_at(case, level.key)))
        if gaps:
            minutes = sum(end - start for start, end in gaps)
            shown = ", ".join(write_stretch(gap) for gap in gaps[:4])
            more = f" and {len(gaps) - 4} more" if len(gaps) > 4 else ""
            message = (
                f"{level.key} promises 24x7, and nobody works in "
                f"{write_hours(minutes)} of the week: {shown}{more}"
            )
            path: Path = ("levels", level.key, "cover")
            hint = "Give somebody of the level a shift at that time."
            yield case.at(Code.UNCOVERED_HOURS, path, message, hint)


def _worked_at(case: Case, level: str) -> list[Stretch]:
    shifts = case.plan.shifts
    return sorted(
        stretch
        for one in case.plan.directory.at_level(level)
        if one.shift is not None and one.shift in shifts
        for stretch in minutes_of_week(shifts[one.shift])
    )


def _long_weeks(case: Case) -> Iterator[Finding]:
    for place, entry in enumerate(case.file.contacts):
        hours = case.plan.shifts.get(entry.shift or "")
        if hours is None:
            continue
        minutes = sum(end - start for start, end in minutes_of_week(hours))
        if minutes > MAX_WEEK * 60:
            message = (
                f"{entry.title} ({entry.id}) works {write_hours(minutes)} a week "
                f"in the shift {entry.shift}; more than {MAX_WEEK} h is reported"
            )
            hint = "Share the shift, and plan relief for leave and illness."
            yield case.at(
                Code.LONG_WEEK, ("contacts", place, "shift"), message, hint=hint
            )


def _bus_factor(case: Case) -> Iterator[Finding]:
    """Report what only one person of an on-call level knows (A22)."""
    for level in case.plan.levels:
        if level.cover is not Cover.ON_CALL:
            continue
        team = case.plan.directory.at_level(level.key)
        for place, entry in enumerate(case.file.contacts):
            alone = [skill for skill in entry.expertise if _knowers(team, skill) == 1]
            if entry.level == level.key and alone:
                message = (
                    f"{entry.title} ({entry.id}) is the only one at {level.key} for "
                    f"{', '.join(alone)}, and is on call always"
                )
                path: Path = ("contacts", place, "expertise")
                yield case.at(Code.BUS_FACTOR, path, message)


def _knowers(team: tuple[Contact, ...], skill: str) -> int:
    return sum(skill in one.expertise for one in team)


def _same_person(case: Case) -> Iterator[Finding]:
    """Report a route on which going up leads to the same people again (A10)."""
    for key, route in case.file.alerts.routes.items():
        ranks = ("primary", "secondary", "escalation")
        people = {rank: case.holders(getattr(route, rank)) for rank in ranks}
        for lower, upper in combinations(ranks, 2):
            if people[lower] and people[lower] == people[upper]:
                names = " and ".join(one.label for one in people[lower])
                message = f"{route.title}: {lower} and {upper} are the same: {names}"
                hint = "Name somebody else for one of them."
                path: Path = ("alerts", "routes", key, upper)
                yield case.at(Code.SAME_PERSON_TWICE, path, message, hint)
