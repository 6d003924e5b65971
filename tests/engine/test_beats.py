"""Signs of life and their absence: when silence is an incident, and when it is not."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from tests.engine.watch import Watch
from watchbill.core.alerts import Beat, BeatKind
from watchbill.core.incidents import IncidentAction
from watchbill.server.alerts.models import Alert
from watchbill.server.clock import VirtualClock
from watchbill.server.engine import beats, kinds
from watchbill.server.engine.kinds import Moment
from watchbill.server.heartbeats import actions, queries
from watchbill.server.heartbeats.actions import Wish
from watchbill.server.heartbeats.models import HeartbeatEvent, HeartbeatMonitor
from watchbill.server.incidents import actions as incidents
from watchbill.server.incidents.actions import Actor
from watchbill.server.incidents.models import Incident, TimelineEntry
from watchbill.server.intake.models import InboxEntry, Integration
from watchbill.server.providers import Reach
from watchbill.server.timers import actions as timers
from watchbill.server.timers import queries as timer_queries

pytestmark = [
    pytest.mark.usefixtures("trm_plan"),
    pytest.mark.req("S4.1-12", "S5.1-13"),
]

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
DANA = Actor(label="Dana", contact_key="technical_lead")
NOBODY = Reach(provided=(), posts=frozenset())


@pytest.fixture
def sender(trm_plan: object, virtual_clock: VirtualClock) -> Integration:
    return Integration.objects.create(
        kind="heartbeat", name="Jobs", created_at=virtual_clock.now(), options={}
    )


class Ear:
    """An engine that listens for beats, and for nothing else."""

    def __init__(self, clock: VirtualClock, sender: Integration) -> None:
        self.clock = clock
        self.sender = sender

    def beat(self, name: str = "backup", **values: Any) -> HeartbeatMonitor:
        with transaction.atomic():
            report = Beat(name=name, **values)
            found = actions.beat(self.sender, report, now=self.clock.now())
        assert found is not None
        return found

    def watchdog(self, **labels: str) -> HeartbeatMonitor:
        with transaction.atomic():
            found = actions.beat(
                self.sender, Beat(), now=self.clock.now(), watchdog_labels=labels
            )
        assert found is not None
        return found

    def look(self) -> int:
        now = self.clock.now()
        return kinds.run(beats.KIND, Moment(now=now, wall=now, reach=NOBODY))

    def until(self, at: datetime) -> None:
        """Run to an instant, waking when there is something to look at."""
        while (due := timer_queries.next_wake_at(queries.KIND)) and due <= at:
            self.clock.move_to(max(due, self.clock.now()))
            self.look()
        self.clock.move_to(at)

    def after(self, by: timedelta) -> None:
        self.until(self.clock.now() + by)


@pytest.fixture
def ear(virtual_clock: VirtualClock, sender: Integration) -> Ear:
    return Ear(virtual_clock, sender)


def again(monitor: HeartbeatMonitor) -> HeartbeatMonitor:
    return HeartbeatMonitor.objects.get(pk=monitor.pk)


def only_incident() -> Incident:
    return Incident.objects.get()


def told(incident: Incident) -> list[str]:
    rows = TimelineEntry.objects.filter(incident=incident, kind="alert")
    return list(rows.order_by("pk").values_list("text", flat=True))


def usual(ear: Ear, **options: str) -> HeartbeatMonitor:
    """A job that speaks every ten minutes, or two minutes later."""
    Integration.objects.filter(pk=ear.sender.pk).update(
        options={"period": "10m", "grace": "2m"} | options
    )
    ear.sender.refresh_from_db()
    return ear.beat()


# ── The first beat ──────────────────────────────────────────────────────────────


def test_the_first_beat_of_a_job_makes_its_monitor(ear: Ear) -> None:
    made = ear.beat("nightly-backup", log="saved 4 GB")
    assert (made.slug, made.name) == ("nightly-backup", "nightly-backup")
    assert (made.period, made.grace) == (DAY, HOUR)
    assert made.last_success_at == ear.clock.now()
    assert HeartbeatEvent.objects.get().log == "saved 4 GB"


def test_the_options_of_the_integration_say_how_often_a_new_job_speaks(
    ear: Ear,
) -> None:
    made = usual(ear)
    assert (made.period, made.grace) == (10 * MINUTE, 2 * MINUTE)


def test_options_that_cannot_be_read_are_as_if_not_set(ear: Ear) -> None:
    assert usual(ear, period="often").period == DAY


def test_a_monitoring_system_is_missed_by_the_rules_of_the_plan(ear: Ear) -> None:
    one = ear.watchdog(cluster="yangon", prometheus="k8s/main")
    other = ear.watchdog()
    assert (one.slug, one.name) == ("yangon k8s/main", "Jobs: yangon k8s/main")
    assert (other.slug, other.name) == ("", "Jobs")
    assert (one.period, one.grace, one.severity) == (5 * MINUTE, timedelta(0), "P2")
    assert one.is_watchdog


def test_a_sender_that_invents_names_does_not_fill_the_table(
    ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "MAX_MONITORS", 2)
    for name in ("a", "b"):
        ear.beat(name)
    report = Beat(name="c")
    assert actions.beat(ear.sender, report, now=ear.clock.now()) is None
    assert actions.beat(ear.sender, Beat(name="a"), now=ear.clock.now()) is not None


def test_nothing_is_awaited_before_the_first_beat(ear: Ear) -> None:
    wish = Wish(name="Backup", period=MINUTE, grace=MINUTE)
    actions.create(ear.sender, "backup", wish, now=ear.clock.now())
    ear.after(30 * DAY)
    assert not Incident.objects.exists()


def test_the_latest_hundred_beats_are_kept(ear: Ear) -> None:
    for number in range(105):
        ear.beat(exit_code=0, log=str(number))
    logs = HeartbeatEvent.objects.order_by("pk").values_list("log", flat=True)
    assert list(logs) == [str(number) for number in range(5, 105)]


# ── Silence ─────────────────────────────────────────────────────────────────────


def test_silence_of_the_monitoring_for_five_minutes_is_a_p2(ear: Ear) -> None:
    ear.watchdog(cluster="yangon")
    ear.after(5 * MINUTE)
    incident = only_incident()
    assert incident.severity == "P2"
    assert incident.title == "No sign of life from Jobs: yangon for 5 min"
    assert incident.group_key == f"heartbeat/{HeartbeatMonitor.objects.get().pk}"


def test_a_job_is_late_at_the_end_of_its_period_and_grace_and_not_before(
    ear: Ear,
) -> None:
    made = usual(ear)
    ear.after(12 * MINUTE - timedelta(microseconds=1))
    assert not Incident.objects.exists()
    ear.after(timedelta(microseconds=1))
    assert only_incident().declared_at == ear.clock.now()
    assert again(made).missed_at == ear.clock.now()


def test_a_beat_a_moment_before_the_end_is_in_time(ear: Ear) -> None:
    usual(ear)
    ear.after(12 * MINUTE - timedelta(microseconds=1))
    ear.beat()
    ear.after(MINUTE)
    assert not Incident.objects.exists()
    ear.after(11 * MINUTE)
    assert Incident.objects.exists()


def test_the_incident_shows_what_the_job_printed_last(ear: Ear) -> None:
    usual(ear)
    ear.beat(log="copying /srv …")
    ear.after(HOUR)
    summary = only_incident().summary
    assert "copying /srv …" in summary
    assert "Its last success was on 2026-02-08 at 02:30 (+0630)." in summary


def test_periods_are_exact_across_midnight_in_yangon(ear: Ear) -> None:
    ear.clock.move_to(datetime(2026, 2, 8, 17, 29, tzinfo=UTC))  # 23:59 in Yangon
    usual(ear)
    ear.after(11 * MINUTE)
    assert not Incident.objects.exists()
    ear.after(MINUTE)
    assert only_incident().declared_at == datetime(2026, 2, 8, 17, 41, tzinfo=UTC)


def test_one_silence_is_one_incident_however_long_it_lasts(ear: Ear) -> None:
    usual(ear)
    ear.after(2 * DAY)
    assert told(only_incident()) == []


def test_a_silence_that_goes_on_after_its_incident_was_resolved_is_told_anew(
    ear: Ear,
) -> None:
    usual(ear)
    ear.after(12 * MINUTE)
    first = only_incident()
    ear.after(20 * MINUTE)
    incidents.perform(first.pk, IncidentAction.RESOLVE, actor=DANA, now=ear.clock.now())
    ear.after(11 * MINUTE)
    assert Incident.objects.count() == 1
    ear.after(2 * MINUTE)
    second = Incident.objects.exclude(pk=first.pk).get()
    assert second.title == "No sign of life from backup for 44 min"


def test_a_severity_of_its_own_counts_while_the_plan_knows_it(ear: Ear) -> None:
    made = usual(ear)
    for severity, expected in (("P1", "P1"), ("P9", "P2")):
        HeartbeatMonitor.objects.filter(pk=made.pk).update(severity=severity)
        ear.beat()
        ear.after(12 * MINUTE)
        incident = Incident.objects.latest("pk")
        assert incident.severity == expected
        incidents.perform(
            incident.pk, IncidentAction.RESOLVE, actor=DANA, now=ear.clock.now()
        )


# ── It speaks again ─────────────────────────────────────────────────────────────


@pytest.mark.req("S4.1-10")
def test_whoever_speaks_again_proposes_the_end_of_the_incident(ear: Ear) -> None:
    made = usual(ear)
    ear.after(15 * MINUTE)
    ear.beat()
    incident = only_incident()
    assert incident.resolve_proposed_at == ear.clock.now()
    assert incident.resolved_at is None
    assert told(incident)[0] == "backup is alive again"
    assert again(made).missed_at is None


@pytest.mark.req("S4.1-10")
def test_where_the_plan_lets_it_the_incident_ends_by_itself(ear: Ear) -> None:
    made = usual(ear)
    HeartbeatMonitor.objects.filter(pk=made.pk).update(severity="P3")
    ear.after(15 * MINUTE)
    ear.beat()
    assert only_incident().resolved_at == ear.clock.now()


# ── Failures and runs ───────────────────────────────────────────────────────────


def test_a_failure_is_told_at_once(ear: Ear) -> None:
    ear.beat()
    ear.beat(kind=BeatKind.FAIL, exit_code=2, log="disk full")
    incident = only_incident()
    assert incident.title == "backup failed with exit code 2"
    assert "disk full" in incident.summary
    assert incident.declared_by == "Jobs"


def test_failures_join_the_open_incident_and_withdraw_its_end(ear: Ear) -> None:
    ear.beat(kind=BeatKind.FAIL)
    ear.beat()
    assert only_incident().resolve_proposed_at is not None
    ear.beat(kind=BeatKind.FAIL, exit_code=1)
    incident = only_incident()
    assert incident.resolve_proposed_at is None
    assert told(incident)[-1] == "backup failed with exit code 1"


def test_a_job_that_failed_is_not_missed_before_its_next_run(ear: Ear) -> None:
    usual(ear)
    ear.after(11 * MINUTE)
    made = ear.beat(kind=BeatKind.FAIL)
    ear.after(11 * MINUTE)
    assert again(made).missed_at is None
    ear.after(MINUTE)
    assert again(made).missed_at == ear.clock.now()
    assert "No sign of life from backup for 23 min" in told(only_incident())


def test_a_run_that_does_not_end_within_the_grace_is_late(ear: Ear) -> None:
    usual(ear)
    ear.beat(kind=BeatKind.START)
    ear.after(2 * MINUTE)
    assert only_incident().title == "backup has run for 2 min and not ended"


def test_a_run_that_ends_is_timed(ear: Ear) -> None:
    usual(ear)
    ear.beat(kind=BeatKind.START, run="a")
    ear.after(MINUTE)
    ear.beat(kind=BeatKind.START, run="b")
    ear.after(MINUTE / 2)
    made = ear.beat(run="a")
    first = HeartbeatEvent.objects.latest("pk")
    assert first.took == 1.5 * MINUTE
    assert made.started_at is not None, "run b goes on"
    made = ear.beat(run="b", kind=BeatKind.FAIL)
    assert HeartbeatEvent.objects.latest("pk").took == MINUTE / 2
    assert made.started_at is None


def test_words_alone_are_no_sign_of_success(ear: Ear) -> None:
    usual(ear)
    ear.after(11 * MINUTE)
    made = ear.beat(kind=BeatKind.LOG, log="still copying")
    assert made.last_kind == BeatKind.SUCCESS
    ear.after(MINUTE)
    assert "still copying" in only_incident().summary


# ── People ──────────────────────────────────────────────────────────────────────


def test_a_paused_monitor_pages_nobody_and_keeps_its_record(ear: Ear) -> None:
    made = usual(ear)
    actions.pause(made.pk, by="Dana", now=ear.clock.now())
    ear.after(DAY)
    ear.beat(kind=BeatKind.FAIL)
    assert not Incident.objects.exists()
    assert HeartbeatEvent.objects.count() == 2


def test_after_it_is_resumed_its_silence_counts_anew(ear: Ear) -> None:
    made = usual(ear)
    actions.pause(made.pk, by="Dana", now=ear.clock.now())
    ear.after(DAY)
    actions.resume(made.pk, now=ear.clock.now())
    ear.after(11 * MINUTE)
    assert not Incident.objects.exists()
    ear.after(MINUTE)
    assert Incident.objects.exists()


def test_a_deleted_monitor_is_asked_no_more_and_made_again_by_a_beat(ear: Ear) -> None:
    made = usual(ear)
    actions.delete(made.pk, by="Dana", now=ear.clock.now())
    ear.after(DAY)
    assert not Incident.objects.exists()
    assert timer_queries.next_wake_at(queries.KIND) is None
    assert ear.beat().pk != made.pk


def test_a_look_at_a_monitor_that_is_gone_ends(ear: Ear) -> None:
    timers.plan(queries.KIND, 4711, None, due_at=ear.clock.now())
    assert ear.look() == 1
    assert timer_queries.next_wake_at(queries.KIND) is None


def test_a_shorter_period_does_not_page_for_the_past(ear: Ear) -> None:
    made = usual(ear)
    ear.after(11 * MINUTE)
    wish = Wish(name="Backup", period=3 * MINUTE, grace=MINUTE)
    actions.change(made.pk, wish, now=ear.clock.now())
    ear.after(3 * MINUTE)
    assert not Incident.objects.exists()
    ear.after(MINUTE)
    assert Incident.objects.exists()


# ── Windows of the plan ─────────────────────────────────────────────────────────


def in_window(ear: Ear) -> HeartbeatMonitor:
    """The plan's backup: from 01:00 to 02:00 in Yangon, and 15 minutes more."""
    wish = Wish(name="Full System Backup", period=DAY, grace=15 * MINUTE)
    made = actions.create(
        ear.sender, "backup", wish, window="backup", now=ear.clock.now()
    )
    ear.clock.move_to(datetime(2026, 2, 8, 18, 45, tzinfo=UTC))  # 01:15 in Yangon
    ear.beat()
    return made


