"""Escalation: who is contacted at which time, and when to look again.

A severity has one *ladder*: steps ordered by the time elapsed. Two kinds of step
stand in it side by side (A2). The paging loop looks for somebody who takes the
incident and stops at the acknowledgement. The matrix is about time lost: its
"escalate to" steps run until service is restored and its "notify" steps until
the incident is resolved; an acknowledgement stops neither.

:func:`advance` answers for one incident at one instant: which steps fire, whom
each reaches, and when to ask again.

- A step fires once (S3.2-18), at its own time; the tree never waits for an
  answer (S2.2-08).
- A step that reaches nobody does not wait out the delay of the next one: the
  next step that contacts people fires at once (S2.2-09), and one that does not
  apply at this hour is passed over in the same way. When none is left, the
  fallback is tried, again every five minutes, until it reaches somebody or the
  incident is acknowledged.
- A ladder that has been climbed to its end while nobody acknowledged does not fall
  silent: everybody it pages is paged again after a while that doubles (I7).
- An acknowledgement lapses when nobody does or writes anything for a while, and
  paging begins anew (A2); :mod:`~watchbill.core.rounds` says how.
- Steps that became due during downtime are decided on the state of now and in
  time order, and marked late; :mod:`~watchbill.core.firing` makes one message a
  person of them (S3.2-19).
- After-mitigation work such as the post-mortem is counted from the resolution
  and stopped by nothing (S3.2-20, A18).
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from watchbill.core.firing import Call, Firing, FiringReason, merge
from watchbill.core.ladder import (
    ChannelTarget,
    Ladder,
    Since,
    Situation,
    Step,
    StopOn,
    Target,
    Verb,
    When,
)
from watchbill.core.people import Contact, unique
from watchbill.core.roster import Roster
from watchbill.core.rounds import (
    HEAD_START,
    Progress,
    another_round,
    climbed,
    lapsed_at,
    lapses_at,
    round_prefix,
    unless_lapsed,
)
from watchbill.core.temporal import describe

__all__ = [
    "FALLBACK_EVERY",
    "HEAD_START",
    "LATE_AFTER",
    "Advance",
    "Call",
    "Firing",
    "FiringReason",
    "Progress",
    "advance",
    "bring_forward",
    "climbed",
    "due_at",
    "lapses_at",
    "next_look_at",
    "plan_repeat",
    "turn_to_fallback",
    "upcoming",
]

LATE_AFTER = timedelta(seconds=60)
"""A step fired later than this after it was due is marked late."""

FALLBACK_EVERY = timedelta(minutes=5)

_LONGEST_DOUBLING = 3
"""Pages at the end of a ladder are repeated after 1, 2, 4, 8, 8 ... times the while."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """The answer of :func:`advance`."""

    firings: tuple[Firing, ...]
    progress: Progress
    #: When to ask again; None when nothing is left to do.
    ask_at: datetime | None
    #: When the acknowledgement lapsed, if it did so now.
    lapsed_at: datetime | None = None

    def calls(self) -> tuple[Call, ...]:
        """Return one call a person, in the order in which the steps reach them."""
        return merge(self.firings)


def due_at(step: Step, progress: Progress, situation: Situation) -> datetime | None:
    """Return when a step is due, None while its clock has not started."""
    planned = _planned_at(step, situation)
    early = progress.brought_forward.get(step.key)
    if planned is None or early is None:
        return planned
    return min(planned, early)


def advance(
    ladder: Ladder,
    progress: Progress,
    situation: Situation,
    roster: Roster,
    *,
    now: datetime,
) -> Advance:
    """Return the steps that fire at ``now``, and when to ask again."""
    lapse = lapsed_at(ladder, progress, situation, now=now)
    if lapse is not None:
        progress = another_round(progress, at=lapse)
    situation = unless_lapsed(situation, progress)
    firings: list[Firing] = []
    while (found := _next(ladder, progress, situation, now=now)) is not None:
        step, due = found
        firing = _fire(step, due, progress, situation, roster, now=now)
        firings.append(firing)
        progress = replace(progress, done=progress.done | {step.key})
        if _leaves_nobody(firing, progress):
            progress = _after_nobody(ladder, progress, situation, now=now)
    progress, again = _repeat(ladder, progress, situation, roster, now=now)
    firings.extend(again)
    progress, fallback = _fall_back(ladder, progress, situation, roster, now=now)
    firings.extend(fallback)
    progress = plan_repeat(ladder, progress, situation, now=now)
    return Advance(
        firings=tuple(firings),
        progress=progress,
        ask_at=next_look_at(ladder, progress, situation),
        lapsed_at=lapse,
    )


def bring_forward(
    ladder: Ladder, progress: Progress, situation: Situation, *, now: datetime
) -> Progress | None:
    """Return the progress in which the next step that contacts people is due now.

    None when no such step is left (S3.2-21). A step that is due already stays due
    when it was, so that asking twice before it fires changes nothing.
    """
    situation = unless_lapsed(situation, progress)
    for step, due in upcoming(ladder, progress, situation):
        if step.contacts_people:
            early = {**progress.brought_forward, step.key: min(due, now)}
            return replace(progress, brought_forward=early)
    return None


def turn_to_fallback(progress: Progress, *, now: datetime) -> Progress:
    """Return the progress in which the fallback is due: at once the first time.

    Also for the case that a step found people but no message came through to
    them; then a fallback that failed as well is not tried again at once.
    """
    wait = FALLBACK_EVERY if progress.fallback_tries else timedelta(0)
    return replace(progress, fallback_at=progress.fallback_at or now + wait)


def plan_repeat(
    ladder: Ladder, progress: Progress, situation: Situation, *, now: datetime
) -> Progress:
    """Return the progress with the next repetition, once the ladder is at its end.

    To be decided last: the fallback may just have reached somebody, and a change of
    severity may have left no step to come (I7).
    """
    if situation.stop_reason(StopOn.ACKNOWLEDGED) is not None:
        return progress
    coming = upcoming(ladder, progress, situation)
    is_at_end = not any(step.contacts_people for step, _ in coming)
    waits = progress.repeat_at is not None or progress.fallback_at is not None
    if ladder.repeat_after is None or waits or not is_at_end or not ladder.pages:
        return progress
    times = 2 ** min(progress.repeats, _LONGEST_DOUBLING)
    return replace(progress, repeat_at=now + times * ladder.repeat_after)


def upcoming(
    ladder: Ladder, progress: Progress, situation: Situation
) -> tuple[tuple[Step, datetime], ...]:
    """Return the steps still to come that are still wanted, soonest first."""
    situation = unless_lapsed(situation, progress)
    return tuple(
        (step, due)
        for step, due in _pending(ladder, progress, situation)
        if situation.stop_reason(step.stop_on) is None
    )


def _planned_at(step: Step, situation: Situation) -> datetime | None:
    start = (
        situation.declared_at if step.since is Since.DECLARED else situation.resolved_at
    )
    return None if start is None else start + step.after


def _pending(
    ladder: Ladder, progress: Progress, situation: Situation
) -> list[tuple[Step, datetime]]:
    """Return the steps to come whose clock runs; ties keep the plan's order."""
    waiting = (
        (step, due_at(step, progress, situation))
        for step in climbed(ladder, progress, situation).steps
        if step.key not in progress.done
    )
    known = [(step, due) for step, due in waiting if due is not None]
    return sorted(known, key=lambda pair: pair[1])


