"""One integration: how it stands, its settings and its keys."""

from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from watchbill.core.access import Permission
from watchbill.server import clock
from watchbill.server.intake import actions, pages
from watchbill.server.intake.forms import KeyForm, RotateForm, SettingsForm, WishForm
from watchbill.server.intake.models import Integration, Scope
from watchbill.server.intake.sources import samples, sources
from watchbill.server.intake.views import common
from watchbill.server.web.access import requires


@require_safe
@requires(Permission.MANAGE_INTEGRATIONS)
def detail(request: HttpRequest, number: int) -> HttpResponse:
    """Show an integration, what it sent lately and what can be set."""
    return _page(request, common.find(number))


@require_POST
@requires(Permission.MANAGE_INTEGRATIONS)
def settings(request: HttpRequest, number: int) -> HttpResponse:
    """Change what is set for an integration."""
    one = common.find_live(number)
    form = SettingsForm(common.source_of(one).SOURCE, one, request.POST)
    if not form.is_valid():
        return _page(request, one, settings_form=form, status=422)
    wanted = actions.Settings(
        name=form.cleaned_data["name"],
        options=form.options,
        per_minute=form.cleaned_data["per_minute"],
        is_drill=form.cleaned_data["is_drill"],
        secret=form.new_secret,
    )
    actions.change_settings(one.pk, wanted)
    messages.success(request, _("The settings are saved."))
    return redirect("intake:detail", number)


@require_POST
@requires(Permission.MANAGE_INTEGRATIONS)
def add_key(request: HttpRequest, number: int) -> HttpResponse:
    """Make one more key and show it."""
    one = common.find_live(number)
    common.source_of(one)
    form = KeyForm(request.POST)
    if not form.is_valid():
        return _page(request, one, key_form=form, status=422)
    key = actions.add_key(one, scopes=form.chosen, now=clock.now())
    return _page(request, one, new_key=key)


@require_POST
@requires(Permission.MANAGE_INTEGRATIONS)
def rotate(request: HttpRequest, number: int) -> HttpResponse:
    """Make a key that replaces the others, and show it."""
    one = common.find_live(number)
    common.source_of(one)
    form = RotateForm({"overlap": "24"} | request.POST.dict())
    if not form.is_valid():
        return _page(request, one, rotate_form=form, status=422)
    overlap = form.cleaned_data["overlap"]
    key = actions.rotate_key(one.pk, now=clock.now(), overlap=overlap)
    return _page(request, one, new_key=key)


@require_POST
@requires(Permission.MANAGE_INTEGRATIONS)
def revoke_key(request: HttpRequest, number: int, key: int) -> HttpResponse:
    """Refuse one key from now on."""
    one = common.find_live(number)
    if actions.revoke_key(one.pk, key, now=clock.now()):
        messages.success(request, _("The key is refused from now on."))
    else:
        messages.warning(request, _("The key was refused already."))
    return redirect("intake:detail", number)


@require_POST
@requires(Permission.MANAGE_INTEGRATIONS)
def revoke(request: HttpRequest, number: int) -> HttpResponse:
    """Refuse an integration from now on."""
    one = common.find_live(number)
    actions.revoke(one.pk, now=clock.now())
    messages.success(request, _("%(name)s may no longer post.") % {"name": one})
    return redirect("intake:list")


@require_POST
@requires(Permission.MANAGE_INTEGRATIONS)
def send_test(request: HttpRequest, number: int) -> HttpResponse:
    """Post the kind's own sample; whatever it opens is a drill."""
    one = common.find_live(number)
    form = WishForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Nothing was sent: open the page again first."))
        return redirect("intake:detail", number)
    try:
        made = actions.send_test(
            one.pk,
            wish=form.cleaned_data["wish"],
            by=common.user_of(request),
            now=clock.now(),
        )
    except actions.NoSampleError as error:
        messages.error(request, _("Nothing was sent: %(why)s") % {"why": error})
        return redirect("intake:detail", number)
    messages.success(request, _("The test event is stored, and is read like any."))
    return redirect("intake:event", number, made.pk)


def _page(
    request: HttpRequest,
    one: Integration,
    *,
    new_key: str = "",
    status: int = 200,
    **forms: Any,
) -> HttpResponse:
    context = common.live_region(request, one, now=clock.now()) | {"new_key": new_key}
    source = sources().get(one.kind)
    # A kind whose folder is gone can still be looked at, and revoked.
    if source is not None and one.revoked_at is None:
        context |= {
            "setup": pages.setup(one, key=new_key),
            "settings_form": SettingsForm(source.SOURCE, one),
            "key_form": KeyForm(initial={"scopes": [Scope.POST]}),
            "rotate_form": RotateForm(),
            "has_mapping": source.SOURCE.has_mapping,
            "mapping_is_set": one.mapping is not None,
            "can_test": one.kind in samples(),
            "wish": uuid4(),
        }
    return render(request, "intake/detail.html", context | forms, status=status)