def yangon(day: int, hour: int, minute: int) -> datetime:
    return datetime(2026, 2, day, hour, minute, tzinfo=UTC) - timedelta(
        hours=6, minutes=30
    )


@pytest.mark.req("A25")
def test_a_backup_that_is_not_reported_by_two_and_the_grace_is_missed(ear: Ear) -> None:
    in_window(ear)
    ear.until(yangon(10, 2, 14))
    assert not Incident.objects.exists()
    ear.until(yangon(10, 2, 15))
    incident = only_incident()
    assert incident.declared_at == yangon(10, 2, 15)
    title = "Full System Backup has not reported a success by 02:15"
    assert incident.title == title


@pytest.mark.req("A25")
def test_a_backup_that_is_reported_within_its_window_is_awaited_the_next_day(
    ear: Ear,
) -> None:
    in_window(ear)
    ear.until(yangon(10, 1, 0))
    ear.beat()
    ear.until(yangon(11, 2, 14))
    assert not Incident.objects.exists()
    ear.until(yangon(11, 2, 15))
    assert Incident.objects.exists()


@pytest.mark.req("A25")
def test_a_success_before_the_window_is_one_of_the_day_before(ear: Ear) -> None:
    in_window(ear)
    ear.until(yangon(10, 0, 59))
    ear.beat()
    ear.until(yangon(10, 2, 15))
    assert Incident.objects.exists()


