"""What Opsgenie's Alert API v2 answers to those who read.

Alerts are posted to the same addresses and never come here (``server.intake``). A key
with the scope *read* sees the alerts of its own integration: Opsgenie shows those of
its team, and we would rather show too little than another team's. Of an alert that has
fired again after its end, the latest episode is shown.

Statuses and bodies are Opsgenie's: ``data``, ``took`` and ``requestId``, or a
``message`` in place of the data. A request that has been taken but not folded yet is
404, as it is there, and clients ask again.
"""

import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any
from urllib.parse import urlencode

import msgspec
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.http import require_safe

from watchbill.core.alerts import Act, ActKind, AlertStatus, Report, Signal
from watchbill.integrations.contract import PayloadError
from watchbill.integrations.opsgenie import identity, inbound
from watchbill.server.alerts.models import Alert
from watchbill.server.compat import opsgenie_shapes as shapes
from watchbill.server.compat.opsgenie_query import QueryError, read_query
from watchbill.server.incidents import queries as incidents
from watchbill.server.incidents.models import TimelineKind
from watchbill.server.intake.keys import authenticate_request
from watchbill.server.intake.models import InboxEntry, Integration, Scope
from watchbill.server.intake.posts import config_of, read_entry
from watchbill.server.web.access import open_to_all

_KINDS = frozenset({"opsgenie"})
_MOST, _USUAL, _FURTHEST = 100, 20, 20_000
_NOTES = 100

_ORDERS = {
    "createdat": "pk",
    "updatedat": "last_seen_at",
    "lastoccurredat": "last_seen_at",
    "message": "title",
    "status": "status",
    "count": "count",
}

_DONE = {
    ActKind.ACKNOWLEDGE: ("Acknowledge", "Acknowledged alert"),
    ActKind.UNACKNOWLEDGE: ("UnAcknowledge", "Unacknowledged alert"),
    ActKind.NOTE: ("AddNote", "Added note to alert"),
    ActKind.ESCALATE: ("EscalateToNext", "Escalated alert"),
    ActKind.REVISE: ("Update", "Updated alert"),
}


class _Missing(Exception):
    """What was asked for is not there."""


View = Callable[..., dict[str, Any]]


