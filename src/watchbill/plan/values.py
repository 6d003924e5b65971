"""Values: how a plan writes durations, times, days, phone numbers and targets.

Each kind has one spelling, the one people use: ``15m``, ``2h30m``, ``09:00``,
``mon-fri``, ``2026-02-06``. Whatever else is written is refused with the right
spelling in the hint, never guessed.

Phone numbers are kept in E.164; a number without a country code is a Myanmar one
(S2.1-13). The placeholders of an unfinished plan, ``[Name]`` and
``+95-xxx-xxx-xxxx``, are read as "not filled in" (S2.1-14).
"""

import re
from collections.abc import Callable
from datetime import date, time, timedelta
from enum import StrEnum
from typing import Annotated, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers
from pydantic import BeforeValidator, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from watchbill.core.ladder import (
    ChannelTarget,
    DutyTarget,
    ExpertTarget,
    RoleTarget,
    Target,
    TurnTarget,
)
from watchbill.core.oncall import Duty

HOME_REGION = "MM"
"""Whose numbers are meant when a phone number has no country code."""

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_Value = TypeVar("_Value")


class UnreadableError(ValueError):
    """A text is not a value of its kind; the hint says how to write one."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def parse_duration(text: str) -> timedelta:
    """Return the duration of ``15m``, ``1h``, ``2h30m``, ``24h``, ``3d`` or ``0``."""
    found = _DURATION.fullmatch(text)
    if text == "0":
        return timedelta(0)
    if found is None or not text:
        message = f'"{text}" is not a duration'
        raise UnreadableError(message, "Write 90s, 15m, 1h, 2h30m or 3d.")
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    duration = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    if duration > _LONGEST:
        message = f'"{text}" is longer than a year'
        raise UnreadableError(message, "Write 90s, 15m, 1h, 2h30m or 3d.")
    return duration


_DURATION = re.compile(
    r"(?:([0-9]{1,6})d)?(?:([0-9]{1,6})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,6})s)?"
)
_LONGEST = timedelta(days=366)


def write_duration(duration: timedelta) -> str:
    """Return a duration as a plan writes it: ``90m`` as ``1h30m``, zero as ``0m``."""
    seconds = int(duration.total_seconds())
    hours, rest = divmod(seconds, 3600)
    parts = ((hours, "h"), (rest // 60, "m"), (rest % 60, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number) or "0m"


def parse_wall_time(text: str) -> time:
    """Return the time of day of ``HH:MM``."""
    found = re.fullmatch(r"([01][0-9]|2[0-3]):([0-5][0-9])", text)
    if found is None:
        midnight = text == "24:00"
        hint = (
            "Write 00:00; it belongs to the next day."
            if midnight
            else "Write 09:00 or 17:30."
        )
        message = f'"{text}" is not a time of day'
        raise UnreadableError(message, hint)
    return time(int(found[1]), int(found[2]))


def parse_date(text: str) -> date:
    """Return the date of ``YYYY-MM-DD``, of a year from 2000 to 2199."""
    if re.fullmatch(r"2[01][0-9]{2}-[0-9]{2}-[0-9]{2}", text):
        try:
            return date.fromisoformat(text)
        except ValueError as error:
            message = f'"{text}" is not in the calendar'
            raise UnreadableError(message) from error
    message = f'"{text}" is not a date'
    raise UnreadableError(message, "Write the year first, as in 2026-02-06.")


def parse_dates(text: str) -> tuple[date, ...]:
    """Return the dates of one day or of ``2026-04-13 to 2026-04-21``."""
    first, _, last = text.partition(" to ")
    starts_on = parse_date(first.strip())
    ends_on = parse_date(last.strip()) if last else starts_on
    count = (ends_on - starts_on).days
    if not 0 <= count <= 366:
        message = f'"{text}" does not end within a year after it begins'
        raise UnreadableError(message)
    return tuple(starts_on + timedelta(days=offset) for offset in range(count + 1))


def parse_days(text: str) -> frozenset[int]:
    """Return the weekdays of ``fri``, ``mon-fri`` or ``sat, sun``; Monday is 0."""
    days: set[int] = set()
    for part in text.lower().split(","):
        first, dash, last = (piece.strip() for piece in part.partition("-"))
        last = last if dash else first
        if first not in DAYS or last not in DAYS:
            message = f'"{text}" does not name days of the week'
            raise UnreadableError(message, "Write mon-fri, sun or mon, wed, fri.")
        start, end = DAYS.index(first), DAYS.index(last)
        days.update((start + step) % 7 for step in range((end - start) % 7 + 1))
    return frozenset(days)


def parse_truth(text: str) -> bool:
    """Return the truth of ``true`` or ``false``."""
    if text not in {"true", "false"}:
        message = f'"{text}" is neither true nor false'
        raise UnreadableError(message, "Write true or false; yes and no are text.")
    return text == "true"


def parse_zone(text: str) -> ZoneInfo:
    """Return the IANA time zone of that name."""
    try:
        if not re.fullmatch(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*", text):
            raise ZoneInfoNotFoundError(text)
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        message = f'"{text}" is not a time zone'
        raise UnreadableError(message, "Write a name such as Asia/Yangon.") from error


def parse_person_name(text: str) -> str | None:
    """Return a person's name, None for a placeholder such as ``[Name]``."""
    return None if is_placeholder(text) else text


