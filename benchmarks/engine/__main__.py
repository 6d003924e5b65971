"""How soon due steps become attempts in a storm: `python -m benchmarks.engine`.

Method. On one embedded PostgreSQL (its defaults: fsync and synchronous_commit on) a
number of P1 incidents is declared while no engine runs, so that every ladder's first
step is due at the same instant. Then the engine of the product starts, with all its
threads, and a mail channel that answers at once without a socket: what is measured is
ours, not a mail server's. For every page the time from the start of the engine to the
beginning of its first attempt (`Delivery.started_at`) is taken from the database; all
times are the database's clock. Each person of the plan is the first contact of four
incidents, because beyond five messages a minute a person gets a digest.

Beside it, in the same run and on the same server, a bare loop does the least that any
queue in PostgreSQL must do: take 100 due rows with FOR UPDATE SKIP LOCKED, mark them,
insert one row an attempt, commit, again. It decides nothing, writes no message, and
knows no acknowledgement. The ratio is the price of a ladder, its record and its
message.

Each is run several times in turn; the median run is reported with the best and the
worst.
"""

import argparse
import os
import platform
import statistics
import sys
import tempfile
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from watchbill import postgres


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Seconds from the start to each first attempt."""

    waits: tuple[float, ...]

    @property
    def p50(self) -> float:
        return _quantile(self.waits, 0.5)

    @property
    def p99(self) -> float:
        return _quantile(self.waits, 0.99)

    @property
    def rate(self) -> float:
        return len(self.waits) / max(self.waits)


def _quantile(values: tuple[float, ...], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def bare_loop(conninfo: str, steps: int) -> Run:
    """Take, mark and record due rows, and nothing else."""
    with psycopg.connect(conninfo) as connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS bare_step (id bigserial PRIMARY KEY,"
            " due_at timestamptz NOT NULL, done boolean NOT NULL DEFAULT false)"
        )
        connection.execute(
            "CREATE INDEX IF NOT EXISTS bare_due ON bare_step (due_at) WHERE NOT done"
        )
        connection.execute(
            "CREATE TABLE IF NOT EXISTS bare_attempt (step bigint, at timestamptz)"
        )
        connection.execute("TRUNCATE bare_step, bare_attempt")
        connection.execute(
            "INSERT INTO bare_step (due_at) SELECT clock_timestamp()"
            " FROM generate_series(1, %s)",
            [steps],
        )
        connection.execute("ANALYZE bare_step")
        connection.commit()
        started = connection.execute("SELECT clock_timestamp()").fetchone()
        connection.commit()
        assert started is not None
        while True:
            taken = connection.execute(
                "UPDATE bare_step SET done = true WHERE id IN (SELECT id FROM bare_step"
                " WHERE NOT done AND due_at <= clock_timestamp() ORDER BY due_at"
                " LIMIT 100 FOR UPDATE SKIP LOCKED) RETURNING id"
            ).fetchall()
            if not taken:
                break
            connection.cursor().executemany(
                "INSERT INTO bare_attempt VALUES (%s, clock_timestamp())", taken
            )
            connection.commit()
        rows = connection.execute("SELECT at FROM bare_attempt").fetchall()
        return Run(waits=tuple((at - started[0]).total_seconds() for (at,) in rows))


def report(name: str, runs: list[Run]) -> None:
    """Print the median run of a subject, and how far the others were off."""
    by_p99 = sorted(runs, key=lambda run: run.p99)
    middle = by_p99[len(by_p99) // 2]
    print(
        f"{name:24} p50 {middle.p50:7.3f} s   p99 {middle.p99:7.3f} s"
        f"   {middle.rate:8.0f}/s"
        f"   (p99 of all: {by_p99[0].p99:.3f} to {by_p99[-1].p99:.3f})"
    )


def main() -> None:
    """Measure both, in turn, on one server."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {sys.platform}")
    with (
        tempfile.TemporaryDirectory(prefix="watchbill-bench-") as directory,
        postgres.serve(Path(directory) / "data") as server,
    ):
        values = {
            "host": server.django["HOST"],
            "user": server.django["USER"],
            "dbname": server.django["NAME"],
        }
        conninfo = make_conninfo(**{k: v for k, v in values.items() if v})
        os.environ["DATABASE_URL"] = conninfo
        os.environ["DJANGO_SETTINGS_MODULE"] = "watchbill.server.project.settings"
        os.environ["WATCHBILL_SMTP_URL"] = "smtp://127.0.0.1:9"
        os.environ["WATCHBILL_LOG_LEVEL"] = "ERROR"
        storm = import_module("benchmarks.engine.storm")
        storm.prepare(people=options.steps // storm.INCIDENTS_A_PERSON + 1)
        bare, ours = [], []
        for _ in range(options.rounds):
            bare.append(bare_loop(conninfo, options.steps))
            ours.append(Run(waits=tuple(storm.run(options.steps))))
    print(f"{options.steps} steps due at once")
    report("bare SKIP LOCKED loop", bare)
    report("engine, first attempt", ours)
    ratio = statistics.median(one.p99 for one in ours) / statistics.median(
        one.p99 for one in bare
    )
    print(f"ratio of p99: {ratio:.1f}")


if __name__ == "__main__":
    main()
