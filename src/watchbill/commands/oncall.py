"""``watchbill oncall``: who is on call, when and why, from wherever one asks.

The answer is that of the running installation, with its overrides and absences, or with
``--plan`` that of a plan file alone, which needs no installation.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from watchbill.commands import oncall_ical, oncall_load
from watchbill.commands.oncall_watch import (
    Watch,
    in_zone,
    opened,
    read_instant,
    schedules,
    table,
    times,
    who_options,
)
from watchbill.commands.options import HELP
from watchbill.core.oncall import Shift
from watchbill.server.oncall import shapes


@click.group(context_settings=HELP)
def command() -> None:
    """Say who is on call, when and why."""


@command.command()
@who_options
def now(
    plan_name: str | None,
    data_dir: Path,
    database_url: str,
    schedule: str | None,
    duty: str | None,
    says_why: bool,
    wants_json: bool,
) -> None:
    """Print who is on call now."""
    with opened(plan_name, data_dir, database_url) as watch:
        found = list(_held(watch, schedule, duty, at=watch.now))
        _show(watch, found, says_why=says_why, wants_json=wants_json)


@command.command("at")
@click.argument("instant")
@who_options
def at_(
    instant: str,
    plan_name: str | None,
    data_dir: Path,
    database_url: str,
    schedule: str | None,
    duty: str | None,
    says_why: bool,
    wants_json: bool,
) -> None:
    """Print who is on call at INSTANT.

    INSTANT is such as 2026-12-01T10:00, read in the plan's time zone, or has an offset.
    """
    about = read_instant(instant)
    aware = about if about.tzinfo else about.replace(tzinfo=UTC)
    with opened(plan_name, data_dir, database_url, at=aware) as watch:
        at = in_zone(about, watch.plan)
        found = list(_held(watch, schedule, duty, at=at))
        _show(watch, found, says_why=says_why, wants_json=wants_json)


@command.command("next")
@who_options
def next_(
    plan_name: str | None,
    data_dir: Path,
    database_url: str,
    schedule: str | None,
    duty: str | None,
    says_why: bool,
    wants_json: bool,
) -> None:
    """Print who takes over next."""
    with opened(plan_name, data_dir, database_url) as watch:
        current = _held(watch, schedule, duty, at=watch.now)
        found = [one for shift in current if (one := _after(watch, shift)) is not None]
        _show(watch, found, says_why=says_why, wants_json=wants_json)


def _held(
    watch: Watch, key: str | None, duty: str | None, *, at: datetime
) -> Iterator[Shift]:
    for schedule in schedules(watch.plan, key):
        for one in schedule.duties:
            if duty in (None, str(one)):
                yield watch.shift(schedule, one, at)


def _after(watch: Watch, shift: Shift) -> Shift | None:
    """The shift of the next one who is somebody else, within a year."""
    schedule = watch.plan.schedules[shift.schedule]
    current, last = shift, watch.now + timedelta(days=365)
    while current.during.ends_at < last:
        following = watch.shift(schedule, shift.duty, current.during.ends_at)
        if following.holder != shift.holder:
            return following
        current = following
    return None


def _show(
    watch: Watch, shifts: Sequence[Shift], *, says_why: bool, wants_json: bool
) -> None:
    if wants_json:
        shown = [shapes.shift(watch.plan, one) for one in shifts]
        click.echo(json.dumps(shown, ensure_ascii=False, indent=2))
        return
    if not shifts:
        click.echo("Nobody: the plan has no such duty.")
        return
    head = ["Schedule", "Duty", "Who", "From", "To", *(["Why"] if says_why else [])]
    rows = [
        [
            one.schedule,
            str(one.duty),
            shapes.name_of(watch.plan, one.holder),
            *times(watch.plan, one),
            *([shapes.why(watch.plan, one)] if says_why else []),
        ]
        for one in shifts
    ]
    click.echo(table(head, rows), nl=False)


command.add_command(oncall_load.gaps_command)
command.add_command(oncall_load.load_command)
command.add_command(oncall_ical.import_ical_command)
