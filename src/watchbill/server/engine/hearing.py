"""Hearing: since when those who post could be heard, and whether we have caught up.

Nobody's silence is news while watchbill itself was deaf. The *pulse* notices that: a
due step about nothing, due every few seconds. When it is decided much too late, nobody
could post, because watchbill, its database or its engines were down. All silence counts
from that moment, so that every sender has one full period to be heard again (compare
I11). A hold of the engine counts as deafness too; a page too late is better than one
for each sender.

Until when it was deaf is told by another due step, the *echo*: it is planned for a day
later, when nothing depends on it any more, and ends then. A lifetime of more than a day
is not prolonged beyond it.

After a deafness posts may wait in the inbox. What they may tell is waited for, but not
for ever: a queue that stands still must hold back no page.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from watchbill.server import clock
from watchbill.server.heartbeats import actions as heartbeats
from watchbill.server.heartbeats import queries
from watchbill.server.heartbeats.queries import KIND
from watchbill.server.intake import queries as intake
from watchbill.server.timers import actions as timers
from watchbill.server.timers import queries as timer_queries
from watchbill.server.timers.models import DueStep

PULSE, ECHO = 0, -1
"""The subjects of the two steps; monitors have the numbers above."""

PULSE_EVERY = timedelta(seconds=10)
DEAF_AFTER = timedelta(seconds=30)
"""A pulse that is so late tells of a time in which nobody could be heard."""

PATIENCE = timedelta(seconds=30)
"""For so long a page waits for posts that could be folded and are not."""

_REMEMBERED = timedelta(days=1)


def is_deaf(*, now: datetime, held: Sequence[DueStep] = ()) -> bool:
    """Whether the pulse, among the ``held`` steps or not, is much too late."""
    planned = [step.due_at for step in held if step.subject_id == PULSE]
    due_at = planned[0] if planned else queries.due_at(PULSE)
    return due_at is not None and now - due_at > DEAF_AFTER * clock.rate()


def deaf_until() -> datetime | None:
    """Return when the last deafness ended; None after a day, or when there was none."""
    ends_at = queries.due_at(ECHO)
    return None if ends_at is None else ends_at - _REMEMBERED


def decide(held: Sequence[DueStep], *, now: datetime) -> None:
    """Decide the pulse and the echo, if they are among the held steps."""
    by_subject = {step.subject_id: step for step in held}
    echo, pulse = by_subject.get(ECHO), by_subject.get(PULSE)
    if echo is not None:
        timers.next_look(echo, at=None, now=now)
    if pulse is None:
        return
    if is_deaf(now=now, held=held):
        heartbeats.count_from(now)
        _remember(now)
    timers.next_look(pulse, at=now + PULSE_EVERY * clock.rate(), now=now)


def _remember(now: datetime) -> None:
    """Write down that the deafness has ended."""
    echo = timer_queries.hold(KIND, ECHO)
    if echo is None:
        timers.plan(KIND, ECHO, None, due_at=now + _REMEMBERED)
    else:
        timers.next_look(echo, at=now + _REMEMBERED, now=now)


def behind(integration_ids: Collection[int], *, now: datetime) -> set[int]:
    """Return the integrations with waiting posts that ought to be heard first."""
    waiting = intake.waiting_since(integration_ids)
    if not waiting or is_deaf(now=now):
        return set(waiting)
    heard_since = deaf_until()
    patient_since = now - PATIENCE * clock.rate()
    return {
        number
        for number, received_at in waiting.items()
        if max(received_at, heard_since or received_at) > patient_since
    }
