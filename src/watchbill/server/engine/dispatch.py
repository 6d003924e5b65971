"""Dispatch: one thread of a channel speaks to the database, the others to the provider.

The dispatcher claims, hands what it claimed to its senders, and records what they
bring back, each in batches: a transaction for one message would cost more than the
message. Senders never touch the database, so a channel needs one connection whatever
its number of senders, and a slow provider holds no row.

How much is claimed ahead follows from how long the provider took lately: what is
claimed should leave within a second or two. A provider that suddenly hangs must not
let leases run out unseen in our own queue; so what has waited too long is not sent but
given back as an attempt that certainly did not leave.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from time import monotonic

from watchbill.core.notification import Attempt
from watchbill.server import clock
from watchbill.server.engine.aftercare import look_after_some
from watchbill.server.engine.channels import Channels
from watchbill.server.engine.deliver import (
    Claim,
    Except,
    attempt,
    claim_round,
    settle_some,
)
from watchbill.server.engine.pace import Pace
from watchbill.server.notifications.actions import release

LOOK_AFTER_EVERY = 1.0
LEAVES_WITHIN = 1.5
MOST_AHEAD = 32
"""Messages in hand for each sender, at most."""

TOO_LATE = 8.0
"""Seconds; with the longest send and its record this should stay below the lease."""

STOPS_WITHIN = 12.0
"""Seconds; a little more than the longest send."""

_WEIGHT = 0.2


class Dispatcher:
    """Everything that one channel sends from this node."""

    def __init__(
        self,
        channels: Channels,
        channel: str,
        *,
        node: str,
        done: Callable[[], None] = lambda: None,
    ) -> None:
        self._channels = channels
        self._channel = channel
        self._node = node
        #: Called after each round, so that a channel that hangs is seen.
        self._done = done
        self._pace = Pace()
        self._to_send: SimpleQueue[tuple[Claim, float] | None] = SimpleQueue()
        #: Results, and None as a hint to look at the database.
        self._came_back: SimpleQueue[tuple[Claim, Attempt | None] | None] = (
            SimpleQueue()
        )
        #: Results that are not recorded yet; they survive every error.
        self._unrecorded: list[tuple[Claim, Attempt]] = []
        #: Claims of which nothing left, to be given back.
        self._unsent: list[Claim] = []
        self._in_hand = 0
        self._took = LEAVES_WITHIN
        self._looked_after = 0.0
        self._busy: frozenset[int] = frozenset()
        self._senders: list[threading.Thread] = []

    def wake(self) -> None:
        """Hint that something may wait to be sent."""
        self._came_back.put(None)

    def run(self, *, until: Callable[[], bool], may_claim: Callable[[], bool]) -> None:
        """Send while ``may_claim``; at the end finish what is under way.

        After an error call it again: the senders go on, and no result is lost.
        """
        self._start_senders()
        while not until():
            self._settle()
            dealt_with = self._hand_out() if may_claim() else 0
            self._done()
            if not dealt_with:
                self._wait(LOOK_AFTER_EVERY)
        self._finish()

    def _hand_out(self) -> int:
        """Claim what there is room for and give it to the senders."""
        self._look_after()
        room = self._limit() - self._in_hand
        if room <= 0:
            return 0
        per_second = self._channels.per_second(self._channel)
        found = claim_round(
            self._channel,
            node=self._node,
            now=clock.now(),
            wall=clock.wall(),
            limit=room,
            but=Except(
                addresses=self._pace.resting(self._channel),
                incidents=self._busy,
                one_each=per_second is not None,
            ),
        )
        self._busy |= found.busy
        for claim in found.claims:
            self._pace.left(self._channel, claim.address, per_second=per_second)
            self._to_send.put((claim, monotonic()))
        self._in_hand += len(found.claims)
        return found.dealt_with

    def _limit(self) -> int:
        ahead = int(LEAVES_WITHIN / self._took) if self._took > 0 else MOST_AHEAD
        return len(self._senders) * max(1, min(MOST_AHEAD, ahead))

    def _look_after(self) -> None:
        if monotonic() - self._looked_after >= LOOK_AFTER_EVERY:
            self._looked_after = monotonic()
            self._busy = frozenset()
            look_after_some(self._channel, now=clock.now(), wall=clock.wall())

    def _wait(self, seconds: float) -> None:
        """Wait for a result, a hint, or the next look that is due anyway."""
        with suppress(Empty):
            self._keep(self._came_back.get(timeout=seconds))

    def _keep(self, item: tuple[Claim, Attempt | None] | None) -> None:
        if item is None:
            return
        claim, result = item
        if result is None:
            self._unsent.append(claim)
        else:
            self._unrecorded.append((claim, result))

    def _settle(self) -> None:
        """Record what came back; what cannot be recorded now is kept."""
        with suppress(Empty):
            while True:
                self._keep(self._came_back.get_nowait())
        before = len(self._unsent) + len(self._unrecorded)
        try:
            while self._unsent:
                one = self._unsent[-1]
                release(one.notification_id, attempt=one.attempt, wall=clock.wall())
                self._unsent.pop()
            if self._unrecorded:
                settle_some(
                    self._unrecorded,
                    receipt_within=self._channels.receipt_within(self._channel),
                    reaches=self._channels.address_kind(self._channel),
                    now=clock.now(),
                    wall=clock.wall(),
                )
        finally:
            self._in_hand -= before - len(self._unsent) - len(self._unrecorded)

    # ── The senders ────────────────────────────────────────────────────────────────

    def _start_senders(self) -> None:
        if self._senders:
            return
        self._senders = [
            threading.Thread(
                target=self._send, name=f"send-{self._channel}-{number}", daemon=True
            )
            for number in range(self._channels.workers(self._channel))
        ]
        for sender in self._senders:
            sender.start()

    def _send(self) -> None:
        while (item := self._to_send.get()) is not None:
            claim, claimed = item
            begun = monotonic()
            if begun - claimed > TOO_LATE:
                self._came_back.put((claim, None))
                continue
            result = attempt(self._channels, claim)
            self._took += _WEIGHT * (monotonic() - begun - self._took)
            self._came_back.put((claim, result))

    def _finish(self) -> None:
        """Let the senders end, and record what they bring back in time."""
        for _ in self._senders:
            self._to_send.put(None)
        until = monotonic() + STOPS_WITHIN
        while self._in_hand > 0 and monotonic() < until:
            self._wait(max(0.0, until - monotonic()))
            self._settle()
