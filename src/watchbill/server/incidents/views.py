"""The incident pages, and the buttons on them."""

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
from watchbill.core.incidents import IncidentAction, IncidentStatus, possible_actions
from watchbill.core.ladder import Verb
from watchbill.core.team import TeamRole
from watchbill.server import clock, signed
from watchbill.server.alerts import pages as alert_pages
from watchbill.server.alerts import queries as alerts
from watchbill.server.audit.acting import known_as
from watchbill.server.audit.models import ActorKind
from watchbill.server.changes import pages as change_pages
from watchbill.server.incidents import actions, grading, pages, queries
from watchbill.server.incidents import reality as reality_page
from watchbill.server.incidents.actions import ActionResult, Actor, Declaration
from watchbill.server.incidents.forms import DeclareForm, NoteForm, SeverityForm
from watchbill.server.incidents.models import Incident
from watchbill.server.notifications import pages as notification_pages
from watchbill.server.notifications import queries as notifications
from watchbill.server.notifications.models import Notification
from watchbill.server.oncall import pages as oncall
from watchbill.server.oncall import queries as on_call
from watchbill.server.people import queries as people
from watchbill.server.plans import queries as plans
from watchbill.server.plans.queries import NoPlanInForceError
from watchbill.server.tickets import pages as ticket_pages
from watchbill.server.tickets import queries as tickets
from watchbill.server.web.access import may, open_to_all, permissions_held, requires
from watchbill.server.web.paging import page_of

_TIMELINE = 50
_NOTIFICATIONS = 50


@require_safe
@requires(Permission.VIEW_INCIDENTS)
def listing(request: HttpRequest) -> HttpResponse:
    """Show the incidents: open ones first, the worst at the top."""
    filters = {
        "status": request.GET.get("status", "open"),
        "severity": request.GET.get("severity", ""),
        "q": request.GET.get("q", "").strip()[:200],
    }
    sees_all = may(request, Permission.VIEW_CONFIDENTIAL)
    rows = queries.listed(
        status=filters["status"],
        severity=filters["severity"],
        text=filters["q"],
        confidential=sees_all,
    )
    page = page_of(request, rows)
    now = clock.now()
    context = {
        "incidents": pages.rows(page, now=now),
        "page": page,
        "filters": filters,
        "counts": queries.counts(confidential=sees_all),
        "on_now": oncall.strip(now=now),
    }
    return render(request, "incidents/list.html", context)


@require_safe
@requires(Permission.VIEW_INCIDENTS)
def detail(request: HttpRequest, number: int) -> HttpResponse:
    """Show everything about one incident."""
    incident = _get(number)
    if incident.is_confidential and not may(request, Permission.VIEW_CONFIDENTIAL):
        raise _missing(number)
    now = clock.now()
    whole = "all" in request.GET
    entries = list(queries.timeline_of(number)[: None if whole else _TIMELINE + 1])
    more = not whole and len(entries) > _TIMELINE
    members = alerts.of_incident(number)
    permissions = permissions_held(request)
    live = on_call.live(now=now)
    context = {
        "incident": pages.detail(incident, now=now, live=live, viewer=_actor(request)),
        "ladder": pages.ladder(incident, now=now, live=live),
        "timeline": pages.timeline(entries if whole else entries[:_TIMELINE]),
        "timeline_more_url": "?all" if more else "",
        "alerts": [alert_pages.panel_row(one) for one in members],
        "changes": change_pages.panel(
            (one.labels for one in members),
            began_at=incident.declared_at,
            until=incident.resolved_at or now,
        ),
        "tickets": [ticket_pages.panel_row(one) for one in tickets.of_incident(number)],
        "can": pages.allowed(incident, permissions, contact_key=_contact_key(request)),
        "urls": pages.urls(incident),
    }
    if Permission.VIEW_DELIVERIES in permissions:
        sent = notifications.listed(incident_id=number)[:_NOTIFICATIONS]
        context["notifications"] = [notification_pages.row(one) for one in sent]
    return render(request, "incidents/detail.html", context)


