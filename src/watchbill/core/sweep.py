"""Sweeps: one pass over every instant at which anything changes.

Several things, each in a *slot*, hold their values for a while and then change. Asked
together at an instant they are a *state*. A sweep yields each state once, with the
instant at which it begins, and so visits a year that has three changes three times. No
hour or minute is ever stepped through, and nothing that falls between two steps can be
missed.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from heapq import merge
from operator import itemgetter

from watchbill.core.temporal import Interval

Ends = tuple[datetime, datetime]
"""Where a stretch begins and ends: an interval that need not be made one."""

State = tuple[int, ...]
"""The value of every slot."""

Changes = Iterator[tuple[datetime, int]]
"""What one slot is from an instant on; the first one is the beginning of the sweep."""


def sweep(slots: Iterable[Changes]) -> Iterator[tuple[datetime, State]]:
    """Yield the state of all slots from each instant at which one changes."""
    changes = [
        (at, slot, value) for slot, track in enumerate(slots) for at, value in track
    ]
    # Stable, and fast on what is sorted in stretches already.
    changes.sort(key=itemgetter(0))
    state: list[int] = [0] * (1 + max(slot for _, slot, _ in changes))
    last = changes[0][0]
    for at, slot, value in changes:
        if at != last:
            yield last, tuple(state)
            last = at
        state[slot] = value
    yield last, tuple(state)


def joined(groups: Iterable[Iterable[Ends]], bounds: Interval) -> Iterator[Ends]:
    """Yield what stretches cover together of ``bounds``, in pieces that do not meet.

    Each group is in order, and so is what is yielded.
    """
    first, last = bounds.starts_at, bounds.ends_at
    piece_starts, piece_ends = first, first
    for starts_at, ends_at in merge(*groups):
        if starts_at > piece_ends:
            if piece_starts < piece_ends:
                yield piece_starts, piece_ends
            piece_starts = starts_at
        if ends_at > piece_ends:
            piece_ends = min(ends_at, last)
    if piece_starts < piece_ends:
        yield piece_starts, piece_ends


def coverings(
    spans: Sequence[Interval], during: Interval
) -> Iterator[tuple[datetime, set[int]]]:
    """Yield which spans, by their places, cover the time from each instant on.

    It is one set, changed from instant to instant: whoever keeps it makes a copy.
    """
    edges: dict[datetime, list[int]] = {during.starts_at: []}
    for place, span in enumerate(spans):
        if span.overlaps(during):
            whole = span.in_utc()
            for edge in (max(whole.starts_at, during.starts_at), whole.ends_at):
                edges.setdefault(edge, []).append(place)
    covering: set[int] = set()
    for at in sorted(edges):
        if at >= during.ends_at:
            break
        # Each span is named twice: where it begins and where it ends.
        covering.symmetric_difference_update(edges[at])
        yield at, covering
