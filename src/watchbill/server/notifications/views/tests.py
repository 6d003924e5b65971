"""Test pages: my own, anybody's, and who has confirmed one lately."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from watchbill.core.access import Permission
from watchbill.core.people import Contact
from watchbill.server import clock, signed
from watchbill.server.audit.acting import known_as
from watchbill.server.audit.models import ActorKind
from watchbill.server.notifications import queries, readiness
from watchbill.server.notifications.ahead import few_people, readiness_ahead
from watchbill.server.notifications.readiness import TooManyTestsError
from watchbill.server.notifications.telling import (
    address_kind,
    contact_of,
    contacts_now,
    methods_to_test,
    provided_now,
    readiness_rows,
    weekly_row,
)
from watchbill.server.web.access import may, open_to_all, requires


@require_POST
@requires(Permission.VIEW_PLAN)
def test_mine(request: HttpRequest) -> HttpResponse:
    """Send the user a test page."""
    contact = contact_of(request)
    if contact is not None:
        _send(request, contact)
    return redirect("notifications:mine")


@require_safe
@requires(Permission.VIEW_DELIVERIES)
def readiness_page(request: HttpRequest) -> HttpResponse:
    """Show who can be reached, how, and when that was last shown to be so."""
    now = clock.now()
    context = {
        "rows": readiness_rows(provided_now(), now=now, wall=clock.wall()),
        "ahead": readiness_ahead(provided_now(), now=now, wall=clock.wall()),
        "few": few_people(now=now),
        "weekly": weekly_row(now=now),
        "may_test": may(request, Permission.MANAGE_USERS),
    }
    return render(request, "notifications/readiness.html", context)


@require_POST
@requires(Permission.MANAGE_USERS)
def test_contact(request: HttpRequest, key: str) -> HttpResponse:
    """Send somebody else a test page."""
    contact = next((one for one in contacts_now() if one.key == key), None)
    if contact is None:
        message = f"the plan has no contact {key}"
        raise Http404(message)
    _send(request, contact)
    return redirect("notifications:readiness")


@csrf_exempt  # the link is the secret; mail programs' browsers drop cookies
@require_http_methods(["GET", "HEAD", "POST"])
@open_to_all("the signed token in the address names the test and its reader")
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """Ask the reader of a test page to confirm it; POST does."""
    number = signed.number_of(token)
    row = queries.by_id(number) if number is not None else None
    if row is None or row.paging_test is None:
        return _confirm_page(request, {"state": "unknown"}, status=404)
    now = clock.now()
    is_over = now > row.paging_test.expires_at
    state = "expired" if is_over else "open"
    state = "confirmed" if row.paging_test.confirmed_at else state
    if request.method == "POST":
        known_as(ActorKind.CONTACT, id=row.contact_key, name=row.recipient)
        reaches = address_kind(row.channel)
        done = readiness.confirm_test(row, reaches=reaches, now=now)
        state = "confirmed" if done else "expired"
    context = {"state": state, "person": row.recipient, "channel": row.channel}
    return _confirm_page(request, context)


def _confirm_page(
    request: HttpRequest, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    response = render(request, "notifications/confirm.html", context, status=status)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _send(request: HttpRequest, contact: Contact) -> None:
    wall = clock.wall()
    methods = methods_to_test(contact, provided_now(), wall=wall)
    if not methods:
        messages.error(
            request, _("No channel that is set up leads to %(who)s.") % _who(contact)
        )
        return
    try:
        readiness.send_test(
            contact, methods, asked_by=str(request.user), now=clock.now(), wall=wall
        )
    except TooManyTestsError as error:
        messages.error(request, _("Nothing was sent: %(why)s.") % {"why": error})
    else:
        text = _("A test page to %(who)s is on its way by %(n)s methods.")
        messages.success(request, text % {**_who(contact), "n": len(methods)})


def _who(contact: Contact) -> dict[str, str]:
    return {"who": contact.label}
