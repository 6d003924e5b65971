"""Where a process can be made to die, and how it can be made worse than it is.

The product has no switches for tests. A forked process is changed in memory before it
starts: a *point* makes it kill itself, as SIGKILL from outside would, the first time it
comes to one exact place; a *variant* shortens its patience or plants a mistake. Each
place is named here and nowhere else. If the product moves one, the process ends at
once with the name, instead of running on unchanged and proving nothing.
"""

import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from types import ModuleType
from typing import Any

from watchbill.core import notification as core_notification
from watchbill.core.notification import Attempt, Outcome
from watchbill.server import clock
from watchbill.server.engine import (
    channels,
    deliver,
    dispatch,
    fire,
    gate,
    loop,
    pace,
    room,
)
from watchbill.server.intake import commit
from watchbill.server.notifications import actions as notifications
from watchbill.server.timers import actions as timers

Wrap = Callable[[Any], Any]

_STOPS_WITHIN = 2.0
"""Seconds; a process that was stopped for longer goes on at once."""


def die() -> None:
    """End this process as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)


def replace(owner: type | ModuleType, name: str, wrap: Wrap) -> None:
    """Put something around what has a name; AttributeError when nothing has it."""
    was = getattr(owner, name)
    now = wrap(was)
    setattr(owner, name, now)
    for title, module in list(sys.modules.items()):  # who has imported it by name
        if title.startswith("watchbill.") and getattr(module, name, None) is was:
            setattr(module, name, now)


def _die_first(real: Callable[..., Any]) -> Callable[..., Any]:
    def dying(*args: Any, **kwargs: Any) -> Any:
        die()
        return real(*args, **kwargs)

    return dying


def _die_afterwards(real: Callable[..., Any]) -> Callable[..., Any]:
    def dying(*args: Any, **kwargs: Any) -> Any:
        result = real(*args, **kwargs)
        die()
        return result

    return dying


def _die_after_the_dot(real: Callable[..., Any]) -> Callable[..., Any]:
    """After the line that ends a mail has been written, and no answer read."""

    def dying(self: socket.socket, data: bytes, *args: Any) -> Any:
        result = real(self, data, *args)
        if bytes(data) == b".\r\n":
            die()
        return result

    return dying


def _after_commit(real: Callable[..., Any]) -> Callable[..., Any]:
    async def dying(*args: Any, **kwargs: Any) -> Any:
        await real(*args, **kwargs)
        die()

    return dying


#: Each takes effect in the process that is given its name.
POINTS: dict[str, Callable[[], None]] = {
    # Intake
    "web: before the commit": lambda: replace(
        commit.GroupCommit, "_commit", _die_first
    ),
    "web: after the commit, before the answer": lambda: replace(
        commit.GroupCommit, "_commit", _after_commit
    ),
    # Engine
    "after the claim": lambda: replace(deliver, "attempt", _die_first),
    "before the socket opens": lambda: replace(socket.socket, "connect", _die_first),
    "after the request is written": lambda: replace(
        socket.socket, "sendall", _die_after_the_dot
    ),
    "after the answer is read": lambda: replace(deliver, "attempt", _die_afterwards),
    "before the result commits": lambda: replace(
        notifications, "settle_delivered", _die_afterwards
    ),
    "after the result commits": lambda: replace(
        deliver, "settle_some", _die_afterwards
    ),
    "between firing and the next look": lambda: replace(
        timers, "next_looks", _die_first
    ),
    "after firing commits": lambda: replace(fire, "wake_engine", _die_first),
    # A zombie: stopped with a claim in its hands.
    "stopped after the claim": lambda: replace(
        deliver, "claim_round", _stop_when_something_is_claimed
    ),
}


def _stop_when_something_is_claimed(real: Callable[..., Any]) -> Callable[..., Any]:
    """Stop this process, once, until somebody sends SIGCONT."""
    still_to_stop = [True]

    def stopping(*args: Any, **kwargs: Any) -> Any:
        found = real(*args, **kwargs)
        if found.claims and still_to_stop:
            still_to_stop.clear()
            asked = time.monotonic()
            os.kill(os.getpid(), signal.SIGSTOP)
            # Another thread may take the signal: this one must not go on meanwhile.
            while time.monotonic() - asked < _STOPS_WITHIN:
                time.sleep(0.01)
        return found

    return stopping


# ── Variants ──────────────────────────────────────────────────────────────────────


def _constant(owner: ModuleType, name: str, value: object) -> None:
    """Change a constant where it is defined and wherever it has been imported to."""
    assert hasattr(owner, name), f"{owner.__name__} has no {name} any more"
    was = getattr(owner, name)
    ours = [one for title, one in sys.modules.items() if title.startswith("watchbill.")]
    for module in ours:
        if getattr(module, name, None) is was:  # others use the name for other things
            setattr(module, name, value)


def _hasty() -> None:
    """Take seconds for what takes minutes; the order of the times stays the same."""
    _constant(notifications, "LEASE", timedelta(seconds=8))
    _constant(channels, "SEND_TIMEOUT", 1.5)
    _constant(dispatch, "TOO_LATE", 4.0)
    replace(core_notification, "_BACK_OFF", lambda _real: (1, 1, 2, 2, 3))


def _unthrottled() -> None:
    """Send every message by itself, however many there are for one recipient."""
    replace(room.Room, "take", lambda _real: lambda _self, _row: True)
    replace(pace.Pace, "resting", lambda _real: lambda _self, _channel: frozenset())


def _mark_first() -> None:
    """Record a page as delivered before it is sent, as some products do."""
    send = deliver.attempt

    def marked(using: channels.Channels, claim: deliver.Claim) -> Attempt:
        done = Attempt(outcome=Outcome.DELIVERED, detail="marked before it was sent")
        deliver.settle(claim, done, now=clock.now(), wall=clock.wall())
        return send(using, claim)

    replace(deliver, "attempt", lambda _real: marked)


def _newer() -> None:
    """Be the engine of a later release, which an older one must make way for."""
    version = gate.VERSION + 1
    gate.VERSION = version
    for function in (gate.state, gate.judge, loop.Engine.__init__):
        defaults = function.__kwdefaults__ or {}
        assert "version" in defaults, f"{function.__qualname__} has no version"
        defaults["version"] = version


VARIANTS: dict[str, Callable[[], None]] = {
    "hasty": _hasty,
    "unthrottled": _unthrottled,
    "mark first": _mark_first,
    "newer": _newer,
}
