"""Who is not paged for an alert, for how long, and what happens when that is over."""

from datetime import datetime, timedelta

import pytest
from django.db import connection

from tests.engine.watch import Watch, alert, minutes, plan_with, prometheus
from watchbill.core.incidents import IncidentAction
from watchbill.server.alerts import search
from watchbill.server.alerts.models import Alert
from watchbill.server.alerts.search import Filters
from watchbill.server.clock import VirtualClock
from watchbill.server.engine import beats, mutes
from watchbill.server.engine.hearing import PATIENCE
from watchbill.server.engine.kinds import Moment, run
from watchbill.server.engine.mutes import judge_muted
from watchbill.server.incidents.models import Incident, TimelineEntry
from watchbill.server.intake import actions as intake
from watchbill.server.intake.models import Integration
from watchbill.server.plans.models import PlanVersion
from watchbill.server.silences import actions as silences
from watchbill.server.silences.actions import Draft
from watchbill.server.silences.matching import Written
from watchbill.server.silences.models import Silence
from watchbill.server.timers import actions as timers

DISK = {"alert_type": "infrastructure", "instance": "web-1"}


def silence(watch: Watch, *, until: timedelta, name: str = "alertname") -> Silence:
    """Silence what is about disks, from now on."""
    value = "HostDiskHigh" if name == "alertname" else "web-1"
    return silences.create(
        Draft(
            matchers=(Written(name=name, value=value),),
            starts_at=watch.clock.now(),
            ends_at=watch.start + until,
            author="Ana",
            comment="the disk is being replaced",
        ),
        now=watch.clock.now(),
    )


def judge(watch: Watch) -> None:
    """Do one round of the kind at this instant."""
    judge_muted(now=watch.clock.now())


@pytest.mark.req("S4.3-07", "A52")
def test_a_silenced_alert_fires_and_is_listed_and_pages_nobody(watch: Watch) -> None:
    silence(watch, until=minutes(60))
    watch.post(prometheus(watch.start), alert("HostDiskHigh", **DISK))

    watch.at(minutes(5))

    muted = Alert.objects.get()
    assert (muted.status, muted.incident_id) == ("firing", None)
    assert [one["kind"] for one in muted.muted_by] == ["silence"]
    assert "Ana" in muted.muted_by[0]["text"]
    assert not watch.told
    assert not Incident.objects.exists()
    listed = search.page(
        Filters(show="muted"), after=None, limit=10, confidential=False
    )
    assert listed.alerts == [muted]
    assert search.counts(confidential=False).muted == 1


@pytest.mark.req("A52")
def test_when_the_silence_ends_its_incident_is_declared_at_once_and_says_why(
    watch: Watch,
) -> None:
    silence(watch, until=minutes(43))
    watch.post(prometheus(watch.start), alert("HostDiskHigh", **DISK))
    watch.at(minutes(42))
    judge(watch)
    assert not Incident.objects.exists()

    watch.at(minutes(43))
    judge(watch)
    watch.settle()

    incident = Incident.objects.get()
    assert incident.declared_at == watch.start + minutes(43)
    one = TimelineEntry.objects.get(text="Alert firing: HostDiskHigh is firing")
    assert one.detail.startswith("Muted for 43 min by silenced by Ana")
    released = Alert.objects.get()
    assert (released.incident_id, released.muted_by) == (incident.pk, [])
    assert watch.told


def test_a_mute_that_ends_while_no_engine_runs_is_noticed_by_the_next_one(
    watch: Watch,
) -> None:
    silence(watch, until=minutes(10))
    watch.post(prometheus(watch.start), alert("HostDiskHigh", **DISK))
    watch.settle()

    watch.sleep_until(minutes(90))
    timers.ensure(mutes.KIND.name, due_at=watch.start)
    now = watch.clock.now()
    moment = Moment(now=now, wall=now, reach=watch.channels.reach)
    assert run(mutes.KIND, moment) == 1

    assert Incident.objects.get().declared_at == watch.start + minutes(90)


