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
from watchbill.core.paging import AddressKind, MethodKind, Provided
from watchbill.plan import bundled_text, load
from watchbill.server.clock import VirtualClock
from watchbill.server.engine import beats, promises
from watchbill.server.engine import watch as shifts
from watchbill.server.engine.channels import Channels
from watchbill.server.engine.deliver import deliver_some
from watchbill.server.engine.egress import Egress
from watchbill.server.engine.fire import fire_due
from watchbill.server.engine.fold import fold_waiting
from watchbill.server.engine.kinds import Moment, run
from watchbill.server.incidents import actions as incidents
from watchbill.server.incidents.actions import ActionResult, Actor, Declaration
from watchbill.server.incidents.models import Incident
from watchbill.server.intake import actions as intake
from watchbill.server.intake.models import InboxEntry, Integration
from watchbill.server.notifications.models import Notification
from watchbill.server.notifications.queries import OPEN
from watchbill.server.plans import actions as plans
from watchbill.server.plans.models import PlanVersion
from watchbill.server.providers import Reach
from watchbill.server.timers.queries import next_wake_at

DELIVERED = Attempt(outcome=Outcome.DELIVERED, detail="250 taken")
BY_MAIL = Provided(channel="email", kind=MethodKind.EMAIL, reaches=AddressKind.EMAIL)
BY_CHAT = Provided(channel="slack", kind=MethodKind.CHAT, reaches=AddressKind.SLACK)
ANY = {
    "email": BY_MAIL,
    "slack": BY_CHAT,
    "sms_one": Provided(
        channel="sms_one", kind=MethodKind.SMS, reaches=AddressKind.PHONE
    ),
    "sms_two": Provided(
        channel="sms_two", kind=MethodKind.SMS, reaches=AddressKind.PHONE
    ),
    "voice": Provided(
        channel="voice", kind=MethodKind.VOICE, reaches=AddressKind.PHONE
    ),
    "telegram": Provided(
        channel="telegram", kind=MethodKind.CHAT, reaches=AddressKind.TELEGRAM
    ),
}
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

    @property
    def is_news(self) -> bool:
        """Whether it tells what changed, and is no message of the ladder."""
        return "Update: " in self.notice.subject


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingChannels(Channels):
    """Channels that keep what they are given and answer as the test says."""

    sent: list[tuple[str, str, Notice]] = field(default_factory=list)
    answer: Callable[[str, str], Attempt] = lambda _channel, _address: DELIVERED
    reaches: Reach = field(
        default_factory=lambda: Reach(
            provided=(BY_MAIL,), posts=frozenset({"email", "slack"})
        )
    )

    #: How soon the providers of the test say what became of a message.
    receipts_within: timedelta | None = None

    def receipt_within(self, channel: str) -> timedelta | None:
        """Return when a receipt is due; only text messages have any."""
        return self.receipts_within if channel.startswith("sms") else None

    def address_kind(self, channel: str) -> AddressKind | None:
        """Return what the channels of the test take."""
        return ANY[channel].reaches if channel in ANY else None

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
        #: What the ladder told, and what was told beside it.
        self.told: list[Told] = []
        self.heard: list[Told] = []
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
        done += self.fire(now)
        reach = self.channels.reach
        names = {"email", "slack", *(one.channel for one in reach.provided)}
        for channel in sorted(names):
            done += self.deliver(channel)
        return done

    def settle_without_delivery(self) -> None:
        """Fold and fire, and leave the messages in the outbox."""
        now = self.clock.now()
        while fold_waiting(now=now) + self.fire(now):
            pass

    def fire(self, now: datetime) -> int:
        """Ask what is due of the ladders, the promises and the shifts."""
        moment = Moment(now=now, wall=now, reach=self.channels.reach)
        others = sum(
            run(kind, moment) for kind in (promises.KIND, beats.KIND, shifts.KIND)
        )
        return fire_due(moment) + others

    def deliver(self, channel: str) -> int:
        """Attempt what is waiting for a channel."""
        before = len(self.channels.sent)
        count = deliver_some(self.channels, channel, node=self.node, limit=50)
        after = self.clock.now() - self.start
        for name, address, notice in self.channels.sent[before:]:
            one = Told(after=after, channel=name, address=address, notice=notice)
            (self.heard if one.is_news else self.told).append(one)
        return count

    def act(self, incident: Incident, action: IncidentAction) -> ActionResult:
        """Have Dana act now."""
        return incidents.perform(incident.pk, action, actor=DANA, now=self.clock.now())

    def note(self, incident: Incident) -> None:
        """Have Dana write something now."""
        incidents.add_note(incident.pk, "still at it", actor=DANA, now=self.clock.now())

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
        provided = tuple(ANY[name] for name in sorted(people))
        reaches = Reach(provided=provided, posts=frozenset(posts))
        self.channels = replace(self.channels, reaches=reaches)

    def story(self) -> list[tuple[float, str]]:
        """Return whom the ladder told, and how many minutes after the start."""
        return [(one.after / timedelta(minutes=1), one.who) for one in self.told]

    def news(self) -> list[tuple[float, str, str]]:
        """Return what was told beside the ladder: when, to whom, and the text."""
        return [
            (one.after / timedelta(minutes=1), one.who, one.notice.paragraphs[0])
            for one in self.heard
        ]

    def _next(self) -> datetime | None:
        due = next_wake_at()
        sends = (
            Notification.objects.filter(state__in=OPEN)
            .order_by("next_attempt_at")
            .values_list("next_attempt_at", "due_at", "lease_until")
        )
        times = [lease or max(at, due) for at, due, lease in sends]
        receipts = Notification.objects.values_list("receipt_due_at", flat=True)
        times += [at for at in receipts if at is not None]
        return min([*([due] if due else []), *times], default=None)


def minutes(number: float) -> timedelta:
    """Return a duration in minutes."""
    return timedelta(minutes=number)


def plan_with(clock: VirtualClock, *changes: tuple[str, str]) -> PlanVersion:
    """Put the bundled plan in force with some of its text replaced."""
    text = bundled_text("trm").replace("first: 2026-02-08", "first: 2026-02-15", 1)
    for before, after in changes:
        assert before in text, before
        text = text.replace(before, after, 1)
    loaded = load(text, name="changed.yaml")
    assert loaded.plan is not None, loaded.errors
    return plans.put_in_force(loaded, now=clock.now())


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
