"""Who may enter: deny by default.

Each view says by :func:`requires` which permission it needs, by :func:`signed_in` that
it concerns nobody but whoever asks, or by :func:`open_to_all` that it needs none and
why. A view that says none of these answers
nobody: the middleware turns it into an error that the tests and the first
developer to open it will see.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from watchbill.core.access import ConsoleRole, Permission, permissions_of

View = Callable[..., HttpResponseBase]
_V = TypeVar("_V", bound=View)


def requires(permission: Permission) -> Callable[[Callable[..., Any]], View]:
    """Let in signed-in users whose role holds the permission; 403 for others."""

    def guard(view: Callable[..., HttpResponseBase]) -> View:
        @wraps(view)
        def guarded(
            request: HttpRequest, *args: object, **kwargs: object
        ) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return _to_sign_in(request)
            if not may(request, permission):
                raise PermissionDenied(permission)
            return view(request, *args, **kwargs)

        guarded.watchbill_access = permission  # type: ignore[attr-defined]
        return guarded

    return guard


def open_to_all(reason: str) -> Callable[[_V], _V]:
    """Let everybody in, for the given reason."""

    def mark(view: _V) -> _V:
        view.watchbill_access = reason  # type: ignore[attr-defined]
        return view

    return mark


def signed_in(reason: str) -> Callable[[Callable[..., Any]], View]:
    """Let in whoever is signed in, whatever the role, for the given reason."""

    def guard(view: Callable[..., HttpResponseBase]) -> View:
        @wraps(view)
        def guarded(
            request: HttpRequest, *args: object, **kwargs: object
        ) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return _to_sign_in(request)
            return view(request, *args, **kwargs)

        guarded.watchbill_access = reason  # type: ignore[attr-defined]
        return guarded

    return guard


def withhold(request: HttpRequest) -> None:
    """Take every permission from the user for the time of this request."""
    request.watchbill_withheld = True  # type: ignore[attr-defined]


def permissions_held(request: HttpRequest) -> frozenset[Permission]:
    """Return what the request's user may do; nothing when not signed in."""
    user = request.user
    if not user.is_authenticated or getattr(request, "watchbill_withheld", False):
        return frozenset()
    return permissions_of(ConsoleRole(user.role))


def may(request: HttpRequest, permission: Permission) -> bool:
    """Return whether the request's user holds a permission."""
    return permission in permissions_held(request)


def access_of(view: Callable[..., Any]) -> Permission | str | None:
    """Return what a view declared; None when it declared nothing."""
    return getattr(view, "watchbill_access", None)


def _to_sign_in(request: HttpRequest) -> HttpResponseBase:
    if request.headers.get("HX-Request"):
        # HTMX would swap the sign-in page into a fragment; send the browser there.
        answer = HttpResponse(status=401)
        answer["HX-Redirect"] = redirect_to_login(request.get_full_path())["Location"]
        return answer
    target = request.get_full_path() if request.method == "GET" else "/"
    return redirect_to_login(target)
