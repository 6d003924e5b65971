"""The audit log, to read and to take along (SC-02)."""

import json
from collections.abc import AsyncIterator, Iterator
from itertools import chain
from typing import Any

from asgiref.sync import sync_to_async
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    StreamingHttpResponse,
)
from django.shortcuts import render
from django.views.decorators.http import require_safe

from watchbill.core.access import Permission
from watchbill.server import clock
from watchbill.server.audit import exports, queries
from watchbill.server.audit.forms import WantedForm
from watchbill.server.audit.models import AuditEntry, Change
from watchbill.server.web.access import requires

_AT_ONCE = 1024 * 1024
"""Bytes; a longer table is sent while it is read."""


@require_safe
@requires(Permission.VIEW_AUDIT)
def listing(request: HttpRequest) -> HttpResponse:
    """Show who did what, the newest first."""
    form = WantedForm(request.GET)
    wanted = form.wanted()
    rows, following = queries.page(wanted, before=_number(request.GET.get("before")))
    context = {
        "form": form,
        "entries": [_shown(one) for one in rows],
        "following": following,
        "acts": queries.acts(),
        "kinds": queries.subject_kinds(),
        "check": queries.check(),
        "head": queries.head(),
        "unsealed": queries.unsealed(),
    }
    return render(request, "audit/list.html", context)


@require_safe
@requires(Permission.VIEW_AUDIT)
def table(request: HttpRequest) -> HttpResponseBase:
    """Answer the sealed lines of a period as a table; that is logged too.

    Unlike on the page, a period that cannot be read is refused: in a file nothing
    says that it is of all time and not of what was asked for.
    """
    form = WantedForm(request.GET)
    if not form.is_valid():
        return HttpResponse(
            form.errors.as_text(), status=422, content_type="text/plain; charset=utf-8"
        )
    wanted = form.wanted()
    first, last = queries.stretch(wanted.starts_at, wanted.ends_at)
    if request.method == "GET":
        _log(request, first, last)
    pieces = _encoded(first, last)
    begun = _gathered(pieces)
    answer: HttpResponseBase
    if len(begun) > _AT_ONCE:
        answer = StreamingHttpResponse(_sent(chain([begun], pieces)))
    else:
        answer = HttpResponse(begun)
    answer["Content-Type"] = "text/csv; charset=utf-8"
    answer["Content-Disposition"] = f'attachment; filename="audit-{first}-{last}.csv"'
    return answer


def _encoded(first: int, last: int) -> Iterator[bytes]:
    # The mark at its beginning makes spreadsheets read it as UTF-8.
    yield "\ufeff".encode()
    for text in exports.as_csv(queries.sealed(first, last)):
        yield text.encode()


async def _sent(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The pieces, gathered in the thread of the request, which has the database.

    Of what is no asynchronous iterator Django would make a list before it sends.
    """
    while part := await sync_to_async(_gathered)(pieces):
        yield part


def _gathered(pieces: Iterator[bytes]) -> bytes:
    part = bytearray()
    for piece in pieces:
        part += piece
        if len(part) > _AT_ONCE:
            break
    return bytes(part)


def _log(request: HttpRequest, first: int, last: int) -> None:
    AuditEntry.objects.create(
        at=clock.wall(),
        act="audit.table",
        actor_kind="user",
        actor_id=str(request.user.pk),
        actor_name=str(request.user),
        remote=request.META.get("REMOTE_ADDR", ""),
        change=Change.SHOWN,
        subject_kind="auditentry",
        subject_id=f"{first}-{last}",
    )


def _shown(entry: AuditEntry) -> dict[str, Any]:
    return {
        "entry": entry,
        "who": entry.actor_name or entry.actor_kind,
        "details": list(_details(entry)),
        "hash": bytes(entry.hash).hex() if entry.hash else "",
    }


def _details(entry: AuditEntry) -> Iterator[tuple[str, str, str | None]]:
    """Yield what changed: a column, its value, and what it was before if it changed."""
    for name, value in json.loads(entry.details).items():
        if entry.change == Change.CHANGED and isinstance(value, list):
            yield name, _text(value[1]), _text(value[0])
        else:
            yield name, _text(value), None


def _text(value: object) -> str:
    return "–" if value is None or value == "" else str(value)


def _number(text: str | None) -> int | None:
    is_number = text is not None and text.isascii() and text.isdigit()
    return int(text) if is_number and text and len(text) < 19 else None
