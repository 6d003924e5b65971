"""The pages of the watch: the board, the calendar, the load."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from tests.server.watch import (
    KEY,
    OVERRIDE,
    SCHEDULE,
    blocks,
    local,
)
from watchbill.core.oncall import Duty
from watchbill.core.temporal import Interval
from watchbill.plan import bundled_text, load
from watchbill.server.clock import VirtualClock
from watchbill.server.oncall import actions
from watchbill.server.oncall.faces import initials
from watchbill.server.oncall.models import Override
from watchbill.server.plans import actions as plan_actions
from watchbill.server.plans import queries as plans

PAGES = [
    "/on-call/",
    SCHEDULE,
    f"{SCHEDULE}?view=month",
    f"{SCHEDULE}?view=fortnight&zone=Europe/London&first=0",
    OVERRIDE,
    f"{SCHEDULE}edit/",
    "/on-call/new-schedule/",
    "/on-call/new-person/",
    "/on-call/people/cto/end/",
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


@pytest.mark.parametrize("path", PAGES)
def test_a_page_of_the_watch_opens_and_weighs_little(owner: Client, path: str) -> None:
    page = owner.get(path)
    assert page.status_code == 200
    assert len(page.content) < 100_000
    # The policy forbids both, and a browser would drop them without a word.
    assert not re.search(rb"<[^>]+ (style|onclick)=|<script>|<style>", page.content)


def test_the_board_costs_no_query_a_schedule(
    owner: Client, django_assert_max_num_queries: Any
) -> None:
    # One of them is the line of the audit log: the page shows phone numbers.
    with django_assert_max_num_queries(19):
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
    assert before["face"].name == "DevOps Engineer"
    assert after["face"].name == "Backend Engineer"
    assert before["goes_back"]
    assert after["goes_on"]
    assert after["x"] == pytest.approx(100 * 10 / 168, abs=0.01)
    assert before["width"] + after["width"] == pytest.approx(100, abs=0.01)


def test_a_month_has_a_row_a_week_and_every_day_of_it(boss: Client) -> None:
    strips = boss.get(f"{SCHEDULE}?view=month").context["strips"]
    inside = [day for one in strips for day in one["days"] if not day["is_outside"]]
    assert len(inside) == 28
    assert all(len(one["days"]) == 7 for one in strips)


def test_another_zone_shows_the_same_instants_at_other_hours(boss: Client) -> None:
    (here,) = boss.get(SCHEDULE).context["strips"]
    (there,) = boss.get(f"{SCHEDULE}?zone=Europe/London").context["strips"]
    assert there["starts_at"] - here["starts_at"] == timedelta(hours=6, minutes=30)
    assert "10:00" in blocks(boss.get(SCHEDULE))[1]["title"]
    london = blocks(boss.get(f"{SCHEDULE}?zone=Europe/London"))
    assert "03:30" in london[-1]["title"]


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
