"""One's own account, and the users with the contacts of the plan that they are."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from watchbill.core.access import ConsoleRole, Permission
from watchbill.core.people import Contact
from watchbill.server import clock
from watchbill.server.accounts.models import User
from watchbill.server.audit.showing import shows_people
from watchbill.server.people import actions, queries
from watchbill.server.people.actions import MembershipRefusedError
from watchbill.server.people.forms import MembershipForm
from watchbill.server.plans import queries as plans
from watchbill.server.plans.queries import NoPlanInForceError
from watchbill.server.web.access import may, requires


@require_safe
@requires(Permission.VIEW_PLAN)
def account(request: HttpRequest) -> HttpResponse:
    """Show who one is on the console and in the plan."""
    key = getattr(request.user, "contact_key", "")
    contact = next((one for one in _contacts() if one.key == key), None)
    context = {
        "contact": contact,
        "contact_key": key,
        "may_manage": may(request, Permission.MANAGE_USERS),
    }
    return render(request, "people/account.html", context)


@shows_people
@require_safe
@requires(Permission.MANAGE_USERS)
def users(request: HttpRequest) -> HttpResponse:
    """List the users, each with a role and a contact of the plan."""
    contacts = _contacts()
    rows = [_row(one, contacts) for one in queries.users()]
    return render(request, "people/users.html", {"users": rows})


@require_POST
@requires(Permission.MANAGE_USERS)
def change(request: HttpRequest, number: int) -> HttpResponse:
    """Change what a user may do, and who the user is in the plan."""
    found = User.objects.filter(pk=number).first()
    if found is None:
        message = f"there is no user {number}"
        raise Http404(message)
    form = MembershipForm(_contacts(), request.POST, keeps=found.contact_key)
    if not form.is_valid():
        messages.error(request, _("Nothing was changed: choose from the lists."))
        return redirect("people:users")
    try:
        changed = actions.change(
            number,
            role=ConsoleRole(form.cleaned_data["role"]),
            contact_key=form.cleaned_data["contact_key"],
        )
    except MembershipRefusedError as error:
        messages.error(request, _("Nothing was changed: %(why)s.") % {"why": error})
    else:
        text = _("Saved what %(name)s is.") % {"name": changed}
        messages.success(request, text)
    return redirect("people:users")


def _contacts() -> tuple[Contact, ...]:
    try:
        plan = plans.plan_of(plans.in_force(now=clock.now()).pk)
    except NoPlanInForceError:
        return ()
    return plan.directory.contacts


def _row(user: User, contacts: tuple[Contact, ...]) -> dict[str, Any]:
    form = MembershipForm(contacts, keeps=user.contact_key)
    return {
        "number": user.pk,
        "name": str(user),
        "email": user.email,
        "is_active": user.is_active,
        "last_login": user.last_login,
        "role": user.role,
        "contact_key": user.contact_key,
        "roles": form.fields["role"].choices,  # type: ignore[attr-defined]
        "contacts": form.fields["contact_key"].choices,  # type: ignore[attr-defined]
    }
