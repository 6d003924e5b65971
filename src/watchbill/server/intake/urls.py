"""Routes of the integrations page; posts go to /intake/ and never come here."""

from django.urls import path

from watchbill.server.intake import views

app_name = "intake"

urlpatterns = [
    path("", views.listing, name="list"),
    path("create/", views.create, name="create"),
    path("fold-again/", views.fold_again, name="fold_again"),
    path("<int:number>/rotate/", views.rotate, name="rotate"),
    path("<int:number>/revoke/", views.revoke, name="revoke"),
]
