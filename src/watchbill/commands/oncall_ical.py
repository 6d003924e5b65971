"""``watchbill oncall import-ical``: a calendar's events as overrides and absences."""

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import click

from watchbill.commands.oncall_watch import Watch, opened, schedules, stretch
from watchbill.commands.options import data_dir_option, database_option
from watchbill.core.oncall import Duty
from watchbill.migrate.assign import Assigned, Meaning, assigned
from watchbill.migrate.calendar import read
from watchbill.migrate.reading import ExportError
from watchbill.migrate.report import Entry, Outcome, as_json, render, summary


@click.command("import-ical")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--schedule", required=True, help="The key of the schedule.")
@click.option(
    "--duty",
    type=click.Choice([str(one) for one in Duty]),
    default=str(Duty.PRIMARY),
    show_default=True,
    help="The duty that is taken over.",
)
@click.option(
    "--as",
    "meaning",
    type=click.Choice([str(one) for one in Meaning]),
    help="What every event is; else each is asked for its own.",
)
@click.option(
    "--days",
    type=click.IntRange(1, 3660),
    default=366,
    show_default=True,
    help="So far ahead events are taken.",
)
@click.option("--apply", "is_applied", is_flag=True, help="Enter; else only look.")
@click.option("--plan", "plan_name", help="Look with a plan file alone, or 'trm'.")
@click.option("--json", "wants_json", is_flag=True, help="Print the report as JSON.")
@database_option
@data_dir_option(".watchbill")
def import_ical_command(
    file: Path,
    schedule: str,
    duty: str,
    meaning: str | None,
    days: int,
    is_applied: bool,
    plan_name: str | None,
    wants_json: bool,
    database_url: str,
    data_dir: Path,
) -> None:
    """Read a calendar FILE, and enter its events as overrides and absences.

    Whose event it is, an e-mail address of those who take part says, or a name in its
    summary. An event that speaks of leave is an absence, any other an override. Each
    event is named with what becomes of it; nothing is entered without --apply.
    """
    if is_applied and plan_name is not None:
        message = "a plan file holds no overrides; leave out --plan to enter them"
        raise click.UsageError(message)
    with opened(plan_name, data_dir, database_url) as watch:
        (one,) = schedules(watch.plan, schedule)
        during = stretch(watch.now, watch.now + timedelta(days=days))
        try:
            body = file.read_bytes()
            found = read(body, during=during, zone=one.zone, name=file.name)
        except (ExportError, OSError) as error:
            raise click.ClickException(str(error)) from error
        means = Meaning(meaning) if meaning else None
        taken, entries = assigned(
            found.occurrences, watch.plan.directory, meaning=means
        )
        entries = (*found.skipped, *entries)
        if is_applied:
            entries = _entered(watch, taken, entries, schedule, Duty(duty))
    if wants_json:
        click.echo(as_json(entries))
        return
    click.echo(render(entries), nl=False)
    tail = "" if is_applied else " Nothing is entered without --apply."
    click.echo(f"\n{summary(entries)}.{tail}")


def _entered(
    watch: Watch,
    taken: Iterable[Assigned],
    entries: Iterable[Entry],
    schedule: str,
    duty: Duty,
) -> tuple[Entry, ...]:
    """The report, with what the watch itself refused."""
    made: list[Entry] = [one for one in entries if one.outcome is not Outcome.TAKEN]
    for one, refusal in watch.desk.enter(taken, schedule=schedule, duty=duty):
        span = f"{one.during.starts_at:%Y-%m-%d %H:%M}"
        made.append(
            Entry(
                outcome=Outcome.DROPPED if refusal else Outcome.TAKEN,
                kind="event",
                name=f"{one.summary} ({span} UTC)",
                because=refusal or f"entered as {one.meaning} of {one.contact}",
            )
        )
    return tuple(made)
