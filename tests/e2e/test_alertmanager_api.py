"""The real Prometheus and the real ``amtool`` talk straight to an installation."""

import json
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.e2e.product import Product, eventually, free_port

PROGRAMS = ("prometheus", "promtool", "amtool")
MISSING = [name for name in PROGRAMS if shutil.which(name) is None]

pytestmark = [
    pytest.mark.prometheus,
    pytest.mark.req("S4.1-01"),
    pytest.mark.skipif(
        bool(MISSING),
        reason=f"NO PROMETHEUS TEST RAN: {', '.join(MISSING)} missing (Debian:"
        " apt install --no-install-recommends prometheus prometheus-alertmanager)",
    ),
]

PROMETHEUS = """\
global:
  scrape_interval: 1s
  evaluation_interval: 1s
rule_files: [rules.yml]
alerting:
  alertmanagers:
    - static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
      {way}
"""
RULES = """\
groups:
  - name: watchbill
    rules:
      - alert: HostDiskHigh
        expr: vector(1)
        labels: {{severity: warning, service: {service}}}
        annotations: {{summary: "{service} is nearly full"}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """An installation, and a key with which everything may be done."""

    product: Product
    #: With the key in it.
    url: str
    key: str
    place: Path

    def amtool(self, *words: str, fails: bool = False) -> str:
        """Return what the program prints; with ``fails`` what it complains of."""
        finished = subprocess.run(
            ["amtool", *words, f"--alertmanager.url={self.url}"],
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert (finished.returncode != 0) is fails, finished.stdout + finished.stderr
        return finished.stderr if fails else finished.stdout

    def query(self, what: str, *words: str) -> list[dict[str, Any]]:
        """Return what ``amtool alert query`` or ``silence query`` finds."""
        found: list[dict[str, Any]] = json.loads(
            self.amtool(what, "query", "-o", "json", *words)
        )
        return found

    def state(self, service: str) -> tuple[str, str | None] | None:
        """Return the status of a service's alert and of its incident."""
        rows = self.product.rows(
            "SELECT a.status, i.status FROM watchbill_alert a"
            " LEFT JOIN watchbill_incident i ON i.id = a.incident_id"
            " WHERE a.labels->>'service' = %s",
            service,
        )
        return rows[0] if rows else None

    def await_state(self, service: str, *wanted: str | None) -> None:
        eventually(
            lambda: self.state(service) == wanted,
            f"{service} is {wanted}",
        )


@pytest.fixture(scope="module")
def site(home: Path) -> Iterator[Site]:
    with Product(home / "product") as product:
        scopes = [f"--scope={one}" for one in ("post", "read", "silence")]
        url = product.command("integration", "create", "prometheus", *scopes)
        yield Site(product=product, url=url, key=url.rpartition("/")[2], place=home)
        assert product.stderr == ""


@contextmanager
def prometheus(site: Site, service: str, *, way: str) -> Iterator[None]:
    """Run a Prometheus with one rule that fires, and that reaches us in this way."""
    place = site.place / service
    place.mkdir()
    config, port = place / "prometheus.yml", free_port()
    config.write_text(PROMETHEUS.format(port=site.product.port, way=way))
    (place / "rules.yml").write_text(RULES.format(service=service))
    checked = subprocess.run(["promtool", "check", "config", config], timeout=30)
    assert checked.returncode == 0
    with (place / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={config}",
                f"--storage.tsdb.path={place / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                # It tells again each second, and is believed for four times as long.
                "--rules.alert.resend-delay=1s",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)


def now(**after: int) -> str:
    return (datetime.now(UTC) + timedelta(**after)).isoformat()


@pytest.mark.req("S4.3-02", "S4.1-10")
@pytest.mark.parametrize(
    ("service", "way"),
    [
        ("rule-by-path", "path_prefix: /intake/prometheus/{key}"),
        ("rule-by-header", "authorization: {{credentials: {key}}}"),
    ],
)
def test_a_rule_of_prometheus_fires_here_and_ends_when_it_falls_silent(
    site: Site, service: str, way: str
) -> None:
    with prometheus(site, service, way=way.format(key=site.key)):
        site.await_state(service, "firing", "triggered")
        (alert,) = site.query("alert", f"service={service}")

    # It is gone without a word; its last endsAt passes.
    site.await_state(service, "resolved", "resolved")
    assert alert["annotations"] == {"summary": f"{service} is nearly full"}
    assert alert["generatorURL"].endswith("vector%281%29&g0.tab=1")
    assert alert["status"]["state"] == "active"
    assert datetime.fromisoformat(alert["endsAt"]) > datetime.fromisoformat(
        alert["startsAt"]
    )
    ((title,),) = site.product.rows(
        "SELECT title FROM watchbill_alert WHERE labels->>'service' = %s", service
    )
    assert title == f"{service} is nearly full"


