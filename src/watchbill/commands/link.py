"""``watchbill link``: a way in for who has none."""

from pathlib import Path

import click

from watchbill.commands.options import HELP, data_dir_option, database_option, refusals
from watchbill.server.project.options import Options
from watchbill.server.project.run import installation


@click.command(context_settings=HELP)
@click.argument("email", required=False)
@data_dir_option(".watchbill")
@database_option
@click.option(
    "--base-url",
    envvar="WATCHBILL_BASE_URL",
    default="http://127.0.0.1:8000",
    show_default=True,
    help="Where people reach it.",
)
def command(
    email: str | None, data_dir: Path, database_url: str, base_url: str
) -> None:
    """Print a link that signs EMAIL in once, within an hour.

    Without EMAIL it prints the link that creates the owner, while there is no user.
    Whoever can run this can read the database anyway.
    """
    options = Options(
        data_dir=data_dir,
        host="127.0.0.1",
        port=8000,
        base_url=base_url,
        database_url=database_url,
    )
    try:
        with refusals(), installation(options) as installed:
            click.echo(installed.link_for(email))
    except LookupError as error:
        raise click.ClickException(str(error)) from error
