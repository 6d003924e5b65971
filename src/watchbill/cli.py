"""The command line: thin, and quick to answer, because it imports what it needs.

Each command lives in a module below ``watchbill.commands`` and is imported only
when it is called or its help is asked for.
"""

import faulthandler
from importlib import import_module

import click

from watchbill import __version__

_COMMANDS = {
    "up": ("watchbill.commands.up", "Run watchbill."),
    "demo": ("watchbill.commands.demo", "Run a demonstration, with a story played."),
    "plan": ("watchbill.commands.plan", "Check, simulate and print a plan."),
    "oncall": ("watchbill.commands.oncall", "Say who is on call, when and why."),
    "import": (
        "watchbill.commands.import_",
        "Move in from another on-call product.",
    ),
    "engine": (
        "watchbill.commands.engine",
        "See the engine, hold it and release it.",
    ),
    "audit": (
        "watchbill.commands.audit",
        "Check the audit log, and export it.",
    ),
    "send": ("watchbill.commands.send", "Send somebody a test page."),
    "link": ("watchbill.commands.link", "Make a one-time link to sign in."),
    "integration": (
        "watchbill.commands.integration",
        "Create sources that may post alerts.",
    ),
}


class _Lazy(click.Group):
    """A group whose commands are imported when they are used."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        module, _ = _COMMANDS[name]
        command: click.Command = import_module(module).command
        return command

    def format_commands(
        self, _ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="watchbill")
def main() -> None:
    """Run a support plan: who is on call, what is a P1, who hears of it when.

    \b
    Start here:
      watchbill demo          a story in two minutes, nothing to set up
      watchbill up            run it for real
      watchbill plan check    read a plan and say what is wrong with it
    """
    # A process that a native library ends says where, on standard error.
    faulthandler.enable(file=2)
