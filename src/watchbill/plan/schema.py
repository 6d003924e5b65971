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

from pydantic import Field

from watchbill.core.ladder import Since, StopOn, Verb
from watchbill.core.routing import AfterHours
from watchbill.core.severity import Urgency
from watchbill.plan.quantities import DaysWithin, Share
from watchbill.plan.sections import operations
from watchbill.plan.sections.alerting import (
    Conditions,
    FlappingEntry,
    InhibitEntry,
    StormEntry,
)
from watchbill.plan.sections.communication import (
    CommunicationEntry,
    KnowledgeEntry,
    LanguageEntry,
    MeetsEntry,
    StatusPageEntry,
)
from watchbill.plan.sections.entry import Entry, Keys, Targets, Texts
from watchbill.plan.sections.governance import (
    ComplianceEntry,
    MeasuresEntry,
    ProcedureEntry,
    ReviewEntry,
    RunbookEntry,
    SignatureEntry,
    SigningRulesEntry,
    VendorEntry,
)
from watchbill.plan.sections.oncall import ScheduleEntry
from watchbill.plan.sections.process import (
    BugsEntry,
    Clock,
    Fulfilment,
    HotfixEntry,
    IncidentsEntry,
    Pause,
)
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
    OneOrMore,
    PersonName,
    Phone,
    ReviewCycle,
    Text,
    Truth,
    WallTime,
    Zone,
)


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
    #: The roles that sign the plan; without any it needs no signature (SD).
    signers: Keys = ()
    #: By role of the signer.
    signatures: dict[Key, SignatureEntry] = Field(default_factory=dict)
    approval: SigningRulesEntry = SigningRulesEntry()
    #: The days on which the plan was reviewed (S0-03).
    reviewed: Annotated[tuple[Day, ...], OneOrMore] = ()


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
    #: The languages spoken, the preferred one first, such as my and en.
    languages: Keys = ()


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
    #: What is done first, in this order (S3.1).
    actions: Texts = ()
    clock: Clock = Clock.ALL_HOURS
    #: What the resolution clock may wait for (A19).
    pause: Annotated[tuple[Pause, ...], OneOrMore] = ()
    #: Shares of a target at which a breach is announced (S3.1-36).
    warn_at: Annotated[tuple[Share, ...], OneOrMore] = (0.75, 0.9)
    #: When people meet about the post-mortem, after the resolution (A18).
    postmortem_review: DaysWithin | None = None
    fulfilled_by: Fulfilment = Fulfilment.RESOLVED


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


class RouteContactingEntry(ContactingEntry):
    """Times of one route; without an escalation, only the matrix leads there (A6)."""

    escalation: Duration | None = None  # type: ignore[assignment]


class RouteEntry(Entry):
    """One row of the alert routing table (S4.3)."""

    title: Text
    primary: Key
    secondary: Key
    escalation: Key
    category: Key | None = None
    confidential: Truth = False
    contacting: dict[Key, RouteContactingEntry] = Field(default_factory=dict)
    match: Conditions = ()


def _after_hours() -> dict[str, AfterHours]:
    page, on_call, queue = AfterHours
    return {"P1": page, "P2": on_call, "P3": queue, "P4": queue}


class AlertsEntry(Entry):
    """What is done with incoming alerts."""

    catch_all: Key
    group_by: Texts = ("alertname",)
    auto_resolve: Keys = ("P3", "P4")
    severity: AlertSeverityEntry
    contacting: dict[Key, ContactingEntry] = Field(default_factory=dict)
    #: What route contacts are asked outside business hours (A29).
    after_hours: dict[Key, AfterHours] = Field(default_factory=_after_hours)
    routes: Annotated[dict[Key, RouteEntry], Field(min_length=1)]
    #: Which alerts page nobody while another fires (S4.2-23).
    inhibit: tuple[InhibitEntry, ...] = ()
    #: null: every end of an alert is believed at once.
    flapping: FlappingEntry | None = FlappingEntry()
    #: null: every group of alerts has an incident of its own.
    storm: StormEntry | None = StormEntry()
    #: How long an alert fires that its source repeats without saying until when.
    resolve_timeout: Duration = timedelta(minutes=5)


class ChannelEntry(Entry):
    """A place where messages are posted or news is told (S7.1)."""

    kind: ChannelKind
    purpose: Text
    audience: Text
    #: Where it is, if its key does not say so: a mailbox, the number of a chat.
    address: Text | None = None
    #: When the people of a meeting come together (A54).
    meets: MeetsEntry | None = None


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
    on_call: dict[Key, ScheduleEntry] = Field(default_factory=dict)
    severities: Annotated[dict[Key, SeverityEntry], Field(min_length=1)]
    fallback: Targets = ()
    escalation: dict[Key, Steps]
    alerts: AlertsEntry
    channels: dict[ChannelKey, ChannelEntry] = Field(default_factory=dict)
    monitoring: operations.MonitoringEntry = Field(
        default_factory=operations.MonitoringEntry
    )
    maintenance: operations.MaintenanceEntry = Field(
        default_factory=operations.MaintenanceEntry
    )
    changes: operations.ChangesEntry = Field(default_factory=operations.ChangesEntry)
    incidents: IncidentsEntry = IncidentsEntry()
    bugs: BugsEntry | None = None
    hotfix: HotfixEntry | None = None
    communication: CommunicationEntry = CommunicationEntry()
    status_page: StatusPageEntry | None = None
    runbooks: dict[Key, RunbookEntry] = Field(default_factory=dict)
    knowledge_base: dict[Key, KnowledgeEntry] = Field(default_factory=dict)
    reviews: dict[Key, ReviewEntry] = Field(default_factory=dict)
    #: What is done to become better, in the order of the plan (S9.2).
    improvement: Texts = ()
    measures: MeasuresEntry = MeasuresEntry()
    emergency_procedures: dict[Key, ProcedureEntry] = Field(default_factory=dict)
    vendors: dict[Key, VendorEntry] = Field(default_factory=dict)
    compliance: ComplianceEntry = ComplianceEntry()
    language: LanguageEntry = LanguageEntry()
