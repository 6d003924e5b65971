"""``watchbill plan contacts``: the contact card, to be kept where the internet is not.

It is made of the plan file alone: overrides and absences are in the database of the
installation, whose own card holds them.
"""

from datetime import datetime
from pathlib import Path

import click

from watchbill.commands.options import valid_plan
from watchbill.commands.plan_document import write
from watchbill.plan import (
    InvalidPlanError,
    Plan,
    contact_card_html,
    contact_card_pdf,
    render_sms,
    render_tree,
)
from watchbill.plan.document import PdfUnavailableError
from watchbill.plan.lookup import read_instant
from watchbill.plan.values import UnreadableError


@click.command("contacts")
@click.argument("plan", default="trm")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["text", "sms", "html", "pdf"]),
    default="text",
    show_default=True,
    help="SMS are text messages of at most 160 characters; PDF needs watchbill[pdf].",
)
@click.option("--sms", is_flag=True, help="The same as --format sms.")
@click.option(
    "--at",
    help="Who is on call then, local time of the plan, such as '2026-02-08 02:30';"
    " its effective date by default.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A file; printed by default.",
)
def contacts(
    plan: str,
    kind: str,
    sms: bool,
    at: str | None,
    output: Path | None,
) -> None:
    """Print the emergency contact tree, who is on call, and everybody by level."""
    loaded = valid_plan(plan)
    if loaded.plan is None:
        raise InvalidPlanError(loaded)
    instant = _instant(loaded.plan, at)
    try:
        write(output, _card(loaded.plan, "sms" if sms else kind, at=instant))
    except PdfUnavailableError as error:
        raise click.ClickException(str(error)) from error


def _card(plan: Plan, kind: str, *, at: datetime) -> bytes:
    match kind:
        case "sms":
            return "".join(f"{one}\n\n" for one in render_sms(plan, at=at)).encode()
        case "html":
            return contact_card_html(plan, at=at).encode()
        case "pdf":
            return contact_card_pdf(plan, at=at)
        case _:
            return render_tree(plan, at=at).encode()


def _instant(plan: Plan, at: str | None) -> datetime:
    if at is None:
        return plan.meta.effective_at
    try:
        return read_instant(at, plan.meta.zone)
    except UnreadableError as error:
        raise click.UsageError(f"{error.message}. {error.hint}") from error