# ── watchbill's own deafness ────────────────────────────────────────────────────


def start_pulse(ear: Ear) -> None:
    timers.ensure(queries.KIND, due_at=ear.clock.now())


def test_for_the_time_in_which_nobody_could_be_heard_no_job_is_missed(
    ear: Ear,
) -> None:
    start_pulse(ear)
    made = usual(ear)
    ear.after(5 * MINUTE)
    ear.clock.advance(HOUR)  # nothing runs
    began = ear.clock.now()
    ear.until(began + 12 * MINUTE - timedelta(seconds=1))
    assert not Incident.objects.exists()
    ear.until(began + 12 * MINUTE + timedelta(seconds=1))
    assert only_incident().declared_at == began + 12 * MINUTE
    assert again(made).missed_at == began + 12 * MINUTE


def test_a_pulse_that_another_engine_holds_is_seen_to_be_late(ear: Ear) -> None:
    start_pulse(ear)
    made = usual(ear)
    ear.clock.advance(HOUR)
    pulse = timer_queries.hold(queries.KIND, 0)
    assert pulse is not None
    step = timer_queries.hold(queries.KIND, made.pk)
    assert step is not None
    moment = Moment(now=ear.clock.now(), wall=ear.clock.now(), reach=NOBODY)
    beats.KIND.fire([step], moment)
    assert not Incident.objects.exists()


