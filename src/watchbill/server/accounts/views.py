"""Signing in and out, and one-time links."""

from allauth.account.internal.flows.login import (
    perform_password_login,
    record_authentication,
)
from allauth.account.internal.stagekit import clear_login
from allauth.account.models import Login
from allauth.mfa.signals import (
    authentication_failed,
    authenticator_added,
    authenticator_removed,
)
from django.contrib.auth import authenticate, login, logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from watchbill.server import clock
from watchbill.server.accounts import actions, queries
from watchbill.server.accounts.actions import LinkRefusedError
from watchbill.server.accounts.forms import OwnerForm, SignInForm
from watchbill.server.accounts.models import LinkPurpose, User
from watchbill.server.audit import actions as audit
from watchbill.server.audit.acting import known_as
from watchbill.server.audit.models import ActorKind
from watchbill.server.web.access import open_to_all

_BACKEND = "watchbill.server.accounts.actions.EmailBackend"


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
@open_to_all("whoever signs in is not signed in yet")
def sign_in(request: HttpRequest) -> HttpResponse:
    """Sign in by address and password; the same answer whichever is wrong."""
    if request.user.is_authenticated:
        return redirect("incidents:list")
    if request.method == "GET":
        clear_login(request)  # whoever comes back here begins again
    form = SignInForm(request.POST or None)
    wall = clock.wall()
    remote = request.META.get("REMOTE_ADDR", "")
    status, until = 200, None
    if request.method == "POST" and form.is_valid():
        email = form.cleaned_data["username"]
        until = queries.throttled_until(email, remote, now=wall)
        if until is not None:
            status = 429
        elif (user := _authenticate(request, form, email, remote)) is not None:
            # Goes on to the second factor of whoever has one, and asks for it.
            return _go_on(request, user)
    context = {"form": form, "next": _next(request, ""), "throttled_until": until}
    return render(request, "accounts/sign_in.html", context, status=status)


def _authenticate(
    request: HttpRequest, form: SignInForm, email: str, remote: str
) -> User | None:
    """Return who signs in, or say on the form why nobody does."""
    attempt = actions.begin_attempt(email, remote, now=clock.wall())
    password = form.cleaned_data["password"]
    try:
        user = authenticate(request, username=email, password=password)
    except actions.BusyError:
        actions.forgive(attempt)
        form.add_error(None, _("Too many people sign in at once. Try again."))
        return None
    if user is None:
        # Whose address it is, if anybody's: what a stranger typed is not kept for ever.
        meant = queries.by_email(email)
        subject = ("user", "" if meant is None else str(meant.pk))
        audit.record("accounts.sign_in.refused", wall=clock.wall(), subject=subject)
        form.add_error(None, _("The e-mail address or the password is wrong."))
        return None
    actions.forgive(attempt)
    return user


@require_POST
@open_to_all("signing out hurts nobody, signed in or not")
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session."""
    if request.user.is_authenticated:
        subject = ("user", str(request.user.pk))
        audit.record("accounts.sign_out", wall=clock.wall(), subject=subject)
    logout(request)
    return redirect("accounts:sign_in")


@sensitive_post_parameters("password", "password_again")
@require_http_methods(["GET", "HEAD", "POST"])
@open_to_all("the token in the link is the permission, and it works once")
def setup(request: HttpRequest, token: str) -> HttpResponse:
    """Create the owner. A GET shows the form and changes nothing."""
    wall = clock.wall()
    state = _state_of(token, LinkPurpose.CREATE_OWNER)
    form = OwnerForm(request.POST or None)
    submitted = request.method == "POST" and form.is_valid()
    if submitted and state is queries.LinkState.VALID:
        try:
            user = actions.create_owner(
                token,
                name=form.cleaned_data["name"],
                email=form.cleaned_data["email"],
                password=form.cleaned_data["password"],
                now=wall,
            )
        except LinkRefusedError as error:
            state = error.state
        else:
            _sign_in_now(request, user, "password")
            return redirect("incidents:list")
    context = {"form": form, "link_state": state}
    return render(request, "accounts/setup.html", context, status=_status(state))


@require_http_methods(["GET", "HEAD", "POST"])
@open_to_all("the token in the link is the permission, and it works once")
def one_time_link(request: HttpRequest, token: str) -> HttpResponse:
    """Sign in by a link. A GET says who will be signed in and changes nothing."""
    state = _state_of(token, LinkPurpose.SIGN_IN)
    person: User | None = None
    if request.method == "POST":
        try:
            user = actions.use_sign_in_link(token, now=clock.wall())
        except LinkRefusedError as error:
            state = error.state
        else:
            _sign_in_now(request, user, "one_time_link")
            return redirect("incidents:list")
    elif state is queries.LinkState.VALID:
        found = queries.find_link(token, now=clock.wall())
        person = found.link.user if found.link is not None else None
    context = {"link_state": state, "person": person}
    return render(
        request, "accounts/one_time_link.html", context, status=_status(state)
    )


def _end_other_sessions(request: HttpRequest, user: User, **_: object) -> None:
    """Whoever had the password alone is out once there is a second factor."""
    actions.end_other_sessions(request, user)


def _note_refusal(user: User, **_: object) -> None:
    subject = ("user", str(user.pk))
    audit.record("accounts.second_factor.refused", wall=clock.wall(), subject=subject)


# These are the only places at which allauth calls us.
authenticator_added.connect(_end_other_sessions)
authenticator_removed.connect(_end_other_sessions)
authentication_failed.connect(_note_refusal)


def _go_on(request: HttpRequest, user: User) -> HttpResponse:
    entry = Login(user=user, redirect_url=_next(request))
    answer: HttpResponse = perform_password_login(request, {"email": user.email}, entry)
    return answer


def _sign_in_now(request: HttpRequest, user: User, method: str) -> None:
    """Sign in without a second factor, as freshly confirmed.

    Whoever makes a link has the whole server, so the link is the way back in for those
    who lost their password and their factors.
    """
    # Before the session, so that it is theirs that they last signed in.
    known_as(ActorKind.USER, id=str(user.pk), name=str(user))
    login(request, user, backend=_BACKEND)
    record_authentication(request, user, method, reauthenticated=True)


def _state_of(token: str, purpose: LinkPurpose) -> queries.LinkState:
    found = queries.find_link(token, now=clock.wall())
    if found.link is not None and found.link.purpose != purpose:
        return queries.LinkState.UNKNOWN
    if purpose is LinkPurpose.CREATE_OWNER and queries.has_owner():
        return queries.LinkState.USED
    return found.state


def _status(state: queries.LinkState) -> int:
    return 200 if state is queries.LinkState.VALID else 404


def _next(request: HttpRequest, default: str = "/") -> str:
    """Where to go after signing in: a page of ours, never another site."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    is_ours = wanted.startswith("/") and url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if is_ours else default
