"""Alerts accepted a second, beside Alertmanager: `python -m benchmarks.intake`.

Method. Debian's ``prometheus-alertmanager`` and ``watchbill up`` run side by side on
one machine, each as it comes: Alertmanager with one receiver that does nothing, which
is its best case, and watchbill with its embedded PostgreSQL, fsync on, its engine
folding what is accepted. Both are sent the same bytes, to Alertmanager's
``/api/v2/alerts`` and to the same address of an integration of kind ``prometheus``, by
the same client: wrk (closed loop, two threads). They take turns, in an order that
changes each round, and the one that has no turn is stopped by SIGSTOP, so that neither
works off its backlog in the other's time. The median round of each is compared.

A 2xx of Alertmanager means that the alert is in memory; one of watchbill that it is on
disk. That is checked: at the end, the inbox must hold at least the posts that were
answered 2xx. Client, both products and PostgreSQL share the machine's cores.

Memory is the proportional set size (PSS) of all processes of a product, PostgreSQL's
included, measured before the first and after the last round of the case "single
repeated".
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.intake import products
from benchmarks.intake.products import Product

_LUA = Path(__file__).with_name("post.lua")
_CONFIG = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is sent, and over how many connections."""

    name: str
    size: int
    is_unique: bool
    connections: int


CASES = (
    Case(name="single unique", size=1, is_unique=True, connections=128),
    Case(name="single repeated", size=1, is_unique=False, connections=128),
    Case(name="batch of 100 unique", size=100, is_unique=True, connections=8),
    Case(name="batch of 100 repeated", size=100, is_unique=False, connections=8),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One turn; latencies in milliseconds."""

    posts: int
    seconds: float
    refused: int
    lost: int
    p50: float
    p99: float

    @property
    def accepted(self) -> int:
        return self.posts - self.refused

    def rate(self, case: Case) -> float:
        """Alerts accepted a second."""
        return self.accepted * case.size / self.seconds


def turn(product: Product, case: Case, *, seconds: int, number: str) -> Result:
    """Let the client loose on one product."""
    place = urlsplit(product.url)
    client = shutil.which("wrk")
    if client is None:
        sys.exit("wrk is not installed; it is the client of this benchmark")
    command = [
        client,
        *("-t", "2", "-c", str(case.connections), "-d", f"{seconds}s"),
        *("--timeout", "30s", "--latency", "-s", str(_LUA)),
        *(f"{place.scheme}://{place.netloc}", "--", place.path, str(case.size)),
        "unique" if case.is_unique else "repeated",
    ]
    ran = subprocess.run(
        command,
        env={**os.environ, "ROUND": number},
        check=True,
        capture_output=True,
        text=True,
    )
    line = next(one for one in ran.stdout.splitlines() if one.startswith("RESULT "))
    told = json.loads(line.removeprefix("RESULT "))
    result = Result(
        posts=told["requests"],
        seconds=told["seconds"],
        refused=told["refused"],
        lost=told["lost"],
        p50=told["p50"],
        p99=told["p99"],
    )
    product.accepted += result.accepted
    return result


def measure(
    both: tuple[Product, Product], case: Case, *, seconds: int, rounds: int
) -> None:
    """Run one case and print its row of the table."""
    results: dict[str, list[Result]] = {one.name: [] for one in both}
    before = {one.name: one.memory() for one in both}
    for number in range(rounds):
        order = both if number % 2 == 0 else both[::-1]
        for product in order:
            product.go_on()
            name = f"{case.size}-{number}"
            results[product.name].append(
                turn(product, case, seconds=seconds, number=name)
            )
            product.pause()
    theirs, ours = (_median(results[one.name], case) for one in both)
    _print_row(case, theirs, ours)
    if case.name == "single repeated":
        for product in both:
            after = product.memory()
            posts = sum(one.accepted for one in results[product.name])
            print(
                f"    memory of {product.name}: {before[product.name]:.0f} ->"
                f" {after:.0f} MiB over {posts:,} repeated posts"
            )


def _median(results: list[Result], case: Case) -> Result:
    ordered = sorted(results, key=lambda one: one.rate(case))
    return ordered[len(ordered) // 2]


def _print_row(case: Case, theirs: Result, ours: Result) -> None:
    print(
        f"{case.name:22} {theirs.rate(case):9,.0f} {ours.rate(case):9,.0f}"
        f" {ours.rate(case) / theirs.rate(case):6.2f}"
        f" {theirs.p50:8.1f} {ours.p50:7.1f} {theirs.p99:8.1f} {ours.p99:7.1f}"
        f" {ours.p99 / theirs.p99:6.2f} {ours.refused:7d} {ours.lost:5d}"
    )


def _stored(directory: Path) -> int:
    with products.database(directory) as connection:
        row = connection.execute("SELECT count(*) FROM watchbill_inboxentry").fetchone()
    return int(row[0]) if row else 0


def main(arguments: list[str]) -> None:
    """Run every case and print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.intake",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seconds", type=int, default=15, help="of each turn")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each product")
    parser.add_argument("--case", help="only the cases whose name contains this")
    parser.add_argument("--alertmanager", default="prometheus-alertmanager")
    parser.add_argument(
        "--up", default="", help="more options of watchbill up, as one word"
    )
    told = parser.parse_args(arguments)
    print(f"{platform.machine()}, {os.cpu_count()} cores, {platform.python_version()}")
    print(
        f"{'alerts a second':22} {'theirs':>9} {'ours':>9} {'ratio':>6}"
        f" {'p50':>8} {'p50':>7} {'p99':>8} {'p99':>7} {'ratio':>6}"
        f" {'refused':>7} {'lost':>5}"
    )
    with tempfile.TemporaryDirectory(prefix="watchbill-bench-") as name:
        directory = Path(name)
        with (
            products.alertmanager(
                directory, _CONFIG, program=told.alertmanager
            ) as theirs,
            products.watchbill(directory, *told.up.split()) as ours,
        ):
            theirs.pause()
            ours.pause()
            for case in CASES:
                if told.case is None or told.case in case.name:
                    measure(
                        (theirs, ours), case, seconds=told.seconds, rounds=told.rounds
                    )
            theirs.go_on()
            ours.go_on()
            accepted = ours.accepted
        stored = _stored(directory)
        print(f"posts answered 2xx: {accepted:,}; posts on disk: {stored:,}")
        if stored < accepted:
            sys.exit("LOST: fewer posts are on disk than were answered 2xx")


if __name__ == "__main__":
    main(sys.argv[1:])
