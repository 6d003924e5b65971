"""Routes of the delivery log."""

from django.urls import path

from watchbill.server.notifications import views

app_name = "notifications"

urlpatterns = [path("", views.listing, name="list")]
