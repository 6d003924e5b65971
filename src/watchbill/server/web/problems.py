"""Problem documents (:rfc:`9457`): how a path of the API says what is wrong.

A view of the API refuses so by itself. Here is also what never reaches a view: a path
that leads nowhere, an address that cannot be read, a fault.
"""

from django.http import HttpRequest, JsonResponse

_API = "/api/"


def is_for_program(request: HttpRequest) -> bool:
    """Return whether a program asks, which cannot read a page."""
    return request.path.startswith(_API)


def document(status: int, title: str, detail: str) -> JsonResponse:
    """Return an answer that says what is wrong."""
    content = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
    }
    kind = "application/problem+json"
    return JsonResponse(content, status=status, content_type=kind)
