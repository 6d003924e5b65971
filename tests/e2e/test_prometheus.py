"""The real Prometheus and the real Alertmanager, as their users set them up."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.doubles.slack_server import SlackDouble
from tests.doubles.smtp_server import SmtpDouble
from tests.e2e.product import Product, channels, eventually, free_port
from watchbill.plan import bundled
from watchbill.plan.rules import render_rules

PROGRAMS = ("prometheus", "promtool", "prometheus-alertmanager", "amtool")
MISSING = [name for name in PROGRAMS if shutil.which(name) is None]

pytestmark = [
    pytest.mark.prometheus,
    pytest.mark.skipif(
        bool(MISSING),
        reason=f"NO PROMETHEUS TEST RAN: {', '.join(MISSING)} missing (Debian:"
        " apt install --no-install-recommends prometheus prometheus-alertmanager)",
    ),
]

ALERTMANAGER = """\
route:
  receiver: watchbill
  group_by: [alertname, service]
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 1h
receivers:
  - name: watchbill
    webhook_configs:
      - url: {url}
        send_resolved: true
        http_config:
          authorization:
            credentials: {key}
"""
PROMETHEUS = """\
global:
  scrape_interval: 1s
  evaluation_interval: 1s
rule_files: [rules.yml]
alerting:
  alertmanagers:
    - static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""
RULES = """\
groups:
  - name: watchbill
    rules:
      - alert: PaymentGatewayDown
        expr: vector(1)
        labels: {severity: critical, service: payments}
        annotations:
          summary: KBZPay does not answer
          description: Every payment of the last {{ $value }} min has failed.
"""
RULE_TEST = """\
rule_files: [rules.yml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series: []
    alert_rule_test:
      - eval_time: 1m
        alertname: PaymentGatewayDown
        exp_alerts:
          - exp_labels: {severity: critical, service: payments}
            exp_annotations:
              summary: KBZPay does not answer
              description: Every payment of the last 1 min has failed.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """An Alertmanager that posts to an installation."""

    product: Product
    alertmanager: int
    place: Path
    smtp: SmtpDouble
    slack: SlackDouble

    def amtool(self, *words: str) -> str:
        url = f"--alertmanager.url=http://127.0.0.1:{self.alertmanager}"
        return run("amtool", *words, url)

    def incident(self, service: str) -> tuple[int, str, str]:
        """Return number, severity and title of a service's incident, once there."""
        rows = eventually(
            lambda: self.product.rows(
                "SELECT i.id, i.severity, i.title FROM watchbill_alert a"
                " JOIN watchbill_incident i ON i.id = a.incident_id"
                " WHERE a.labels->>'service' = %s",
                service,
            ),
            f"the alert of {service} is an incident",
        )
        ((number, severity, title),) = rows
        return number, severity, title

    def told(self, number: int) -> tuple[str, str]:
        """Return the subject of a mail and the text of a post about an incident."""
        mark = f"(#{number})"

        def found() -> tuple[str, str] | None:
            subjects = [str(one.message["Subject"]) for one in list(self.smtp.messages)]
            texts = [one.text for one in list(self.slack.messages)]
            mail = next((one for one in subjects if mark in one), None)
            post = next((one for one in texts if mark in one), None)
            return (mail, post) if mail and post else None

        answer = eventually(found, f"mail and chat have told of {number}")
        assert answer is not None
        return answer


@pytest.fixture(scope="module")
def stack(home: Path, smtp: SmtpDouble, slack: SlackDouble) -> Iterator[Stack]:
    with ExitStack() as exits:
        product = exits.enter_context(Product(home, env=channels(smtp, slack)))
        url, _, key = product.create_integration().rpartition("/")
        config = home / "alertmanager.yml"
        config.write_text(ALERTMANAGER.format(url=url, key=key))
        assert "SUCCESS" in run("amtool", "check-config", str(config))
        port = free_port()
        exits.callback(
            stop,
            start(
                home / "alertmanager.log",
                "prometheus-alertmanager",
                f"--config.file={config}",
                f"--storage.path={home / 'alertmanager'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--cluster.listen-address=",
            ),
        )
        await_ready(port)
        yield Stack(
            product=product, alertmanager=port, place=home, smtp=smtp, slack=slack
        )
        assert product.stderr == ""


