"""The pages of the watch: board, calendar, overrides, swaps, absences, people."""

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.urls import reverse

from tests.server import site
from watchbill.core.access import ConsoleRole
from watchbill.core.oncall import Duty
from watchbill.core.temporal import Interval
from watchbill.plan import bundled_text, load
from watchbill.server.accounts.models import User
from watchbill.server.clock import VirtualClock
from watchbill.server.incidents import handing
from watchbill.server.incidents.models import Incident
from watchbill.server.oncall import actions, links
from watchbill.server.oncall.faces import initials
from watchbill.server.oncall.models import Absence, FeedToken, Override, Swap
from watchbill.server.plans import actions as plan_actions
from watchbill.server.plans import queries as plans
from watchbill.server.plans.models import PlanVersion

YANGON = ZoneInfo("Asia/Yangon")
KEY = "primary-oncall"
SCHEDULE = f"/on-call/schedules/{KEY}/"
OVERRIDE = f"{SCHEDULE}override/"

PAGES = [
    "/on-call/",
    SCHEDULE,
    f"{SCHEDULE}?view=month",
    f"{SCHEDULE}?view=fortnight&zone=Europe/London&first=0",
    OVERRIDE,
    f"{SCHEDULE}edit/",
    "/on-call/mine/",
    "/on-call/swaps/",
    f"/on-call/swaps/new/?schedule={KEY}",
    "/on-call/absence/",
    "/on-call/offers/",
    "/on-call/people/",
    "/on-call/people/cto/",
    "/on-call/people/cto/edit/",
    "/on-call/teams/",
    "/on-call/teams/devops/edit/",
    "/on-call/load/",
    "/on-call/load/?span=ahead",
    "/on-call/load/export.csv",
    f"/on-call/load/fair/{KEY}/",
    "/on-call/contacts/",
    "/on-call/contacts.txt",
    "/deliveries/readiness/",
]


def local(day: int, hour: int = 10, *, month: int = 2) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=YANGON)


@pytest.fixture
def backend(trm_plan: PlanVersion, virtual_clock: VirtualClock) -> User:
    """A responder who is the backend engineer, primary from 13 to 20 February."""
    virtual_clock.move_to(local(14).astimezone(UTC))
    one = site.user(ConsoleRole.RESPONDER, now=virtual_clock.now(), name="Dana")
    one.contact_key = "backend_engineer"
    one.save(update_fields=["contact_key"])
    return one


@pytest.fixture
def dana(backend: User) -> Client:
    return site.signed_in(backend)


@pytest.fixture
def kyaw(backend: User, virtual_clock: VirtualClock) -> Client:
    one = site.user(ConsoleRole.RESPONDER, now=virtual_clock.now(), name="Kyaw")
    one.contact_key = "frontend_engineer"
    one.save(update_fields=["contact_key"])
    return site.signed_in(one)


@pytest.fixture
def boss(owner: Client, virtual_clock: VirtualClock) -> Client:
    """An owner, on the same day as the others."""
    virtual_clock.move_to(local(14).astimezone(UTC))
    return owner


def stretch(start: datetime, end: datetime) -> dict[str, str]:
    return {
        "starts_at_0": f"{start:%Y-%m-%d}",
        "starts_at_1": f"{start:%H:%M}",
        "ends_at_0": f"{end:%Y-%m-%d}",
        "ends_at_1": f"{end:%H:%M}",
    }


def take_over(**more: str) -> dict[str, str]:
    return {
        "contact": "backend_engineer",
        "duty": "primary",
        **stretch(local(20), local(21)),
        **more,
    }


@pytest.mark.parametrize("path", PAGES)
def test_a_page_of_the_watch_opens_and_weighs_little(owner: Client, path: str) -> None:
    page = owner.get(path)
    assert page.status_code == 200
    assert len(page.content) < 100_000
    # The policy forbids both, and a browser would drop them without a word.
    assert not re.search(rb"<[^>]+ (style|onclick)=|<script>|<style>", page.content)


