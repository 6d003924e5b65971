"""Maintenance: windows that last as long as they say and keep out of each other's way.

The calendar is asked for a year from the effective date on, by the same functions
that will open the windows.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import groupby

from watchbill.core.maintenance import (
    AsNeeded,
    Daily,
    Impact,
    Overlap,
    OverlapRule,
    Window,
    make_room,
    occurrences,
    overlaps,
)
from watchbill.core.temporal import Interval, describe
from watchbill.plan.check.case import Case
from watchbill.plan.check.names import check_role, unknown_name
from watchbill.plan.findings import Code, Finding
from watchbill.plan.operations import step_key
from watchbill.plan.phrases import write_repeats
from watchbill.plan.sections.operations import ChecklistEntry, WindowEntry
from watchbill.plan.source import Path

_YEAR = timedelta(days=365)
_SHOWN = 12
"""Dates that a finding lists; there may be many more of a daily job."""


def check_maintenance(case: Case) -> Iterator[Finding]:
    """Yield what is wrong with the windows, their order and their checklists."""
    for key, entry in case.file.maintenance.windows.items():
        yield from _length(case, key, entry)
        yield from _first_day(case, key, entry)
    yield from _names(case)
    yield from _checklist(case, "before", case.file.maintenance.before)
    yield from _checklist(case, "after", case.file.maintenance.after)
    yield from _overlaps(case)
    yield from _no_slack(case)
    yield from _days_off(case)


def _at(key: str, *more: str) -> Path:
    return ("maintenance", "windows", key, *more)


def _length(case: Case, key: str, entry: WindowEntry) -> Iterator[Finding]:
    """Report a window whose end is not its start and duration (S5.1-08)."""
    midnight = datetime(2000, 1, 1, tzinfo=UTC)
    starts_at = datetime.combine(midnight, entry.from_, tzinfo=UTC)
    ends_at = starts_at + entry.duration
    if ends_at.time() != entry.to:
        length = (datetime.combine(midnight, entry.to, tzinfo=UTC) - starts_at) % (
            timedelta(days=1)
        )
        message = (
            f"{entry.title} lasts {describe(length)} from {entry.from_:%H:%M} to "
            f"{entry.to:%H:%M}, and says {describe(entry.duration)}"
        )
        hint = f'Write to: "{ends_at:%H:%M}", or another duration.'
        yield case.at(Code.WINDOW_LENGTH, _at(key, "duration"), message, hint)


def _first_day(case: Case, key: str, entry: WindowEntry) -> Iterator[Finding]:
    """Report a first day on which the window does not fall."""
    repeats = case.plan.maintenance.window(key).repeats
    if entry.first is not None and not repeats.falls_on(entry.first):
        message = (
            f"{entry.title} is {write_repeats(repeats)}, and {entry.first} "
            f"is a {entry.first:%A}"
        )
        if entry.repeats.nth is not None:
            message = f"{entry.title} is {write_repeats(repeats)}, not {entry.first}"
        hint = "Write a day on which it falls; the others are counted from it."
        yield case.at(Code.FIRST_DAY_DIFFERS, _at(key, "first"), message, hint)


def _names(case: Case) -> Iterator[Finding]:
    entry, types = case.file.maintenance, case.file.changes.types
    for place, name in enumerate(entry.priority):
        if name not in entry.windows:
            code, path = Code.UNKNOWN_WINDOW, ("maintenance", "priority", place)
            yield unknown_name(case, code, path, "window", name, entry.windows)
    for place, role in enumerate(entry.notice_waived_by):
        yield from check_role(case, ("maintenance", "notice_waived_by", place), role)
    for key, window in entry.windows.items():
        if window.change is not None and window.change not in types:
            code, at = Code.UNKNOWN_CHANGE_TYPE, _at(key, "change")
            yield unknown_name(case, code, at, "change type", window.change, types)


def _checklist(
    case: Case, section: str, steps: tuple[ChecklistEntry, ...]
) -> Iterator[Finding]:
    """Report a step whose id is taken: its ticks would be another one's."""
    seen: set[str] = set()
    for place, entry in enumerate(steps):
        key = entry.id or step_key(entry.step)
        if key in seen:
            message = f'two steps have the id "{key}"'
            path: Path = ("maintenance", section, place)
            where = (*path, "id" if entry.id else "step")
            yield case.at(Code.DUPLICATE_ID, where, message)
        seen.add(key)


