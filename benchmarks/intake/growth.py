"""What stored alerts cost: accepting, folding and showing from 1,000 to a million.

`python -m benchmarks.intake.growth` fills one watchbill through its front door, and at
1,000, 10,000 and 100,000 stored alerts (with ``--full`` also a million) measures what
should not depend on how many there are. It writes ``docs/benchmarks/intake-growth.md``
and a plot beside it.

Method. Every alert is new and belongs to a group of a hundred, so that incidents grow
with the alerts; each incident is told once, to a web server in this process. At each
level the load pauses until everything is folded and delivered. Then, one after the
other over a connection that is kept:

- accept: a post of 100 new alerts, until it is answered, which is once it is on disk;
- fold: twenty such posts, from the first byte until all are in their incidents, a post;
- page: the list of alerts on the console, as its owner sees it, with all its queries;
- API: ``GET /api/v2/alerts`` of Alertmanager's interface, filtered to one group.

Each is measured fifteen times (the fold five times) and the median is told. Client,
watchbill and PostgreSQL share the machine, so compare the levels and not the absolute
times. PostgreSQL's statistics are renewed before each level, as autovacuum would.
"""

import argparse
import os
import platform
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import httpx2
import psycopg

from benchmarks.intake import products, storm

LEVELS = (1_000, 10_000, 100_000)
FULL = 1_000_000
SIZE = 100
"""Alerts in a post, and in a group."""

_TIMES, _FOLDS, _POSTS = 15, 5, 20
_PATIENCE = 3_600.0
_PASSWORD = "a watch is stood, not sat"
_SECRET = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
_WAITING = "SELECT count(*) FROM watchbill_inboxentry WHERE folded_at IS NULL"
_UNTOLD = "SELECT count(*) FROM watchbill_notification WHERE state <> 'delivered'"
_OUT = Path(__file__).parents[2] / "docs" / "benchmarks"

WHAT = {
    "accept": "accept a post of 100",
    "fold": "fold a post of 100",
    "page": "show the list of alerts",
    "api": "find 100 alerts by API",
}

Row = Mapping[str, float]


