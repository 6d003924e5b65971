"""The pages of heartbeats: who is awaited, what they said, and who may change it."""

import re
from datetime import datetime, timedelta
from html import unescape

import pytest
from django.test import Client

from tests.server import site
from watchbill.core.access import ConsoleRole
from watchbill.core.alerts import Beat, BeatKind
from watchbill.server import tokens
from watchbill.server.clock import VirtualClock
from watchbill.server.heartbeats import actions, pages, queries
from watchbill.server.heartbeats.actions import Wish
from watchbill.server.heartbeats.models import HeartbeatMonitor
from watchbill.server.intake.models import Integration, IntegrationKey
from watchbill.server.plans import queries as plans
from watchbill.server.plans.models import PlanVersion

pytestmark = pytest.mark.req("S4.1-12", "S5.1-13")

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FORM = {"name": "Nightly backup", "period": "1d", "grace": "30m", "severity": "P3"}


@pytest.fixture
def jobs(trm_plan: PlanVersion, virtual_clock: VirtualClock) -> Integration:
    return Integration.objects.create(
        kind="heartbeat", name="Jobs", created_at=virtual_clock.now(), options={}
    )


@pytest.fixture
def monitor(jobs: Integration, virtual_clock: VirtualClock) -> HeartbeatMonitor:
    wish = Wish(name="Nightly backup", period=DAY, grace=HOUR)
    return actions.create(jobs, "nightly-backup", wish, now=virtual_clock.now())


def say(monitor: HeartbeatMonitor, now: datetime, **words: object) -> None:
    report = Beat(name=monitor.slug, **words)  # type: ignore[arg-type]
    actions.beat(monitor.integration, report, now=now)


def state(monitor: HeartbeatMonitor, now: datetime) -> str:
    plan = plans.plan_of(plans.in_force(now=now).pk)
    found = queries.monitor(monitor.pk)
    assert found is not None
    return str(pages.row(found, plan, now=now)["state"])


def test_a_monitor_goes_through_its_states(
    monitor: HeartbeatMonitor, virtual_clock: VirtualClock
) -> None:
    now = virtual_clock.now()
    assert state(monitor, now) == "new"
    say(monitor, now)
    assert state(monitor, now) == "up"
    assert state(monitor, now + DAY) == "late"
    say(monitor, now, kind=BeatKind.START)
    assert state(monitor, now) == "started"
    say(monitor, now, kind=BeatKind.FAIL)
    assert state(monitor, now) == "down"
    actions.pause(monitor.pk, by="Dana", now=now)
    assert state(monitor, now) == "paused"


def test_the_list_shows_state_last_beat_and_a_bar_a_beat(
    stakeholder: Client, monitor: HeartbeatMonitor, virtual_clock: VirtualClock
) -> None:
    for kind in (BeatKind.START, BeatKind.SUCCESS, BeatKind.FAIL):
        say(monitor, virtual_clock.now(), kind=kind)
    page = stakeholder.get("/heartbeats/").text
    assert "Nightly backup" in page
    assert re.findall(r'<rect class="beat-(\w+)"', page) == ["success", "fail"]
    assert "The latest 2 beats" in page
    assert "incident #" in page
    assert "Await a job" not in page


def test_an_empty_list_says_how_it_fills(owner: Client) -> None:
    page = owner.get("/heartbeats/").text
    assert "A job is awaited from its first ping on." in page


def test_a_new_monitor_shows_its_address_once(owner: Client) -> None:
    page = owner.post("/heartbeats/create/", FORM).text
    made = HeartbeatMonitor.objects.get()
    assert (made.slug, made.severity) == ("nightly-backup", "P3")
    assert (made.period, made.grace) == (DAY, HOUR / 2)
    found = re.search(r"/ping/([0-9a-z]{32})/nightly-backup", page)
    assert found is not None
    key = IntegrationKey.objects.get(key_hash=tokens.digest(found[1]))
    assert key.integration == made.integration
    assert f"/ping/{found[1]}/nightly-backup/$?" in unescape(page)
    again = owner.get(f"/heartbeats/{made.pk}/").text
    assert found[1] not in again
    assert "/ping/YOUR_KEY/nightly-backup" in again


