"""The engine's transactions over the database in memory, in the product's order.

Nothing is decided here: every decision is the core's own function. What is written
down is the order of statements, locks and commits of ``server/engine`` (``fold``,
``fire``, ``deliver``) and ``server/incidents/actions``, method by method under the
same names, so that the two can be read side by side. Each method is a generator that
yields before it uses a port. The methods in the first part are joints at which
:mod:`tests.simulation.mutants` plants its bugs.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tests.simulation.provider import Reply, Request, read
from tests.simulation.rows import (
    Alert,
    Delivery,
    DueStep,
    Incident,
    Notification,
    Post,
    StepFiring,
)
from tests.simulation.store import Port, Ports, Transaction
from tests.simulation.world import Client, World
from watchbill.core import alerts as core_alerts
from watchbill.core import escalation
from watchbill.core.alerts import AlertStatus, Signal
from watchbill.core.escalation import Advance, Call, Firing, FiringReason, Progress
from watchbill.core.incidents import IncidentAction, IncidentStatus, act
from watchbill.core.ladder import Ladder, Step, Verb
from watchbill.core.notification import (
    MAX_ATTEMPTS,
    Attempt,
    NotificationState,
    Outcome,
    after_attempt,
)
from watchbill.core.regrade import Grade, clocks_start_at, regrade
from watchbill.core.severity import Urgency

IDLE = "idle"
CONNECT, WRITE, READ = "connect", "write the request", "read the reply"
SENDING = frozenset({CONNECT, WRITE, READ})

SEND_TIMEOUT = timedelta(seconds=10)
LEASE = timedelta(seconds=30)
BATCH = 2
"""Notifications that are claimed at a time; the product claims more."""

CHANNELS = ("email", "slack")

_STAMPS = {
    IncidentAction.MITIGATE: "mitigated_at",
    IncidentAction.RESOLVE: "resolved_at",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    attempt: int
    row: Notification


class Engine:
    """What one process does; ``client`` is its side of every connection."""

    lease = LEASE

    def __init__(self, world: World, client: Client) -> None:
        self.world = world
        self.client = client

    # ── Joints ────────────────────────────────────────────────────────────────

    def ask_clock(self) -> Ports[datetime]:
        """Ask the database what time it is (I9)."""
        yield "ask the clock"
        self.world.check_connection(self.client)
        return self.world.store.now

    def advance(self, ladder: Ladder, incident: Incident, *, now: datetime) -> Advance:
        return escalation.advance(
            ladder,
            incident.progress,
            incident.situation,
            self.world.roster(),
            now=now,
        )

    def calls(self, advance: Advance) -> tuple[Call, ...]:
        return advance.calls()

    def read(self, reply: Reply) -> Attempt:
        return read(reply)

    def key_of(self, row: Notification) -> str:
        return row.idempotency_key

    def next_look(self, tx: Transaction, due: DueStep, at: datetime | None) -> None:
        if at is None:
            tx.put(replace(due, is_pending=False))
        else:
            tx.put(replace(due, wake_at=at, is_pending=True))

    def after_firing(self, tx: Transaction, rows: list[Notification]) -> None:
        for row in rows:
            tx.insert(row, ignore_conflicts=True)

    def unwanted(self, row: Notification, incident: Incident) -> bool:
        return is_stopped(row, incident) or self.is_answered(row, incident)

    def is_answered(self, row: Notification, incident: Incident) -> bool:
        return is_followed(row, incident)

    def is_latest(self, row: Notification, claim: Claim) -> bool:
        """The fencing token (I6)."""
        return row.attempts == claim.attempt and row.state is NotificationState.SENDING

    def is_lost(self, row: Notification, *, wall: datetime) -> bool:
        is_over = row.lease_until is not None and row.lease_until <= wall
        return row.state is NotificationState.SENDING and is_over

    # ── Processes of a node ───────────────────────────────────────────────────

    def folding(self) -> Port:
        while True:
            if not (yield from self.fold_one()):
                yield IDLE

    def firing(self) -> Port:
        while True:
            if not (yield from self.fire_due()):
                yield IDLE

    def delivering(self, channel: str) -> Port:
        while True:
            if not (yield from self.deliver_some(channel)):
                yield IDLE

    # ── Accepting and folding ─────────────────────────────────────────────────

    def accept(self, name: str, fingerprint: str, status: AlertStatus) -> Port:
        """Take a post; the answer is given after the commit (I1)."""
        now = yield from self.ask_clock()
        number = self.world.store.number()
        with self.world.begin(self.client) as tx:
            tx.insert(
                Post(
                    number=number,
                    name=name,
                    fingerprint=fingerprint,
                    status=status,
                    received_at=now,
                )
            )
            yield from tx.commit()
        yield "answer 202"
        self.world.answered.add(name)

    def fold_one(self) -> Ports[int]:
        yield from self.ask_clock()
        with self.world.begin(self.client) as tx:
            waiting = yield from tx.take(
                Post,
                lambda row: not row.disposition,
                lambda row: (row.number,),
                limit=1,
            )
            # Posts of one source are folded one after the other, in their order.
            first = min(
                tx.select(Post, lambda row: not row.disposition),
                key=lambda row: row.number,
                default=None,
            )
            if not waiting or first is None or waiting[0].number != first.number:
                return 0
            reason = yield from self._fold_signal(tx, waiting[0])
            tx.put(replace(waiting[0], disposition=reason))
            yield from tx.commit()
        return 1

    def _fold_signal(self, tx: Transaction, post: Post) -> Ports[str]:
        now = post.received_at
        alert = tx.get(Alert, post.fingerprint)
        resolved_at = None
        if alert is not None:
            held = yield from self.hold(tx, alert.incident)
            resolved_at = held.resolved_at
        signal = Signal(
            fingerprint=post.fingerprint,
            status=post.status,
            title=post.fingerprint,
            labels={},
        )
        fold = core_alerts.fold(
            alert.episode if alert is not None else None,
            signal,
            incident_resolved_at=resolved_at,
            now=now,
        )
        if fold.episode is None:
            return fold.reason
        incident = alert.incident if alert is not None else ""
        if fold.starts_episode:
            incident = self._insert_incident(tx, "P1", post.fingerprint, now=now)
        tx.put(
            Alert(fingerprint=post.fingerprint, episode=fold.episode, incident=incident)
        )
        return fold.reason

    # ── Firing ────────────────────────────────────────────────────────────────

    def fire_due(self) -> Ports[int]:
        now = yield from self.ask_clock()
        with self.world.begin(self.client) as tx:
            due = yield from tx.take(
                DueStep,
                lambda row: row.is_pending and row.wake_at <= now,
                lambda row: (row.wake_at, row.key),
                limit=100,
            )
            if not due:
                return 0
            for key in sorted(step.incident for step in due):
                yield from tx.hold(Incident, key)
            for step in due:
                self._fire(tx, step, now=now)
            yield from self.commit_firing(tx)
        return len(due)

    def commit_firing(self, tx: Transaction) -> Port:
        yield from tx.commit()

    def _fire(self, tx: Transaction, due: DueStep, *, now: datetime) -> None:
        incident = tx.get(Incident, due.incident)
        assert incident is not None
        ladder = self.world.ladder(incident)
        advance = self.advance(ladder, incident, now=now)
        if advance.lapsed_at is not None:
            status = IncidentStatus.TRIGGERED
            incident = replace(incident, status=status, taken_at=None)
        tx.put(replace(incident, progress=advance.progress))
        for firing in advance.firings:
            tx.insert(_firing(incident, firing, now=now))
        self.after_firing(tx, list(self._tellings(incident, advance, now=now)))
        self.next_look(tx, due, advance.ask_at)

    def _tellings(
        self, incident: Incident, advance: Advance, *, now: datetime
    ) -> Iterable[Notification]:
        for call in self.calls(advance):
            for send in self.world.sends(call, now=now):
                first, *rest = send.methods
                who = call.contact.key
                yield Notification(
                    number=self.world.store.number(),
                    incident=incident.key,
                    step_key=call.step.key,
                    verb=call.step.verb,
                    stop_on=call.stop_on,
                    contact_key=who,
                    recipient=call.contact.label,
                    channel=first.channel,
                    address=first.address,
                    idempotency_key=(
                        f"{incident.key}/{call.step.key}/{who}/{first.channel}"
                    ),
                    created_at=now,
                    due_at=send.at,
                    next_attempt_at=now,
                    is_follow_up=send.is_follow_up,
                    is_urgent=not call.is_copy and call.step.urgency is Urgency.HIGH,
                    is_copy=call.is_copy,
                    is_late=call.is_late,
                    next_methods=tuple((one.channel, one.address) for one in rest),
                )
        for firing in advance.firings:
            for name in firing.channels if firing.acts else ():
                yield self._post(incident, firing, name, now=now)

    def _post(
        self, incident: Incident, firing: Firing, name: str, *, now: datetime
    ) -> Notification:
        channel = self.world.plan.channels[name].kind
        return Notification(
            number=self.world.store.number(),
            incident=incident.key,
            step_key=firing.step.key,
            verb=Verb.POST,
            stop_on=firing.step.stop_on,
            contact_key="",
            recipient=name,
            channel=channel,
            address=name,
            idempotency_key=f"{incident.key}/{firing.step.key}/{name}/{channel}",
            created_at=now,
            due_at=now,
            next_attempt_at=now,
            is_urgent=firing.step.urgency is Urgency.HIGH,
            is_late=firing.is_late,
        )

    # ── Delivering ────────────────────────────────────────────────────────────

    def deliver_some(self, channel: str) -> Ports[int]:
        wall = yield from self.ask_clock()
        while (yield from self.give_up_one(channel, wall=wall)):
            pass
        claims = yield from self.claim_some(channel, wall=wall)
        for claim in claims:
            result = yield from self.attempt(claim)
            yield from self.settle(claim, result)
        return len(claims)

    def take_sendable(
        self, tx: Transaction, channel: str, *, wall: datetime
    ) -> Ports[list[Notification]]:
        return (
            yield from tx.take(
                Notification,
                lambda row: (
                    row.channel == channel
                    and (
                        (
                            row.state is NotificationState.WAITING
                            and row.next_attempt_at <= wall
                            and row.due_at <= wall
                        )
                        or (
                            self.is_lost(row, wall=wall) and row.attempts < MAX_ATTEMPTS
                        )
                    )
                ),
                lambda row: (not row.is_urgent, row.next_attempt_at, row.number),
                limit=BATCH,
            )
        )

    def claim_some(self, channel: str, *, wall: datetime) -> Ports[list[Claim]]:
        with self.world.begin(self.client) as tx:
            rows = yield from self.take_sendable(tx, channel, wall=wall)
            held = {}
            for key in sorted({row.incident for row in rows}):
                held[key] = yield from tx.hold(Incident, key, shared=True)
            # The lease is counted from when they are held.
            wall = yield from self.ask_clock()
            if rows:
                yield from tx.port("update Notification")
            claims = []
            for row in rows:
                incident = held[row.incident]
                if self.unwanted(row, incident):
                    self.supersede(tx, row, wall=wall)
                else:
                    claims.append(self.claim(tx, row, wall=wall))
            if rows:
                yield from tx.commit()
        return claims

    def claim(self, tx: Transaction, row: Notification, *, wall: datetime) -> Claim:
        if row.state is NotificationState.SENDING:
            row = self._record_lost_attempt(tx, row, wall=wall)
        row = replace(
            row,
            state=NotificationState.SENDING,
            attempts=row.attempts + 1,
            lease_until=wall + self.lease,
        )
        tx.put(row)
        tx.insert(
            Delivery(
                notification=row.key,
                number=row.attempts,
                node=self.client.name,
                started_at=wall,
            )
        )
        return Claim(attempt=row.attempts, row=row)

    def supersede(self, tx: Transaction, row: Notification, *, wall: datetime) -> None:
        if row.state is NotificationState.SENDING:
            row = self._mark_lost(tx, row, wall=wall)
        tx.put(replace(row, state=NotificationState.SUPERSEDED, lease_until=None))

    def attempt(self, claim: Claim) -> Ports[Attempt]:
        """One message over the wire; between the ports anything may happen."""
        row = claim.row
        self.world.claims[self.client, row.channel] = (row.key, claim.attempt)
        yield CONNECT
        yield WRITE
        request = Request(
            at=self.world.store.now,
            channel=row.channel,
            address=row.address,
            idempotency_key=self.key_of(row),
            page=row.page,
            verb=row.verb,
            is_late=row.is_late,
            accepted=self.world.providers.takes(row.channel),
        )
        reply = self.world.send(request, claim.row.key, claim.attempt, self.client)
        yield READ
        result = self.read(reply)
        self.world.learned[row.key, claim.attempt] = reply
        return result

    def settle(self, claim: Claim, result: Attempt) -> Ports[bool]:
        wall = yield from self.ask_clock()
        with self.world.begin(self.client) as tx:
            row = yield from tx.hold(Notification, claim.row.key)
            if not self.is_latest(row, claim):
                return False
            yield from self.record(tx, row, result, wall=wall)
            yield from tx.commit()
        return True

    def record(
        self, tx: Transaction, row: Notification, result: Attempt, *, wall: datetime
    ) -> Port:
        verdict = after_attempt(result, number=row.attempts, now=wall)
        delivery = tx.get(Delivery, f"{row.key}#{row.attempts}")
        assert delivery is not None
        tx.put(replace(delivery, finished_at=wall, outcome=result.outcome))
        row = replace(
            row,
            state=verdict.state,
            next_attempt_at=verdict.retry_at or wall,
            lease_until=None,
            may_be_duplicate=row.may_be_duplicate or result.outcome is Outcome.UNKNOWN,
        )
        tx.put(row)
        if verdict.start_next_method:
            row = self._start_next_method(tx, row, wall=wall)
        if row.state is NotificationState.FAILED:
            yield from self._after_failure(tx, row, now=wall)

    def give_up_one(self, channel: str, *, wall: datetime) -> Ports[bool]:
        with self.world.begin(self.client) as tx:
            rows = yield from tx.take(
                Notification,
                lambda row: (
                    row.channel == channel
                    and self.is_lost(row, wall=wall)
                    and row.attempts >= MAX_ATTEMPTS
                ),
                lambda row: (row.number,),
                limit=1,
            )
            for row in rows:
                row = self._record_lost_attempt(tx, row, wall=wall)
                row = replace(row, state=NotificationState.FAILED, lease_until=None)
                tx.put(row)
                yield from self._after_failure(tx, row, now=wall)
                yield from tx.commit()
        return bool(rows)

    def _start_next_method(
        self, tx: Transaction, row: Notification, *, wall: datetime
    ) -> Notification:
        if not row.next_methods:
            return row
        (channel, address), *rest = row.next_methods
        row = replace(row, next_methods=())
        tx.put(row)
        base = row.idempotency_key.rsplit("/", 1)[0]
        tx.insert(
            replace(
                row,
                number=self.world.store.number(),
                channel=channel,
                address=address,
                idempotency_key=f"{base}/{channel}",
                next_methods=tuple(rest),
                created_at=wall,
                due_at=wall,
                next_attempt_at=wall,
                state=NotificationState.WAITING,
                attempts=0,
                lease_until=None,
                may_be_duplicate=False,
            ),
            ignore_conflicts=True,
        )
        return row

    def _record_lost_attempt(
        self, tx: Transaction, row: Notification, *, wall: datetime
    ) -> Notification:
        row = self._mark_lost(tx, row, wall=wall)
        return self._start_next_method(tx, row, wall=wall)

    def _mark_lost(
        self, tx: Transaction, row: Notification, *, wall: datetime
    ) -> Notification:
        delivery = tx.get(Delivery, f"{row.key}#{row.attempts}")
        if delivery is not None and delivery.finished_at is None:
            tx.put(replace(delivery, finished_at=wall, outcome=Outcome.UNKNOWN))
        row = replace(row, may_be_duplicate=True)
        tx.put(row)
        return row

    def _after_failure(
        self, tx: Transaction, row: Notification, *, now: datetime
    ) -> Port:
        if not row.contact_key or row.is_copy:
            return
        incident = yield from self.hold(tx, row.incident)
        if (yield from self.hasten_follow_ups(tx, row, now=now)):
            return
        if self.is_hopeless(tx, row):
            self.move_on(tx, incident, now=now)

    def hasten_follow_ups(
        self, tx: Transaction, row: Notification, *, now: datetime
    ) -> Ports[int]:
        """Let what was to follow a failed message wait no longer."""
        waiting = tx.select(
            Notification,
            lambda other: (
                other.is_follow_up
                and (other.incident, other.step_key, other.contact_key)
                == (row.incident, row.step_key, row.contact_key)
                and other.state is NotificationState.WAITING
                and other.due_at > now
            ),
        )
        for other in waiting:
            # UPDATE waits for whoever holds the row, and looks at it again.
            other = yield from tx.hold(Notification, other.key)
            if other.state is NotificationState.WAITING:
                tx.put(replace(other, due_at=now))
        return len(waiting)

    def is_hopeless(self, tx: Transaction, row: Notification) -> bool:
        return not tx.select(
            Notification,
            lambda other: (
                other.incident == row.incident
                and other.step_key == row.step_key
                and not other.is_copy
                and bool(other.contact_key)
                and other.state is not NotificationState.FAILED
            ),
        )

    # ── What people do ────────────────────────────────────────────────────────

    def hold(self, tx: Transaction, incident: str) -> Ports[Incident]:
        """Hold the due step first and the incident second, always in this order."""
        yield from tx.hold(DueStep, incident)
        return (yield from tx.hold(Incident, incident))

    def declare(self, severity: str, group_key: str) -> Port:
        now = yield from self.ask_clock()
        with self.world.begin(self.client) as tx:
            yield from tx.port("insert Incident")
            self._insert_incident(tx, severity, group_key, now=now)
            yield from tx.commit()

    def _insert_incident(
        self, tx: Transaction, severity: str, group_key: str, *, now: datetime
    ) -> str:
        rank = self.world.plan.severity(severity).rank
        incident = Incident(
            number=self.world.store.number(),
            started_at=now,
            grades=(Grade(rank=rank, since_at=now),),
            severities=(severity,),
            route="shop",
            group_key=group_key,
            declared_at=now,
            progress=Progress(),
        )
        tx.insert(incident)
        tx.insert(DueStep(incident=incident.key, wake_at=now))
        return incident.key

    def perform(self, incident: str, action: IncidentAction, who: str) -> Port:
        now = yield from self.ask_clock()
        with self.world.begin(self.client) as tx:
            held = yield from self.hold(tx, incident)
            transition = act(held.status, action)
            if action is IncidentAction.ACKNOWLEDGE and held.is_open:
                held = self._join(tx, held, who, now=now)
            if not transition.is_change:
                yield from tx.commit()
                return
            was_free = held.status is IncidentStatus.TRIGGERED
            held = replace(held, status=transition.status, active_at=now)
            if action in _STAMPS:
                held = replace(held, **{_STAMPS[action]: now})  # type: ignore[arg-type]
            if was_free:
                # Whoever mitigates or resolves has taken it by that.
                held = replace(
                    held,
                    acknowledged_at=held.acknowledged_at or now,
                    acknowledged_by=who,
                    taken_at=now,
                )
            self.replan(tx, held, held.progress)
            yield from tx.commit()
        self.world.acted.append((who, action, incident))

    def _join(
        self, tx: Transaction, held: Incident, who: str, *, now: datetime
    ) -> Incident:
        """Note that somebody of the plan has come."""
        known = {one.key for one in self.world.plan.directory.contacts}
        joined = {**held.joined, who: now} if who in known else held.joined
        held = replace(held, joined=joined, active_at=now)
        tx.put(held)
        return held

    def change_severity(self, incident: str, severity: str) -> Port:
        now = yield from self.ask_clock()
        with self.world.begin(self.client) as tx:
            held = yield from self.hold(tx, incident)
            if not held.is_open or held.severity == severity:
                return
            before = held
            grade = Grade(rank=self.world.plan.severity(severity).rank, since_at=now)
            grades = (*held.grades, grade)
            held = replace(
                held,
                active_at=now,
                grades=grades,
                severities=(*held.severities, severity),
                started_at=clocks_start_at(grades, restarts=True),
            )
            regraded = regrade(
                self._acted(tx, before),
                self.world.ladder(held),
                held.situation,
                is_downgrade=grade.rank > before.grades[-1].rank,
                fallback=held.progress,
                now=now,
            )
            for steps, reason in (
                (regraded.carried, FiringReason.DONE_BEFORE),
                (regraded.skipped, FiringReason.DOWNGRADED),
            ):
                for step in steps:
                    due = escalation.due_at(step, Progress(), held.situation) or now
                    firing = Firing(step=step, due_at=due, reason=reason)
                    tx.insert(_firing(held, firing, now=now))
            self.replan(tx, held, regraded.progress)
            yield from tx.commit()

    def _acted(self, tx: Transaction, incident: Incident) -> list[Step]:
        """The steps that had an effect, on the ladders of every severity."""
        fired = tx.select(StepFiring, lambda row: row.incident == incident.key)
        acted = {row.step_key for row in fired if row.acts}
        return [
            step
            for ladder in self.world.ladders(incident)
            for step in ladder.steps
            if step.key in acted
        ]

    def escalate_now(self, incident: str) -> Port:
        now = yield from self.ask_clock()
        with self.world.begin(self.client) as tx:
            held = yield from self.hold(tx, incident)
            forward = escalation.bring_forward(
                self.world.ladder(held), held.progress, held.situation, now=now
            )
            if forward is None or forward == held.progress:
                return
            self.replan(tx, replace(held, active_at=now), forward)
            yield from tx.commit()

    def move_on(self, tx: Transaction, held: Incident, *, now: datetime) -> None:
        if not held.is_open:
            return
        forward = escalation.bring_forward(
            self.world.ladder(held), held.progress, held.situation, now=now
        )
        if forward is None:
            forward = escalation.turn_to_fallback(held.progress, now=now)
        self.replan(tx, held, forward)

    def replan(self, tx: Transaction, held: Incident, progress: Progress) -> None:
        """Store the ladder's progress and move the next look at it (I7)."""
        look_at = escalation.next_look_at(
            self.world.ladder(held), progress, held.situation
        )
        tx.put(replace(held, progress=progress))
        due = tx.get(DueStep, held.key)
        assert due is not None
        if due.is_pending or look_at is not None:
            self.next_look(tx, due, look_at)


def is_stopped(row: Notification, incident: Incident) -> bool:
    """Return whether what was asked for has happened."""
    return incident.situation.stop_reason(row.stop_on) is not None


def is_followed(row: Notification, incident: Incident) -> bool:
    """Return whether whoever a message follows up has answered."""
    joined_at = incident.joined.get(row.contact_key)
    return row.is_follow_up and joined_at is not None and joined_at >= row.created_at


def _firing(incident: Incident, firing: Firing, *, now: datetime) -> StepFiring:
    return StepFiring(
        incident=incident.key,
        step_key=firing.step.key,
        contacts_people=firing.step.contacts_people,
        stop_on=firing.step.stop_on,
        reason=FiringReason(firing.reason),
        due_at=firing.due_at,
        fired_at=now,
        is_late=firing.is_late,
        acts=firing.acts,
        told=tuple(contact.key for contact in firing.recipients),
    )
