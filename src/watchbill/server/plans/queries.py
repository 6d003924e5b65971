"""Reading stored plans as core values."""

from functools import lru_cache

from watchbill.plan import Plan, load
from watchbill.server.plans.models import PlanVersion


class NoPlanInForceError(LookupError):
    """No plan has been loaded yet, so that nothing can be decided."""


class PlanUnreadableError(ValueError):
    """A stored plan no longer passes the check of this version of watchbill."""


def in_force() -> PlanVersion:
    """Return the version that new incidents begin under."""
    version = (
        PlanVersion.objects.exclude(activated_at=None)
        .defer("text")
        .order_by("-activated_at", "-pk")
        .first()
    )
    if version is None:
        message = "no plan is in force; start with --plan FILE"
        raise NoPlanInForceError(message)
    return version


def get(version_id: int) -> PlanVersion:
    """Return a stored version; PlanVersion.DoesNotExist if there is none."""
    return PlanVersion.objects.get(pk=version_id)


def versions() -> list[PlanVersion]:
    """Return every stored version, newest first, without the texts."""
    return list(PlanVersion.objects.defer("text").order_by("-pk"))


def plan_of(version_id: int) -> Plan:
    """Return the plan of a stored version.

    A version never changes, so that each is parsed once a process.
    """
    return _plan(version_id)


def forget() -> None:
    """Forget every parsed plan; for tests, in which numbers are used again."""
    _plan.cache_clear()


@lru_cache(maxsize=32)
def _plan(version_id: int) -> Plan:
    version = PlanVersion.objects.get(pk=version_id)
    loaded = load(version.text, name=version.source_name)
    if loaded.plan is None:
        # Stored versions passed the check; a newer watchbill may be stricter.
        first = loaded.findings[0]
        message = (
            f"The stored plan {version} does not pass the check of this version of"
            f" watchbill: line {first.line}: {first.message}. Give one that does with"
            " --plan FILE, or go back to the version before."
        )
        raise PlanUnreadableError(message)
    return loaded.plan
