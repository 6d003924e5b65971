"""Routes of the pages of heartbeats; pings go to /ping/ and never come here."""

from django.urls import path

from watchbill.server.heartbeats import views

app_name = "heartbeats"

urlpatterns = [
    path("", views.listing, name="list"),
    path("create/", views.create, name="create"),
    path("windows/<slug:key>/", views.window, name="window"),
    path("<int:number>/", views.detail, name="detail"),
    path("<int:number>/change/", views.change, name="change"),
    path("<int:number>/pause/", views.pause, name="pause"),
    path("<int:number>/resume/", views.resume, name="resume"),
    path("<int:number>/delete/", views.delete, name="delete"),
    path("<int:number>/address/", views.address, name="address"),
]
