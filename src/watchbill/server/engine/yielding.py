"""Yielding: folding leaves the processor to accepting, as far as posts arrive.

A post that is not accepted in time is lost to us; one that is accepted can be folded
a moment later. The scheduler does not know that: whoever folds also keeps PostgreSQL
busy, and after it those who fire and send, and none of these has a lower priority. So
a round of folding is followed by a rest for the posts that arrived since the last one.
At a hundred posts a second that is a hundredth of the time, and nobody feels it. In a
flood of ten thousand a second it is most of the time; by then the first pages have
left, and what is at stake is that the rest of the flood is not lost.
"""

from datetime import timedelta
from time import monotonic

from watchbill.server.intake import queries

A_POST = timedelta(microseconds=100)
"""Twice the processor time that accepting one takes, of all processes together: its
sender may be on the same machine, as it was where this was measured."""

MOST = 4
LONGEST = timedelta(seconds=1)
"""The longest rest, in times of the work before it and at all: no flood stops the
folding, and a round that only waited for a lock is followed by no long rest."""


class Turns:
    """Whose turn it is: the folding's, or the accepting's."""

    def __init__(self) -> None:
        self._stored = queries.stored_so_far()
        self._began = monotonic()

    def begin(self) -> None:
        """Begin a round of work."""
        self._began = monotonic()

    def rest(self) -> timedelta:
        """Return how long to rest after the round."""
        worked = timedelta(seconds=monotonic() - self._began)
        before, self._stored = self._stored, queries.stored_so_far()
        return rest(arrived=self._stored - before, worked=worked)


def rest(*, arrived: int, worked: timedelta) -> timedelta:
    """Return how long to rest after work, so many posts having arrived."""
    return min(max(arrived, 0) * A_POST, MOST * worked, LONGEST)