def test_a_short_delay_of_the_engine_changes_nothing(ear: Ear) -> None:
    start_pulse(ear)
    usual(ear)
    ear.after(11 * MINUTE + 50 * timedelta(seconds=1))
    ear.clock.advance(timedelta(seconds=25))
    ear.look()
    assert Incident.objects.exists()


def test_posts_that_wait_to_be_folded_are_waited_for(ear: Ear) -> None:
    usual(ear)
    ear.after(11 * MINUTE)
    post = InboxEntry.objects.create(
        integration=ear.sender, received_at=ear.clock.now(), body=b""
    )
    ear.after(MINUTE + timedelta(seconds=5))
    assert not Incident.objects.exists()
    InboxEntry.objects.filter(pk=post.pk).update(folded_at=ear.clock.now())
    ear.after(timedelta(seconds=1))
    assert Incident.objects.exists()


def test_posts_from_after_the_instant_are_not_waited_for(ear: Ear) -> None:
    usual(ear)
    ear.clock.advance(12 * MINUTE)
    InboxEntry.objects.create(
        integration=ear.sender, received_at=ear.clock.now(), body=b""
    )
    ear.look()
    assert Incident.objects.exists()


# ── Two engines ─────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("transactional_db")
def test_two_engines_declare_one_incident(ear: Ear) -> None:
    names = [f"job-{number}" for number in range(20)]
    for name in names:
        ear.beat(name)
    ear.clock.advance(2 * DAY)
    errors: list[BaseException] = []

    def look() -> None:
        try:
            while ear.look():
                pass
        except BaseException as error:  # handed to the test's own thread
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=look) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert not errors
    assert Incident.objects.count() == len(names)
    missed = HeartbeatMonitor.objects.exclude(missed_at=None)
    assert missed.count() == len(names)


