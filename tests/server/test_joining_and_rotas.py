"""The forms that add people, end their service, and make or change schedules."""

import re
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from tests.server import site
from watchbill.core.access import ConsoleRole
from watchbill.core.layers import Layer
from watchbill.core.oncall import Duty, Follow, Schedule
from watchbill.core.planapproval import VersionState
from watchbill.core.recurrence import Unit
from watchbill.core.temporal import Interval
from watchbill.plan import Plan
from watchbill.server.clock import VirtualClock
from watchbill.server.oncall import actions
from watchbill.server.plans import drafts
from watchbill.server.plans import queries as plans
from watchbill.server.plans.models import PlanVersion

YANGON = ZoneInfo("Asia/Yangon")
KEY = "primary-oncall"
EDIT = f"/on-call/schedules/{KEY}/edit/"
NEW = "/on-call/new-schedule/"
JOIN = "/on-call/new-person/"


@pytest.fixture
def boss(owner: Client, trm_plan: PlanVersion, virtual_clock: VirtualClock) -> Client:
    """An owner, in the second week of the rotation."""
    virtual_clock.move_to(datetime(2026, 2, 14, 10, tzinfo=YANGON).astimezone(UTC))
    return owner


def running(clock: VirtualClock) -> PlanVersion:
    return plans.get(plans.in_force(now=clock.now()).pk)


def plan_now(clock: VirtualClock) -> Plan:
    return plans.plan_of(plans.in_force(now=clock.now()).pk)


def layer(number: int, *members: str, **values: Any) -> dict[str, Any]:
    """Return what the card of a layer sends."""
    said = {
        "key": "main",
        "was": "",
        "duty": "primary",
        "every": "1",
        "unit": "week",
        "weekdays": ["4"],
        "handover": "10:00",
        "first_day": "2026-02-06",
        "hours": "",
        "days": [],
        "from_": "",
        "to": "",
        "zone": "",
        "until": "",
        **{f"member-{n}": one for n, one in enumerate(members, 1)},
        **{f"order-{n}": str(n) for n in range(1, len(members) + 1)},
        **values,
    }
    return {f"layer-{number}-{name}": value for name, value in said.items()}


def sheet(client: Client, *layers: dict[str, Any], **values: Any) -> dict[str, Any]:
    """Return what the editor of a schedule sends."""
    numbers = [next(iter(one)).split("-")[1] for one in layers]
    sent: dict[str, Any] = {
        "based_on": str(client.get(NEW).context["based_on"]),
        "title": "DevOps on-call",
        "zone": "Asia/Yangon",
        "specialty": "",
        "secondary": "previous",
        "shadow": "next",
        "layer": numbers,
        "step": "save",
    }
    for one in layers:
        sent |= one
    return sent | values


def as_sent(page: Any) -> dict[str, Any]:
    """Return what a browser would send of the page as it stands."""
    found: dict[str, Any] = {"based_on": str(page.context["based_on"]), "layer": []}
    form = page.context["form"]
    found |= {name: _text(form[name].value()) for name in form.fields}
    for card in page.context["layers"]:
        one, number = card["form"], card["number"]
        found["layer"].append(str(number))
        values = {name: _text(one[name].value()) for name in one.fields}
        slots = {f"member-{one['number']}": one["key"] for one in one.slots}
        order = {f"order-{n}": str(n) for n in range(1, len(slots) + 1)}
        found |= {
            f"layer-{number}-{name}": value
            for name, value in (values | slots | order).items()
        }
    return found


def _text(value: Any) -> Any:
    if isinstance(value, list):
        return value
    if isinstance(value, time):
        return f"{value:%H:%M}"
    return "" if value is None else str(value)


def the_schedule(clock: VirtualClock, key: str = KEY) -> Schedule:
    return plan_now(clock).schedules[key]


# ── A schedule as it is ───────────────────────────────────────────────────────────


def test_a_schedule_sent_as_it_was_shown_changes_nothing(
    boss: Client, virtual_clock: VirtualClock
) -> None:
    before = running(virtual_clock).pk
    page = boss.get(EDIT)
    answer = boss.post(EDIT, as_sent(page) | {"step": "save"})
    assert answer.status_code == 302
    assert running(virtual_clock).pk == before


