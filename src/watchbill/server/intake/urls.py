"""Routes of the integrations' pages; posts go to /intake/ and never come here."""

from django.urls import path

from watchbill.server.intake.views import adding, api, events, listing, mapping, one

app_name = "intake"

urlpatterns = [
    path("integrations/", listing.listing, name="list"),
    path("integrations/add/", adding.gallery, name="add"),
    path("integrations/add/<slug:kind>/", adding.new, name="new"),
    path("integrations/fold-again/", listing.fold_again, name="fold_again"),
    path("integrations/<int:number>/", one.detail, name="detail"),
    path("integrations/<int:number>/settings/", one.settings, name="settings"),
    path("integrations/<int:number>/keys/", one.add_key, name="add_key"),
    path(
        "integrations/<int:number>/keys/<int:key>/revoke/",
        one.revoke_key,
        name="revoke_key",
    ),
    path("integrations/<int:number>/rotate/", one.rotate, name="rotate"),
    path("integrations/<int:number>/revoke/", one.revoke, name="revoke"),
    path("integrations/<int:number>/test/", one.send_test, name="test"),
    path("integrations/<int:number>/mapping/", mapping.edit, name="mapping"),
    path(
        "integrations/<int:number>/mapping/preview/",
        mapping.preview,
        name="mapping_preview",
    ),
    path("integrations/<int:number>/events/<int:event>/", events.event, name="event"),
    path(
        "integrations/<int:number>/events/<int:event>/body/",
        events.body,
        name="event_body",
    ),
    path(
        "integrations/<int:number>/events/<int:event>/replay/",
        events.replay,
        name="replay",
    ),
    path("api/v1/alerts", api.alerts, name="api_alerts"),
    path("api/v1/openapi.json", api.document, name="api_document"),
]