@dataclass(slots=True, kw_only=True)
class Bench:
    """One watchbill that is being filled."""

    url: str
    owner: httpx2.Client
    database: "psycopg.Connection[Any]"
    posts: "Iterator[list[dict[str, object]]]" = field(default_factory=lambda: _posts())
    client: httpx2.Client = field(default_factory=lambda: httpx2.Client(timeout=60))

    def post(self) -> None:
        """Post a group of new alerts until it is accepted."""
        body = next(self.posts)
        while (answer := self.client.post(self.url, json=body)).status_code == 503:
            time.sleep(0.05)
        answer.raise_for_status()

    def settle(self, *queries: str) -> None:
        """Wait until nothing is left to do."""
        deadline = time.monotonic() + _PATIENCE
        while not all(self._is_zero(one) for one in queries):
            if time.monotonic() > deadline:
                raise SystemExit("the load was not worked off")
            time.sleep(0.005)

    def _is_zero(self, query: str) -> bool:
        return self.database.execute(query.encode()).fetchone() == (0,)

    def grow(self, level: int) -> None:
        """Store alerts until there are so many, and have all of them dealt with."""
        while True:
            row = self.database.execute("SELECT count(*) FROM watchbill_alert")
            missing = level - int((row.fetchone() or (0,))[0])
            if missing <= 0:
                break
            for _ in range(min(-(-missing // SIZE), 500)):
                self.post()
            self.settle(_WAITING)
        self.settle(_WAITING, _UNTOLD)
        self.database.execute("ANALYZE")

    def fold(self) -> None:
        """Post some groups and wait until they are folded."""
        for _ in range(_POSTS):
            self.post()
        self.settle(_WAITING)

    def show(self) -> None:
        """Fetch the list of alerts as the owner sees it."""
        self.owner.get("/alerts/").raise_for_status()

    def find(self) -> None:
        """Fetch one group of alerts."""
        found = self.client.get(self.url, params={"filter": 'service="svc-3"'})
        assert len(found.raise_for_status().json()) == SIZE


def _posts() -> Iterator[list[dict[str, object]]]:
    # All fire until the end: without this, those of five minutes ago are over.
    ends_at = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    for group in count():
        yield [
            {
                "labels": {
                    "alertname": "Growth",
                    "service": f"svc-{group}",
                    "instance": f"i-{group}-{number}",
                    "severity": "critical",
                },
                "annotations": {"summary": f"Service {group} is away"},
                "endsAt": ends_at,
            }
            for number in range(SIZE)
        ]


def measure(bench: Bench) -> Row:
    """Return how many milliseconds each takes now."""
    return {
        "page": _median(bench.show, _TIMES),
        "api": _median(bench.find, _TIMES),
        "accept": _median(bench.post, _TIMES),
        "fold": _median(bench.fold, _FOLDS) / _POSTS,
    }


def _median(what: Callable[[], None], times: int) -> float:
    what()  # what is loaded at first only
    took = []
    for _ in range(times):
        begun = time.perf_counter()
        what()
        took.append((time.perf_counter() - begun) * 1_000)
    return statistics.median(took)


def sign_in(origin: str, log: str) -> httpx2.Client:
    """Create the owner by the link in the log; return a client signed in as them."""
    links = [line.strip() for line in log.splitlines() if "/setup/" in line]
    client = httpx2.Client(base_url=origin, timeout=60)
    found = _SECRET.search(client.get(links[-1]).text)
    assert found is not None, "the form has no token"
    form = {
        "csrfmiddlewaretoken": found[1],
        "name": "Bench",
        "email": "bench@example.com",
        "password": _PASSWORD,
        "password_again": _PASSWORD,
    }
    assert client.post(links[-1], data=form).status_code == 302
    return client


# ── Telling it ──────────────────────────────────────────────────────────────────

_WIDTH, _HEIGHT, _LEFT, _TOP = 330, 190, 60, 44


def plot(rows: Mapping[int, Row]) -> str:
    """Return one panel for each thing measured, as SVG."""
    panels = [
        _panel(WHAT[name], {level: row[name] for level, row in rows.items()}, place)
        for place, name in enumerate(WHAT)
    ]
    width, height = 2 * _WIDTH, 2 * _HEIGHT
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
            ' font-family="sans-serif" font-size="12" fill="#333">',
            f'<rect width="{width}" height="{height}" fill="#fff"/>',
            *panels,
            "</svg>\n",
        ]
    )


def _panel(title: str, values: Mapping[int, float], place: int) -> str:
    """Return milliseconds over stored alerts, from zero; each level is a step."""
    wide, high = _WIDTH - _LEFT - 40, _HEIGHT - _TOP - 36
    top = max(values.values()) * 1.25
    step = wide / max(1, len(values) - 1)
    dots = [
        (_LEFT + number * step, _TOP + high * (1 - value / top), level, value)
        for number, (level, value) in enumerate(values.items())
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y, *_ in dots)
    base = _TOP + high
    return "\n".join(
        [
            f'<g transform="translate({place % 2 * _WIDTH},{place // 2 * _HEIGHT})">',
            f'<text x="{_LEFT}" y="22" font-weight="bold">{title}, ms</text>',
            f'<path d="M{_LEFT} {base}h{wide}" stroke="#999"/>',
            f'<polyline points="{line}" fill="none" stroke="#1f6f8b"'
            ' stroke-width="2"/>',
            *(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="#1f6f8b"/>'
                f'<text x="{x:.1f}" y="{y - 9:.1f}" text-anchor="middle">'
                f"{value:.1f}</text>"
                f'<text x="{x:.1f}" y="{base + 17}" text-anchor="middle">{level:,}'
                "</text>"
                for x, y, level, value in dots
            ),
            "</g>",
        ]
    )


def page(rows: Mapping[int, Row]) -> str:
    """Return the table, with the method."""
    where = (
        f"{platform.machine()}, {os.cpu_count()} cores, Python"
        f" {platform.python_version()}, PostgreSQL embedded, fsync on"
    )
    return "\n".join(
        [
            "# What stored alerts cost",
            "",
            "Made by `python -m benchmarks.intake.growth`; do not edit it here."
            f" {where}. Milliseconds.",
            "",
            "![Milliseconds over the number of stored alerts](intake-growth.svg)",
            "",
            *_table(rows),
            "",
            "## Method",
            "",
            *(__doc__ or "").strip().splitlines()[2:],
            "",
        ]
    )


def _table(rows: Mapping[int, Row]) -> Iterator[str]:
    yield "| stored alerts | " + " | ".join(WHAT.values()) + " |"
    yield "| ---: " * (len(WHAT) + 1) + "|"
    for level, row in rows.items():
        cells = " | ".join(f"{row[name]:.1f}" for name in WHAT)
        yield f"| {level:,} | {cells} |"
    first, *_, last = rows.values()
    cells = " | ".join(f"{last[name] / first[name]:.2f}" for name in WHAT)
    yield f"| last by first | {cells} |"


def run(levels: Sequence[int], directory: Path) -> dict[int, Row]:
    """Fill one watchbill level by level and measure at each."""
    (directory / "plan.yaml").write_text(storm.PLAN)
    rows: dict[int, Row] = {}
    with (
        storm.receiver() as (_, receiver),
        products.watchbill(
            directory,
            *("--plan", str(directory / "plan.yaml")),
            **storm.environment(receiver),
        ) as watchbill,
        products.database(directory) as database,
    ):
        origin = watchbill.url.partition("/intake/")[0]
        log = (directory / "watchbill.log").read_text()
        bench = Bench(url=watchbill.url, owner=sign_in(origin, log), database=database)
        for level in levels:
            bench.grow(level)
            rows[level] = measure(bench)
            told = ", ".join(f"{name} {ms:.1f}" for name, ms in rows[level].items())
            print(f"{level:>9,} alerts: {told}", flush=True)
    return rows


def main() -> None:
    """Measure, and write the page and its plot."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="up to a million alerts")
    options = parser.parse_args()
    levels = (*LEVELS, FULL) if options.full else LEVELS
    with tempfile.TemporaryDirectory(prefix="watchbill-growth-") as directory:
        rows = run(levels, Path(directory))
    _OUT.mkdir(parents=True, exist_ok=True)
    (_OUT / "intake-growth.svg").write_text(plot(rows))
    (_OUT / "intake-growth.md").write_text(page(rows))


if __name__ == "__main__":
    main()
