"""Reading stored plans as core values."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from django.db.models import Q

from watchbill.core.people import Directory
from watchbill.core.planapproval import (
    DEFAULT_SIGNERS,
    RUNNABLE,
    Approval,
    Signature,
    Signer,
    Standing,
    VersionState,
    standing,
)
from watchbill.plan import Loaded, Plan, load
from watchbill.plan.edit import value_at
from watchbill.server.plans.models import (
    PlanEvent,
    PlanEventKind,
    PlanSignature,
    PlanVersion,
)

_DECIDED_AGAINST = (VersionState.REJECTED, VersionState.WITHDRAWN)


class NoPlanInForceError(LookupError):
    """No plan has been loaded yet, so that nothing can be decided."""


class PlanUnreadableError(ValueError):
    """A stored plan no longer passes the check of this version of watchbill."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A version as a row of the list."""

    version: PlanVersion
    standing: Standing
    is_signed: bool


def in_force(*, now: datetime) -> PlanVersion:
    """Return the version that incidents declared at ``now`` begin under.

    A version that was approved or loaded ahead is it from its own instant on (S0-02):
    nothing has to happen at that instant, because this is asked anew each time.
    """
    runnable = PlanVersion.objects.filter(
        state__in=sorted(RUNNABLE), activated_at__isnull=False
    ).defer("text")
    begun = runnable.filter(activated_at__lte=now).order_by("-activated_at", "-pk")
    # A clock that went back must not leave an installation without any plan.
    version = begun.first() or runnable.order_by("activated_at", "pk").first()
    if version is None:
        message = "no plan is in force; start with --plan FILE"
        raise NoPlanInForceError(message)
    return version


def get(version_id: int) -> PlanVersion:
    """Return a stored version; PlanVersion.DoesNotExist if there is none."""
    return PlanVersion.objects.get(pk=version_id)


def lock(version_id: int) -> PlanVersion:
    """Return a version and hold its row; PlanVersion.DoesNotExist if there is none."""
    return PlanVersion.objects.select_for_update().get(pk=version_id)


def any_stored() -> bool:
    """Return whether any version has ever been stored."""
    return PlanVersion.objects.exists()


def newest() -> PlanVersion | None:
    """Return the version stored last that nobody has decided against."""
    standing_rows = PlanVersion.objects.exclude(state__in=_DECIDED_AGAINST)
    return standing_rows.defer("text").order_by("-pk").first()


def labels() -> list[str]:
    """Return what the versions are called that nobody has decided against."""
    rows = PlanVersion.objects.exclude(state__in=_DECIDED_AGAINST)
    return list(rows.order_by("-pk").values_list("label", flat=True))


def versions(*, now: datetime) -> list[Listed]:
    """Return every stored version, newest first, without the texts."""
    rows = list(PlanVersion.objects.defer("text").order_by("-pk"))
    try:
        current = in_force(now=now).pk
    except NoPlanInForceError:
        current = 0
    return [
        Listed(
            version=one,
            standing=_standing(one, current=current, now=now),
            is_signed=one.state == VersionState.APPROVED,
        )
        for one in rows
    ]


def standing_of(version: PlanVersion, *, now: datetime) -> Standing:
    """Return what a version is to its readers."""
    try:
        current = in_force(now=now).pk
    except NoPlanInForceError:
        current = 0
    return _standing(version, current=current, now=now)


def open_proposals() -> list[PlanVersion]:
    """Return the versions that wait for a decision, newest first."""
    rows = PlanVersion.objects.filter(state=VersionState.PROPOSED)
    return list(rows.defer("text").order_by("-pk"))


def approval_of(version: PlanVersion, *, now: datetime) -> Approval:
    """Return what is known of a version when somebody decides about it.

    Who holds a role is asked of the plan in force: a proposal could otherwise make
    its author the one who signs it.
    """
    return approval_under(in_force(now=now), version)


