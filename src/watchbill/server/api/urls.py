"""Routes of the API."""

from django.urls import path

from watchbill.server.api import oncall

app_name = "api"

urlpatterns = [
    path("oncall", oncall.oncall, name="oncall"),
    path("schedules", oncall.schedules, name="schedules"),
    path("schedules/<str:key>/shifts", oncall.shifts, name="shifts"),
    path("overrides", oncall.overrides, name="overrides"),
    path("overrides/<int:number>", oncall.override, name="override"),
    path("absences", oncall.absences, name="absences"),
    path("absences/<int:number>", oncall.absence, name="absence"),
    path("people", oncall.people, name="people"),
]
