"""Decisions: the register of the 62 ambiguities of the support plan, A1 to A62.

A support plan leaves questions open: three ladders for one severity, "business hours"
without hours, a fix target that its own phases overrun. Each was decided once. The
default keeps to the letter where it can be decided, prefers the more specific place to
the general one, and takes the safer reading where nothing else speaks.

Here each decision names the keys of the plan that it governs, or the module that holds
the rule where there is nothing to choose. A test holds the register to the schema, so
that what ``explain`` says of a key is what the key does.
"""

from watchbill.plan.decisions.clocks import CLOCKS
from watchbill.plan.decisions.decision import Decision
from watchbill.plan.decisions.documents import DOCUMENTS
from watchbill.plan.decisions.people import PEOPLE

DECISIONS: dict[str, Decision] = {one.id: one for one in (*CLOCKS, *PEOPLE, *DOCUMENTS)}
"""By id, in order."""


def decision(id: str) -> Decision:
    """Return a decision by its id; LookupError when there is none."""
    try:
        return DECISIONS[id]
    except KeyError:
        message = f"there is no decision {id!r}"
        raise LookupError(message) from None


def governing(path: tuple[str | int, ...]) -> tuple[Decision, ...]:
    """Return the decisions about a key of a plan, or about a section around it."""
    return tuple(
        one
        for one in DECISIONS.values()
        if any(_covers(key.split("."), path) for key in one.keys)
    )


def _covers(key: list[str], path: tuple[str | int, ...]) -> bool:
    pairs = zip(key, path, strict=False)
    return len(key) <= len(path) and all(
        step in {"*", str(here)} for step, here in pairs
    )


__all__ = ["DECISIONS", "Decision", "decision", "governing"]
