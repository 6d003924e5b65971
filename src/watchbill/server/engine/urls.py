"""Routes of the engine's own pages."""

from django.urls import path

from watchbill.server.engine import views

app_name = "engine"

urlpatterns = [
    path("", views.overview, name="overview"),
    path("release", views.release, name="release"),
    path("dismiss-watchdog", views.dismiss, name="dismiss"),
]
