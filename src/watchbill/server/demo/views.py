"""The demo's inbox, and playing its story again."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from watchbill.core.access import Permission
from watchbill.server.demo import state
from watchbill.server.demo.state import Demo
from watchbill.server.web.access import requires


@require_safe
@requires(Permission.VIEW_DELIVERIES)
def inbox(request: HttpRequest) -> HttpResponse:
    """Show what the people of the story have received."""
    received = [
        {
            "at": one.at,
            "to": one.to,
            "subject": one.subject,
            "text": one.text,
            "links": [{"label": label, "url": url} for label, url in one.links],
        }
        for one in _demo().inbox()
    ]
    return render(request, "demo/inbox.html", {"received": received})


@require_POST
@requires(Permission.RESPOND)
def replay(request: HttpRequest) -> HttpResponse:
    """Play the story once more."""
    _demo().replay()
    messages.success(request, _("The story begins again."))
    return redirect("incidents:list")


def _demo() -> Demo:
    demo = state.current()
    if demo is None:
        message = "this is not a demo"
        raise Http404(message)
    return demo
