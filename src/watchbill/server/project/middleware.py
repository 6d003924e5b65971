"""Middleware that needs the rooms: times are shown in the zone of the plan."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

from watchbill.server import clock
from watchbill.server.plans import queries as plans
from watchbill.server.plans.queries import NoPlanInForceError

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
