"""Alerting: rules that hold back pages do what they say, and not too much of it."""

from collections.abc import Iterator
from datetime import timedelta

from watchbill.plan.check.case import Case
from watchbill.plan.findings import Code, Finding
from watchbill.plan.source import Path
from watchbill.plan.values import write_duration

_DAY = timedelta(days=1)


def check_alerting(case: Case) -> Iterator[Finding]:
    """Yield inhibitions that mute nothing, and numbers with which no rule can work."""
    for place, rule in enumerate(case.plan.alerting.inhibit):
        if set(rule.source) == set(rule.target):
            message = "source and target are the same, so that this mutes nothing"
            hint = "An alert that matches both sides is not inhibited by another such."
            path: Path = ("alerts", "inhibit", place, "target")
            yield case.at_key(Code.INHIBITS_NOTHING, path, message, hint)
    yield from _flapping(case)
    yield from _storm(case)
    if not case.file.alerts.resolve_timeout:
        path = ("alerts", "resolve_timeout")
        yield case.at(
            Code.USELESS_NUMBER, path, "every alert would be over as it comes"
        )


def _flapping(case: Case) -> Iterator[Finding]:
    entry = case.file.alerts.flapping
    if entry is None:
        return
    few = "an alert that begins once does not flap yet"
    yield from _counting(case, "flapping", "flips", entry.flips, entry.within, few)
    if entry.hold_down > _DAY:
        message = (
            f"the end of an alert would be believed {write_duration(entry.hold_down)} "
            "later"
        )
        hint = "Write a day or less; 10m is usual."
        path: Path = ("alerts", "flapping", "hold_down")
        yield case.at(Code.USELESS_NUMBER, path, message, hint)


def _storm(case: Case) -> Iterator[Finding]:
    entry = case.file.alerts.storm
    if entry is None:
        return
    few = "two incidents are no storm: the third would have none of its own"
    yield from _counting(case, "storm", "incidents", entry.incidents, entry.within, few)


def _counting(
    case: Case, rule: str, key: str, count: int, within: timedelta, few: str
) -> Iterator[Finding]:
    """Report a rule that counts fewer than two of something, or in no time."""
    if count < 2:
        hint = f"Write at least 2, or {rule}: null."
        yield case.at(Code.USELESS_NUMBER, ("alerts", rule, key), few, hint)
    if not within:
        message = "within no time at all nothing happens"
        hint = f"Write a time such as 5m, or {rule}: null."
        yield case.at(Code.USELESS_NUMBER, ("alerts", rule, "within"), message, hint)