def _overlaps(case: Case) -> Iterator[Finding]:
    """Report every two windows that overlap, with each date (S5.1-09, A24)."""
    rule, windows = case.plan.maintenance.overlap, case.plan.maintenance.by_priority()
    found = overlaps(windows, during=_coming_year(case))
    apart = [one for one in found if not one.can_share]
    code = Code.OVERLAP_REFUSED if rule is OverlapRule.REFUSE else Code.WINDOWS_OVERLAP
    for lower, higher, days in _by_pair(apart):
        message = (
            f"{lower.title} and {higher.title} overlap on {_days(days)} of the coming "
            f"year: {_list(one.yields.day for one in days)}"
        )
        hint = _way_out(case, rule, days)
        yield case.at_key(code, _at(lower.key), message, hint)


def _by_pair(
    found: list[Overlap],
) -> Iterator[tuple[Window, Window, tuple[Overlap, ...]]]:
    def pair(one: Overlap) -> tuple[str, str]:
        return one.yields.window.key, one.stays.window.key

    for _, same in groupby(sorted(found, key=pair), key=pair):
        days = tuple(same)
        yield days[0].yields.window, days[0].stays.window, days


def _way_out(case: Case, rule: OverlapRule, days: tuple[Overlap, ...]) -> str:
    if rule is OverlapRule.SHARE:
        return 'They share the time, because the plan says "overlap: share".'
    windows = case.plan.maintenance.by_priority()
    closed_on = frozenset(_closed_on(case))
    shown = days[:_SHOWN]
    rooms = [make_room(one, windows, closed_on=closed_on) for one in shown]
    moved = [
        f"{one.yields.day} to {room.day}"
        for one, room in zip(shown, rooms, strict=True)
        if room is not None
    ]
    left_out = [
        one.yields.day for one, room in zip(shown, rooms, strict=True) if room is None
    ]
    lower = days[0].yields.window.title
    said = [f"{lower} can move: {', '.join(moved)}."] if moved else []
    said += [f"It is better left out on {_list(left_out)}."] if left_out else []
    return " ".join(said)


def _no_slack(case: Case) -> Iterator[Finding]:
    """Remark on a daily job that ends just as something else begins (A25)."""
    windows = case.plan.maintenance.windows
    for job in windows:
        if not isinstance(job.repeats, Daily):
            continue
        ends = case.file.maintenance.windows[job.key].to
        next_ones = [one.title for one in windows if one.starts == ends]
        if next_ones:
            message = (
                f"{job.title} ends at {ends:%H:%M}, just as "
                f"{', '.join(next_ones)} may begin: it must not run late"
            )
            yield case.at(Code.NO_SLACK, _at(job.key, "to"), message)


def _days_off(case: Case) -> Iterator[Finding]:
    """Report work that users notice on a day off or in a freeze (A24)."""
    closed_on = _closed_on(case)
    for window in case.plan.maintenance.windows:
        if window.impact is Impact.NONE or isinstance(window.repeats, AsNeeded):
            continue
        days = [one.day for one in occurrences(window, during=_coming_year(case))]
        off = [day for day in days if day in closed_on]
        if off:
            why = {closed_on[day] for day in off}
            message = (
                f"{window.title} falls on {' and '.join(sorted(why))}: {_list(off)}"
            )
            hint = "Call it off on that day, or let it give way."
            yield case.at_key(Code.WORK_ON_DAY_OFF, _at(window.key), message, hint)


def _closed_on(case: Case) -> dict[date, str]:
    """The days on which nothing should be planned, and what to call them."""
    closed = dict.fromkeys(case.plan.business_hours.closed_on, "a day off")
    for freeze in case.file.changes.freezes:
        day = freeze.from_
        while day <= freeze.to:
            closed[day] = freeze.title
            day += timedelta(days=1)
    return closed


def _coming_year(case: Case) -> Interval:
    starts_at = case.plan.meta.effective_at
    return Interval(starts_at=starts_at, ends_at=starts_at + _YEAR)


def _days(found: tuple[Overlap, ...]) -> str:
    return f"{len(found)} days" if len(found) > 1 else "one day"


def _list(days: Iterable[date]) -> str:
    all_days = [day.isoformat() for day in days]
    more = f" and {len(all_days) - _SHOWN} more" if len(all_days) > _SHOWN else ""
    return ", ".join(all_days[:_SHOWN]) + more
