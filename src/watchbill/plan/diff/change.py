"""Change: one thing that is different for people, and whether it is louder.

*Quieter* means that somebody is told later, less insistently or not at all; those
changes come first, because they are the ones to be sure of before a plan is signed.
*Louder* is the opposite; what is neither, such as another person on call, is
*neutral*. Seen from the other plan every change is its mirror: before and after are
exchanged and louder is quieter.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum


class Effect(StrEnum):
    """What a change does to how loudly people are told, the gravest first."""

    QUIETER = "quieter"
    LOUDER = "louder"
    NEUTRAL = "neutral"

    @property
    def mirrored(self) -> "Effect":
        """The effect of the way back."""
        ways = {Effect.QUIETER: Effect.LOUDER, Effect.LOUDER: Effect.QUIETER}
        return ways.get(self, self)


class Area(StrEnum):
    """What a change is about, in the order in which it is read."""

    LADDER = "escalation"
    ALERTS = "alerts"
    TARGETS = "targets"
    ON_CALL = "on_call"
    PEOPLE = "people"
    CHANNELS = "channels"
    MAINTENANCE = "maintenance"
    APPROVALS = "approvals"
    PLAN = "plan"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that is different for people."""

    area: Area
    effect: Effect
    #: A sentence, such as "the CTO is told 30 min earlier on P1".
    text: str
    #: What is compared; the same in both directions.
    key: str
    #: Empty for what is new.
    before: str
    #: Empty for what is gone.
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """Everything that is different for people between two plans."""

    old: str
    new: str
    changes: tuple[Change, ...]
    #: Whether not even a comment or a space is different.
    is_same_text: bool

    @property
    def quieter(self) -> tuple[Change, ...]:
        """The changes by which somebody is told later or no longer."""
        return tuple(one for one in self.changes if one.effect is Effect.QUIETER)


def in_order(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Return each change once: quieter, louder, neutral; then by area and text."""
    effects, areas = list(Effect), list(Area)

    def place(one: Change) -> tuple[int, int, str, str]:
        return effects.index(one.effect), areas.index(one.area), one.key, one.text

    return tuple(sorted(dict.fromkeys(changes), key=place))


_HEADS = {
    Effect.QUIETER: "Quieter: somebody is told later, less or no longer",
    Effect.LOUDER: "Louder: somebody is told earlier, more or as well",
    Effect.NEUTRAL: "Neither louder nor quieter",
}
_MARKS = {Effect.QUIETER: "!", Effect.LOUDER: "+", Effect.NEUTRAL: " "}


def render_diff(found: Diff) -> str:
    """Return a diff for a terminal, what is quieter first and marked with !."""
    head = f"{found.old} -> {found.new}"
    if not found.changes:
        same = "the plans are the same"
        form = "only comments or format differ; no effect on people"
        return f"{head}: {same if found.is_same_text else form}\n"
    blocks = [f"{head}: {_summary(found)}\n"]
    for effect in Effect:
        rows = [
            f"  {_MARKS[effect]} {one.text}\n"
            for one in found.changes
            if one.effect is effect
        ]
        if rows:
            blocks.append(f"{_HEADS[effect]}\n{''.join(rows)}")
    return "\n".join(blocks)


def _summary(found: Diff) -> str:
    counts = Counter(one.effect for one in found.changes)
    said = ", ".join(f"{counts[effect]} {effect}" for effect in Effect)
    number = len(found.changes)
    return f"{number} change{'' if number == 1 else 's'} for people ({said})"


def as_fields(found: Diff) -> dict[str, object]:
    """Return a diff for JSON."""
    return {
        "old": found.old,
        "new": found.new,
        "is_same_text": found.is_same_text,
        "has_effect": bool(found.changes),
        "changes": [
            {**asdict(one), "is_quieter": one.effect is Effect.QUIETER}
            for one in found.changes
        ],
    }


def listed(words: Iterable[str]) -> str:
    """Return words as a sentence lists them: ``a, b and c``."""
    *most, last = list(words)
    return f"{', '.join(most)} and {last}" if most else last
