"""Reports: what the plan promised, and what became of it (SE-02).

The quarterly review asks how often each target was met. An incident belongs to the
interval in which it was declared, and each of its two targets to one of three: *met*
when the acknowledgement or resolution came no later than the declaration plus the
target, exactly then included; *missed* when it came later, or has not come and can
no longer come in time; *running* while it is still to come and not yet due. An
overdue incident counts as missed while it is open: waiting for its end would make
the worst ones the last to be seen.

A share is that of the met among the decided, met and missed. What is running would
make it look better or worse than anybody knows, and where nothing is decided there
is no share at all, which is neither 0 % nor 100 %. Drills are left out (A39). So
that no incident is lost, a severity that the scale does not have any more has a row,
and no targets; so has one without a promise.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from watchbill.core.severity import Severity
from watchbill.core.temporal import Interval, at_wall


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarter:
    """Three months of the local calendar, written as 2026Q1."""

    year: int
    #: 1 to 4.
    number: int

    def __str__(self) -> str:
        return f"{self.year:04}Q{self.number}"

    @property
    def first_day(self) -> date:
        """The day on which the quarter begins."""
        return date(self.year, 3 * self.number - 2, 1)

    def moved(self, quarters: int) -> "Quarter":
        """Return the quarter so many later; earlier if negative."""
        year, index = divmod(self.year * 4 + self.number - 1 + quarters, 4)
        return Quarter(year=year, number=index + 1)

    def interval(self, zone: ZoneInfo) -> Interval:
        """Return the quarter from local midnight to local midnight."""
        return Interval(
            starts_at=at_wall(self.first_day, time(), zone),
            ends_at=at_wall(self.moved(1).first_day, time(), zone),
        )


def quarter_of(at: datetime, zone: ZoneInfo) -> Quarter:
    """Return the quarter that a calendar on the wall shows."""
    day = at.astimezone(zone)
    return Quarter(year=day.year, number=(day.month + 2) // 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What a report needs to know of one incident."""

    severity: str
    declared_at: datetime
    acknowledged_at: datetime | None = None
    resolved_at: datetime | None = None
    is_drill: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How often one target was met, was missed, and is still running."""

    met: int = 0
    missed: int = 0
    running: int = 0

    @property
    def decided(self) -> int:
        """How many are met or missed."""
        return self.met + self.missed

    @property
    def share(self) -> float | None:
        """The met among the decided, 0 to 1; None where nothing is decided."""
        return self.met / self.decided if self.decided else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One severity of a report: its promises beside what happened."""

    severity: str
    incidents: int
    #: None where the plan promises nothing; then the tally is empty.
    response_target: timedelta | None
    response: Tally
    resolution_target: timedelta | None
    resolution: Tally


def compare(
    severities: Sequence[Severity],
    records: Iterable[Record],
    *,
    during: Interval,
    now: datetime,
) -> tuple[Row, ...]:
    """Return a row for each severity of the scale, in its order, then for any other."""
    found: defaultdict[str, list[Record]] = defaultdict(list)
    for one in records:
        if one.declared_at in during and not one.is_drill:
            found[one.severity].append(one)
    scale = {severity.key: severity for severity in severities}
    keys = [*scale, *sorted(found.keys() - scale.keys())]
    return tuple(_row(key, scale.get(key), found.get(key, []), now) for key in keys)


def _row(
    key: str, severity: Severity | None, records: Sequence[Record], now: datetime
) -> Row:
    response = severity.response_target if severity else None
    resolution = severity.resolution_target if severity else None
    answers = [(one.declared_at, one.acknowledged_at) for one in records]
    ends = [(one.declared_at, one.resolved_at) for one in records]
    return Row(
        severity=key,
        incidents=len(records),
        response_target=response,
        response=_tally(answers, response, now),
        resolution_target=resolution,
        resolution=_tally(ends, resolution, now),
    )


def _tally(
    times: Sequence[tuple[datetime, datetime | None]],
    target: timedelta | None,
    now: datetime,
) -> Tally:
    if target is None:
        return Tally()
    done = [(at, began_at + target) for began_at, at in times if at is not None]
    due = [began_at + target for began_at, at in times if at is None]
    met = sum(at <= due_at for at, due_at in done)
    # What is due at this very instant can still be met, by what happens at it.
    running = sum(now <= due_at for due_at in due)
    return Tally(met=met, missed=len(times) - met - running, running=running)
