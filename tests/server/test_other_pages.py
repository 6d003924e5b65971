"""Tickets, deliveries, the plan, on-call, contacts."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from tests.server import site
from watchbill.core.access import ConsoleRole
from watchbill.core.notification import NotificationState
from watchbill.plan import bundled_text, load
from watchbill.server.clock import VirtualClock
from watchbill.server.plans import actions as plans
from watchbill.server.plans.models import PlanVersion
from watchbill.server.tickets.models import Ticket, TicketStatus

YANGON = ZoneInfo("Asia/Yangon")


# ── Tickets ─────────────────────────────────────────────────────────────────────


@pytest.fixture
def ticket(trm_plan: PlanVersion, virtual_clock: VirtualClock) -> Ticket:
    incident = site.declare(now=virtual_clock.now())
    return Ticket.objects.create(
        incident=incident,
        title="Look",
        priority="high",
        assigned_to="L2",
        created_at=virtual_clock.now(),
    )


def test_a_ticket_is_closed_once_and_by_the_first(
    owner: Client, ticket: Ticket, virtual_clock: VirtualClock
) -> None:
    page = owner.post(f"/tickets/{ticket.pk}/close/", follow=True)
    assert f"Ticket #{ticket.pk} is closed" in page.text
    ticket.refresh_from_db()
    assert (ticket.status, ticket.closed_by) == (TicketStatus.CLOSED, "Owner")
    other = site.signed_in(
        site.user(ConsoleRole.AGENT, now=virtual_clock.now(), name="Late")
    )
    again = other.post(f"/tickets/{ticket.pk}/close/", follow=True)
    assert "was closed already" in again.text
    ticket.refresh_from_db()
    assert ticket.closed_by == "Owner"


def test_closing_is_undone_by_opening_again(owner: Client, ticket: Ticket) -> None:
    owner.post(f"/tickets/{ticket.pk}/close/")
    owner.post(f"/tickets/{ticket.pk}/reopen/")
    ticket.refresh_from_db()
    assert (ticket.status, ticket.closed_at, ticket.closed_by) == ("open", None, "")
    again = owner.post(f"/tickets/{ticket.pk}/reopen/", follow=True)
    assert "is open already" in again.text


def test_tickets_are_listed_by_status(owner: Client, ticket: Ticket) -> None:
    def listed(status: str) -> int:
        return len(owner.get("/tickets/", {"status": status}).context["tickets"])

    assert (listed("open"), listed("closed"), listed("all")) == (1, 0, 1)
    owner.post(f"/tickets/{ticket.pk}/close/")
    assert (listed("open"), listed("closed"), listed("all")) == (0, 1, 1)


# ── Deliveries ──────────────────────────────────────────────────────────────────


@pytest.mark.req("S2.2-07", "S2.1-16")
def test_the_log_shows_who_was_told_how_and_what_came_of_it_without_the_address(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    incident = site.declare(now=virtual_clock.now())
    site.notification(
        incident,
        now=virtual_clock.now(),
        state=NotificationState.DELIVERED,
        detail="250 queued",
    )
    page = owner.get("/deliveries/").text
    assert "DevOps Engineer" in page
    assert "250 queued" in page
    assert "de…@trm.rocks" in page
    assert "devops@trm.rocks" not in page


def test_the_log_is_found_by_state_recipient_and_incident(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    now = virtual_clock.now()
    first = site.declare("first", now=now)
    site.notification(first, now=now, state=NotificationState.DELIVERED)
    second = site.declare("second", now=now)
    site.notification(
        second,
        now=now,
        recipient="CTO",
        state=NotificationState.FAILED,
        may_be_duplicate=True,
    )

    def found(**query: str) -> list[str]:
        rows = owner.get("/deliveries/", query).context["notifications"]
        return [row["to"] for row in rows]

    assert found() == ["CTO", "DevOps Engineer"]
    assert found(state="delivered") == ["DevOps Engineer"]
    assert found(state="unknown") == ["CTO"]
    assert found(state="waiting") == []
    assert found(q="cto") == ["CTO"]
    assert found(q=str(first.pk)) == ["DevOps Engineer"]
    assert found(q="1" + "0" * 30) == []
    assert found(q="%") == []


# ── The plan ────────────────────────────────────────────────────────────────────


def test_the_plan_is_shown_with_its_findings_beside_their_lines(owner: Client) -> None:
    page = owner.get("/plan/source/")
    findings = page.context["findings"]["rows"]
    assert findings
    for one in findings:
        line = page.context["lines"][one["line"] - 1]
        assert one["message"] in [remark["message"] for remark in line["findings"]]
    assert 'id="L1"' in page.text


def test_every_version_is_kept_and_the_one_in_force_is_marked(
    owner: Client, trm_plan: PlanVersion, virtual_clock: VirtualClock
) -> None:
    changed = bundled_text("trm").replace('version: "1.0"', 'version: "1.1"')
    virtual_clock.advance(timedelta(hours=3))
    newer = plans.put_in_force(load(changed, name="trm.yaml"), now=virtual_clock.now())
    versions = owner.get("/plan/versions/").context["versions"]
    assert [one["label"] for one in versions] == ["1.1", "1.0"]
    assert [one["standing"] for one in versions] == ["in_force", "past"]
    assert "version 1.0" in owner.get(f"/plan/{trm_plan.pk}/").text
    assert "version 1.1" in owner.get(f"/plan/{newer.pk}/").text


# ── On call ─────────────────────────────────────────────────────────────────────


@pytest.mark.req("S4.4-01", "S4.4-02", "A23")
@pytest.mark.parametrize(
    ("local", "primary"),
    [
        (datetime(2026, 2, 6, 10, 0, tzinfo=YANGON), "DevOps Engineer"),
        (datetime(2026, 2, 12, 23, 59, tzinfo=YANGON), "DevOps Engineer"),
        (datetime(2026, 2, 13, 9, 59, 59, tzinfo=YANGON), "DevOps Engineer"),
        (datetime(2026, 2, 13, 10, 0, tzinfo=YANGON), "Backend Engineer"),
        (datetime(2026, 2, 13, 23, 59, tzinfo=YANGON), "Backend Engineer"),
        (datetime(2026, 2, 20, 10, 0, tzinfo=YANGON), "Frontend Engineer"),
    ],
)
def test_the_watch_changes_on_friday_at_ten_and_not_at_midnight(
    owner: Client, virtual_clock: VirtualClock, local: datetime, primary: str
) -> None:
    virtual_clock.move_to(local.astimezone(UTC))
    page = owner.get("/on-call/")
    (schedule,) = page.context["schedules"]
    first = schedule["duties"][0]
    assert first["name"] == "Primary"
    assert first["now"]["face"].name == primary
    ends_at = first["now"]["ends_at"]
    assert ends_at.astimezone(YANGON).strftime("%a %H:%M") == "Fri 10:00"
    assert ends_at > local
    assert first["next"]["starts_at"] == ends_at


@pytest.mark.req("S2.1-16")
def test_a_phone_number_is_masked_on_the_page_that_everybody_may_see(
    stakeholder: Client, virtual_clock: VirtualClock
) -> None:
    _with_numbers(virtual_clock)
    page = stakeholder.get("/on-call/").text
    assert "+95…321" in page
    assert "987654321" not in page
    assert stakeholder.get("/on-call/contacts/").status_code == 403
    assert stakeholder.get("/on-call/contacts.txt").status_code == 403


@pytest.mark.req("S2.2-06")
def test_the_contact_card_has_full_numbers_as_a_page_and_as_text(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    _with_numbers(virtual_clock)
    assert "+95987654321" in owner.get("/on-call/contacts/").text.replace(" ", "")
    card = owner.get("/on-call/contacts.txt")
    assert card["Content-Type"] == "text/plain; charset=utf-8"
    tree, _, messages = card.text.partition("As text messages:")
    assert "+95987654321" in tree.replace(" ", "")
    assert "Page the DevOps on-call" in tree
    parts = [part for part in messages.strip().split("\n\n") if part]
    assert parts
    assert all(len(part) <= 160 for part in parts)


def _with_numbers(clock: VirtualClock) -> None:
    text = bundled_text("trm").replace("+95-xxx-xxx-xxxx", "+95987654321")
    loaded = load(text, name="trm.yaml")
    clock.advance(timedelta(hours=3))
    plans.put_in_force(loaded, now=clock.now())
