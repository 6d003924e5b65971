"""The week as minutes: which of them hours cover, and how the others are written."""

from collections.abc import Iterable, Iterator

from watchbill.core.temporal import WeeklyHours
from watchbill.plan.values import DAYS

_DAY = 24 * 60
_WEEK = 7 * _DAY

Stretch = tuple[int, int]
"""Minutes of the week, from Monday 00:00, half open."""


def minutes_of_week(hours: WeeklyHours) -> Iterator[Stretch]:
    """Yield the minutes of an ordinary week that the hours cover."""
    start = hours.starts.hour * 60 + hours.starts.minute
    end = hours.ends.hour * 60 + hours.ends.minute
    end = end if end > start else end + _DAY
    for day in sorted(hours.days):
        first, last = day * _DAY + start, day * _DAY + end
        yield first, min(last, _WEEK)
        if last > _WEEK:
            yield 0, last - _WEEK


def gaps_of_week(stretches: Iterable[Stretch]) -> Iterator[Stretch]:
    """Yield the stretches of the week that none of several, in order, covers."""
    covered_until = 0
    for start, end in stretches:
        if start > covered_until:
            yield covered_until, start
        covered_until = max(covered_until, end)
    if covered_until < _WEEK:
        yield covered_until, _WEEK


def write_stretch(stretch: Stretch) -> str:
    """Return a stretch as people write it: ``Sat 08:00-20:00``."""
    start, end = stretch
    last = end if end % _DAY else end - 1
    same_day = start // _DAY == last // _DAY
    until = _write_clock(end) if same_day else _write_minute(end)
    return f"{_write_minute(start)}-{until}"


def _write_minute(minute: int) -> str:
    return f"{DAYS[minute // _DAY % 7].capitalize()} {_write_clock(minute)}"


def _write_clock(minute: int) -> str:
    return f"{minute % _DAY // 60:02}:{minute % 60:02}"


def write_hours(minutes: int) -> str:
    """Return a sum of minutes in hours."""
    return f"{minutes // 60} h" if minutes % 60 == 0 else f"{minutes / 60:.1f} h"
