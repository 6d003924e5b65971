"""Changing the watch: overrides, absences, swaps, hand-overs."""

import re
from datetime import UTC, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from tests.server import site
from tests.server.watch import (
    KEY,
    OVERRIDE,
    SCHEDULE,
    blocks,
    local,
    stretch,
    take_over,
)
from watchbill.server.clock import VirtualClock
from watchbill.server.incidents.models import Incident
from watchbill.server.oncall import links
from watchbill.server.oncall.models import Absence, FeedToken, Override, Swap

# ── Overrides ─────────────────────────────────────────────────────────────────────


@pytest.mark.req("S4.4-09")
def test_an_override_is_shown_before_it_is_made(dana: Client) -> None:
    page = dana.post(OVERRIDE, take_over(step="preview"))
    effect = page.context["effect"]
    assert effect["instead"] == "Frontend Engineer"
    assert (effect["from"], effect["to"]) == ("Fri 20 Feb 10:00", "Sat 21 Feb 10:00")
    assert not Override.objects.exists()


@pytest.mark.req("S4.4-09")
def test_an_override_is_made_seen_and_undone(dana: Client) -> None:
    made = dana.post(OVERRIDE, take_over(step="create", reason="a wedding"))
    row = Override.objects.get()
    assert (row.contact_key, row.duty, row.made_by) == (
        "backend_engineer",
        "primary",
        "Dana",
    )
    assert (row.starts_at, row.ends_at) == (local(20), local(21))
    page = dana.get(made["Location"])
    assert page.context["made"]["number"] == row.pk
    assert any(block["source"] == "override" for block in blocks(page))
    dana.post(reverse("oncall:cancel_override", args=[row.pk]))
    row.refresh_from_db()
    assert row.cancelled_by == "Dana"
    assert not any(
        block["source"] == "override" for block in blocks(dana.get(made["Location"]))
    )


def test_a_responder_cannot_put_somebody_else_on_call(dana: Client) -> None:
    page = dana.post(OVERRIDE, take_over(step="create", contact="cto"))
    assert page.status_code == 422
    assert "ask them for a swap" in page.text
    assert not Override.objects.exists()


def test_who_manages_schedules_can_put_anybody_on_call(boss: Client) -> None:
    boss.post(OVERRIDE, take_over(step="create", contact="cto"))
    assert Override.objects.get().contact_key == "cto"


def test_a_responder_cannot_undo_what_is_somebody_elses(
    dana: Client, boss: Client
) -> None:
    boss.post(OVERRIDE, take_over(step="create", contact="cto"))
    row = Override.objects.get()
    dana.post(reverse("oncall:cancel_override", args=[row.pk]))
    row.refresh_from_db()
    assert row.cancelled_at is None


@pytest.mark.parametrize(
    "change",
    [
        {"contact": "nobody"},
        {"duty": "admiral"},
        {"ends_at_0": "2026-02-19"},
        {"starts_at_0": "", "starts_at_1": ""},
        {"starts_at_1": "25:00"},
        {"starts_at_0": "99999-01-01"},
        {"ends_at_0": "2199-02-19"},
        {"starts_at_0": "2026-02-30"},
        {"reason": "x" * 501},
        {"starts_at": "2026-02-20T10:00+01:00"},
    ],
)
def test_what_is_filled_in_wrongly_is_refused_with_words(
    boss: Client, change: dict[str, str]
) -> None:
    page = boss.post(OVERRIDE, take_over(step="create", **change))
    assert page.status_code == 422
    assert "errorlist" in page.text
    assert not Override.objects.exists()


def test_a_reason_is_shown_as_text_and_never_as_markup(boss: Client) -> None:
    reason = "<img src=x onerror=alert(1)>"
    boss.post(OVERRIDE, take_over(step="create", reason=reason))
    page = boss.get(f"{SCHEDULE}?day=2026-02-20").text
    assert "<img" not in page
    assert "&lt;img" in page


# ── My shifts, being away, swaps ──────────────────────────────────────────────────


def test_my_shifts_are_those_of_my_contact_with_their_real_ends(dana: Client) -> None:
    first, *_rest = dana.get("/on-call/mine/").context["shifts"]
    assert (first["starts_at"], first["ends_at"]) == (local(13), local(20))
    assert first["duty"] == "Primary"
    assert first["is_now"]


