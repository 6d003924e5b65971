"""Routes of reports; they lie among the pages of the watch."""

from django.urls import path

from watchbill.server.reports import views

app_name = "reports"

urlpatterns = [
    path("", views.load, name="load"),
    path("export.csv", views.load_csv, name="load_csv"),
    path("fair/<str:key>/", views.fair, name="fair"),
]
