"""Creating users and one-time links, and checking who signs in."""

from datetime import datetime, timedelta
from threading import BoundedSemaphore

from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.backends import BaseBackend
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest

from watchbill.core.access import ConsoleRole
from watchbill.server import tokens
from watchbill.server.accounts import queries
from watchbill.server.accounts.models import (
    LinkPurpose,
    OneTimeLink,
    SignInFailure,
    User,
)

OWNER_LINK_LIFETIME = timedelta(hours=24)
SIGN_IN_LINK_LIFETIME = timedelta(hours=1)


_hashing = BoundedSemaphore(2)
"""A hash takes 100 MiB by intention: a flood of sign-ins must not take them all."""

_PATIENCE = 5.0


class BusyError(Exception):
    """Too many people sign in at once; try again in a moment."""


class LinkRefusedError(Exception):
    """A one-time link does not work; ``state`` says why."""

    def __init__(self, state: queries.LinkState) -> None:
        super().__init__(f"the link is {state}")
        self.state = state


class EmailBackend(BaseBackend):
    """Checks an address and a password, with equal work for unknown addresses."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **_: object,
    ) -> User | None:
        """Return the user, or None; nobody can tell which of the two was wrong."""
        if username is None or password is None:
            return None
        user = User.objects.filter(email=username.lower()).first()
        if not _hashing.acquire(timeout=_PATIENCE):
            raise BusyError
        try:
            if user is None:
                # The same hashing as for a known user, so that time tells nothing.
                User().set_password(password)
                return None
            return user if user.check_password(password) and user.is_active else None
        finally:
            _hashing.release()

    def get_user(self, user_id: int) -> User | None:
        """Return the user of a session, None once deactivated."""
        return User.objects.filter(pk=user_id, is_active=True).first()


@transaction.atomic
def make_owner_link(*, now: datetime) -> str | None:
    """Return a new token that creates the owner, None when there is a user.

    Earlier owner links stop working: only the one shown last is good.
    """
    if queries.has_owner():
        return None
    OneTimeLink.objects.filter(purpose=LinkPurpose.CREATE_OWNER, used_at=None).update(
        expires_at=now
    )
    return _make_link(LinkPurpose.CREATE_OWNER, None, OWNER_LINK_LIFETIME, now=now)


def make_sign_in_link(user: User, *, now: datetime) -> str:
    """Return a new token that signs a user in once."""
    return _make_link(LinkPurpose.SIGN_IN, user, SIGN_IN_LINK_LIFETIME, now=now)


@transaction.atomic
def create_owner(
    token: str, *, name: str, email: str, password: str, now: datetime
) -> User:
    """Use an owner link; raises LinkRefusedError when it does not work (any more)."""
    link = _use(token, LinkPurpose.CREATE_OWNER, now=now)
    if queries.has_owner():
        raise LinkRefusedError(queries.LinkState.USED)
    user = create_user(
        name=name, email=email, password=password, role=ConsoleRole.OWNER, now=now
    )
    OneTimeLink.objects.filter(pk=link.pk).update(user=user)
    return user


@transaction.atomic
def use_sign_in_link(token: str, *, now: datetime) -> User:
    """Use a sign-in link; raises LinkRefusedError when it does not work."""
    link = _use(token, LinkPurpose.SIGN_IN, now=now)
    if link.user is None or not link.user.is_active:
        raise LinkRefusedError(queries.LinkState.UNKNOWN)
    return link.user


def create_user(
    *, name: str, email: str, password: str, role: ConsoleRole, now: datetime
) -> User:
    """Create somebody who may sign in; IntegrityError when the address is taken."""
    user = User(name=name, email=email.lower(), role=role, created_at=now)
    user.set_password(password)
    user.save(force_insert=True)
    return user


def begin_attempt(email: str, remote: str, *, now: datetime) -> SignInFailure:
    """Count an attempt to sign in as failed, before its password is looked at.

    Attempts at the same instant thus see each other. Those of yesterday are forgotten.
    """
    SignInFailure.objects.filter(failed_at__lt=now - timedelta(days=1)).delete()
    return SignInFailure.objects.create(
        email_hash=tokens.digest(email.lower()), remote=remote, failed_at=now
    )


def end_other_sessions(request: HttpRequest, user: User) -> None:
    """End every session of a user but the one of this request."""
    User.objects.filter(pk=user.pk).update(session_epoch=F("session_epoch") + 1)
    user.refresh_from_db(fields=["session_epoch"])
    update_session_auth_hash(request, user)


def forgive(attempt: SignInFailure) -> None:
    """Take back the count of an attempt that succeeded or was not heard."""
    attempt.delete()


def _use(token: str, purpose: LinkPurpose, *, now: datetime) -> OneTimeLink:
    found = queries.lock_link(token, now=now)
    if found.link is None or found.link.purpose != purpose:
        raise LinkRefusedError(queries.LinkState.UNKNOWN)
    if found.state is not queries.LinkState.VALID:
        raise LinkRefusedError(found.state)
    OneTimeLink.objects.filter(pk=found.link.pk).update(used_at=now)
    return found.link


def _make_link(
    purpose: LinkPurpose, user: User | None, lifetime: timedelta, *, now: datetime
) -> str:
    token = tokens.make("wbl")
    OneTimeLink.objects.create(
        token_hash=tokens.digest(token),
        purpose=purpose,
        user=user,
        created_at=now,
        expires_at=now + lifetime,
    )
    return token
