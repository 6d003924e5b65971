"""Regrading: what a change of severity does to an incident that is under way.

The incident climbs the ladder of its new severity from then on, and four rules say
where on it (A3).

- The clocks of a severity start when the incident became at least that bad, and not
  later. So a P2 that turns out to be a P1 starts a P1's clocks at the change, and one
  that was taken for a P1 by mistake has been a P2 all along. A plan may also say that
  every severity is counted from the declaration.
- What is done is not done again. A step of the new ladder is done when one of the old
  ladder did the same to the same targets; their keys cannot tell, because they name
  the severity. Two like steps of the new ladder need two of the old.
- After a downgrade, what the new ladder would have done in the past is *skipped* and
  never fires: nobody is told at three in the morning of what would have been told at
  noon. A ticket is a record and wakes nobody, so it is still made.
- Steps of the old ladder that are still to come are no longer wanted.

A step that was passed over, stopped or without anybody to reach is not done.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from watchbill.core.escalation import Progress, due_at, plan_repeat
from watchbill.core.ladder import Ladder, Situation, Step, Target, Verb
from watchbill.core.severity import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """A severity that an incident has or had, and from when on."""

    #: 1 is the worst.
    rank: int
    since_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Regraded:
    """Where an incident stands on the ladder of its new severity."""

    progress: Progress
    #: Steps of the new ladder that are done already.
    carried: tuple[Step, ...]
    #: Steps of the new ladder that will not fire because their time has passed.
    skipped: tuple[Step, ...]


def is_upgrade(old: Severity, new: Severity) -> bool:
    """Return whether the new severity is the worse one."""
    return new.rank < old.rank


def clocks_start_at(grades: Sequence[Grade], *, restarts: bool) -> datetime:
    """Return from when the clocks of the last of these grades run.

    ``grades`` are in the order of time and not empty. Without ``restarts`` an upgrade
    carries the time over.
    """
    start = grades[-1].since_at
    rank = grades[-1].rank
    for grade in reversed(grades):
        if restarts and grade.rank > rank:
            break
        start = grade.since_at
    return start


def regrade(
    acted: Iterable[Step],
    new: Ladder,
    situation: Situation,
    *,
    is_downgrade: bool,
    fallback: Progress,
    now: datetime,
) -> Regraded:
    """Return where an incident stands on a new ladder.

    ``acted`` are the steps that had an effect, on whatever ladder; ``situation`` is
    counted by the clocks of the new severity. Of the memory of the old ladder only the
    ``fallback`` stays: a search for anybody at all is not given up.
    """
    carried = _carried(acted, new)
    done = frozenset(step.key for step in carried)
    skipped = tuple(
        step
        for step in new.steps
        if is_downgrade and step.key not in done and _is_past(step, situation, now=now)
    )
    progress = Progress(
        done=done | {step.key for step in skipped},
        fallback_at=fallback.fallback_at,
        fallback_tries=fallback.fallback_tries,
    )
    return Regraded(
        # When nothing of the new ladder is left, those it pages are paged again.
        progress=plan_repeat(new, progress, situation, now=now),
        carried=carried,
        skipped=skipped,
    )


def _carried(acted: Iterable[Step], new: Ladder) -> tuple[Step, ...]:
    left = Counter(_effect(step) for step in acted)
    carried = []
    for step in new.steps:
        if left[_effect(step)] > 0:
            left[_effect(step)] -= 1
            carried.append(step)
    return tuple(carried)


def _effect(step: Step) -> tuple[Verb, frozenset[Target]]:
    return step.verb, frozenset(step.targets)


def _is_past(step: Step, situation: Situation, *, now: datetime) -> bool:
    if step.verb is Verb.CREATE_TICKET:
        return False
    due = due_at(step, Progress(), situation)
    return due is not None and due < now
