"""Routes of tickets."""

from django.urls import path

from watchbill.server.tickets import views

app_name = "tickets"

urlpatterns = [
    path("", views.listing, name="list"),
    path("<int:number>/close/", views.close, name="close"),
    path("<int:number>/reopen/", views.reopen, name="reopen"),
]