def test_the_board_costs_no_query_a_schedule(
    owner: Client, django_assert_max_num_queries: object
) -> None:
    with django_assert_max_num_queries(18):  # type: ignore[operator]
        assert owner.get("/on-call/").status_code == 200


# ── The board ─────────────────────────────────────────────────────────────────────


@pytest.mark.req("S4.4-09")
def test_the_board_says_who_is_on_call_why_and_until_when(
    boss: Client, virtual_clock: VirtualClock
) -> None:
    actions.override(
        KEY,
        Duty.PRIMARY,
        "cto",
        Interval(starts_at=local(14), ends_at=local(15)),
        reason="",
        by="Owner",
        now=virtual_clock.now(),
    )
    (schedule,) = boss.get("/on-call/").context["schedules"]
    primary, secondary, _shadow = schedule["duties"]
    assert primary["now"]["face"].name == "CTO"
    assert primary["now"]["why"] == "override, instead of Backend Engineer"
    assert primary["now"]["ends_at"] == local(15)
    assert primary["next"]["face"].name == "Backend Engineer"
    assert secondary["now"]["face"].name == "DevOps Engineer"
    assert secondary["now"]["ends_at"] == local(20)


@pytest.mark.req("S4.4-08")
def test_the_board_warns_of_a_gap_in_the_coming_fourteen_days(
    boss: Client, virtual_clock: VirtualClock
) -> None:
    assert boss.get("/on-call/").context["warnings"] == []
    away = Interval(starts_at=local(17), ends_at=local(18))
    for key in ("devops", "backend", "frontend", "mobile"):
        actions.add_absence(
            f"{key}_engineer",
            away,
            kind="leave",
            note="",
            by="Owner",
            now=virtual_clock.now(),
        )
    (gap,) = boss.get("/on-call/").context["warnings"]
    assert gap["text"] == "DevOps on-call: nobody is primary"
    assert (gap["starts_at"], gap["ends_at"]) == (local(17), local(18))


def test_who_only_looks_is_offered_nothing_that_is_refused(
    stakeholder: Client,
) -> None:
    for path in ("/on-call/", SCHEDULE, "/on-call/people/", "/on-call/people/cto/"):
        found = set(re.findall(r'href="(/on-call/[^"?]*)', stakeholder.get(path).text))
        refused = [one for one in found if stakeholder.get(one).status_code == 403]
        assert refused == []


# ── The calendar ──────────────────────────────────────────────────────────────────


def blocks(page: object, lane: int = 0) -> list[dict[str, object]]:
    strips = page.context["strips"]  # type: ignore[attr-defined]
    return [block for strip in strips for block in strip["lanes"][lane]["blocks"]]


def test_a_week_begins_on_the_day_of_the_hand_over(boss: Client) -> None:
    (strip,) = boss.get(SCHEDULE).context["strips"]
    assert strip["days"][0]["weekday"] == "Fri"
    assert strip["starts_at"] == local(13, 0)
    assert [day["is_today"] for day in strip["days"]].index(True) == 1


def test_a_week_begins_on_monday_when_the_reader_wants_it_so(boss: Client) -> None:
    (strip,) = boss.get(f"{SCHEDULE}?first=0").context["strips"]
    assert strip["days"][0]["weekday"] == "Mon"


def test_the_blocks_of_a_week_lie_where_the_hand_over_is(boss: Client) -> None:
    before, after = blocks(boss.get(SCHEDULE))
    assert before["face"].name == "DevOps Engineer"  # type: ignore[attr-defined]
    assert after["face"].name == "Backend Engineer"  # type: ignore[attr-defined]
    assert before["goes_back"]
    assert after["goes_on"]
    assert after["x"] == pytest.approx(100 * 10 / 168, abs=0.01)
    assert before["width"] + after["width"] == pytest.approx(100, abs=0.01)  # type: ignore[operator]


