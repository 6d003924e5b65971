"""Routes of incidents."""

from django.urls import path, re_path

from watchbill.server.incidents import handover_views, views

app_name = "incidents"

urlpatterns = [
    path("incidents/", views.listing, name="list"),
    path("incidents/new/", views.new, name="new"),
    path("incidents/<int:number>/", views.detail, name="detail"),
    path("incidents/<int:number>/escalate/", views.escalate, name="escalate"),
    path("incidents/<int:number>/severity/", views.severity, name="severity"),
    path("incidents/<int:number>/role/<slug:role>/", views.role, name="role"),
    path("incidents/<int:number>/note/", views.note, name="note"),
    re_path(
        r"^incidents/(?P<number>[0-9]{1,15})"
        r"/(?P<action>acknowledge|mitigate|resolve|close)/$",
        views.act,
        name="act",
    ),
    # They lie among the pages of the watch, whose room knows nothing of incidents.
    path(
        "on-call/handover/<str:key>/<str:duty>/",
        handover_views.handover,
        name="handover",
    ),
    path("on-call/offers/", handover_views.offers, name="offers"),
    path(
        "on-call/offers/<int:number>/", handover_views.answer_offer, name="answer_offer"
    ),
    # Lies among the pages of the plan, whose room knows nothing of incidents.
    path("plan/reality/", views.reality, name="reality"),
    path("n/<str:token>/", views.signed_link, name="signed"),
]
