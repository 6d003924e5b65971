"""Error pages and health."""

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.views import defaults
from django.views.decorators.http import require_safe

from watchbill.server.web import problems
from watchbill.server.web.access import open_to_all


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Say that the address cannot be read, in the form that the asker reads."""
    if problems.is_for_program(request):
        return problems.document(400, "The request cannot be read", str(exception))
    return defaults.bad_request(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Say that there is nothing here, in the form that the asker reads."""
    if problems.is_for_program(request):
        detail = f"nothing is at {request.path}"
        return problems.document(404, "There is no such thing", detail)
    return defaults.page_not_found(request, exception)


def failed(request: HttpRequest) -> HttpResponseBase:
    """Say that the fault is ours, in the form that the asker reads."""
    if problems.is_for_program(request):
        return problems.document(500, "That went wrong here", "the log says what")
    return defaults.server_error(request)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Say in words that a form came without its secret, and what to do."""
    if problems.is_for_program(request):
        detail = f"nothing was done: {reason or 'the token of a form is missing'}"
        return problems.document(403, "That is not allowed", detail)
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
