"""Rounds: how paging begins anew when an acknowledgement lapses.

Somebody who presses a button at three in the morning and falls asleep again has taken
the incident from everybody else. So an acknowledgement lasts only while there is
*activity*: anything that a person does or writes about the incident. Without any for
the while that the plan gives, it *lapses*, and another *round* of paging begins (A2):

- whoever took it is paged at once, and the pages of the ladder follow after a head
  start, at their own times from then on;
- what is not a page goes on as before, because the matrix never stopped;
- activity counts the while anew, but only an acknowledgement ends a round.

What is mitigated or resolved cannot lapse: users are well, and nobody is waited for.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from watchbill.core.ladder import (
    Ladder,
    RoleTarget,
    Since,
    Situation,
    Step,
    StopOn,
    Verb,
)

HEAD_START = timedelta(minutes=5)
"""So long whoever took an incident is asked alone after the acknowledgement lapsed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far one incident has come on its ladder. Persisted."""

    #: Steps that have been dealt with: fired, stopped or without anyone to reach.
    done: frozenset[str] = frozenset()
    #: Steps made due before their time, and the instant at which they are.
    brought_forward: Mapping[str, datetime] = field(default_factory=dict)
    #: Set when every step has reached nobody; the fallback is tried again then.
    fallback_at: datetime | None = None
    fallback_tries: int = 0
    #: When everybody is paged again although every step is done.
    repeat_at: datetime | None = None
    repeats: int = 0
    #: How often paging began anew because an acknowledgement lapsed, and when last.
    round: int = 0
    round_at: datetime | None = None


def climbed(ladder: Ladder, progress: Progress, situation: Situation) -> Ladder:
    """Return the ladder with the steps of the present round, if there is one."""
    if progress.round_at is None:
        return ladder
    offset = progress.round_at - situation.declared_at
    prefix = round_prefix(ladder, progress)
    holders = Step(
        key=f"{prefix}holders",
        title="No activity: page whoever took it",
        after=offset,
        verb=Verb.PAGE,
        targets=tuple(RoleTarget(role=key) for key in situation.holders),
        stop_on=StopOn.ACKNOWLEDGED,
        origin=("A2",),
    )
    again = (
        replace(step, key=f"{prefix}{step.key}", after=offset + HEAD_START + step.after)
        for step in ladder.steps
        if step.verb is Verb.PAGE and step.since is Since.DECLARED
    )
    return replace(ladder, steps=(*ladder.steps, holders, *again))


def lapses_at(
    ladder: Ladder, progress: Progress, situation: Situation
) -> datetime | None:
    """Return when the acknowledgement lapses unless somebody does something (A2).

    Only what is acknowledged and neither mitigated nor resolved can lapse.
    """
    taken_at = unless_lapsed(situation, progress).acknowledged_at
    if ladder.ack_timeout is None or taken_at is None:
        return None
    if situation.stop_reason(StopOn.MITIGATED) is not None:
        return None
    return max(taken_at, situation.active_at or taken_at) + ladder.ack_timeout


def lapsed_at(
    ladder: Ladder, progress: Progress, situation: Situation, *, now: datetime
) -> datetime | None:
    """Return when the acknowledgement lapsed, None while it lasts."""
    at = lapses_at(ladder, progress, situation)
    return at if at is not None and at <= now else None


def another_round(progress: Progress, *, at: datetime) -> Progress:
    """Return the progress at the beginning of another round.

    What the last one remembered of its fallback and repetitions is of no use any more.
    """
    return Progress(
        done=progress.done,
        brought_forward=progress.brought_forward,
        round=progress.round + 1,
        round_at=at,
    )


def unless_lapsed(situation: Situation, progress: Progress) -> Situation:
    """Return the situation in which what was acknowledged before the round is not."""
    taken_at, round_at = situation.acknowledged_at, progress.round_at
    if taken_at is None or round_at is None or taken_at >= round_at:
        return situation
    return replace(situation, acknowledged_at=None)


def round_prefix(ladder: Ladder, progress: Progress) -> str:
    """Return how the keys of steps begin that are made in the present round."""
    again = f"again/{progress.round}/" if progress.round else ""
    return f"{ladder.prefix}{again}"
