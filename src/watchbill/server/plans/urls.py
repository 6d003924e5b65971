"""Routes of the plan."""

from django.urls import path

from watchbill.server.plans.views import decide, read, simulate, write

app_name = "plans"

urlpatterns = [
    path("", read.in_force, name="in_force"),
    path("source/", read.source_in_force, name="source_in_force"),
    path("versions/", read.versions, name="versions"),
    path("edit/", write.edit, name="edit"),
    path("start/", write.start, name="start"),
    path("simulate/", simulate.simulate, name="simulate"),
    path("<int:number>/", read.version, name="version"),
    path("<int:number>/source/", read.source, name="source"),
    path("<int:number>/diff/<int:other>/", read.diff, name="diff"),
    path("<int:number>/sign/", decide.sign, name="sign"),
    path("<int:number>/reject/", decide.reject, name="reject"),
    path("<int:number>/withdraw/", decide.withdraw, name="withdraw"),
]
