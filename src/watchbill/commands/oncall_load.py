"""``watchbill oncall gaps`` and ``load``: where it is thin, who carries it."""

import csv
import io
import json
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import click

from watchbill.commands.oncall_watch import (
    in_zone,
    opened,
    place_options,
    read_instant,
    schedules,
    stretch,
    table,
    times,
)
from watchbill.core.coverage import double_duties, gaps
from watchbill.core.oncall import Duty
from watchbill.core.workload import Burden, OffHours, Workload, workloads
from watchbill.plan import Plan
from watchbill.server.oncall import shapes


@click.command("gaps")
@click.option(
    "--days",
    type=click.IntRange(1, 366),
    default=14,
    show_default=True,
    help="So far ahead.",
)
@place_options
def gaps_command(
    days: int,
    plan_name: str | None,
    data_dir: Path,
    database_url: str,
    schedule: str | None,
    wants_json: bool,
) -> None:
    """Print when nobody is primary, and who holds duties of several schedules.

    Exits with 1 when there is such a time in the coming days.
    """
    with opened(plan_name, data_dir, database_url) as watch:
        during = stretch(watch.now, watch.now + timedelta(days=days))
        found = schedules(watch.plan, schedule)
        empty = gaps(
            found,
            during=during,
            overrides=watch.overrides,
            absences=watch.absences,
        )
        double = double_duties(
            found,
            during=during,
            overrides=watch.overrides,
            absences=watch.absences,
        )
        if wants_json:
            shown = {
                "gaps": [shapes.shift(watch.plan, one) for one in empty],
                "double_duties": [shapes.double(watch.plan, one) for one in double],
            }
            click.echo(json.dumps(shown, ensure_ascii=False, indent=2))
        else:
            for gap in empty:
                starts, ends = times(watch.plan, gap)
                click.echo(f"{gap.schedule}: nobody is primary from {starts} to {ends}")
            for one in double:
                said = shapes.double(watch.plan, one)
                who, duties = said["person"]["name"], " and ".join(said["duties"])
                span = f"from {said['starts_at']} to {said['ends_at']}"
                click.echo(f"{who} holds {duties} {span}")
            if not empty and not double:
                click.echo(f"The watch is held without a gap for {days} days.")
    if empty or double:
        raise click.exceptions.Exit(1)


@click.command("load")
@click.option("--from", "starts", required=True, help="Such as 2026-11-01.")
@click.option("--to", "ends", required=True, help="Such as 2026-12-01; not included.")
@click.option("--csv", "wants_csv", is_flag=True, help="Print CSV.")
@place_options
def load_command(
    starts: str,
    ends: str,
    wants_csv: bool,
    plan_name: str | None,
    data_dir: Path,
    database_url: str,
    schedule: str | None,
    wants_json: bool,
) -> None:
    """Print how many hours, nights, weekends and holidays each person is on call."""
    first, last = read_instant(starts), read_instant(ends)
    aware = first if first.tzinfo else first.replace(tzinfo=UTC)
    with opened(plan_name, data_dir, database_url, at=aware) as watch:
        plan = watch.plan
        during = stretch(in_zone(first, plan), in_zone(last, plan))
        shifts = [
            shift
            for one in schedules(plan, schedule)
            for shift in watch.shifts(one, during)
        ]
        holidays = plan.business_hours.closed_on
        off_hours = OffHours(zone=plan.meta.zone, holidays=holidays)
        found = workloads(shifts, during=during, off_hours=off_hours)
        rows = [_load_row(plan, one) for one in found]
    if wants_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    elif wants_csv:
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(_LOAD)
        writer.writerows([_inert(str(row[name])) for name in _LOAD] for row in rows)
        click.echo(out.getvalue(), nl=False)
    else:
        head = [name.replace("_", " ") for name in _LOAD]
        body = [[str(row[name]) for name in _LOAD] for row in rows]
        click.echo(table(head, body), nl=False)


_LOAD = (
    "key",
    "name",
    "primary_hours",
    "secondary_hours",
    "shadow_hours",
    "night_hours",
    "weekend_hours",
    "holiday_hours",
    "share_percent",
)


def _load_row(plan: Plan, one: Workload) -> dict[str, Any]:
    nothing = timedelta(0)
    row: dict[str, Any] = {
        "key": one.contact,
        "name": shapes.name_of(plan, one.contact),
    }
    for duty in Duty:
        row[f"{duty}_hours"] = _hours(one.hours.get(duty, nothing))
    for burden in Burden:
        row[f"{burden}_hours"] = _hours(one.burden(burden))
    return row | {"share_percent": round(100 * one.share, 1)}


def _hours(duration: timedelta) -> float:
    return round(duration / timedelta(hours=1), 2)


def _inert(text: str) -> str:
    """A cell that a spreadsheet takes for text and for no formula."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text
