"""Routes of users and their place in the plan."""

from django.urls import path

from watchbill.server.people import views

app_name = "people"

urlpatterns = [
    path("account/", views.account, name="account"),
    path("users/", views.users, name="users"),
    path("users/<int:number>/", views.change, name="change"),
]
