"""The pages of heartbeats: who is awaited, and what they said."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from watchbill.core.access import Permission
from watchbill.plan import Plan
from watchbill.server import clock
from watchbill.server.heartbeats import actions, pages, queries
from watchbill.server.heartbeats.actions import Wish
from watchbill.server.heartbeats.forms import MonitorForm, SenderForm
from watchbill.server.heartbeats.models import HeartbeatMonitor
from watchbill.server.heartbeats.waiting import period_of
from watchbill.server.intake import actions as intake
from watchbill.server.intake.models import Integration, Scope
from watchbill.server.plans import queries as plans
from watchbill.server.web.access import may, requires

_MANAGE = Permission.MANAGE_INTEGRATIONS


@require_safe
@requires(Permission.VIEW_INCIDENTS)
def listing(request: HttpRequest) -> HttpResponse:
    """List the monitors."""
    return _list(request, MonitorForm(_plan()), SenderForm())


@require_safe
@requires(Permission.VIEW_INCIDENTS)
def detail(request: HttpRequest, number: int) -> HttpResponse:
    """Show one monitor."""
    return _detail(request, _found(number))


@require_POST
@requires(_MANAGE)
def create(request: HttpRequest) -> HttpResponse:
    """Make a monitor, and show the address at which its job calls."""
    form, sender = MonitorForm(_plan(), request.POST), SenderForm(request.POST)
    has_choice = len(queries.senders()) > 1
    if not form.is_valid() or (has_choice and not sender.is_valid()):
        return _list(request, form, sender, status=422)
    chosen = sender.cleaned_data["sender"] if has_choice else _only_sender()
    return _made(request, chosen, form.wish())


@require_POST
@requires(_MANAGE)
def window(request: HttpRequest, key: str) -> HttpResponse:
    """Make the monitor of a job that the plan names."""
    now = clock.now()
    found = next((w for w in _plan().maintenance.windows if w.key == key), None)
    if found is None or found.heartbeat_grace is None:
        message = f"the plan awaits no success of a window {key!r}"
        raise Http404(message)
    period = period_of(found, now=now)
    if period is None or key in queries.windows_watched():
        messages.error(request, _("There is a monitor of this job already."))
        return redirect("heartbeats:list")
    wish = Wish(name=found.title, period=period, grace=found.heartbeat_grace)
    return _made(request, _only_sender(), wish, window=key)


@require_POST
@requires(_MANAGE)
def change(request: HttpRequest, number: int) -> HttpResponse:
    """Change what is awaited."""
    found = _found(number)
    form = MonitorForm(_plan(), request.POST)
    if not form.is_valid():
        return _detail(request, found, form=form, status=422)
    actions.change(number, form.wish(), now=clock.now())
    messages.success(request, _("Saved."))
    return redirect("heartbeats:detail", number)


@require_POST
@requires(_MANAGE)
def pause(request: HttpRequest, number: int) -> HttpResponse:
    """Await nothing for now."""
    return _do(request, number, lambda: actions.pause(number, **_by(request)))


@require_POST
@requires(_MANAGE)
def resume(request: HttpRequest, number: int) -> HttpResponse:
    """Await signs of life again."""
    return _do(request, number, lambda: actions.resume(number, now=clock.now()))


@require_POST
@requires(_MANAGE)
def delete(request: HttpRequest, number: int) -> HttpResponse:
    """Forget a monitor."""
    found = _found(number)
    actions.delete(number, **_by(request))
    messages.success(request, _("%(name)s is deleted.") % {"name": found})
    return redirect("heartbeats:list")


@require_POST
@requires(_MANAGE)
def address(request: HttpRequest, number: int) -> HttpResponse:
    """Make a further key of the sender, and show the address with it."""
    found = _found(number)
    if not pages.addresses(found, ""):
        message = f"the monitor {number} is not called by an address"
        raise Http404(message)
    return _detail(request, found, key=_new_key(found.integration))


# ── What they share ───────────────────────────────────────────────────────────────


def _do(request: HttpRequest, number: int, action: Callable[[], None]) -> HttpResponse:
    _found(number)
    action()
    return redirect("heartbeats:detail", number)


def _by(request: HttpRequest) -> dict[str, Any]:
    return {"by": str(request.user), "now": clock.now()}


def _made(
    request: HttpRequest, sender: Integration, wish: Wish, *, window: str = ""
) -> HttpResponse:
    slug = _free_slug(sender, wish.name)
    made = actions.create(sender, slug, wish, window=window, now=clock.now())
    # No redirect: the key would have to be kept somewhere on the way.
    return _detail(request, made, key=_new_key(sender))


def _only_sender() -> Integration:
    """The first sender of beats; it is made when there is none yet."""
    senders = queries.senders()
    if senders:
        return senders[0]
    made, _key = intake.create_integration(
        kind="heartbeat", name=_("Jobs"), now=clock.now()
    )
    return made


def _new_key(sender: Integration) -> str:
    return intake.add_key(sender, scopes=[Scope.POST], now=clock.now())


def _free_slug(sender: Integration, name: str) -> str:
    """A name for the address: of the title, and not taken."""
    taken = queries.names_taken(sender.pk)
    wanted = slugify(name)[:90].strip("-_")
    if not wanted or wanted.isdecimal() or wanted in {"start", "fail", "log"}:
        wanted = f"job-{wanted}" if wanted else "job"
    found, number = wanted, 1
    while found in taken:
        number += 1
        found = f"{wanted}-{number}"
    return found


def _found(number: int) -> HeartbeatMonitor:
    found = queries.monitor(number)
    if found is None:
        message = f"there is no monitor {number}"
        raise Http404(message)
    return found


def _plan() -> Plan:
    return plans.plan_of(plans.in_force(now=clock.now()).pk)


def _list(
    request: HttpRequest, form: MonitorForm, sender: SenderForm, *, status: int = 200
) -> HttpResponse:
    plan, now = _plan(), clock.now()
    may_manage = may(request, _MANAGE)
    context = {
        "monitors": pages.rows(plan, now=now),
        "may_manage": may_manage,
        "form": form,
        "senders": sender if len(queries.senders()) > 1 else None,
        "windows": pages.windows(plan, now=now) if may_manage else [],
    }
    return render(request, "heartbeats/list.html", context, status=status)


def _detail(
    request: HttpRequest,
    monitor: HeartbeatMonitor,
    *,
    key: str = "",
    form: MonitorForm | None = None,
    status: int = 200,
) -> HttpResponse:
    plan, now = _plan(), clock.now()
    may_manage = may(request, _MANAGE)
    context = {
        "monitor": pages.row(monitor, plan, now=now),
        "events": pages.events(monitor),
        "may_manage": may_manage,
        "is_paused": monitor.paused_at is not None,
        "severity": actions.severity_of(monitor, plan),
        "key": key,
        "addresses": pages.addresses(monitor, key) if may_manage else {},
        "form": form or MonitorForm(plan, monitor=monitor),
        "is_refused": form is not None,
    }
    return render(request, "heartbeats/detail.html", context, status=status)