def test_a_month_has_a_row_a_week_and_every_day_of_it(boss: Client) -> None:
    strips = boss.get(f"{SCHEDULE}?view=month").context["strips"]
    inside = [day for one in strips for day in one["days"] if not day["is_outside"]]
    assert len(inside) == 28
    assert all(len(one["days"]) == 7 for one in strips)


def test_another_zone_shows_the_same_instants_at_other_hours(boss: Client) -> None:
    (here,) = boss.get(SCHEDULE).context["strips"]
    (there,) = boss.get(f"{SCHEDULE}?zone=Europe/London").context["strips"]
    assert there["starts_at"] - here["starts_at"] == timedelta(hours=6, minutes=30)
    assert "10:00" in blocks(boss.get(SCHEDULE))[1]["title"]  # type: ignore[operator]
    london = blocks(boss.get(f"{SCHEDULE}?zone=Europe/London"))
    assert "03:30" in london[-1]["title"]  # type: ignore[operator]


@pytest.mark.parametrize(
    "query",
    [
        "day=9999-99-99",
        "day=9999-12-31",
        "day=0001-01-01",
        "day=%F0%9F%92%A5",
        "view=century",
        "first=9",
        "first=%C2%B2",
        "first=" + "1" * 5000,
        "zone=../../etc/passwd",
        "zone=/etc/localtime",
        "zone=" + "x" * 500,
        "made=99999999999",
        "made=1' OR '1'='1",
        "view=<script>alert(1)</script>",
    ],
)
def test_a_strange_address_shows_this_week(boss: Client, query: str) -> None:
    page = boss.get(f"{SCHEDULE}?{query}")
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert page.context["frame"]["view"] == "week"


def test_a_schedule_that_the_plan_does_not_have_is_not_found(owner: Client) -> None:
    assert owner.get("/on-call/schedules/nothing/").status_code == 404
    assert owner.get("/on-call/people/nobody/").status_code == 404


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


def test_whoever_is_nobody_in_the_plan_is_told_so(boss: Client) -> None:
    assert "You are nobody in the plan" in boss.get("/on-call/mine/").text


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
    assert handing.holder_of(incident.pk) == "backend_engineer"
    kyaw.post(
        reverse("incidents:answer_offer", args=[offer["number"]]), {"answer": "accept"}
    )
    assert handing.holder_of(incident.pk) == "frontend_engineer"
    assert kyaw.get("/on-call/offers/").context["offers"] == []


def test_a_hand_over_days_before_the_end_of_a_shift_is_not_written(
    dana: Client,
) -> None:
    page = dana.get(reverse("incidents:handover", args=[KEY, "primary"]))
    assert page.status_code == 404
    assert "You hand nothing over there now" in page.text


# ── People ────────────────────────────────────────────────────────────────────────


@pytest.mark.req("S2.1-16")
def test_numbers_are_masked_for_stakeholders_on_every_page(
    stakeholder: Client, owner: Client, virtual_clock: VirtualClock
) -> None:
    with_numbers(virtual_clock)
    for path in ("/on-call/", "/on-call/people/", "/on-call/people/cto/"):
        assert "987654321" not in stakeholder.get(path).text
        assert "987654321" in owner.get(path).text


def with_numbers(clock: VirtualClock) -> None:
    text = bundled_text("trm").replace("+95-xxx-xxx-xxxx", "+95987654321")
    plan_actions.put_in_force(load(text, name="numbers"), now=clock.now())
    plans.forget()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("q=mongodb", ["Database Administrator"]),
        ("level=L4&q=product", ["Product Manager"]),
        ("team=devops&q=mobile", ["Mobile Engineer"]),
        ("q=%25", []),
        ("level=L9", []),
    ],
)
def test_people_are_found_by_name_level_and_team(
    owner: Client, query: str, expected: list[str]
) -> None:
    page = owner.get(f"/on-call/people/?{query}")
    assert [one["name"] for one in page.context["people"]] == expected


