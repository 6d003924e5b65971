"""Writing the plan: the editor, and the questions of the first run.

Nothing that was typed is lost: whatever is wrong, the form comes back with its text.
Whoever may look after the plan may try a change and check it; to propose it one has to
be among the plan's owners (S0-04).
"""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from watchbill.core.access import Permission
from watchbill.plan.edit import CannotEditError, replace
from watchbill.plan.source import parse_source
from watchbill.server.audit.showing import shows_people
from watchbill.server.plans import diffs, drafts, pages, wizard
from watchbill.server.plans.drafts import Base
from watchbill.server.plans.forms import ProposalForm, text_of
from watchbill.server.plans.models import PlanVersion
from watchbill.server.plans.views import common, proposing
from watchbill.server.web.access import requires

_NUMBERED = 5000
"""Lines of the editor that have a number; a longer text is no plan of people."""


@shows_people
@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.PROPOSE_PLAN)
def edit(request: HttpRequest) -> HttpResponse:
    """Edit the text, check it, propose it."""
    base = _base(request)
    if request.method != "POST":
        return _editor(request, base, base.text, proposing.begin(base))
    text = text_of(request.POST)
    form = ProposalForm(request.POST)
    if request.POST.get("action") != "propose":
        form.errors.clear()
        return _editor(request, base, text, proposing.unjudged(form), is_checked=True)
    return _propose_text(request, base, text, form)


def _propose_text(
    request: HttpRequest, base: Base, text: str, form: ProposalForm
) -> HttpResponse:
    status = 422
    if not common.may_edit(request):
        form.add_error(None, _("Only the owners of the plan may propose changes."))
        status = 403
    elif (line := drafts.damage(text)) is not None:
        form.add_error(
            None,
            _("A character in line %(line)s was lost on the way; write it again.")
            % {"line": line},
        )
    elif form.is_valid():
        finished = drafts.finish(
            text,
            based_on=base.text,
            version=form.cleaned_data["version"],
            effective=form.cleaned_data["effective"],
        )
        if drafts.check(finished).plan is None:
            form.add_error(None, _("A plan with errors cannot be proposed."))
        else:
            stored = proposing.store(request, finished, form)
            if stored is not None:
                return redirect(
                    f"{reverse('plans:version', args=[stored.pk])}#approval"
                )
            status = 409
    return _editor(request, base, text, form, status=status, is_checked=True)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.PROPOSE_PLAN)
def start(request: HttpRequest) -> HttpResponse:
    """Ask what the plan leaves open, and propose the answers as a new version."""
    base = _base(request)
    document = parse_source(base.text).document
    if document is None:
        return redirect("plans:edit")
    asked = wizard.questions(document)
    if request.method != "POST":
        return _sheet(
            request,
            base,
            asked,
            proposing.begin(
                base, reason=_("The open questions of the plan are answered.")
            ),
        )
    form = ProposalForm(request.POST)
    given = wizard.answers(asked, request.POST.dict())
    context: dict[str, Any] = {"given": request.POST.dict()}
    try:
        text = replace(base.text, given)
    except CannotEditError as error:
        form.add_error(None, str(error))
        return _sheet(request, base, asked, form, context, status=422)
    loaded = drafts.check(text)
    context |= {
        "is_shown": True,
        "rows": diffs.compare(base.text, text),
        "count": len(given),
        "findings": pages.findings(loaded) if loaded.plan is None else None,
    }
    if request.POST.get("action") != "propose":
        return _sheet(request, base, asked, proposing.unjudged(form), context)
    return _propose_answers(request, base, asked, form, context, text)


def _propose_answers(
    request: HttpRequest,
    base: Base,
    asked: list[wizard.Question],
    form: ProposalForm,
    context: dict[str, Any],
    text: str,
) -> HttpResponse:
    why = _("These answers make a plan with errors; see below.")
    stored, status = proposing.propose(request, base, form, text, faulty=why)
    if stored is not None:
        return redirect(f"{reverse('plans:version', args=[stored.pk])}#approval")
    return _sheet(request, base, asked, form, context, status=status)


def _base(request: HttpRequest) -> Base:
    asked = request.POST.get("from") or request.GET.get("from") or ""
    try:
        found = drafts.base(int(asked[:15]) if asked.isdecimal() else None)
    except PlanVersion.DoesNotExist:
        found = None
    if found is None:
        message = "there is no such version to begin with"
        raise Http404(message)
    return found


def _editor(
    request: HttpRequest,
    base: Base,
    text: str,
    form: ProposalForm,
    *,
    is_checked: bool = False,
    status: int = 200,
) -> HttpResponse:
    lines = text.count("\n") + 1
    context = proposing.around(request, base, form) | {
        "text": text,
        "numbers": range(1, min(lines + 200, _NUMBERED) + 1),
        "findings": pages.findings(drafts.check(text)),
        "is_checked": is_checked,
    }
    return render(request, "plan/edit.html", context, status=status)


def _sheet(
    request: HttpRequest,
    base: Base,
    asked: list[wizard.Question],
    form: ProposalForm,
    context: dict[str, Any] | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    given = (context or {}).get("given", {})
    rows = [
        {
            "question": one,
            "fields": [
                {"field": field, "shown": given.get(field.name, field.shown)}
                for field in one.fields
            ],
        }
        for one in asked
    ]
    around = proposing.around(request, base, form) | {"questions": rows}
    return render(request, "plan/start.html", around | (context or {}), status=status)
