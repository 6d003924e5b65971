"""How many words one number gets in an hour: text messages cost money (F23).

Two machines could thank each other without end. What was asked for is done all the
same; only the words about it stop. Each node counts for itself, in memory.
"""

import threading
from collections import deque
from datetime import datetime, timedelta

ANSWERS_AN_HOUR = 6
"""Text messages to one number that say what came of an answer."""

_HOUR = timedelta(hours=1)


class Budget:
    """Counts what was said to each number in the last hour."""

    def __init__(self, limit: int = ANSWERS_AN_HOUR) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._said: dict[str, deque[datetime]] = {}

    def allows(self, number: str, *, wall: datetime) -> bool:
        """Return whether a number may be told one thing more, and then count it."""
        with self._lock:
            self._forget(wall)
            said = self._said.setdefault(number, deque())
            if len(said) >= self._limit:
                return False
            said.append(wall)
            return True

    def _forget(self, wall: datetime) -> None:
        for number, said in list(self._said.items()):
            while said and wall - said[0] > _HOUR:
                said.popleft()
            if not said:
                del self._said[number]
