"""The week: the minutes of it in which a layer is active.

Products write active hours in many ways: a time of day, from Monday 09:00 to Friday
17:00, days of an iCal rule, a rule a day. All of them are minutes of a week, counted
from Monday 00:00, and a week can be cut with another. A plan writes them as hours of at
most a day each; so a stretch over several days is written as its first day's rest, the
whole days, and the last day's beginning.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import time, timedelta
from itertools import pairwise

DAY = 24 * 60
_WEEK = 7 * DAY

Week = tuple[tuple[int, int], ...]
"""Stretches of minutes ``[first, after)``, in order, apart from each other."""

WHOLE_WEEK: Week = ((0, _WEEK),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """Hours of at most a day that begin on some weekdays (Monday = 0)."""

    days: frozenset[int]
    starts: time
    #: Not after ``starts`` means the next day's.
    ends: time


def stretch(day: int, starts: time, lasts: timedelta) -> Week:
    """Return the minutes from a day's wall time on, for at most a week."""
    first = day * DAY + starts.hour * 60 + starts.minute
    minutes = int(lasts / timedelta(minutes=1))
    if minutes >= _WEEK:
        return WHOLE_WEEK
    after = first + max(minutes, 0)
    return union([((first, min(after, _WEEK)), (0, max(after - _WEEK, 0)))])


def daily(days: Iterable[int], starts: time, lasts: timedelta) -> Week:
    """Return the minutes from a wall time on, on each of some days."""
    return union(stretch(day, starts, lasts) for day in days)


def union(weeks: Iterable[Week]) -> Week:
    """Return the minutes that are in any of the weeks."""
    merged: list[tuple[int, int]] = []
    for first, after in sorted(one for week in weeks for one in week):
        if after <= first:
            continue
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(after, merged[-1][1]))
        else:
            merged.append((first, after))
    return tuple(merged)


def common(one: Week, other: Week) -> Week:
    """Return the minutes that are in both weeks."""
    return union([((max(a, c), min(b, d)),) for a, b in one for c, d in other])


def hours_of(week: Week) -> tuple[Hours, ...]:
    """Return a week as hours of at most a day each; none for the whole week."""
    if week == WHOLE_WEEK:
        return ()
    by_time: dict[tuple[int, int], set[int]] = {}
    for first, after in _around(week):
        for start, end in _days_of(first, after):
            day, minute = divmod(start, DAY)
            by_time.setdefault((minute, end % DAY), set()).add(day % 7)
    return tuple(
        Hours(days=frozenset(days), starts=_wall(starts), ends=_wall(ends))
        for (starts, ends), days in by_time.items()
    )


def _around(week: Week) -> Iterator[tuple[int, int]]:
    """The stretches, with one that goes on over Sunday night in one piece."""
    if len(week) > 1 and week[0][0] == 0 and week[-1][1] == _WEEK:
        yield from week[1:-1]
        yield week[-1][0], _WEEK + week[0][1]
    else:
        yield from week


def _days_of(first: int, after: int) -> Iterator[tuple[int, int]]:
    if after - first <= DAY:
        yield first, after
        return
    midnights = range((first // DAY + 1) * DAY, after, DAY)
    yield from pairwise((first, *midnights, after))


def _wall(minute: int) -> time:
    return time(minute // 60 % 24, minute % 60)
