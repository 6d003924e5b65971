"""How many posts a minute an integration may send, where the operator has set it.

A token bucket: it holds one minute's posts and fills evenly, so that a burst after a
quiet minute passes and a steady excess does not. It is kept by each process that takes
posts, and for as long as it is not full.
"""

import math


class Budget:
    """The buckets of all limited integrations."""

    def __init__(self) -> None:
        #: By integration: what was left, and when, by a monotonic clock.
        self._buckets: dict[int, tuple[float, float]] = {}

    def spend(self, integration_id: int, per_minute: int, *, at: float) -> int:
        """Take one post out of a bucket; return 0, or in how many seconds to retry."""
        left, since = self._buckets.get(integration_id, (float(per_minute), at))
        left = min(float(per_minute), left + (at - since) * per_minute / 60)
        if left >= 1:
            self._buckets[integration_id] = (left - 1, at)
            return 0
        self._buckets[integration_id] = (left, at)
        return math.ceil((1 - left) * 60 / per_minute) if per_minute else 60
