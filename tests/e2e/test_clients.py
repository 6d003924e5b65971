"""Clients of other products, unmodified, against a running installation."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import opsgenie_sdk  # type: ignore[import-untyped]
import pagerduty
import pytest

from tests.doubles.tls_front import TlsFront
from tests.e2e.product import Product, eventually, free_port
from tests.e2e.test_prometheus import await_ready, run, start, stop
from tests.integrations.certificates import Certificate, issue

pytestmark = pytest.mark.req("S4.1-02")

PROGRAMS = ("prometheus-alertmanager", "amtool")
MISSING = [name for name in PROGRAMS if shutil.which(name) is None]

CONFIG = """\
route:
  receiver: watchbill
  group_by: [alertname]
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 1h
receivers:
  - name: watchbill
    pagerduty_configs:
      - url: {url}/v2/enqueue
        routing_key: {pagerduty}
        send_resolved: true
        severity: '{{{{ .CommonLabels.severity }}}}'
    opsgenie_configs:
      - api_url: {url}/
        api_key: {opsgenie}
        send_resolved: true
        priority: P2
    slack_configs:
      - api_url: {slack}
        channel: '#alerts'
        send_resolved: true
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """An installation behind TLS, with an integration for each product."""

    product: Product
    secure_url: str
    certificate: Certificate
    #: By the kind of the integration.
    urls: dict[str, str]

    def key(self, kind: str) -> str:
        return self.urls[kind].rpartition("/")[2]

    def alert(self, kind: str, title: str) -> tuple[str, str, int | None]:
        """Return status, severity label and incident of an alert, once there."""
        rows = eventually(
            lambda: self.product.rows(
                "SELECT a.status, a.labels->>'severity', a.incident_id"
                " FROM watchbill_alert a"
                " JOIN watchbill_integration i ON i.id = a.integration_id"
                " WHERE i.kind = %s AND a.title LIKE %s AND a.is_current",
                kind,
                f"%{title}%",
            ),
            f"{kind} has told of {title}",
        )
        ((status, severity, incident),) = rows
        return status, severity, incident

    def await_status(self, kind: str, title: str, status: str) -> None:
        eventually(
            lambda: self.alert(kind, title)[0] == status, f"{title} of {kind} {status}"
        )


@pytest.fixture(scope="module")
def site(home: Path) -> Iterator[Site]:
    with ExitStack() as exits:
        product = exits.enter_context(Product(home / "product"))
        certificate = issue(home, "DNS:localhost")
        front = exits.enter_context(TlsFront(product.port, certificate.server()))
        yield Site(
            product=product,
            secure_url=f"https://localhost:{front.port}",
            certificate=certificate,
            urls={
                kind: product.command("integration", "create", kind).strip()
                for kind in ("pagerduty", "opsgenie", "slack_webhook", "sentry_sdk")
            },
        )


def paging(site: Site, key: str) -> pagerduty.EventsApiV2Client:
    """Return PagerDuty's client, which takes nothing but https."""
    return pagerduty.EventsApiV2Client(
        key, base_url=site.secure_url, verify=site.certificate.client()
    )


@pytest.fixture
def client(site: Site) -> Iterator[pagerduty.EventsApiV2Client]:
    with paging(site, site.key("pagerduty")) as opened:
        yield opened


def test_the_client_of_pagerduty_triggers_acknowledges_and_resolves(
    site: Site, client: pagerduty.EventsApiV2Client
) -> None:
    key = client.trigger("Disk is full", "db-1", severity="critical")
    assert len(key) == 32
    status, severity, incident = site.alert("pagerduty", "Disk is full")
    assert (status, severity) == ("firing", "critical")
    client.acknowledge(key)
    eventually(
        lambda: site.product.rows(
            "SELECT 1 FROM watchbill_incident WHERE id = %s"
            " AND acknowledged_at IS NOT NULL",
            incident,
        ),
        "the incident is acknowledged",
    )
    assert client.resolve(key) == key
    site.await_status("pagerduty", "Disk is full", "resolved")


