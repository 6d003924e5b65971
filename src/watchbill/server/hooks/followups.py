"""Requests after the response: showing in a channel what came of an answer.

Nothing depends on them, so they wait in memory, a bounded number of them, for one
thread that sends them once. What goes wrong is logged.
"""

import logging
from dataclasses import dataclass
from queue import Full, Queue
from threading import Lock, Thread

from watchbill.integrations.contract import Outgoing, TransportFailure
from watchbill.server.hooks.ways import Sender

MOST_WAITING = 200
_TIMEOUT = 10.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """One request to a provider."""

    provider: str
    outgoing: Outgoing
    egress: Sender


_waiting: Queue[FollowUp] = Queue(maxsize=MOST_WAITING)
_starting = Lock()
_worker: Thread | None = None


def send_later(follow_up: FollowUp) -> bool:
    """Leave a request to the worker; False when too many wait already."""
    _start()
    try:
        _waiting.put_nowait(follow_up)
    except Full:
        logger.warning("%s: a follow-up is dropped", follow_up.provider)
        return False
    return True


def send_now(follow_up: FollowUp) -> None:
    """Send a request; trouble is logged and nothing else."""
    try:
        answer = follow_up.egress.send(follow_up.outgoing, timeout=_TIMEOUT)
    except Exception:  # one request that cannot be sent must not stop the worker
        logger.exception("%s: a follow-up cannot be sent", follow_up.provider)
        return
    if isinstance(answer, TransportFailure):
        logger.warning("%s: a follow-up: %s", follow_up.provider, answer.detail)
    elif answer.status >= 300:
        logger.warning("%s: a follow-up: HTTP %s", follow_up.provider, answer.status)


def _start() -> None:
    global _worker
    with _starting:
        if _worker is None or not _worker.is_alive():
            _worker = Thread(target=_work, name="hook-follow-ups", daemon=True)
            _worker.start()


def _work() -> None:
    while True:
        send_now(_waiting.get())
