"""``watchbill demo``: the product in two minutes, with nothing to set up."""

import os
import tempfile
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from types import ModuleType

import click

from watchbill.commands.options import HELP, refusals, valid_plan
from watchbill.server.demo.sinks import chat_server, mail_server
from watchbill.server.demo.state import Demo
from watchbill.server.project.options import Options
from watchbill.server.project.run import prepare_settings, run


@click.command(context_settings=HELP)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address.")
@click.option("--port", default=8000, show_default=True, help="Port to listen on.")
@click.option(
    "--speed",
    type=click.FloatRange(1, 600),
    default=60.0,
    show_default=True,
    help="How much faster than the wall clock the plan runs.",
)
@click.option(
    "--wait",
    type=click.FloatRange(0, 3600),
    default=45.0,
    show_default=True,
    help="Seconds after which the story starts although nobody has signed in.",
)
@click.option(
    "--plan", default="trm", show_default=True, metavar="FILE", help="The plan to run."
)
def command(host: str, port: int, speed: float, wait: float, plan: str) -> None:
    """Run a demonstration: an incident is paged, escalated and resolved.

    Everything is real but the people: a database of its own, alerts by HTTP, mail by
    SMTP and chat by Slack's interface, all on this machine and thrown away at the end.
    """
    loaded = valid_plan(plan)
    with ExitStack() as stack:
        directory = stack.enter_context(
            tempfile.TemporaryDirectory(prefix="watchbill-demo-")
        )
        options = Options(
            data_dir=Path(directory) / "data", host=host, port=port, plan=loaded
        )
        with refusals():
            _run(options, stack, speed=speed, wait=wait)


def _run(options: Options, stack: ExitStack, *, speed: float, wait: float) -> None:
    prepare_settings(options)
    demo = Demo(rate=speed, replay=lambda: None)
    os.environ |= {
        "WATCHBILL_SMTP_URL": stack.enter_context(mail_server(demo.receive)),
        "WATCHBILL_SLACK_TOKEN": "xoxb-demo",
        "WATCHBILL_SLACK_API_URL": stack.enter_context(chat_server(demo.receive)),
        "WATCHBILL_EGRESS_ALLOW": "127.0.0.0/8",
        # A test page in the middle of the story would only puzzle.
        "WATCHBILL_PAGING_TEST": "off",
        "WATCHBILL_MAIL_FROM": "watchbill demo <watchbill@example.org>",
    }

    def beside(installed: object) -> None:
        _play().play(installed, demo, click.echo, wait=wait)

    def speed_up() -> None:
        _play().speed_up(speed)

    run(options, _silent, beside=beside, before=speed_up)


def _play() -> ModuleType:
    """Import what reads Django's settings, which are complete by then."""
    return import_module("watchbill.server.demo.play")


def _silent(_line: str) -> None:
    """The demo greets in its own words."""