@pytest.mark.req("S4.1-08")
def test_the_client_of_pagerduty_reports_a_change(
    site: Site, client: pagerduty.EventsApiV2Client
) -> None:
    client.submit(
        "Deployed 1.2.3",
        source="jenkins",
        custom_details={"service": "payments"},
        timestamp="2026-01-01T00:00:00.000+0000",
    )

    eventually(
        lambda: site.product.rows(
            "SELECT 1 FROM watchbill_changeevent"
            " WHERE summary = 'Deployed 1.2.3' AND service = 'payments'"
        ),
        "the change is recorded",
    )


def test_the_client_of_pagerduty_is_told_what_is_wrong(
    site: Site, client: pagerduty.EventsApiV2Client
) -> None:
    with pytest.raises(pagerduty.HttpError) as wrong_severity:
        client.trigger("x", "y", severity="fatal")
    with (
        paging(site, "2" * 32) as stranger,
        pytest.raises(pagerduty.HttpError) as wrong_key,
    ):
        stranger.trigger("x", "y")

    for refused, because in [
        (wrong_severity, "'payload.severity' is invalid"),
        (wrong_key, "Invalid routing key"),
    ]:
        answer = refused.value.response
        assert answer is not None
        assert answer.status_code == 400
        assert because in answer.text


@pytest.fixture
def opsgenie(site: Site) -> Any:
    """The SDK, over plain HTTP, which it takes."""
    configuration = opsgenie_sdk.configuration.Configuration()
    configuration.host = site.product.url
    configuration.api_key["Authorization"] = site.key("opsgenie")
    configuration.retry_count = 1
    client = opsgenie_sdk.api_client.ApiClient(configuration=configuration)
    return opsgenie_sdk.AlertApi(api_client=client)


def test_the_sdk_of_opsgenie_creates_asks_notes_and_closes(
    site: Site, opsgenie: Any
) -> None:
    alias = "disk/db-2 full"
    created = opsgenie.create_alert(
        opsgenie_sdk.CreateAlertPayload(
            message="Disk of db-2 is full",
            alias=alias,
            description="No space",
            tags=["disk"],
            details={"region": "yangon"},
            entity="db-2",
            priority="P2",
        )
    )
    assert created.result == "Request will be processed"
    site.alert("opsgenie", "Disk of db-2")
    told = opsgenie.get_request_status(created.request_id).data
    assert (told.is_success, told.action, told.alias) == (True, "Create", alias)

    found = opsgenie.get_alert(identifier=told.alert_id, identifier_type="id").data
    assert (found.message, found.status) == ("Disk of db-2 is full", "open")
    assert found.details == {"region": "yangon"}
    by_alias = opsgenie.get_alert(identifier=alias, identifier_type="alias").data
    by_tiny = opsgenie.get_alert(identifier=found.tiny_id, identifier_type="tiny").data
    assert by_alias.id == by_tiny.id == found.id

    opsgenie.acknowledge_alert(
        identifier=alias,
        identifier_type="alias",
        acknowledge_alert_payload=opsgenie_sdk.AcknowledgeAlertPayload(user="Ko Aung"),
    )
    opsgenie.add_note(
        identifier=found.id,
        add_note_to_alert_payload=opsgenie_sdk.AddNoteToAlertPayload(
            note="Looking", user="Ko Aung"
        ),
    )

    def notes() -> list[str]:
        listed = opsgenie.list_notes(identifier=found.id, identifier_type="id").data
        return [one.note for one in listed]

    eventually(lambda: "Looking" in " ".join(notes()), "the note is there")
    assert opsgenie.get_alert(
        identifier=found.id, identifier_type="id"
    ).data.acknowledged

    opsgenie.close_alert(identifier=found.id, identifier_type="id")
    site.await_status("opsgenie", "Disk of db-2", "resolved")
    listed = opsgenie.list_alerts(query=f'status: closed AND alias: "{alias}"').data
    assert [one.alias for one in listed] == [alias]
    assert opsgenie.count_alerts(query="status: open AND entity: db-2").data.count == 0


