"""Changes that sources report, and the panel of an incident that shows them."""

from datetime import datetime, timedelta

import pytest
from django.test import Client

from tests.server import site
from watchbill.core.alerts import AlertStatus, ChangeReport
from watchbill.core.incidents import IncidentAction
from watchbill.server.alerts.models import Alert
from watchbill.server.changes import actions, queries
from watchbill.server.changes.models import ChangeEvent
from watchbill.server.clock import VirtualClock
from watchbill.server.incidents import actions as incidents
from watchbill.server.incidents.models import Incident
from watchbill.server.intake import actions as intake
from watchbill.server.intake.models import Integration

pytestmark = pytest.mark.req("S4.1-08")


@pytest.fixture
def source(db: None, virtual_clock: VirtualClock) -> Integration:
    made, _ = intake.create_integration(
        kind="pagerduty", name="Jenkins", now=virtual_clock.now()
    )
    return made


def record(
    source: Integration,
    summary: str,
    *,
    at: datetime,
    service: str = "",
    **more: object,
) -> ChangeEvent:
    report = ChangeReport(
        summary=summary,
        at=at,
        service=service,
        **more,  # type: ignore[arg-type]
    )
    return actions.record(source.pk, report, now=at)


def firing(incident: Incident, source: Integration, **labels: str) -> None:
    at = incident.declared_at
    Alert.objects.create(
        integration=source,
        fingerprint=labels.get("service", ""),
        status=AlertStatus.FIRING,
        title="Down",
        labels=labels,
        annotations={},
        links={},
        alert_type="infrastructure",
        severity="P1",
        classified_because="",
        starts_at=at,
        received_at=at,
        last_seen_at=at,
        incident=incident,
    )


def summaries(client: Client, incident: Incident) -> list[str]:
    page = client.get(incident.get_absolute_url())
    assert page.status_code == 200
    return [one["summary"] for one in page.context["changes"]]


@pytest.mark.req("A58")
def test_a_change_in_the_future_is_kept_as_of_its_receipt(
    source: Integration, virtual_clock: VirtualClock
) -> None:
    now = virtual_clock.now()
    report = ChangeReport(summary="Deployed", at=now + timedelta(hours=6))

    event = actions.record(source.pk, report, now=now)

    assert (event.at, event.received_at) == (now, now)


def test_recent_changes_are_those_of_the_service_and_of_none_the_newest_first(
    source: Integration, virtual_clock: VirtualClock
) -> None:
    now = virtual_clock.now()
    for hours, name, service in [
        (30, "long ago", "payments"),
        (3, "older", "payments"),
        (2, "platform", ""),
        (1, "other", "search"),
    ]:
        record(source, name, at=now - timedelta(hours=hours), service=service)

    mine = queries.recent({"payments"}, until=now)
    everything = queries.recent(until=now, within=timedelta(days=2))
    before = queries.recent({"payments"}, until=now - timedelta(hours=2, minutes=30))

    assert [one.summary for one in mine] == ["platform", "older"]
    assert [one.summary for one in everything] == [
        "other", "platform", "older", "long ago",
    ]  # fmt: skip
    assert [one.summary for one in before] == ["older"]


def test_recent_changes_are_bounded(
    source: Integration, virtual_clock: VirtualClock
) -> None:
    for number in range(30):
        record(source, str(number), at=virtual_clock.now())

    assert len(queries.recent(until=virtual_clock.now())) == 20


def test_the_page_of_an_incident_shows_what_changed_before_and_during_it(
    owner: Client, source: Integration, virtual_clock: VirtualClock
) -> None:
    began_at = virtual_clock.now()
    incident = site.declare(now=began_at)
    firing(incident, source, service="payments", component="gateway")
    record(source, "cause", at=began_at - timedelta(hours=23), service="payments")
    record(source, "too old", at=began_at - timedelta(hours=25), service="payments")
    record(source, "elsewhere", at=began_at, service="search")
    virtual_clock.advance(timedelta(hours=2))
    record(source, "rollback", at=virtual_clock.now(), service="gateway")
    incidents.perform(
        incident.pk,
        IncidentAction.RESOLVE,
        actor=site.SOMEBODY,
        now=virtual_clock.now(),
    )
    virtual_clock.advance(timedelta(hours=1))
    record(source, "later", at=virtual_clock.now(), service="payments")

    assert summaries(owner, incident) == ["rollback", "cause"]
    text = owner.get(incident.get_absolute_url()).text
    assert "Recent changes" in text
    assert "after the incident began" in text
    assert "before the incident" in text


def test_an_incident_without_changes_has_no_panel_of_them(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    incident = site.declare(now=virtual_clock.now())

    assert "Recent changes" not in owner.get(incident.get_absolute_url()).text


def test_the_words_of_a_change_are_only_text_and_its_links_https(
    owner: Client, source: Integration, virtual_clock: VirtualClock
) -> None:
    incident = site.declare(now=virtual_clock.now())
    record(
        source,
        "<script>alert(1)</script>",
        at=virtual_clock.now(),
        details={"<b>k</b>": "<i>v</i>"},
        links={
            "build": "https://ci.example/7?a=1&b=2",
            "plain": "http://ci.example/8",
            "trick": "javascript:alert(1)",
        },
    )

    text = owner.get(incident.get_absolute_url()).text

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "<script>alert(1)" not in text
    assert "<b>k" not in text
    assert 'href="https://ci.example/7?a=1&amp;b=2"' in text
    assert "ci.example/8" not in text
    assert "javascript:alert" not in text
