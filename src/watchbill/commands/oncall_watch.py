"""What the commands on the watch share: its facts, their options, and tables."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import click

from watchbill.commands.options import (
    data_dir_option,
    database_option,
    refusals,
    valid_plan,
)
from watchbill.core.oncall import Absence, Duty, Override, Schedule, Shift, on_call
from watchbill.core.oncall import resolve as resolve_shifts
from watchbill.core.temporal import Interval
from watchbill.plan import Plan
from watchbill.server import clock
from watchbill.server.project.options import Options
from watchbill.server.project.run import installation

_F = TypeVar("_F", bound=Callable[..., Any])


class Watch(NamedTuple):
    """What is known of the watch, and of the installation if one was asked."""

    plan: Plan
    now: datetime
    overrides: Sequence[Override] = ()
    absences: Sequence[Absence] = ()
    desk: Any = None

    def shift(self, schedule: Schedule, duty: Duty, at: datetime) -> Shift:
        return on_call(
            schedule,
            duty,
            at=at,
            overrides=self.overrides,
            absences=self.absences,
        )

    def shifts(self, schedule: Schedule, during: Interval) -> tuple[Shift, ...]:
        return resolve_shifts(
            schedule,
            during=during,
            duties=schedule.duties,
            overrides=self.overrides,
            absences=self.absences,
        )


def place_options(function: _F) -> _F:
    for option in (
        click.option("--plan", "plan_name", help="Ask a plan file alone, or 'trm'."),
        click.option("--json", "wants_json", is_flag=True, help="Print JSON."),
        click.option("--schedule", help="This schedule only, by its key."),
        database_option,
        data_dir_option(".watchbill"),
    ):
        function = option(function)
    return function


def who_options(function: _F) -> _F:
    for option in (
        click.option("--why", "says_why", is_flag=True, help="Say for what reason."),
        click.option(
            "--duty",
            type=click.Choice([str(one) for one in Duty]),
            help="This duty only.",
        ),
    ):
        function = option(function)
    return place_options(function)


@contextmanager
def opened(
    plan_name: str | None,
    data_dir: Path,
    database_url: str,
    *,
    at: datetime | None = None,
) -> Iterator[Watch]:
    if plan_name is not None:
        plan = valid_plan(plan_name).plan
        if plan is not None:
            yield Watch(plan, clock.of_machine())
        return
    options = Options(
        data_dir=data_dir, host="127.0.0.1", port=8000, database_url=database_url
    )
    try:
        with refusals(), installation(options) as installed:
            desk = installed.oncall_desk
            found = desk.facts(at=at)
            yield Watch(found.plan, found.now, found.overrides, found.absences, desk)
    except LookupError as error:
        raise click.ClickException(str(error)) from error


def schedules(plan: Plan, key: str | None) -> list[Schedule]:
    if key is not None and key not in plan.schedules:
        known = ", ".join(plan.schedules) or "none"
        message = f"the plan has no schedule {key!r}; it has {known}"
        raise click.ClickException(message)
    return [one for name, one in plan.schedules.items() if key in (None, name)]


def times(plan: Plan, one: Shift) -> tuple[str, str]:
    zone = plan.schedules[one.schedule].zone
    return (
        f"{one.during.starts_at.astimezone(zone):%a %Y-%m-%d %H:%M}",
        f"{one.during.ends_at.astimezone(zone):%a %Y-%m-%d %H:%M %Z}",
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [list(head), *(list(row) for row in rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    return "".join(
        "  ".join(
            cell.ljust(width) for cell, width in zip(line, widths, strict=True)
        ).rstrip()
        + "\n"
        for line in lines
    )


def read_instant(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or not 2000 <= found.year <= 2100:
        message = f"{text!r} is no instant; write 2026-12-01T10:00 or 2026-12-01"
        raise click.ClickException(message)
    return found


def in_zone(at: datetime, plan: Plan) -> datetime:
    aware = at if at.tzinfo else at.replace(tzinfo=plan.meta.zone)
    return aware.astimezone(UTC)


def stretch(starts_at: datetime, ends_at: datetime) -> Interval:
    if not timedelta(0) < ends_at - starts_at <= timedelta(days=3660):
        message = "the time must end after it begins, and last ten years at most"
        raise click.ClickException(message)
    return Interval(starts_at=starts_at, ends_at=ends_at)