def test_the_sdk_of_opsgenie_is_told_what_is_wrong(site: Site, opsgenie: Any) -> None:
    with pytest.raises(opsgenie_sdk.exceptions.ConfigurationException) as empty:
        opsgenie.create_alert(opsgenie_sdk.CreateAlertPayload(message=" "))
    with pytest.raises(opsgenie_sdk.exceptions.ConfigurationException) as snoozed:
        opsgenie.snooze_alert(
            identifier="x",
            snooze_alert_payload=opsgenie_sdk.SnoozeAlertPayload(
                end_time="2030-01-01T00:00:00Z"
            ),
        )

    assert empty.value.status == 422
    assert "message" in json.loads(empty.value.body)["errors"]
    assert snoozed.value.status == 422


FAILS = """
import sys
import sentry_sdk

sentry_sdk.init(dsn=sys.argv[1])
sentry_sdk.set_tag("service", "referrals")
sentry_sdk.capture_message("The queue is stuck", level="fatal")
sentry_sdk.capture_message("Only for information", level="info")
raise ValueError("bad referral 41")
"""


def test_the_sdk_of_sentry_tells_of_a_message_and_of_what_nobody_caught(
    site: Site,
) -> None:
    host = site.product.url.removeprefix("http://")
    # As the set-up text has it. In a program of its own, as it changes Python itself.
    dsn = f"http://{site.key('sentry_sdk')}@{host}/sentry/1"
    failed = subprocess.run(
        [sys.executable, "-c", FAILS, dsn], capture_output=True, text=True, timeout=60
    )
    assert "bad referral 41" in failed.stderr

    stuck, severity, _ = site.alert("sentry_sdk", "The queue is stuck")
    thrown, _, incident = site.alert("sentry_sdk", "bad referral 41")
    assert (thrown, stuck, severity) == ("firing", "firing", "critical")
    assert incident is not None
    assert site.product.rows(
        "SELECT a.labels->>'service' FROM watchbill_alert a"
        " JOIN watchbill_integration i ON i.id = a.integration_id"
        " WHERE i.kind = 'sentry_sdk' ORDER BY a.id"
    ) == [("referrals",), ("referrals",)]


@pytest.mark.prometheus
@pytest.mark.skipif(bool(MISSING), reason=f"{', '.join(MISSING)} missing")
@pytest.mark.req("S4.1-01", "S4.1-10")
def test_alertmanager_tells_us_as_pagerduty_as_opsgenie_and_as_slack(
    site: Site, tmp_path: Path
) -> None:
    config = tmp_path / "alertmanager.yml"
    config.write_text(
        CONFIG.format(
            url=site.product.url,
            pagerduty=site.key("pagerduty"),
            opsgenie=site.key("opsgenie"),
            slack=site.urls["slack_webhook"],
        )
    )
    port = free_port()
    alertmanager = start(
        tmp_path / "alertmanager.log",
        "prometheus-alertmanager",
        f"--config.file={config}",
        f"--storage.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    )
    kinds = ("pagerduty", "opsgenie", "slack_webhook")
    labels = ("alertname=CertificateExpires", "severity=warning", "service=website")
    url = f"--alertmanager.url=http://127.0.0.1:{port}"
    try:
        await_ready(port)
        run("amtool", "alert", "add", *labels, url)
        severities = {kind: site.alert(kind, "CertificateExpires")[1] for kind in kinds}
        run("amtool", "alert", "add", *labels, "--end=2026-01-01T00:00:00Z", url)
        for kind in kinds:
            site.await_status(kind, "CertificateExpires", "resolved")
    finally:
        stop(alertmanager)

    # Alertmanager gives every firing message of Slack the color of danger.
    assert severities == {
        "pagerduty": "warning",
        "opsgenie": "P2",
        "slack_webhook": "critical",
    }
