"""Middleware: security headers on every answer, and no view without access rule."""

from collections.abc import Callable

from django.core.exceptions import BadRequest, ImproperlyConfigured
from django.http import HttpRequest, HttpResponseBase

from watchbill.server.web.access import access_of

Handler = Callable[[HttpRequest], HttpResponseBase]

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)


def security_headers(get_response: Handler) -> Handler:
    """Set the headers that keep injected content powerless."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response.headers.setdefault("Content-Security-Policy", _POLICY)
        response.headers.setdefault("X-Frame-Options", "DENY")
        response.headers.setdefault(
            "Permissions-Policy", "camera=(), geolocation=(), microphone=()"
        )
        if not request.path.startswith("/static/"):
            # Pages hold personal data and change by the second.
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    return middleware


def refuse_nul(get_response: Handler) -> Handler:
    """Answer 400 to a NUL in the address or in a cookie.

    PostgreSQL has no text with a NUL, so that looking for one is an error and not an
    empty result. Forms refuse it themselves.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        values = (value for _, many in request.GET.lists() for value in many)
        if any("\0" in text for text in (*values, *request.COOKIES.values())):
            message = "there is a NUL in the address or in a cookie"
            raise BadRequest(message)
        return get_response(request)

    return middleware


class deny_by_default:  # noqa: N801 - a middleware is named like a function
    """Refuse to run a view that has not said who may enter."""

    def __init__(self, get_response: Handler) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self._get_response(request)

    def process_view(
        self,
        request: HttpRequest,
        view: Callable[..., HttpResponseBase],
        *_: object,
    ) -> None:
        """Raise ImproperlyConfigured for a view without an access rule."""
        if access_of(view) is None:
            message = f"{view.__module__}.{view.__name__} declares no access rule"
            raise ImproperlyConfigured(message)
