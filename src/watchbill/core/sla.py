"""Service levels: what a severity promises, and what happens when it is not kept.

Two promises are made (A5). The *response*: a person has taken the incident; nothing
that answers by itself counts (S3.1-35). The *resolution*: service is restored. A
promise is kept when it is met within its time, the last instant included, and broken
at exactly that instant otherwise: a breach is recorded at 60:00 and not when somebody
looks (S3.1-03).

Beside the promises there is *news* while an incident lasts: a digest for management
(A31), and word to executives when it lasts too long (A34).

All of it is a few *series* of instants, each of which follows from the clock and a
rule, without end while the incident is open. What is remembered of a series is how
many of its instants have passed. So nothing is said twice; and what several instants
of a series would have said during downtime is said once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

_LONGEST_SERIES = 100_000
"""Instants; an incident that is open for longer has other problems."""


class Series(StrEnum):
    """What recurs, each by a rule of its own."""

    RESPONSE = "response"
    RESOLUTION = "resolution"
    DIGEST = "digest"
    EXECUTIVES = "executives"


class Mark(StrEnum):
    """What an instant of a series means."""

    WARNING = "warning"
    BREACH = "breach"
    #: The breach is told again (A34).
    STILL_BROKEN = "still_broken"
    NEWS = "news"


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """A target, and after which times its breach is announced (S3.1-36)."""

    within: timedelta
    warnings: tuple[timedelta, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cadence:
    """When news begins, and how often it follows."""

    after: timedelta
    every: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What one severity promises, and who hears of it how often."""

    response: Promise | None = None
    resolution: Promise | None = None
    repeat_breach_every: timedelta = timedelta(days=1)
    digest_every: timedelta | None = None
    executives: Cadence | None = None
    suggest_raise_after: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How an incident went, as far as its promises are concerned."""

    #: From when the clocks of its severity run (A3).
    started_at: datetime
    #: When a person first took it.
    responded_at: datetime | None = None
    resolved_at: datetime | None = None

    def met_at(self, series: Series) -> datetime | None:
        """Return when a series came to its end."""
        return self.responded_at if series is Series.RESPONSE else self.resolved_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that a promise or its breach asks for now."""

    series: Series
    mark: Mark
    #: The exact instant, however late it is looked at.
    at: datetime
    #: Which one of its series it is, from 0 on.
    number: int
    #: Whether the series had come to its end by the time somebody looked.
    is_over: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is asked for now, what to remember, and when to ask again."""

    events: tuple[Event, ...]
    passed: Mapping[str, int] = field(default_factory=dict)
    ask_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a promise stands: its instant, and whether it is met or broken."""

    due_at: datetime
    met_at: datetime | None
    is_broken: bool
    is_near: bool


def look(
    terms: Terms, course: Course, passed: Mapping[str, int], *, now: datetime
) -> Answer:
    """Return what the promises ask for now; ``passed`` is what was remembered."""
    events: list[Event] = []
    counts = dict(passed)
    times: list[datetime] = []
    for series in Series:
        before = passed.get(series, 0)
        count = before
        while (one := _instant(series, count, terms, course)) and one.at <= now:
            events.append(one)
            count += 1
        if count:
            counts[series] = count
        if one is not None:
            times.append(one.at)
    said = _worth_saying(events)
    return Answer(events=said, passed=counts, ask_at=min(times, default=None))


def standing(
    promise: Promise | None, series: Series, course: Course, *, now: datetime
) -> Standing | None:
    """Return how a promise stands; None where nothing is promised."""
    if promise is None:
        return None
    due = course.started_at + promise.within
    met_at = course.met_at(series)
    first = min(promise.warnings, default=promise.within)
    is_open = met_at is None
    return Standing(
        due_at=due,
        met_at=met_at,
        is_broken=now >= due if met_at is None else met_at > due,
        is_near=is_open and course.started_at + first <= now < due,
    )


def suggests_raise(terms: Terms, course: Course, *, now: datetime) -> bool:
    """Return whether to suggest a worse severity: never more than that (A34)."""
    after = terms.suggest_raise_after
    return (
        after is not None
        and course.resolved_at is None
        and now - course.started_at >= after
    )


def _instant(series: Series, number: int, terms: Terms, course: Course) -> Event | None:
    """The instant of a series, None when it ends before it."""
    found = _planned(series, number, terms)
    if found is None or number >= _LONGEST_SERIES:
        return None
    mark, after = found
    at = course.started_at + after
    met_at = course.met_at(series)
    if met_at is not None and met_at <= at:
        return None
    return Event(
        series=series, mark=mark, at=at, number=number, is_over=met_at is not None
    )


def _planned(
    series: Series, number: int, terms: Terms
) -> tuple[Mark, timedelta] | None:
    match series:
        case Series.RESPONSE:
            # Missed once, it is missed; from then on the resolution is what counts.
            return _of_promise(terms.response, number, again=None)
        case Series.RESOLUTION:
            again = terms.repeat_breach_every
            return _of_promise(terms.resolution, number, again=again)
        case Series.DIGEST:
            if terms.digest_every is None:
                return None
            return Mark.NEWS, number * terms.digest_every
        case Series.EXECUTIVES:
            if terms.executives is None:
                return None
            rule = terms.executives
            return Mark.NEWS, rule.after + number * rule.every


def _of_promise(
    promise: Promise | None, number: int, *, again: timedelta | None
) -> tuple[Mark, timedelta] | None:
    if promise is None:
        return None
    warnings = [one for one in promise.warnings if one < promise.within]
    if number < len(warnings):
        return Mark.WARNING, warnings[number]
    over = number - len(warnings)
    if over == 0:
        return Mark.BREACH, promise.within
    if again is None:
        return None
    return Mark.STILL_BROKEN, promise.within + over * again


def _worth_saying(events: list[Event]) -> tuple[Event, ...]:
    """Of each series the last one, and a breach always: it is a record."""
    last = {event.series: event for event in events}
    return tuple(
        event
        for event in events
        if event.mark is Mark.BREACH
        or (event is last[event.series] and not event.is_over)
    )
