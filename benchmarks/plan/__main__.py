"""How long a plan takes to load and check: `python -m benchmarks.plan`.

Method. `watchbill.plan.load` takes a text through everything: tree, schema, values
and every check. The yardstick beside it, in the same process and round by round, is
`yaml.load(text, yaml.CSafeLoader)`: the same text as bare dicts and lists, with no
places, no schema and no meaning. The ratio is the price of a plan that says what is
wrong in which line. Of seven rounds the median is reported with the fastest and the
slowest. The garbage collector is on, as where plans are loaded: a tree of many small
objects pays for it. No file or database is involved, and what is overdue is not asked.

Four texts are read. `trm` is the plan that comes with watchbill. The others are the
same plan with 2,000 services more, `svc-0000` to `svc-1999`:

- `metrics`: one route of which one condition lists the 2,000 names, and 2,000 metrics
  of that route, each with two thresholds and an alert of its own;
- `routes`: 2,000 routes, each with its contacts and one condition with its name;
- `both`: 2,000 routes with a second condition for their `alert_type`, and 2,000
  metrics that lead there and create incidents. Each metric is asked for its route, so
  that a look-up which asks every route shows here: it is 4,000 entries.

Each must load without errors, or nothing is reported. The target is 2,000 services
in less than 0.5 s, by `metrics` or by `routes`.
"""

import gc
import platform
import statistics
from collections.abc import Callable
from time import perf_counter

import yaml

from watchbill.plan import load
from watchbill.plan.load import bundled_text

ROUNDS = 7
SERVICES = [f"svc-{number:04}" for number in range(2000)]

_ROUTES, _METRICS = "\n  routes:\n", "\n  metrics:\n"
_CONTACTS = "primary: devops_engineer, secondary: technical_lead, escalation: cto"


def with_metrics(text: str) -> str:
    """Return a plan with one route of all services and a metric for each."""
    route = (
        f"    services: {{title: Services, {_CONTACTS},\n"
        "      match: [{alert_type: services},"
        f" {{service: [{', '.join(SERVICES)}]}}]}}\n"
    )
    return _insert(_insert(text, _ROUTES, route), _METRICS, _metrics("type: services"))


def with_routes(text: str) -> str:
    """Return a plan with a route for each service."""
    return _insert(text, _ROUTES, _routes("{{service: {0}}}"))


def with_both(text: str) -> str:
    """Return a plan with a route and a metric for each service."""
    routes = _routes("{{alert_type: {0}}}, {{service: {0}}}")
    metrics = _metrics("type: {0}, creates: {{warning: P3, critical: P2}}")
    return _insert(_insert(text, _ROUTES, routes), _METRICS, metrics)


def _routes(conditions: str) -> str:
    return "".join(
        f"    {name}: {{title: Service {name}, {_CONTACTS},\n"
        f"      match: [{conditions.format(name)}]}}\n"
        for name in SERVICES
    )


def _metrics(more: str) -> str:
    return "".join(
        f"    {name}: {{title: Errors of {name}, group: Services, warning: '> 1%',\n"
        f"      critical: '> 5%', channel: '#alerts', alert: Errors-{name},"
        f" {more.format(name)}}}\n"
        for name in SERVICES
    )


def _insert(text: str, heading: str, entries: str) -> str:
    assert text.count(heading) == 1
    return text.replace(heading, heading + entries)


def read(text: str) -> None:
    """Load and check."""
    loaded = load(text, name="plan")
    assert loaded.plan is not None, loaded.render()


def read_barely(text: str) -> None:
    """Load what any program would."""
    assert yaml.load(text, yaml.CSafeLoader)["watchbill"] == 1


def seconds(subject: Callable[[str], None], text: str) -> float:
    """Return how long one reading takes."""
    gc.collect()
    start = perf_counter()
    subject(text)
    return perf_counter() - start


def main() -> None:
    """Print a table of seconds and what each costs against bare YAML."""
    print(f"Python {platform.python_version()}, {ROUNDS} rounds")
    print(f"{'':28}{'median s':>12}{'fastest':>12}{'slowest':>12}")
    trm = bundled_text("trm")
    for name, text in (
        ("trm", trm),
        ("2,000 services, metrics", with_metrics(trm)),
        ("2,000 services, routes", with_routes(trm)),
        ("2,000 services, both", with_both(trm)),
    ):
        read(text)
        pairs = [
            (seconds(read, text), seconds(read_barely, text)) for _ in range(ROUNDS)
        ]
        ours, bare = (sorted(column) for column in zip(*pairs, strict=True))
        print(f"{name}: {text.count(chr(10)):,} lines, {len(text.encode()):,} bytes")
        for label, found in (("  load and check", ours), ("  bare CSafeLoader", bare)):
            print(
                f"{label:28}{statistics.median(found):>12.4f}"
                f"{found[0]:>12.4f}{found[-1]:>12.4f}"
            )
        ratio = statistics.median(ours) / statistics.median(bare)
        print(f"{'  load and check / bare':28}{ratio:>12.2f}")


if __name__ == "__main__":
    main()
