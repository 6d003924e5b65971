"""What the page of the load shows: hours and pages beside bars, and a fair proposal."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from watchbill.core.oncall import Duty
from watchbill.core.temporal import Interval
from watchbill.core.workload import (
    AssignedTurn,
    Burden,
    OffHours,
    Workload,
    fair,
)
from watchbill.plan import Plan
from watchbill.server.oncall import board
from watchbill.server.oncall.faces import Face, face_of
from watchbill.server.oncall.timeline import Watch
from watchbill.server.reports import queries

SPANS = {
    "past": (_("Past 4 weeks"), timedelta(days=-28)),
    "quarter": (_("Past 13 weeks"), timedelta(days=-91)),
    "ahead": (_("Coming 4 weeks"), timedelta(days=28)),
}
FAIR_AHEAD = timedelta(days=84)
_DAYS_BACK = timedelta(days=91)

_HEAD = (
    "contact", "name", "hours", "primary hours", "secondary hours", "shadow hours",
    "night hours", "weekend hours", "holiday hours", "share of time", "pages",
    "night pages", "incidents", "warnings",
)  # fmt: skip

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A turn that a proposal gives to somebody else."""

    during: Interval
    now: Face
    then: Face

    @property
    def is_change(self) -> bool:
        """Whether somebody else would hold it."""
        return self.now.key != self.then.key


def span_of(name: str, *, now: datetime) -> tuple[str, Interval]:
    """Return the stretch that a report is about; the past four weeks by default."""
    name = name if name in SPANS else "past"
    length = SPANS[name][1]
    first, last = sorted((now, now + length))
    return name, Interval(starts_at=first, ends_at=last)


def rows(plan: Plan, loads: Sequence[Workload]) -> list[dict[str, Any]]:
    """Return a line a person: who carries most first."""
    most = max((_carried(one) for one in loads), default=0.0)
    pages = max((one.pages for one in loads), default=0)
    found = (_row(plan, one, most=most, pages=pages) for one in loads)
    return sorted(found, key=lambda row: (-row["hours"], row["name"]))


def as_csv(plan: Plan, loads: Sequence[Workload]) -> str:
    """Return the report as a table that no spreadsheet runs as a program."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(_HEAD)
    for row in rows(plan, loads):
        writer.writerow([_safe(cell) for cell in _cells(row)])
    return out.getvalue()


def proposal(plan: Plan, watch: Watch, *, now: datetime) -> list[Change]:
    """Return a fair assignment of the coming turns of the lowest layer.

    What everybody has carried in the past thirteen weeks counts.
    """
    layer = watch.schedule.layers[0]
    past = Interval(starts_at=now - _DAYS_BACK, ends_at=now)
    carried = {one.contact: one for one in queries.load(plan, past)}
    ahead = Interval(starts_at=now, ends_at=now + FAIR_AHEAD)
    turns = fair(
        layer,
        during=ahead,
        off_hours=OffHours(zone=plan.meta.zone, holidays=plan.business_hours.closed_on),
        absences=watch.absences,
        carried=carried,
    )
    return [_change(watch, one) for one in turns]


def watch_ahead(plan: Plan, key: str, *, now: datetime) -> Watch:
    """Return a schedule with all that decides about it while a proposal runs."""
    during = Interval(starts_at=now, ends_at=now + 2 * FAIR_AHEAD)
    return board.watches(plan, during=during)[key]


def _change(watch: Watch, turn: AssignedTurn) -> Change:
    held = watch.shifts(turn.during, [Duty.PRIMARY])
    longest = max(held, key=lambda one: one.during.ends_at - one.during.starts_at)
    return Change(
        during=turn.during,
        now=face_of(watch.faces, longest.holder),
        then=face_of(watch.faces, turn.contact),
    )


def _row(plan: Plan, load: Workload, *, most: float, pages: int) -> dict[str, Any]:
    contact = plan.directory.contact(load.contact)
    hours = _carried(load)
    return {
        "key": load.contact,
        "name": contact.label if contact is not None else load.contact,
        "url": reverse("oncall:person", args=[load.contact]) if contact else "",
        "hours": hours,
        "duties": {duty: _hours(load.hours.get(duty)) for duty in Duty},
        "nights": _hours(load.burden(Burden.NIGHT)),
        "weekends": _hours(load.burden(Burden.WEEKEND)),
        "holidays": _hours(load.burden(Burden.HOLIDAY)),
        "share": round(100 * load.share),
        "pages": load.pages,
        "night_pages": load.night_pages,
        "incidents": load.incidents,
        "warnings": load.warnings,
        "bar": _part(hours, most),
        "night_bar": _part(_hours(load.burden(Burden.NIGHT)), most),
        "page_bar": _part(load.pages, pages),
    }


def _cells(row: Mapping[str, Any]) -> Iterator[Any]:
    yield from (row["key"], row["name"], row["hours"])
    yield from row["duties"].values()
    yield from (row["nights"], row["weekends"], row["holidays"], f"{row['share']} %")
    yield from (row["pages"], row["night_pages"], row["incidents"])
    yield "; ".join(row["warnings"])


def _safe(cell: Any) -> Any:
    """Keep a name from being read as a formula."""
    is_formula = isinstance(cell, str) and cell.startswith(_FORMULA)
    return f"'{cell}" if is_formula else cell


def _carried(load: Workload) -> float:
    return _hours(load.burden(Burden.HOURS))


def _hours(length: timedelta | None) -> float:
    return round((length or timedelta(0)) / _HOUR, 1)


def _part(value: float, most: float) -> float:
    return round(100 * value / most, 2) if most else 0.0
