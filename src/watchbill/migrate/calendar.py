"""Calendars: events as iCal (:rfc:`5545`), written and read.

Written are instants in UTC, so that no reader needs our time zones, with no alarm:
reminders come by the ways that a person has chosen. A UID names the same event each
time, and SEQUENCE grows when something of it changes.

Read are events with a beginning and an end, their simple repetitions within a window,
and nothing else. What is skipped is said with the reason; a calendar that is none is an
error.
"""

import re
from calendar import monthrange
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr
from icalendar import Calendar, Event
from icalendar.error import BrokenCalendarProperty

from watchbill.core.temporal import Interval
from watchbill.migrate.reading import ExportError, clean
from watchbill.migrate.report import Entry, Outcome
from watchbill.plan.values import UnreadableError, parse_zone

PRODUCT = "-//watchbill//on-call//EN"
_MOST_EVENTS, _MOST_TIMES = 5_000, 1_000
_LONGEST = timedelta(days=366)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """An event of a calendar that we write."""

    uid: str
    during: Interval
    summary: str
    description: str = ""
    #: An e-mail address and a name.
    attendee: tuple[str, str] | None = None


def write(
    events: Iterable[Written],
    *,
    name: str,
    stamped_at: datetime,
    sequence: int = 0,
    refresh: timedelta = timedelta(hours=1),
) -> bytes:
    """Return a calendar; ``stamped_at`` is when something of it last changed."""
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    calendar.add("name", name)
    calendar.add("x-wr-calname", name)
    calendar.add("x-wr-timezone", "UTC")
    calendar.add("refresh-interval", refresh, parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", f"PT{int(refresh / timedelta(minutes=1))}M")
    for one in events:
        calendar.add_component(_event(one, stamped_at=stamped_at, sequence=sequence))
    written: bytes = calendar.to_ical()
    return written


def _event(one: Written, *, stamped_at: datetime, sequence: int) -> Event:
    event = Event()
    event.add("uid", one.uid)
    event.add("dtstamp", stamped_at.astimezone(UTC))
    event.add("last-modified", stamped_at.astimezone(UTC))
    event.add("sequence", sequence)
    event.add("dtstart", one.during.starts_at.astimezone(UTC))
    event.add("dtend", one.during.ends_at.astimezone(UTC))
    event.add("summary", one.summary)
    if one.description:
        event.add("description", one.description)
    if one.attendee is not None:
        email, name = one.attendee
        event.add("attendee", f"mailto:{email}", parameters={"CN": name})
    event.add("transp", "TRANSPARENT")  # being on call does not make one busy
    return event


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """One time at which an event of a calendar takes place."""

    uid: str
    summary: str
    description: str
    #: The e-mail addresses of who takes part, the organizer last.
    emails: tuple[str, ...]
    during: Interval
    #: Whether the calendar itself says that the person is away.
    is_away: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What a calendar holds in a window."""

    occurrences: tuple[Occurrence, ...]
    #: What was skipped, and why.
    skipped: tuple[Entry, ...]


def read(body: bytes, *, during: Interval, zone: ZoneInfo, name: str) -> Read:
    """Return the events of a calendar that share an instant with a window.

    A time without a zone, and a whole day, is read in ``zone``. ExportError when the
    bytes are no calendar.
    """
    calendars = _parsed(body, name)
    found: list[Occurrence] = []
    skipped: list[Entry] = []
    events = [event for one in calendars for event in one.walk("VEVENT")]
    moved = {_moved(event) for event in events}
    for number, event in enumerate(events[:_MOST_EVENTS]):
        place = f"{name}: event {number + 1}"
        try:
            times = _times(event, during=during, zone=zone, moved=moved)
            found.extend(_occurrences(event, times))
            if not times:
                _skip(skipped, event, "it is outside the time that is imported", place)
        except _SkippedError as error:
            _skip(skipped, event, str(error), place)
    if len(events) > _MOST_EVENTS:
        because = f"only the first {_MOST_EVENTS} events of a file are read"
        _skip(skipped, events[_MOST_EVENTS], because, name)
    return Read(occurrences=tuple(found), skipped=tuple(skipped))


class _SkippedError(ValueError):
    """An event that is not taken; the message says why."""


def _parsed(body: bytes, name: str) -> list[Any]:
    try:
        calendars = Calendar.from_ical(body, multiple=True)
    except (
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        RecursionError,
    ) as error:
        message = f"{name}: not a calendar: {clean(str(error))}"
        raise ExportError(message) from None
    found = [one for one in calendars if getattr(one, "name", "") == "VCALENDAR"]
    if not found:
        message = f"{name}: not a calendar: there is no VCALENDAR"
        raise ExportError(message)
    return found


def _skip(skipped: list[Entry], event: Any, because: str, place: str) -> None:
    skipped.append(
        Entry(
            outcome=Outcome.DROPPED,
            kind="event",
            name=_text(event, "summary") or _text(event, "uid") or "without a summary",
            because=because,
            place=place,
        )
    )


_Moved = tuple[str, datetime | date | None]


def _moved(event: Any) -> _Moved:
    """Which time of a repeated event this event stands in for."""
    try:
        at = _value(event, "recurrence-id")
    except _SkippedError:
        at = None
    return _text(event, "uid"), at


def _times(
    event: Any, *, during: Interval, zone: ZoneInfo, moved: set[_Moved]
) -> list[Interval]:
    if _text(event, "status").upper() == "CANCELLED":
        message = "it is cancelled"
        raise _SkippedError(message)
    start = _value(event, "dtstart")
    if start is None:
        message = "it has no beginning"
        raise _SkippedError(message)
    lasts = _lasts(event, start)
    starts = [start]
    if event.get("rrule") is not None or event.get("rdate") is not None:
        starts = _repeated(event, start, lasts, during=during)
        uid = _text(event, "uid")
        excluded = _dates(event, "exdate")
        starts = [
            one for one in starts if one not in excluded and (uid, one) not in moved
        ]
    times = (_interval(one, lasts, zone) for one in starts)
    return [one for one in times if one.overlaps(during)]


def _value(event: Any, name: str) -> datetime | date | None:
    found = event.get(name)
    if found is None:
        return None
    value = _dt(found)
    if not isinstance(value, date):
        message = f"its {name} cannot be read"
        raise _SkippedError(message)
    if not 2000 <= value.year <= 2100:
        message = f"its {name} is not between 2000 and 2100"
        raise _SkippedError(message)
    _known_zone(found, value, name)
    return value


def _dt(found: Any) -> Any:
    """What a property says, None where the library could not read it."""
    try:
        return getattr(found, "dt", None)
    except BrokenCalendarProperty:
        return None


def _known_zone(found: Any, value: date, name: str) -> None:
    """Refuse a zone that only the calendar knows, where the library found none."""
    wanted = str(getattr(found, "params", {}).get("TZID", ""))
    if wanted and isinstance(value, datetime) and value.tzinfo is None:
        try:
            parse_zone(wanted)
        except UnreadableError:
            message = f"its {name} is in the zone {clean(wanted)}, which is not known"
            raise _SkippedError(message) from None


def _lasts(event: Any, start: date) -> timedelta:
    end = _value(event, "dtend")
    duration = _dt(event.get("duration"))
    if end is not None:
        if isinstance(end, datetime) != isinstance(start, datetime):
            message = "it begins with a day and ends at a time, or the other way"
            raise _SkippedError(message)
        lasts = _difference(end, start)
    elif isinstance(duration, timedelta):
        lasts = duration
    else:
        lasts = timedelta(0 if isinstance(start, datetime) else 1)
    if not timedelta(0) < lasts <= _LONGEST:
        message = "it does not last, or longer than a year"
        raise _SkippedError(message)
    return lasts


def _difference(end: date, start: date) -> timedelta:
    if isinstance(end, datetime) and isinstance(start, datetime):
        if (end.tzinfo is None) != (start.tzinfo is None):
            message = "one of its times has a zone and the other has none"
            raise _SkippedError(message)
        if end.tzinfo is not None:
            return end.astimezone(UTC) - start.astimezone(UTC)
    return end - start


_FREQUENCIES = frozenset({"DAILY", "WEEKLY", "MONTHLY", "YEARLY"})
_PARTS = frozenset(
    {
        "FREQ",
        "INTERVAL",
        "COUNT",
        "UNTIL",
        "BYDAY",
        "BYMONTHDAY",
        "BYMONTH",
        "WKST",
    }
)


def _repeated(
    event: Any, start: date, lasts: timedelta, *, during: Interval
) -> list[datetime | date]:
    """The times of a simple rule, by the wall clock of its beginning."""
    starts: set[datetime | date] = {start, *_dates(event, "rdate")}
    rule = event.get("rrule")
    if rule is not None:
        if isinstance(rule, list):
            message = "it has several rules of repetition"
            raise _SkippedError(message)
        starts |= set(_of_rule(rule, start, lasts, during=during))
    return sorted(starts, key=lambda one: (one.toordinal(), str(one)))


def _of_rule(
    rule: Any, start: date, lasts: timedelta, *, during: Interval
) -> Iterator[datetime | date]:
    try:
        parts = {str(key).upper(): value for key, value in dict(rule).items()}
    except (BrokenCalendarProperty, TypeError, ValueError):
        message = "its rule cannot be read"
        raise _SkippedError(message) from None
    frequency = str((parts.get("FREQ") or [""])[0]).upper()
    # The library would look for the next time for ever.
    is_still = any(not one for one in parts.get("INTERVAL") or [1])
    is_still = is_still or not _comes(parts)
    if is_still or frequency not in _FREQUENCIES or not set(parts) <= _PARTS:
        message = f"its rule is not simple: {clean(rule.to_ical().decode())}"
        raise _SkippedError(message)
    zone = start.tzinfo if isinstance(start, datetime) else None
    naive = _naive(start)
    text = _local_until(rule.to_ical().decode(), zone)
    margin = lasts + timedelta(days=2)
    first = during.starts_at.replace(tzinfo=None) - margin
    last = during.ends_at.replace(tzinfo=None) + margin
    count = 0
    try:
        for at in rrulestr(text, dtstart=naive).xafter(first, inc=True):
            count += 1
            if at > last or count > _MOST_TIMES:
                break
            is_time = isinstance(start, datetime)
            yield at.replace(tzinfo=zone) if is_time else at.date()
    except (ValueError, TypeError, OverflowError) as error:
        message = f"its rule cannot be read: {clean(str(error))}"
        raise _SkippedError(message) from None
    if count > _MOST_TIMES:
        message = f"it takes place more than {_MOST_TIMES} times"
        raise _SkippedError(message)


_LONGEST_MONTHS = {number: monthrange(2024, number)[1] for number in range(1, 13)}


def _comes(parts: Mapping[str, Any]) -> bool:
    """Whether there is such a day: 30 February never comes."""
    return any(
        abs(int(day)) <= _LONGEST_MONTHS.get(int(month), 0)
        for month in parts.get("BYMONTH") or _LONGEST_MONTHS
        for day in parts.get("BYMONTHDAY") or [1]
    )


def _naive(start: date) -> datetime:
    if isinstance(start, datetime):
        return start.replace(tzinfo=None)
    return datetime.combine(start, time())


def _local_until(text: str, zone: Any) -> str:
    """The rule with its end as the wall clock of the event shows it."""
    found = re.search(r"UNTIL=(\d{8}T\d{6})Z", text)
    if found is None:
        return text
    until = datetime.strptime(found[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    there = until.astimezone(zone) if zone is not None else until
    return text.replace(found[0], f"UNTIL={there:%Y%m%dT%H%M%S}")


def _dates(event: Any, name: str) -> set[datetime | date]:
    found = event.get(name)
    rows = found if isinstance(found, list) else [found]
    return {
        one.dt for row in rows for one in _listed(row) if isinstance(_dt(one), date)
    }


def _listed(row: Any) -> Sequence[Any]:
    try:
        return getattr(row, "dts", ())
    except BrokenCalendarProperty:
        message = "one of its dates cannot be read"
        raise _SkippedError(message) from None


def _interval(start: date, lasts: timedelta, zone: ZoneInfo) -> Interval:
    if not isinstance(start, datetime):
        first = datetime.combine(start, time(), tzinfo=zone)
        last = datetime.combine(start + lasts, time(), tzinfo=zone)
        return Interval(starts_at=first.astimezone(UTC), ends_at=last.astimezone(UTC))
    aware = start if start.tzinfo is not None else start.replace(tzinfo=zone)
    starts_at = aware.astimezone(UTC)
    return Interval(starts_at=starts_at, ends_at=starts_at + lasts)


def _occurrences(event: Any, times: Sequence[Interval]) -> Iterator[Occurrence]:
    emails = [*_addresses(event, "attendee"), *_addresses(event, "organizer")]
    busy = _text(event, "x-microsoft-cdo-busystatus").upper()
    for during in times:
        yield Occurrence(
            uid=_text(event, "uid"),
            summary=_text(event, "summary"),
            description=_text(event, "description"),
            emails=tuple(dict.fromkeys(emails)),
            during=during,
            is_away=busy == "OOF",
        )


def _addresses(event: Any, name: str) -> Iterator[str]:
    found = event.get(name)
    for one in found if isinstance(found, list) else [found]:
        text = clean(str(one or "")).lower()
        if text.startswith("mailto:"):
            yield text.removeprefix("mailto:")


def _text(event: Any, name: str) -> str:
    found = event.get(name)
    one = found[0] if isinstance(found, list) and found else found
    return clean(str(one)) if one is not None else ""
