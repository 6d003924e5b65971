"""The contact card on paper: one page to print, as HTML and as PDF (S2.2-06).

It loads nothing, needs no script and is readable without color: it is made for the day
on which nothing else works, and hangs on a wall until then.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from html import escape

from watchbill.core.people import Contact
from watchbill.core.roster import Roster
from watchbill.plan.contacts import (
    Card,
    CardSchedule,
    Rung,
    both,
    contact_card,
    elapsed,
    named,
    reached_by,
)
from watchbill.plan.document.page import render_pdf
from watchbill.plan.model import Plan

_STYLE = """
@page { size: A4; margin: 12mm; }
body { font: 11pt/1.4 system-ui, "Noto Sans Myanmar", "Myanmar Text", sans-serif;
  max-width: 50rem; margin: 1rem auto; padding: 0 1rem; color: #000; background: #fff; }
h1 { font-size: 1.3rem; margin: 0; }
h2 { font-size: 1rem; margin: 1rem 0 .2rem; break-after: avoid; }
table { border-collapse: collapse; width: 100%; }
th, td { border: 1px solid #888; padding: .2rem .4rem; text-align: left;
  vertical-align: top; overflow-wrap: anywhere; }
tr { break-inside: avoid; }
@media print { body { font-size: 9pt; max-width: none; margin: 0; padding: 0; } }
""".strip()


def contact_card_pdf(
    plan: Plan, *, at: datetime, roster: Roster | None = None
) -> bytes:
    """Return the card as PDF; PdfUnavailableError without ``watchbill[pdf]``."""
    return render_pdf(contact_card_html(plan, at=at, roster=roster))


def contact_card_html(plan: Plan, *, at: datetime, roster: Roster | None = None) -> str:
    """Return the card as one HTML page that needs nothing else.

    A ``roster`` that knows overrides and absences takes the place of the plan's own.
    """
    card = contact_card(plan, at=at, roster=roster)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(card.title)}</title>\n<style>\n{_STYLE}\n</style>\n</head>\n"
        f"<body>\n{''.join(_body(card))}</body>\n</html>\n"
    )


def _body(card: Card) -> Iterator[str]:
    yield f"<h1>{escape(card.title)}</h1>\n<p>{escape(card.note)}</p>\n"
    tree = (row for rung in card.rungs for row in _rung(rung))
    yield _table("In this order", ("After", "Step", "Who", "Reached by"), tree)
    for one in card.schedules:
        yield _table(
            f"{one.schedule.title}: on call now {both(one.watches[0])}",
            ("From", "Primary", "Secondary"),
            _watches(one),
        )
    for level in card.levels:
        yield _table(
            f"{level.key} {level.title}",
            ("Who", "Reached by", "Languages"),
            (_person(one) for one in level.contacts),
        )


def _rung(rung: Rung) -> Iterator[tuple[str, ...]]:
    for number, one in enumerate(rung.contacts):
        first = ("", "") if number else (elapsed(rung), rung.step.title)
        yield (*first, named(one), reached_by(one))
    if not rung.contacts:
        yield elapsed(rung), rung.step.title, named(None), ""


def _watches(card: CardSchedule) -> Iterator[tuple[str, ...]]:
    for one in card.watches:
        start = one.during.starts_at.astimezone(card.schedule.zone)
        yield f"{start:%a %d %b %H:%M}", named(one.primary), named(one.secondary)


def _person(contact: Contact) -> tuple[str, ...]:
    return named(contact), reached_by(contact), ", ".join(contact.languages)


def _table(
    title: str, columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]
) -> str:
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>\n"
        for row in rows
    )
    return (
        f"<h2>{escape(title)}</h2>\n<table>\n<thead><tr>{head}</tr></thead>\n"
        f"<tbody>\n{body}</tbody>\n</table>\n"
    )