@pytest.mark.req("S4.4-04")
def test_the_coming_four_weeks_are_shown_before_anything_is_saved(
    boss: Client, virtual_clock: VirtualClock
) -> None:
    two = layer(1, "mobile_engineer", "devops_engineer", was="main")
    page = boss.post(EDIT, sheet(boss, two, step="preview"))
    assert page.status_code == 200
    assert len(page.context["strips"]) == 4
    names = {one["face"].name for one in page.context["shifts"]}
    assert names == {"Mobile Engineer", "DevOps Engineer"}
    added = [row for row in page.context["rows"] if row.kind != "same"]
    assert any("members" in str(row.new) for row in added)
    assert running(virtual_clock).label == "1.0"


@pytest.mark.req("S4.4-04", "S2.1-16")
def test_what_is_saved_is_in_force_at_once_and_is_undone_by_one_button(
    boss: Client, virtual_clock: VirtualClock
) -> None:
    two = layer(
        1, "mobile_engineer", "devops_engineer", was="main", handover="09:30", every="2"
    )
    saved = boss.post(EDIT, sheet(boss, two, reason="Two for now."))
    amended = running(virtual_clock)
    assert amended.label == "1.0+1"
    assert saved["Location"].endswith(f"?amended={amended.pk}")
    (found,) = the_schedule(virtual_clock).layers
    assert found.members == ("mobile_engineer", "devops_engineer")
    assert (found.rhythm.every, found.rhythm.handover) == (2, time(9, 30))
    # The words that were chosen stay.
    assert "first_week: 2026-02-06" in amended.text

    shown = boss.get(saved["Location"]).text
    assert "Saved: plan 1.0+1 is in force." in shown
    undone = boss.post(f"/on-call/amendments/{amended.pk}/undo/")
    assert undone.status_code == 302
    again = running(virtual_clock)
    assert again.label == "1.0+2"
    assert len(the_schedule(virtual_clock).layers[0].members) == 4
    assert again.text.replace("1.0+2", "1.0") == amended.based_on.text  # type: ignore[union-attr]


def test_what_is_no_longer_the_last_change_is_not_undone(
    boss: Client, virtual_clock: VirtualClock
) -> None:
    first = running(virtual_clock).pk
    two = layer(1, "cto", "ceo", was="main")
    boss.post(EDIT, sheet(boss, two))
    amended = running(virtual_clock).pk
    boss.post(EDIT, sheet(boss, two, title="Another title"))
    last = running(virtual_clock).pk
    for number in (first, amended, 999_999):
        boss.post(f"/on-call/amendments/{number}/undo/")
        assert running(virtual_clock).pk == last


@pytest.mark.req("S4.4-03", "S4.4-04")
def test_a_night_layer_with_hours_and_a_secondary_of_its_own_is_added(
    boss: Client, virtual_clock: VirtualClock
) -> None:
    main = layer(1, "devops_engineer", "backend_engineer", was="main")
    night = layer(
        2,
        "mobile_engineer",
        "cto",
        key="nights",
        unit="day",
        first_day="2026-02-07",
        handover="20:00",
        hours="own",
        days=["0", "1", "2", "3", "4"],
        from_="20:00",
        to="08:00",
        zone="Asia/Tokyo",
        until="2026-12-31",
    )
    second = layer(
        3, "frontend_engineer", key="backup", duty="secondary", weekdays=["0", "3"]
    )
    answer = boss.post(EDIT, sheet(boss, main, night, second, shadow="none"))
    assert answer.status_code == 302
    found = the_schedule(virtual_clock)
    low, high = found.layers
    assert (low.key, low.members) == ("main", ("devops_engineer", "backend_engineer"))
    assert low.rhythm.first_day == date(2026, 2, 6)
    assert high.key == "nights"
    assert high.rhythm.unit is Unit.DAY
    assert high.rhythm.zone.key == "Asia/Tokyo"
    assert high.last_day == date(2026, 12, 31)
    (hours,) = high.hours
    assert (hours.days, hours.starts, hours.ends) == (
        frozenset(range(5)),
        time(20),
        time(8),
    )
    assert isinstance(found.secondary, tuple)
    (backup,) = found.secondary
    assert isinstance(backup, Layer)
    assert backup.rhythm.weekdays == {0, 3}
    assert found.shadow is None
    # And back: shown as it is, one layer taken out, the rest as it was.
    page = boss.get(EDIT)
    sent = as_sent(page)
    assert boss.post(EDIT, sent | {"step": "save"}).status_code == 302
    assert running(virtual_clock).label == "1.0+1"
    fewer = [one for one in sent["layer"] if one != "3"]
    boss.post(EDIT, sent | {"layer": fewer, "step": "save", "secondary": "next"})
    assert the_schedule(virtual_clock).secondary == Follow(offset=1)
    assert the_schedule(virtual_clock).layers == found.layers


