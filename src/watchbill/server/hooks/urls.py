"""Routes of the calls that providers make."""

from django.urls import path

from watchbill.server.hooks import views

app_name = "hooks"

urlpatterns = [
    path("<slug:provider>/<slug:door>", views.hook, name="call"),
]
