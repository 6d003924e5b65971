"""``watchbill audit``: check the audit log, and take it along."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from watchbill.commands.options import HELP, data_dir_option, database_option, refusals
from watchbill.core.ledger import Head, Verdict, read_head
from watchbill.server.audit import exports
from watchbill.server.audit.exports import ExportUnreadableError, HeadNotInFileError
from watchbill.server.project.options import Options
from watchbill.server.project.run import installation


@click.group(context_settings=HELP)
def command() -> None:
    """Check that nobody altered the audit log, and export it."""


@contextmanager
def _desk(data_dir: Path, database_url: str) -> Iterator[Any]:
    options = Options(
        data_dir=data_dir, host="127.0.0.1", port=8000, database_url=database_url
    )
    try:
        with refusals(), installation(options) as installed:
            yield installed.audit_desk
    except LookupError as error:
        raise click.ClickException(str(error)) from error


@command.command()
@click.argument(
    "file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option(
    "--head",
    "heads",
    multiple=True,
    metavar="POSITION:HASH",
    help="A head that is known from elsewhere: the log of the process, an earlier"
    " check or export. Lines cut off at the end are found by it alone.",
)
@data_dir_option(".watchbill")
@database_option
def verify(
    file: Path | None, heads: tuple[str, ...], data_dir: Path, database_url: str
) -> None:
    """Follow the chain of the audit log; exit with 1 at the first broken line.

    With FILE an export is checked by itself, without a database.
    """
    known = [_head(one) for one in heads]
    if file is not None:
        _say(_of_file(file, known), waiting=0)
        return
    with _desk(data_dir, database_url) as desk:
        verdict, waiting = desk.verify_all(known), desk.unsealed()
    _say(verdict, waiting=waiting)


@command.command()
@click.option("--from", "starts", help="Such as 2026-11-01, or 2026-11-01T08:00+06:30.")
@click.option("--to", "ends", help="Such as 2026-12-01; not included.")
@click.option("--csv", "wants_csv", is_flag=True, help="A table, instead of JSON.")
@data_dir_option(".watchbill")
@database_option
def export(
    starts: str | None,
    ends: str | None,
    wants_csv: bool,
    data_dir: Path,
    database_url: str,
) -> None:
    """Print the sealed lines of a period, as lines of JSON that can be checked."""
    period = _instant(starts), _instant(ends)
    with _desk(data_dir, database_url) as desk:
        for text in desk.export(*period, wants_csv=wants_csv):
            click.echo(text, nl=False)


def _of_file(file: Path, known: list[Head]) -> Verdict:
    try:
        with file.open(encoding="utf-8") as lines:
            return exports.check_file(lines, known)
    except (ExportUnreadableError, HeadNotInFileError, UnicodeDecodeError) as error:
        message = f"{file}: {error}"
        raise click.ClickException(message) from error


def _say(verdict: Verdict, *, waiting: int) -> None:
    if verdict.broken:
        click.echo(f"The audit log is broken: {verdict.broken}.")
        click.echo(f"It is whole until {verdict.head}")
        raise click.exceptions.Exit(1)
    click.echo(f"The audit log is whole until {verdict.head}")
    if waiting:
        click.echo(f"{waiting} lines wait for their seal.")


def _head(text: str) -> Head:
    try:
        return read_head(text)
    except ValueError:
        message = f"{text!r} is no head; it is a position, a colon and a hash"
        raise click.BadParameter(message) from None


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        message = f"{text!r} is no day and no instant"
        raise click.BadParameter(message) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
