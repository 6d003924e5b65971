"""Governance: signing, runbooks, reviews, measures, vendors and compliance.

A plan is *signed* when every one of its signers has signed; until then it runs and
shows that it is unsigned, unless it asks to be refused (A43).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from watchbill.core.reviews import MeetingTime
from watchbill.core.temporal import Period
from watchbill.plan.quantities import Frequency
from watchbill.plan.rows import row, table
from watchbill.plan.sections.governance import (
    ComplianceEntry,
    MeasuresEntry,
    SignatureEntry,
    SigningRulesEntry,
    Start,
    Unsigned,
    VendorCategory,
)
from watchbill.plan.values import ReviewCycle

PERIODS = {
    ReviewCycle.MONTHLY: Period(months=1),
    ReviewCycle.QUARTERLY: Period(months=3),
    ReviewCycle.HALF_YEARLY: Period(months=6),
    ReviewCycle.YEARLY: Period(months=12),
}
"""How much of the calendar lies between two reviews of the plan (S0-03)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One signer's signature under the plan (SD)."""

    role: str
    #: None while it is a placeholder.
    name: str | None
    date: date
    signature: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """Who signs the plan, and who has (SD)."""

    #: Roles, in the order of the document; nobody when the plan needs no signature.
    signers: tuple[str, ...]
    #: By role.
    signatures: Mapping[str, Signature]
    state_when_unsigned: Unsigned

    @property
    def missing(self) -> tuple[str, ...]:
        """The roles that have not signed yet."""
        return tuple(
            role
            for role in self.signers
            if role not in self.signatures or self.signatures[role].name is None
        )

    @property
    def is_signed(self) -> bool:
        """Whether everybody who must has signed."""
        return not self.missing


@dataclass(frozen=True, slots=True, kw_only=True)
class RunbookPlace:
    """A runbook: where it is, whose it is, when it was looked at (S8.1)."""

    key: str
    title: str
    location: str
    updated: date
    owner: str | None
    review_every: Period
    reviewed: date | None
    exercised: date | None

    @property
    def reviewed_on(self) -> date:
        """The last day on which somebody went through it; an update is a review."""
        return max(self.updated, self.reviewed or self.updated)


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A regular look back (S9.1)."""

    key: str
    title: str
    #: A cycle, or the severities after whose incidents it is held.
    frequency: Frequency
    at: MeetingTime | None
    #: Roles, groups and levels.
    participants: tuple[str, ...]
    output: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Csat:
    """How customer satisfaction is measured (A40)."""

    scale: int
    good_from: int
    target: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """What is measured, and how (S9.2)."""

    csat: Csat
    mttr_from: Start
    #: A mean of fewer incidents is shown with a warning.
    mttr_warn_below: int
    #: The uptime promised, by component.
    slo: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class EmergencyProcedure:
    """A procedure for the worst days (SA)."""

    key: str
    title: str
    runbook: str
    owner: str | None
    exercised: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """A vendor and how to reach it (SB-04)."""

    key: str
    title: str
    category: VendorCategory
    #: None while the plan does not say who it is.
    name: str | None
    support: str | None
    email: str | None
    phone: str | None
    account: str | None
    contract: str | None
    contract_until: date | None
    hours: str | None
    escalation: tuple[str, ...]
    status_feed: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long each kind of data is kept (A45)."""

    audit_log: Period
    tickets: Period
    raw_alerts: Period
    messages: Period
    attachments: Period
    csat: Period


@dataclass(frozen=True, slots=True, kw_only=True)
class Obligation:
    """Something that law or contract asks for (A46)."""

    key: str
    title: str
    applies: str | None
    owner: str | None
    #: None until somebody has confirmed that it applies.
    confirmed_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Compliance:
    """Retention, audit and obligations (SC)."""

    retention: Retention
    audit: tuple[str, ...]
    obligations: Mapping[str, Obligation]


def build_signing(
    signers: tuple[str, ...],
    signatures: Mapping[str, SignatureEntry],
    approval: SigningRulesEntry,
) -> Signing:
    """Return who signs the plan, and who has."""
    return Signing(
        signers=signers,
        signatures={
            role: row(Signature, one, role=role) for role, one in signatures.items()
        },
        state_when_unsigned=approval.state_when_unsigned,
    )


def build_measures(entry: MeasuresEntry) -> Measures:
    """Return what is measured."""
    return Measures(
        csat=row(Csat, entry.csat),
        mttr_from=entry.mttr.from_,
        mttr_warn_below=entry.mttr.warn_below_n,
        slo=entry.slo,
    )


def build_compliance(entry: ComplianceEntry) -> Compliance:
    """Return what is kept, audited and owed."""
    return Compliance(
        retention=row(Retention, entry.retention),
        audit=entry.audit,
        obligations=table(Obligation, entry.obligations),
    )
