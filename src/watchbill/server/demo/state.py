"""What the demo of this process has received, and how it is going.

A process that runs no demo has none, and its pages show none.
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

_KEPT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A message as its recipient would have read it."""

    at: datetime
    to: str
    subject: str
    text: str
    #: Label and URL of each link in it.
    links: tuple[tuple[str, str], ...]


@dataclass(slots=True, kw_only=True)
class Demo:
    """A demo that runs in this process."""

    rate: float
    #: Plays the story once more.
    replay: Callable[[], None]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _inbox: deque[Received] = field(default_factory=lambda: deque(maxlen=_KEPT))

    def receive(self, message: Received) -> None:
        """Keep a message; the oldest is forgotten when there are many."""
        with self._lock:
            self._inbox.appendleft(message)

    def inbox(self) -> list[Received]:
        """Return the messages, the newest first."""
        with self._lock:
            return list(self._inbox)


_running: list[Demo] = []


def begin(demo: Demo) -> None:
    """Make this process one that runs a demo."""
    _running[:] = [demo]


def end() -> None:
    """Make this process one that runs none."""
    _running.clear()


def current() -> Demo | None:
    """Return the demo of this process."""
    return _running[0] if _running else None


def banner() -> dict[str, Any] | None:
    """Return what every page of a demo says at its top."""
    demo = current()
    if demo is None:
        return None
    return {
        "text": _("This is a drill. Nothing leaves this machine."),
        "rate": int(demo.rate) if demo.rate > 1 else None,
        "replay_url": reverse("demo:replay"),
    }
