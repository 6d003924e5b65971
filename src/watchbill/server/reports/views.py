"""The load of each person, as a page and as a table, and a fair share of what comes."""

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from watchbill.core.access import Permission
from watchbill.core.oncall import Duty
from watchbill.server import clock
from watchbill.server.oncall import actions
from watchbill.server.oncall.actions import OncallRefusedError
from watchbill.server.plans import queries as plans
from watchbill.server.reports import pages, queries
from watchbill.server.web.access import may, requires


@require_safe
@requires(Permission.TRADE_SHIFTS)
def load(request: HttpRequest) -> HttpResponse:
    """Show how much of the watch each person carries (S4.4-13)."""
    now = clock.now()
    plan = plans.plan_of(plans.in_force(now=now).pk)
    name, during = pages.span_of(request.GET.get("span", ""), now=now)
    rows = pages.rows(plan, queries.load(plan, during))
    context = {
        "rows": rows,
        "span": name,
        "spans": [(key, label) for key, (label, _length) in pages.SPANS.items()],
        "starts_at": during.starts_at,
        "ends_at": during.ends_at,
        "warned": [one for one in rows if one["warnings"]],
        "schedules": list(plan.schedules.values()),
        "may_manage": may(request, Permission.MANAGE_SCHEDULE),
    }
    return render(request, "oncall/load.html", context)


@require_safe
@requires(Permission.TRADE_SHIFTS)
def load_csv(request: HttpRequest) -> HttpResponse:
    """Answer the same as a table for spreadsheets."""
    now = clock.now()
    plan = plans.plan_of(plans.in_force(now=now).pk)
    name, during = pages.span_of(request.GET.get("span", ""), now=now)
    text = pages.as_csv(plan, queries.load(plan, during))
    # The mark at its beginning makes spreadsheets read it as UTF-8.
    answer = HttpResponse(f"\ufeff{text}", content_type="text/csv; charset=utf-8")
    file = f"on-call-load-{name}-{during.ends_at:%Y-%m-%d}.csv"
    answer["Content-Disposition"] = f'attachment; filename="{file}"'
    return answer


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.MANAGE_SCHEDULE)
def fair(request: HttpRequest, key: str) -> HttpResponse:
    """Propose who should take the coming turns; POST makes overrides of it."""
    now = clock.now()
    plan = plans.plan_of(plans.in_force(now=now).pk)
    if key not in plan.schedules:
        message = f"the plan has no schedule {key}"
        raise Http404(message)
    watch = pages.watch_ahead(plan, key, now=now)
    changes = pages.proposal(plan, watch, now=now)
    differing = [one for one in changes if one.is_change and one.then.key]
    context = {
        "schedule": plan.schedules[key],
        "changes": changes,
        "differing": len(differing),
    }
    if request.method != "POST":
        return render(request, "oncall/fair.html", context)
    try:
        with transaction.atomic():
            for one in differing:
                actions.override(
                    key,
                    Duty.PRIMARY,
                    one.then.key,
                    one.during,
                    reason=_("Fair share of the coming turns"),
                    by=str(request.user),
                    now=now,
                )
    except OncallRefusedError as error:
        text = _("Nothing was changed: %(why)s.") % {"why": error}
        return render(
            request, "oncall/fair.html", context | {"refusal": text}, status=422
        )
    text = _("%(n)s turns have somebody else now.") % {"n": len(differing)}
    messages.success(request, text)
    return redirect("oncall:schedule", key)
