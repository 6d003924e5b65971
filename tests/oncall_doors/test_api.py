"""The API of the watch: who is on call, overrides, absences, people."""

from typing import Any

import pytest
from django.test import Client, RequestFactory

from tests.server import site
from tests.shifts import DEVOPS, FRONTEND, KEY, NIGHT, ask
from watchbill.core.access import ConsoleRole
from watchbill.server.clock import VirtualClock
from watchbill.server.oncall import actions
from watchbill.server.plans.models import PlanVersion
from watchbill.server.web.views import failed

pytestmark = [pytest.mark.django_db, pytest.mark.req("S4.4-09", "S2.1-16")]


@pytest.fixture
def owner(trm_plan: PlanVersion, virtual_clock: VirtualClock) -> Client:
    return site.signed_in(site.user(ConsoleRole.OWNER, now=virtual_clock.now()))


@pytest.fixture
def stakeholder(trm_plan: PlanVersion, virtual_clock: VirtualClock) -> Client:
    return site.signed_in(site.user(ConsoleRole.STAKEHOLDER, now=virtual_clock.now()))


@pytest.fixture
def responder(trm_plan: PlanVersion, virtual_clock: VirtualClock) -> Client:
    return site.signed_in(site.user(ConsoleRole.RESPONDER, now=virtual_clock.now()))


def override(**changes: Any) -> dict[str, Any]:
    return {
        "schedule": KEY,
        "contact": FRONTEND,
        "starts_at": NIGHT.starts_at.isoformat(),
        "ends_at": NIGHT.ends_at.isoformat(),
        **changes,
    }


def post(client: Client, path: str, body: Any) -> Any:
    return client.post(f"/api/v1/{path}", body, content_type="application/json")


def test_who_is_on_call_is_said_with_the_reason(owner: Client) -> None:
    answer = owner.get("/api/v1/oncall", {"at": NIGHT.starts_at.isoformat()}).json()

    primary = answer["on_call"][0]
    assert (primary["duty"], primary["holder"]["key"]) == ("primary", DEVOPS)
    assert primary["because"].startswith("it is the turn in the layer")


def test_an_override_counts_at_once_and_can_be_called_off(owner: Client) -> None:
    made = post(owner, "overrides", override())
    assert made.status_code == 201
    at: dict[str, str] = {"at": NIGHT.starts_at.isoformat(), "duty": "primary"}
    (held,) = owner.get("/api/v1/oncall", at).json()["on_call"]
    assert (held["holder"]["key"], held["override"]) == (
        FRONTEND,
        made.json()["number"],
    )

    gone = owner.delete(f"/api/v1/overrides/{made.json()['number']}")

    assert gone.status_code == 204
    (held,) = owner.get("/api/v1/oncall", at).json()["on_call"]
    assert held["holder"]["key"] == DEVOPS