@pytest.mark.req("S4.4-03")
def test_the_order_of_layers_is_their_order_in_the_plan(
    boss: Client, virtual_clock: VirtualClock
) -> None:
    main = layer(1, "devops_engineer", "mobile_engineer", was="main")
    second = layer(2, "cto", "product_manager", key="second")
    third = layer(3, "ceo", "engineering_manager", key="third")
    boss.post(EDIT, sheet(boss, main, second, third))
    sent = as_sent(boss.get(EDIT))
    page = boss.post(EDIT, sent | {"step": "layer-up-3"})
    assert [one["number"] for one in page.context["layers"]] == [1, 3, 2]
    assert boss.post(EDIT, as_sent(page) | {"step": "save"}).status_code == 302
    found = the_schedule(virtual_clock)
    assert [one.key for one in found.layers] == ["main", "third", "second"]
    assert [one.members for one in found.layers] == [
        ("devops_engineer", "mobile_engineer"),
        ("ceo", "engineering_manager"),
        ("cto", "product_manager"),
    ]


def test_what_the_secondary_took_over_from_the_schedule_stays_when_that_changes(
    boss: Client, virtual_clock: VirtualClock
) -> None:
    main = layer(1, "devops_engineer", was="main")
    second = layer(2, "cto", key="main", duty="secondary")
    boss.post(EDIT, sheet(boss, main, second))
    sent = as_sent(boss.get(EDIT)) | {"layer-1-handover": "07:00", "step": "save"}
    assert boss.post(EDIT, sent).status_code == 302
    found = the_schedule(virtual_clock)
    assert found.layers[0].rhythm.handover == time(7)
    assert found.layers_of(Duty.SECONDARY)[0].rhythm.handover == time(10)


# ── Buttons that need no script ───────────────────────────────────────────────────


def test_people_and_layers_are_moved_by_buttons_and_nothing_typed_is_lost(
    boss: Client, virtual_clock: VirtualClock
) -> None:
    three = layer(1, "cto", "ceo", "mobile_engineer", handover="half past nine")
    page = boss.post(EDIT, sheet(boss, three, step="up-1-3", title=""))
    (card,) = page.context["layers"]
    assert card["form"].members == ["cto", "mobile_engineer", "ceo"]
    assert 'value="half past nine"' in page.text
    assert "errorlist" not in page.text
    more = boss.post(EDIT, as_sent(page) | {"step": "layer-add"})
    assert [one["form"]["key"].value() for one in more.context["layers"]] == [
        "main",
        "layer-2",
    ]
    fewer = boss.post(EDIT, as_sent(more) | {"step": "layer-out-1"})
    (left,) = fewer.context["layers"]
    assert left["form"]["key"].value() == "layer-2"
    assert running(virtual_clock).label == "1.0"


@pytest.mark.parametrize(
    "step",
    ["", "up", "up-1", "up-9-9", "out-1-0", "layer-up-99", "layer--1", "x" * 5000,
     "up-1-\u0663", "layer-down-1-1-1", "<script>"],
)  # fmt: skip
def test_a_button_that_no_page_has_does_nothing(boss: Client, step: str) -> None:
    page = boss.post(EDIT, sheet(boss, layer(1, "cto", "ceo"), step=step))
    assert page.status_code == 200
    (card,) = page.context["layers"]
    assert card["form"].members == ["cto", "ceo"]


def test_more_layers_than_a_form_adds_are_kept_and_none_is_added(
    boss: Client,
) -> None:
    many = [layer(n, "cto", key=f"l{n}") for n in range(1, 30)]
    page = boss.post(EDIT, sheet(boss, *many, step="layer-add"))
    assert len(page.context["layers"]) == 29


