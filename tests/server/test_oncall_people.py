"""The people and teams of the plan, and the editors of both."""

from typing import Any

import pytest
from django.test import Client

from watchbill.plan import bundled_text, load
from watchbill.server.clock import VirtualClock
from watchbill.server.plans import actions as plan_actions
from watchbill.server.plans import queries as plans

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


def edit(client: Client, key: str, **values: str) -> Any:
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
    shown = {one["name"]: one["new"] for one in page.context["changes"]}
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
    assert page.status_code == 422
    assert "not a phone number" in page.text


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
