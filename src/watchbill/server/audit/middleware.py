"""The one place where a request gets its name in the audit log.

Every request that may change something runs as an act that is called like its route,
by whoever is signed in; a view that lets people in by a key, a link or a signature
says who it is once it knows (``acting.known_as``). The rows that it changes are then
audited by the database, so a new view or action cannot forget it.

A page that shows personal data says so with ``shows_people``, and is logged
before it is answered: without the line there is no page.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.urls import Resolver404, ResolverMatch, resolve

from watchbill.core.access import Permission
from watchbill.server import clock
from watchbill.server.audit import actions
from watchbill.server.audit.acting import Acting, acting
from watchbill.server.audit.models import ActorKind
from watchbill.server.audit.showing import is_marked
from watchbill.server.web.access import may

Handler = Callable[[HttpRequest], HttpResponseBase]

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_CHANGED_BY_LOOKING = frozenset({"mfa_view_recovery_codes"})
"""Recovery codes are shown once."""

_SHOWING = frozenset({"GET", "POST"})
_TOLD_BY = ("action", "role", "key", "number")
"""What of a route says of whom a page shows personal data."""


def audited(get_response: Handler) -> Handler:
    """Run what may change something as an act, and log what shows personal data."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        match = _resolved(request)
        if match is None:
            return get_response(request)
        if request.method not in _SAFE or match.view_name in _CHANGED_BY_LOOKING:
            with acting(_actor(request, match)):
                response = get_response(request)
        else:
            response = get_response(request)
        if request.method in _SHOWING and _has_shown(request, match, response):
            subject = (match.url_name or match.view_name, _subject(match))
            actions.record_shown(_actor(request, match), subject, wall=clock.wall())
        return response

    return middleware


def _resolved(request: HttpRequest) -> ResolverMatch | None:
    try:
        return resolve(request.path_info)
    except Resolver404:
        return None


def _actor(request: HttpRequest, match: ResolverMatch) -> Acting:
    user = request.user
    is_known = user.is_authenticated
    return Acting(
        act=_act(match),
        kind=ActorKind.USER if is_known else ActorKind.NOBODY,
        id=str(user.pk) if is_known else "",
        name=str(user) if is_known else "",
        remote=request.META.get("REMOTE_ADDR", ""),
    )


def _act(match: ResolverMatch) -> str:
    parts = [*match.view_name.split(":")]
    if action := match.kwargs.get("action"):
        parts.append(str(action))
    return ".".join(parts)


def _subject(match: ResolverMatch) -> str:
    told = (str(match.kwargs[name]) for name in _TOLD_BY if name in match.kwargs)
    return next(told, "")


def _has_shown(
    request: HttpRequest, match: ResolverMatch, response: HttpResponseBase
) -> bool:
    if response.status_code != 200 or not request.user.is_authenticated:
        return False
    return is_marked(match.func) and may(request, Permission.VIEW_CONTACTS)