def test_what_is_left_of_the_shift_of_now_can_be_asked_for(
    dana: Client, virtual_clock: VirtualClock
) -> None:
    virtual_clock.move_to(local(14, 10).astimezone(UTC) + timedelta(minutes=50))
    (shift, *_later) = dana.get("/on-call/mine/").context["shifts"]
    assert shift["is_now"]
    form = dana.get(shift["swap_url"]).context["form"]
    assert form.initial["starts_at"] == "2026-02-14T11:30"
    given = SWAP | stretch(local(14, 11) + timedelta(minutes=30), local(15))
    page = dana.post("/on-call/swaps/new/", given | {"step": "preview"})
    assert page.context["effect"]["from"] == "Sat 14 Feb 11:30"


def test_whoever_is_nobody_in_the_plan_is_told_so(boss: Client) -> None:
    assert "You are not in the plan" in boss.get("/on-call/mine/").text


def test_an_absence_shows_who_stands_in_and_then_counts(dana: Client) -> None:
    away = {
        "contact": "backend_engineer",
        "kind": "leave",
        **stretch(local(16), local(18)),
    }
    page = dana.post("/on-call/absence/", away | {"step": "preview"})
    primary = page.context["touched"][0]
    assert primary["duty"] == "Primary"
    assert primary["who"] == "Frontend Engineer"
    assert not Absence.objects.exists()
    dana.post("/on-call/absence/", away | {"step": "create", "note": "home"})
    row = Absence.objects.get()
    assert (row.contact_key, row.note) == ("backend_engineer", "home")
    assert any(
        block["source"] == "stand_in"
        for block in blocks(dana.get(f"{SCHEDULE}?day=2026-02-16"))
    )
    dana.post(reverse("oncall:cancel_absence", args=[row.pk]))
    row.refresh_from_db()
    assert row.cancelled_at is not None


def test_why_somebody_is_away_is_not_for_their_colleagues(
    dana: Client, kyaw: Client, boss: Client
) -> None:
    away = {"contact": "backend_engineer", "kind": "sick", "note": "surgery"}
    times = stretch(local(16), local(18))
    dana.post("/on-call/absence/", away | times | {"step": "create"})
    address = "/on-call/people/backend_engineer/"

    assert "surgery" not in kyaw.get(address).text
    assert "surgery" in dana.get(address).text
    assert "surgery" in boss.get(address).text


def test_nobody_notes_the_absence_of_somebody_else(dana: Client) -> None:
    away = {"contact": "cto", "kind": "leave", **stretch(local(16), local(18))}
    page = dana.post("/on-call/absence/", away | {"step": "create"})
    assert page.status_code == 422
    assert not Absence.objects.exists()


SWAP = {
    "schedule": KEY,
    "duty": "primary",
    "asked_of": "frontend_engineer",
    "message": "my sister marries",
    **stretch(local(16), local(17)),
    "return_starts_at_0": "2026-02-21",
    "return_starts_at_1": "10:00",
    "return_ends_at_0": "2026-02-22",
    "return_ends_at_1": "10:00",
}


@pytest.mark.req("S4.4-09")
def test_a_part_of_a_shift_is_swapped_once_the_other_accepts(
    dana: Client, kyaw: Client
) -> None:
    dana.post("/on-call/swaps/new/", SWAP | {"step": "preview"})
    assert not Swap.objects.exists()
    dana.post("/on-call/swaps/new/", SWAP | {"step": "create"})
    swap = Swap.objects.get()
    assert not Override.objects.exists()
    (asked,) = kyaw.get("/on-call/swaps/").context["to_me"]
    assert asked["message"] == "my sister marries"
    kyaw.post(reverse("oncall:swap_answer", args=[swap.pk]), {"answer": "accept"})
    held = {row.contact_key: row.starts_at for row in Override.objects.all()}
    assert held == {"frontend_engineer": local(16), "backend_engineer": local(21)}
    (past,) = dana.get("/on-call/swaps/").context["past"]
    assert past["state"] == "accepted"


def test_a_swap_is_withdrawn_by_its_asker_alone(dana: Client, kyaw: Client) -> None:
    dana.post("/on-call/swaps/new/", SWAP | {"step": "create"})
    swap = Swap.objects.get()
    address = reverse("oncall:swap_answer", args=[swap.pk])
    kyaw.post(address, {"answer": "withdraw"})
    swap.refresh_from_db()
    assert swap.state == "asked"
    dana.post(address, {"answer": "withdraw"})
    swap.refresh_from_db()
    assert swap.state == "withdrawn"


def test_a_swap_that_would_be_refused_is_refused_when_it_is_shown(dana: Client) -> None:
    """Dana is primary until the 20th, and Kyaw from then on."""
    foreign = SWAP | stretch(local(21), local(22)) | {"step": "preview"}
    page = dana.post("/on-call/swaps/new/", foreign)
    assert page.status_code == 422
    assert "effect" not in page.context
    assert page.context["form"].non_field_errors()


