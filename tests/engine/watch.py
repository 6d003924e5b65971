"""An engine whose time the test decides and whose messages it can read.

Everything is real but two things: the clock stands until it is moved, and messages
go to a list instead of to a socket. The clock jumps from one instant at which there
is something to do to the next, as the engine would wake, so that a day of an
incident takes milliseconds.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from watchbill.core.incidents import IncidentAction
from watchbill.core.messages import Notice
from watchbill.core.notification import Attempt, Outcome
from watchbill.server.clock import VirtualClock
from watchbill.server.engine.channels import Channels, Reach
from watchbill.server.engine.deliver import deliver_some
from watchbill.server.engine.egress import Egress
from watchbill.server.engine.fire import Moment, fire_due
from watchbill.server.engine.fold import fold_waiting
from watchbill.server.incidents import actions as incidents
from watchbill.server.incidents.actions import ActionResult, Actor, Declaration
from watchbill.server.incidents.models import Incident
from watchbill.server.intake import actions as intake
from watchbill.server.intake.models import InboxEntry, Integration
from watchbill.server.notifications.models import Notification
from watchbill.server.notifications.queries import OPEN
from watchbill.server.timers.queries import next_wake_at

DELIVERED = Attempt(outcome=Outcome.DELIVERED, detail="250 taken")
DANA = Actor(label="Dana", contact_key="technical_lead")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A message that left."""

    after: timedelta
    channel: str
    address: str
    notice: Notice

    @property
    def who(self) -> str:
        """The mailbox or channel, without its domain."""
        return self.address.partition("@")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingChannels(Channels):
    """Channels that keep what they are given and answer as the test says."""

    sent: list[tuple[str, str, Notice]] = field(default_factory=list)
    answer: Callable[[str, str], Attempt] = lambda _channel, _address: DELIVERED
    reaches: Reach = field(
        default_factory=lambda: Reach(
            people=frozenset({"email"}), posts=frozenset({"email", "slack"})
        )
    )

    @property
    def reach(self) -> Reach:
        """Whom the test lets the plan reach."""
        return self.reaches

    def send(
        self, channel: str, address: str, notice: Notice, *, now: datetime
    ) -> Attempt:
        """Keep the message."""
        self.sent.append((channel, address, notice))
        return self.answer(channel, address)


class Watch:
    """Drives one engine from instant to instant."""

    def __init__(self, clock: VirtualClock, *, node: str = "one") -> None:
        self.clock = clock
        self.start = clock.now()
        self.channels = RecordingChannels(egress=Egress())
        self.told: list[Told] = []
        self.node = node

    def declare(self, severity: str = "P1", route: str = "payment") -> Incident:
        """Declare an incident now."""
        declaration = Declaration(
            title="Payments fail", severity=severity, alert_type=route
        )
        return incidents.declare(declaration, actor=DANA, now=self.clock.now())

    def at(self, after: timedelta) -> "Watch":
        """Run the engine until ``after`` the start, and stand there."""
        end = self.start + after
        self.settle()
        while (moment := self._next()) is not None and moment <= end:
            self.clock.move_to(max(moment, self.clock.now()))
            self.settle()
        self.clock.move_to(end)
        self.settle()
        return self

    def sleep_until(self, after: timedelta) -> "Watch":
        """Move the clock while no engine runs, as during a power cut."""
        self.clock.move_to(self.start + after)
        return self

    def settle(self) -> None:
        """Run cycles until there is nothing more to do at this instant."""
        while self.cycle():
            pass

    def cycle(self) -> int:
        """Fold, fire and deliver once; return how much there was."""
        now = self.clock.now()
        done = fold_waiting(now=now)
        done += fire_due(Moment(now=now, wall=now, reach=self.channels.reach))
        for channel in ("email", "slack"):
            done += self.deliver(channel)
        return done

    def settle_without_delivery(self) -> None:
        """Fold and fire, and leave the messages in the outbox."""
        now = self.clock.now()
        while fold_waiting(now=now) + fire_due(
            Moment(now=now, wall=now, reach=self.channels.reach)
        ):
            pass

    def deliver(self, channel: str) -> int:
        """Attempt what is waiting for a channel."""
        before = len(self.channels.sent)
        count = deliver_some(self.channels, channel, node=self.node, limit=50)
        after = self.clock.now() - self.start
        self.told += [
            Told(after=after, channel=name, address=address, notice=notice)
            for name, address, notice in self.channels.sent[before:]
        ]
        return count

    def act(self, incident: Incident, action: IncidentAction) -> ActionResult:
        """Have Dana act now."""
        return incidents.perform(incident.pk, action, actor=DANA, now=self.clock.now())

    def post(self, integration: Integration, *alerts: dict[str, Any]) -> InboxEntry:
        """Put a webhook of Alertmanager into the inbox, as the intake does."""
        body = {"version": "4", "status": "firing", "alerts": list(alerts)}
        return InboxEntry.objects.create(
            integration=integration,
            received_at=self.clock.now(),
            body=json.dumps(body).encode(),
        )

    def answer(self, reply: Callable[[str, str], Attempt]) -> None:
        """Let providers answer in another way from now on."""
        self.channels = replace(self.channels, answer=reply)

    def reach(self, *, people: set[str], posts: set[str]) -> None:
        """Set up other channels from now on."""
        reaches = Reach(people=frozenset(people), posts=frozenset(posts))
        self.channels = replace(self.channels, reaches=reaches)

    def story(self) -> list[tuple[float, str]]:
        """Return who was told, and how many minutes after the start."""
        return [(one.after / timedelta(minutes=1), one.who) for one in self.told]

    def _next(self) -> datetime | None:
        due = next_wake_at()
        sends = (
            Notification.objects.filter(state__in=OPEN)
            .order_by("next_attempt_at")
            .values_list("next_attempt_at", "lease_until")
        )
        times = [lease or at for at, lease in sends]
        return min([*([due] if due else []), *times], default=None)


def minutes(number: float) -> timedelta:
    """Return a duration in minutes."""
    return timedelta(minutes=number)


def prometheus(now: datetime, *, is_drill: bool = False) -> Integration:
    """Create a source of alerts."""
    made, _ = intake.create_integration(
        kind="alertmanager", name="Prometheus", now=now, is_drill=is_drill
    )
    return made


def alert(
    name: str = "PaymentSuccessLow", *, status: str = "firing", **labels: str
) -> dict[str, Any]:
    """Return one alert of a webhook."""
    every = {"alertname": name, "alert_type": "payment", "severity": "critical"}
    return {
        "status": status,
        "labels": every | labels,
        "annotations": {"summary": f"{name} is firing"},
        "startsAt": "2026-02-07T19:59:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
    }
