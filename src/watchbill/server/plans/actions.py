"""Storing, proposing, signing, amending, rejecting and withdrawing plan versions."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from watchbill.core import amendments, planapproval
from watchbill.core.access import ConsoleRole
from watchbill.core.planapproval import Approval, Person, Ruling, VersionState
from watchbill.plan import Finding, Loaded, Plan, load
from watchbill.plan.diff import changed_keys, diff, render_diff
from watchbill.plan.edit import replace
from watchbill.server.accounts.models import User
from watchbill.server.plans import queries
from watchbill.server.plans.models import (
    PlanEvent,
    PlanEventKind,
    PlanSignature,
    PlanVersion,
)
from watchbill.server.plans.queries import NoPlanInForceError

_LABEL = 40
_TITLE = 200
"""Characters of a version's name and title that are stored beside the text."""

OPERATOR = "the command line"
"""Who loads a plan by ``watchbill up --plan``, as the record names them."""


class ProposalRefusedError(Exception):
    """A text cannot become a version; the message says why, and ``other`` beside what.

    ``is_overtaken`` when another version was stored since the author began.
    """

    def __init__(
        self,
        reason: str,
        *,
        other: PlanVersion | None = None,
        is_overtaken: bool = False,
    ) -> None:
        super().__init__(reason)
        self.other = other
        self.is_overtaken = is_overtaken


