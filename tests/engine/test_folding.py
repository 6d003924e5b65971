"""From what sources posted to alerts and incidents."""

import json

import pytest
from django.db import connection

from tests.engine.watch import Watch, alert, minutes, prometheus
from watchbill.core.incidents import IncidentAction, IncidentStatus
from watchbill.server.alerts.models import Alert
from watchbill.server.engine import fold
from watchbill.server.incidents.models import Incident, TimelineEntry
from watchbill.server.intake import actions as intake
from watchbill.server.intake.models import InboxEntry


@pytest.mark.req("S4.1-01", "S4.3-04", "S4.3-07", "A60", "S0-01")
def test_a_payment_alert_becomes_a_p1_of_its_route(watch: Watch) -> None:
    entry = watch.post(prometheus(watch.start), alert())

    watch.settle()

    incident = Incident.objects.get()
    assert (incident.severity, incident.alert_type) == ("P1", "payment")
    assert incident.title == "PaymentSuccessLow is firing"
    assert incident.plan_version.label == "1.0"
    entry.refresh_from_db()
    [said] = entry.disposition or []
    assert (said["reason"], said["incident"]) == ("first_seen", incident.pk)


@pytest.mark.req("S4.1-09")
def test_the_same_alert_again_is_counted_and_opens_nothing(watch: Watch) -> None:
    source = prometheus(watch.start)
    for _ in range(3):
        watch.post(source, alert())
        watch.settle()

    assert Alert.objects.get().count == 3
    assert Incident.objects.count() == 1


@pytest.mark.req("S4.1-09")
def test_alerts_of_one_group_share_an_incident(watch: Watch) -> None:
    source = prometheus(watch.start)
    watch.post(source, alert(instance="a"), alert(instance="b"))

    watch.settle()

    assert Alert.objects.count() == 2
    assert Incident.objects.count() == 1


def test_two_sources_of_the_same_alert_share_an_incident(watch: Watch) -> None:
    watch.post(prometheus(watch.start), alert())
    watch.post(prometheus(watch.start), alert())

    watch.settle()

    assert Alert.objects.count() == 2
    assert Incident.objects.count() == 1


@pytest.mark.req("S4.1-10")
def test_the_end_of_a_p1_alert_proposes_and_a_human_confirms(watch: Watch) -> None:
    source = prometheus(watch.start)
    watch.post(source, alert())
    watch.at(minutes(3))
    watch.post(source, alert(status="resolved"))
    watch.settle()

    incident = Incident.objects.get()
    assert Alert.objects.get().status == "resolved"
    assert incident.status == IncidentStatus.TRIGGERED
    assert incident.resolve_proposed_at == watch.clock.now()
    assert TimelineEntry.objects.filter(text__startswith="All alerts have ended")


@pytest.mark.req("S4.1-10")
def test_the_end_of_a_p3_alert_resolves_the_incident_by_itself(watch: Watch) -> None:
    source = prometheus(watch.start)
    disk = {"alert_type": "infrastructure", "severity": "warning"}
    watch.post(source, alert("HostDiskHigh", **disk))
    watch.at(minutes(3))
    watch.post(source, alert("HostDiskHigh", status="resolved", **disk))
    watch.settle()

    assert Incident.objects.get().status == IncidentStatus.RESOLVED


@pytest.mark.req("S4.1-10")
def test_an_incident_waits_for_the_end_of_its_last_alert(watch: Watch) -> None:
    source = prometheus(watch.start)
    watch.post(source, alert(instance="a"), alert(instance="b"))
    watch.settle()
    watch.post(source, alert(status="resolved", instance="a"))
    watch.settle()

    assert Incident.objects.get().resolve_proposed_at is None


def test_an_alert_that_fires_again_after_the_resolve_opens_a_new_incident(
    watch: Watch,
) -> None:
    source = prometheus(watch.start)
    watch.post(source, alert())
    watch.settle()
    watch.post(source, alert(status="resolved"))
    watch.settle()
    first = Incident.objects.get()
    watch.at(minutes(5)).act(first, IncidentAction.RESOLVE)
    again = alert() | {"startsAt": "2026-02-07T20:06:00Z"}
    watch.at(minutes(6))
    watch.post(source, again)
    watch.settle()

    assert Incident.objects.count() == 2
    assert Alert.objects.filter(is_current=True).count() == 1
    assert first.alerts.count() == 1


