"""Routes of the audit log."""

from django.urls import path

from watchbill.server.audit import views

app_name = "audit"

urlpatterns = [
    path("", views.listing, name="list"),
    path("table.csv", views.table, name="table"),
]
