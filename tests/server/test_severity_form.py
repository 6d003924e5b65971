"""The form that changes a severity, filled in by people who mean no good."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections
from django.test import Client

from tests.server import site
from watchbill.core.access import ConsoleRole
from watchbill.core.incidents import IncidentAction
from watchbill.server.clock import VirtualClock
from watchbill.server.incidents import actions
from watchbill.server.incidents.models import Incident, SeverityChange
from watchbill.server.plans.models import PlanVersion

pytestmark = pytest.mark.req("S3.1-32")

GOOD = {"severity": "P3", "reason": "only one report is late"}


@pytest.fixture
def incident(trm_plan: PlanVersion, virtual_clock: VirtualClock) -> Incident:
    return site.declare(now=virtual_clock.now(), severity="P2")


def path(incident: Incident) -> str:
    return f"/incidents/{incident.pk}/severity/"


def severity_of(incident: Incident) -> str:
    incident.refresh_from_db()
    return incident.severity


def test_a_good_form_changes_the_severity_and_keeps_the_reason_as_it_was_written(
    owner: Client, incident: Incident
) -> None:
    reason = "မြန်မာ <b>only</b> one & a half"
    page = owner.post(path(incident), GOOD | {"reason": reason}, follow=True)
    change = SeverityChange.objects.get()
    assert (change.from_severity, change.to_severity) == ("P2", "P3")
    assert (change.reason, change.by) == (reason, "Owner")
    assert "&lt;b&gt;only&lt;/b&gt; one &amp; a half" in page.text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("severity", "P9"),
        ("severity", "p3"),
        ("severity", ""),
        ("severity", "P3\0"),
        ("severity", "P" * 100_000),
        ("reason", ""),
        ("reason", " \n\t "),
        ("reason", "x" * 2_001),
        ("reason", "x" * 100_000),
        ("reason", "a\0b"),
    ],
    ids=lambda text: ascii(text[:12]),
)
def test_a_broken_form_changes_nothing_and_says_so(
    owner: Client, incident: Incident, name: str, value: str
) -> None:
    page = owner.post(path(incident), GOOD | {name: value}, follow=True)
    assert "Choose a severity and give the reason; nothing was changed." in page.text
    assert severity_of(incident) == "P2"
    assert not SeverityChange.objects.exists()


def test_the_same_severity_is_no_change(owner: Client, incident: Incident) -> None:
    page = owner.post(path(incident), GOOD | {"severity": "P2"}, follow=True)
    assert "Nothing was changed: it is a P2 already." in page.text
    assert not SeverityChange.objects.exists()


def test_what_is_over_keeps_its_severity(
    owner: Client, incident: Incident, virtual_clock: VirtualClock
) -> None:
    actions.perform(
        incident.pk,
        IncidentAction.RESOLVE,
        actor=site.SOMEBODY,
        now=virtual_clock.now(),
    )
    page = owner.post(path(incident), GOOD, follow=True)
    assert "Nothing was changed: the incident is over." in page.text
    assert severity_of(incident) == "P2"


@pytest.mark.parametrize("role", [ConsoleRole.STAKEHOLDER, ConsoleRole.AGENT])
def test_who_does_not_respond_can_neither_raise_nor_lower_it(
    incident: Incident, virtual_clock: VirtualClock, role: ConsoleRole
) -> None:
    client = site.signed_in(site.user(role, now=virtual_clock.now()))
    for severity in ("P1", "P4"):
        answer = client.post(path(incident), GOOD | {"severity": severity})
        assert answer.status_code == 403
    assert severity_of(incident) == "P2"
    assert "act-severity" not in client.get(incident.get_absolute_url()).text


def test_an_incident_that_is_not_there_is_not_found(
    owner: Client, incident: Incident
) -> None:
    for number in (incident.pk + 1, "9" * 30):
        assert owner.post(f"/incidents/{number}/severity/", GOOD).status_code == 404


@pytest.mark.usefixtures("transactional_db")
def test_two_changes_at_once_are_done_one_after_the_other(
    owner: Client, incident: Incident
) -> None:
    def change(severity: str) -> int:
        try:
            form = GOOD | {"severity": severity}
            return int(owner.post(path(incident), form).status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(change, ("P1", "P3", "P1", "P3")))

    assert statuses == [302] * 4
    changes = list(SeverityChange.objects.order_by("number"))
    assert [one.number for one in changes] == list(range(1, len(changes) + 1))
    chain = ["P2", *(one.to_severity for one in changes)]
    assert [one.from_severity for one in changes] == chain[:-1]
    assert severity_of(incident) == chain[-1]
    assert {"P1", "P3"} <= set(chain)