@pytest.mark.req("S4.1-11", "A52")
def test_a_silence_of_a_key_mutes_no_alert_of_another_integration(watch: Watch) -> None:
    own, other = prometheus(watch.start), prometheus(watch.start)
    made = silence(watch, until=minutes(60))
    Silence.objects.filter(pk=made.pk).update(integration=own)

    watch.post(own, alert("HostDiskHigh", instance="web-1"))
    watch.post(other, alert("HostDiskHigh", instance="web-2"))
    watch.settle()

    rows = Alert.objects.order_by("integration").values_list("integration", "incident")
    assert list(rows) == [(own.pk, None), (other.pk, Incident.objects.get().pk)]


def test_an_alert_that_two_silences_mute_waits_for_both(watch: Watch) -> None:
    silence(watch, until=minutes(10))
    silence(watch, until=minutes(20), name="instance")
    watch.post(prometheus(watch.start), alert("HostDiskHigh", **DISK))
    watch.settle()
    assert len(Alert.objects.get().muted_by) == 2

    watch.at(minutes(10))
    judge(watch)
    assert len(Alert.objects.get().muted_by) == 1
    assert not Incident.objects.exists()

    watch.at(minutes(20))
    judge(watch)
    detail = TimelineEntry.objects.get(text__startswith="Alert firing").detail
    assert "Muted for 20 min" in detail


def test_a_silence_that_is_ended_early_lets_the_alert_go_at_once(watch: Watch) -> None:
    made = silence(watch, until=minutes(60))
    watch.post(prometheus(watch.start), alert("HostDiskHigh", **DISK))
    watch.at(minutes(2))

    silences.expire(made.public_id, by="Ana", now=watch.clock.now())
    judge(watch)

    assert Incident.objects.get().declared_at == watch.start + minutes(2)


def test_a_muted_alert_that_ends_leaves_a_record_and_opens_nothing(
    watch: Watch,
) -> None:
    silence(watch, until=minutes(10))
    source = prometheus(watch.start)
    watch.post(source, alert("HostDiskHigh", **DISK))
    watch.at(minutes(1))
    watch.post(source, alert("HostDiskHigh", status="resolved", **DISK))
    watch.at(minutes(11))
    judge(watch)

    over = Alert.objects.get()
    assert (over.status, over.incident_id) == ("resolved", None)
    assert over.muted_by
    assert not Incident.objects.exists()


def test_a_silence_never_touches_an_incident_that_is_open(watch: Watch) -> None:
    source = prometheus(watch.start)
    watch.post(source, alert("HostDiskHigh", **DISK))
    watch.settle()
    silence(watch, until=minutes(60))

    watch.post(source, alert("HostDiskHigh", **DISK))
    watch.at(minutes(1))
    judge(watch)

    seen = Alert.objects.get()
    assert (seen.count, seen.muted_by) == (2, [])
    assert seen.incident_id == Incident.objects.get().pk


def test_an_alert_that_would_join_an_open_incident_waits_for_its_mute_to_end(
    watch: Watch,
) -> None:
    source = prometheus(watch.start)
    watch.post(source, alert("HostDiskHigh", alert_type="infrastructure", instance="a"))
    watch.settle()
    silence(watch, until=minutes(5), name="instance")
    watch.post(source, alert("HostDiskHigh", **DISK))
    watch.settle()
    second = Alert.objects.latest("pk")
    assert second.incident_id is None

    watch.at(minutes(5))
    judge(watch)

    second.refresh_from_db()
    assert second.incident_id == Incident.objects.get().pk


def test_an_alert_received_before_a_silence_was_made_pages(watch: Watch) -> None:
    watch.post(prometheus(watch.start), alert("HostDiskHigh", **DISK))
    watch.sleep_until(minutes(5))
    silence(watch, until=minutes(60))

    watch.settle()

    assert Incident.objects.get().declared_at == watch.start


@pytest.mark.req("S4.2-23")
def test_while_the_critical_alert_fires_the_warning_of_its_metric_is_muted(
    watch: Watch,
) -> None:
    source = prometheus(watch.start)
    critical = alert("HostDiskHigh", severity="critical", **DISK)
    watch.post(source, critical)
    watch.settle()
    watch.post(source, alert("HostDiskHigh", severity="warning", **DISK))
    watch.post(
        source, alert("HostDiskHigh", severity="warning", alert_type="infrastructure")
    )
    watch.settle()

    mutes_of = dict(Alert.objects.values_list("labels__severity", "incident"))
    assert mutes_of["critical"] is not None
    inhibited = Alert.objects.get(labels__severity="warning", labels__instance="web-1")
    assert inhibited.incident_id is None
    assert "the critical alert of the same metric" in inhibited.muted_by[0]["text"]
    assert Alert.objects.exclude(labels__has_key="instance").get().incident_id

    watch.at(minutes(3))
    watch.post(source, critical | {"status": "resolved"})
    watch.settle()
    judge(watch)

    inhibited.refresh_from_db()
    assert inhibited.incident_id is not None