@require_safe
@requires(Permission.VIEW_PLAN)
def reality(request: HttpRequest) -> HttpResponse:
    """Compare the plan with what happened in a quarter (SE-02)."""
    now = clock.now()
    try:
        plan = plans.plan_of(plans.in_force(now=now).pk)
    except NoPlanInForceError:
        return render(request, "plan/none.html")
    context = reality_page.report(plan, request.GET.get("quarter", ""), now=now)
    return render(request, "incidents/reality.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.DECLARE)
def new(request: HttpRequest) -> HttpResponse:
    """Declare an incident by hand."""
    plan = plans.plan_of(plans.in_force(now=clock.now()).pk)
    form = DeclareForm(plan, request.POST or None)
    if request.method == "POST" and form.is_valid():
        declaration = Declaration(
            title=form.cleaned_data["title"],
            summary=form.cleaned_data["summary"],
            severity=form.cleaned_data["severity"],
            alert_type=form.cleaned_data["alert_type"],
            is_user_impacting=form.cleaned_data["user_impacting"],
        )
        incident = actions.declare(declaration, actor=_actor(request), now=clock.now())
        return redirect(incident)
    context = {
        "form": form,
        "severities": [
            {"key": one.key, "name": one.title, "criteria": one.criteria}
            for one in plan.severities
        ],
        "alert_types": [
            {"key": one.key, "name": one.title} for one in plan.routing.routes
        ],
    }
    status = 422 if form.is_bound else 200
    return render(request, "incidents/new.html", context, status=status)


@require_POST
@requires(Permission.RESPOND)
def act(request: HttpRequest, number: int, action: str) -> HttpResponse:
    """Acknowledge, mitigate, resolve or close."""
    incident = _get(number)
    form = NoteForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("The note is too long; nothing was done."))
        return redirect(incident)
    result = actions.perform(
        number,
        IncidentAction(action),
        actor=_actor(request),
        now=clock.now(),
        note=form.cleaned_data["note"],
    )
    return _back(request, result)


@require_POST
@requires(Permission.RESPOND)
def escalate(request: HttpRequest, number: int) -> HttpResponse:
    """Bring the next step forward."""
    _get(number)
    return _back(
        request,
        actions.escalate_now(number, actor=_actor(request), now=clock.now()),
    )


@require_POST
@requires(Permission.CHANGE_SEVERITY)
def severity(request: HttpRequest, number: int) -> HttpResponse:
    """Give an incident another severity, for a reason (S3.1-32)."""
    incident = _get(number)
    form = SeverityForm(plans.plan_of(incident.plan_version_id), request.POST)
    if not form.is_valid():
        messages.error(
            request, _("Choose a severity and give the reason; nothing was changed.")
        )
        return redirect(incident)
    result = grading.change_severity(
        number,
        form.cleaned_data["severity"],
        reason=form.cleaned_data["reason"],
        actor=_actor(request),
        now=clock.now(),
    )
    return _back(request, result)


@require_POST
@requires(Permission.RESPOND)
def role(request: HttpRequest, number: int, role: str) -> HttpResponse:
    """Take a role in the response team (A30)."""
    _get(number)
    if role not in set(TeamRole):
        message = f"there is no role {role}"
        raise Http404(message)
    result = actions.take_role(
        number, TeamRole(role), actor=_actor(request), now=clock.now()
    )
    return _back(request, result)


@require_POST
@requires(Permission.RESPOND)
def note(request: HttpRequest, number: int) -> HttpResponse:
    """Add a remark to the timeline."""
    incident = _get(number)
    form = NoteForm(request.POST)
    if form.is_valid() and form.cleaned_data["note"]:
        actions.add_note(
            number, form.cleaned_data["note"], actor=_actor(request), now=clock.now()
        )
    else:
        messages.error(request, _("An empty or overlong note was not added."))
    return redirect(incident)


