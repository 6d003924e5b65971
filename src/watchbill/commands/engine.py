"""``watchbill engine``: what the engine knows of itself; holding and releasing it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from watchbill.commands.options import HELP, data_dir_option, database_option, refusals
from watchbill.server.project.options import Options
from watchbill.server.project.run import installation


@click.group(context_settings=HELP)
def command() -> None:
    """See whether the plan is being run; hold the engine, and release it."""


@contextmanager
def _desk(data_dir: Path, database_url: str) -> Iterator[Any]:
    options = Options(
        data_dir=data_dir, host="127.0.0.1", port=8000, database_url=database_url
    )
    try:
        with refusals(), installation(options) as installed:
            yield installed.engine_desk
    except LookupError as error:
        raise click.ClickException(str(error)) from error


@command.command()
@data_dir_option(".watchbill")
@database_option
def status(data_dir: Path, database_url: str) -> None:
    """Print whether people are being paged; exit with 1 when they are not."""
    with _desk(data_dir, database_url) as desk:
        lines, is_alive = desk.status()
    click.echo("\n".join(lines))
    if not is_alive:
        raise click.exceptions.Exit(1)


@command.command()
@click.option("--reason", default="an operator asked for it", show_default=True)
@data_dir_option(".watchbill")
@database_option
def hold(reason: str, data_dir: Path, database_url: str) -> None:
    """Page nobody until it is released, or for 15 minutes."""
    with _desk(data_dir, database_url) as desk:
        click.echo(desk.hold(reason))


@command.command()
@data_dir_option(".watchbill")
@database_option
def release(data_dir: Path, database_url: str) -> None:
    """Page people again after a hold."""
    with _desk(data_dir, database_url) as desk:
        click.echo(desk.release())


@command.command("accept-clock")
@data_dir_option(".watchbill")
@database_option
def accept_clock(data_dir: Path, database_url: str) -> None:
    """Take the database's clock as it is, after it was set back.

    What is due is then delayed by as much as the clock was set back.
    """
    with _desk(data_dir, database_url) as desk:
        click.echo(desk.accept_clock())