def test_the_first_sender_is_made_and_then_used_again(owner: Client) -> None:
    for name in ("One", "Two"):
        sender = Integration.objects.filter(kind="heartbeat").first()
        form = FORM | {"name": name} | ({"sender": sender.pk} if sender else {})
        assert owner.post("/heartbeats/create/", form).status_code == 200
    assert Integration.objects.filter(kind="heartbeat").count() == 1


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Nightly backup", "nightly-backup-2"),
        ("42", "job-42"),
        ("start", "job-start"),
        ("အရန်သိမ်း", "job"),
    ],
)
def test_the_name_in_the_address_is_free_and_means_nothing_else(
    owner: Client, monitor: HeartbeatMonitor, name: str, slug: str
) -> None:
    form = FORM | {"name": name, "sender": monitor.integration_id}
    owner.post("/heartbeats/create/", form)
    made = HeartbeatMonitor.objects.exclude(pk=monitor.pk).get()
    assert (made.name, made.slug) == (name, slug)


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("name", "", "This field is required."),
        ("period", "often", "“often” is not a duration|often&quot; is not a duration"),
        ("period", "30s", "At least 1m."),
        ("grace", "-1m", "is not a duration"),
        ("severity", "P9", "Select a valid choice"),
    ],
)
def test_a_form_that_cannot_be_is_shown_again_with_the_reason(
    owner: Client, field: str, value: str, problem: str
) -> None:
    answer = owner.post("/heartbeats/create/", FORM | {field: value})
    assert answer.status_code == 422
    assert re.search(problem, answer.text)
    assert not HeartbeatMonitor.objects.exists()


def test_a_further_address_leaves_the_keys_in_use_alone(
    owner: Client, monitor: HeartbeatMonitor
) -> None:
    page = owner.post(f"/heartbeats/{monitor.pk}/address/").text
    assert re.search(r"/ping/[0-9a-z]{32}/nightly-backup", page)
    assert IntegrationKey.objects.filter(revoked_at=None, expires_at=None).count() == 1


def test_a_monitoring_system_has_no_address_of_its_own(
    owner: Client, jobs: Integration, virtual_clock: VirtualClock
) -> None:
    made = actions.beat(jobs, Beat(), now=virtual_clock.now(), watchdog_labels={})
    assert made is not None
    assert "/ping/" not in owner.get(f"/heartbeats/{made.pk}/").text
    assert owner.post(f"/heartbeats/{made.pk}/address/").status_code == 404


def test_pausing_resuming_and_deleting_by_the_page(
    owner: Client, monitor: HeartbeatMonitor
) -> None:
    path = f"/heartbeats/{monitor.pk}/"
    assert "Paused" in owner.post(f"{path}pause/", follow=True).text
    assert "Paused" not in owner.post(f"{path}resume/", follow=True).text
    gone = owner.post(f"{path}delete/", follow=True).text
    assert "Nightly backup is deleted." in gone
    assert owner.get(path).status_code == 404


def test_changing_by_the_page(owner: Client, monitor: HeartbeatMonitor) -> None:
    form = FORM | {"name": "Backup", "period": "2h"}
    page = owner.post(f"/heartbeats/{monitor.pk}/change/", form, follow=True).text
    assert "every 2 h, at most 30 min late" in page
    refused = owner.post(f"/heartbeats/{monitor.pk}/change/", form | {"grace": "x"})
    assert refused.status_code == 422


def test_the_log_shows_what_a_job_printed_and_nothing_that_runs(
    owner: Client, monitor: HeartbeatMonitor, virtual_clock: VirtualClock
) -> None:
    log = "<script>alert(1)</script> ပြီးပါပြီ"
    say(monitor, virtual_clock.now(), kind=BeatKind.FAIL, exit_code=2, log=log)
    page = owner.get(f"/heartbeats/{monitor.pk}/").text
    assert "exit code 2" in page
    assert "ပြီးပါပြီ" in page
    assert "<script>alert" not in page


@pytest.mark.req("A25")
def test_a_job_of_the_plan_is_awaited_by_one_click(owner: Client) -> None:
    page = owner.get("/heartbeats/").text
    assert "Full System Backup" in page
    assert "a success is due by 02:15" in page
    made_page = owner.post("/heartbeats/windows/backup/").text
    made = HeartbeatMonitor.objects.get()
    assert (made.window, made.slug) == ("backup", "full-system-backup")
    assert made.period == DAY
    assert "in the window Full System Backup, by 02:15" in made_page
    assert "Await Full System Backup" not in owner.get("/heartbeats/").text
    owner.post("/heartbeats/windows/backup/")
    assert HeartbeatMonitor.objects.count() == 1
    assert owner.post("/heartbeats/windows/major/").status_code == 404


def test_whoever_may_not_manage_sees_no_keys_and_no_buttons(
    monitor: HeartbeatMonitor, virtual_clock: VirtualClock
) -> None:
    one = site.user(ConsoleRole.RESPONDER, now=virtual_clock.now())
    page = site.signed_in(one).get(f"/heartbeats/{monitor.pk}/").text
    assert "Nightly backup" in page
    assert "/ping/" not in page
    assert "Delete" not in page
