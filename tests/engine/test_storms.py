"""When everything breaks at once, people get one incident a route, not hundreds."""

from collections import Counter

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.engine.watch import DANA, Watch, alert, minutes, prometheus
from watchbill.core.incidents import IncidentAction
from watchbill.server.alerts.models import Alert
from watchbill.server.engine.fold import fold_waiting
from watchbill.server.incidents import grading
from watchbill.server.incidents.models import Incident
from watchbill.server.intake.models import Integration

STORM = "storm/P3/infrastructure"
DISK = {"alert_type": "infrastructure", "severity": "warning"}


def groups(watch: Watch, count: int, **labels: str) -> None:
    """Post one alert for each of so many groups."""
    source = prometheus(watch.start)
    for number in range(count):
        watch.post(source, alert(f"Group{number}", **(DISK | labels)))
    watch.settle()


@pytest.mark.req("S4.2-26")
def test_groups_beyond_the_limit_share_the_incident_of_the_storm(watch: Watch) -> None:
    groups(watch, 40)

    storm = Incident.objects.get(group_key=STORM)
    assert Incident.objects.count() == 22
    title = "Alert storm of severity P3, Infrastructure: 19 groups of alerts"
    assert storm.title == title
    assert storm.alerts.count() == 19


@pytest.mark.req("S4.2-26")
def test_a_worse_alert_never_hides_in_a_storm(watch: Watch) -> None:
    groups(watch, 40)
    watch.post(prometheus(watch.start), alert("PaymentSuccessLow"))
    watch.settle()

    worst = Incident.objects.get(severity="P1")
    assert worst.group_key.startswith("payment/P1/")


@pytest.mark.req("S4.1-09", "S4.2-26")
def test_a_group_that_joined_the_storm_stays_with_it(watch: Watch) -> None:
    groups(watch, 25)
    storm = Incident.objects.get(group_key=STORM)
    watch.at(minutes(20))
    watch.post(
        prometheus(watch.start), alert("Group24", **DISK), alert("Fresh", **DISK)
    )
    watch.settle()

    by_name = dict(Alert.objects.values_list("labels__alertname", "incident"))
    assert by_name["Group24"] == storm.pk
    assert by_name["Fresh"] != storm.pk


def test_a_storm_that_was_resolved_takes_no_more_alerts(watch: Watch) -> None:
    groups(watch, 25)
    storm = Incident.objects.get(group_key=STORM)
    watch.act(storm, IncidentAction.RESOLVE)
    watch.at(minutes(6))
    watch.post(prometheus(watch.start), alert("Group24", **DISK))
    watch.settle()

    latest = Alert.objects.latest("pk")
    assert latest.incident_id != storm.pk
    assert latest.incident is not None
    assert latest.incident.group_key.startswith("infra")


@pytest.mark.req("A15")
def test_confidential_alerts_never_join_a_storm(watch: Watch) -> None:
    groups(watch, 30, alert_type="security")

    assert Incident.objects.filter(is_confidential=True).count() == 30


@pytest.mark.req("S4.2-26", "S4.3-01")
def test_each_route_has_its_share_of_a_storm_and_tells_its_own_people(
    watch: Watch,
) -> None:
    groups(watch, 22)
    source = prometheus(watch.start)
    ai = {"alert_type": "application", "severity": "warning", "category": "ml"}
    watch.post(source, alert("Slow", **ai), alert("Slower", **ai | {"category": "dba"}))
    watch.settle()

    storms = Incident.objects.filter(group_key__startswith="storm/").order_by("pk")
    own = [(one.alert_type, one.alerts.count()) for one in storms]
    assert own == [("infrastructure", 1), ("application", 2)]
    # Whoever came first does not say whose all the others are.
    assert storms[1].category != "ml"


@pytest.mark.req("S4.2-26")
def test_an_incident_whose_severity_changed_counts_for_the_one_it_came_with(
    watch: Watch,
) -> None:
    groups(watch, 20)
    for incident in Incident.objects.all():
        grading.change_severity(
            incident.pk, "P2", reason="it grew", actor=DANA, now=watch.clock.now()
        )
    worse = DISK | {"severity": "critical"}
    watch.post(prometheus(watch.start), alert("Other", **worse))
    watch.post(prometheus(watch.start), alert("Last", **DISK), alert("Next", **DISK))
    watch.settle()

    assert Alert.objects.get(labels__alertname="Next").incident == Incident.objects.get(
        group_key=STORM
    )
    assert not Incident.objects.filter(group_key__startswith="storm/P2/").exists()


@pytest.mark.req("S4.2-26")
def test_a_drill_joins_no_storm_and_makes_none(watch: Watch) -> None:
    groups(watch, 25)
    drill = prometheus(watch.start, is_drill=True)
    for number in range(25):
        watch.post(drill, alert(f"Group{number}", **DISK))
    watch.settle()

    drills = Incident.objects.filter(is_drill=True)
    assert drills.count() == 25
    assert Incident.objects.get(group_key=STORM).alerts.count() == 4


def test_repetitions_hold_no_storm(watch: Watch) -> None:
    groups(watch, 25)
    source = Integration.objects.get()
    watch.post(source, alert("Group24", **DISK))

    with CaptureQueriesContext(connection) as asked:
        fold_waiting(now=watch.clock.now())

    held = [one["sql"] for one in asked if "FOR UPDATE" in one["sql"]]
    assert held
    assert not any('FROM "watchbill_incident"' in one for one in held)


def test_a_storm_can_be_switched_off(watch: Watch, without_storms: None) -> None:
    groups(watch, 40)

    kinds = Counter(Incident.objects.values_list("severity", flat=True))
    assert kinds == {"P3": 40}
