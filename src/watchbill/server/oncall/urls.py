"""Routes of on-call."""

from django.urls import path

from watchbill.server.oncall.feeds import feed
from watchbill.server.oncall.views import (
    board,
    calendar,
    card,
    feeds,
    groups,
    joining,
    mine,
    overrides,
    people,
    person_edit,
    schedules,
    swaps,
)

app_name = "oncall"

urlpatterns = [
    path("", board.now, name="now"),
    path("new-schedule/", schedules.schedule_new, name="schedule_new"),
    path("schedules/<str:key>/", calendar.schedule, name="schedule"),
    path("schedules/<str:key>/override/", overrides.override, name="override"),
    path("schedules/<str:key>/edit/", schedules.schedule_edit, name="schedule_edit"),
    path(
        "overrides/<int:number>/cancel/",
        overrides.cancel_override,
        name="cancel_override",
    ),
    path("mine/", mine.mine, name="mine"),
    path("absence/", mine.absence, name="absence"),
    path("absence/<int:number>/cancel/", mine.cancel_absence, name="cancel_absence"),
    path(
        "handovers/<int:number>/accept/", mine.accept_handover, name="accept_handover"
    ),
    path("swaps/", swaps.swaps, name="swaps"),
    path("swaps/new/", swaps.swap_new, name="swap_new"),
    path("swaps/<int:number>/", swaps.swap_answer, name="swap_answer"),
    path("swap/<str:token>/", swaps.swap_signed, name="swap_signed"),
    path("feeds/", feeds.feed_new, name="feed_new"),
    path("feeds/<int:number>/revoke/", feeds.feed_revoke, name="feed_revoke"),
    path("feed/<str:secret>.ics", feed, name="feed"),
    path("people/", people.people, name="people"),
    path("new-person/", joining.person_new, name="person_new"),
    path("people/<str:key>/", people.person, name="person"),
    path("people/<str:key>/edit/", person_edit.person_edit, name="person_edit"),
    path("people/<str:key>/end/", joining.person_end, name="person_end"),
    path(
        "amendments/<int:number>/undo/",
        person_edit.undo_amendment,
        name="undo_amendment",
    ),
    path("teams/", groups.groups, name="groups"),
    path("teams/<str:name>/edit/", person_edit.group_edit, name="group_edit"),
    path("contacts/", card.contact_card, name="contact_card"),
    path("contacts.txt", card.contact_card_text, name="contact_card_text"),
    path("contacts.pdf", card.contact_card_document, name="contact_card_pdf"),
]
