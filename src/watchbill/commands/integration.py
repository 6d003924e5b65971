"""``watchbill integration``: sources that may post."""

from pathlib import Path

import click

from watchbill.commands.options import HELP, data_dir_option, database_option, refusals
from watchbill.server.project.options import Options
from watchbill.server.project.run import installation


@click.group(context_settings=HELP)
def command() -> None:
    """Create sources that may post alerts."""


@command.command("create")
@click.argument("kind")
@click.option("--name", help="What to call it on the console; the kind by default.")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(["post", "read", "silence"]),
    multiple=True,
    help="What the key may do; give it once for each. Without it the key may do what is"
    " usual for KIND, which is never to silence.",
)
@data_dir_option(".watchbill")
@database_option
@click.option(
    "--base-url",
    envvar="WATCHBILL_BASE_URL",
    default="http://127.0.0.1:8000",
    show_default=True,
    help="Where the source reaches watchbill.",
)
def create(
    kind: str,
    name: str | None,
    scopes: tuple[str, ...],
    data_dir: Path,
    database_url: str,
    base_url: str,
) -> None:
    """Create an integration of KIND and print the URL to post to.

    The URL holds the key, which is shown only now.
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
            url = installed.integration_url(kind, name or kind, scopes=scopes)
            click.echo(url)
    except LookupError as error:
        raise click.ClickException(str(error)) from error