def test_a_flap_while_the_incident_is_open_joins_it(watch: Watch) -> None:
    source = prometheus(watch.start)
    for minute in range(1, 6):
        watch.at(minutes(minute))
        started = f"2026-02-07T20:0{minute}:00Z"
        watch.post(source, alert() | {"startsAt": started})
        watch.post(source, alert(status="resolved") | {"startsAt": started})
        watch.settle()

    assert Incident.objects.count() == 1
    assert Alert.objects.count() == 1


@pytest.mark.req("A58")
def test_a_start_in_the_future_is_clamped_and_both_are_kept(watch: Watch) -> None:
    ahead = alert() | {"startsAt": "2030-01-01T00:00:00Z"}
    watch.post(prometheus(watch.start), ahead)

    watch.settle()

    stored = Alert.objects.get()
    assert stored.starts_at == watch.start
    assert stored.claimed_starts_at is not None
    assert stored.claimed_starts_at.year == 2030


@pytest.mark.req("S4.3-07")
def test_an_alert_nobody_foresaw_goes_to_the_catch_all_and_is_marked(
    watch: Watch,
) -> None:
    strange = {"labels": {"alertname": "Strange"}, "status": "firing"}
    watch.post(prometheus(watch.start), strange)

    watch.settle()

    stored = Alert.objects.get()
    assert stored.is_catch_all
    assert stored.alert_type == "infrastructure"


def test_a_drill_source_makes_a_drill_and_says_so_in_every_message(
    watch: Watch,
) -> None:
    watch.post(prometheus(watch.start, is_drill=True), alert())

    watch.at(minutes(1))

    assert Incident.objects.get().is_drill
    assert all(one.notice.subject.startswith("DRILL") for one in watch.told)


def test_a_post_that_cannot_be_read_is_set_aside_and_stalls_no_other(
    watch: Watch,
) -> None:
    source = prometheus(watch.start)
    poison = InboxEntry.objects.create(
        integration=source, received_at=watch.start, body=b'{"alerts": 7}'
    )
    watch.post(source, alert())

    watch.settle()

    poison.refresh_from_db()
    assert poison.quarantined_at == watch.start
    assert "$.alerts" in poison.error
    assert bytes(poison.body) == b'{"alerts": 7}'
    titles = Incident.objects.values_list("title", flat=True)
    assert sorted(titles) == [
        "PaymentSuccessLow is firing",
        "Prometheus posts what cannot be read",
    ]


def test_a_post_that_was_set_aside_can_be_tried_again(watch: Watch) -> None:
    source = prometheus(watch.start)
    poison = InboxEntry.objects.create(
        integration=source, received_at=watch.start, body=b"{"
    )
    watch.settle()
    good = watch.post(source, alert())
    InboxEntry.objects.filter(pk=poison.pk).update(body=good.body)

    count = intake.fold_again(now=watch.clock.now())
    watch.settle()

    poison.refresh_from_db()
    assert count == 1
    assert poison.folded_at is not None
    assert poison.quarantined_at is None


def test_a_critical_alert_does_not_hide_in_an_incident_that_wakes_nobody(
    watch: Watch,
) -> None:
    source = prometheus(watch.start)
    kind = {"alert_type": "infrastructure"}
    watch.post(source, alert("HostDiskHigh", severity="warning", **kind))
    watch.settle()
    watch.post(source, alert("HostDiskHigh", severity="critical", **kind))
    watch.at(minutes(1))

    severities = Incident.objects.values_list("severity", flat=True)
    assert sorted(severities) == ["P2", "P3"]
    assert "devops" in {who for _, who in watch.story()}


@pytest.mark.req("S2.1-09", "S2.1-10")
def test_a_category_that_nobody_is_expert_of_is_the_routes(watch: Watch) -> None:
    source = prometheus(watch.start)
    watch.post(source, alert("One", category="x" * 900), alert("Two", category="ml"))

    watch.settle()

    assert dict(Incident.objects.values_list("title", "category")) == {
        "One is firing": "payment",
        "Two is firing": "ml",
    }


@pytest.mark.req("S1-02", "S3.2-19")
def test_an_alert_that_lay_in_the_inbox_began_when_it_was_received(
    watch: Watch,
) -> None:
    watch.post(prometheus(watch.start), alert())

    watch.sleep_until(minutes(40)).settle()

    incident = Incident.objects.get()
    assert incident.declared_at == watch.start
    assert {one.after for one in watch.told} == {minutes(40)}
    assert "eng-mgr" in {one.who for one in watch.told}
    assert all("late" in one.notice.paragraphs[-1] for one in watch.told)


