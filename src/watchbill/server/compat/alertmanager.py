"""What Alertmanager's API v2 answers, for ``amtool``, Grafana, karma and Prometheus.

It is found at ``/api/v2/`` with a key in ``Authorization``, and at
``/intake/prometheus/<key>/api/v2/`` for clients that know no such header. Alerts are
posted to the same addresses and never come here (``server.intake``). Reading needs a
key with the scope *read*, changing silences one with *silence*.

Shapes, statuses and bodies of errors are those of ``openapi.yaml``: an error is a JSON
string, and a silence that is not there a 404 without a body. One that another
integration or the console made is shown, but to be changed it is not there. Alerts of
confidential incidents and routes are not shown, whatever the key.
"""

import re
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime, timedelta
from functools import wraps
from itertools import chain
from typing import Any

import msgspec
from asgiref.sync import sync_to_async
from django.db import connection
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    StreamingHttpResponse,
)
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from watchbill import __version__
from watchbill.core.routing import Route
from watchbill.server import clock
from watchbill.server.compat import alertmanager_lists as lists
from watchbill.server.compat import alertmanager_shapes as shapes
from watchbill.server.compat.alertmanager_lists import Wanted
from watchbill.server.compat.alertmanager_shapes import ShapeError
from watchbill.server.intake.keys import authenticate_request
from watchbill.server.intake.models import Integration, Scope
from watchbill.server.plans import queries as plans
from watchbill.server.plans.queries import NoPlanInForceError
from watchbill.server.silences import actions, queries
from watchbill.server.silences.actions import (
    Draft,
    SilenceRefusedError,
    UnknownSilenceError,
)
from watchbill.server.silences.matching import (
    MatcherError,
    Written,
    compiled_one,
    parse,
    sure_labels,
)
from watchbill.server.silences.models import Silence
from watchbill.server.silences.queries import SilenceState
from watchbill.server.web import views as web
from watchbill.server.web.access import open_to_all

KINDS = frozenset({"prometheus", "alertmanager"})
"""Integrations whose keys may be used here."""

VERSION = "0.28.0"
"""The Alertmanager whose API this is; clients choose their words by it."""

RETENTION = timedelta(days=5)
"""For so long after its end a silence is listed here; the console lists all."""

_AT_ONCE = 1024 * 1024
"""Bytes; a longer answer is sent while it is written."""

_TRUE = frozenset(
    {"true", "1", "yes", "ok", "y", "on", "selected", "checked", "t", "enabled"}
)

View = Callable[..., HttpResponseBase]


def _with_key(view: View) -> View:
    """Let in whoever shows a key that may do what the method does."""

    @open_to_all("the key in the address or in Authorization says who may enter")
    @wraps(view)
    def guarded(
        request: HttpRequest, *, key: str = "", **kwargs: Any
    ) -> HttpResponseBase:
        is_reading = request.method in {"GET", "HEAD"}
        integration = authenticate_request(
            request, kinds=KINDS, scope=Scope.READ if is_reading else Scope.SILENCE
        )
        if integration is None:
            answer = _json("this needs a key that may do it", status=401)
            answer["WWW-Authenticate"] = 'Basic realm="watchbill"'
            return answer
        return view(request, integration, **kwargs)

    return guarded


# ── Status ────────────────────────────────────────────────────────────────────────


@require_safe
@_with_key
def status(_request: HttpRequest, _integration: Integration) -> HttpResponse:
    """Tell what this is, since when it runs, and its receivers as a configuration."""
    return _json(
        {
            "cluster": {"name": "watchbill", "status": "ready", "peers": []},
            "versionInfo": {
                "version": VERSION,
                "revision": f"watchbill {__version__}",
                "branch": "",
                "buildUser": "",
                "buildDate": "",
                "goVersion": "",
            },
            "config": {"original": _configuration()},
            "uptime": shapes.time_of(_up_since()),
        }
    )


@require_safe
@_with_key
def receivers(_request: HttpRequest, _integration: Integration) -> HttpResponse:
    """List the routes of the plan."""
    return _json([{"name": one.key, "labels": {}} for one in _routes()])


@require_safe
@open_to_all("a supervisor asks whether the process answers; it tells nothing")
def healthy(_request: HttpRequest, *, key: str = "") -> HttpResponse:
    """Answer that the process answers, whatever the key."""
    return HttpResponse("OK", content_type="text/plain")


@require_safe
@open_to_all("a load balancer asks whether to send requests here")
def ready(request: HttpRequest, *, key: str = "") -> HttpResponse:
    """Answer whether the database answers, whatever the key."""
    return web.ready(request)


def _configuration() -> str:
    """A configuration of Alertmanager's with our receivers, for those who read it."""
    names = [one.key for one in _routes()] or ["watchbill"]
    rows = "".join(f"  - name: {msgspec.json.encode(one).decode()}\n" for one in names)
    first = msgspec.json.encode(names[0]).decode()
    return f"route:\n  receiver: {first}\nreceivers:\n{rows}"


def _routes() -> tuple[Route, ...]:
    """The routes whose alerts may be shown."""
    return tuple(one for one in _all_routes() if not one.confidential)


def _all_routes() -> tuple[Route, ...]:
    try:
        return plans.plan_of(plans.in_force(now=clock.now()).pk).routing.routes
    except NoPlanInForceError:
        return ()


