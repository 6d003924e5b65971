"""Reading users, links and failed sign-ins."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet

from watchbill.server.accounts.models import OneTimeLink, SignInFailure, User
from watchbill.server.tokens import digest

FAILURES_ALLOWED = 5
"""Failed attempts for one address from one origin before a pause."""

FAILURES_ALLOWED_ALONE = 50
"""Failed attempts for one address from anywhere, or from one origin for anybody.

Far more than of both together, because others can cause these: nobody must be able
to lock the owner out at 3 a.m., and an office shares one origin.
"""

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


def has_second_factor(user: User) -> bool:
    """Return whether a user has more than a password to show; codes do not count."""
    kinds = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
    return bool(Authenticator.objects.filter(user=user, type__in=kinds).exists())


def lacks_second_factor(user: User | AnonymousUser) -> bool:
    """Return whether a user's role needs a second factor that they do not have."""
    if not isinstance(user, User) or user.role not in settings.SECOND_FACTOR_FOR:
        return False
    return not has_second_factor(user)


def has_owner() -> bool:
    """Return whether anybody has been set up yet."""
    return User.objects.exists()


def throttled_until(email: str, remote: str, *, now: datetime) -> datetime | None:
    """Return when the next attempt to sign in is heard, None if at once.

    Neither many passwords for one user nor one password for many users can be tried
    quickly.
    """
    recent = SignInFailure.objects.filter(failed_at__gt=now - FAILURE_WINDOW)
    who = recent.filter(email_hash=digest(email.lower()))
    times = (
        _pause(who.filter(remote=remote), FAILURES_ALLOWED),
        _pause(who, FAILURES_ALLOWED_ALONE),
        _pause(recent.filter(remote=remote), FAILURES_ALLOWED_ALONE),
    )
    return max((time for time in times if time is not None), default=None)


def _pause(failures: QuerySet[SignInFailure], allowed: int) -> datetime | None:
    newest = failures.order_by("-failed_at").values_list("failed_at", flat=True)
    latest = list(newest[:allowed])
    if len(latest) < allowed:
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