@pytest.mark.req("S4.4-04")
def test_what_was_changed_after_the_preview_is_shown_before_it_is_saved(
    boss: Client, virtual_clock: VirtualClock
) -> None:
    shown = boss.post(EDIT, sheet(boss, layer(1, "cto", "ceo"), step="preview"))
    seen = shown.context["seen"]
    other = sheet(boss, layer(1, "ceo", "cto"), seen=seen)

    again = boss.post(EDIT, other)
    assert again.status_code == 200
    assert running(virtual_clock).label == "1.0"

    assert boss.post(EDIT, other | {"seen": again.context["seen"]}).status_code == 302
    assert the_schedule(virtual_clock).layers[0].members == ("ceo", "cto")


def test_a_button_pressed_on_a_form_of_yesterday_makes_it_none_of_today(
    boss: Client, virtual_clock: VirtualClock
) -> None:
    began = sheet(boss, layer(1, "cto", "ceo"))
    assert boss.post(EDIT, sheet(boss, layer(1, "ceo", "cto"))).status_code == 302
    pressed = boss.post(EDIT, began | {"step": "layer-add"})

    assert str(pressed.context["based_on"]) == began["based_on"]
    assert boss.post(EDIT, began).status_code == 422
    assert the_schedule(virtual_clock).layers[0].members == ("ceo", "cto")


# ── What is refused ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "change",
    [
        {"layer-1-member-1": "nobody"},
        {"layer-1-member-1": "", "layer-1-member-2": ""},
        {"layer-1-every": "0"},
        {"layer-1-handover": "26:00"},
        {"layer-1-first_day": "0001-01-01"},
        {"layer-1-until": "9999-12-31"},
        {"layer-1-unit": "century"},
        {"layer-1-weekdays": ["7"]},
        {"layer-1-hours": "own"},
        {"layer-1-hours": "no such shift"},
        {"layer-1-zone": "Mars/Olympus"},
        {"layer-1-key": "a b: {c}"},
        {"layer-1-duty": "king"},
        {"layer-1-duty": "shadow"},
        {"zone": "../../etc/passwd"},
        {"zone": ""},
        {"title": ""},
        {"title": "x" * 5000},
        {"specialty": "alchemy"},
        {"secondary": "own"},
        {"layer": []},
        {"layer": ["1", "1", "-1", "\u0661", "x"], "title": ""},
    ],
)
def test_a_schedule_that_cannot_be_is_refused_and_shown_again(
    boss: Client, change: dict[str, Any], virtual_clock: VirtualClock
) -> None:
    data = sheet(boss, layer(1, "cto", "ceo", was="main")) | change
    page = boss.post(EDIT, data)
    assert page.status_code == 422
    assert "Nothing was saved" in page.text
    assert running(virtual_clock).label == "1.0"


@pytest.mark.parametrize(
    "title",
    ["<img src=x onerror=alert(1)>", "{% include x %}", "a: b # c", "'\"\\", "- [x, {",
     "တာဝန်ကျ", "!!python/object:os.system", "&a *a", "null"],
)  # fmt: skip
def test_a_title_is_text_whatever_it_looks_like(
    boss: Client, title: str, virtual_clock: VirtualClock
) -> None:
    data = sheet(boss, layer(1, "cto", "ceo", was="main"), title=title)
    assert boss.post(EDIT, data).status_code == 302
    assert the_schedule(virtual_clock).title == title
    assert "<img" not in boss.get(EDIT).text


def test_two_layers_of_one_name_are_refused_beside_the_field(boss: Client) -> None:
    page = boss.post(EDIT, sheet(boss, layer(1, "cto"), layer(2, "ceo")))
    assert page.status_code == 422
    errors = [card["form"].errors for card in page.context["layers"]]
    assert "key" in errors[1]
    assert not errors[0]


def test_whoever_began_before_another_change_is_told_and_keeps_what_was_typed(
    boss: Client, virtual_clock: VirtualClock
) -> None:
    stale = sheet(boss, layer(1, "cto", "ceo", was="main"), title="Mine")
    boss.post(EDIT, stale | {"title": "Theirs"})
    page = boss.post(EDIT, stale)
    assert page.status_code == 422
    assert "was changed since you opened this page" in page.text
    assert 'value="Mine"' in page.text
    assert the_schedule(virtual_clock).title == "Theirs"


# ── A new schedule ────────────────────────────────────────────────────────────────


