"""``watchbill plan schema`` and ``rules``: what other programs are given of a plan."""

import click

from watchbill.commands.options import valid_plan
from watchbill.plan.editor_schema import render_json_schema
from watchbill.plan.rules import render_rules


@click.command("schema")
def schema_command() -> None:
    """Print the JSON Schema of a plan, for an editor to complete and check it.

    Save it beside the plan, and begin the plan with the comment

    \b
        # yaml-language-server: $schema=plan.schema.json
    """
    click.echo(render_json_schema(), nl=False)


@click.command("rules")
@click.argument("plan", default="trm")
def rules_command(plan: str) -> None:
    """Print the metrics of PLAN as a rule file for Prometheus.

    A metric without a query is a series of its own, such as plan:cpu_usage, which a
    recording rule must make. Check the file with promtool check rules.
    """
    found = valid_plan(plan).plan
    if found is not None:
        click.echo(render_rules(found), nl=False)
