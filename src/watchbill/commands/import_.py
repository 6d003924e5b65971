"""``watchbill import``: move in from another product, looking first."""

from datetime import UTC, datetime
from pathlib import Path

import click

from watchbill.commands.options import HELP
from watchbill.migrate.bring import Imported, bring
from watchbill.migrate.products import PRODUCTS
from watchbill.migrate.reading import ExportError
from watchbill.migrate.report import Outcome, as_json, render, summary
from watchbill.server import clock

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(context_settings=HELP)
@click.argument("product", type=click.Choice(list(PRODUCTS)))
@click.argument("files", nargs=-1, required=True, type=_FILE)
@click.option(
    "--into",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The plan file to add to; a new plan where there is none.",
)
@click.option("--apply", "is_applied", is_flag=True, help="Write; else only look.")
@click.option(
    "--overrides",
    type=click.Path(file_okay=False, path_type=Path),
    help="A directory for the overrides, one calendar a schedule, to be read by"
    " 'watchbill oncall import-ical'.",
)
@click.option(
    "--as-of",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Leave out what was over on this day; today by default.",
)
@click.option("--json", "wants_json", is_flag=True, help="Print the report as JSON.")
def command(
    product: str,
    files: tuple[Path, ...],
    into: Path | None,
    is_applied: bool,
    overrides: Path | None,
    as_of: datetime | None,
    wants_json: bool,
) -> None:
    """Read the exported JSON FILES of a PRODUCT and say what becomes of each object.

    Without --apply nothing is written: the report is printed, and the parts of the plan
    that were made. With it the plan is written to --into, unless it has errors. Where
    the files hold the shifts that the product computed, they are compared with the
    plan's.
    """
    if is_applied and into is None and overrides is None:
        message = "say with --into or --overrides where to write"
        raise click.UsageError(message)
    try:
        found = bring(
            product,
            {one.name: one.read_bytes() for one in files},
            as_of=as_of.replace(tzinfo=UTC) if as_of else clock.of_machine(),
            into=into.read_text("utf-8") if into and into.exists() else None,
            name=into.name if into else "the new plan",
        )
    except (ExportError, OSError, UnicodeDecodeError) as error:
        raise click.ClickException(str(error)) from error
    _show(found, wants_json=wants_json)
    if is_applied:
        _write(found, into, overrides)


def _show(found: Imported, *, wants_json: bool) -> None:
    if wants_json:
        click.echo(as_json(found.entries))
        return
    click.echo(render(found.entries), nl=False)
    click.echo(f"\n{summary(found.entries)}.")
    if found.loaded is not None and found.loaded.plan is None:
        click.echo("\nThe plan has errors:\n" + found.loaded.render(), nl=False)
    click.echo("\n" + found.fragment, nl=False)


def _write(found: Imported, into: Path | None, overrides: Path | None) -> None:
    if found.loaded is None or found.loaded.plan is None or found.plan_text is None:
        because = [one.because for one in found.entries if one.kind == "plan"]
        message = "; ".join(because) or "the plan has errors"
        raise click.ClickException(f"nothing is written: {message}")
    try:
        if into is not None:
            into.write_text(found.plan_text, "utf-8")
            click.echo(f"Written: {into}. Look at what was guessed.", err=True)
        if overrides is not None:
            overrides.mkdir(parents=True, exist_ok=True)
            for key, calendar in found.calendars.items():
                path = overrides / f"{key}.ics"
                path.write_bytes(calendar)
                click.echo(f"Written: {path}", err=True)
    except OSError as error:
        message = f"{error.filename} cannot be written: {error.strerror}"
        raise click.ClickException(message) from error
    guessed = sum(one.outcome is Outcome.GUESSED for one in found.entries)
    if guessed:
        click.echo(f"{guessed} things were guessed.", err=True)
