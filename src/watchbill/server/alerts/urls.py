"""Routes of alerts."""

from django.urls import path

from watchbill.server.alerts import views

app_name = "alerts"

urlpatterns = [
    path("alerts/", views.listing, name="list"),
    path("alerts/<int:number>/", views.detail, name="detail"),
]
