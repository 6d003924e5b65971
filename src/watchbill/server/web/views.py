"""Error pages and health."""

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from watchbill.server.web.access import open_to_all


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Say in words that a form came without its secret, and what to do."""
    if request.path.startswith("/api/"):
        content = {
            "type": "about:blank",
            "title": "That is not allowed",
            "status": 403,
            "detail": f"nothing was done: {reason or 'the token of a form is missing'}",
        }
        kind = "application/problem+json"
        return JsonResponse(content, status=403, content_type=kind)
    return render(request, "web/csrf_failure.html", {"reason": reason}, status=403)


@require_safe
@open_to_all("a supervisor asks whether the process answers; it tells nothing")
def live(_request: HttpRequest) -> HttpResponse:
    """Answer that the process answers."""
    return JsonResponse({"status": "ok"})


@require_safe
@open_to_all("a load balancer asks whether to send requests here")
def ready(_request: HttpRequest) -> HttpResponse:
    """Answer whether the database answers."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return JsonResponse({"status": "no database"}, status=503)
    return JsonResponse({"status": "ok"})
