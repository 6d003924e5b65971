"""The neutral model: what all on-call products have, under one set of names.

People and schedules keep the ids of the product they come from; a plan's keys are made
later, when everything is known. A *layer* gives the watch to its people in turns from
one instant on; where several of a schedule are active, the later one counts. How long a
turn lasts is counted on the calendar of the schedule's zone.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from watchbill.migrate.report import Entry
from watchbill.migrate.week import WHOLE_WEEK, Week


class Unit(StrEnum):
    """What the length of a turn is counted in."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who can be told."""

    id: str
    name: str
    email: str | None = None
    #: E.164.
    phone: str | None = None
    slack: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """People under one name."""

    id: str
    name: str
    people: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """People who take turns."""

    name: str
    people: tuple[str, ...]
    #: When the turn of the first of the people begins.
    starts_at: datetime
    unit: Unit
    every: int = 1
    ends_at: datetime | None = None
    #: Where it is counted, if not where its schedule is.
    zone: ZoneInfo | None = None
    #: From when on it is active, if later than the first turn.
    not_before: datetime | None = None
    #: Within these minutes of the week only.
    week: Week = WHOLE_WEEK
    #: Layers of one rank are on call together; one of a higher rank covers others.
    rank: int = 0
    #: For weeks: hand over on each of these days (Monday = 0).
    weekdays: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Who holds the watch when, the lowest layer first."""

    id: str
    name: str
    zone: ZoneInfo
    layers: tuple[Layer, ...]
    #: Whether layers of one rank are on call together; else the later one counts.
    is_shared: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """Somebody takes the watch for a stretch of time."""

    schedule: str
    person: str
    starts_at: datetime
    ends_at: datetime
    #: Only where this person would hold it; None wherever it is.
    instead_of: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A shift as the product itself computed it, with overrides."""

    schedule: str
    person: str
    starts_at: datetime
    ends_at: datetime


class Kind(StrEnum):
    """What a rung of a ladder calls."""

    PERSON = "person"
    TEAM = "team"
    SCHEDULE = "schedule"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """Who is called how long after the beginning."""

    after: timedelta
    targets: tuple[tuple[Kind, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A ladder of the product."""

    id: str
    name: str
    rungs: tuple[Rung, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """Everything that was read of a product's export, and what became of the rest."""

    people: tuple[Person, ...] = ()
    teams: tuple[Team, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    covers: tuple[Cover, ...] = ()
    rendered: tuple[Rendered, ...] = ()
    policies: tuple[Policy, ...] = ()
    entries: tuple[Entry, ...] = field(default_factory=tuple)