def parse_phone(text: str) -> str | None:
    """Return a phone number in E.164, None for a placeholder."""
    if is_placeholder(text):
        return None
    number = _phone(text)
    if number is None or not phonenumbers.is_possible_number(number):
        message = f'"{text}" is not a phone number'
        raise UnreadableError(message, 'Write "+95 9 123 456 789" or "09 123 456 789".')
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def is_doubtful_phone(text: str) -> bool:
    """Return whether no known range of numbers contains the number."""
    number = None if is_placeholder(text) else _phone(text)
    return number is not None and not phonenumbers.is_valid_number(number)


def _phone(text: str) -> phonenumbers.PhoneNumber | None:
    if not all(char.isdecimal() or char in "+-() ." for char in text):
        return None
    try:
        return phonenumbers.parse(text, HOME_REGION)
    except phonenumbers.NumberParseException:
        return None


def is_placeholder(text: str) -> bool:
    """Return whether a text stands for something not yet filled in."""
    return bool(_BRACKETED.fullmatch(text) or _CROSSED_OUT.fullmatch(text))


_BRACKETED = re.compile(r"\[.*\]")
_CROSSED_OUT = re.compile(r"[-+() .0-9]*[xX][-+() .0-9xX]*")


def parse_email(text: str) -> str | None:
    """Return an e-mail address, None for a placeholder."""
    if is_placeholder(text):
        return None
    if len(text) > 254 or not _EMAIL.fullmatch(text):
        message = f'"{text}" is not an e-mail address'
        raise UnreadableError(message, "Write it as in support@example.com.")
    return text


_EMAIL = re.compile(r"[^@\s<>(),;:\"]+@[^@\s<>(),;:\"]+\.[^@\s<>(),;:\".]+")


def parse_target(text: str) -> Target:
    """Return the target that a plan names.

    ``#incidents`` or ``channel.standup`` is a channel, ``on_call.x.secondary`` a
    duty of the schedule x (without a duty, its primary), ``L3 by category`` the
    people of L3 with the incident's specialty, ``one of L1 in turn`` one of them for
    each incident; all else is a role, contact, alias, group or level.
    """
    if text.startswith("#"):
        return ChannelTarget(channel=text)
    if text.startswith("channel."):
        return ChannelTarget(channel=text.removeprefix("channel."))
    if text.startswith("on_call."):
        return _duty_target(text)
    if text.endswith(" by category"):
        return ExpertTarget(level=parse_key(text.removesuffix(" by category")))
    if in_turn := _IN_TURN.fullmatch(text):
        return TurnTarget(role=parse_key(in_turn[1]))
    return RoleTarget(role=parse_key(text))


_IN_TURN = re.compile(r"one of (.*) in turn")


def _duty_target(text: str) -> Target:
    _, schedule, *rest = text.split(".")
    duty = ".".join(rest) or Duty.PRIMARY
    if not schedule or duty not in set(Duty):
        message = f'"{text}" does not name a duty'
        hint = "Write on_call.<schedule>.primary, .secondary or .shadow."
        raise UnreadableError(message, hint)
    return DutyTarget(schedule=schedule, duty=Duty(duty))


def parse_key(text: str) -> str:
    """Return a name by which other parts of the plan refer to something."""
    if not _KEY.fullmatch(text):
        message = f'"{text}" cannot be a name'
        hint = "Use letters, digits, _ and -, as in technical_lead."
        raise UnreadableError(message, hint)
    return text


_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def parse_channel_key(text: str) -> str:
    """Return the name of a channel, with its # if it has one."""
    return "#" + parse_key(text[1:]) if text.startswith("#") else parse_key(text)


