"""Routes of the plan."""

from django.urls import path

from watchbill.server.plans import views

app_name = "plans"

urlpatterns = [
    path("", views.in_force, name="in_force"),
    path("<int:number>/", views.version, name="version"),
]
