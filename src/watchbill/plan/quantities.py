"""Quantities: how a plan writes periods, shares, counts, cycles and due times.

Beside the values that :mod:`watchbill.plan.values` reads, the process sections speak
of stretches of the calendar (``36 months``), shares (``80%``), how often something is
done (``every 2h``, ``weekly``, ``after each P1/P2``) and when people meet
(``mon 09:00``, ``first tue 10:00``, ``first week 10:00``). Each kind has its reader
and, where a document is rendered from the plan, the writer that undoes it.
"""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field

from watchbill.core.reviews import Cycle, MeetingTime, Within
from watchbill.core.temporal import Period
from watchbill.plan.values import (
    DAYS,
    Key,
    Text,
    UnreadableError,
    parse_duration,
    parse_key,
    parse_wall_time,
    reader,
    write_duration,
)

_UNITS = {"day": (0, 1), "week": (0, 7), "month": (1, 0), "year": (12, 0)}
_LONGEST_PERIOD = 1200  # months or weeks; a century is no rule of an operation


def parse_period(text: str) -> Period:
    """Return the period of ``36 months``, ``1 month``, ``2 weeks`` or ``3 years``."""
    found = re.fullmatch(r"([0-9]{1,4}) (day|week|month|year)s?", text)
    if found is None or not 0 < int(found[1]) <= _LONGEST_PERIOD:
        message = f'"{text}" is not a period'
        raise UnreadableError(message, "Write 90 days, 2 weeks, 1 month or 3 years.")
    months, days = _UNITS[found[2]]
    return Period(months=months * int(found[1]), days=days * int(found[1]))


def write_period(period: Period) -> str:
    """Return a period as a plan writes it; years as months and weeks as days."""
    count, unit = (period.months, "month") if period.months else (period.days, "day")
    return f"{count} {unit}{'' if count == 1 else 's'}"


def parse_share(text: str) -> float:
    """Return the fraction of ``80%``."""
    found = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]{1,3})?) ?%", text)
    if found is None or float(found[1]) > 100:
        message = f'"{text}" is not a share'
        raise UnreadableError(message, "Write 80% or 99.5%.")
    return float(found[1]) / 100


def write_share(share: float) -> str:
    """Return a fraction as a plan writes it."""
    return f"{round(share * 100, 3):g}%"


def parse_count(text: str) -> int:
    """Return a number of things, at least one."""
    if not re.fullmatch(r"[1-9][0-9]{0,5}", text):
        message = f'"{text}" is not a number of things'
        raise UnreadableError(message, "Write 1, 5 or 20.")
    return int(text)


_NEWS = {"daily": timedelta(days=1), "weekly": timedelta(days=7)}
_SPRINT_REVIEW = "sprint review"
_NEXT_SPRINT = "next sprint"


def parse_news(text: str) -> timedelta | None:
    """Return how often news is due; None for ``sprint review``."""
    if text == _SPRINT_REVIEW:
        return None
    if text in _NEWS:
        return _NEWS[text]
    every = text.removeprefix("every ")
    if every == text or not parse_duration(every):
        message = f'"{text}" does not say how often'
        hint = "Write every 2h, daily, weekly or sprint review."
        raise UnreadableError(message, hint)
    return parse_duration(every)


def write_news(every: timedelta | None) -> str:
    """Return how often news is due as a plan writes it."""
    if every is None:
        return _SPRINT_REVIEW
    named = {length: word for word, length in _NEWS.items()}
    return named.get(every) or f"every {write_duration(every)}"


def parse_fix(text: str) -> timedelta | None:
    """Return within which time a fix is due; None for ``next sprint``."""
    return None if text == _NEXT_SPRINT else parse_duration(text)


def write_fix(fix: timedelta | None) -> str:
    """Return within which time a fix is due as a plan writes it."""
    return _NEXT_SPRINT if fix is None else write_duration(fix)