def test_half_a_stretch_in_return_is_refused(dana: Client) -> None:
    half = SWAP | {"return_ends_at_0": "", "return_ends_at_1": ""}
    assert dana.post("/on-call/swaps/new/", half).status_code == 422


def test_the_link_of_a_swap_answers_without_signing_in(
    dana: Client, client: Client
) -> None:
    dana.post("/on-call/swaps/new/", SWAP | {"step": "create"})
    swap = Swap.objects.get()
    address = links.page_of(swap.pk, "frontend_engineer")
    page = client.get(address)
    assert page.status_code == 200
    assert page["Referrer-Policy"] == "no-referrer"
    assert Swap.objects.get().state == "asked"
    assert client.post(address, {"answer": "maybe"}).status_code == 422
    assert client.post(address, {"answer": "decline"}).status_code == 200
    assert Swap.objects.get().state == "declined"
    assert client.get(address).status_code == 404
    assert client.get("/on-call/swap/forged/").status_code == 404


def test_a_feed_is_shown_once_and_revoked(dana: Client) -> None:
    page = dana.post("/on-call/feeds/")
    secret = re.search(r"/on-call/feed/([^/]+)\.ics", page.text)
    assert secret is not None
    feed = FeedToken.objects.get()
    assert secret[1] not in dana.get("/on-call/mine/").text
    assert dana.get(f"/on-call/feed/{secret[1]}.ics").status_code == 200
    dana.post(reverse("oncall:feed_revoke", args=[feed.pk]))
    assert dana.get(f"/on-call/feed/{secret[1]}.ics").status_code == 404


@pytest.mark.req("S4.4-11")
def test_the_summary_begins_with_what_is_open_and_is_accepted(
    dana: Client, kyaw: Client, virtual_clock: VirtualClock
) -> None:
    virtual_clock.move_to(local(20, 8).astimezone(UTC))
    incident = site.declare("Payments fail", now=virtual_clock.now())
    address = reverse("incidents:handover", args=[KEY, "primary"])
    assert address in dana.get("/on-call/mine/").text
    form = dana.get(address).context["form"]
    assert f"#{incident.pk} P1 Payments fail" in form.initial["summary"]
    dana.post(address, {"summary": "Payments fail since noon."})
    (row,) = kyaw.get("/on-call/mine/").context["written"]
    assert row["summary"] == "Payments fail since noon."
    assert row["may_accept"]
    kyaw.post(reverse("oncall:accept_handover", args=[row["number"]]))
    (row,) = kyaw.get("/on-call/mine/").context["written"]
    assert row["accepted_at"] == virtual_clock.now()


@pytest.mark.req("S4.4-11")
def test_a_summary_begins_without_confidential_incidents_as_its_reader_may_not_see_them(
    dana: Client, virtual_clock: VirtualClock
) -> None:
    virtual_clock.move_to(local(20, 8).astimezone(UTC))
    incident = site.declare("Keys were stolen", now=virtual_clock.now())
    Incident.objects.filter(pk=incident.pk).update(is_confidential=True)
    site.declare("Payments fail", now=virtual_clock.now())

    page = dana.get(reverse("incidents:handover", args=[KEY, "primary"]))

    assert "Payments fail" in page.text
    assert "Keys were stolen" not in page.text


@pytest.mark.req("S4.4-12")
def test_an_incident_changes_hands_only_when_both_agree(
    dana: Client, kyaw: Client, virtual_clock: VirtualClock
) -> None:
    virtual_clock.move_to(local(20, 8).astimezone(UTC))
    incident = site.declare("Payments fail", now=virtual_clock.now())
    dana.post(reverse("incidents:act", args=[incident.pk, "acknowledge"]))
    address = reverse("incidents:handover", args=[KEY, "primary"])
    dana.post(address, {"summary": "One is open.", "offer": str(incident.pk)})
    (offer,) = kyaw.get("/on-call/offers/").context["offers"]
    incident.refresh_from_db()
    assert incident.holder == "backend_engineer"
    kyaw.post(
        reverse("incidents:answer_offer", args=[offer["number"]]), {"answer": "accept"}
    )
    incident.refresh_from_db()
    assert incident.holder == "frontend_engineer"
    assert kyaw.get("/on-call/offers/").context["offers"] == []


def test_a_hand_over_days_before_the_end_of_a_shift_is_not_written(
    dana: Client,
) -> None:
    page = dana.get(reverse("incidents:handover", args=[KEY, "primary"]))
    assert page.status_code == 404
    assert "You hand nothing over there now" in page.text
