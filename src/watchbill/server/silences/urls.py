"""Routes of the silences."""

from django.urls import path

from watchbill.server.silences import views

app_name = "silences"

urlpatterns = [
    path("", views.listing, name="list"),
    path("new/", views.new, name="new"),
    path("<uuid:name>/expire/", views.expire, name="expire"),
    path("<uuid:name>/extend/", views.extend, name="extend"),
]