def test_amtool_adds_an_alert_asks_for_it_and_ends_it(site: Site) -> None:
    labels = ["HostDiskHigh", "severity=warning", "service=added"]

    site.amtool("alert", "add", *labels, "--annotation=summary=Nearly full")
    site.await_state("added", "firing", "triggered")
    (found,) = site.query("alert", "service=added", "severity=~warn.*")
    nothing = site.query("alert", "service=added", "severity!=warning")
    plain = site.amtool("alert", "query", "service=added")
    site.amtool("alert", "add", *labels, f"--end={now()}")
    site.await_state("added", "resolved", "resolved")

    assert found["labels"] == {
        "alertname": "HostDiskHigh",
        "severity": "warning",
        "service": "added",
    }
    assert nothing == []
    assert "Nearly full" in plain
    assert site.query("alert", "service=added") == []


def test_an_alert_ends_by_itself_at_the_end_it_was_given(site: Site) -> None:
    site.amtool(
        *("alert", "add", "HostDiskHigh", "severity=warning", "service=expiring"),
        f"--end={now(seconds=3)}",
    )

    site.await_state("expiring", "resolved", "resolved")


@pytest.mark.req("A52")
def test_amtool_makes_finds_changes_and_ends_a_silence(site: Site) -> None:
    name = site.amtool(
        *("silence", "add", "service=quiet", "alertname=~Host.+"),
        *("--duration=1h", "--author=ma.thida", "--comment=The disk is changed"),
    ).strip()
    (made,) = site.query("silence", "service=quiet")
    site.amtool("silence", "update", "--duration=3h", "--comment=Longer", name)
    (changed,) = site.query("silence", "service=quiet")
    site.amtool("silence", "expire", name)
    expired = site.query("silence", "--expired", "service=quiet")

    assert made["id"] == changed["id"] == name == str(uuid.UUID(name))
    assert made["createdBy"] == "ma.thida"
    assert [
        (one["name"], one["value"], one["isRegex"]) for one in made["matchers"]
    ] == [
        ("service", "quiet", False),
        ("alertname", "Host.+", True),
    ]
    assert changed["comment"] == "Longer"
    assert site.query("silence", "service=quiet") == []
    assert name in {one["id"] for one in expired}


@pytest.mark.req("A52")
def test_what_is_silenced_fires_without_an_incident_until_the_silence_ends(
    site: Site,
) -> None:
    name = site.amtool(
        *("silence", "add", "service=muted"),
        *("--duration=1h", "--author=ma.thida", "--comment=Known"),
    ).strip()
    site.amtool("alert", "add", "HostDiskHigh", "severity=warning", "service=muted")
    site.await_state("muted", "firing", None)
    (found,) = site.query("alert", "--silenced", "service=muted")
    active = site.query("alert", "--active", "service=muted")
    site.amtool("silence", "expire", name)
    site.await_state("muted", "firing", "triggered")

    assert found["status"]["state"] == "suppressed"
    assert found["status"]["silencedBy"] == [name]
    assert active == []


def test_amtool_reads_what_this_is(site: Site) -> None:
    assert "ready" in site.amtool("cluster", "show")
    config = site.place / "shown.yml"
    config.write_text(site.amtool("config", "show"))

    assert 'name: "infrastructure"' in config.read_text()
    assert "default-route" in site.amtool("config", "routes", "show")


def test_amtool_is_told_in_words_what_is_wrong(site: Site) -> None:
    too_long = site.amtool(
        *("silence", "add", f"service={'x' * 2_000}"),
        *("--author=x", "--comment=x"),
        fails=True,
    )
    wrong_key = subprocess.run(
        ["amtool", "alert", "query", f"--alertmanager.url={site.product.url}"],
        capture_output=True,
        text=True,
        timeout=30,
    )

    assert "the value is longer than 1000 characters" in too_long
    assert wrong_key.returncode != 0


def test_the_health_of_an_alertmanager_is_answered(site: Site) -> None:
    for place in (site.product.url, site.url):
        for path in ("/-/healthy", "/-/ready"):
            assert httpx2.get(place + path).status_code == 200


@pytest.mark.req("S4.1-01")
def test_what_is_not_valid_is_refused_and_the_rest_is_kept(site: Site) -> None:
    good = {"labels": {"alertname": "HostDiskHigh", "service": "partly"}}
    answer = httpx2.post(f"{site.url}/api/v2/alerts", json=[good, {"labels": {}}])

    assert answer.status_code == 400
    assert answer.json() == "$[1]: at least one label pair required"
    eventually(lambda: site.state("partly"), "the valid alert is there")
