"""Keeping all engines to one time when the database's clock is set back (I9).

A clock that jumps forward is believed at once: each step fires once, and those that are
merged are merged. One that is set back would delay every page by as much, so the clock
of each process holds the delay to a minute (``clock.DatabaseClock``) and runs ahead of
the database by the rest. How far is written down here, so that all nodes, and the next
start, keep the same time. The lead melts by three seconds in a minute, so that times of
the plan come back to those of the world; an owner who would rather have them at once
runs ``watchbill engine accept-clock``.
"""

from datetime import timedelta

from django.db import transaction

from watchbill.server import clock
from watchbill.server.clock import DatabaseClock, Movement
from watchbill.server.engine.models import THE_ROW, EngineClock

MELTS = timedelta(seconds=1)
"""At each audit; that is three seconds in a minute."""


def synchronise() -> None:
    """Tell the others that the clock moved, and adopt what they have told."""
    ours = clock.current()
    if not isinstance(ours, DatabaseClock):
        return
    moved = ours.news
    offset = _shared() if moved is None else _tell(moved, ours.offset)
    # After the commit: news that could not be written down are told in the next round.
    ours.adopt(offset, told=moved)


def _shared() -> timedelta:
    row = EngineClock.objects.filter(pk=THE_ROW).first()
    return row.offset if row is not None else timedelta(0)


@transaction.atomic
def _tell(moved: Movement, ours: timedelta) -> timedelta:
    """Write down a jump and our lead after it; return the lead that all shall have."""
    EngineClock.objects.get_or_create(id=THE_ROW)
    row = EngineClock.objects.select_for_update().get(pk=THE_ROW)
    # Another node may have told of the same jump, and is then right for both.
    pick = max if moved.by < timedelta(0) else min
    offset = pick(row.offset, ours)
    EngineClock.objects.filter(pk=THE_ROW).update(
        offset=offset, moved_by=moved.by, moved_at=moved.at
    )
    return offset


def melt() -> None:
    """Come a little closer to the database's clock."""
    row = EngineClock.objects.filter(pk=THE_ROW).first()
    if row is not None and row.offset:
        left = max(timedelta(0), row.offset - MELTS)
        EngineClock.objects.filter(pk=THE_ROW, offset=row.offset).update(offset=left)


def accept() -> bool:
    """Take the database's clock as it is; False when it is so already."""
    rows = EngineClock.objects.filter(pk=THE_ROW, offset__gt=timedelta(0))
    return bool(rows.update(offset=timedelta(0)))
