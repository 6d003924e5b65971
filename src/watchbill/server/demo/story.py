"""The story: alerts come in and people answer, each through the door they would use.

Alerts are posted to the intake in the format of Alertmanager. People act by the
signed link in the message they got. Nothing is written to the database behind the
product's back, so what a newcomer sees is what the product does.
"""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

from django.db import OperationalError, connections

from watchbill.integrations.contract import Answer, Outgoing, TransportFailure
from watchbill.server import clock
from watchbill.server.demo.state import Received
from watchbill.server.engine.egress import Egress

Tell = Callable[[str], None]

_TIMEOUT = 10.0

_PAYMENT = {
    "alertname": "PaymentSuccessLow",
    "alert_type": "payment",
    "severity": "critical",
    "gateway": "KBZPay",
    "component": "payments",
}
_PAYMENT_NOTES = {
    "summary": "Payment success is 91.4 % (KBZPay does not answer)",
    "description": "Success rate 91.4 % over 30 min, threshold 95 %. 132 of 1,534"
    " payments failed; every failure is a timeout at KBZPay.",
    "runbook_url": "https://wiki.trm.rocks/runbooks/payments",
}
_DISK = {
    "alertname": "HostDiskHigh",
    "alert_type": "infrastructure",
    "severity": "warning",
    "instance": "db-2",
}
_DISK_NOTES = {"summary": "Disk of db-2 is 82 % full"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """One thing that happens in the story."""

    minute: int
    says: str
    does: Callable[["Story"], None]


class Story:
    """Plays beats at their minutes of the plan's time."""

    def __init__(
        self,
        *,
        intake_url: str,
        inbox: Callable[[], list[Received]],
        egress: Egress,
        tell: Tell,
    ) -> None:
        self._intake_url = intake_url
        self._inbox = inbox
        self._egress = egress
        self._tell = tell
        self._playing = threading.Lock()
        self._ended = threading.Event()

    def play(self) -> None:
        """Play the story in a thread of its own, unless it is being played."""
        threading.Thread(target=self._play, daemon=True).start()

    def stop(self) -> None:
        """End a story that is being played."""
        self._ended.set()

    def fire(self, labels: dict[str, str], notes: dict[str, str]) -> None:
        """Post a firing alert, as Alertmanager would."""
        self._post("firing", labels, notes)

    def clear(self, labels: dict[str, str], notes: dict[str, str]) -> None:
        """Post that an alert has ended."""
        self._post("resolved", labels, notes)

    def answer(self, who: str, action: str) -> None:
        """Act by the newest link that somebody got."""
        for message in self._inbox():
            links = dict(message.links)
            if who in message.to and "Acknowledge" in links:
                self._send(links["Acknowledge"], urlencode({"action": action}).encode())
                return
        self._tell(f"  (nobody at {who} has got a message to answer)")

    def _play(self) -> None:
        if not self._playing.acquire(blocking=False):
            return
        try:
            start = clock.now()
            for beat in _BEATS:
                ahead = start + timedelta(minutes=beat.minute) - clock.now()
                if self._ended.wait(max(0.0, ahead.total_seconds() / clock.rate())):
                    return
                self._tell(f"  {beat.minute:3} min  {beat.says}")
                beat.does(self)
        except OperationalError:
            # The demo is being stopped, and its database, which is the clock, is gone.
            self._ended.set()
        finally:
            self._playing.release()
            connections.close_all()  # the clock asked the database in this thread

    def _post(self, status: str, labels: dict[str, str], notes: dict[str, str]) -> None:
        now = clock.now().isoformat()
        ends_at = now if status == "resolved" else "0001-01-01T00:00:00Z"
        alert = {
            "status": status,
            "labels": labels,
            "annotations": notes,
            "startsAt": now,
            "endsAt": ends_at,
            "generatorURL": "https://prometheus.trm.rocks/graph",
        }
        body = {
            "version": "4",
            "groupKey": labels["alertname"],
            "status": status,
            "receiver": "watchbill",
            "groupLabels": {},
            "commonLabels": labels,
            "commonAnnotations": notes,
            "externalURL": "https://alertmanager.trm.rocks",
            "alerts": [alert],
        }
        self._send(self._intake_url, json.dumps(body).encode(), kind="application/json")

    def _send(
        self, url: str, body: bytes, kind: str = "application/x-www-form-urlencoded"
    ) -> None:
        outgoing = Outgoing(
            method="POST", url=url, headers={"content-type": kind}, body=body
        )
        answer = self._egress.send(outgoing, timeout=_TIMEOUT)
        if isinstance(answer, TransportFailure):
            self._tell(f"  the demo could not post: {answer.detail}")
        elif isinstance(answer, Answer) and answer.status >= 400:
            self._tell(f"  the demo was refused with {answer.status}")


_BEATS = (
    Beat(
        minute=0,
        says="Prometheus: payments fail. It is a P1, and the ladder starts.",
        does=lambda story: story.fire(_PAYMENT, _PAYMENT_NOTES),
    ),
    Beat(
        minute=8,
        says="Prometheus: a disk fills up. A P3: a ticket, and nobody is woken.",
        does=lambda story: story.fire(_DISK, _DISK_NOTES),
    ),
    Beat(
        minute=20,
        says="The Technical Lead acknowledges by the link in the mail.",
        does=lambda story: story.answer("tech-lead@", "acknowledge"),
    ),
    Beat(
        minute=45,
        says="Payments go through another gateway: mitigated. Users are well again.",
        does=lambda story: story.answer("tech-lead@", "mitigate"),
    ),
    Beat(
        minute=65,
        says="Prometheus: the alert has ended. watchbill asks a human to confirm.",
        does=lambda story: story.clear(_PAYMENT, _PAYMENT_NOTES),
    ),
    Beat(
        minute=72,
        says="The Technical Lead resolves it, before the ladder calls the CEO.",
        does=lambda story: story.answer("tech-lead@", "resolve"),
    ),
    Beat(
        minute=75,
        says="End of the story. The post-mortem falls due 24 h after the resolution.",
        does=lambda _: None,
    ),
)
