"""From the first alert of a storm to the last notification: beside Alertmanager.

`python -m benchmarks.intake.storm` sends 10,000 alerts in 1,000 groups, in posts of
100, to Debian's Alertmanager and to watchbill in turn, and waits until the last
notification has been handed over to a web server in this process.

Method. Both get the same posts, made before the clock starts: alert ``n`` belongs to
group ``n mod 1000``, so that all groups are seen in the first tenth of the storm. One
client thread with a connection that is kept sends them one after the other; a post
that is answered 503 is sent again. Both notify the same receiver, over HTTP, once a
group.

- Alertmanager: ``group_by: [alertname, service]``, ``group_wait: 0s`` and
  ``group_interval: 1s``, the fastest it can be told to be. It is done when every alert
  has been in a notification. It keeps everything in memory.
- watchbill: the same grouping, a ladder whose first step posts to a webhook channel,
  ``storm: null`` so that a thousand groups are a thousand incidents, its embedded
  PostgreSQL with fsync on. It is done when there is one incident for each group with
  its notification handed over, and every alert has been folded: each on disk, in its
  incident, with its timeline.

So watchbill notifies 1,000 times and Alertmanager one to two thousand times, because
it says again what joined a group. The storm is run several times in turn, with new
labels each time; medians are compared, and the target is at most 2.0. The seconds of
processors that each product took are told too: they hardly depend on what else runs.
"""

import argparse
import http.client
import json
import os
import platform
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from benchmarks.intake import products
from benchmarks.intake.products import Product

ALERTMANAGER = """\
route:
  receiver: bench
  group_by: [alertname, service]
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 4h
receivers:
  - name: bench
    webhook_configs:
      - url: {url}
        send_resolved: false
        max_alerts: 0
"""
PLAN = """\
watchbill: 1
plan:
  title: A storm
  product: Benchmark
  version: "1"
  effective: 2026-02-06
  review: quarterly
  owner: ana
  time_zone: Asia/Yangon
  languages: [en]
levels:
  L1: {title: Desk, cover: on_call}
contacts:
  - {id: ana, level: L1, title: Desk, name: Ana, email: ana@example.com}
  - {id: ben, level: L1, title: Desk, name: Ben, email: ben@example.com}
  - {id: chi, level: L1, title: Lead, name: Chi, email: chi@example.com}
business_hours: {days: mon-fri, from: "09:00", to: "18:00"}
on_call:
  primary: {title: On-call, members: [ana, ben], first_week: 2026-02-06,
            handover: "10:00"}
severities:
  P1: {title: Critical, criteria: [Down], response: 5h, resolution: 9h, urgency: high}
fallback: [ana]
escalation:
  P1:
    - {after: 0m, do: post, who: "#bench", title: Say it}
    - {after: 8h, do: page, who: on_call.primary, title: Page}
alerts:
  catch_all: shop
  group_by: [alertname, service]
  auto_resolve: []
  storm: null
  severity: {default: P1}
  contacting: {}
  routes:
    shop: {title: Shop, primary: ana, secondary: ben, escalation: chi}
channels:
  "#bench": {kind: webhook, purpose: News, audience: All}
"""
SETTLED = """
SELECT (SELECT count(*) FROM watchbill_inboxentry WHERE folded_at IS NULL),
       (SELECT count(*) FROM watchbill_alert WHERE labels->>'storm' = %s
          AND incident_id IS NOT NULL),
       (SELECT count(DISTINCT n.incident_id) FROM watchbill_notification n
        JOIN watchbill_incident i ON i.id = n.incident_id
        WHERE n.state = 'delivered' AND i.title LIKE %s)
"""
PATIENCE = 120.0


@dataclass
class Receiver:
    """Counts what is handed over, and remembers when it last was."""

    heard: set[str] = field(default_factory=set)
    calls: int = 0
    last_at: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, body: bytes) -> None:
        """Note one notification."""
        at = time.monotonic()
        content: dict[str, Any] = json.loads(body)
        found = [one["labels"]["instance"] for one in content.get("alerts", [])]
        with self._lock:
            self.calls += 1
            self.last_at = at
            self.heard.update(found)

    def forget(self) -> None:
        """Begin again."""
        with self._lock:
            self.heard.clear()
            self.calls = 0