def test_only_who_manages_schedules_puts_others_in(responder: Client) -> None:
    refused = post(responder, "overrides", override())

    assert refused.status_code == 403
    assert refused["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"schedule": "nothing"}, 404),
        ({"contact": "nobody"}, 409),
        ({"duty": "king"}, 400),
        ({"duty": ["primary"]}, 400),
        ({"reason": "x" * 70_000}, 413),
        ({"reason": "x" * 2_000_000}, 413),
        ({"starts_at": "tomorrow"}, 400),
        ({"ends_at": NIGHT.starts_at.isoformat()}, 400),
        ({"contact": 3}, 400),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(
    owner: Client, changes: dict[str, Any], status: int
) -> None:
    refused = post(owner, "overrides", override(**changes))

    assert refused.status_code == status
    assert refused.json()["status"] == status
    assert refused.json()["detail"]


def test_shifts_come_in_parts_and_none_is_missing(owner: Client) -> None:
    path = f"/api/v1/schedules/{KEY}/shifts"
    window: dict[str, str | int] = {
        "from": "2026-02-06T00:00:00Z",
        "to": "2026-05-06T00:00:00Z",
    }
    whole = owner.get(path, {**window, "limit": 500}).json()
    parts: list[Any] = []
    cursor: str | None = "0"
    while cursor is not None:
        part = owner.get(path, {**window, "limit": 7, "cursor": cursor}).json()
        parts += part["shifts"]
        cursor = part["cursor"]

    assert parts == whole["shifts"]
    too_long = owner.get(path, {**window, "to": "2030-01-01T00:00:00Z"})
    assert too_long.status_code == 400


def test_why_somebody_is_away_is_theirs_to_tell(
    owner: Client, stakeholder: Client
) -> None:
    body = override(kind="sick", note="Flu")
    assert post(owner, "absences", body).status_code == 201

    (seen,) = stakeholder.get("/api/v1/absences").json()["absences"]

    assert (seen["person"]["key"], seen["kind"], seen["note"]) == (FRONTEND, None, None)


def test_addresses_are_masked_for_who_need_not_dial(
    owner: Client, stakeholder: Client
) -> None:
    def addresses(client: Client) -> set[str]:
        rows = client.get("/api/v1/people").json()["people"]
        return {one["email"] for one in rows if one["email"]}

    assert any("…" not in one for one in addresses(owner))
    assert all("…" in one for one in addresses(stakeholder))


def test_without_a_session_or_key_nothing_is_said(
    client: Client, trm_plan: PlanVersion
) -> None:
    for path in ("oncall", "schedules", "overrides", "absences", "people"):
        assert client.get(f"/api/v1/{path}").status_code == 401


def test_a_write_by_session_without_the_token_is_refused_as_a_problem(
    trm_plan: PlanVersion, virtual_clock: VirtualClock
) -> None:
    one = site.user(ConsoleRole.OWNER, now=virtual_clock.now())
    client = site.signed_in(one, enforce_csrf_checks=True)

    refused = post(client, "overrides", override())

    assert refused.status_code == 403
    assert refused["Content-Type"] == "application/problem+json"
    assert refused.json()["status"] == 403


def test_a_namesake_of_the_author_calls_nothing_off(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    made = post(owner, "overrides", override()).json()
    namesake = site.user(ConsoleRole.RESPONDER, now=virtual_clock.now(), name="owner2")
    namesake.name = made["made_by"]
    namesake.save(update_fields=["name"])
    client = site.signed_in(namesake)

    refused = client.delete(f"/api/v1/overrides/{made['number']}")
    client.post(f"/on-call/overrides/{made['number']}/cancel/")

    assert refused.status_code == 403
    (still,) = owner.get("/api/v1/overrides").json()["overrides"]
    assert still["number"] == made["number"]


@pytest.mark.req("S4.4-09")
def test_what_two_agreed_is_not_called_off_by_one_alone(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    now = virtual_clock.now()
    swap = ask(now=now)
    actions.accept_swap(swap.pk, contact_key=FRONTEND, now=now)
    (made,) = owner.get("/api/v1/overrides").json()["overrides"]
    taker = site.user(ConsoleRole.RESPONDER, now=now, name="Taker")
    taker.contact_key = FRONTEND
    taker.save(update_fields=["contact_key"])
    client = site.signed_in(taker)

    refused = client.delete(f"/api/v1/overrides/{made['number']}")
    client.post(f"/on-call/overrides/{made['number']}/cancel/")

    assert refused.status_code == 403
    assert len(owner.get("/api/v1/overrides").json()["overrides"]) == 1
    assert owner.delete(f"/api/v1/overrides/{made['number']}").status_code == 204
    assert owner.get("/api/v1/overrides").json()["overrides"] == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("get", "nothing", 404),
        ("get", "oncall/", 404),
        ("get", "overrides/x", 404),
        ("post", "nothing", 404),
        ("get", "schedules/nothing/shifts", 404),
        ("delete", "overrides", 405),
        ("put", "oncall", 405),
        ("get", "overrides/1", 405),
        ("get", "oncall?schedule=%00", 400),
    ],
)
def test_what_leads_nowhere_is_a_problem_and_no_page(
    owner: Client, method: str, path: str, status: int
) -> None:
    refused = getattr(owner, method)(f"/api/v1/{path}")
    assert refused.status_code == status
    assert refused["Content-Type"] == "application/problem+json"
    problem = refused.json()
    assert problem["status"] == status
    assert problem["detail"]


def test_whoever_browses_gets_a_page_for_what_leads_nowhere(owner: Client) -> None:
    assert owner.get("/nothing/")["Content-Type"].startswith("text/html")


def test_a_fault_of_ours_is_a_problem_for_programs() -> None:
    faulty = RequestFactory()
    assert failed(faulty.get("/api/v1/oncall")).headers["Content-Type"] == (
        "application/problem+json"
    )
    assert (
        failed(faulty.get("/on-call/")).headers["Content-Type"].startswith("text/html")
    )