@csrf_exempt  # the link is the secret; mail programs' browsers drop cookies
@require_http_methods(["GET", "HEAD", "POST"])
@open_to_all("the signed link in a message is the permission, for one incident")
def signed_link(request: HttpRequest, token: str) -> HttpResponse:
    """Show an incident to the reader of a message; POST acts as that person."""
    number = signed.number_of(token)
    row = notifications.by_id(number) if number is not None else None
    now = clock.now()
    if row is None or row.incident is None or people.has_left(row.contact_key):
        return _signed(request, {"state": "unknown"}, status=404)
    if now - row.created_at > signed.LIFETIME:
        return _signed(request, {"state": "expired"}, status=410)
    state, outcome = "valid", ""
    if request.method == "POST":
        state, outcome = _act_signed(request, row)
    incident = _get(row.incident.pk)
    context = {
        "state": state,
        "outcome": outcome,
        "incident": pages.detail(incident, now=now, live=on_call.live(now=now)),
        "person": {"name": row.recipient},
        "can": _can_signed(incident, row),
        "post_url": request.path,
    }
    return _signed(request, context)


def _act_signed(request: HttpRequest, row: Notification) -> tuple[str, str]:
    known_as(ActorKind.CONTACT, id=row.contact_key, name=row.recipient)
    wanted = request.POST.get("action", "")
    incident = _get(row.incident_id or 0)
    can = _can_signed(incident, row)
    if not can.get(wanted) and not (wanted == "acknowledge" and can["join"]):
        taken_by = incident.acknowledged_by
        if wanted == IncidentAction.ACKNOWLEDGE and taken_by:
            return "done", _("%(name)s has already taken it.") % {"name": taken_by}
        return "done", _("This link cannot do that now.")
    result = actions.perform(
        incident.pk,
        IncidentAction(wanted),
        actor=Actor(label=row.recipient, contact_key=row.contact_key),
        now=clock.now(),
        note=_("By the link in a message"),
    )
    if result.has_joined:
        return "done", _("%(name)s has already taken it. You have joined.") % {
            "name": result.incident.acknowledged_by
        }
    return "done", "" if result.is_change else result.reason


_SIGNED_ACTIONS = (
    IncidentAction.ACKNOWLEDGE,
    IncidentAction.MITIGATE,
    IncidentAction.RESOLVE,
)


def _can_signed(incident: Incident, row: Notification) -> dict[str, bool]:
    """What a message lets its reader do: only those asked to work on it may act."""
    asked = row.verb in {Verb.PAGE, Verb.ESCALATE} and not row.is_copy
    possible = possible_actions(IncidentStatus(incident.status))
    return {one.value: asked and one in possible for one in _SIGNED_ACTIONS} | {
        "join": asked and pages.may_join(incident, row.contact_key)
    }


def _signed(
    request: HttpRequest, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    response = render(request, "incidents/signed.html", context, status=status)
    # The address is a secret: no other site may learn it.
    response["Referrer-Policy"] = "no-referrer"
    return response


def _get(number: int) -> Incident:
    try:
        return queries.get(number)
    except Incident.DoesNotExist:
        raise _missing(number) from None


def _missing(number: int) -> Http404:
    """The same answer for what is not there and for what may not be seen (A15)."""
    return Http404(f"there is no incident {number}")


def _actor(request: HttpRequest) -> Actor:
    return Actor(label=str(request.user), contact_key=_contact_key(request))


def _contact_key(request: HttpRequest) -> str:
    return getattr(request.user, "contact_key", "")


def _back(request: HttpRequest, result: ActionResult) -> HttpResponse:
    if result.has_joined:
        messages.success(
            request,
            _("%(name)s has already taken it. You have joined.")
            % {"name": result.incident.acknowledged_by},
        )
    elif not result.is_change:
        messages.warning(
            request,
            _("Nothing was changed: %(reason)s.") % {"reason": result.reason},
        )
    return redirect(result.incident)
