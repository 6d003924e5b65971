"""``watchbill up``: run everything."""

from pathlib import Path

import click

from watchbill.commands.options import (
    HELP,
    data_dir_option,
    database_option,
    refusals,
    valid_plan,
    web_options,
)
from watchbill.server.project.options import Options
from watchbill.server.project.run import run


@click.command(context_settings=HELP)
@click.option(
    "--plan",
    metavar="FILE",
    help="Put this plan in force; 'trm' is the example. Without it the plan in force"
    " stays.",
)
@click.option(
    "--hold",
    "is_held",
    is_flag=True,
    help="Page nobody until an owner releases it, or for 15 minutes; for a restored"
    " backup.",
)
@click.option(
    "--intake-workers",
    type=click.IntRange(0, 16),
    default=1,
    envvar="WATCHBILL_INTAKE_WORKERS",
    show_default=True,
    help="Processes that take what sources post, beside the main one; with 0 the main"
    " one does.",
)
@click.option(
    "--fold-workers",
    type=click.IntRange(0, 16),
    default=1,
    envvar="WATCHBILL_FOLD_WORKERS",
    show_default=True,
    help="Processes that fold what was posted into alerts and incidents, beside the"
    " main one; with 0 the main one does.",
)
@data_dir_option(".watchbill")
@database_option
@web_options
def command(
    plan: str | None,
    is_held: bool,
    intake_workers: int,
    fold_workers: int,
    data_dir: Path,
    database_url: str,
    host: str,
    port: int,
    base_url: str,
) -> None:
    """Run watchbill: database, engine and console, as one thing to start and stop.

    At the first start it prints a link that creates the owner. Stop it with Ctrl-C;
    nothing that was accepted is lost, however it ends.

    \b
    Channels are set up by environment variables. The most common ones are below;
    docs/operating.md has the tables of all, under "Environment variables":
      WATCHBILL_SMTP_URL     smtp+starttls://user:password@mail.example.org:587
      WATCHBILL_MAIL_FROM    watchbill@example.org
      WATCHBILL_SLACK_TOKEN  a bot token, xoxb-...
    """
    options = Options(
        data_dir=data_dir,
        host=host,
        port=port,
        base_url=base_url,
        database_url=database_url,
        plan=valid_plan(plan) if plan else None,
        is_held=is_held,
        intake_workers=intake_workers,
        fold_workers=fold_workers,
    )
    with refusals():
        run(options, click.echo)