def approval_under(current: PlanVersion, version: PlanVersion) -> Approval:
    """Return the same as :func:`approval_of`, for who knows which plan is in force."""
    directory = plan_of(current.pk).directory
    roles = tuple(version.signers) or DEFAULT_SIGNERS
    return Approval(
        state=VersionState(version.state),
        signers=tuple(
            Signer(role=role, holders=holders(directory, role)) for role in roles
        ),
        signatures=tuple(
            Signature(role=one.role, contact=one.contact_key)
            for one in signatures_of(version.pk)
        ),
        effective_at=version.effective_at or version.loaded_at,
        runs_from=version.activated_at,
    )


def signatures_of(version_id: int) -> list[PlanSignature]:
    """Return the signatures under a version, in the order in which they were given.

    An amendment changes no rule, so that those under what it amends count for it too.
    """
    rows = PlanSignature.objects.filter(version_id__in=amends(version_id))
    return list(rows.order_by("pk"))


def amends(version_id: int) -> tuple[int, ...]:
    """Return a version and, of an amendment, those whose rules it keeps."""
    found = [version_id]
    while PlanEvent.objects.filter(
        version_id=found[-1], kind=PlanEventKind.AMENDED
    ).exists():
        version = PlanVersion.objects.only("based_on").get(pk=found[-1])
        if version.based_on_id is None:
            break
        found.append(version.based_on_id)
    return tuple(found)


def waiting(*, now: datetime) -> list[PlanVersion]:
    """Return the versions that are proposed or ahead, oldest first."""
    rows = PlanVersion.objects.filter(
        Q(state=VersionState.PROPOSED)
        | Q(state__in=sorted(RUNNABLE), activated_at__gt=now)
    )
    return list(rows.defer("text").order_by("pk"))


def events_of(version_id: int) -> list[PlanEvent]:
    """Return what happened to a version, the first thing first."""
    return list(PlanEvent.objects.filter(version_id=version_id))


def owners_of(plan: Plan) -> frozenset[str]:
    """Return the contacts who own the plan and may propose changes (S0-04)."""
    return frozenset(holders(plan.directory, plan.meta.owner))


def signer_roles(text: str) -> list[str]:
    """Return the roles that must sign, as a plan's text says."""
    found = value_at(text, ("plan", "signers"))
    if found is None:
        return list(DEFAULT_SIGNERS)
    return [found] if isinstance(found, str) else list(found)


def plan_of(version_id: int) -> Plan:
    """Return the plan of a stored version.

    A version never changes, so that each is parsed once a process.
    """
    plan = _loaded(version_id).plan
    if plan is None:
        # Stored versions passed the check; a newer watchbill may be stricter.
        first = _loaded(version_id).errors[0]
        message = (
            f"The stored plan {version_id} does not pass the check of this version of"
            f" watchbill: line {first.line}: {first.message}. Give one that does with"
            " --plan FILE, or go back to the version before."
        )
        raise PlanUnreadableError(message)
    return plan


def loaded_of(version_id: int) -> Loaded:
    """Return a stored version with what the check finds, parsed once a process."""
    return _loaded(version_id)


def forget() -> None:
    """Forget every parsed plan; for tests, in which numbers are used again."""
    _loaded.cache_clear()


@lru_cache(maxsize=32)
def _loaded(version_id: int) -> Loaded:
    version = PlanVersion.objects.get(pk=version_id)
    return load(version.text, name=version.source_name)


def holders(directory: Directory, role: str) -> tuple[str, ...]:
    """Return the contacts who hold a role; none when the plan does not know it."""
    if not directory.knows(role):
        return ()
    return tuple(one.key for one in directory.holders(role))


def _standing(version: PlanVersion, *, current: int, now: datetime) -> Standing:
    return standing(
        VersionState(version.state),
        runs_from=version.activated_at,
        is_in_force=version.pk == current,
        now=now,
    )
