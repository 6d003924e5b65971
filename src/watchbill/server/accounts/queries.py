"""Reading users, links and failed sign-ins."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db.models import QuerySet

from watchbill.server.accounts.models import OneTimeLink, SignInFailure, User
from watchbill.server.tokens import digest

FAILURES_ALLOWED = 5
"""Failed attempts by one address or from one origin before a pause."""

FAILURE_WINDOW = timedelta(minutes=10)


class LinkState(StrEnum):
    """Whether a one-time link still works."""

    VALID = "valid"
    USED = "used"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundLink:
    """A one-time link as found by its token."""

    state: LinkState
    link: OneTimeLink | None


def find_link(token: str, *, now: datetime) -> FoundLink:
    """Return the link that a token opens, and whether it still works."""
    link = OneTimeLink.objects.select_related("user").filter(token_hash=digest(token))
    return _judge(link.first(), now=now)


def lock_link(token: str, *, now: datetime) -> FoundLink:
    """Return the link as :func:`find_link` does, and hold its row."""
    link = OneTimeLink.objects.select_for_update().filter(token_hash=digest(token))
    return _judge(link.first(), now=now)


def by_email(email: str) -> User | None:
    """Return the active user with an address, whatever its capitals."""
    return User.objects.filter(email=email.lower(), is_active=True).first()


def anyone_signed_in() -> bool:
    """Return whether any user has ever signed in."""
    return User.objects.exclude(last_login=None).exists()


def has_owner() -> bool:
    """Return whether anybody has been set up yet."""
    return User.objects.exists()


def throttled_until(email: str, remote: str, *, now: datetime) -> datetime | None:
    """Return when the next attempt to sign in is heard, None if at once.

    Failures by the same address and those from the same origin both count, so
    that neither many passwords for one user nor one password for many users can
    be tried quickly.
    """
    since = now - FAILURE_WINDOW
    times = [
        _pause(SignInFailure.objects.filter(failed_at__gt=since, **match))
        for match in ({"email_hash": digest(email.lower())}, {"remote": remote})
    ]
    return max((time for time in times if time is not None), default=None)


def _pause(failures: QuerySet[SignInFailure]) -> datetime | None:
    latest = list(
        failures.order_by("-failed_at").values_list("failed_at", flat=True)[
            :FAILURES_ALLOWED
        ]
    )
    if len(latest) < FAILURES_ALLOWED:
        return None
    return latest[-1] + FAILURE_WINDOW


def _judge(link: OneTimeLink | None, *, now: datetime) -> FoundLink:
    if link is None:
        return FoundLink(state=LinkState.UNKNOWN, link=None)
    if link.used_at is not None:
        return FoundLink(state=LinkState.USED, link=link)
    if link.expires_at <= now:
        return FoundLink(state=LinkState.EXPIRED, link=link)
    return FoundLink(state=LinkState.VALID, link=link)
