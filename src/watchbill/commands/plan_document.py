"""``watchbill plan render`` and ``import``: the plan as a document, and back."""

from pathlib import Path

import click

from watchbill.commands.options import valid_plan
from watchbill.plan.document import (
    Imported,
    Language,
    PdfUnavailableError,
    import_document,
    render_html,
    render_markdown,
    render_pdf,
)

_OUT = click.Path(dir_okay=False, path_type=Path)


@click.command("render")
@click.argument("plan", default="trm")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["md", "html", "pdf"]),
    default="md",
    show_default=True,
    help="PDF needs watchbill[pdf].",
)
@click.option(
    "--language",
    type=click.Choice([str(one) for one in Language]),
    default=str(Language.ENGLISH),
    show_default=True,
    help="Of headings and columns; what the plan says stays as it is.",
)
@click.option("-o", "--output", type=_OUT, help="A file; printed by default.")
def render(plan: str, kind: str, language: str, output: Path | None) -> None:
    """Write PLAN as a document that people read, with all its tables."""
    chosen = Language(language)
    document = render_markdown(valid_plan(plan), language=chosen)
    if kind != "md":
        document = render_html(document, language=chosen)
    if kind != "pdf":
        write(output, document.encode())
        return
    try:
        write(output, render_pdf(document))
    except PdfUnavailableError as error:
        raise click.ClickException(str(error)) from error


@click.command("import")
@click.argument(
    "document", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("-o", "--output", type=_OUT, help="A plan file; printed by default.")
@click.option("--report", is_flag=True, help="Print what became of every line.")
@click.option("--json", "wants_json", is_flag=True, help="Print the report as JSON.")
def import_(
    document: Path,
    output: Path | None,
    report: bool,
    wants_json: bool,
) -> None:
    """Read a plan from a Markdown DOCUMENT, whatever its headings are.

    The plan goes to the output, the report to the error output; with --report or
    --json and no -o, the report is all that is printed. Check the plan afterwards.
    """
    try:
        found = import_document(document.read_bytes(), name=document.name)
    except OSError as error:
        message = f"{document} cannot be read: {error.strerror}"
        raise click.ClickException(message) from error
    only_report = output is None and (report or wants_json)
    if not only_report:
        write(output, found.text.encode())
    _report(found, document.name, full=report, as_json=wants_json)


def _report(found: Imported, name: str, *, full: bool, as_json: bool) -> None:
    if as_json:
        click.echo(found.report.as_json())
    elif full:
        click.echo(found.report.render(name=name), nl=False)
    else:
        click.echo(f"{name}: {found.report.summary()}", err=True)


def write(output: Path | None, content: bytes) -> None:
    """Write to a file, or print; say in a sentence why that cannot be done."""
    if output is None:
        click.echo(content, nl=False)
        return
    try:
        output.write_bytes(content)
    except OSError as error:
        message = f"{output} cannot be written: {error.strerror}"
        raise click.ClickException(message) from error
