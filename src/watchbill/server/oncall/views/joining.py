"""Somebody joins or leaves: what the plan would say, and the proposal of it.

Who there is is a rule and no particular, so these forms end where the plan's editor
ends: in a version that waits for its signatures, with the difference shown before. Who
leaves must not be named any more by then; the page says where they are, with a link to
each place, and takes its time.
"""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from watchbill.core.access import Permission
from watchbill.core.oncall import Duty, Schedule
from watchbill.core.people import Contact
from watchbill.plan import Plan
from watchbill.plan.edit import CannotEditError
from watchbill.server import clock
from watchbill.server.oncall import queries
from watchbill.server.oncall.joining_forms import (
    Mention,
    NewPersonForm,
    mentions,
)
from watchbill.server.oncall.models import Override
from watchbill.server.oncall.timeline import clock_text, duty_name
from watchbill.server.plans import diffs, drafts, pages
from watchbill.server.plans.drafts import Base
from watchbill.server.plans.forms import ProposalForm
from watchbill.server.plans.views import proposing
from watchbill.server.web.access import requires


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.MANAGE_PEOPLE)
def person_new(request: HttpRequest) -> HttpResponse:
    """Add somebody to the plan, by a proposal."""
    base, plan = _base()
    if request.method != "POST":
        sheet = proposing.begin(base)
        return _new_page(request, base, NewPersonForm(plan=plan), sheet)
    person = NewPersonForm(request.POST, plan=plan)
    form = ProposalForm(request.POST)
    if not person.is_valid():
        return _new_page(
            request, base, person, proposing.unjudged(form), status=422, has_errors=True
        )
    try:
        text = drafts.edited(base.text, person.edits)
    except CannotEditError as error:
        person.add_error(None, str(error))
        return _new_page(request, base, person, proposing.unjudged(form), status=422)
    if request.POST.get("step") != "propose":
        form = _with_reason(form, _("%(who)s joins.") % {"who": _named(person)})
        return _new_page(request, base, person, form, text=text)
    why = _("The plan would have errors; see what the check says.")
    stored, status = proposing.propose(request, base, form, text, faulty=why)
    if stored is not None:
        return redirect(f"{reverse('plans:version', args=[stored.pk])}#approval")
    return _new_page(request, base, person, form, status=status, text=text)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.MANAGE_PEOPLE)
def person_end(request: HttpRequest, key: str) -> HttpResponse:
    """Take somebody out of the plan, by a proposal, once nothing names them."""
    base, plan = _base()
    contact = plan.directory.contact(key)
    if contact is None:
        message = f"the plan has no contact {key}"
        raise Http404(message)
    try:
        text = drafts.edited(base.text, {("contacts", key): None})
    except CannotEditError as error:
        reason = str(error)
        return _end_page(request, base, contact, status=_refused(request), why=reason)
    named = [*_in_plan(plan, base.text, text), *_overrides(plan, key)]
    if named:
        return _end_page(request, base, contact, status=_refused(request), named=named)
    if request.method != "POST":
        reason = _("%(who)s leaves.") % {"who": contact.label}
        form = proposing.begin(base, reason=reason)
        return _end_page(request, base, contact, form=form, text=text)
    form = ProposalForm(request.POST)
    why = _("The plan would have errors; see what the check says.")
    stored, status = proposing.propose(request, base, form, text, faulty=why)
    if stored is not None:
        return redirect(f"{reverse('plans:version', args=[stored.pk])}#approval")
    return _end_page(request, base, contact, form=form, text=text, status=status)


def _base() -> tuple[Base, Plan]:
    """The newest version that stands, so that two proposals do not undo each other."""
    base = drafts.base(None)
    plan = drafts.check(base.text).plan if base is not None else None
    if base is None or plan is None:
        message = "there is no plan to begin with that passes the check"
        raise Http404(message)
    return base, plan


def _refused(request: HttpRequest) -> int:
    """The status of a page that offers nothing: to look is no mistake."""
    return 422 if request.method == "POST" else 200


def _named(person: NewPersonForm) -> str:
    values = person.cleaned_data
    return str(values["name"] or values["title"])


def _with_reason(form: ProposalForm, reason: str) -> ProposalForm:
    found = proposing.unjudged(form)
    found.initial["reason"] = found.initial["reason"] or reason
    return found


def _new_page(
    request: HttpRequest,
    base: Base,
    person: NewPersonForm,
    form: ProposalForm,
    *,
    status: int = 200,
    text: str = "",
    has_errors: bool = False,
) -> HttpResponse:
    context = proposing.around(request, base, form) | _shown(base, text)
    context |= {"person": person, "has_errors": has_errors}
    return render(request, "oncall/person_new.html", context, status=status)


def _end_page(
    request: HttpRequest,
    base: Base,
    contact: Contact,
    *,
    status: int = 200,
    form: ProposalForm | None = None,
    text: str = "",
    **more: Any,
) -> HttpResponse:
    around = proposing.around(request, base, form or proposing.begin(base))
    context = around | _shown(base, text) | {"contact": contact} | more
    return render(request, "oncall/person_end.html", context, status=status)


def _shown(base: Base, text: str) -> dict[str, Any]:
    """The difference of a text, and what the check says of it when it is refused."""
    if not text:
        return {}
    loaded = drafts.check(text)
    return {
        "rows": diffs.compare(base.text, text),
        "findings": pages.findings(loaded) if loaded.plan is None else None,
    }


def _in_plan(plan: Plan, text: str, without: str) -> list[dict[str, str]]:
    return [_mention(plan, one) for one in mentions(text, without)]


def _mention(plan: Plan, one: Mention) -> dict[str, str]:
    message = f"{one.message[:1].upper()}{one.message[1:]}."
    if one.section == "on_call" and one.entry in plan.schedules:
        return {
            "text": _("The schedule %(name)s.")
            % {"name": plan.schedules[one.entry].title},
            "url": reverse("oncall:schedule_edit", args=[one.entry]),
            "link": _("Edit the schedule"),
        }
    if one.section == "groups" and one.entry in plan.directory.groups:
        return {
            "text": _("The team %(name)s.") % {"name": one.entry},
            "url": reverse("oncall:group_edit", args=[one.entry]),
            "link": _("Edit the team"),
        }
    return {
        "text": _("Line %(line)s of the plan, under %(section)s: without them, %(why)s")
        % {
            "line": one.line,
            "section": one.section or "plan",
            "why": f"{message[:1].lower()}{message[1:]}",
        },
        "url": f"{reverse('plans:edit')}#L{one.line}",
        "link": _("Edit the plan"),
    }


def _overrides(plan: Plan, key: str) -> list[dict[str, str]]:
    """What was entered for the days to come, where a page would reach nobody."""
    found = queries.overrides_ahead(key, now=clock.now())
    return [
        _override(plan.schedules[one.schedule_key], one)
        for one in found
        if one.schedule_key in plan.schedules
    ]


def _override(schedule: Schedule, one: Override) -> dict[str, str]:
    day = one.starts_at.astimezone(schedule.zone).date().isoformat()
    text = _("An override: %(duty)s of %(schedule)s from %(from)s.") % {
        "duty": duty_name(Duty(one.duty)).lower(),
        "schedule": schedule.title,
        "from": clock_text(one.starts_at, schedule.zone),
    }
    address = reverse("oncall:schedule", args=[schedule.key])
    return {"text": text, "url": f"{address}?day={day}", "link": _("Call it off")}
