"""Routes of signing in."""

from django.urls import path

from watchbill.server.accounts import views

app_name = "accounts"

urlpatterns = [
    path("sign-in/", views.sign_in, name="sign_in"),
    path("sign-out/", views.sign_out, name="sign_out"),
    path("setup/<str:token>/", views.setup, name="setup"),
    path("link/<str:token>/", views.one_time_link, name="one_time_link"),
]
