"""Kinds of due steps: one way of firing them all, and what differs between them.

A :class:`Kind` says how steps of one sort are decided. Its ``fire`` is called in a
transaction with steps whose rows are held; it records what follows and moves each
step to its next look (``timers.actions.next_look``), all in that transaction (I7).
Everything else is the same for every kind and stands here: a batch is one transaction
for speed; when anything in it fails, the same steps are done again one by one, and
only the one that fails by itself is pushed back and, in the end, quarantined (I10).

Each kind has a thread of its own in the engine and a limit for each statement, so
that a storm in one, or a lock that one waits for, delays no other (F27). What must
happen outside any transaction, such as a request to another host, is done
``afterwards``: a process that dies before it leaves the next round as planned.

To add a kind, write its module and name it in ``work.py``.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction

from watchbill.server import faults
from watchbill.server.engine import measures
from watchbill.server.providers import Reach
from watchbill.server.timers import actions as timer_actions
from watchbill.server.timers import queries as timer_queries
from watchbill.server.timers.models import DueStep

BATCH = 100
BUDGET = timedelta(seconds=30)

_CANCELLED = "57014"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """The two times of one cycle, and who can be reached in it."""

    now: datetime
    wall: datetime
    reach: Reach


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One sort of due step."""

    name: str
    #: Decide these held steps and move each; called in a transaction.
    fire: Callable[[list[DueStep], Moment], None]
    #: Called after the commit of a batch, with no transaction open.
    afterwards: Callable[[Moment], None] | None = None
    batch: int = BATCH
    #: The longest that one statement may take, and a round of single steps.
    budget: timedelta = BUDGET
    #: The engine plans its first round by itself, with the subject zero.
    is_recurring: bool = False


def run(kind: Kind, moment: Moment, *, limit: int | None = None) -> int:
    """Fire due steps of a kind, at most a batch; return how many were looked at."""
    size = kind.batch if limit is None else limit
    try:
        fired = _run_batch(kind, moment, limit=size)
    except Exception as error:  # the culprit is found and reported one by one below
        if faults.is_lost(error):
            raise
        logger.warning("a batch of due steps of %r failed: %s", kind.name, error)
        fired = _run_singly(kind, moment, limit=size)
    if fired and kind.afterwards is not None:
        kind.afterwards(moment)
    return fired


def _run_batch(kind: Kind, moment: Moment, *, limit: int) -> int:
    with transaction.atomic():
        _limit_statements(kind.budget)
        due = timer_queries.take_due(kind.name, now=moment.now, limit=limit)
        if not due:
            return 0
        kind.fire(due, moment)
    measures.fired(kind.name, (step.due_at for step in due), now=moment.now)
    return len(due)


def _run_singly(kind: Kind, moment: Moment, *, limit: int) -> int:
    ends = time.monotonic() + kind.budget.total_seconds()
    fired = 0
    while fired < limit and time.monotonic() < ends:
        if not _run_one(kind, moment):
            break
        fired += 1
    return fired


def _run_one(kind: Kind, moment: Moment) -> bool:
    """Fire one due step or push it back; False when there is none."""
    with transaction.atomic():
        _limit_statements(kind.budget)
        due = timer_queries.take_due(kind.name, now=moment.now, limit=1)
        if not due:
            return False
        try:
            with transaction.atomic():
                kind.fire(due, moment)
                check_now()
        except Exception as error:  # whatever it is, it must stall no other
            if faults.is_lost(error):
                raise
            _push_back(due[0], error, now=moment.now)
        else:
            measures.fired(kind.name, [due[0].due_at], now=moment.now)
    return True


def _push_back(step: DueStep, error: Exception, *, now: datetime) -> None:
    if faults.is_passing(error) and not _is_too_slow(error):
        timer_actions.postpone(step, now=now)
        return
    logger.error("the due step %s cannot be decided", step, exc_info=error)
    text = f"{type(error).__name__}: {error}"
    timer_actions.postpone_failed(step, text, now=now)
    measures.failed(step.kind)


def check_now() -> None:
    """Let deferred constraints speak here: at COMMIT nobody could set the row aside."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def _is_too_slow(error: Exception) -> bool:
    """Whether a statement was cancelled at our limit: it would be so every time."""
    return getattr(error.__cause__, "sqlstate", None) == _CANCELLED


def _limit_statements(budget: timedelta) -> None:
    milliseconds = str(int(budget / timedelta(milliseconds=1)))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('statement_timeout', %s, true)", [milliseconds]
        )
