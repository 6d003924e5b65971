"""``watchbill plan``: read a plan, and see what it would do."""

import sys
from datetime import datetime

import click

from watchbill.commands import (
    plan_contacts,
    plan_document,
    plan_drift,
    plan_schema,
    plan_trust,
)
from watchbill.commands.options import HELP, read_plan
from watchbill.plan import as_json


@click.group(context_settings=HELP)
def command() -> None:
    """Check, simulate and print a plan. PLAN is a file, or 'trm' for the example."""


@command.command("check")
@click.argument("plan", default="trm")
@click.option("--json", "wants_json", is_flag=True, help="Print findings as JSON.")
@click.option("--strict", is_flag=True, help="Exit with 1 on warnings as well.")
@click.option(
    "--as-of",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Also say which reviews are overdue on this day, such as 2026-11-23.",
)
def check(
    plan: str,
    wants_json: bool,
    strict: bool,
    as_of: datetime | None,
) -> None:
    """Say everything that is wrong with PLAN, with line and column.

    Exits with 0 when the plan can be run, else with 1.
    """
    loaded = read_plan(plan, as_of=as_of.date() if as_of else None)
    if wants_json:
        click.echo(as_json(loaded.findings, name=loaded.name))
    else:
        click.echo(loaded.render(), nl=False)
    sys.exit(1 if loaded.plan is None or (strict and loaded.findings) else 0)


command.add_command(plan_contacts.contacts)
command.add_command(plan_trust.simulate_command)
command.add_command(plan_trust.explain_command)
command.add_command(plan_trust.diff_command)
command.add_command(plan_trust.test_command)
command.add_command(plan_schema.schema_command)
command.add_command(plan_schema.rules_command)
command.add_command(plan_drift.drift_command)
command.add_command(plan_document.render)
command.add_command(plan_document.import_)
