"""What people do in the tool that reports an alert is done here too."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.engine.watch import DANA, Watch, alert, minutes, prometheus
from watchbill.server.alerts.models import Alert
from watchbill.server.changes.models import ChangeEvent
from watchbill.server.heartbeats.models import HeartbeatMonitor
from watchbill.server.incidents import actions as incidents
from watchbill.server.incidents.actions import Declaration
from watchbill.server.incidents.models import Incident, TimelineEntry
from watchbill.server.intake import actions as intake
from watchbill.server.intake.models import InboxEntry, Integration
from watchbill.server.silences import actions as silences
from watchbill.server.silences.actions import Draft
from watchbill.server.silences.matching import Written


@pytest.fixture
def opsgenie(watch: Watch) -> Integration:
    """A source whose people act on alerts."""
    made, _ = intake.create_integration(
        kind="opsgenie", name="Opsgenie", now=watch.start
    )
    return made


def call(
    source: Integration,
    watch: Watch,
    path: str,
    body: dict[str, Any],
    method: str = "POST",
) -> InboxEntry:
    """Put a request to the alert API into the inbox, and fold it."""
    envelope = {"m": method, "p": path, "q": {"identifierType": "alias"}}
    entry = InboxEntry.objects.create(
        integration=source,
        received_at=watch.clock.now(),
        envelope=envelope,
        body=json.dumps(body).encode(),
    )
    watch.settle()
    entry.refresh_from_db()
    return entry


def create(source: Integration, watch: Watch) -> Incident:
    """Create an alert, and return its incident."""
    call(source, watch, "alerts", {"message": "Disk full", "alias": "d1"})
    return Incident.objects.get()


@pytest.mark.req("S4.1-08")
def test_who_acknowledges_there_has_acknowledged_here(
    watch: Watch, opsgenie: Integration
) -> None:
    incident = create(opsgenie, watch)
    watch.at(minutes(1))
    call(opsgenie, watch, "alerts/d1/acknowledge", {"user": "ana"})

    incident.refresh_from_db()
    assert incident.status == "acknowledged"
    assert incident.acknowledged_by == "ana via Opsgenie"
    assert incident.acknowledged_at == watch.start + minutes(1)


@pytest.mark.req("S4.1-08")
def test_a_note_and_a_withdrawn_acknowledgement_stand_on_the_timeline(
    watch: Watch, opsgenie: Integration
) -> None:
    create(opsgenie, watch)
    call(opsgenie, watch, "alerts/d1/notes", {"user": "ana", "note": "I look"})
    call(opsgenie, watch, "alerts/d1/unacknowledge", {"user": "ana"})

    notes = TimelineEntry.objects.filter(kind="note").order_by("pk")
    assert [(one.actor, one.text) for one in notes] == [
        ("ana via Opsgenie", "I look"),
        (
            "ana via Opsgenie",
            "ana via Opsgenie took back that somebody works on it.",
        ),
    ]


@pytest.mark.req("S4.1-08")
def test_a_severity_is_revised_upwards_only(
    watch: Watch, opsgenie: Integration
) -> None:
    incident = create(opsgenie, watch)
    before = incident.severity_rank
    call(opsgenie, watch, "alerts/d1/priority", {"priority": "P5"}, "PUT")
    incident.refresh_from_db()
    assert incident.severity_rank == before

    call(opsgenie, watch, "alerts/d1/message", {"message": "Disk is full"}, "PUT")
    assert Alert.objects.get().title == "Disk is full"
    revised = TimelineEntry.objects.filter(text__startswith="Alert revised by")
    assert revised.count() == 2


def test_an_act_on_an_alert_that_is_unknown_or_over_does_nothing(
    watch: Watch, opsgenie: Integration
) -> None:
    unknown = call(opsgenie, watch, "alerts/d2/acknowledge", {"user": "ana"})
    incident = create(opsgenie, watch)
    call(opsgenie, watch, "alerts/d1/close", {"user": "ana"})
    Incident.objects.filter(pk=incident.pk).update(
        status="resolved", resolved_at=watch.start
    )
    over = call(opsgenie, watch, "alerts/d1/acknowledge", {"user": "ana"})

    assert [one["reason"] for one in unknown.disposition or []] == ["unknown_alert"]
    assert [one["reason"] for one in over.disposition or []] == ["not_open"]


@pytest.mark.req("S4.1-12")
def test_a_watchdog_is_a_sign_of_life_and_never_an_alert(watch: Watch) -> None:
    source = prometheus(watch.start)
    firing = watch.post(source, alert("Watchdog", severity="none"))
    watch.settle()
    over = watch.post(source, alert("Watchdog", status="resolved", severity="none"))
    watch.settle()

    assert not Alert.objects.exists()
    monitor = HeartbeatMonitor.objects.get()
    assert (monitor.is_watchdog, monitor.last_success_at) == (True, watch.start)
    for one in (firing, over):
        one.refresh_from_db()
        assert [said["reason"] for said in one.disposition or []] == ["watchdog"]


def test_a_reported_change_pages_nobody(watch: Watch) -> None:
    made, _ = intake.create_integration(
        kind="pagerduty", name="Deploys", now=watch.start
    )
    body = {
        "routing_key": "x" * 32,
        "payload": {"summary": "Deployed shop 4.2", "source": "ci"},
    }
    entry = InboxEntry.objects.create(
        integration=made,
        received_at=watch.start,
        envelope={"p": "v2/change/enqueue"},
        body=json.dumps(body).encode(),
    )

    watch.settle()

    entry.refresh_from_db()
    assert ChangeEvent.objects.get().summary == "Deployed shop 4.2"
    assert [one["reason"] for one in entry.disposition or []] == ["change"]
    assert not Incident.objects.exists()


@pytest.fixture
def silenced(watch: Watch) -> None:
    """An hour in which nobody is paged for a P3."""
    silences.create(
        Draft(
            matchers=(Written(name="severity", value="P3"),),
            starts_at=watch.start,
            ends_at=watch.start + minutes(60),
            author="Ana",
            comment="known",
        ),
        now=watch.start,
    )


def report(source: Integration, watch: Watch, priority: str, **more: Any) -> InboxEntry:
    """Report the same alert with a priority."""
    body = {"message": "Disk full", "alias": "d1", "priority": priority}
    return call(source, watch, "alerts", body | more)


@pytest.mark.usefixtures("silenced")
@pytest.mark.req("A52", "S4.3-07")
def test_a_muted_alert_that_gets_worse_is_sorted_anew_and_pages_at_once(
    watch: Watch, opsgenie: Integration
) -> None:
    report(opsgenie, watch, "P3")
    muted = Alert.objects.get()
    assert (muted.severity, muted.incident_id) == ("P3", None)
    watch.sleep_until(minutes(2))
    report(opsgenie, watch, "P3")
    assert not Incident.objects.exists()

    report(opsgenie, watch, "P1", message="Disk full and failing")

    worse, incident = Alert.objects.get(), Incident.objects.get()
    assert (worse.incident_id, worse.muted_by, worse.muted_at) == (
        incident.pk, [], None,
    )  # fmt: skip
    assert (worse.severity, incident.severity) == ("P1", "P1")
    assert (worse.title, worse.labels["severity"]) == (
        "Disk full and failing", "P1",
    )  # fmt: skip
    assert "severity = P1" in worse.classified_because
    assert worse.group_key == incident.group_key
    assert "/P1/" in worse.group_key
    told = TimelineEntry.objects.get(text="Alert firing: Disk full and failing")
    assert told.detail.startswith("Muted for 2 min, until its labels changed.")


@pytest.mark.usefixtures("silenced")
def test_a_muted_alert_of_other_labels_stays_muted_since_it_was(
    watch: Watch, opsgenie: Integration
) -> None:
    report(opsgenie, watch, "P3")
    watch.sleep_until(minutes(2))
    report(opsgenie, watch, "P3", tags=["night"], entity="disk 2")

    muted = Alert.objects.get()
    assert muted.muted_at == watch.start
    assert muted.muted_by
    assert not Incident.objects.exists()


@pytest.mark.usefixtures("silenced")
def test_repetitions_of_a_muted_alert_hold_no_incident(
    watch: Watch, opsgenie: Integration
) -> None:
    report(opsgenie, watch, "P3")
    _declare_in_the_group_of(Alert.objects.get(), watch)
    with CaptureQueriesContext(connection) as asked:
        report(opsgenie, watch, "P3")

    assert Alert.objects.get().count == 2
    folding = [one["sql"] for one in asked if "FOR UPDATE" in one["sql"]]
    assert not any(
        'FROM "watchbill_incident"' in one and "IN (" in one for one in folding
    )


def _declare_in_the_group_of(alert: Alert, watch: Watch) -> Incident:
    declaration = Declaration(
        title="Disks",
        severity=alert.severity,
        alert_type=alert.alert_type,
        group_key=alert.group_key,
    )
    return incidents.declare(declaration, actor=DANA, now=watch.clock.now())


@pytest.mark.req("S4.1-08")
def test_revised_words_outlive_repetitions_until_the_source_says_something_new(
    watch: Watch, opsgenie: Integration
) -> None:
    words = {"description": "97 %"}
    report(opsgenie, watch, "P3", **words)
    new = {"description": "We grow the volume"}
    call(opsgenie, watch, "alerts/d1/description", new, "PUT")
    report(opsgenie, watch, "P3", **words)

    notes = Alert.objects.get().annotations
    assert notes["description"] == "We grow the volume"
    assert notes["original_description"] == "97 %"

    report(opsgenie, watch, "P3", description="99 %")
    notes = Alert.objects.get().annotations
    assert notes["description"] == "99 %"
    assert "original_description" not in notes


@pytest.mark.usefixtures("silenced")
@pytest.mark.req("S4.1-08")
def test_a_revised_severity_of_a_muted_alert_outlives_repetitions(
    watch: Watch, opsgenie: Integration
) -> None:
    report(opsgenie, watch, "P3")
    call(opsgenie, watch, "alerts/d1/priority", {"priority": "P5"}, "PUT")
    revised = Alert.objects.get()
    report(opsgenie, watch, "P3")

    again = Alert.objects.get()
    assert again.labels["severity"] == revised.labels["severity"] == "P4"


@pytest.mark.req("S4.1-10", "S3.1-35")
def test_nothing_ends_or_is_acknowledged_before_its_incident_was_declared(
    watch: Watch, opsgenie: Integration
) -> None:
    report(opsgenie, watch, "P3")
    incident = Incident.objects.get()
    later = watch.start + minutes(5)
    Incident.objects.filter(pk=incident.pk).update(declared_at=later)

    call(opsgenie, watch, "alerts/d1/acknowledge", {"user": "ana"})
    incident.refresh_from_db()
    assert incident.acknowledged_at == later

    call(opsgenie, watch, "alerts/d1/close", {"user": "ana"})
    incident.refresh_from_db()
    assert (incident.status, incident.resolved_at) == ("resolved", later)
