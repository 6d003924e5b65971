"""``watchbill plan schema``: the form of a plan, for editors."""

import click

from watchbill.plan.editor_schema import render_json_schema


@click.command("schema")
def schema_command() -> None:
    """Print the JSON Schema of a plan, for an editor to complete and check it.

    Save it beside the plan, and begin the plan with the comment

    \b
        # yaml-language-server: $schema=plan.schema.json
    """
    click.echo(render_json_schema(), nl=False)