@pytest.mark.req("S2.1-14")
def test_what_is_not_filled_in_is_marked(owner: Client) -> None:
    row = next(
        one
        for one in owner.get("/on-call/people/").context["people"]
        if one["key"] == "operations_manager"
    )
    assert row["missing"] == ["name", "phone", "e-mail"]


def edit(client: Client, key: str, **values: str) -> object:
    address = f"/on-call/people/{key}/edit/"
    page = client.get(address)
    data = {
        "based_on": page.context["based_on"],
        "email": f"{key}@trm.rocks",
        "expertise": "ui-ux",
    } | values
    return client.post(address, data)


@pytest.mark.req("S2.1-13")
def test_a_number_typed_as_at_home_is_kept_in_e164_and_amends_the_plan(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    before = plans.in_force(now=virtual_clock.now())
    values = {"name": "ဒေါ်ခင်", "phone": "09 250 000 123"}
    page = edit(owner, "frontend_engineer", step="preview", **values)
    shown = {one["name"]: one["new"] for one in page.context["changes"]}  # type: ignore[attr-defined]
    assert shown["phone"] == "+959250000123"
    assert plans.in_force(now=virtual_clock.now()).pk == before.pk
    edit(owner, "frontend_engineer", step="save", **values)
    version = plans.in_force(now=virtual_clock.now())
    contact = plans.plan_of(version.pk).directory.contact("frontend_engineer")
    assert version.label == "1.0+1"
    assert contact is not None
    assert (contact.name, contact.phone) == ("ဒေါ်ခင်", "+959250000123")
    # Everything that was not changed reads as before.
    assert "# Level 1. They share one mailbox" in plans.get(version.pk).text


def test_a_number_that_is_none_is_refused_beside_its_field(owner: Client) -> None:
    page = edit(owner, "frontend_engineer", step="save", phone="twelve")
    assert page.status_code == 422  # type: ignore[attr-defined]
    assert "not a phone number" in page.text  # type: ignore[attr-defined]


def test_two_who_edit_at_once_do_not_undo_each_other(owner: Client) -> None:
    address = "/on-call/people/frontend_engineer/edit/"
    seen = owner.get(address).context["based_on"]
    edit(owner, "frontend_engineer", step="save", name="Su Su")
    page = owner.post(
        address, {"based_on": seen, "name": "Ko Ko", "step": "save", "email": ""}
    )
    assert page.status_code == 422
    assert "was changed since you opened" in page.text


def test_a_team_is_changed_in_the_plan(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    address = "/on-call/teams/devops/edit/"
    page = owner.get(address)
    members = [one["key"] for one in page.context["rows"] if one["is_in"]]
    before = plans.plan_of(page.context["based_on"]).directory.holders("devops")
    data = {
        "based_on": page.context["based_on"],
        "member": [*members, "cto"],
        "step": "save",
    }
    assert owner.post(address, data).status_code == 302
    plan = plans.plan_of(plans.in_force(now=virtual_clock.now()).pk)
    # Who was there keeps the place in which a ladder calls them.
    now_in = [one.key for one in plan.directory.holders("devops")]
    assert now_in == [*(one.key for one in before), "cto"]


def rota(client: Client, *members: str, **values: str) -> dict[str, str]:
    page = client.get(f"{SCHEDULE}edit/")
    return {
        "based_on": str(page.context["based_on"]),
        "title": "DevOps on-call",
        "unit": "week",
        "every": "1",
        "first_day": "2026-02-06",
        "handover": "10:00",
        "secondary": "previous",
        "shadow": "next",
        **{f"member-{n}": one for n, one in enumerate(members, 1)},
        **{f"order-{n}": str(n) for n in range(1, len(members) + 1)},
        **values,
    }


@pytest.mark.req("S4.4-04")
def test_the_editor_of_a_schedule_shows_eight_shifts_and_then_amends_the_plan(
    boss: Client, virtual_clock: VirtualClock
) -> None:
    two = ("mobile_engineer", "devops_engineer")
    page = boss.post(f"{SCHEDULE}edit/", rota(boss, *two, step="preview"))
    names = [one["face"].name for one in page.context["shifts"]]
    assert len(names) == 8
    assert set(names) == {"Mobile Engineer", "DevOps Engineer"}
    saved = boss.post(
        f"{SCHEDULE}edit/", rota(boss, *two, step="save", handover="09:30", every="2")
    )
    assert saved.status_code == 302
    plan = plans.plan_of(plans.in_force(now=virtual_clock.now()).pk)
    layer = plan.schedules[KEY].layers[0]
    assert layer.members == two
    assert layer.rhythm.every == 2
    assert layer.rhythm.first_day == date(2026, 2, 6)
    assert f"{layer.rhythm.handover:%H:%M}" == "09:30"


def test_members_are_moved_without_a_script(boss: Client) -> None:
    data = rota(boss, "cto", "ceo", "mobile_engineer", step="up-3")
    page = boss.post(f"{SCHEDULE}edit/", data)
    assert page.context["form"].members == ["cto", "mobile_engineer", "ceo"]


@pytest.mark.parametrize(
    "change",
    [
        {"member-1": "nobody"},
        {"member-1": "", "member-2": ""},
        {"every": "0"},
        {"handover": "26:00"},
        {"first_day": "0001-01-01"},
        {"unit": "century"},
        {"step": "save", "title": ""},
    ],
)
def test_a_schedule_that_cannot_be_is_refused(
    boss: Client, change: dict[str, str], virtual_clock: VirtualClock
) -> None:
    before = plans.in_force(now=virtual_clock.now()).pk
    data = rota(boss, "cto", "ceo", step="save") | change
    assert boss.post(f"{SCHEDULE}edit/", data).status_code == 422
    assert plans.in_force(now=virtual_clock.now()).pk == before


# ── Load ──────────────────────────────────────────────────────────────────────────


@pytest.mark.req("S4.4-13")
def test_the_load_counts_hours_and_warns_above_a_quarter(boss: Client) -> None:
    page = boss.get("/on-call/load/?span=ahead")
    rows = {one["key"]: one for one in page.context["rows"]}
    assert rows["backend_engineer"]["hours"] > 0
    assert rows["backend_engineer"]["share"] > 25
    assert any("is too much" in text for text in rows["backend_engineer"]["warnings"])


def test_a_name_is_no_formula_in_a_spreadsheet(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    text = bundled_text("trm").replace(
        'expertise: [infrastructure],\n     name: "[Name]"',
        "expertise: [infrastructure],\n     name: '=cmd|calc!A1'",
    )
    plan_actions.put_in_force(load(text, name="formula"), now=virtual_clock.now())
    plans.forget()
    table = owner.get("/on-call/load/export.csv?span=ahead").text
    assert "'=cmd|calc!A1" in table
    assert ",=cmd" not in table


def test_a_fair_proposal_becomes_overrides(boss: Client) -> None:
    address = f"/on-call/load/fair/{KEY}/"
    page = boss.get(address)
    differing = page.context["differing"]
    made = boss.post(address)
    assert made.status_code in {302, 422}
    if made.status_code == 302:
        assert Override.objects.count() == differing


# ── Faces ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Ma Thida", "MT"),
        ("DevOps Engineer", "DE"),
        ("ကိုမင်းထက်", "ကို"),
        ("ဒေါ်ခင်", "ဒေါ်"),
        ("cto", "C"),
        ("  ", "?"),
        ("(?) Bo", "B"),
        ("Élodie de la Tour", "ÉD"),
    ],
)
def test_initials_are_letters_of_a_name_in_any_script(name: str, expected: str) -> None:
    assert initials(name) == expected
