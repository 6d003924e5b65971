"""A sender that posts without pause and, as Alertmanager does, until it is accepted."""

import itertools
import threading
import time
from types import TracebackType
from typing import Any, Self

import httpx2

from tests.e2e.product import body_of, p1, p3

#: One alert in so many pages somebody; the others only open a ticket.
PAGES_EVERY = 8


class Sender:
    """Posts one alert after the other in a thread, and remembers what was accepted."""

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "s",
        pause: float = 0.005,
        pages_every: int = PAGES_EVERY,
    ) -> None:
        self.url = url
        #: Services whose alert was answered 2xx, by severity.
        self.accepted: dict[str, str] = {}
        #: Answers other than 2xx, and requests that got none.
        self.refused = 0
        self.cut_off = 0
        #: The longest time in seconds that an alert waited until it was accepted.
        self.longest_wait = 0.0
        self._prefix = prefix
        self._pause = pause
        self._pages_every = pages_every
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._post_for_ever, name="sender")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._thread.join(60)

    def paging(self) -> set[str]:
        """Return the accepted services that somebody must be paged for."""
        return {service for service, kind in self.accepted.items() if kind == "P1"}

    def _post_for_ever(self) -> None:
        with httpx2.Client(timeout=15) as client:
            for number in itertools.count():
                if self._stopping.is_set():
                    return
                self._send(client, number)
                self._stopping.wait(self._pause)

    def _send(self, client: httpx2.Client, number: int) -> None:
        service = f"{self._prefix}{number}"
        pages = number % self._pages_every == 0
        body = body_of(p1(service) if pages else p3(service))
        started = time.monotonic()
        if self._post_until_accepted(client, body):
            self.accepted[service] = "P1" if pages else "P3"
            waited = time.monotonic() - started
            self.longest_wait = max(self.longest_wait, waited)

    def _post_until_accepted(self, client: httpx2.Client, body: dict[str, Any]) -> bool:
        while not self._stopping.is_set():
            try:
                answer = client.post(self.url, json=body)
            except httpx2.TransportError:
                self.cut_off += 1
            else:
                if answer.status_code == 202:
                    return True
                self.refused += 1
            self._stopping.wait(0.05)
        return False
