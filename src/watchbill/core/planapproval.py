"""Approval of the plan: who must sign a version, and when it takes over.

A version is proposed with a reason, signed by the holder of each role the plan
names, and takes over at its own effective instant, or with the last signature if
that comes later (SD-04, S0-02). Who must sign is said by the plan in force and not
by the proposal, because a proposal could otherwise excuse its own signers.

A plan that the operator loads by the command line runs unsigned, with a mark that
everybody sees: without that exception the first plan could never begin (A43). It
may be signed while it runs. One person who holds two roles signs for each, and
those who rely on three pairs of eyes are told that it was one person.

Nothing goes back: what was rejected or withdrawn is proposed again as a new
version, so that the record of who decided what stays whole (SE-01).
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

DEFAULT_SIGNERS = ("operations_manager", "engineering_manager", "cto")
"""The roles that sign when the plan names none (SD-01 to SD-03)."""


class VersionState(StrEnum):
    """What has been decided about a version of the plan."""

    #: Put in force by the operator; runs unsigned (A43).
    LOADED = "loaded"
    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


RUNNABLE = frozenset({VersionState.LOADED, VersionState.APPROVED})
"""The states in which a version runs once its time has come."""

_SIGNABLE = frozenset({VersionState.LOADED, VersionState.PROPOSED})


class Standing(StrEnum):
    """What a version is to its readers: what was decided, and where time stands."""

    IN_FORCE = "in_force"
    #: Decided, and waiting for its effective date.
    AHEAD = "ahead"
    PROPOSED = "proposed"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    #: It was in force, and another version has taken over.
    PAST = "past"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """A role that must sign, and the contacts who hold it."""

    role: str
    holders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A role that has signed, and the contact who did it."""

    role: str
    contact: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """What is known of a version when somebody wants to decide about it."""

    state: VersionState
    signers: tuple[Signer, ...]
    signatures: tuple[Signature, ...] = ()
    effective_at: datetime
    #: From when it runs; None until that is decided.
    runs_from: datetime | None = None

    @property
    def missing(self) -> tuple[Signer, ...]:
        """The roles that have not signed, in the order of the plan."""
        signed = {one.role for one in self.signatures}
        return tuple(one for one in self.signers if one.role not in signed)

    @property
    def unsignable(self) -> tuple[str, ...]:
        """The missing roles that no contact holds, so that nobody can sign."""
        return tuple(one.role for one in self.missing if not one.holders)

    @property
    def is_signed(self) -> bool:
        """Whether every role has signed; a plan without signers is never signed."""
        return bool(self.signers) and not self.missing

    @property
    def signed_twice(self) -> tuple[str, ...]:
        """The contacts who signed for more than one role."""
        counts = Counter(one.contact for one in self.signatures)
        return tuple(contact for contact, count in counts.items() if count > 1)

    def roles_of(self, contact: str) -> tuple[str, ...]:
        """Return the roles for which the contact may sign and has not."""
        if self.state not in _SIGNABLE:
            return ()
        return tuple(one.role for one in self.missing if contact in one.holders)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who wants to decide."""

    #: Which contact of the plan this is; empty for none.
    contact: str = ""
    is_author: bool = False
    #: May undo what anybody proposed, and sign for nobody.
    is_admin: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What becomes of a version, and why."""

    state: VersionState
    is_change: bool
    reason: str
    runs_from: datetime | None = None
    #: The refusal is about the person, not about the state of things.
    is_forbidden: bool = False


def may_propose(person: Person, *, owners: Collection[str]) -> bool:
    """Return whether a person may propose changes: the plan's owners and admins may.

    ``owners`` are the contacts of the role or group that owns the plan (S0-04).
    """
    return person.is_admin or person.contact in owners


def may_reject(approval: Approval, person: Person) -> bool:
    """Return whether a person may reject: each holder of a signing role may."""
    is_open = approval.state is VersionState.PROPOSED
    return is_open and any(person.contact in one.holders for one in approval.signers)


def may_withdraw(approval: Approval, person: Person, *, now: datetime) -> bool:
    """Return whether a person may withdraw: its author or an admin, until it runs."""
    waits = approval.state is VersionState.PROPOSED or _is_ahead(approval, now=now)
    return waits and (person.is_author or person.is_admin)


def sign(approval: Approval, role: str, person: Person, *, now: datetime) -> Ruling:
    """Return what becomes of a version when a person signs it for a role."""
    if approval.state not in _SIGNABLE:
        return _unchanged(approval, f"the version is {approval.state}")
    if role in {one.role for one in approval.signatures}:
        return _unchanged(approval, "the role has signed already")
    signer = next((one for one in approval.signers if one.role == role), None)
    if signer is None:
        return _unchanged(approval, "the plan does not ask this role to sign")
    if person.contact not in signer.holders:
        return _forbidden(approval, "only who holds the role may sign for it")
    missing = [one.role for one in approval.missing if one.role != role]
    if missing:
        return Ruling(
            state=approval.state,
            is_change=True,
            reason=f"still to sign: {', '.join(missing)}",
            runs_from=approval.runs_from,
        )
    return Ruling(
        state=VersionState.APPROVED,
        is_change=True,
        reason="every role has signed",
        runs_from=approval.runs_from or takes_over_at(approval.effective_at, now=now),
    )


def reject(approval: Approval, person: Person) -> Ruling:
    """Return what becomes of a version when a person rejects it."""
    if approval.state is not VersionState.PROPOSED:
        return _unchanged(approval, f"the version is {approval.state}")
    if not may_reject(approval, person):
        return _forbidden(approval, "only those who sign may reject")
    return Ruling(state=VersionState.REJECTED, is_change=True, reason="rejected")


def withdraw(approval: Approval, person: Person, *, now: datetime) -> Ruling:
    """Return what becomes of a version when a person takes it back."""
    if may_withdraw(approval, person, now=now):
        return Ruling(state=VersionState.WITHDRAWN, is_change=True, reason="withdrawn")
    if person.is_author or person.is_admin:
        return _unchanged(approval, "the version is decided or in force")
    return _forbidden(approval, "only the author may withdraw")


def takes_over_at(effective_at: datetime, *, now: datetime) -> datetime:
    """Return from when a version runs that is approved now (S0-02)."""
    return max(effective_at, now)


def standing(
    state: VersionState,
    *,
    runs_from: datetime | None,
    is_in_force: bool,
    now: datetime,
) -> Standing:
    """Return what a version is to its readers at an instant."""
    match state:
        case VersionState.PROPOSED:
            return Standing.PROPOSED
        case VersionState.REJECTED:
            return Standing.REJECTED
        case VersionState.WITHDRAWN:
            return Standing.WITHDRAWN
        case VersionState.LOADED | VersionState.APPROVED:
            if is_in_force:
                return Standing.IN_FORCE
            waits = runs_from is not None and runs_from > now
            return Standing.AHEAD if waits else Standing.PAST


def _is_ahead(approval: Approval, *, now: datetime) -> bool:
    runs_from = approval.runs_from
    return approval.state in RUNNABLE and runs_from is not None and runs_from > now


def _unchanged(approval: Approval, reason: str) -> Ruling:
    return Ruling(
        state=approval.state,
        is_change=False,
        reason=reason,
        runs_from=approval.runs_from,
    )


def _forbidden(approval: Approval, reason: str) -> Ruling:
    return Ruling(
        state=approval.state,
        is_change=False,
        reason=reason,
        runs_from=approval.runs_from,
        is_forbidden=True,
    )