def _next(
    ladder: Ladder, progress: Progress, situation: Situation, *, now: datetime
) -> tuple[Step, datetime] | None:
    pending = _pending(ladder, progress, situation)
    return pending[0] if pending and pending[0][1] <= now else None


def next_look_at(
    ladder: Ladder, progress: Progress, situation: Situation
) -> datetime | None:
    """Return when the ladder must be asked next; None when nothing is left."""
    lapse = lapses_at(ladder, progress, situation)
    situation = unless_lapsed(situation, progress)
    times = [due for _, due in upcoming(ladder, progress, situation)]
    if lapse is not None:
        times.append(lapse)
    if situation.stop_reason(StopOn.ACKNOWLEDGED) is None:
        extra = (progress.fallback_at, progress.repeat_at)
        times += [time for time in extra if time is not None]
    return min(times, default=None)


def _fire(
    step: Step,
    due: datetime,
    progress: Progress,
    situation: Situation,
    roster: Roster,
    *,
    now: datetime,
) -> Firing:
    why_not = _why_not(step, due, situation, roster)
    if why_not is not None:
        reason, explanation = why_not
        return Firing(step=step, due_at=due, reason=reason, explanation=explanation)
    people, copies = _reach(step.targets, situation, roster, now=now)
    if step.contacts_people and not people:
        return Firing(
            step=step,
            due_at=due,
            reason=FiringReason.REACHED_NOBODY,
            explanation="nobody who answers to it can be reached",
        )
    planned = _planned_at(step, situation)
    early = planned is not None and due < planned
    late = now - due > LATE_AFTER
    return Firing(
        step=step,
        due_at=due,
        reason=FiringReason.BROUGHT_FORWARD if early else FiringReason.DUE,
        recipients=people,
        copies=copies,
        channels=_channels(step),
        is_late=late,
        explanation=_explain(step, early=early, late_by=now - due if late else None),
    )


def _why_not(
    step: Step, due: datetime, situation: Situation, roster: Roster
) -> tuple[FiringReason, str] | None:
    if (stopped := situation.stop_reason(step.stop_on)) is not None:
        return FiringReason.STOPPED, stopped
    if step.verb is Verb.POST and situation.confidential:
        return FiringReason.CONFIDENTIAL, "a confidential incident is not posted"
    is_open = roster.open_hours is None or roster.open_hours.contains(due)
    if step.when is When.OPEN_HOURS and not is_open:
        return FiringReason.NOT_AT_THIS_HOUR, "it applies in business hours only"
    if step.when is When.CLOSED_HOURS and is_open:
        return FiringReason.NOT_AT_THIS_HOUR, "it applies outside business hours only"
    return None