@pytest.mark.req("S4.2-23")
def test_source_and_target_of_an_inhibition_may_come_in_one_post(watch: Watch) -> None:
    watch.post(
        prometheus(watch.start),
        alert("HostDiskHigh", severity="critical", **DISK),
        alert("HostDiskHigh", severity="warning", **DISK),
    )

    watch.settle()

    assert Incident.objects.get().severity == "P2"
    assert Alert.objects.get(labels__severity="warning").incident_id is None


@pytest.mark.req("A52", "S4.3-07")
def test_a_maintenance_window_mutes_while_it_is_open_and_no_longer(
    virtual_clock: VirtualClock, trm_plan: PlanVersion
) -> None:
    plan_with(virtual_clock, ("first: 2026-02-15", "first: 2026-02-08"))
    watch = Watch(virtual_clock)
    watch.post(prometheus(watch.start), alert("HostDiskHigh", **DISK))
    watch.settle()
    assert Alert.objects.get().muted_by[0]["kind"] == "maintenance"

    ends_at = datetime.fromisoformat("2026-02-07T21:30:00Z")  # 04:00 in Yangon
    watch.clock.move_to(ends_at)
    judge(watch)

    assert Incident.objects.get().declared_at == ends_at


@pytest.mark.req("A15", "A52")
def test_no_maintenance_hides_the_worst_or_an_intrusion(
    virtual_clock: VirtualClock, trm_plan: PlanVersion
) -> None:
    plan_with(virtual_clock, ("first: 2026-02-15", "first: 2026-02-08"))
    watch = Watch(virtual_clock)
    source = prometheus(watch.start)
    watch.post(source, alert("PlatformDown", severity="critical", service="web"))
    watch.post(source, alert("SuspiciousLogin", severity="warning"))
    watch.post(source, alert("HostDiskHigh", **DISK))

    watch.settle()

    assert set(Incident.objects.values_list("severity", flat=True)) == {"P1", "P3"}
    assert Incident.objects.get(severity="P3").is_confidential
    muted = Alert.objects.get(incident=None)
    assert muted.labels["alertname"] == "HostDiskHigh"


def test_judging_again_changes_nothing_while_nothing_changes(watch: Watch) -> None:
    silence(watch, until=minutes(60))
    watch.post(prometheus(watch.start), alert("HostDiskHigh", **DISK))
    watch.settle()

    before = Alert.objects.values().get()

    assert judge_muted(now=watch.clock.now()) == mutes.SOON

    assert Alert.objects.values().get() == before


def test_a_person_who_resolves_an_incident_does_not_free_what_is_muted(
    watch: Watch,
) -> None:
    source = prometheus(watch.start)
    silence(watch, until=minutes(60), name="instance")
    watch.post(source, alert("HostDiskHigh", **DISK))
    watch.post(source, alert("HostDiskHigh", alert_type="infrastructure", instance="b"))
    watch.settle()
    watch.act(Incident.objects.get(), IncidentAction.RESOLVE)
    judge(watch)

    assert Alert.objects.get(labels__instance="web-1").incident_id is None
    assert Incident.objects.count() == 1


def inhibited(watch: Watch, source: Integration, cause: Integration) -> Alert:
    """Let a critical alert of one source inhibit a warning of another."""
    watch.post(cause, alert("HostDiskHigh", severity="critical", **DISK))
    watch.settle()
    watch.post(source, alert("HostDiskHigh", severity="warning", **DISK))
    watch.settle()
    target = Alert.objects.get(labels__severity="warning")
    assert target.incident_id is None
    return target


