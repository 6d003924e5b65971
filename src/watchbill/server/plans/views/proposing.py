"""What the pages share that end in a proposal: its form, and how it is stored.

The editor, the questions of the first run and the forms about people all propose a
version by these functions, and by no others (S0-04).
"""

from datetime import date
from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext as _

from watchbill.server import clock
from watchbill.server.plans import actions, drafts
from watchbill.server.plans.actions import Proposal, ProposalRefusedError
from watchbill.server.plans.drafts import Base
from watchbill.server.plans.forms import ProposalForm
from watchbill.server.plans.models import PlanVersion
from watchbill.server.plans.views import common


def begin(base: Base, *, reason: str = "") -> ProposalForm:
    """Return the form with which a proposal begins."""
    today: date = drafts.today(now=clock.now())
    return ProposalForm(
        initial={
            "reason": reason,
            "version": drafts.next_label(base.text),
            "effective": today.isoformat(),
            "based_on": base.newest.pk,
        }
    )


def unjudged(form: ProposalForm) -> ProposalForm:
    """Return the form with what was typed and no complaints: nothing is sent yet."""
    return ProposalForm(initial={name: form.data.get(name) for name in form.fields})


def propose(
    request: HttpRequest, base: Base, form: ProposalForm, text: str, *, faulty: str
) -> tuple[PlanVersion | None, int]:
    """Store an edited text as a proposal; else the form says why, with a status.

    ``faulty`` is what is said of a text that does not pass the check.
    """
    if not common.may_edit(request):
        form.add_error(None, _("Only the owners of the plan may propose changes."))
        return None, 403
    if drafts.check(text).plan is None:
        form.add_error(None, faulty)
        return None, 422
    if not form.is_valid():
        return None, 422
    finished = drafts.finish(
        text,
        based_on=base.text,
        version=form.cleaned_data["version"],
        effective=form.cleaned_data["effective"],
    )
    return store(request, finished, form), 409


def store(request: HttpRequest, text: str, form: ProposalForm) -> PlanVersion | None:
    """Store a proposal; None when it is refused, and the form says why."""
    proposal = Proposal(
        loaded=drafts.check(text),
        reason=form.cleaned_data["reason"],
        based_on=form.cleaned_data["based_on"],
    )
    try:
        stored = actions.propose(proposal, by=common.user_of(request), now=clock.now())
    except ProposalRefusedError as error:
        form.add_error(None, _("Not proposed: %(why)s.") % {"why": error})
        form.refusal = error  # type: ignore[attr-defined]
        return None
    messages.success(request, _("Proposed. It waits for its signatures."))
    return stored


def around(request: HttpRequest, base: Base, form: ProposalForm) -> dict[str, Any]:
    """Return what plan/_propose.html shows around a form."""
    refusal: ProposalRefusedError | None = getattr(form, "refusal", None)
    began_with = form.cleaned_data.get("based_on") if form.is_bound else None
    overtaken = refusal is not None and refusal.is_overtaken
    return {
        "form": form,
        "may_edit": common.may_edit(request),
        "base": base.version,
        "newest": base.newest,
        # After the warning, the next try follows the version it warned of.
        "based_on": base.newest.pk if overtaken else form["based_on"].value(),
        "other": refusal.other if refusal is not None else None,
        "is_overtaken": overtaken,
        "began_with": began_with or base.version.pk,
    }
