"""Routes of the delivery log, and of how people are told."""

from django.urls import path

from watchbill.server.notifications.views import log, methods, tests

app_name = "notifications"

urlpatterns = [
    path("", log.listing, name="list"),
    path("mine/", methods.mine, name="mine"),
    path("mine/add/", methods.add, name="add_method"),
    path("mine/<int:number>/remove/", methods.remove, name="remove_method"),
    path("mine/<int:number>/code/", methods.send_code, name="send_code"),
    path("mine/<int:number>/verify/", methods.verify, name="verify_method"),
    path("mine/rules/", methods.rules, name="rules"),
    path("mine/quiet/", methods.quiet, name="quiet"),
    path("mine/test/", tests.test_mine, name="test_mine"),
    path("worker.js", methods.worker, name="worker"),
    path("readiness/", tests.readiness_page, name="readiness"),
    path("readiness/<slug:key>/test/", tests.test_contact, name="test_contact"),
    path("confirm/<str:token>/", tests.confirm, name="confirm"),
]
