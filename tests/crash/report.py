"""The figures of a campaign, as a table on the terminal and as docs/crash-report.md."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

KILLS_WANTED = 1000
CRASHES_WANTED = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What came of one lane."""

    lane: str
    is_control: bool
    postgres: str
    seed: int
    seconds: float
    fault_seconds: float
    #: What the nemesis did, and how often.
    done: dict[str, int]
    provider_faults: dict[str, int]
    lost_replies: int
    resets: int
    accepted: int
    #: Posts that got no answer, or one that was not 2xx, and were sent again.
    cut_off: int
    refused: int
    longest_wait: float
    #: Messages by the database, and arrivals by the providers.
    messages: int
    received: int
    acknowledged: int
    exhausted: int
    lost: int
    violations: dict[str, list[str]]
    duplicates: int
    #: Duplicates without a recorded unknown.
    unexplained: int
    unknown: int
    max_sends: int
    engine_recovery: list[float] = field(default_factory=list)
    database_recovery: list[float] = field(default_factory=list)
    postgres_start: list[float] = field(default_factory=list)

    def kills(self) -> int:
        """How many processes of the product were killed."""
        return sum(n for what, n in self.done.items() if what.startswith("SIGKILL"))

    def crashes(self) -> int:
        """How often PostgreSQL was crashed."""
        return sum(n for what, n in self.done.items() if what.startswith("PostgreSQL"))


def failures(figures: Sequence[Figures], *, expected: int) -> list[str]:
    """Return why the campaign does not prove what it should."""
    found = []
    if len(figures) < expected:
        found.append(f"{expected - len(figures)} lanes have not ended")
    for one in figures:
        if one.is_control:
            if not one.lost:
                found.append(f"{one.lane}: the planted mistake was not seen")
        else:
            found += [
                f"{one.lane}: {what}: {rows}" for what, rows in one.violations.items()
            ]
    return found


def table(figures: Iterable[Figures]) -> str:
    """Return the lanes, one a line."""
    head = (
        "| Lane | PostgreSQL | SIGKILLs | Database crashes | Accepted | Messages"
        " | Lost | Duplicates | of them unexplained | Sent at most | Minutes |\n"
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
    )
    rows = [
        f"| {one.lane} | {one.postgres} | {one.kills()} | {one.crashes()}"
        f" | {one.accepted:,} | {one.messages:,} | **{one.lost}**"
        f" | {one.duplicates} | {one.unexplained} | {one.max_sends}"
        f" | {one.seconds / 60:.1f} |"
        for one in figures
    ]
    return "\n".join([head, *rows])


def document(figures: Sequence[Figures]) -> str:
    """Return docs/crash-report.md."""
    lanes = [one for one in figures if not one.is_control]
    controls = [one for one in figures if one.is_control]
    parts = [_top(lanes), _method(), "## Lanes\n", table(lanes), _done(lanes)]
    parts += [_recovery(lanes), _questions(lanes), _controls(controls), _not_covered()]
    return "\n".join(parts).rstrip() + "\n"


def _top(lanes: Sequence[Figures]) -> str:
    kills, crashes = sum(o.kills() for o in lanes), sum(o.crashes() for o in lanes)
    lost = sum(one.lost for one in lanes)
    duplicates = sum(one.duplicates for one in lanes)
    unexplained = sum(one.unexplained for one in lanes)
    accepted = sum(one.accepted for one in lanes)
    messages = sum(one.messages for one in lanes)
    versions = ", ".join(sorted({one.postgres for one in lanes}))
    broken = sum(len(one.violations) for one in lanes)
    smaller = (
        ""
        if kills >= KILLS_WANTED and crashes >= CRASHES_WANTED
        else "\nThis run is smaller than a release asks for"
        f" ({KILLS_WANTED:,} SIGKILLs, {CRASHES_WANTED} database crashes).\n"
    )
    return f"""# Crash report

Made by `python run.py campaign`; do not edit it by hand.

| | |
|---|---|
| Date | {datetime.now(UTC):%Y-%m-%d} |
| Machine | {os.cpu_count()} cores, Linux; PostgreSQL {versions} |
| SIGKILLs of watchbill's processes | {kills:,} |
| Crashes of PostgreSQL | {crashes:,} |
| Alerts answered 2xx | {accepted:,} |
| Messages they led to | {messages:,} |
| **Lost** | **{lost}** |
| Messages that came more than once | {duplicates} ({_share(duplicates, messages)}) |
| ... without a recorded unknown outcome | {unexplained} |
| The most often one message came | {max((o.max_sends for o in lanes), default=0)} |
| Broken invariants | {broken} |
{smaller}
The promise is *at least once*: what was answered 2xx is not lost, and a message comes
twice only if a provider, or the process that spoke to it, did not live to say that it
had taken it. Every such case is recorded as *unknown* and shown in the delivery log.
"""


