"""Pace: no faster to one destination than its provider allows.

Each node keeps its own, in memory. What a provider says (429, Retry-After) is the
truth; this only avoids asking for it. A destination that must rest delays no other.
"""

import threading
from collections.abc import Callable
from time import monotonic


class Pace:
    """When each destination may be sent to again."""

    def __init__(self, *, seconds: Callable[[], float] = monotonic) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._free_at: dict[tuple[str, str], float] = {}

    def left(self, channel: str, address: str, *, per_second: float | None) -> None:
        """Say that a message leaves for a destination now."""
        if per_second is None:
            return
        with self._lock:
            self._free_at[channel, address] = self._seconds() + 1 / per_second

    def resting(self, channel: str) -> list[str]:
        """Return the addresses of a channel that must rest a little longer."""
        now = self._seconds()
        with self._lock:
            self._free_at = {
                at: free for at, free in self._free_at.items() if free > now
            }
            return [address for name, address in self._free_at if name == channel]