@pytest.mark.req("S4.2-23")
def test_an_alert_whose_incident_people_resolved_inhibits_no_other(
    watch: Watch,
) -> None:
    source = prometheus(watch.start)
    target = inhibited(watch, source, source)
    first = Incident.objects.get()

    watch.act(first, IncidentAction.RESOLVE)
    judge(watch)

    target.refresh_from_db()
    assert target.incident_id is not None
    assert target.incident_id != first.pk


@pytest.mark.req("S4.2-23")
def test_an_alert_of_a_revoked_integration_inhibits_no_other(watch: Watch) -> None:
    source, cause = prometheus(watch.start), prometheus(watch.start)
    target = inhibited(watch, source, cause)

    intake.revoke(cause.pk, now=watch.clock.now())
    judge(watch)

    target.refresh_from_db()
    assert target.incident_id is not None


def test_after_downtime_a_resolve_that_waits_is_folded_before_its_alert_is_released(
    watch: Watch,
) -> None:
    timers.ensure(beats.KIND.name, due_at=watch.start)
    silence(watch, until=minutes(10))
    source = prometheus(watch.start)
    watch.post(source, alert("HostDiskHigh", **DISK))
    watch.settle()
    watch.sleep_until(minutes(20))
    watch.post(source, alert("HostDiskHigh", status="resolved", **DISK))
    watch.sleep_until(minutes(60))

    judge(watch)
    watch.fire(watch.clock.now())  # the pulse; the post waits
    judge(watch)
    assert not Incident.objects.exists()
    watch.settle()
    judge(watch)

    assert Alert.objects.get().status == "resolved"
    assert not Incident.objects.exists()


def test_a_post_that_is_never_folded_holds_back_no_page_for_more_than_its_time(
    watch: Watch,
) -> None:
    silence(watch, until=minutes(10))
    source = prometheus(watch.start)
    watch.post(source, alert("HostDiskHigh", **DISK))
    watch.at(minutes(10))
    watch.post(source, alert("HostDiskHigh", **DISK))

    judge(watch)
    assert not Incident.objects.exists()
    watch.sleep_until(minutes(10) + PATIENCE)
    judge(watch)

    assert Incident.objects.count() == 1


@pytest.mark.req("S4.1-10")
def test_a_released_alert_that_joins_withdraws_the_proposal_to_resolve(
    watch: Watch,
) -> None:
    source = prometheus(watch.start)
    watch.post(source, alert("HostDiskHigh", alert_type="infrastructure", instance="a"))
    watch.settle()
    silence(watch, until=minutes(5), name="instance")
    watch.post(source, alert("HostDiskHigh", **DISK))
    watch.settle()
    Incident.objects.update(resolve_proposed_at=watch.clock.now())

    watch.at(minutes(5))
    judge(watch)

    joined = Incident.objects.get()
    assert joined.resolve_proposed_at is None
    assert Alert.objects.latest("pk").incident_id == joined.pk


def muted(watch: Watch, *names: str) -> None:
    """Let alerts fire that are muted for ten minutes."""
    silence(watch, until=minutes(10), name="instance")
    source = prometheus(watch.start)
    for name in names:
        watch.post(source, alert(name, **DISK))
    watch.at(minutes(10))


def test_an_alert_that_cannot_be_released_keeps_no_other_from_its_incident(
    watch: Watch,
) -> None:
    muted(watch, "HostCpuHigh", "Spoilt", "HostDiskHigh", "HostMemoryHigh")
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS"
            " $$BEGIN RAISE EXCEPTION 'spoilt'; END$$"
        )
        cursor.execute(
            "CREATE TRIGGER spoil BEFORE INSERT ON watchbill_incident FOR EACH ROW"
            " WHEN (NEW.title LIKE 'Spoilt%') EXECUTE FUNCTION spoil()"
        )

    judge(watch)

    assert Incident.objects.count() == 3
    assert Alert.objects.get(incident=None).labels["alertname"] == "Spoilt"


def test_when_many_are_released_the_next_round_begins_at_once(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mutes, "MOST_CHANGED", 2)
    muted(watch, "HostCpuHigh", "HostDiskHigh", "HostMemoryHigh")

    assert judge_muted(now=watch.clock.now()) == timedelta(0)
    assert Alert.objects.filter(incident=None).count() == 1
    assert judge_muted(now=watch.clock.now()) > timedelta(0)
    assert not Alert.objects.filter(incident=None).exists()