def _method() -> str:
    return """## Method

Each lane is one installation: a PostgreSQL of its own, a web process and two engines,
which run the example plan with a faster ladder. Half of the lanes run as shipped; the
others run without the limits that spare a recipient a storm, and so send far more. Two
lanes run at a time, and a seed repeats the order of their faults.

A sender posts alerts as Alertmanager does, again until it is answered 2xx, and notes
what was. A mail server and a chat server, outside of what is crashed, record every
message they have taken; a reader opens the links in some of them and acknowledges.

All the while processes are killed with
SIGKILL at random instants and started again, PostgreSQL is stopped in immediate mode or
killed with all its processes, engines are suspended for longer than a lease and go on,
the network between the nodes and the database is reset, silenced, slowed down or robbed
of a COMMIT's reply, and the providers answer 4xx, 429 or 5xx, take a message and hang
up, or take it and never answer. Then the faults end, nothing is restarted by hand, and
when nothing waits any more the three records are compared. Lost is

- an alert that was answered 2xx and is not in the database,
- a P1 alert for which nobody received a page and no reason is recorded, and
- a message that is recorded as delivered and that no provider has received.

A page that was said by a digest, because there were too many for one person in a
minute, counts as received when its digest was.
"""


def _done(lanes: Sequence[Figures]) -> str:
    done: Counter[str] = Counter()
    shown: Counter[str] = Counter()
    for one in lanes:
        done.update(one.done)
        shown.update(one.provider_faults)
    rows = [f"| {what} | {count:,} |" for what, count in sorted(done.items())]
    rows += [
        f"| COMMIT replies that were swallowed | {_sum(lanes, 'lost_replies')} |",
        f"| connections that the network reset | {_sum(lanes, 'resets'):,} |",
        *(f"| provider, {what} | {n:,} |" for what, n in sorted(shown.items())),
        f"| posts cut off and sent again | {_sum(lanes, 'cut_off'):,} |",
        f"| posts refused with 503 and sent again | {_sum(lanes, 'refused'):,} |",
        f"| acknowledgements by a link | {_sum(lanes, 'acknowledged'):,} |",
        f"| attempts of unknown outcome, recorded | {_sum(lanes, 'unknown'):,} |",
        f"| messages given up after their last attempt, recorded"
        f" | {_sum(lanes, 'exhausted'):,} |",
    ]
    return "\n".join(["\n## What was done\n", "| What | Times |", "|---|---:|", *rows])


def _recovery(lanes: Sequence[Figures]) -> str:
    kinds = (
        ("an engine is started, to its first attempt to deliver", "engine_recovery"),
        (
            "PostgreSQL takes connections again, to the next message received",
            "database_recovery",
        ),
        ("PostgreSQL is started, to its taking connections", "postgres_start"),
    )
    rows = [
        f"| {title} | {len(values):,} | {_at(values, 0.5)} | {_at(values, 0.99)}"
        f" | {_at(values, 1)} |"
        for title, name in kinds
        for values in [sorted(v for one in lanes for v in getattr(one, name))]
    ]
    longest = max((one.longest_wait for one in lanes), default=0)
    return "\n".join(
        [
            "\n## Recovery, in seconds\n",
            "| From when ... | Cases | Median | 99 % | Longest |",
            "|---|---:|---:|---:|---:|",
            *rows,
            "\nThe longest that an alert was sent again until it was accepted was"
            f" {longest:.1f} s.\nAn engine that was killed before it had anything to"
            " deliver is no case.",
        ]
    )


_INVARIANTS = {
    "forgotten": "I1: each alert that was answered 2xx is in the database",
    "unpaged": "I2: each P1 was received by a person, or it is recorded why not",
    "phantoms": "each message that is recorded as delivered was received",
    "stuck": "I2: nothing waits at the end, and each incident's ladder has begun",
    "after_ack": "I4: no page was claimed after an acknowledgement had committed",
    "silent_duplicates": "I5: no message came more often than its recorded unknowns"
    " allow",
    "delivered_twice": "I5, I6: no message has two attempts recorded as delivered",
    "stranded": "I7: each open, unanswered incident has a next look",
    "split": "one alert is one incident, however often it was posted",
}


def _questions(lanes: Sequence[Figures]) -> str:
    rows = [
        f"| {text} | {sum(len(one.violations.get(name, ())) for one in lanes)} |"
        for name, text in _INVARIANTS.items()
    ]
    return "\n".join(
        ["\n## What was asked\n", "| Question | Offenders |", "|---|---:|", *rows]
    )


def _controls(controls: Sequence[Figures]) -> str:
    return f"""
## Controls: can the harness see a loss?

*Mark first* records a page as delivered before it is sent, as some products do.
*Asynchronous commit* lets PostgreSQL answer before its log is on disk, which watchbill
refuses to start with. Both must lose something.

{table(controls)}
"""


def _not_covered() -> str:
    return """## What this does not show

- A power cut of the machine: killed processes leave what they wrote to the kernel, so
  that a disk which lies about its cache is not caught.
- Providers on the other side of the internet: mail and chat are played on loopback.
- Several machines: all processes share one clock and one kernel.
- A disk that fills up, a standby that takes over, clocks that jump, a silent network,
  an upgrade and a storm. Those are scenarios of their own, by name in
  [failure-scenarios.md](failure-scenarios.md).
"""


def _sum(lanes: Iterable[Figures], name: str) -> int:
    return sum(int(getattr(one, name)) for one in lanes)


def _at(values: Sequence[float], share: float) -> str:
    if not values:
        return "-"
    return f"{values[min(len(values) - 1, int(share * len(values)))]:.2f}"


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"
