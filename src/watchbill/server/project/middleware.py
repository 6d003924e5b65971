"""Middleware that needs the rooms: the zone of the plan, and the second factor."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from watchbill.core.access import Permission
from watchbill.server import clock
from watchbill.server.accounts import queries as accounts
from watchbill.server.plans import queries as plans
from watchbill.server.plans.queries import NoPlanInForceError
from watchbill.server.web.access import access_of, withhold

Handler = Callable[[HttpRequest], HttpResponseBase]


def plan_zone(get_response: Handler) -> Handler:
    """Show times as the clocks of the support team do, wherever the server is."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        try:
            zone = plans.plan_of(plans.in_force(now=clock.now()).pk).meta.zone
        except NoPlanInForceError:
            return get_response(request)
        with timezone.override(zone):
            return get_response(request)

    return middleware


class second_factor:  # noqa: N801 - a middleware is named like a function
    """Give users whose role needs a second factor no permission until they have one.

    They still reach the pages of their own account, to add it there.
    """

    def __init__(self, get_response: Handler) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self._get_response(request)

    def process_view(
        self,
        request: HttpRequest,
        view: Callable[..., HttpResponseBase],
        *_args: object,
    ) -> HttpResponseBase | None:
        """Withhold the permissions, and lead to where the factor is added."""
        if not accounts.lacks_second_factor(request.user):
            return None
        withhold(request)
        is_page = request.method == "GET" and "HX-Request" not in request.headers
        if not is_page or not isinstance(access_of(view), Permission):
            return None
        text = _("Your role needs a second factor. Add a passkey or an app first.")
        messages.warning(request, text)
        return redirect("mfa_index")
