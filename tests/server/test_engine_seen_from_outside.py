"""Health, metrics and the engine's page: what others see of it (I12, A15)."""

import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client, override_settings

from tests.server import site
from watchbill.server.clock import VirtualClock
from watchbill.server.engine import actions, hold, measures
from watchbill.server.engine.models import AuditRun, Heartbeat, Outage
from watchbill.server.plans.models import PlanVersion

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "prometheus"
PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="no promtool here")


def run_well(clock: VirtualClock) -> None:
    """Leave what a whole engine leaves."""
    wall = clock.wall()
    actions.report("one", version="1", cycled_at=wall, wall=wall)
    AuditRun.objects.create(started_at=wall, finished_at=wall, is_clean=True)


@pytest.fixture
def anybody(trm_plan: PlanVersion) -> Client:
    return Client()


def test_a_whole_engine_is_healthy_and_says_how_it_stands(
    anybody: Client, virtual_clock: VirtualClock
) -> None:
    run_well(virtual_clock)
    virtual_clock.advance(timedelta(seconds=59))

    response = anybody.get("/health/engine")

    assert response.status_code == 200
    assert response.json() | {"text": ""} == {
        "status": "ok",
        "text": "",
        "cycled_at": "2026-02-07T20:00:00+00:00",
        "cycle_age_seconds": 59.0,
        "audited_at": "2026-02-07T20:00:00+00:00",
        "audit_age_seconds": 59.0,
        "due_step_lag_seconds": 0.0,
        "outbox_age_seconds": 0.0,
        "nodes": 1,
        "gate": {"required": None, "ours": 1},
        "held_until": None,
        "clock": {"ahead_seconds": 0.0, "moved_seconds": 0.0},
        "heartbeat_at": None,
        "last_outage": None,
    }


def test_without_a_cycle_or_a_clean_audit_for_a_minute_it_is_not(
    anybody: Client, virtual_clock: VirtualClock
) -> None:
    run_well(virtual_clock)
    virtual_clock.advance(timedelta(seconds=60))
    silent = anybody.get("/health/engine")
    assert (silent.status_code, silent.json()["status"]) == (503, "silent")

    wall = virtual_clock.wall()
    actions.report("one", version="1", cycled_at=wall, wall=wall)
    AuditRun.objects.create(
        started_at=wall, finished_at=wall, is_clean=False, findings=["It is on fire."]
    )
    unaudited = anybody.get("/health/engine")
    assert (unaudited.status_code, unaudited.json()["status"]) == (503, "unaudited")
    assert "It is on fire." in unaudited.json()["text"]


def test_the_console_says_it_and_an_owner_releases_a_hold(
    owner: Client, stakeholder: Client, virtual_clock: VirtualClock
) -> None:
    run_well(virtual_clock)
    hold.begin("a backup was restored", wall=virtual_clock.wall())
    assert Client().get("/health/engine").json()["status"] == "held"
    page = owner.get("/incidents/").text
    assert "nobody is being paged. The reason: a backup was restored" in page
    assert "/engine/release" in page
    theirs = stakeholder.get("/incidents/").text
    assert "nobody is being paged" in theirs
    assert "/engine/release" not in theirs

    assert stakeholder.post("/engine/release").status_code == 403
    assert owner.post("/engine/release").status_code == 302
    assert Client().get("/health/engine").json()["status"] == "ok"


def test_only_owners_are_told_that_there_is_no_watchdog_until_they_know(
    owner: Client, stakeholder: Client, virtual_clock: VirtualClock
) -> None:
    run_well(virtual_clock)
    words = "Nothing outside watches watchbill"
    assert words in owner.get("/incidents/").text
    assert words not in stakeholder.get("/incidents/").text
    owner.post("/engine/dismiss-watchdog")
    assert words not in owner.get("/incidents/").text
    assert Heartbeat.objects.get().dismissed_by == "Owner"