def _up_since() -> datetime:
    """When the database started: all that is remembered is there."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_postmaster_start_time()")
        (started_at,) = cursor.fetchone()
    return started_at  # type: ignore[no-any-return]


# ── Alerts ────────────────────────────────────────────────────────────────────────


@require_safe
@_with_key
def alerts(request: HttpRequest, _integration: Integration) -> HttpResponseBase:
    """List the alerts that fire."""
    return _listing(request, lists.alerts)


@require_safe
@_with_key
def groups(request: HttpRequest, _integration: Integration) -> HttpResponseBase:
    """List the alerts that fire, by route and name."""
    return _listing(request, lists.groups)


def _listing(
    request: HttpRequest, write: Callable[..., Iterator[bytes]]
) -> HttpResponseBase:
    now = clock.now()
    try:
        wanted = _wanted(request)
    except (MatcherError, ValueError) as error:
        return _json(str(error), status=400)
    return _in_pieces(write(wanted, queries.active(now), at=now))


def _wanted(request: HttpRequest) -> Wanted:
    """What the parameters ask for; ValueError when they cannot be read."""
    matchers = [parse(text) for text in request.GET.getlist("filter")]
    flags = ("active", "silenced", "inhibited", "muted")
    return Wanted(
        matchers=tuple(compiled_one(one) for one in matchers),
        sure=sure_labels(matchers),
        receivers=_receivers(request),
        hidden=frozenset(one.key for one in _all_routes() if one.confidential),
        limit=_limit(request.GET.get("limit", "")),
        **{name: _flag(request, name) for name in flags},
    )


def _receivers(request: HttpRequest) -> frozenset[str] | None:
    # No receiver has labels, so that only what asks for none of them fits.
    by_label = [
        compiled_one(parse(text)) for text in request.GET.getlist("receiver_matchers")
    ]
    if not all(one.matches({}) for one in by_label):
        return frozenset()
    pattern = request.GET.get("receiver")
    if pattern is None:
        return None
    try:
        by_name = compiled_one(Written("receiver", pattern, is_regex=True))
    except MatcherError as error:
        message = f"failed to parse receiver param: {error.problem}"
        raise MatcherError(message) from None
    names = {one.key for one in _routes()}
    return frozenset(name for name in names if by_name.matches({"receiver": name}))


def _limit(text: str) -> int | None:
    if not text:
        return None
    if not re.fullmatch("[0-9]{1,9}", text):
        message = "limit is a number of alerts"
        raise ValueError(message)
    return int(text)


def _flag(request: HttpRequest, name: str) -> bool:
    return request.GET.get(name, "true").lower() in _TRUE


# ── Silences ──────────────────────────────────────────────────────────────────────


@csrf_exempt  # no cookie opens this
@require_http_methods(["GET", "HEAD", "POST"])
@_with_key
def silences(request: HttpRequest, integration: Integration) -> HttpResponse:
    """List the silences, or make or change one."""
    if request.method == "POST":
        return _change(request, integration)
    now = clock.now()
    try:
        wanted = [parse(text).stored() for text in request.GET.getlist("filter")]
    except MatcherError as error:
        return _json(str(error), status=400)
    rows = (
        row
        for state in SilenceState
        if _flag(request, state)
        for row in queries.listed(state, at=now).filter(ends_at__gt=now - RETENTION)
    )
    return _json(
        [
            shapes.silence(row, at=now)
            for row in rows
            if all(one in row.matchers for one in wanted)
        ]
    )


def _change(request: HttpRequest, integration: Integration) -> HttpResponse:
    now = clock.now()
    try:
        name, draft = shapes.draft_of(request.body, author=integration.name, now=now)
        row = _set(name, draft, integration, now=now)
    except (ShapeError, SilenceRefusedError) as error:
        return _json(f"Failed to create silence: {error}", status=400)
    except UnknownSilenceError:
        return _json("silence not found", status=404)
    return _json({"silenceID": str(row.public_id)})


def _set(name: str, draft: Draft, by: Integration, *, now: datetime) -> Silence:
    if not name:
        return actions.create(draft, integration_id=by.pk, now=now)
    known = _uuid(name)
    if known is None:
        raise UnknownSilenceError(name)
    return actions.update(known, draft, integration_id=by.pk, now=now)


@csrf_exempt  # no cookie opens this
@require_http_methods(["GET", "HEAD", "DELETE"])
@_with_key
def silence(request: HttpRequest, integration: Integration, name: str) -> HttpResponse:
    """Show a silence, or end it."""
    known = _uuid(name)
    if known is None:
        problem = {"code": 601, "message": "silenceID in path must be of type uuid"}
        return _json(problem, status=422)
    now = clock.now()
    if request.method == "DELETE":
        try:
            actions.expire(
                known, by=integration.name, integration_id=integration.pk, now=now
            )
        except UnknownSilenceError:
            return HttpResponse(status=404)
        return HttpResponse()
    row = queries.find(known)
    return (
        HttpResponse(status=404) if row is None else _json(shapes.silence(row, at=now))
    )


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text) if len(text) == len(str(uuid.NAMESPACE_URL)) else None
    except ValueError:
        return None


# ── Answers ───────────────────────────────────────────────────────────────────────


def _json(content: object, *, status: int = 200) -> HttpResponse:
    return HttpResponse(
        msgspec.json.encode(content), status=status, content_type="application/json"
    )


def _in_pieces(pieces: Iterator[bytes]) -> HttpResponseBase:
    """Answer with a document that may be long; only its beginning is held."""
    begun: list[bytes] = []
    size = 0
    for piece in pieces:
        begun.append(piece)
        size += len(piece)
        if size > _AT_ONCE:
            return StreamingHttpResponse(
                _sent(chain([b"".join(begun)], pieces)), content_type="application/json"
            )
    return HttpResponse(b"".join(begun), content_type="application/json")


async def _sent(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The pieces, gathered in the thread of the request, which has the database."""
    while part := await sync_to_async(_gathered)(pieces):
        yield part


def _gathered(pieces: Iterator[bytes]) -> bytes:
    part = bytearray()
    for piece in pieces:
        part += piece
        if len(part) > _AT_ONCE:
            break
    return bytes(part)
