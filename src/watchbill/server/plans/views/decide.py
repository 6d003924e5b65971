"""Deciding about a version: signing, rejecting, withdrawing."""

from collections.abc import Callable

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from watchbill.core.access import Permission
from watchbill.core.planapproval import Ruling, VersionState
from watchbill.server import clock
from watchbill.server.plans import actions
from watchbill.server.plans.forms import DecisionForm
from watchbill.server.plans.views import common
from watchbill.server.web.access import requires

# Who signs is not a role of the console but a person of the plan: a stakeholder may
# be the CTO. So whoever sees the plan may ask, and the action decides.


@require_POST
@requires(Permission.VIEW_PLAN)
def sign(request: HttpRequest, number: int) -> HttpResponse:
    """Sign a version for one role that the user holds."""
    found = common.find(number)
    ruling = actions.sign(
        found.pk,
        request.POST.get("role", ""),
        by=common.user_of(request),
        now=clock.now(),
    )
    return _answer(request, number, ruling, _("Your signature is recorded."))


@require_POST
@requires(Permission.VIEW_PLAN)
def reject(request: HttpRequest, number: int) -> HttpResponse:
    """Reject a proposal; a reason is asked for."""
    return _decide(request, number, actions.reject, _("The proposal is rejected."))


@require_POST
@requires(Permission.VIEW_PLAN)
def withdraw(request: HttpRequest, number: int) -> HttpResponse:
    """Take a version back that is not in force yet; a reason is asked for."""
    return _decide(request, number, actions.withdraw, _("The version is withdrawn."))


def _decide(
    request: HttpRequest, number: int, action: Callable[..., Ruling], done: str
) -> HttpResponse:
    found = common.find(number)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        text = _("Nothing was done: say why, in at most 2,000 characters.")
        messages.error(request, text)
        return redirect("plans:version", number=number)
    ruling = action(
        found.pk,
        form.cleaned_data["reason"],
        by=common.user_of(request),
        now=clock.now(),
    )
    return _answer(request, number, ruling, done)


def _answer(
    request: HttpRequest, number: int, ruling: Ruling, done: str
) -> HttpResponse:
    if ruling.is_forbidden:
        raise PermissionDenied(ruling.reason)
    if not ruling.is_change:
        text = _("Nothing was changed: %(reason)s.") % {"reason": ruling.reason}
        messages.warning(request, text)
    elif ruling.state is VersionState.APPROVED:
        text = _("Every role has signed: the version is approved.")
        messages.success(request, text)
    else:
        messages.success(request, done)
    return redirect("plans:version", number=number)