@pytest.mark.req("S4.1-10")
def test_an_alert_that_fires_again_withdraws_the_proposal(watch: Watch) -> None:
    source = prometheus(watch.start)
    watch.post(source, alert())
    watch.settle()
    watch.at(minutes(1)).post(source, alert(status="resolved"))
    watch.settle()
    again = alert() | {"startsAt": "2026-02-07T20:02:00Z"}
    watch.at(minutes(2)).post(source, again)
    watch.settle()

    assert Incident.objects.get().resolve_proposed_at is None


@pytest.mark.req("S4.1-09")
@pytest.mark.parametrize("is_first", [True, False])
def test_a_drill_and_what_is_real_never_share_an_incident(
    watch: Watch, *, is_first: bool
) -> None:
    for is_drill in (is_first, not is_first):
        watch.post(prometheus(watch.start, is_drill=is_drill), alert())
        watch.settle()

    told = Incident.objects.values_list("is_drill", "alerts__integration__is_drill")
    assert sorted(told) == [(False, False), (True, True)]


@pytest.mark.req("S4.2-23")
def test_a_drill_inhibits_nothing_real(watch: Watch) -> None:
    disk = {"alert_type": "infrastructure", "instance": "web-1"}
    drill = prometheus(watch.start, is_drill=True)
    watch.post(drill, alert("HostDiskHigh", severity="critical", **disk))
    watch.settle()
    watch.post(
        prometheus(watch.start), alert("HostDiskHigh", severity="warning", **disk)
    )
    watch.settle()

    real = Alert.objects.get(integration__is_drill=False)
    assert real.muted_by == []
    assert real.incident is not None
    assert not real.incident.is_drill


@pytest.mark.req("A15")
@pytest.mark.parametrize("first", ["database", "security"])
def test_what_is_confidential_by_its_category_shares_no_incident_with_the_rest(
    watch: Watch, first: str
) -> None:
    source = prometheus(watch.start)
    second = {"database": "security", "security": "database"}[first]
    for category in (first, second):
        watch.post(source, alert("Odd", category=category, instance=category))
        watch.settle()

    told = Incident.objects.values_list("is_confidential", "alerts__labels__category")
    assert sorted(told) == [(False, "database"), (True, "security")]


@pytest.mark.req("S4.1-10")
def test_a_resolve_that_repeats_nothing_wipes_no_words_and_links(watch: Watch) -> None:
    source = prometheus(watch.start)
    words = {
        "summary": "Disk full",
        "description": "97 %",
        "runbook_url": "https://r/1",
    }
    watch.post(source, alert() | {"annotations": words})
    watch.settle()
    before = Alert.objects.get()
    watch.post(source, alert(status="resolved") | {"annotations": {}})
    watch.settle()

    after = Alert.objects.get()
    assert after.status == "resolved"
    assert after.annotations["description"] == "97 %"
    assert (after.annotations, after.links) == (before.annotations, before.links)
    assert after.links


def test_a_passing_fault_is_tried_again_in_the_next_round_and_not_at_once(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = watch.post(prometheus(watch.start), alert())
    tries = []

    def deadlock(*_args: object, **_more: object) -> None:
        tries.append(1)
        with connection.cursor() as cursor:
            cursor.execute("DO $$ BEGIN RAISE EXCEPTION SQLSTATE '40P01'; END $$")

    monkeypatch.setattr(fold, "fold_posts", deadlock)
    assert fold.fold_waiting(now=watch.start) == 0
    entry.refresh_from_db()
    assert (len(tries), entry.failures) == (1, 0)

    monkeypatch.undo()
    assert fold.fold_waiting(now=watch.start) == 1


@pytest.mark.req("S3.1-33")
def test_text_of_any_kind_survives_the_way_into_the_database(watch: Watch) -> None:
    odd = "\u1004\u103d\u1031 \u0000 \ud83d\ude00 <script> %s ' \" \u202e"
    body = {
        "version": "4",
        "alerts": [
            {
                "status": "firing",
                "labels": {"alertname": odd, "severity": "critical"},
                "annotations": {"summary": odd, "description": odd * 500},
            }
        ],
    }
    InboxEntry.objects.create(
        integration=prometheus(watch.start),
        received_at=watch.start,
        body=json.dumps(body).encode(),
    )

    watch.at(minutes(6))

    assert "\u1004\u103d\u1031" in Incident.objects.get().title
    assert watch.told
