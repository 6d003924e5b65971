"""Making and revoking the secret address of a calendar feed."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from watchbill.core.access import Permission
from watchbill.server import clock
from watchbill.server.oncall import actions
from watchbill.server.oncall.actions import OncallRefusedError
from watchbill.server.oncall.views.common import own_key, sentence
from watchbill.server.web.access import requires


@require_POST
@requires(Permission.TRADE_SHIFTS)
def feed_new(request: HttpRequest) -> HttpResponse:
    """Make a feed of one's own shifts, or of a schedule; its address is shown once."""
    schedule, key = request.POST.get("schedule", ""), own_key(request)
    try:
        made = actions.make_feed(
            contact_key="" if schedule else key,
            schedule_key=schedule,
            made_for=key,
            by=str(request.user),
            now=clock.now(),
        )
    except OncallRefusedError as error:
        messages.error(request, sentence(error))
        return redirect("oncall:mine")
    address = request.build_absolute_uri(reverse("oncall:feed", args=[made.secret]))
    context = {"address": address, "schedule": schedule}
    return render(request, "oncall/feed_made.html", context)


@require_POST
@requires(Permission.TRADE_SHIFTS)
def feed_revoke(request: HttpRequest, number: int) -> HttpResponse:
    """Let a feed of one's own answer no more."""
    done = actions.revoke_feed(
        number, by=str(request.user), of=own_key(request), now=clock.now()
    )
    if done:
        messages.success(request, _("Revoked. Calendars that read it get nothing now."))
    else:
        messages.warning(request, _("It was revoked already."))
    return redirect("oncall:mine")