@pytest.mark.req("S4.4-03")
def test_a_new_schedule_is_previewed_saved_and_undone(
    boss: Client, virtual_clock: VirtualClock
) -> None:
    begin = boss.get(NEW)
    (card,) = begin.context["layers"]
    assert card["form"]["first_day"].value() == date(2026, 2, 16)
    one = layer(1, "payment_specialist", "cto", first_day="2026-02-16", weekdays=["0"])
    data = sheet(boss, one, title="Payments (nights)", specialty="payment", key="")
    shown = boss.post(NEW, data | {"step": "preview"})
    assert len(shown.context["strips"]) == 4
    assert any("Payments" in one.message for one in shown.context["warnings"])
    assert boss.post(NEW, data).status_code == 302
    found = the_schedule(virtual_clock, "payments-nights")
    assert found.specialty == "payment"
    assert found.layers[0].members == ("payment_specialist", "cto")
    assert found.secondary == Follow(offset=-1)
    taken = boss.post(NEW, sheet(boss, one, title="Other", key="payments-nights"))
    assert taken.status_code == 422
    assert "key" in taken.context["form"].errors
    boss.post(f"/on-call/amendments/{running(virtual_clock).pk}/undo/")
    assert list(plan_now(virtual_clock).schedules) == [KEY]


@pytest.mark.parametrize("key", ["a b", "x: y", "../x", "ü", "-x", "x" * 65])
def test_a_key_that_no_plan_can_have_is_refused(boss: Client, key: str) -> None:
    page = boss.post(NEW, sheet(boss, layer(1, "cto"), key=key))
    assert page.status_code == 422
    assert "key" in page.context["form"].errors


# ── Somebody joins ────────────────────────────────────────────────────────────────


def joiner(client: Client, **values: Any) -> dict[str, Any]:
    page = client.get(JOIN)
    return {
        "title": "Site Reliability Engineer",
        "name": "Daw Khin",
        "level": "L2",
        "phone": "09 250 000 777",
        "email": "khin@trm.rocks",
        "languages": ["my", "en"],
        "expertise": "kubernetes, api",
        "teams": ["devops"],
        "based_on": page.context["based_on"],
        "version": page.context["form"]["version"].value(),
        "effective": page.context["form"]["effective"].value(),
        "reason": "She joins.",
        "step": "propose",
    } | values


@pytest.mark.req("S2.1-12", "S2.1-13", "S0-04", "SE-01")
def test_somebody_who_joins_is_proposed_and_waits_for_signatures(
    boss: Client, virtual_clock: VirtualClock
) -> None:
    before = running(virtual_clock)
    shown = boss.post(JOIN, joiner(boss, step="show"))
    added = [row for row in shown.context["rows"] if row.kind == "added"]
    assert "+959250000777" in str(added)
    assert PlanVersion.objects.count() == 1
    answer = boss.post(JOIN, joiner(boss))
    version = PlanVersion.objects.latest("pk")
    assert answer["Location"] == f"/plan/{version.pk}/#approval"
    assert version.state == VersionState.PROPOSED
    assert version.reason == "She joins."
    assert running(virtual_clock).pk == before.pk
    plan = drafts.check(version.text).plan
    assert plan is not None
    contact = plan.directory.contact("site_reliability_engineer")
    assert contact is not None
    assert (contact.name, contact.phone) == ("Daw Khin", "+959250000777")
    assert contact.languages == ("my", "en")
    assert contact.expertise == {"kubernetes", "api"}
    assert contact in plan.directory.holders("devops")
    # A second one begins with the first one's version, and does not undo it.
    boss.post(JOIN, joiner(boss, title="Analyst", name="", email=""))
    both = drafts.check(PlanVersion.objects.latest("pk").text).plan
    assert both is not None
    assert both.directory.contact("site_reliability_engineer") is not None
    assert both.directory.contact("analyst") is not None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": ""}, "title"),
        ({"phone": "twelve"}, "phone"),
        ({"email": "nobody"}, "email"),
        ({"slack": "@khin"}, "slack"),
        ({"level": "L9"}, "level"),
        ({"key": "cto"}, "key"),
        ({"key": "devops"}, "key"),
        ({"key": "a: b"}, "key"),
        ({"roles": "x, y: [z]"}, "roles"),
        ({"teams": ["no_such_team"]}, "teams"),
        ({"languages": ["tlh"]}, "languages"),
        ({"shift": "never"}, "shift"),
    ],
)
def test_what_is_wrong_with_a_person_is_said_beside_the_field(
    boss: Client, change: dict[str, Any], field: str
) -> None:
    page = boss.post(JOIN, joiner(boss) | change)
    assert page.status_code == 422
    assert list(page.context["person"].errors) == [field]
    assert 'value="kubernetes, api"' in page.text
    assert "She joins." in page.text
    assert PlanVersion.objects.count() == 1


