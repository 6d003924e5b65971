"""The invariants, looked at after every commit and at every request to a provider.

Each is written from what happened, never from what the engine says of itself: from
the rows before and after a commit, from the provider's own record and from the notes
of the world. A breach names its law (I1 to I12 of the reliability study).
"""

from dataclasses import dataclass, field
from datetime import timedelta

from tests.simulation.provider import Reply, read
from tests.simulation.rows import (
    OPEN,
    Delivery,
    DueStep,
    Incident,
    Notification,
    Post,
    StepFiring,
)
from tests.simulation.store import Change
from tests.simulation.world import Client, Flight, World
from watchbill.core.escalation import (
    FALLBACK_EVERY,
    LATE_AFTER,
    FiringReason,
    lapses_at,
    upcoming,
)
from watchbill.core.ladder import StopOn
from watchbill.core.notification import MAX_ATTEMPTS, NotificationState, Outcome

_AGAIN = frozenset({Outcome.TRANSIENT, Outcome.THROTTLED, Outcome.UNKNOWN})


class Broken(AssertionError):
    """An invariant does not hold."""

    def __init__(self, law: str, what: str) -> None:
        super().__init__(f"{law}: {what}")
        self.law = law
        #: How many examples the search needed.
        self.examples = 0


@dataclass
class Laws:
    world: World
    #: Requests under way, by the client and channel that make them.
    flights: dict[tuple[Client, str], Flight] = field(default_factory=dict)

    # ── At every commit ───────────────────────────────────────────────────────

    def committed(self, changes: tuple[Change, ...]) -> None:
        """Check everything that this commit may have broken."""
        for change in changes:
            match change.after:
                case Delivery() as delivery:
                    self._attempt(change.before, delivery)
                case Notification() as row:
                    self._notification(change.before, row)
                case StepFiring() as firing:
                    self._firing(change.before, firing, changes)
        self._nobody_is_told_twice(changes)
        self._nothing_is_stranded()

    def _attempt(self, before: object, row: Delivery) -> None:
        notification = self._notification_of(row.notification)
        incident = self._incident(notification.incident)
        if before is None:
            stopped = incident.situation.stop_reason(notification.stop_on)
            _require("I4", not stopped, f"{row.key} was claimed though {stopped}")
            came = _has_come(notification, incident)
            _require("I4", not came, f"{row.key} follows up whoever has come")
            _require("I5", row.number <= MAX_ATTEMPTS, f"{row.key} is one too many")
            if row.number > 1:
                last = self._delivery(row.notification, row.number - 1)
                _require(
                    "I5", last.outcome in _AGAIN, f"{row.key} follows {last.outcome}"
                )
        elif row.outcome is not None:
            self._outcome(before, row)

    def _outcome(self, before: object, row: Delivery) -> None:
        """An attempt's result is its own, or unknown because nobody came back (I6)."""
        assert isinstance(before, Delivery)
        reply = self.world.learned.get((row.notification, row.number))
        known = _truth(reply)
        _require(
            "I6",
            row.outcome in {known, Outcome.UNKNOWN},
            f"{row.key} ended {known} and is recorded as {row.outcome}",
        )
        _require(
            "I6",
            before.outcome in {None, row.outcome},
            f"{row.key} was {before.outcome} and became {row.outcome}",
        )

    def _notification(self, before: object, row: Notification) -> None:
        was = before.state if isinstance(before, Notification) else None
        if was is not None and was not in OPEN:
            _require("I2", row.state is was, f"{row.key} left {was} for {row.state}")
        if row.state is was:
            return
        match row.state:
            case NotificationState.DELIVERED:
                arrived = any(
                    request.accepted and request.page == row.page
                    for request in self.world.providers.requests
                )
                _require("I2", arrived, f"{row.key} is delivered and never arrived")
            case NotificationState.FAILED:
                last = self._delivery(row.key, row.attempts).outcome
                spent = row.attempts >= MAX_ATTEMPTS
                _require(
                    "I2",
                    spent or last is Outcome.PERMANENT,
                    f"{row.key} failed after {row.attempts} attempts, the last {last}",
                )
                self._ladder_moves_on(row)
            case NotificationState.SUPERSEDED:
                situation = self._incident(row.incident).situation
                came = _has_come(row, self._incident(row.incident))
                wanted = situation.stop_reason(row.stop_on) is None and not came
                _require("I2", not wanted, f"{row.key} is superseded and still wanted")

    def _ladder_moves_on(self, row: Notification) -> None:
        """When every message of a step failed, somebody else is due at once (I8)."""
        incident = self._incident(row.incident)
        told = [
            one
            for one in self._pages(row.incident)
            if one.step_key == row.step_key and one.contact_key and not one.is_copy
        ]
        failed = all(one.state is NotificationState.FAILED for one in told)
        is_answered = incident.situation.acknowledged_at is not None
        if not failed or not told or is_answered or row not in told:
            return
        progress = incident.progress
        coming = upcoming(self.world.ladder(incident), progress, incident.situation)
        is_due = any(
            step.contacts_people and due <= self.world.store.latest
            for step, due in coming
        )
        moves = is_due or progress.fallback_at is not None
        _require("I8", moves, f"{row.key} failed, and nobody else is due")

    def _firing(
        self, before: object, row: StepFiring, changes: tuple[Change, ...]
    ) -> None:
        _require("I6", before is None, f"{row.key} fired twice")
        incident = self._incident(row.incident)
        if row.reason is FiringReason.DONE_BEFORE:
            return
        at = self.world.store.latest
        _require("I9", row.due_at <= at, f"{row.key} fired before {row.due_at}")
        if row.acts:
            stopped = incident.situation.stop_reason(row.stop_on)
            _require("I11", not stopped, f"{row.key} acts though {stopped}")
            late = row.fired_at - row.due_at > LATE_AFTER
            _require("I11", row.is_late == late, f"{row.key} late: {row.is_late}")
        if row.reason is FiringReason.REACHED_NOBODY:
            self._somebody_else_is_tried(row, incident, changes)
        for who in row.told if row.acts else ():
            _require(
                "I7",
                any(
                    one.contact_key == who and one.created_at == row.fired_at
                    for one in self._pages(row.incident)
                ),
                f"{row.key} says that {who} is told, and nothing is to be sent",
            )

    def _somebody_else_is_tried(
        self, row: StepFiring, incident: Incident, changes: tuple[Change, ...]
    ) -> None:
        taken_at = incident.situation.acknowledged_at
        if taken_at is not None or not row.contacts_people:
            return
        firings = [one.after for one in changes if isinstance(one.after, StepFiring)]
        other = any(
            one.incident == row.incident and one.acts and one.told for one in firings
        )
        again = incident.progress.fallback_at
        # It may have been planned before the clock was set back.
        soon = again is not None and again <= self.world.store.latest + FALLBACK_EVERY
        _require("I8", other or soon, f"{row.key} reached nobody, and that was all")

    def _nobody_is_told_twice(self, changes: tuple[Change, ...]) -> None:
        """One firing tells a person once a channel, however late it comes (S3.2-19)."""
        if not any(isinstance(one.after, StepFiring) for one in changes):
            return
        new = [
            one.after
            for one in changes
            if isinstance(one.after, Notification) and one.before is None
        ]
        told = [(one.incident, one.contact_key or one.key, one.channel) for one in new]
        _require("I11", len(told) == len(set(told)), "somebody is told twice at once")

    def _nothing_is_stranded(self) -> None:
        for incident in self.world.store.all(Incident):
            ladder = self.world.ladder(incident)
            situation = incident.situation
            is_quiet = situation.stop_reason(StopOn.ACKNOWLEDGED) is not None
            may_lapse = lapses_at(ladder, incident.progress, situation) is not None
            if (is_quiet and not may_lapse) or ladder.repeat_after is None:
                continue
            if not ladder.pages:
                continue
            due = self.world.store.find(DueStep, incident.key)
            _require(
                "I7",
                due is not None and due.is_pending,
                f"nobody looks at incident {incident.key} any more",
            )

    # ── At every request ──────────────────────────────────────────────────────

    def check_request(self, number: int) -> None:
        """Check a request right after it reached its provider."""
        request, notification, attempt, client = self.world.sent[number]
        keys = {
            one.idempotency_key
            for one in self.world.providers.requests
            if one.page == request.page
        }
        _require("I5", len(keys) == 1, f"{request.page} was sent under {sorted(keys)}")
        committed = self.world.store.find(Delivery, f"{notification}#{attempt}")
        _require(
            "I5", committed is not None, f"{notification} was sent without a claim"
        )
        mine = self.flights.get((client, request.channel))
        for flight in self.flights.values():
            same = flight.notification == notification and flight is not mine
            disturbed = flight.is_disturbed or (mine is not None and mine.is_disturbed)
            _require("I6", not same or disturbed, f"two send {notification} at a time")

    # ── At the end ────────────────────────────────────────────────────────────

    def at_rest(self, *, patience: timedelta) -> None:
        """Check that everything has settled once the faults are over (I1-I3, I5)."""
        store = self.world.store
        for row in store.all(Notification):
            waits = row.state in OPEN and row.wake_at <= store.now - patience
            _require("I3", not waits, f"{row.key} is still {row.state}")
        for due in store.all(DueStep):
            waits = due.is_pending and due.wake_at <= store.now - patience
            _require("I3", not waits, f"incident {due.key} was due at {due.wake_at}")
        for post in store.all(Post):
            _require("I2", bool(post.disposition), f"post {post.name} is not folded")
        stored = {post.name for post in store.all(Post)}
        lost = self.world.answered - stored
        _require("I1", not lost, f"{sorted(lost)} were answered 2xx and are gone")
        self._duplicates_are_confessed()
        self._nobody_is_lost()

    def _duplicates_are_confessed(self) -> None:
        for row in self.world.store.all(Notification):
            arrived = sum(
                one.accepted and one.page == row.page
                for one in self.world.providers.requests
            )
            outcomes = [
                one.outcome
                for one in self.world.store.all(Delivery)
                if one.notification == row.key
            ]
            unknown = outcomes.count(Outcome.UNKNOWN)
            _require(
                "I5",
                arrived <= 1 + unknown and outcomes.count(Outcome.DELIVERED) <= 1,
                f"{row.key} arrived {arrived} times, with {unknown} unknown",
            )
            _require(
                "I5",
                arrived <= 1 or row.may_be_duplicate,
                f"{row.key} arrived twice and nobody is told so",
            )

    def _nobody_is_lost(self) -> None:
        """Who was to be told was told, or it was not wanted, or others were tried."""
        for firing in self.world.store.all(StepFiring):
            for who in firing.told if firing.acts else ():
                pages = [
                    one
                    for one in self._pages(firing.incident)
                    if one.contact_key == who and one.created_at >= firing.fired_at
                ]
                _require("I2", bool(pages), f"{who} was never told of {firing.key}")

    # ── Rows ──────────────────────────────────────────────────────────────────

    def _incident(self, key: str) -> Incident:
        found = self.world.store.find(Incident, key)
        assert found is not None
        return found

    def _notification_of(self, key: str) -> Notification:
        found = self.world.store.find(Notification, key)
        assert found is not None
        return found

    def _delivery(self, notification: str, number: int) -> Delivery:
        found = self.world.store.find(Delivery, f"{notification}#{number}")
        _require("I5", found is not None, f"{notification} has no attempt {number}")
        assert found is not None
        return found

    def _pages(self, incident: str) -> list[Notification]:
        rows = self.world.store.all(Notification)
        return [one for one in rows if one.incident == incident]


def _require(law: str, holds: object, what: str) -> None:
    if not holds:
        raise Broken(law, what)


def _has_come(row: Notification, incident: Incident) -> bool:
    """Whether whoever a message follows up has answered, read from the notes."""
    came_at = incident.joined.get(row.contact_key)
    return row.is_follow_up and came_at is not None and came_at >= row.created_at


def _truth(reply: Reply | None) -> Outcome | None:
    """What a reply means, read apart from the engine under test."""
    if reply is None:
        return None
    return read(reply).outcome
