"""Monitoring: when the value of a metric is a warning, and when it is critical.

A threshold is strict: exactly at it nothing fires (S4.2-22). Critical takes the
place of the warning of the same metric, so that there is one alert (S4.2-23). A
missing value is not a good one: it has a verdict of its own (S4.2-25).

Some figures are not high or low in themselves; they *drop* below what the same hour
of the same weekday brought in the weeks before. Counts scatter by their square
root, so among n expected events a drop by the part p is three sigma only from
n = (3/p)² on: 3,600 events for 5 %, 900 for 10 %, 225 for 20 %. Below that the
question is asked of a longer stretch of time, and if none is long enough there is
no answer and no alert (A13).
"""

from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum

from watchbill.core.temporal import describe


class Direction(StrEnum):
    """On which side of a threshold the trouble lies."""

    ABOVE = "above"
    BELOW = "below"
    #: The value has fallen by more than this many percent of what was expected.
    DROP = "drop"


class Grade(StrEnum):
    """How bad the value of a metric is."""

    CRITICAL = "critical"
    WARNING = "warning"
    FINE = "fine"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """One limit, in the unit of its metric."""

    direction: Direction
    limit: Decimal

    def __post_init__(self) -> None:
        if self.direction is Direction.DROP and not 0 < self.limit < 100:
            message = f"nothing can drop by more than {self.limit} %"
            raise ValueError(message)

    def is_crossed_by(self, value: Decimal) -> bool:
        """Return whether the value, or the drop in percent, is beyond the limit."""
        if self.direction is Direction.BELOW:
            return value < self.limit
        return value > self.limit

    def precedes(self, other: "Threshold") -> bool:
        """Return whether a value on its way to the other limit crosses this first."""
        return self.direction is other.direction and self.is_crossed_by(other.limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What a drop is measured against (A13)."""

    #: The same weekday and hour of so many ordinary weeks; their median counts.
    weeks: int = 4
    sigma: Decimal = Decimal(3)
    #: The stretches of time to ask about, the shortest first.
    stretches: tuple[timedelta, ...] = (
        timedelta(hours=1),
        timedelta(hours=6),
        timedelta(hours=24),
    )

    def minimum_expected(self, threshold: Threshold) -> int:
        """Return how many events make a drop of this size more than chance."""
        part = threshold.limit / 100
        return int(((self.sigma / part) ** 2).to_integral_value(ROUND_CEILING))


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricRule:
    """One row of the table of key metrics (S4.2)."""

    key: str
    title: str
    warning: Threshold
    critical: Threshold
    #: Set for a metric that is watched for drops.
    baseline: Baseline | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many events a stretch of time brought, and how many it should have."""

    stretch: timedelta
    observed: int
    #: The median of the weeks before; None where they tell nothing.
    expected: Decimal | None

    @property
    def drop(self) -> Decimal | None:
        """By how many percent fewer came; negative for more, None if unknown."""
        if not self.expected:
            return None
        return (self.expected - self.observed) / self.expected * 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgment:
    """What a metric's value means, and why."""

    grade: Grade
    reason: str


def judge(rule: MetricRule, value: Decimal | None) -> Judgment:
    """Return how bad a value is; None stands for one that is missing."""
    if value is None:
        return Judgment(grade=Grade.MISSING, reason=f"{rule.title} has no value")
    for grade, threshold in _worst_first(rule):
        if threshold.is_crossed_by(value):
            side = "below" if threshold.direction is Direction.BELOW else "above"
            reason = f"{rule.title} {value} is {side} {threshold.limit}"
            return Judgment(grade=grade, reason=reason)
    return Judgment(grade=Grade.FINE, reason=f"{rule.title} {value} is within limits")


def judge_drop(rule: MetricRule, counts: tuple[Count, ...]) -> Judgment:
    """Return how bad a drop is, asked of the shortest stretch that can tell.

    ``counts`` are given the shortest stretch first. Without any the value is
    missing; where too little is expected for an answer it is fine.
    """
    if not counts:
        return Judgment(grade=Grade.MISSING, reason=f"{rule.title} has no counts")
    baseline = rule.baseline or Baseline()
    silent = False
    for grade, threshold in _worst_first(rule):
        count = _telling(counts, baseline.minimum_expected(threshold))
        silent = silent or count is None
        drop = None if count is None else count.drop
        if count is not None and drop is not None and threshold.is_crossed_by(drop):
            reason = (
                f"{rule.title} dropped by {drop:.1f} % in {describe(count.stretch)}, "
                f"more than {threshold.limit} %"
            )
            return Judgment(grade=grade, reason=reason)
    if silent:
        reason = f"too little is expected of {rule.title} to tell a drop from chance"
        return Judgment(grade=Grade.FINE, reason=reason)
    return Judgment(grade=Grade.FINE, reason=f"{rule.title} has not dropped")


def _worst_first(rule: MetricRule) -> tuple[tuple[Grade, Threshold], ...]:
    return (Grade.CRITICAL, rule.critical), (Grade.WARNING, rule.warning)


def _telling(counts: tuple[Count, ...], minimum: int) -> Count | None:
    """The first count of which enough is expected to trust a drop of this size."""
    for count in counts:
        if count.expected is not None and count.expected >= minimum:
            return count
    return None
