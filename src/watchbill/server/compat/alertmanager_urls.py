"""Routes of Alertmanager's API, with a key in the header and in the address."""

from django.urls import URLPattern, URLResolver, include, path

from watchbill.server.compat import alertmanager as views

app_name = "alertmanager"


def _below(place: str) -> list[URLPattern | URLResolver]:
    return [
        path(f"{place}api/v2/status", views.status, name="status"),
        path(f"{place}api/v2/receivers", views.receivers, name="receivers"),
        path(f"{place}api/v2/alerts", views.alerts, name="alerts"),
        path(f"{place}api/v2/alerts/groups", views.groups, name="groups"),
        path(f"{place}api/v2/silences", views.silences, name="silences"),
        path(f"{place}api/v2/silence/<str:name>", views.silence, name="silence"),
        path(f"{place}-/healthy", views.healthy, name="healthy"),
        path(f"{place}-/ready", views.ready, name="ready"),
    ]


urlpatterns = [
    *_below(""),
    path("", include((_below("intake/prometheus/<str:key>/"), "keyed"))),
]
