"""The page that compares the plan with what happened, quarter by quarter."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.server import site
from watchbill.core.access import ConsoleRole
from watchbill.core.incidents import IncidentStatus
from watchbill.core.reports import Tally
from watchbill.server.clock import VirtualClock
from watchbill.server.incidents.models import Incident
from watchbill.server.plans.models import PlanVersion

PAGE = "/plan/reality/"
YANGON = ZoneInfo("Asia/Yangon")
MINUTE = timedelta(minutes=1)

pytestmark = pytest.mark.req("SE-02")


def incident(plan: PlanVersion, at: datetime, **values: Any) -> Incident:
    """Return a P1 to store, taken after two minutes and resolved after forty."""
    defaults: dict[str, Any] = {
        "severity": "P1",
        "severity_rank": 1,
        "alert_type": "infrastructure",
        "status": IncidentStatus.RESOLVED,
        "acknowledged_at": at + 2 * MINUTE,
        "resolved_at": at + 40 * MINUTE,
    }
    return Incident(
        title="The site is down",
        declared_at=at,
        declared_by="Somebody",
        plan_version=plan,
        **(defaults | values),
    )


def rows(client: Client, **query: str) -> dict[str, Any]:
    page = client.get(PAGE, query)
    assert page.status_code == 200
    return {row["severity"]: row for row in page.context["rows"]}


def test_a_quarter_without_incidents_says_so(owner: Client) -> None:
    page = owner.get(PAGE)

    assert "No incidents in this quarter" in page.text
    assert '<svg class="shares"' not in page.text
    assert str(page.context["quarter"]) == "2026Q1"


def test_exactly_on_time_is_met_and_a_second_later_is_missed(
    owner: Client, trm_plan: PlanVersion, virtual_clock: VirtualClock
) -> None:
    at = virtual_clock.now() - timedelta(days=1)
    second = timedelta(seconds=1)
    Incident.objects.bulk_create(
        incident(
            trm_plan,
            at,
            acknowledged_at=at + 5 * MINUTE + late,
            resolved_at=at + 60 * MINUTE + late,
        )
        for late in (0 * second, 0 * second, second)
    )

    found = rows(owner)["P1"]

    assert found["incidents"] == 3
    assert found["response"]["tally"] == Tally(met=2, missed=1)
    assert found["resolution"]["tally"] == Tally(met=2, missed=1)
    assert found["response"]["target"] == "5 min"
    # Two thirds, rounded down.
    assert found["response"]["percent"] == 66


def test_an_open_incident_runs_until_it_is_overdue(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    site.declare(now=virtual_clock.now())

    virtual_clock.advance(5 * MINUTE)
    before = rows(owner)["P1"]["response"]
    virtual_clock.advance(timedelta(seconds=1))
    after = rows(owner)["P1"]["response"]

    assert (before["tally"], before["percent"]) == (Tally(running=1), None)
    assert (after["tally"], after["percent"]) == (Tally(missed=1), 0)


def test_the_page_says_the_numbers_in_words(
    owner: Client, trm_plan: PlanVersion, virtual_clock: VirtualClock
) -> None:
    at = virtual_clock.now() - timedelta(days=1)
    incident(trm_plan, at).save(force_insert=True)
    incident(trm_plan, at, resolved_at=None).save(force_insert=True)
    site.declare(now=virtual_clock.now())

    text = owner.get(PAGE).text

    assert "2 met, 0 missed, 1 running" in text
    assert "1 met, 1 missed, 1 running" in text
    assert "within 1 h" in text
    assert '<rect class="shares-missed" x="1" width="1" height="1">' in text


@pytest.mark.parametrize(
    ("wall", "quarter"),
    [
        (datetime(2025, 12, 31, 23, 59, 59, tzinfo=YANGON), "2025Q4"),
        (datetime(2026, 1, 1, 0, 0, tzinfo=YANGON), "2026Q1"),
        (datetime(2026, 3, 31, 23, 59, 59, tzinfo=YANGON), "2026Q1"),
        (datetime(2026, 4, 1, 0, 0, tzinfo=YANGON), "2026Q2"),
    ],
)
def test_an_incident_belongs_to_the_quarter_of_the_clock_on_the_wall(
    owner: Client, trm_plan: PlanVersion, wall: datetime, quarter: str
) -> None:
    incident(trm_plan, wall).save(force_insert=True)

    quarters = ("2025Q4", "2026Q1", "2026Q2")
    pages = {one: owner.get(PAGE, {"quarter": one}) for one in quarters}

    counts = {one: page.context["incidents"] for one, page in pages.items()}
    assert counts == dict.fromkeys(quarters, 0) | {quarter: 1}


def test_the_default_is_the_quarter_in_the_zone_of_the_plan(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    midnight = datetime(2026, 4, 1, tzinfo=YANGON)

    virtual_clock.advance(midnight - MINUTE - virtual_clock.now())
    before = owner.get(PAGE).context
    virtual_clock.advance(MINUTE)
    after = owner.get(PAGE).context

    assert (str(before["quarter"]), before["next"]) == ("2026Q1", None)
    assert (str(after["quarter"]), str(after["previous"])) == ("2026Q2", "2026Q1")
    assert "?quarter=2026Q2" in owner.get(PAGE, {"quarter": "2026Q1"}).text


@pytest.mark.parametrize(
    "text",
    [
        "2026",
        "2026Q0",
        "2026Q5",
        "2026q1",
        "1999Q4",
        "9999Q4",
        "\u0662\u0660\u0662\u0666Q1",
        "<b>",
    ],
)
def test_what_is_no_quarter_is_said_and_the_present_one_shown(
    owner: Client, text: str
) -> None:
    page = owner.get(PAGE, {"quarter": text})

    assert page.status_code == 200
    assert "That is not a quarter" in page.text
    assert str(page.context["quarter"]) == "2026Q1"


def test_the_first_and_the_last_quarter_can_be_read(owner: Client) -> None:
    first, last = (owner.get(PAGE, {"quarter": one}) for one in ("2000Q1", "2099Q4"))

    assert first.context["previous"] is None
    assert last.context["next"] is None
    assert "That is not a quarter" not in first.text + last.text


@pytest.mark.req("A39")
def test_drills_do_not_count(
    owner: Client, trm_plan: PlanVersion, virtual_clock: VirtualClock
) -> None:
    incident(trm_plan, virtual_clock.now(), is_drill=True).save(force_insert=True)

    assert rows(owner)["P1"]["incidents"] == 0


@pytest.mark.req("A15")
def test_a_confidential_incident_is_a_number_to_everybody_and_nothing_more(
    stakeholder: Client, trm_plan: PlanVersion, virtual_clock: VirtualClock
) -> None:
    incident(trm_plan, virtual_clock.now(), is_confidential=True).save(
        force_insert=True
    )

    page = stakeholder.get(PAGE)

    assert page.context["incidents"] == 1
    assert "The site is down" not in page.text


def test_a_severity_that_the_plan_has_no_more_is_counted(
    owner: Client, trm_plan: PlanVersion, virtual_clock: VirtualClock
) -> None:
    incident(trm_plan, virtual_clock.now(), severity="SEV-1").save(force_insert=True)

    assert rows(owner)["SEV-1"]["incidents"] == 1
    assert "nothing promised" in owner.get(PAGE).text


def test_five_thousand_incidents_take_one_query_that_reads_no_texts(
    owner: Client, trm_plan: PlanVersion, virtual_clock: VirtualClock
) -> None:
    at = virtual_clock.now() - timedelta(days=1)
    Incident.objects.bulk_create(incident(trm_plan, at) for _ in range(5000))

    with CaptureQueriesContext(connection) as captured:
        page = owner.get(PAGE)

    asked = [one["sql"] for one in captured if "declared_at" in one["sql"]]
    assert len(asked) == 1
    assert "summary" not in asked[0]
    assert page.context["incidents"] == 5000
    # The bar has numbers for a browser, not for a reader: no thousands separator.
    assert 'viewBox="0 0 5000 1"' in page.text


def test_the_plan_leads_to_the_page(owner: Client) -> None:
    assert f'href="{PAGE}"' in owner.get("/plan/").text


def test_without_a_plan_the_page_says_how_to_get_one(
    db: None, virtual_clock: VirtualClock
) -> None:
    somebody = site.signed_in(site.user(ConsoleRole.OWNER, now=virtual_clock.now()))

    assert "No plan is in force" in somebody.get(PAGE).text
