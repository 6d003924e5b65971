"""The report: what became of every object of an import, and why.

*Taken* means that the plan says what the product said. *Guessed* means that the plan
says something near it, and a person should look. *Dropped* means that the plan does not
say it. The place is where the object stands in the file that was given.
"""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What became of an object."""

    TAKEN = "taken"
    GUESSED = "guessed"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What became of one object."""

    outcome: Outcome
    #: Such as "schedule".
    kind: str
    name: str
    because: str = ""
    #: Such as "export.json: schedules[2]".
    place: str = ""

    def __str__(self) -> str:
        said = f"{self.outcome:8}{self.kind} {self.name}"
        why = f": {self.because}" if self.because else ""
        return f"{said}{why}" + (f"  ({self.place})" if self.place else "")


def render(entries: Iterable[Entry]) -> str:
    """Return the report as text, what needs a person's eye first."""
    order = (Outcome.DROPPED, Outcome.GUESSED, Outcome.TAKEN)
    lines = sorted(entries, key=lambda one: order.index(one.outcome))
    return "".join(f"{one}\n" for one in lines)


def summary(entries: Iterable[Entry]) -> str:
    """Return one line such as ``12 taken, 1 guessed, 2 dropped``."""
    counts = Counter(one.outcome for one in entries)
    return ", ".join(f"{counts[one]} {one}" for one in Outcome)


def as_json(entries: Iterable[Entry]) -> str:
    """Return the report for a program."""
    rows = [
        {
            "outcome": str(one.outcome),
            "kind": one.kind,
            "name": one.name,
            "because": one.because,
            "place": one.place,
        }
        for one in entries
    ]
    return json.dumps(rows, ensure_ascii=False, indent=2)