def parse_text(text: str) -> str:
    """Return a text of one or more words, on one line."""
    words = " ".join(text.split())
    if not words:
        message = "the text is empty"
        raise UnreadableError(message)
    if len(words) > 1000:
        message = f"the text has {len(words)} characters; the limit is 1000"
        raise UnreadableError(message)
    return words


def parse_label_value(text: str) -> str:
    """Return the value of a label; the empty one is that of a label which is absent."""
    return parse_text(text) if text.strip() else ""


def reader(
    parse: Callable[[str], _Value],
    *,
    pattern: str = "",
    number: bool = False,
    truth: bool = False,
) -> PlainValidator:
    """Return the schema's validator for a kind of value written as one text.

    The rest is for editors, which read YAML on their own: the ``pattern`` of its
    spelling, and whether it may look to them like a ``number`` or is a ``truth``.
    """
    as_written: dict[str, object] = {"type": ["string", "number", "boolean"]}
    if pattern:
        as_written = {"type": ["string", "number"] if number else "string"}
        as_written["pattern"] = pattern
    elif truth:
        as_written = {"type": "boolean"}

    def read(value: object) -> _Value:
        if not isinstance(value, str):
            raise PydanticCustomError("string_type", "")
        try:
            return parse(value)
        except UnreadableError as error:
            context = {"message": error.message, "hint": error.hint}
            raise PydanticCustomError("unreadable", "", context) from error

    return PlainValidator(
        read, json_schema_input_type=Annotated[str, WithJsonSchema(as_written)]
    )


def listed(value: object) -> object:
    """Return a list of the value, which was written without its brackets."""
    return [value] if isinstance(value, str) else value


class ReviewCycle(StrEnum):
    """How often the plan itself is reviewed (S0-03)."""

    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    HALF_YEARLY = "half_yearly"
    YEARLY = "yearly"


class ChannelKind(StrEnum):
    """What a channel is."""

    SLACK = "slack"
    TEAMS = "teams"
    TELEGRAM = "telegram"
    EMAIL = "email"
    SMS = "sms"
    WEBHOOK = "webhook"
    #: One of the many that the library Apprise speaks.
    APPRISE = "apprise"
    #: Whoever is on call is paged, natively or through PagerDuty (A12).
    PAGER = "pager"
    #: A regular meeting: nothing is sent to it, a pack is prepared for it.
    MEETING = "meeting"


class Cover(StrEnum):
    """When the people of a level are there."""

    ALL_HOURS = "24x7"
    BUSINESS_HOURS = "business_hours"
    ON_CALL = "on_call"
    ON_REQUEST = "on_request"


class Neighbor(StrEnum):
    """Which turn's primary holds another duty of this turn (A23)."""

    PREVIOUS = "previous"
    NEXT = "next"
    NONE = "none"


class Every(StrEnum):
    """How long a turn on call lasts, when it is one of these."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Hours(StrEnum):
    """At which hours a step applies."""

    ALWAYS = "always"
    BUSINESS_HOURS = "business_hours"
    OUTSIDE_BUSINESS_HOURS = "outside_business_hours"


Text = Annotated[str, reader(parse_text)]
LabelValue = Annotated[str, reader(parse_label_value)]
Key = Annotated[
    str, reader(parse_key, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$", number=True)
]
ChannelKey = Annotated[
    str, reader(parse_channel_key, pattern=r"^#?[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")
]
Truth = Annotated[bool, reader(parse_truth, truth=True)]
Duration = Annotated[
    timedelta, reader(parse_duration, pattern=r"^(([0-9]+[dhms])+|0)$", number=True)
]
WallTime = Annotated[
    time, reader(parse_wall_time, pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")
]
Day = Annotated[date, reader(parse_date, pattern=r"^2[01][0-9]{2}-[0-9]{2}-[0-9]{2}$")]
Days = Annotated[
    frozenset[int],
    reader(parse_days, pattern=r"^[A-Za-z]{3}( ?[-,] ?[A-Za-z]{3})*$"),
]
DateRange = Annotated[
    tuple[date, ...],
    reader(parse_dates, pattern=r"^[-0-9]{10}( to [-0-9]{10})?$"),
]
Zone = Annotated[ZoneInfo, reader(parse_zone, pattern=r"^[A-Za-z0-9_+/-]+$")]
PersonName = Annotated[str | None, reader(parse_person_name)]
Phone = Annotated[str | None, reader(parse_phone)]
Email = Annotated[str | None, reader(parse_email)]
TargetName = Annotated[Target, reader(parse_target)]
#: Lets a list of one be written without brackets.
OneOrMore = BeforeValidator(listed)
