"""The integrations page: who may post, with which key, and what was refused."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from watchbill.core.access import Permission
from watchbill.integrations.registry import providers
from watchbill.server import clock
from watchbill.server.intake import actions, queries
from watchbill.server.intake.forms import IntegrationForm
from watchbill.server.intake.models import InboxEntry, IntakeRejection, Integration
from watchbill.server.web.access import requires

_SETUP = """\
# alertmanager.yml
receivers:
  - name: watchbill
    webhook_configs:
      - url: {url}
        send_resolved: true
        http_config:
          authorization:
            credentials: {key}
"""


@require_safe
@requires(Permission.MANAGE_INTEGRATIONS)
def listing(request: HttpRequest) -> HttpResponse:
    """Show the integrations and what was refused."""
    return _page(request, IntegrationForm(_kinds()))


@require_POST
@requires(Permission.MANAGE_INTEGRATIONS)
def create(request: HttpRequest) -> HttpResponse:
    """Create an integration and show its key."""
    form = IntegrationForm(_kinds(), request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    made, key = actions.create_integration(
        kind=form.cleaned_data["kind"],
        name=form.cleaned_data["name"],
        now=clock.now(),
    )
    return _show_key(request, made, key)


@require_POST
@requires(Permission.MANAGE_INTEGRATIONS)
def rotate(request: HttpRequest, number: int) -> HttpResponse:
    """Replace a key and show the new one."""
    found = _live(number)
    return _show_key(request, found, actions.rotate_key(found.pk))


@require_POST
@requires(Permission.MANAGE_INTEGRATIONS)
def revoke(request: HttpRequest, number: int) -> HttpResponse:
    """Refuse an integration from now on."""
    found = _live(number)
    actions.revoke(found.pk, now=clock.now())
    messages.success(request, _("%(name)s may no longer post.") % {"name": found})
    return redirect("intake:list")


@require_POST
@requires(Permission.MANAGE_INTEGRATIONS)
def fold_again(request: HttpRequest) -> HttpResponse:
    """Try every post that was set aside once more, such as after an upgrade."""
    count = actions.fold_again(now=clock.now())
    messages.success(request, _("%(n)s posts are tried again.") % {"n": count})
    return redirect("intake:list")


def _live(number: int) -> Integration:
    found = queries.live_integration(number)
    if found is None:
        message = f"there is no integration {number} in use"
        raise Http404(message)
    return found


def _show_key(request: HttpRequest, made: Integration, key: str) -> HttpResponse:
    """Answer with the key itself: a redirect would have to keep it somewhere."""
    new_key = {"id": made.pk, "name": made.name, "key": key}
    return _page(request, IntegrationForm(_kinds()), new_key=new_key)


def _page(
    request: HttpRequest,
    form: IntegrationForm,
    *,
    new_key: dict[str, Any] | None = None,
    status: int = 200,
) -> HttpResponse:
    rejected = queries.rejected_by_integration()
    context = {
        "integrations": [
            _row(one, new_key, rejected.get(one.pk, 0))
            for one in queries.integrations()
        ],
        "form": form,
        "create_url": reverse("intake:create"),
        "new_key": new_key,
        "rejects": [_reject(one) for one in queries.rejections()],
        "quarantined": [_quarantined(one) for one in queries.quarantined()],
    }
    return render(request, "intake/index.html", context, status=status)


def _row(
    one: Integration, new_key: dict[str, Any] | None, rejected: int
) -> dict[str, Any]:
    is_new = new_key is not None and new_key["id"] == one.pk
    key = new_key["key"] if is_new and new_key is not None else "YOUR_KEY"
    url = f"{settings.BASE_URL}/intake/{one.kind}"
    live = one.revoked_at is None
    return {
        "name": one.name,
        "kind": one.kind,
        "url": url,
        "key_hint": f"…{one.key_hint}",
        "last_event_at": one.last_event_at,
        "accepted": one.accepted,
        "rejected": rejected,
        "is_revoked": not live,
        "setup": _SETUP.format(url=url, key=key) if live else "",
        "rotate_url": reverse("intake:rotate", args=[one.pk]) if live else "",
        "revoke_url": reverse("intake:revoke", args=[one.pk]) if live else "",
    }


def _reject(one: IntakeRejection) -> dict[str, Any]:
    source = f"{one.integration.name}: " if one.integration is not None else ""
    return {
        "at": one.last_at,
        "reason": f"{one.reason} × {one.count}",
        "detail": f"{source}{one.last_detail}",
        "remote": one.last_remote,
    }


def _quarantined(one: InboxEntry) -> dict[str, Any]:
    return {
        "number": one.pk,
        "at": one.received_at,
        "source": one.integration.name,
        "error": one.error,
    }


def _kinds() -> list[tuple[str, str]]:
    return [(one.name, one.title) for one in providers().values() if one.inbound]
