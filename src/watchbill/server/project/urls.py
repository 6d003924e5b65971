"""Routes of the console; the intake and live updates are dispatched before them."""

from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from watchbill.server.engine import views as engine
from watchbill.server.engine import who_views as who
from watchbill.server.web import views as web
from watchbill.server.web.access import open_to_all

_home = open_to_all("it only says where to go, and that page asks who is there")(
    RedirectView.as_view(pattern_name="incidents:list")
)

handler400, handler404, handler500 = web.bad_request, web.not_found, web.failed

urlpatterns: list[URLPattern | URLResolver] = [
    path("", _home, name="home"),
    path("", include("watchbill.server.accounts.urls")),
    path("", include("watchbill.server.accounts.factor_urls")),
    path("", include("watchbill.server.incidents.urls")),
    path("on-call/load/", include("watchbill.server.reports.urls")),
    path("on-call/", include("watchbill.server.oncall.urls")),
    path("tickets/", include("watchbill.server.tickets.urls")),
    path("deliveries/", include("watchbill.server.notifications.urls")),
    path("plan/", include("watchbill.server.plans.urls")),
    path("", include("watchbill.server.people.urls")),
    path("", include("watchbill.server.intake.urls")),
    # Lies among the pages of alerts, whose room knows nothing of engines.
    path("alerts/try/", who.try_out, name="who_gets"),
    path("", include("watchbill.server.alerts.urls")),
    path("silences/", include("watchbill.server.silences.urls")),
    path("", include("watchbill.server.compat.alertmanager_urls")),
    path("v2/alerts", include("watchbill.server.compat.opsgenie_urls")),
    path("heartbeats/", include("watchbill.server.heartbeats.urls")),
    path("hooks/", include("watchbill.server.hooks.urls")),
    path("api/v1/", include("watchbill.server.api.urls")),
    path("demo/", include("watchbill.server.demo.urls")),
    path("health/live", web.live, name="health_live"),
    path("health/ready", web.ready, name="health_ready"),
    path("health/engine", engine.health, name="health_engine"),
    path("metrics", engine.scrape, name="metrics"),
    path("audit/", include("watchbill.server.audit.urls")),
    path("engine/", include("watchbill.server.engine.urls")),
]
