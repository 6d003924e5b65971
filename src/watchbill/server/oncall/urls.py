"""Routes of on-call."""

from django.urls import path

from watchbill.server.oncall import views

app_name = "oncall"

urlpatterns = [
    path("", views.now, name="now"),
    path("contacts/", views.contact_card, name="contact_card"),
    path("contacts.txt", views.contact_card_text, name="contact_card_text"),
]
