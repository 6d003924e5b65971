"""``GET /api/v1/alerts``: the alerts as JSON, those that fire first.

For a signed-in user, or with an integration's key whose scope is "read" as
``Authorization: Bearer KEY``. A key sees nothing that is confidential.

The filters are those of the page: ``show`` (firing, muted, resolved, all), ``q``,
``severity``, ``route``, ``source`` (the number of an integration) and ``mark``
(catch_all, flapping). ``limit`` is at most 500, and 100 when it is not given. The
answer is ``{"alerts": […], "cursor": "f123"}``; ask again with this ``cursor`` for what
follows, until it is null. 401 without a key or session, 403 for a role that may not.

``GET /api/v1/openapi.json`` says the same to programs, and how events are posted.
"""

from pathlib import Path
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from watchbill.core.access import Permission
from watchbill.server import intake
from watchbill.server.alerts import search
from watchbill.server.alerts.forms import filters_of
from watchbill.server.alerts.models import Alert
from watchbill.server.alerts.search import Cursor
from watchbill.server.intake.keys import authenticate_request
from watchbill.server.intake.models import Scope
from watchbill.server.intake.sources import sources
from watchbill.server.web.access import may, open_to_all

_LIMIT, _MOST = 100, 500
_DOCUMENT = Path(intake.__file__).with_name("openapi.json")


@require_safe
@open_to_all("a session or a key that may read is asked for here, and answered in JSON")
def alerts(request: HttpRequest) -> HttpResponse:
    """Answer with some alerts and where the next ones begin."""
    if request.user.is_authenticated:
        if not may(request, Permission.VIEW_INCIDENTS):
            return _refusal(403, "your role may not see alerts")
    elif authenticate_request(request, kinds=sources(), scope=Scope.READ) is None:
        return _refusal(401, "send an integration key that may read, as Bearer")
    page = search.page(
        filters_of(request.GET.dict()),
        after=Cursor.read(request.GET.get("cursor", "")),
        limit=_limit(request.GET.get("limit", "")),
        confidential=may(request, Permission.VIEW_CONFIDENTIAL),
    )
    following = str(page.following) if page.following else None
    shown = [_shown(one) for one in page.alerts]
    return JsonResponse({"alerts": shown, "cursor": following})


@require_safe
@open_to_all("it says what every installation of this version can do, and no more")
def document(request: HttpRequest) -> HttpResponse:
    """Answer with the OpenAPI document of this interface and of the intake."""
    return HttpResponse(_DOCUMENT.read_bytes(), content_type="application/json")


def _refusal(status: int, problem: str) -> JsonResponse:
    answer = JsonResponse({"status": "refused", "problem": problem}, status=status)
    if status == 401:
        answer["WWW-Authenticate"] = 'Bearer realm="watchbill"'
    return answer


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        return _LIMIT
    return min(max(int(text), 1), _MOST)


def _shown(one: Alert) -> dict[str, Any]:
    return {
        "id": one.pk,
        "status": search.state_of(one),
        "title": one.title,
        "severity": one.severity,
        "route": one.alert_type,
        "is_catch_all": one.is_catch_all,
        "is_flapping": one.is_flapping,
        "source": {"id": one.integration_id, "name": one.integration.name},
        "fingerprint": one.fingerprint,
        "labels": one.labels,
        "annotations": one.annotations,
        "links": one.links,
        "starts_at": one.starts_at,
        "ends_at": one.ends_at,
        "last_seen_at": one.last_seen_at,
        "count": one.count,
        "incident": one.incident_id,
        "muted_by": one.muted_by,
    }
