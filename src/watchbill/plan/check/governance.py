"""Governance: who signs, what is overdue, and what is still to be filled in.

What depends on the day is asked only when the caller says which day it is: a check
reads no clock. All of it is said and none of it refused, since a plan without its
signatures still has to answer the pager tonight (A43).
"""

from collections.abc import Iterator, Mapping
from datetime import date

from watchbill.core.reviews import Cycle, is_stale, overdue_reviews
from watchbill.core.temporal import Period
from watchbill.plan.check.case import Case
from watchbill.plan.check.names import check_role, check_severity
from watchbill.plan.findings import Code, Finding
from watchbill.plan.governance import PERIODS
from watchbill.plan.quantities import write_period
from watchbill.plan.sections.governance import ProcedureEntry, RunbookEntry
from watchbill.plan.source import Path

AUDIT_MINIMUM = Period(months=12)
"""For which time an audit log is kept at least (PCI DSS 10.5.1, A45)."""

_SOME_DAY = date(2026, 1, 1)


def check_governance(case: Case) -> Iterator[Finding]:
    """Yield what is unsigned, overdue, unowned, unfilled or kept too short."""
    yield from _signatures(case)
    yield from _owners(case)
    yield from _reviews(case)
    yield from _vendors(case)
    yield from _compliance(case)
    csat = case.file.measures.csat
    if csat.good_from > csat.scale:
        message = f"no answer of 1 to {csat.scale} is {csat.good_from} or better"
        path: Path = ("measures", "csat", "good_from")
        yield case.at(Code.IMPOSSIBLE_SCALE, path, message)
    if case.as_of is not None:
        yield from _overdue(case, case.as_of)
        yield from _stale(case, case.as_of)


def _signatures(case: Case) -> Iterator[Finding]:
    entry, signing = case.file.plan, case.plan.meta.signing
    for place, role in enumerate(entry.signers):
        yield from check_role(case, ("plan", "signers", place), role)
    for role in entry.signatures:
        if role not in entry.signers:
            message = f'"{role}" signs, and is not one of the signers'
            path: Path = ("plan", "signatures", role)
            yield case.at_key(Code.STRANGE_SIGNATURE, path, message)
    if signing.missing:
        message = f"the plan is unsigned by {', '.join(signing.missing)}"
        hint = "It runs, and is shown as unsigned."
        yield case.at(Code.UNSIGNED, ("plan", "signers"), message, hint)


def _owners(case: Case) -> Iterator[Finding]:
    tables: dict[str, Mapping[str, RunbookEntry | ProcedureEntry]] = {
        "runbooks": case.file.runbooks,
        "emergency_procedures": case.file.emergency_procedures,
    }
    for section, entries in tables.items():
        for key, one in entries.items():
            path: Path = (section, key)
            if one.owner is None:
                message = f"{one.title} has no owner"
                yield case.at_key(Code.NO_OWNER, path, message, "Write owner: a role.")
            else:
                yield from check_role(case, (*path, "owner"), one.owner)
    for key, obligation in case.file.compliance.obligations.items():
        if obligation.owner is not None:
            path = ("compliance", "obligations", key, "owner")
            yield from check_role(case, path, obligation.owner)


def _reviews(case: Case) -> Iterator[Finding]:
    for key, one in case.file.reviews.items():
        path: Path = ("reviews", key)
        for place, role in enumerate(one.participants):
            yield from check_role(case, (*path, "participants", place), role)
        if isinstance(one.frequency, Cycle):
            if one.at is None:
                message = f"{one.title} is {one.frequency}, and has no day and time"
                hint = "Write at: mon 09:00, first tue 10:00 or first week 10:00."
                yield case.at_key(Code.NO_MEETING_TIME, path, message, hint)
            continue
        for severity in one.frequency:
            yield from check_severity(case, (*path, "frequency"), severity)


def _vendors(case: Case) -> Iterator[Finding]:
    for key, one in case.file.vendors.items():
        if one.name is None:
            message = f"{one.title} is not filled in: who it is and how to reach it"
            yield case.at_key(Code.UNFILLED_VENDOR, ("vendors", key), message)
        elif not (one.support or one.email or one.phone):
            message = f"{one.title} ({one.name}) has no way to be reached"
            hint = "Write support, email or phone."
            yield case.at_key(Code.UNFILLED_VENDOR, ("vendors", key), message, hint)


def _compliance(case: Case) -> Iterator[Finding]:
    kept = case.file.compliance.retention.audit_log
    if kept.after(_SOME_DAY) < AUDIT_MINIMUM.after(_SOME_DAY):
        message = (
            f"the audit log is kept for {write_period(kept)}; auditors ask for "
            f"{write_period(AUDIT_MINIMUM)} at least"
        )
        path: Path = ("compliance", "retention", "audit_log")
        yield case.at(Code.SHORT_RETENTION, path, message)
    for key, one in case.file.compliance.obligations.items():
        if one.confirmed_by is None:
            message = f"nobody has confirmed whether {one.title} applies"
            hint = "Let counsel look at it, and write confirmed_by."
            path = ("compliance", "obligations", key)
            yield case.at_key(Code.UNCONFIRMED, path, message, hint)


def _overdue(case: Case, as_of: date) -> Iterator[Finding]:
    """Report the plan's own reviews that were missed (S0-03, A42)."""
    entry = case.file.plan
    every = PERIODS[entry.review]
    due = overdue_reviews(entry.effective, every, held=entry.reviewed, as_of=as_of)
    if due:
        days = ", ".join(day.isoformat() for day in due[-4:])
        more = f" and {len(due) - 4} before" if len(due) > 4 else ""
        message = f"version {entry.version} of the plan missed its review: {days}{more}"
        hint = "Review it, and write the day under reviewed."
        yield case.at(Code.OVERDUE_REVIEW, ("plan", "review"), message, hint)


def _stale(case: Case, as_of: date) -> Iterator[Finding]:
    """Report runbooks without a review for longer than their period (S8.1-10)."""
    for key, one in case.plan.runbooks.items():
        if is_stale(one.reviewed_on, one.review_every, as_of=as_of):
            message = (
                f"{one.title} was last reviewed on {one.reviewed_on}, more than "
                f"{write_period(one.review_every)} ago"
            )
            path: Path = ("runbooks", key, "updated")
            yield case.at(Code.STALE_RUNBOOK, path, message)