@pytest.mark.parametrize("name", ["<b>x</b>", "x}, {id: cto", "a # b", "ဒေါ်ခင်", '"'])
def test_a_name_is_text_and_adds_nobody_else(boss: Client, name: str) -> None:
    assert boss.post(JOIN, joiner(boss, name=name)).status_code == 302
    plan = drafts.check(PlanVersion.objects.latest("pk").text).plan
    assert plan is not None
    contact = plan.directory.contact("site_reliability_engineer")
    assert contact is not None
    assert contact.name == name
    assert len(plan.directory.contacts) == 19


def test_a_proposal_without_a_reason_is_refused_and_nothing_is_lost(
    boss: Client,
) -> None:
    page = boss.post(JOIN, joiner(boss, reason=""))
    assert page.status_code == 422
    assert page.context["form"].errors.keys() == {"reason"}
    assert 'value="Daw Khin"' in page.text


# ── Somebody leaves ───────────────────────────────────────────────────────────────


@pytest.mark.req("S2.1-12")
def test_who_is_still_named_cannot_leave_and_the_page_says_where(boss: Client) -> None:
    address = "/on-call/people/mobile_engineer/end/"
    page = boss.get(address)
    texts = [one["text"] for one in page.context["named"]]
    assert "The schedule DevOps on-call." in texts
    links = {one["url"] for one in page.context["named"]}
    assert EDIT in links
    assert any(re.match(r"Line \d+ of the plan, under aliases", one) for one in texts)
    assert boss.post(address, {"reason": "x"}).status_code == 422
    assert PlanVersion.objects.count() == 1


@pytest.mark.req("S2.1-12", "SE-01")
def test_who_is_named_nowhere_leaves_by_a_proposal(
    boss: Client, virtual_clock: VirtualClock
) -> None:
    address = "/on-call/people/help_desk_weekend/end/"
    page = boss.get(address)
    assert page.context.get("named") is None
    form = page.context["form"]
    assert form["reason"].value() == "Help Desk Agent leaves."
    data = {name: form[name].value() for name in form.fields}
    during = Interval(
        starts_at=datetime(2026, 2, 20, 10, tzinfo=YANGON),
        ends_at=datetime(2026, 2, 21, 10, tzinfo=YANGON),
    )
    override = actions.override(
        KEY,
        Duty.PRIMARY,
        "help_desk_weekend",
        during,
        reason="",
        by="Owner",
        now=virtual_clock.now(),
    )
    (named,) = boss.get(address).context["named"]
    assert named["text"].startswith("An override: primary of DevOps on-call from")
    assert boss.post(address, data).status_code == 422
    actions.cancel_override(override.pk, by="Owner", now=virtual_clock.now())
    assert boss.post(address, data).status_code == 302
    version = PlanVersion.objects.latest("pk")
    assert version.state == VersionState.PROPOSED
    plan = drafts.check(version.text).plan
    assert plan is not None
    assert plan.directory.contact("help_desk_weekend") is None
    assert plan_now(virtual_clock).directory.contact("help_desk_weekend") is not None


def test_a_person_whom_the_plan_does_not_have_is_not_found(boss: Client) -> None:
    assert boss.get("/on-call/people/nobody/end/").status_code == 404


# ── Who may ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("role", [ConsoleRole.RESPONDER, ConsoleRole.STAKEHOLDER])
def test_only_who_manages_people_is_offered_the_forms(
    boss: Client, role: ConsoleRole, virtual_clock: VirtualClock
) -> None:
    other = site.signed_in(site.user(role, now=virtual_clock.now(), name="Ko Ko"))
    for path in (NEW, JOIN, EDIT, "/on-call/people/cto/end/"):
        assert other.get(path).status_code == 403
        assert other.post(path, {"step": "save"}).status_code == 403
    assert "New schedule" not in other.get("/on-call/").text
    assert "Add a person" not in other.get("/on-call/people/").text
    assert "New schedule" in boss.get("/on-call/").text
    assert "Add a person" in boss.get("/on-call/people/").text