def parse_meeting_time(text: str) -> MeetingTime:
    """Return the time of ``mon 09:00``, ``first tue 10:00`` or ``first week 10:00``."""
    found = re.fullmatch(r"(?:first )?(mon|tue|wed|thu|fri|sat|sun|week) (.+)", text)
    if found is None or text.startswith("week"):
        message = f'"{text}" does not say when people meet'
        hint = "Write mon 09:00, first tue 10:00 or first week 10:00."
        raise UnreadableError(message, hint)
    weekday = None if found[1] == "week" else DAYS.index(found[1])
    return MeetingTime(weekday=weekday, wall=parse_wall_time(found[2]))


def write_meeting_time(when: MeetingTime, cycle: Cycle) -> str:
    """Return a meeting time as a plan writes it."""
    day = "week" if when.weekday is None else DAYS[when.weekday]
    is_plain = cycle is Cycle.WEEKLY and when.weekday is not None
    return f"{'' if is_plain else 'first '}{day} {when.wall:%H:%M}"


Frequency = Cycle | tuple[str, ...]
"""How often people meet: by the calendar, or after each incident of severities."""

_AFTER_EACH = "after each "


def parse_frequency(text: str) -> Frequency:
    """Return the cycle of ``weekly``, or the severities of ``after each P1/P2``."""
    if text.startswith(_AFTER_EACH):
        names = text.removeprefix(_AFTER_EACH).split("/")
        return tuple(parse_key(name.strip()) for name in names)
    if text not in set(Cycle):
        message = f'"{text}" does not say how often'
        known = ", ".join(Cycle)
        raise UnreadableError(message, f"Write {known} or after each P1/P2.")
    return Cycle(text)


def write_frequency(frequency: Frequency) -> str:
    """Return how often people meet as a plan writes it."""
    if isinstance(frequency, Cycle):
        return frequency.value
    return _AFTER_EACH + "/".join(frequency)


def parse_within(text: str) -> Within:
    """Return the days of ``3d``, or the working days of ``5 business days``."""
    found = re.fullmatch(r"([1-9][0-9]{0,2})(d| business days?)", text)
    if found is None:
        message = f'"{text}" is not a number of days'
        raise UnreadableError(message, "Write 3d or 5 business days.")
    return Within(days=int(found[1]), working=found[2] != "d")


def write_within(within: Within) -> str:
    """Return a number of days as a plan writes it."""
    unit = " business day" + ("" if within.days == 1 else "s")
    return f"{within.days}{unit if within.working else 'd'}"


PLAIN_LANGUAGE = "en"
"""The language of a public text that is written without saying which."""


def in_languages(value: object) -> object:
    """Return a text by language; one that does not say is English."""
    return {PLAIN_LANGUAGE: value} if isinstance(value, str) else value


_PERIOD = r"^[0-9]{1,4} (day|week|month|year)s?$"
_NEWS_FORM = r"^(every ([0-9]+[dhms])+|daily|weekly|sprint review)$"
_CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9]"
_MEETING = rf"^((first )?(mon|tue|wed|thu|fri|sat|sun)|first week) {_CLOCK}$"

CalendarPeriod = Annotated[Period, reader(parse_period, pattern=_PERIOD)]
Share = Annotated[float, reader(parse_share, pattern=r"^[0-9]{1,3}(\.[0-9]{1,3})? ?%$")]
Count = Annotated[int, reader(parse_count, pattern=r"^[1-9][0-9]{0,5}$", number=True)]
News = Annotated[timedelta | None, reader(parse_news, pattern=_NEWS_FORM)]
Fix = Annotated[
    timedelta | None, reader(parse_fix, pattern=r"^(next sprint|([0-9]+[dhms])+)$")
]
MeetingWhen = Annotated[MeetingTime, reader(parse_meeting_time, pattern=_MEETING)]
HowOften = Annotated[Frequency, reader(parse_frequency)]
DaysWithin = Annotated[
    Within, reader(parse_within, pattern=r"^[1-9][0-9]{0,2}(d| business days?)$")
]
PublicText = Annotated[
    dict[Key, Text], Field(min_length=1), BeforeValidator(in_languages)
]
"""What the public reads, by language; a text alone is English (A50)."""