class AmendmentRefusedError(ProposalRefusedError):
    """A text cannot come into force at once; the message says why.

    ``needs_signatures`` are the keys that are no particulars, ``findings`` the errors
    of a text that is no plan.
    """

    def __init__(
        self,
        reason: str,
        *,
        other: PlanVersion | None = None,
        is_overtaken: bool = False,
        needs_signatures: tuple[str, ...] = (),
        findings: tuple[Finding, ...] = (),
    ) -> None:
        super().__init__(reason, other=other, is_overtaken=is_overtaken)
        self.needs_signatures = needs_signatures
        self.findings = findings


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A checked text that somebody wants to have in force, and why."""

    loaded: Loaded
    reason: str
    #: The version that its author began with.
    based_on: int | None


@transaction.atomic
def put_in_force(loaded: Loaded, *, now: datetime) -> PlanVersion:
    """Store a plan that the operator loads, and put it in force unsigned (A43).

    It takes over at its effective instant if that lies ahead and another plan runs
    until then (S0-02). Incidents that run keep the version they began under (S0-07).
    A file that has been in force does not displace a signed version, nor what was
    amended of it: to start again with the same command is no decision.
    """
    plan, text = _checked(loaded)
    running = _in_force(now=now)
    version, is_new = PlanVersion.objects.get_or_create(
        digest=_digest(text),
        defaults=_columns(plan, text, now=now)
        | {
            "source_name": loaded.name,
            "state": VersionState.LOADED,
            "signers": queries.signer_roles(text),
        },
    )
    if running is not None and running.pk == version.pk:
        return version
    was_in_force = version.activated_at is not None and version.activated_at <= now
    is_signed = running is not None and running.state == VersionState.APPROVED
    amends_it = running is not None and version.pk in queries.amends(running.pk)
    if was_in_force and (is_signed or amends_it):
        return version
    waits = version.activated_at is not None and version.activated_at > now
    if not is_new and waits and version.state in planapproval.RUNNABLE:
        return version
    keeps = version.state == VersionState.APPROVED
    ahead = is_new and running is not None
    PlanVersion.objects.filter(pk=version.pk).update(
        state=VersionState.APPROVED if keeps else VersionState.LOADED,
        activated_at=max(plan.meta.effective_at, now) if ahead else now,
    )
    _record(version, PlanEventKind.LOADED, OPERATOR, now=now)
    version.refresh_from_db()
    return version


@transaction.atomic
def propose(proposal: Proposal, *, by: User, now: datetime) -> PlanVersion:
    """Store a proposal for its signers; ProposalRefusedError when it cannot be."""
    plan, text = _checked(proposal.loaded)
    if len(plan.meta.version) > _LABEL:
        message = f"the name of a version has at most {_LABEL} characters"
        raise ProposalRefusedError(message)
    newest = _hold_newest()
    if newest is not None and newest.pk != proposal.based_on:
        message = "another version was stored since you began"
        raise ProposalRefusedError(message, other=newest, is_overtaken=True)
    same = PlanVersion.objects.filter(digest=_digest(text)).first()
    if same is not None:
        message = "a version with exactly this text exists"
        raise ProposalRefusedError(message, other=same)
    if plan.meta.version in queries.labels():
        message = f"there is a version {plan.meta.version} already; give this another"
        raise ProposalRefusedError(message)
    running = _in_force(now=now)
    rules = queries.get(running.pk).text if running is not None else text
    version = PlanVersion(
        **_columns(plan, text, now=now),
        digest=_digest(text),
        source_name=f"version {plan.meta.version}",
        state=VersionState.PROPOSED,
        author=str(by),
        author_user=by,
        reason=proposal.reason,
        based_on=newest,
        signers=queries.signer_roles(rules),
    )
    version.save(force_insert=True)
    _record(version, PlanEventKind.PROPOSED, str(by), proposal.reason, now=now)
    return version


@transaction.atomic
def amend(
    text: str, *, based_on: int, by: User, reason: str, now: datetime
) -> PlanVersion:
    """Put a text in force at once that differs in particulars only.

    ``based_on`` is the version in force with which its author began. Whether the
    author may look after people is the caller's question. AmendmentRefusedError when
    another version is in force by now, or when the text asks for signatures.
    """
    _hold_newest()
    base = queries.lock(queries.in_force(now=now).pk)
    if base.pk != based_on:
        message = "another version came into force since you began"
        raise AmendmentRefusedError(message, other=base, is_overtaken=True)
    old, new = queries.loaded_of(base.pk), load(text, name="amendment")
    _refuse_more_than_particulars(old, new)
    label = _amendment_label(base)
    named = load(replace(text, {("plan", "version"): label}), name=f"version {label}")
    plan, finished = _checked(named)
    version = PlanVersion(
        **_columns(plan, finished, now=now),
        digest=_digest(finished),
        source_name=named.name,
        state=base.state,
        activated_at=now,
        decided_at=now,
        author=str(by),
        author_user=by,
        reason=reason,
        based_on=base,
        signers=base.signers,
    )
    version.save(force_insert=True)
    changes = render_diff(diff(old, new, since=now))
    said = f"{reason}\n\n{changes}" if reason else changes
    _record(version, PlanEventKind.AMENDED, str(by), said, now=now)
    for one in queries.waiting(now=now):
        said = f"{label} is in force, and this version does not hold it:\n\n{changes}"
        _record(one, PlanEventKind.OVERTAKEN, str(by), said, now=now)
    return version


def _refuse_more_than_particulars(old: Loaded, new: Loaded) -> None:
    if old.plan is None:
        message = (
            "the plan in force does not pass the check any more; propose a version"
        )
        raise AmendmentRefusedError(message)
    if new.plan is None:
        first = new.errors[0]
        message = f"line {first.line}: {first.message}"
        raise AmendmentRefusedError(message, findings=new.errors)
    before, after = old.plan, new.plan
    changed = changed_keys(old, new)
    # Layers that only changed places differ by no key, and page other people.
    if not changed and before.schedules == after.schedules:
        message = "nothing that the plan says is different"
        raise AmendmentRefusedError(message)
    roles = dict.fromkeys((*_signers(old), before.meta.owner))
    governing = {
        role: (
            queries.holders(before.directory, role),
            queries.holders(after.directory, role),
        )
        for role in roles
    }
    refused = amendments.needs_signatures(changed, governing=governing)
    if refused:
        message = f"this needs signatures, as it is a rule: {', '.join(refused)}"
        raise AmendmentRefusedError(message, needs_signatures=refused)


def _signers(loaded: Loaded) -> list[str]:
    return queries.signer_roles(_checked(loaded)[1])


def _amendment_label(base: PlanVersion) -> str:
    """A name that no version has; an older amendment may have been displaced."""
    taken = set(PlanVersion.objects.values_list("label", flat=True))
    label = amendments.amended_label(base.label)
    while label in taken:
        label = amendments.amended_label(label)
    return label


@transaction.atomic
def sign(version_id: int, role: str, *, by: User, now: datetime) -> Ruling:
    """Sign a version for a role; the last signature approves it."""
    version, approval = _held(version_id, now=now)
    ruling = planapproval.sign(approval, role, person_of(by, version), now=now)
    if not ruling.is_change:
        return ruling
    PlanSignature.objects.create(
        version=version,
        role=role,
        contact_key=by.contact_key,
        person=str(by),
        user=by,
        signed_at=now,
    )
    _record(version, PlanEventKind.SIGNED, str(by), role, now=now)
    if ruling.state is VersionState.APPROVED:
        _decide(version, ruling, now=now)
        _record(version, PlanEventKind.APPROVED, str(by), ruling.reason, now=now)
    return ruling


@transaction.atomic
def reject(version_id: int, reason: str, *, by: User, now: datetime) -> Ruling:
    """Reject a proposal, with the reason for its author."""
    version, approval = _held(version_id, now=now)
    ruling = planapproval.reject(approval, person_of(by, version))
    if ruling.is_change:
        _decide(version, ruling, now=now)
        _record(version, PlanEventKind.REJECTED, str(by), reason, now=now)
    return ruling


@transaction.atomic
def withdraw(version_id: int, reason: str, *, by: User, now: datetime) -> Ruling:
    """Take a version back that is not in force yet."""
    version, approval = _held(version_id, now=now)
    ruling = planapproval.withdraw(approval, person_of(by, version), now=now)
    if ruling.is_change:
        _decide(version, ruling, now=now)
        _record(version, PlanEventKind.WITHDRAWN, str(by), reason, now=now)
    return ruling


def person_of(user: User, version: PlanVersion | None = None) -> Person:
    """Return a user as the rules of approval know them."""
    return Person(
        contact=user.contact_key,
        is_author=version is not None and version.author_user_id == user.pk,
        is_admin=user.role == ConsoleRole.OWNER,
    )


def _held(version_id: int, *, now: datetime) -> tuple[PlanVersion, Approval]:
    version = queries.lock(version_id)
    return version, queries.approval_of(version, now=now)


def _hold_newest() -> PlanVersion | None:
    """The newest version, which nobody else can follow until this transaction ends.

    Whoever waited for the row asks again: its successor may be there by now.
    """
    found = queries.newest()
    if found is not None:
        queries.lock(found.pk)
    return queries.newest()


def _decide(version: PlanVersion, ruling: Ruling, *, now: datetime) -> None:
    PlanVersion.objects.filter(pk=version.pk).update(
        state=ruling.state, activated_at=ruling.runs_from, decided_at=now
    )


def _in_force(*, now: datetime) -> PlanVersion | None:
    try:
        return queries.in_force(now=now)
    except NoPlanInForceError:
        return None


def _checked(loaded: Loaded) -> tuple[Plan, str]:
    plan, source = loaded.plan, loaded.source
    if plan is None:
        message = "a plan with errors cannot be put in force"
        raise ValueError(message)
    return plan, source.decode("utf-8") if isinstance(source, bytes) else source


def _columns(plan: Plan, text: str, *, now: datetime) -> dict[str, object]:
    return {
        "label": plan.meta.version[:_LABEL],
        "title": plan.meta.title[:_TITLE],
        "text": text,
        "loaded_at": now,
        "effective_at": plan.meta.effective_at,
    }


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _record(
    version: PlanVersion,
    kind: PlanEventKind,
    actor: str,
    text: str = "",
    *,
    now: datetime,
) -> None:
    PlanEvent.objects.create(version=version, at=now, kind=kind, actor=actor, text=text)
