"""The silences: what is quiet, and making it so.

A silence is made in two steps: people see which alerts their matchers match before
they confirm. What they confirm is what they saw; other matchers are shown again.
"""

import uuid
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from watchbill.core.access import Permission
from watchbill.server import clock
from watchbill.server.silences import actions, pages, queries
from watchbill.server.silences.actions import (
    Draft,
    SilenceRefusedError,
    UnknownSilenceError,
)
from watchbill.server.silences.forms import (
    LASTS_LABELS,
    ExtendForm,
    SilenceForm,
    rows_of,
)
from watchbill.server.silences.matching import (
    MAX_MATCHERS,
    MatcherError,
    Written,
    parse,
)
from watchbill.server.silences.models import Silence
from watchbill.server.silences.queries import SilenceState, state_of
from watchbill.server.web.access import may, requires
from watchbill.server.web.paging import page_of


@require_safe
@requires(Permission.VIEW_INCIDENTS)
def listing(request: HttpRequest) -> HttpResponse:
    """Show the silences in one state."""
    now = clock.now()
    shown = request.GET.get("state", "")
    state = SilenceState(shown) if shown in list(SilenceState) else SilenceState.ACTIVE
    page = page_of(request, queries.listed(state, at=now))
    may_change = may(request, Permission.RESPOND)
    context = {
        "silences": [pages.row(one, may_change=may_change, at=now) for one in page],
        "page": page,
        "state": state.value,
        "lasts": list(LASTS_LABELS.items()),
        "new_url": reverse("silences:new") if may_change else "",
    }
    return render(request, "silences/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.RESPOND)
def new(request: HttpRequest) -> HttpResponse:
    """Make a silence: first show what it matches, then confirm it."""
    now = clock.now()
    if request.method != "POST":
        return render(request, "silences/new.html", {"form": _begun(request, now=now)})
    if request.POST.get("step") == "add":
        return render(request, "silences/new.html", {"form": _longer(request, now=now)})
    form = SilenceForm(request.POST, zone=_zone(), now=now)
    if not form.is_valid():
        return render(request, "silences/new.html", {"form": form}, status=422)
    draft = form.draft(author=str(request.user))
    was_seen = request.POST.get("seen") == _seen(draft)
    if request.POST.get("step") == "create" and was_seen:
        try:
            made = actions.create(draft, now=now)
        except SilenceRefusedError as error:
            form.add_error(None, _sentence(error))
            return render(request, "silences/new.html", {"form": form}, status=422)
        return _to_list(request, _("Silenced."), state_of(made, at=now))
    return _preview(request, form, draft)


@require_POST
@requires(Permission.RESPOND)
def expire(request: HttpRequest, name: uuid.UUID) -> HttpResponse:
    """End a silence now."""
    try:
        ended = actions.expire(name, by=str(request.user), now=clock.now())
    except UnknownSilenceError as error:
        raise Http404(str(error)) from error
    if ended:
        messages.success(
            request, _("Ended. What it held back is decided anew within seconds.")
        )
    else:
        messages.warning(request, _("It had ended already."))
    return redirect("silences:list")


@require_POST
@requires(Permission.RESPOND)
def extend(request: HttpRequest, name: uuid.UUID) -> HttpResponse:
    """Let a silence end later."""
    form, found, now = ExtendForm(request.POST), queries.find(name), clock.now()
    if found is None:
        message = f"there is no silence {name}"
        raise Http404(message)
    if not form.is_valid():
        messages.error(request, _("Nothing was changed: choose from the list."))
    elif state_of(found, at=now) is SilenceState.EXPIRED:
        messages.warning(request, _("It has ended. Make it again instead."))
    else:
        longer = form.longer()
        _extend(request, found, found.ends_at + longer, now=now)
    return redirect("silences:list")


def _extend(
    request: HttpRequest, found: Silence, ends_at: datetime, *, now: datetime
) -> None:
    draft = Draft(
        matchers=tuple(Written.of(one) for one in found.matchers),
        starts_at=found.starts_at,
        ends_at=ends_at,
        author=found.created_by,
        comment=found.comment,
    )
    try:
        actions.update(found.public_id, draft, now=now)
    except SilenceRefusedError as error:
        messages.error(request, _sentence(error))
    else:
        until = ends_at.astimezone(_zone()).strftime("%-d %b %H:%M")
        messages.success(request, _("It ends at %(until)s now.") % {"until": until})


def _begun(request: HttpRequest, *, now: datetime) -> SilenceForm:
    """The form as a link opened it: with matchers, or with an earlier silence."""
    matchers = _linked(request.GET.getlist("filter"))
    initial: dict[str, Any] = {}
    found = _earlier(request.GET.get("from", ""))
    if found is not None:
        matchers = tuple(Written.of(one) for one in found.matchers)
        initial = {"comment": found.comment}
    return SilenceForm(matchers=matchers, initial=initial, zone=_zone(), now=now)


def _longer(request: HttpRequest, *, now: datetime) -> SilenceForm:
    """The form with room for one more matcher; nothing is judged yet."""
    matchers = tuple(rows_of(request.POST))
    return SilenceForm(
        matchers=matchers, initial=request.POST.dict(), zone=_zone(), now=now
    )


def _linked(texts: list[str]) -> tuple[Written, ...]:
    try:
        return tuple(parse(text) for text in texts[:MAX_MATCHERS])
    except MatcherError:
        # A link that is broken leads to an empty form.
        return ()


def _earlier(text: str) -> Silence | None:
    try:
        return queries.find(uuid.UUID(text))
    except ValueError:
        return None


def _preview(request: HttpRequest, form: SilenceForm, draft: Draft) -> HttpResponse:
    sees_all = may(request, Permission.VIEW_CONFIDENTIAL)
    found = queries.preview(draft.matchers, confidential=sees_all)
    context = {
        "form": form,
        "preview": pages.preview(found),
        "seen": _seen(draft),
        "starts_at": draft.starts_at,
        "ends_at": draft.ends_at,
    }
    return render(request, "silences/new.html", context)


def _seen(draft: Draft) -> str:
    return ", ".join(str(one) for one in draft.matchers)


def _to_list(request: HttpRequest, text: str, state: SilenceState) -> HttpResponse:
    messages.success(request, text)
    return redirect(f"{reverse('silences:list')}?state={state.value}")


def _zone() -> ZoneInfo:
    """The zone of the page, which is the plan's."""
    zone = timezone.get_current_timezone()
    return zone if isinstance(zone, ZoneInfo) else ZoneInfo("UTC")


def _sentence(error: SilenceRefusedError) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."
