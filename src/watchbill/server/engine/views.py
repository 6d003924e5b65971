"""Whether the plan is being run, for whoever watches the watchman."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from watchbill.server import clock
from watchbill.server.engine import queries
from watchbill.server.web.access import open_to_all


@require_safe
@open_to_all("an outside watchdog asks whether anybody is being paged; no content")
def health(_request: HttpRequest) -> HttpResponse:
    """Answer 200 while some engine completes its cycles, else 503 (I12)."""
    found = queries.health(wall=clock.wall())
    content = {
        "status": "ok" if found.is_alive else "silent",
        "cycled_at": found.cycled_at.isoformat() if found.cycled_at else None,
    }
    return JsonResponse(content, status=200 if found.is_alive else 503)
