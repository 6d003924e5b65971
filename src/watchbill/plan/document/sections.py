"""Sections: every block of a document under the headings that it stands under.

A paragraph that is one bold phrase counts as a heading, and a line that ends with a
colon as the label of what follows; many plans are written that way.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from watchbill.plan.document.blocks import (
    Block,
    Heading,
    Line,
    Outline,
    Prose,
    plain,
)
from watchbill.plan.document.terms import english

_BOLD_LEVEL = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A block and where it stands."""

    block: Block
    #: The headings above, outermost first.
    under: tuple[Heading, ...]
    #: The label before it, such as "Criteria".
    label: str = ""
    #: The line of the label.
    label_line: int | None = None

    @property
    def trail(self) -> str:
        """The headings above and the label, as one text."""
        return " / ".join([*(one.text for one in self.under), self.label])

    @property
    def title(self) -> str:
        """The nearest heading; empty when there is none."""
        return self.under[-1].text if self.under else ""


def placed(outline: Outline) -> Iterator[Placed]:
    """Yield the blocks of a document in order with their headings."""
    under: list[Heading] = []
    label, label_line = "", None
    for block in outline.blocks:
        heading = _as_heading(block)
        if heading is not None:
            while under and under[-1].level >= heading.level:
                under.pop()
            yield Placed(block=heading, under=tuple(under))
            under.append(heading)
            label, label_line = "", None
            continue
        yield Placed(
            block=block, under=tuple(under), label=label, label_line=label_line
        )
        label, label_line = "", None
        if isinstance(block, Prose) and (said := _label(block.lines[-1])):
            label, label_line = said, block.lines[-1].number


def _as_heading(block: Block) -> Heading | None:
    if isinstance(block, Heading):
        text = ": ".join(english(part) for part in block.text.split(": "))
        return Heading(line=block.line, end=block.end, level=block.level, text=text)
    if isinstance(block, Prose) and len(block.lines) == 1:
        line = block.lines[0]
        found = re.fullmatch(r"\s*(\*\*|__)([^*:]+)\1\s*", line.text)
        if found:
            text = english(plain(found[2]))
            number = line.number
            return Heading(line=number, end=number, level=_BOLD_LEVEL, text=text)
    return None


def _label(line: Line) -> str:
    text = plain(line.text)
    is_label = text.endswith(":") and len(text) <= 60
    return english(text[:-1].strip()) if is_label else ""


def key_value(line: Line) -> tuple[str, str] | None:
    """Return the two sides of ``**Owner:** Operations`` or ``Owner: Operations``."""
    found = re.match(
        r"\s*(\*\*|__)?([^:*]{1,60}?)(?:\1)?\s*:\s*(?:\1)?(.*)$", line.text
    )
    if found is None or (not found[1] and "://" in line.text[: found.start(3) + 2]):
        return None
    return english(plain(found[2])), plain(found[3])
