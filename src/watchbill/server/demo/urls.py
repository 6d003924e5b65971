"""Routes of the demo; outside one they answer 404."""

from django.urls import path

from watchbill.server.demo import views

app_name = "demo"

urlpatterns = [
    path("inbox/", views.inbox, name="inbox"),
    path("replay/", views.replay, name="replay"),
]
