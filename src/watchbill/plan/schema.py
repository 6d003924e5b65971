"""Schema: which keys a plan has and what each of them holds.

One class a section, named for what an entry of it is. Unknown keys are refused, so
that a slip of the pen is never a rule that silently does not exist. What entries
mean to each other, such as whether a role exists, is not asked here but in
:mod:`watchbill.plan.check`.

Nothing is optional that decides who is told; what is optional has its default
written at the field.
"""

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from watchbill.core.ladder import Since, StopOn, Verb
from watchbill.core.severity import Urgency
from watchbill.plan.values import (
    ChannelKey,
    ChannelKind,
    Cover,
    DateRange,
    Day,
    Days,
    Duration,
    Email,
    Hours,
    Key,
    Neighbor,
    OneOrMore,
    PersonName,
    Phone,
    ReviewCycle,
    TargetName,
    Text,
    Truth,
    WallTime,
    Zone,
)

Texts = Annotated[tuple[Text, ...], OneOrMore]
Keys = Annotated[tuple[Key, ...], OneOrMore]
Targets = Annotated[tuple[TargetName, ...], OneOrMore]
# A condition without labels would take every alert; it is written as none at all.
Condition = Annotated[
    dict[Text, Annotated[Texts, Field(min_length=1)]], Field(min_length=1)
]
Conditions = tuple[Condition, ...]


class Entry(BaseModel):
    """A part of a plan: no key but its own."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False)


class MetaEntry(Entry):
    """What the plan is, whose it is, and from when it holds (S0)."""

    title: Text
    product: Text
    version: Text
    effective: Day
    review: ReviewCycle
    owner: Key
    time_zone: Zone
    languages: Annotated[Keys, Field(min_length=1)]


class LevelEntry(Entry):
    """A level of support (S2.1)."""

    title: Text
    cover: Cover


class HoursEntry(Entry):
    """Hours that repeat each week."""

    days: Days
    from_: WallTime = Field(alias="from")
    to: WallTime
    closed: tuple[DateRange, ...] = ()


class ContactEntry(Entry):
    """A person of the support team (S2.1-02)."""

    id: Key
    level: Key
    title: Text
    #: The roles held; the id is always one of them.
    roles: Keys = ()
    name: PersonName = None
    email: Email = None
    phone: Phone = None
    slack: Text | None = None
    expertise: Keys = ()
    shift: Key | None = None


class RotationEntry(Entry):
    """A weekly on-call rotation (S4.4)."""

    title: Text
    members: Annotated[Keys, Field(min_length=1)]
    first_week: Day
    handover: WallTime
    secondary: Neighbor = Neighbor.PREVIOUS
    shadow: Neighbor = Neighbor.NEXT


class TicketEntry(Entry):
    """The ticket that an incident of a severity creates."""

    priority: Key
    team: Key


class SeverityEntry(Entry):
    """One rung of the scale (S3.1)."""

    title: Text
    criteria: Annotated[Texts, Field(min_length=1)]
    response: Duration
    resolution: Duration
    urgency: Urgency
    ticket: TicketEntry | None = None


class StepEntry(Entry):
    """One rung of a ladder (S3.2)."""

    after: Duration
    do: Verb
    who: Targets = ()
    title: Text
    id: Key | None = None
    until: StopOn | None = None
    from_: Since = Field(default=Since.DECLARED, alias="from")
    when: Hours = Hours.ALWAYS
    urgency: Urgency | None = None
    why: Texts = ()


Steps = Annotated[tuple[StepEntry, ...], Field(min_length=1)]


class RuleEntry(Entry):
    """Alerts that meet a condition have a severity."""

    severity: Key
    match: Annotated[Conditions, Field(min_length=1)]
    because: Text


class AlertSeverityEntry(Entry):
    """How the severity of an alert is found."""

    default: Key
    labels: dict[Text, Key] = Field(default_factory=dict)
    rules: tuple[RuleEntry, ...] = ()


class ContactingEntry(Entry):
    """When the contacts of a route are told (A11)."""

    primary: Duration = timedelta(0)
    secondary: Duration
    escalation: Duration


class RouteEntry(Entry):
    """One row of the alert routing table (S4.3)."""

    title: Text
    primary: Key
    secondary: Key
    escalation: Key
    category: Key | None = None
    confidential: Truth = False
    match: Conditions = ()


class AlertsEntry(Entry):
    """What is done with incoming alerts."""

    catch_all: Key
    group_by: Texts = ("alertname",)
    auto_resolve: Keys = ("P3", "P4")
    severity: AlertSeverityEntry
    contacting: dict[Key, ContactingEntry] = Field(default_factory=dict)
    routes: Annotated[dict[Key, RouteEntry], Field(min_length=1)]


class ChannelEntry(Entry):
    """A place where messages are posted or news is told (S7.1)."""

    kind: ChannelKind
    purpose: Text
    audience: Text


class PlanFile(Entry):
    """A whole plan as it is written."""

    watchbill: Text
    plan: MetaEntry
    levels: Annotated[dict[Key, LevelEntry], Field(min_length=1)]
    shifts: dict[Key, HoursEntry] = Field(default_factory=dict)
    contacts: Annotated[tuple[ContactEntry, ...], Field(min_length=1)]
    default_expert: Key | None = None
    aliases: dict[Key, Key] = Field(default_factory=dict)
    groups: dict[Key, Annotated[Keys, Field(min_length=1)]] = Field(
        default_factory=dict
    )
    business_hours: HoursEntry
    on_call: dict[Key, RotationEntry] = Field(default_factory=dict)
    severities: Annotated[dict[Key, SeverityEntry], Field(min_length=1)]
    fallback: Targets = ()
    escalation: dict[Key, Steps]
    alerts: AlertsEntry
    channels: dict[ChannelKey, ChannelEntry] = Field(default_factory=dict)
