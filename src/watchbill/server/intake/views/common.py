"""What several pages of integrations need."""

from datetime import datetime
from typing import Any, cast

from django.http import Http404, HttpRequest

from watchbill.integrations.sources import Inbound
from watchbill.server.accounts.models import User
from watchbill.server.intake import pages, queries, reading
from watchbill.server.intake.models import InboxEntry, Integration
from watchbill.server.intake.sources import sources

_EVENTS = 20
_FEW = 3
"""While an integration has no more events than this, the latest is shown as read."""


def user_of(request: HttpRequest) -> User:
    """Return who asks: every page of integrations asks for a signed-in user."""
    return cast("User", request.user)


def find(number: int) -> Integration:
    """Return an integration, in use or not; 404 when there is none."""
    found = queries.integration(number)
    if found is None:
        message = f"there is no integration {number}"
        raise Http404(message)
    return found


def find_live(number: int) -> Integration:
    """Return an integration in use; 404 when there is none."""
    found = queries.live_integration(number)
    if found is None:
        message = f"there is no integration {number} in use"
        raise Http404(message)
    return found


def source_of(one: Integration) -> Inbound:
    """Return what reads an integration's posts; 404 when its folder is gone."""
    source = sources().get(one.kind)
    if source is None:
        message = f"this installation has no source of kind {one.kind}"
        raise Http404(message)
    return source


def find_event(number: int, event: int) -> InboxEntry:
    """Return a post of an integration; 404 when there is none."""
    found = queries.event(number, event)
    if found is None:
        message = f"integration {number} has no event {event}"
        raise Http404(message)
    return found


def live_region(
    request: HttpRequest, one: Integration, *, now: datetime
) -> dict[str, Any]:
    """Return what changes by itself on the page of an integration."""
    before = _number(request.GET.get("before", ""))
    found = queries.events(one.pk, before=before, limit=_EVENTS + 1)
    shown = found[:_EVENTS]
    return {
        "integration": pages.row(
            one,
            keys=queries.keys_of([one.pk]).get(one.pk, []),
            pace=queries.paces([one.pk], now=now)[one.pk],
            rejected=queries.rejected_by_integration().get(one.pk, 0),
            now=now,
        ),
        "events": [pages.event_row(entry) for entry in shown],
        "older_than": shown[-1].pk if len(found) > _EVENTS else None,
        "is_older": before is not None,
        "first": _first(one, shown) if before is None else None,
        "rejections": [pages.rejection(each) for each in queries.rejections_of(one.pk)],
    }


def _first(one: Integration, shown: list[InboxEntry]) -> dict[str, Any] | None:
    """The latest event as it is read, for whoever waits for the first ones."""
    if not 0 < len(shown) <= _FEW:
        return None
    entry = find_event(one.pk, shown[0].pk)
    return pages.event_row(entry) | reading.as_read(entry, one)


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 16 else None
