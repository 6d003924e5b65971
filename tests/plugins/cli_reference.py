"""Write docs/cli.md: every command and option, as `--help` prints them.

The page cannot differ from the program: `tests/architecture/test_documentation.py`
renders it again and compares. After a change, run `python -m
tests.plugins.cli_reference` and commit the page.
"""

from collections.abc import Iterator

import click

from tests.plugins.plan_index import ROOT
from watchbill.cli import main as program

PAGE = ROOT / "docs" / "cli.md"
WIDTH = 88

_HEAD = """\
# The command line

Made from the program by `python -m tests.plugins.cli_reference`; do not edit it here.
What the environment can set is in [operating.md](operating.md#environment-variables).
"""


def main() -> None:
    PAGE.write_text(render(), "utf-8")


def render() -> str:
    parts = [_HEAD]
    for context in contexts():
        text = context.get_help()
        parts.append(f"## `{context.command_path}`\n\n```text\n{text}\n```\n")
    return "\n".join(parts)


def contexts() -> Iterator[click.Context]:
    """Yield a context for the program and for each command below it, in order."""
    yield from _below(_context(program, "watchbill", None))


def _below(context: click.Context) -> Iterator[click.Context]:
    yield context
    group = context.command
    if not isinstance(group, click.Group):
        return
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is not None:
            yield from _below(_context(command, name, context))


def _context(
    command: click.Command, name: str, parent: click.Context | None
) -> click.Context:
    return click.Context(
        command,
        info_name=name,
        parent=parent,
        terminal_width=WIDTH,
        max_content_width=WIDTH,
        color=False,
        **command.context_settings,
    )


if __name__ == "__main__":
    main()
