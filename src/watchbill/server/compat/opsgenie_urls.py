"""Routes of Opsgenie's Alert API; what changes anything is the intake's."""

from django.urls import path

from watchbill.server.compat import opsgenie as views

app_name = "opsgenie"

urlpatterns = [
    path("", views.alerts, name="alerts"),
    path("/", views.alerts, name="alerts_slash"),
    path("/count", views.count, name="count"),
    path("/requests/<str:name>", views.request_status, name="request"),
    path("/<path:identifier>/notes", views.notes, name="notes"),
    path("/<path:identifier>", views.alert, name="alert"),
]
