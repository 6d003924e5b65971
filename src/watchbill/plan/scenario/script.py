"""Script: a file of stories as it is written, before any plan is asked.

Names are kept as phrases with their place, because only the plan knows what they
mean and a name that means nothing must be shown where it stands.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta

from watchbill.core.ladder import StopOn, Verb
from watchbill.core.oncall import Duty
from watchbill.plan.findings import Span
from watchbill.plan.scenario.faults import Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    """A few words of a line, and where they stand."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class WallClock:
    """The day and time of a story, in the zone of its plan."""

    day: date
    wall: time
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One thing that is expected to be done: a verb and whom it reaches."""

    verb: Verb
    #: Empty for a verb that reaches nobody by name, such as ``create ticket``.
    whom: tuple[Phrase, ...]
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """The right side of an arrow of the time line."""

    deeds: tuple[Deed, ...]
    #: ``...`` among the deeds: others may be done as well.
    is_open: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something that people do about the incident."""

    event: StopOn
    by: Phrase | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One line of the time line."""

    line: int
    elapsed: timedelta
    happenings: tuple[Happening, ...]
    #: None without an arrow: then nothing may be done at that time.
    expected: Expected | None
    span: Span
    #: Whether ``...`` stands between this line and the one before.
    after_gap: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """The incident of a story: by severity and route, or by an alert's labels."""

    line: int
    at: WallClock | None
    #: None of an alert, whose labels decide.
    severity: Phrase | None = None
    route: Phrase | None = None
    labels: Mapping[str, str] | None = None
    #: What the alert is expected to become, such as ``P2 Application Errors``.
    expected: Phrase | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyLine:
    """Who is expected to hold a duty; ``nobody`` is a phrase as well."""

    line: int
    at: WallClock | None
    #: None when the plan has one schedule only.
    schedule: Phrase | None
    duty: Duty
    expected: Phrase
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One story: what is so, what happens, and what must come of it."""

    #: Its first comment, or where it begins.
    title: str
    line: int
    plan: Phrase | None
    alerts: tuple[Declared, ...]
    duties: tuple[DutyLine, ...]
    unreachable: tuple[Phrase, ...]
    #: None in a story that asks for routes and duties only.
    incident: Declared | None
    moments: tuple[Moment, ...]
    #: Whether ``...`` is the last line.
    ends_open: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """All stories of a file, or the reasons why it cannot be read."""

    name: str
    lines: tuple[str, ...]
    stories: tuple[Story, ...]
    faults: tuple[Fault, ...]