def _reading(view: View) -> Callable[..., HttpResponseBase]:
    """Let in whoever shows a key that may read, and put the answer in its envelope."""

    @require_safe
    @open_to_all("the key in Authorization says who may enter")
    @wraps(view)
    def answered(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        began_at = time.monotonic()
        integration = authenticate_request(request, kinds=_KINDS, scope=Scope.READ)
        if integration is None:
            status, content = 401, {"message": "Could not authenticate"}
        else:
            status, content = _asked(view, request, integration, kwargs)
        return _answer(status, content, took=time.monotonic() - began_at)

    return answered


def _asked(
    view: View, request: HttpRequest, integration: Integration, kwargs: dict[str, Any]
) -> tuple[int, dict[str, Any]]:
    try:
        return 200, view(request, integration, **kwargs)
    except _Missing as missing:
        return 404, {"message": str(missing)}
    except QueryError as error:
        return 422, {"message": str(error)}


def _answer(status: int, content: dict[str, Any], *, took: float) -> HttpResponse:
    name = str(uuid.uuid4())
    body = content | {"took": round(took, 3), "requestId": name}
    answer = HttpResponse(msgspec.json.encode(body), status=status)
    for header, value in inbound.headers_of(name, took):
        answer[header] = value
    answer["Cache-Control"] = "no-store"
    return answer


# ── Alerts ────────────────────────────────────────────────────────────────────────


@_reading
def alerts(request: HttpRequest, integration: Integration) -> dict[str, Any]:
    """List alerts, page by page."""
    offset = _number(request, "offset", usual=0, most=_FURTHEST)
    limit = max(1, _number(request, "limit", usual=_USUAL, most=_MOST))
    rows = _found(request, integration).order_by(*_order(request))
    page = list(rows[offset : offset + limit + 1])
    return {
        "data": [shapes.listed(one) for one in page[:limit]],
        "paging": _paging(request, offset, limit, has_more=len(page) > limit),
    }


@_reading
def count(request: HttpRequest, integration: Integration) -> dict[str, Any]:
    """Count the alerts that a search finds."""
    return {"data": {"count": _found(request, integration).count()}}


@_reading
def alert(
    request: HttpRequest, integration: Integration, *, identifier: str
) -> dict[str, Any]:
    """Show one alert."""
    return {"data": shapes.whole(_alert(request, integration, identifier))}


@_reading
def notes(
    request: HttpRequest, integration: Integration, *, identifier: str
) -> dict[str, Any]:
    """List what people and clients noted about one alert, the newest first."""
    found = shapes.public_incident(_alert(request, integration, identifier))
    if found is None:
        return {"data": [], "paging": {}}
    rows = incidents.timeline_of(found.pk).filter(kind=TimelineKind.NOTE)
    return {"data": [shapes.note(one) for one in rows[:_NOTES]], "paging": {}}


def _rows(integration: Integration) -> QuerySet[Alert]:
    rows = Alert.objects.select_related("integration", "incident")
    return rows.filter(integration=integration, is_current=True)


def _found(request: HttpRequest, integration: Integration) -> QuerySet[Alert]:
    text = request.GET.get("query", "")
    return _rows(integration).filter(read_query(_without_nul(text)) if text else Q())


def _alert(request: HttpRequest, integration: Integration, identifier: str) -> Alert:
    kind = request.GET.get("identifierType", "id").strip().lower()
    name = identity.of_identifier(_without_nul(identifier), kind)
    found = _rows(integration).filter(fingerprint=name).first()
    if found is None:
        raise _Missing("Alert does not exist")
    return found


def _order(request: HttpRequest) -> tuple[str, ...]:
    field = request.GET.get("sort", "createdAt").lower()
    column = _ORDERS.get(field)
    if column is None:
        raise QueryError(f"cannot sort by {field[:40]}: use {', '.join(_ORDERS)}")
    direction = request.GET.get("order", "desc").lower()
    if direction not in {"asc", "desc"}:
        raise QueryError("order is asc or desc")
    sign = "-" if direction == "desc" else ""
    return (f"{sign}{column}",) if column == "pk" else (f"{sign}{column}", f"{sign}pk")


def _number(request: HttpRequest, name: str, *, usual: int, most: int) -> int:
    text = request.GET.get(name, "").strip()
    if not text:
        return usual
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise QueryError(f"{name} is a number")
    return min(int(text), most)


def _paging(
    request: HttpRequest, offset: int, limit: int, *, has_more: bool
) -> dict[str, str]:
    given = {name: request.GET[name] for name in request.GET}

    def page(at: int) -> str:
        query = urlencode(given | {"offset": at, "limit": limit})
        return request.build_absolute_uri(f"{request.path}?{query}")

    paging = {"first": page(0)}
    if offset:
        paging["prev"] = page(max(0, offset - limit))
    if has_more:
        paging["next"] = page(offset + limit)
    return paging


def _without_nul(text: str) -> str:
    """PostgreSQL takes no NUL, and no name has one."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


# ── Requests ──────────────────────────────────────────────────────────────────────


@_reading
def request_status(
    _request: HttpRequest, integration: Integration, *, name: str
) -> dict[str, Any]:
    """Tell what became of a request."""
    entry = None
    with suppress(ValueError):
        rows = InboxEntry.objects.filter(integration=integration, replay_of=None)
        entry = rows.filter(request_id=uuid.UUID(name)).first()
    if entry is None or (entry.folded_at is None and entry.quarantined_at is None):
        raise _Missing("Request not found. It might not be processed, yet.")
    return {"data": _became(entry, integration)}


def _became(entry: InboxEntry, integration: Integration) -> dict[str, Any]:
    reports: tuple[Report, ...] = ()
    with suppress(PayloadError):  # it was taken once, by an older version perhaps
        reports = inbound.parse(read_entry(entry), config_of(integration)).reports
    about = next(
        (one for one in reversed(reports) if isinstance(one, Signal | Act)), None
    )
    action, done = _words(about)
    found = None
    if about is not None:
        found = _rows(integration).filter(fingerprint=about.fingerprint).first()
    is_success = entry.folded_at is not None and (found is not None or about is None)
    if entry.quarantined_at is not None:
        done = "Request could not be processed"
    elif not is_success:
        done = "Alert does not exist"
    return {
        "success": is_success,
        "isSuccess": is_success,
        "action": action,
        "status": done,
        "processedAt": shapes.instant(entry.folded_at or entry.quarantined_at),
        "integrationId": str(integration.pk),
        "alertId": found.fingerprint if found is not None else "",
        "alias": found.labels.get("alias", "") if found is not None else "",
    }


def _words(about: Signal | Act | None) -> tuple[str, str]:
    match about:
        case None:
            return "Heartbeat", "Heartbeat received"
        case Act():
            return _DONE[about.kind]
        case Signal(status=AlertStatus.FIRING):
            return "Create", "Created alert"
        case Signal():
            return "Close", "Closed alert"