@pytest.mark.req("S4.1-01", "S4.1-09", "S4.1-10", "S3.2-01", "S7.1-01")
def test_an_alert_of_alertmanager_pages_and_its_end_asks_a_human(stack: Stack) -> None:
    labels = ["PlatformDown", "severity=critical", "service=edge"]
    note = "--annotation=summary=Nobody reaches the platform"
    stack.amtool("alert", "add", *labels, note)

    number, severity, title = stack.incident("edge")
    mail, post = stack.told(number)
    stack.amtool(
        "alert", "add", *labels, note, f"--end={datetime.now(UTC).isoformat()}"
    )
    eventually(
        lambda: stack.product.rows(
            "SELECT 1 FROM watchbill_incident"
            " WHERE id = %s AND resolve_proposed_at IS NOT NULL",
            number,
        ),
        "the incident is proposed to be resolved",
    )

    assert (severity, title) == ("P1", "Nobody reaches the platform")
    assert mail == f"[P1] Page: Nobody reaches the platform (#{number})"
    assert "Nobody reaches the platform" in post
    found = stack.product.rows(
        "SELECT a.status, i.status FROM watchbill_alert a"
        " JOIN watchbill_incident i ON i.id = a.incident_id WHERE i.id = %s",
        number,
    )
    assert found == [("resolved", "triggered")]


@pytest.mark.req("S4.1-10")
def test_an_incident_that_pages_nobody_ends_with_its_alert(stack: Stack) -> None:
    labels = ["HostDiskHigh", "severity=warning", "service=disk"]
    stack.amtool("alert", "add", *labels)
    number, severity, _ = stack.incident("disk")

    stack.amtool("alert", "add", *labels, f"--end={datetime.now(UTC).isoformat()}")
    eventually(
        lambda: stack.product.rows(
            "SELECT 1 FROM watchbill_incident WHERE id = %s AND status = 'resolved'",
            number,
        ),
        "the incident has resolved by itself",
    )

    assert severity == "P3"


@pytest.mark.req("S4.1-01", "S4.3-02")
def test_a_rule_of_prometheus_fires_and_pages(stack: Stack) -> None:
    place = stack.place / "prometheus"
    place.mkdir()
    files = {
        "prometheus.yml": PROMETHEUS.format(port=stack.alertmanager),
        "rules.yml": RULES,
        "rules_test.yml": RULE_TEST,
    }
    for name, text in files.items():
        (place / name).write_text(text)
    run("promtool", "check", "config", str(place / "prometheus.yml"))
    run("promtool", "test", "rules", str(place / "rules_test.yml"))
    port = free_port()
    prometheus = start(
        place / "log",
        "prometheus",
        f"--config.file={place / 'prometheus.yml'}",
        f"--storage.tsdb.path={place / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        # What is fired before the Alertmanager was discovered waits for the next turn.
        "--rules.alert.resend-delay=1s",
    )
    try:
        number, severity, title = stack.incident("payments")
        mail, _ = stack.told(number)
        with closing(stack.product.create_owner()) as owner:
            page = owner.get(f"/incidents/{number}/").text
    finally:
        stop(prometheus)

    assert (severity, title) == ("P1", "KBZPay does not answer")
    assert mail == f"[P1] Page: KBZPay does not answer (#{number})"
    assert "Every payment of the last 1 min has failed." in page
    people = {to for one in stack.smtp.messages for to in one.recipients}
    assert "payments@trm.rocks" in people


@pytest.mark.req("S4.2-21")
def test_the_rules_of_the_plan_drift_when_somebody_edits_the_file(
    tmp_path: Path,
) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text(render_rules(bundled("trm")))
    config = tmp_path / "prometheus.yml"
    config.write_text("rule_files: [rules.yml]\n")
    port = free_port()
    prometheus = start(
        tmp_path / "log",
        "prometheus",
        f"--config.file={config}",
        f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--web.enable-lifecycle",
    )
    url = f"http://127.0.0.1:{port}"
    try:
        await_ready(port)
        fine = drift(url)
        text = rules.read_text()
        assert "keep_firing_for: 5m" in text
        rules.write_text(text.replace("severity: critical", "severity: page", 1))
        httpx2.post(f"{url}/-/reload").raise_for_status()
        drifted = drift(url)
    finally:
        stop(prometheus)

    assert fine == (0, [])
    code, found = drifted
    assert code == 1
    assert [(one["kind"], one["part"], one["loaded"]) for one in found] == [
        ("changed", "severity", "page")
    ]


def drift(url: str) -> tuple[int, Any]:
    """Return the exit code of ``plan drift`` and what it found."""
    finished = subprocess.run(
        (
            *(sys.executable, "-m", "watchbill", "plan", "drift", "trm"),
            *("--prometheus", url, "--json"),
        ),
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "WATCHBILL_EGRESS_ALLOW": "127.0.0.0/8"},
    )
    assert finished.stdout, finished.stderr
    return finished.returncode, json.loads(finished.stdout)["drift"]


def start(log: Path, *command: str) -> "subprocess.Popen[bytes]":
    with log.open("wb") as file:
        return subprocess.Popen(command, stdout=file, stderr=file)


def stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)


def run(*command: str) -> str:
    finished = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def await_ready(port: int) -> None:
    def answers() -> bool:
        try:
            return httpx2.get(f"http://127.0.0.1:{port}/-/ready").is_success
        except httpx2.TransportError:
            return False

    eventually(answers, "the program is ready")
