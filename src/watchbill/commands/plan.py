"""``watchbill plan``: read a plan, and see what it would do."""

import sys
from datetime import datetime, timedelta

import click

from watchbill.commands.options import read_plan, valid_plan
from watchbill.plan import (
    Plan,
    as_json,
    render_sms,
    render_table,
    render_tree,
    simulate,
)


@click.group
def command() -> None:
    """Check, simulate and print a plan. PLAN is a file, or 'trm' for the example."""


@command.command("check")
@click.argument("plan", default="trm")
@click.option("--json", "wants_json", is_flag=True, help="Print findings as JSON.")
@click.option("--strict", is_flag=True, help="Exit with 1 on warnings as well.")
def check(plan: str, wants_json: bool, strict: bool) -> None:  # noqa: FBT001
    """Say everything that is wrong with PLAN, with line and column.

    Exits with 0 when the plan can be run, else with 1.
    """
    loaded = read_plan(plan)
    if wants_json:
        click.echo(as_json(loaded.findings, name=loaded.name))
    else:
        click.echo(loaded.render(), nl=False)
    sys.exit(1 if loaded.plan is None or (strict and loaded.findings) else 0)


@command.command("simulate")
@click.argument("plan", default="trm")
@click.option("--severity", help="Such as P1; by the alert's labels otherwise.")
@click.option("--route", help="The alert type; by the labels otherwise.")
@click.option(
    "--label",
    "labels",
    multiple=True,
    metavar="NAME=VALUE",
    help="A label of the alert; repeat it.",
)
@click.option(
    "--at",
    help="When it is declared, local time of the plan, such as '2026-02-08 02:30';"
    " its effective date by default.",
)
@click.option("--ack", "ack", metavar="DURATION", help="Acknowledged after, as 7m.")
@click.option("--mitigate", metavar="DURATION", help="Mitigated after.")
@click.option("--resolve", metavar="DURATION", help="Resolved after.")
def simulate_command(  # noqa: PLR0913 - one argument an option
    plan: str,
    severity: str | None,
    route: str | None,
    labels: tuple[str, ...],
    at: str | None,
    ack: str | None,
    mitigate: str | None,
    resolve: str | None,
) -> None:
    """Print who would be contacted, how, when and why. Nothing is sent."""
    found = valid_plan(plan).plan
    if found is None:
        return
    declared_at = _instant(at, found)
    after = {"ack": ack, "mitigate": mitigate, "resolve": resolve}
    events = {name: _after(text, declared_at) for name, text in after.items()}
    try:
        lines = simulate(
            found,
            declared_at=declared_at,
            until=declared_at + timedelta(days=4),
            severity=severity,
            route=route,
            labels=dict(_pair(label) for label in labels),
            acknowledged_at=events["ack"],
            mitigated_at=events["mitigate"],
            resolved_at=events["resolve"],
        )
    except LookupError as error:
        raise click.ClickException(str(error)) from error
    click.echo(render_table(found, lines), nl=False)


@command.command("contacts")
@click.argument("plan", default="trm")
@click.option("--sms", is_flag=True, help="As text messages of at most 160 characters.")
def contacts(plan: str, sms: bool) -> None:  # noqa: FBT001
    """Print the emergency contact tree, to be kept where the internet is not."""
    found = valid_plan(plan).plan
    if found is None:
        return
    at = found.meta.effective_at
    if sms:
        for message in render_sms(found, at=at):
            click.echo(f"{message}\n")
    else:
        click.echo(render_tree(found, at=at), nl=False)


def _instant(text: str | None, plan: Plan) -> datetime:
    if text is None:
        return plan.meta.effective_at
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"{text!r} is no time; write it as '2026-02-08 02:30'"
        raise click.BadParameter(message) from error
    return found if found.tzinfo else found.replace(tzinfo=plan.meta.zone)


def _after(text: str | None, start: datetime) -> datetime | None:
    if text is None:
        return None
    units = {"m": "minutes", "h": "hours", "d": "days"}
    number, unit = text[:-1], text[-1:]
    if unit not in units or not number.isdecimal():
        message = f"{text!r} is no duration; write it as 7m, 1h or 2d"
        raise click.BadParameter(message)
    return start + timedelta(**{units[unit]: int(number)})


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        message = f"{text!r} is no label; write it as name=value"
        raise click.BadParameter(message)
    return name, value
