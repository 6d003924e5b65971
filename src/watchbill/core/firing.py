"""Firing: a step dealt with, and what one person is told because of it.

A step that is dealt with leaves a *firing*: what it does, whom it reaches, and why,
or why it does nothing. A step that does nothing is recorded all the same.

What fires at one instant is one *call* a person (S3.2-19). A call names every step
that stands behind it, is wanted until the last of them is not (A2), and is late if
one of them is. Three choices in merging:

- The most demanding step decides how the call is said, but only among those that
  are wanted longest: what outlives the acknowledgement must not ask for one.
- Whoever is told for themselves gets no copy beside it; several copies are one.
- Channels are not people: what is posted to them is not merged.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from watchbill.core.ladder import Step, StopOn, Verb
from watchbill.core.people import Contact
from watchbill.core.severity import Urgency


class FiringReason(StrEnum):
    """Why a step was dealt with at this instant."""

    DUE = "due"
    BROUGHT_FORWARD = "brought_forward"
    STOPPED = "stopped"
    NOT_AT_THIS_HOUR = "not_at_this_hour"
    CONFIDENTIAL = "confidential"
    REACHED_NOBODY = "reached_nobody"
    #: The severity changed (A3): it was done under another one, or its time had passed.
    DONE_BEFORE = "done_before"
    DOWNGRADED = "downgraded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """One step dealt with: what it does, whom it reaches, and why."""

    step: Step
    due_at: datetime
    reason: FiringReason
    recipients: tuple[Contact, ...] = ()
    copies: tuple[Contact, ...] = ()
    channels: tuple[str, ...] = ()
    is_late: bool = False
    #: A sentence fit to show to a responder at 3 a.m.
    explanation: str = ""

    @property
    def acts(self) -> bool:
        """Whether the step has an effect; a stopped or empty one has none."""
        return self.reason in {FiringReason.DUE, FiringReason.BROUGHT_FORWARD}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What one person is told at one instant, merged over the steps that fired."""

    contact: Contact
    #: The step that decides how it is said: the most demanding one.
    step: Step
    because: tuple[Step, ...]
    is_copy: bool = False
    is_late: bool = False

    @property
    def stop_on(self) -> StopOn:
        """The event after which nothing of it is wanted: the last of its steps'."""
        return max((step.stop_on for step in self.because), key=_STOPS.index)

    @property
    def step_once_answered(self) -> Step | None:
        """The step that decides once :attr:`step` is no longer wanted, if any does.

        A message that outlives the acknowledgement must not ask for one.
        """
        longest = [step for step in self.because if step.stop_on is self.stop_on]
        return None if self.step in longest else min(longest, key=_loudness)


_STOPS = tuple(StopOn)
_LOUDNESS = {
    Verb.PAGE: 0,
    Verb.ESCALATE: 1,
    Verb.NOTIFY: 2,
    Verb.POSTMORTEM: 3,
    Verb.POST: 4,
    Verb.CREATE_TICKET: 5,
}


def merge(firings: tuple[Firing, ...]) -> tuple[Call, ...]:
    """Return one call a person, in the order in which the firings reach them."""
    acting = [firing for firing in firings if firing.acts]
    calls: dict[str, Call] = {}
    for firing, contact, is_copy in _tellings(acting):
        said = calls.get(contact.key)
        if said is None or (said.is_copy and not is_copy):
            calls[contact.key] = Call(
                contact=contact,
                step=firing.step,
                because=(firing.step,),
                is_copy=is_copy,
                is_late=firing.is_late,
            )
        elif said.is_copy is is_copy:
            calls[contact.key] = _also(said, firing)
    return tuple(calls.values())


def _tellings(acting: list[Firing]) -> Iterator[tuple[Firing, Contact, bool]]:
    for firing in acting:
        yield from ((firing, contact, False) for contact in firing.recipients)
        yield from ((firing, contact, True) for contact in firing.copies)


def _also(said: Call, firing: Firing) -> Call:
    because = (*said.because, firing.step)
    return replace(
        said,
        step=min(because, key=_loudness),
        because=because,
        is_late=said.is_late or firing.is_late,
    )


def _loudness(step: Step) -> tuple[int, bool]:
    return _LOUDNESS[step.verb], step.urgency is Urgency.LOW
