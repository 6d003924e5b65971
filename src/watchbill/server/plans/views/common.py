"""What the pages of the plan share."""

from typing import Any, cast

from django.http import Http404, HttpRequest

from watchbill.core.access import Permission
from watchbill.server import clock
from watchbill.server.accounts.models import User
from watchbill.server.plans import pages, queries, reading
from watchbill.server.plans.models import PlanVersion
from watchbill.server.web.access import may


def find(number: int) -> PlanVersion:
    """Return a version, or answer that there is none."""
    try:
        return queries.get(number)
    except (PlanVersion.DoesNotExist, OverflowError):
        message = f"there is no plan version {number}"
        raise Http404(message) from None


def user_of(request: HttpRequest) -> User:
    """Return who is signed in; the access rule has seen to it that somebody is."""
    return cast("User", request.user)


def shows_contacts(request: HttpRequest) -> bool:
    """Return whether the reader may see phone numbers and addresses (S2.1-16)."""
    return may(request, Permission.VIEW_CONTACTS)


def visible_text(request: HttpRequest, version: PlanVersion) -> str:
    """Return a version's text as this reader may see it."""
    if shows_contacts(request):
        return version.text
    return reading.hide_contacts(version.pk, version.text)


def may_edit(request: HttpRequest) -> bool:
    """Return whether the reader may propose changes."""
    if not may(request, Permission.PROPOSE_PLAN):
        return False
    return pages.may_propose(user_of(request), now=clock.now())


def frame(request: HttpRequest, version: PlanVersion) -> dict[str, Any]:
    """Return what each page of a version shows at its top."""
    return {
        "version": pages.head(version, now=clock.now()),
        "may_edit": may_edit(request),
    }