# ── From the alert that always fires to a page ──────────────────────────────────


@pytest.mark.req("S4.1-01")
def test_when_the_watchdog_of_prometheus_falls_silent_somebody_is_paged(
    watch: Watch, sender: Integration
) -> None:
    prometheus = Integration.objects.create(
        kind="alertmanager", name="Prometheus", created_at=watch.start, options={}
    )
    watchdog = {
        "status": "firing",
        "labels": {"alertname": "Watchdog", "severity": "none", "cluster": "yangon"},
        "startsAt": "2026-01-01T00:00:00Z",
    }
    for minute in range(4):
        watch.at(minute * MINUTE)
        watch.post(prometheus, watchdog)
    watch.at(3 * MINUTE + 5 * MINUTE - timedelta(seconds=1))
    assert not Incident.objects.exists()
    assert not Alert.objects.exists()
    watch.at(8 * MINUTE)
    incident = only_incident()
    title = "No sign of life from Prometheus: yangon for 5 min"
    assert (incident.severity, incident.title) == ("P2", title)
    assert watch.told
    watch.post(prometheus, watchdog)
    watch.settle()
    assert told(only_incident())[0] == "Prometheus: yangon is alive again"


def test_a_mail_becomes_an_incident(watch: Watch, sender: Integration) -> None:
    machine = Integration.objects.create(
        kind="mail_in", name="Old machine", created_at=watch.start, options={}
    )
    for subject in ("Battery low", "Re: Battery low", "OK: Battery low"):
        InboxEntry.objects.create(
            integration=machine,
            received_at=watch.clock.now(),
            body=f"Subject: {subject}\r\nFrom: ups@example.org\r\n\r\n12 %".encode(),
        )
    watch.settle()
    alert = Alert.objects.get()
    assert (alert.title, alert.count) == ("Battery low", 2)
    assert alert.status == "resolved"
    assert only_incident().summary == "12 %"
