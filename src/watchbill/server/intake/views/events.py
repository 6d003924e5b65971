"""One post: as it came, as it is read, what became of it, and once more."""

from uuid import uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from watchbill.core.access import Permission
from watchbill.server import clock
from watchbill.server.intake import actions, pages, queries, reading
from watchbill.server.intake.forms import WishForm
from watchbill.server.intake.models import InboxEntry
from watchbill.server.intake.sources import sources
from watchbill.server.intake.views import common
from watchbill.server.web.access import requires


@require_safe
@requires(Permission.MANAGE_INTEGRATIONS)
def event(request: HttpRequest, number: int, event: int) -> HttpResponse:
    """Show a post beside what it says; it may hold personal data."""
    entry = common.find_event(number, event)
    one = entry.integration
    text, is_cut = reading.body_text(bytes(entry.body))
    context = {
        "integration": {"number": one.pk, "name": one.name, "kind": one.kind},
        "event": pages.event_row(entry) | {"size": len(entry.body)},
        "results": pages.results(entry),
        "body": text,
        "is_cut": is_cut,
        "envelope": reading.envelope(entry),
        "replay_of": entry.replay_of_id,
        "wished": pages.wish(entry),
        "replays": [pages.wish(each) for each in queries.replays_of(entry.pk)],
        "may_replay": one.revoked_at is None,
        "mapping_url": _mapping_url(entry),
        "wish": uuid4(),
    }
    context |= reading.as_read(entry, one)
    return render(request, "intake/event.html", context)


def _mapping_url(entry: InboxEntry) -> str:
    """Where people say how posts like this one are read; empty where nobody can."""
    one = entry.integration
    source = sources().get(one.kind)
    if source is None or not source.SOURCE.has_mapping or one.revoked_at is not None:
        return ""
    return f"{reverse('intake:mapping', args=[one.pk])}?sample={entry.pk}"


@require_safe
@requires(Permission.MANAGE_INTEGRATIONS)
def body(request: HttpRequest, number: int, event: int) -> HttpResponse:
    """Hand out the body of a post as it came, as a file that nothing runs."""
    entry = common.find_event(number, event)
    response = HttpResponse(bytes(entry.body), content_type="text/plain; charset=utf-8")
    name = f"event-{entry.pk}.txt"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


@require_POST
@requires(Permission.MANAGE_INTEGRATIONS)
def replay(request: HttpRequest, number: int, event: int) -> HttpResponse:
    """Let a post be folded once more, as if it had come now."""
    common.find_live(number)
    entry = common.find_event(number, event)
    form = WishForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Nothing was replayed: open the page again first."))
        return redirect("intake:event", number, event)
    wish = form.cleaned_data["wish"]
    made = actions.replay(
        entry.pk, wish=wish, by=common.user_of(request), now=clock.now()
    )
    messages.success(
        request, _("Event %(n)s is folded again as this one.") % {"n": event}
    )
    return redirect("intake:event", number, made.pk)
