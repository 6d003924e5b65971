"""Governance: signing, runbooks, reviews, measures, vendors and compliance."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from watchbill.core.temporal import Period
from watchbill.plan.quantities import (
    CalendarPeriod,
    Count,
    HowOften,
    MeetingWhen,
    Share,
)
from watchbill.plan.sections.entry import Entry, Keys, Texts
from watchbill.plan.values import Day, Email, Key, PersonName, Phone, Text


class Unsigned(StrEnum):
    """What a plan without all its signatures does (A43)."""

    #: It runs, and every page shows that it is unsigned.
    RUN_WITH_MARK = "run_with_mark"
    REFUSE = "refuse"


class SigningRulesEntry(Entry):
    """How the plan itself is approved (SD)."""

    state_when_unsigned: Unsigned = Unsigned.RUN_WITH_MARK


class SignatureEntry(Entry):
    """One row of the document's approval (SD)."""

    name: PersonName
    date: Day
    #: As it is written on paper, or what stands for it.
    signature: Text | None = None


class RunbookEntry(Entry):
    """A runbook and when it was looked at last (S8.1)."""

    title: Text
    location: Text
    updated: Day
    owner: Key | None = None
    review_every: CalendarPeriod = Period(months=1)
    #: The last review that changed nothing; an update is one too.
    reviewed: Day | None = None
    #: The last drill.
    exercised: Day | None = None


class ReviewEntry(Entry):
    """A regular look back (S9.1)."""

    title: Text
    frequency: HowOften
    at: MeetingWhen | None = None
    participants: Annotated[Keys, Field(min_length=1)]
    output: Text


class CsatEntry(Entry):
    """How customer satisfaction is measured (A40)."""

    scale: Count = 5
    #: Answers from here up count as satisfied.
    good_from: Count = 4
    target: Share = 0.8


class Start(StrEnum):
    """Where the time to resolution begins (A39)."""

    IMPACT_STARTED = "impact_started"
    DETECTED = "detected"
    DECLARED = "declared"


class MttrEntry(Entry):
    """How the mean time to resolution is measured (A39)."""

    from_: Start = Field(default=Start.IMPACT_STARTED, alias="from")
    #: A mean of fewer incidents is shown with a warning.
    warn_below_n: Count = 20


class MeasuresEntry(Entry):
    """What is measured, and how (S9.2)."""

    csat: CsatEntry = CsatEntry()
    mttr: MttrEntry = MttrEntry()
    #: The uptime promised, by component; none unless the plan promises one (A41).
    slo: dict[Key, Share] = Field(default_factory=dict)


class ProcedureEntry(Entry):
    """An emergency procedure, kept as a runbook (SA)."""

    title: Text
    runbook: Text
    owner: Key | None = None
    #: The last drill.
    exercised: Day | None = None


class VendorCategory(StrEnum):
    """What a vendor is for (SB)."""

    HOSTING = "hosting"
    PAYMENT = "payment"
    THIRD_PARTY = "third_party"
    SECURITY = "security"


class VendorEntry(Entry):
    """A vendor and how to reach it (SB-04)."""

    title: Text
    category: VendorCategory
    name: PersonName = None
    support: Text | None = None
    email: Email = None
    phone: Phone = None
    #: Our customer number there.
    account: Text | None = None
    contract: Text | None = None
    contract_until: Day | None = None
    hours: Text | None = None
    escalation: Texts = ()
    #: Where its own status is published.
    status_feed: Text | None = None


class RetentionEntry(Entry):
    """How long each kind of data is kept (A45)."""

    audit_log: CalendarPeriod = Period(months=36)
    #: Afterwards they are made anonymous.
    tickets: CalendarPeriod = Period(months=36)
    raw_alerts: CalendarPeriod = Period(months=13)
    #: The bodies of messages to phones.
    messages: CalendarPeriod = Period(months=12)
    attachments: CalendarPeriod = Period(months=12)
    #: Comments on satisfaction.
    csat: CalendarPeriod = Period(months=24)


class ObligationEntry(Entry):
    """Something that law or contract asks for (A46)."""

    title: Text
    applies: Text | None = None
    owner: Key | None = None
    #: Who has confirmed that it applies and how; watchbill gives no legal advice.
    confirmed_by: PersonName = None


class ComplianceEntry(Entry):
    """Retention, audit and obligations (SC)."""

    retention: RetentionEntry = RetentionEntry()
    #: How the log of changes and decisions is audited.
    audit: Texts = ()
    obligations: dict[Key, ObligationEntry] = Field(default_factory=dict)