def _reach(
    targets: tuple[Target, ...], situation: Situation, roster: Roster, *, now: datetime
) -> tuple[tuple[Contact, ...], tuple[Contact, ...]]:
    """Who is told, and who gets a copy; the unreachable are left out."""
    category = situation.category
    people = unique(
        contact
        for target in targets
        for contact in roster.people(
            target, category=category, at=now, turn=situation.turn
        )
        if roster.can_reach(contact)
    )
    told = {contact.key for contact in people}
    copies = unique(
        contact
        for target in targets
        for contact in roster.shadows(target, category=category, at=now)
        if roster.can_reach(contact) and contact.key not in told
    )
    # A shadow is never the only one told (S4.4-07).
    return people, copies if people else ()


def _channels(step: Step) -> tuple[str, ...]:
    return tuple(
        target.channel for target in step.targets if isinstance(target, ChannelTarget)
    )


def _explain(step: Step, *, early: bool, late_by: timedelta | None) -> str:
    clock = "after the resolution" if step.since is Since.RESOLVED else "elapsed"
    planned = f"{describe(step.after)} {clock}"
    text = f"brought forward; planned at {planned}" if early else f"due at {planned}"
    return text if late_by is None else f"{text}; {describe(late_by)} late"


def _leaves_nobody(firing: Firing, progress: Progress) -> bool:
    """Whether somebody was to be contacted now and nobody was."""
    if firing.reason is FiringReason.NOT_AT_THIS_HOUR:
        return firing.step.key in progress.brought_forward
    return firing.reason is FiringReason.REACHED_NOBODY


def _after_nobody(
    ladder: Ladder, progress: Progress, situation: Situation, *, now: datetime
) -> Progress:
    """Make the next people step due now, or turn to the fallback."""
    forward = bring_forward(ladder, progress, situation, now=now)
    if forward is not None:
        return forward
    if progress.fallback_at is not None:
        return progress
    return turn_to_fallback(progress, now=now)


def _fall_back(
    ladder: Ladder,
    progress: Progress,
    situation: Situation,
    roster: Roster,
    *,
    now: datetime,
) -> tuple[Progress, tuple[Firing, ...]]:
    """Try the fallback when it is due; keep trying until it reaches somebody."""
    due = progress.fallback_at
    if due is None or due > now:
        return progress, ()
    tries = progress.fallback_tries + 1
    step = _fallback_step(
        ladder,
        f"{round_prefix(ladder, progress)}fallback/{tries}",
        after=due - situation.declared_at,
    )
    firing = _fire(step, due, progress, situation, roster, now=now)
    again = firing.reason is FiringReason.REACHED_NOBODY
    progress = replace(
        progress,
        fallback_at=now + FALLBACK_EVERY if again else None,
        fallback_tries=tries,
    )
    return progress, (firing,)


def _repeat(
    ladder: Ladder,
    progress: Progress,
    situation: Situation,
    roster: Roster,
    *,
    now: datetime,
) -> tuple[Progress, tuple[Firing, ...]]:
    """Page everybody again when it is time."""
    if situation.stop_reason(StopOn.ACKNOWLEDGED) is not None:
        return replace(progress, repeat_at=None), ()
    due = progress.repeat_at
    if due is None or due > now:
        return progress, ()
    number = progress.repeats + 1
    step = _repeated_step(
        ladder,
        f"{round_prefix(ladder, progress)}repeat/{number}",
        after=due - situation.declared_at,
    )
    firing = _fire(step, due, progress, situation, roster, now=now)
    progress = replace(progress, repeats=number, repeat_at=None)
    if firing.reason is FiringReason.REACHED_NOBODY:
        progress = turn_to_fallback(progress, now=now)
    return progress, (firing,)


def _repeated_step(ladder: Ladder, key: str, *, after: timedelta) -> Step:
    return Step(
        key=key,
        title="Nobody has acknowledged: page again",
        after=after,
        verb=Verb.PAGE,
        targets=ladder.paged,
        stop_on=StopOn.ACKNOWLEDGED,
    )


def _fallback_step(ladder: Ladder, key: str, *, after: timedelta) -> Step:
    """Everybody the ladder could page, and the plan's fallback before them.

    The earlier targets are asked again because the usual cause is a channel that
    was not configured or not working, and that may have been mended since.
    """
    return Step(
        key=key,
        title="Fallback: nobody could be reached",
        after=after,
        verb=Verb.PAGE,
        targets=ladder.fallback + ladder.paged,
        stop_on=StopOn.ACKNOWLEDGED,
        origin=("S2.2-09",),
    )
