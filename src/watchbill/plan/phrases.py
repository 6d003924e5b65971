"""Phrases: how a plan writes recurrences, thresholds and addresses.

``every 2 weeks``, ``monthly on first sun``, ``> 300ms`` and ``drop > 5%`` are read
here, and written again for the document, so that both say it in the same words.

``< 5% drop`` stands in many a support plan. Read word by word it would alarm while
all is well and fall silent in the disaster; it means a drop of more than 5 %, and is
read so (A13).
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlsplit

from watchbill.core.maintenance import LAST, AsNeeded, Daily, Monthly, Recurrence
from watchbill.core.maintenance import Weekly as WeeklyRecurrence
from watchbill.core.monitoring import Direction, Threshold
from watchbill.plan.values import DAYS, UnreadableError, parse_days, reader

_PLACES = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": LAST}
_MOST = 52
"""Weeks or months after which a window comes again, at most."""

_REPEATS_HINT = (
    "Write daily, weekly, weekly on wed, sun, every 2 weeks, monthly on first sun, "
    "every 3 months on third sun or as needed."
)


class Unit(StrEnum):
    """What a recurrence counts."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    NEED = "need"


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeats:
    """How often, as it is written; the days may stand beside it."""

    unit: Unit
    every: int = 1
    days: frozenset[int] = frozenset()
    #: The place of the weekday in its month.
    nth: int | None = None


def parse_repeats(text: str) -> Repeats:
    """Return how often a window comes, as in ``every 3 months on third sun``."""
    words = " ".join(text.lower().split())
    if words in {"daily", "every day"}:
        return Repeats(unit=Unit.DAY)
    if words == "as needed":
        return Repeats(unit=Unit.NEED)
    found = _WEEKS.fullmatch(words) or _MONTHS.fullmatch(words)
    if found is None:
        message = f'"{text}" does not say how often'
        raise UnreadableError(message, _REPEATS_HINT)
    every = int(found["every"] or 1)
    if not 1 <= every <= _MOST:
        message = f'"{text}" does not come again within a year or so'
        raise UnreadableError(message, _REPEATS_HINT)
    days = parse_days(found["days"]) if found["days"] else frozenset[int]()
    if "nth" not in found.groupdict():
        return Repeats(unit=Unit.WEEK, every=every, days=days)
    if len(days) != 1:
        message = f'"{text}" must name one day of the week'
        raise UnreadableError(message, _REPEATS_HINT)
    return Repeats(unit=Unit.MONTH, every=every, days=days, nth=_PLACES[found["nth"]])


_WEEKS = re.compile(
    r"(?:weekly|every week|every (?P<every>[0-9]{1,3}) weeks)(?: on (?P<days>.+))?"
)
_MONTHS = re.compile(
    r"(?:monthly|every month|every (?P<every>[0-9]{1,3}) months)"
    rf" on (?P<nth>{'|'.join(_PLACES)}) (?P<days>[a-z]+)"
)


def write_repeats(repeats: Recurrence) -> str:
    """Return a recurrence in the words of a plan, without its first day."""
    match repeats:
        case Daily():
            return "daily"
        case AsNeeded():
            return "as needed"
        case WeeklyRecurrence(days=days, every=every):
            often = "weekly" if every == 1 else f"every {every} weeks"
            return f"{often} on {write_days(days)}"
        case Monthly(weekday=weekday, nth=nth, every=every):
            often = "monthly" if every == 1 else f"every {every} months"
            place = next(word for word, number in _PLACES.items() if number == nth)
            return f"{often} on {place} {DAYS[weekday]}"


def write_days(days: frozenset[int]) -> str:
    """Return weekdays as ``wed, sun``, in the order of the week."""
    return ", ".join(DAYS[day] for day in sorted(days))


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A threshold as it is written."""

    threshold: Threshold
    unit: str
    #: ``< 5% drop``, which was read as a drop of more than that (A13).
    is_turned: bool = False


def parse_limit(text: str) -> Limit:
    """Return the threshold of ``> 70%``, ``< 98%``, ``> 300ms`` or ``drop > 5%``."""
    words = " ".join(text.lower().split())
    found = _DROP.fullmatch(words) or _LATE_DROP.fullmatch(words)
    is_drop = found is not None
    found = found or _LEVEL.fullmatch(words)
    if found is None:
        message = f'"{text}" is not a threshold'
        raise UnreadableError(message, 'Write "> 70%", "< 98%" or "drop > 5%".')
    limit, unit = Decimal(found["limit"]), found["unit"] or ""
    below = found["sign"] == "<"
    if not is_drop:
        direction = Direction.BELOW if below else Direction.ABOVE
        threshold = Threshold(direction=direction, limit=limit)
        return Limit(threshold=threshold, unit=unit)
    if unit != "%" or not 0 < limit < 100:
        message = f'"{text}" is not a drop'
        raise UnreadableError(message, 'Write "drop > 5%", between 0 and 100 %.')
    threshold = Threshold(direction=Direction.DROP, limit=limit)
    return Limit(threshold=threshold, unit=unit, is_turned=below)


_AMOUNT = (
    r"(?P<sign>[<>]) ?(?P<limit>[0-9]{1,9}(?:\.[0-9]{1,6})?) ?(?P<unit>%|[a-z/]+)?"
)
_LEVEL = re.compile(_AMOUNT)
_DROP = re.compile(rf"drop {_AMOUNT}")
_LATE_DROP = re.compile(rf"{_AMOUNT} drop")


def write_limit(threshold: Threshold, unit: str) -> str:
    """Return a threshold in the words of a plan."""
    match threshold.direction:
        case Direction.ABOVE:
            return f"> {threshold.limit}{unit}"
        case Direction.BELOW:
            return f"< {threshold.limit}{unit}"
        case Direction.DROP:
            return f"drop > {threshold.limit}%"


def parse_weeks(text: str) -> int:
    """Return the number of ``4 weeks``."""
    found = re.fullmatch(r"([1-9][0-9]?) weeks?", text)
    if found is None or int(found[1]) > _MOST:
        message = f'"{text}" is not a number of weeks'
        raise UnreadableError(message, "Write 4 weeks; at most 52.")
    return int(found[1])


def parse_sigma(text: str) -> Decimal:
    """Return the number of ``3 sigma``."""
    found = re.fullmatch(r"([1-9](?:\.[0-9])?) sigma", text)
    if found is None:
        message = f'"{text}" is not a guard'
        raise UnreadableError(message, "Write 3 sigma, a number from 1 to 9.9.")
    return Decimal(found[1])


def parse_url(text: str) -> str:
    """Return an address of the web."""
    try:
        parts = urlsplit(text)
        is_web = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        is_web = False
    if not is_web or any(char.isspace() for char in text) or len(text) > 2000:
        message = f'"{text}" is not a web address'
        raise UnreadableError(message, "Write it as in https://grafana.example.com.")
    return text


RepeatsText = Annotated[
    Repeats,
    reader(parse_repeats, pattern=r"^(daily|as needed|weekly|monthly|every) ?.*$"),
]
LimitText = Annotated[
    Limit,
    reader(parse_limit, pattern=r"^(drop )?[<>] ?[0-9]+(\.[0-9]+)? ?[^ ]*( drop)?$"),
]
Weeks = Annotated[int, reader(parse_weeks, pattern=r"^[1-9][0-9]? weeks?$")]
Sigma = Annotated[Decimal, reader(parse_sigma, pattern=r"^[1-9](\.[0-9])? sigma$")]
Url = Annotated[str, reader(parse_url, pattern=r"^https?://[^ ]+$")]