def test_a_heartbeat_that_fails_is_seen_by_owners(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    run_well(virtual_clock)
    Heartbeat.objects.create(id=1, trouble="the watchdog answered 404")
    with override_settings(HEARTBEAT_URL="https://watchdog.example.org/x"):
        assert "the watchdog answered 404" in owner.get("/incidents/").text


def test_an_outage_is_shown_for_half_a_day(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    wall = virtual_clock.wall()
    Outage.objects.create(began_at=wall - timedelta(minutes=30), ended_at=wall)
    words = "watchbill did not run from 2026-02-07 19:30 to 2026-02-07 20:00"
    assert words in owner.get("/incidents/").text
    virtual_clock.advance(timedelta(hours=13))
    assert words not in owner.get("/incidents/").text


def test_the_page_of_the_engine_shows_nodes_and_findings(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    run_well(virtual_clock)
    wall = virtual_clock.wall()
    AuditRun.objects.create(
        started_at=wall, finished_at=wall, is_clean=False, findings=["Look at #7."]
    )
    page = owner.get("/engine/")
    assert page.status_code == 200
    assert "Look at #7." in page.text
    assert "one" in page.text


# ── Metrics ─────────────────────────────────────────────────────────────────────


def fill(clock: VirtualClock) -> None:
    run_well(clock)
    secret = site.declare("SECRET-TITLE", now=clock.now())
    site.notification(secret, now=clock.now(), channel="email")
    measures.fired("ladder", [clock.now()], now=clock.now())
    measures.failed("ladder")
    measures.folded(clock.now(), now=clock.now())
    measures.attempted("email", "delivered")
    measures.first_attempt("email", timedelta(seconds=1))
    measures.acknowledged(timedelta(minutes=2))


def test_metrics_are_for_this_machine_unless_a_token_is_set(
    anybody: Client, virtual_clock: VirtualClock
) -> None:
    def status(**extra: str) -> int:
        return anybody.get("/metrics", **extra).status_code  # type: ignore[arg-type]

    assert status() == 200
    assert status(REMOTE_ADDR="::1") == 200
    assert status(REMOTE_ADDR="203.0.113.7") == 403
    assert status(REMOTE_ADDR="") == 403
    assert status(HTTP_X_FORWARDED_FOR="203.0.113.7") == 403
    # A proxy that says nothing of itself: people come by another name than ours.
    with override_settings(BASE_URL="https://watch.example.org"):
        assert status() == 403
    with override_settings(BASE_URL="http://localhost:8000"):
        assert status() == 200
    with override_settings(METRICS_TOKEN="open sesame"):
        assert status() == 403
        assert status(HTTP_AUTHORIZATION="Bearer wrong") == 403
        assert status(HTTP_AUTHORIZATION="Basic open sesame") == 403
        right = "Bearer open sesame"
        assert status(HTTP_AUTHORIZATION=right, REMOTE_ADDR="203.0.113.7") == 200


@pytest.mark.req("A15")
def test_metrics_hold_numbers_and_no_incident(
    anybody: Client, virtual_clock: VirtualClock
) -> None:
    fill(virtual_clock)
    text = anybody.get("/metrics").text
    assert "SECRET" not in text
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    names = {line.partition("{")[2].partition("=")[0] for line in lines if "{" in line}
    assert names == {"channel", "kind", "le", "version"}
    assert 'watchbill_outbox_messages{channel="email"} 1.0' in lines
    assert "watchbill_up 1.0" in lines
    assert "watchbill_nodes_alive 1.0" in lines


def ask(command: list[str], given: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command, input=given, capture_output=True, text=True, timeout=30, check=False
    )


@needs_promtool
def test_promtool_finds_no_fault_in_the_metrics(
    anybody: Client, virtual_clock: VirtualClock
) -> None:
    fill(virtual_clock)
    told = ask(["promtool", "check", "metrics"], anybody.get("/metrics").text)
    assert (told.returncode, told.stderr, told.stdout) == (0, "", "")


@needs_promtool
def test_promtool_finds_no_fault_in_the_examples() -> None:
    rules = ask(["promtool", "check", "rules", str(EXAMPLES / "watchbill.rules.yml")])
    assert rules.returncode == 0, rules.stderr
    config = ["promtool", "check", "config", "--syntax-only"]
    told = ask([*config, str(EXAMPLES / "prometheus.yml")])
    assert told.returncode == 0, told.stderr


def test_the_examples_name_only_metrics_that_exist(
    anybody: Client, virtual_clock: VirtualClock
) -> None:
    fill(virtual_clock)
    text = anybody.get("/metrics").text
    rules = (EXAMPLES / "watchbill.rules.yml").read_text("utf-8")
    words = (
        rules.replace("(", " ")
        .replace(")", " ")
        .replace("{", " ")
        .replace("[", " ")
        .split()
    )
    named = {word for word in words if word.startswith("watchbill_")}
    assert named
    assert {name for name in named if f"# TYPE {name} " not in text} == set()