@contextmanager
def receiver() -> Iterator[tuple[Receiver, str]]:
    """Serve a receiver of webhooks; yield it and its URL."""
    counting = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            counting.take(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield counting, f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()


def environment(url: str) -> dict[str, str]:
    """Return the settings with which watchbill notifies a receiver."""
    return {
        "WATCHBILL_WEBHOOK_URL": url,
        "WATCHBILL_WEBHOOK_SECRET": "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "WATCHBILL_EGRESS_ALLOW": "127.0.0.0/8",
        "WATCHBILL_MESSAGES_A_MINUTE": "1000000",
    }


def posts(storm: str, *, alerts: int, groups: int, size: int) -> list[bytes]:
    """Return the bodies of one storm, for the second interface of Alertmanager."""
    every = [
        {
            "labels": {
                "alertname": f"{storm}",
                "service": f"svc-{number % groups:04}",
                "instance": f"{storm}-{number:05}",
                "storm": storm,
                "severity": "critical",
            },
            "annotations": {"summary": f"{storm} {number % groups:04} is away"},
        }
        for number in range(alerts)
    ]
    return [
        json.dumps(every[first : first + size]).encode()
        for first in range(0, alerts, size)
    ]


def send(url: str, bodies: list[bytes]) -> None:
    """Post all bodies in order over one connection."""
    parts = urlsplit(url)
    assert parts.hostname
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
    headers = {"content-type": "application/json"}
    for body in bodies:
        while True:
            connection.request("POST", parts.path, body, headers)
            answer = connection.getresponse()
            text = answer.read()
            if answer.status < 300:
                break
            assert answer.status == 503, (answer.status, text)
            time.sleep(0.05)
    connection.close()


def wait_until(is_done: Callable[[], bool], *, every: float) -> None:
    """Wait for an end, or fail."""
    deadline = time.monotonic() + PATIENCE
    while not is_done():
        if time.monotonic() > deadline:
            message = f"the storm did not end within {PATIENCE:.0f} s"
            raise SystemExit(message)
        time.sleep(every)


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds from the first byte of the first post."""

    accepted: float
    ended: float
    #: Of processors, all processes of the product together.
    worked: float


def theirs(
    product: Product, heard: Receiver, bodies: list[bytes], *, alerts: int
) -> Times:
    """Run one storm through Alertmanager."""
    heard.forget()
    worked = product.worked()
    begun = time.monotonic()
    send(product.url, bodies)
    accepted = time.monotonic() - begun
    wait_until(lambda: len(heard.heard) >= alerts, every=0.005)
    return Times(accepted, heard.last_at - begun, product.worked() - worked)


def ours(
    product: Product,
    connection: psycopg.Connection[Any],
    bodies: list[bytes],
    *,
    storm: str,
    alerts: int,
    groups: int,
) -> Times:
    """Run one storm through watchbill."""

    def is_settled() -> bool:
        row = connection.execute(SETTLED, [storm, f"{storm} %"]).fetchone()
        return row == (0, alerts, groups)

    worked = product.worked()
    begun = time.monotonic()
    send(product.url, bodies)
    accepted = time.monotonic() - begun
    wait_until(is_settled, every=0.1)
    return Times(accepted, time.monotonic() - begun, product.worked() - worked)


def main() -> None:
    """Measure both, in turn."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--alerts", type=int, default=10_000)
    parser.add_argument("--groups", type=int, default=1_000)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores")
    results: dict[str, list[Times]] = {"Alertmanager": [], "watchbill": []}
    with (
        tempfile.TemporaryDirectory(prefix="watchbill-storm-") as directory,
        receiver() as (heard, url),
        products.alertmanager(
            Path(directory), ALERTMANAGER.format(url=url)
        ) as alertmanager,
    ):
        home = Path(directory)
        (home / "plan.yaml").write_text(PLAN)
        with (
            products.watchbill(
                home, "--plan", str(home / "plan.yaml"), **environment(url)
            ) as watchbill,
            products.database(home) as connection,
        ):
            for number in range(options.rounds):
                storm = f"Storm{number}"
                bodies = posts(
                    storm,
                    alerts=options.alerts,
                    groups=options.groups,
                    size=options.batch,
                )
                results["Alertmanager"].append(
                    theirs(alertmanager, heard, bodies, alerts=options.alerts)
                )
                results["watchbill"].append(
                    ours(
                        watchbill,
                        connection,
                        bodies,
                        storm=storm,
                        alerts=options.alerts,
                        groups=options.groups,
                    )
                )
    for name, times in results.items():
        ended = [one.ended for one in times]
        accepted = statistics.median(one.accepted for one in times)
        print(
            f"{name:14} last alert accepted {accepted:6.2f} s,"
            f" last notification {statistics.median(ended):6.2f} s"
            f" ({min(ended):.2f} to {max(ended):.2f}),"
            f" {statistics.median(one.worked for one in times):.1f} s of processors"
        )
    ratio = statistics.median(one.ended for one in results["watchbill"]) / (
        statistics.median(one.ended for one in results["Alertmanager"])
    )
    print(f"ratio: {ratio:.2f}")


if __name__ == "__main__":
    main()
