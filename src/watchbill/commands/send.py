"""``watchbill send``: whether somebody can be reached, tried out."""

import json
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

import click

from watchbill.commands.options import HELP, data_dir_option, database_option, refusals
from watchbill.server.project.options import Options
from watchbill.server.project.run import installation

_LOOK_EVERY = 0.2


@click.command(context_settings=HELP)
@click.option("--to", "contact", required=True, metavar="CONTACT", help="Whom to tell.")
@click.option("--channel", metavar="NAME", help="By this channel only, such as email.")
@click.option(
    "--test",
    "is_test",
    is_flag=True,
    required=True,
    help="Send a test page; there is nothing else to send by hand.",
)
@click.option(
    "--wait",
    type=click.FloatRange(0, 3600),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for attempts, receipts and the confirmation.",
)
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
@data_dir_option(".watchbill")
@database_option
@click.option(
    "--base-url",
    envvar="WATCHBILL_BASE_URL",
    default="http://127.0.0.1:8000",
    show_default=True,
    help="Where people reach it, for the link that confirms.",
)
def command(
    contact: str,
    channel: str | None,
    is_test: bool,
    wait: float,
    is_json: bool,
    data_dir: Path,
    database_url: str,
    base_url: str,
) -> None:
    """Send CONTACT a test page and show what becomes of it.

    CONTACT is a key of the plan, such as devops_engineer. It goes the way of a real
    page, through the outbox of the running installation. Exits with 0 when a provider
    took it, with 1 when none did.
    """
    del is_test
    options = Options(
        data_dir=data_dir,
        host="127.0.0.1",
        port=8000,
        base_url=base_url,
        database_url=database_url,
    )
    try:
        with refusals(), installation(options) as installed:
            trial = installed.trial.start(contact, channel)
            if not is_json:
                click.echo(trial.opening)
            events = _watch(trial, wait=wait, is_json=is_json)
            is_delivered, is_confirmed = trial.is_delivered, trial.is_confirmed
    except LookupError as error:
        raise click.ClickException(str(error)) from error
    if is_json:
        found = {
            "opening": trial.opening,
            "delivered": is_delivered,
            "confirmed": is_confirmed,
            "events": events,
        }
        click.echo(json.dumps(found, indent=2))
    else:
        click.echo(_verdict(is_delivered=is_delivered, is_confirmed=is_confirmed))
    if not is_delivered:
        raise click.exceptions.Exit(1)


def _watch(trial: Any, *, wait: float, is_json: bool) -> list[dict[str, Any]]:
    """Show what happens until it is confirmed, hopeless, or the time is up."""
    ends, pause = monotonic() + wait, Event()
    events: list[dict[str, Any]] = []
    while True:
        for event in trial.look():
            events.append(event)
            if not is_json:
                click.echo(_line(event))
        if trial.is_confirmed or trial.is_hopeless or monotonic() >= ends:
            return events
        pause.wait(_LOOK_EVERY)


def _line(event: dict[str, Any]) -> str:
    match event["event"]:
        case "attempt":
            said = f": {event['answer']}" if event["answer"] else ""
            number, outcome = event["attempt"], event["outcome"]
            return f"{_place(event)}  attempt {number}  {outcome}{said}"
        case "receipt":
            return f"{_place(event)}  receipt  {event['outcome']}"
        case _:
            return f"confirmed by {event['channel']}"


def _place(event: dict[str, Any]) -> str:
    return f"{event['channel']}  {event['address']}"


def _verdict(*, is_delivered: bool, is_confirmed: bool) -> str:
    if is_confirmed:
        return "Delivered and confirmed."
    if is_delivered:
        return "Delivered; not confirmed yet."
    return "Not delivered."
