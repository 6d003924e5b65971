"""Planted bugs: each is a way in which a real paging system has lost or doubled pages.

A simulation that cannot tell these engines from the right one is worth nothing. Each
differs from :class:`~tests.simulation.engine.Engine` in one joint. ``breaks`` names
the laws by which it may be found out: the first breach that the search meets depends
on the order of the draws, but it must be one that the bug explains.
"""

from dataclasses import replace
from datetime import datetime
from typing import ClassVar

from tests.simulation.engine import SEND_TIMEOUT, Claim, Engine
from tests.simulation.provider import Reply
from tests.simulation.rows import DueStep, Incident, Notification
from tests.simulation.store import Port, Ports, Transaction
from watchbill.core import escalation
from watchbill.core.escalation import Advance
from watchbill.core.firing import Call, merge
from watchbill.core.ladder import Ladder, Situation
from watchbill.core.notification import Attempt, NotificationState, Outcome


class Mutant(Engine):
    """An engine with one bug."""

    breaks: ClassVar[frozenset[str]]


class MarksBeforeItSends(Mutant):
    """The notification is done once it is claimed (Healthchecks)."""

    breaks = frozenset({"I2"})

    def claim(self, tx: Transaction, row: Notification, *, wall: datetime) -> Claim:
        claim = super().claim(tx, row, wall=wall)
        tx.put(replace(claim.row, state=NotificationState.DELIVERED, lease_until=None))
        return claim

    def is_latest(self, row: Notification, claim: Claim) -> bool:
        return row.attempts == claim.attempt


class PlansTheNextLookLater(Mutant):
    """The next timer is set in a transaction of its own (Grafana OnCall)."""

    breaks = frozenset({"I7"})

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self._later: list[DueStep] = []

    def next_look(self, tx: Transaction, due: DueStep, at: datetime | None) -> None:
        super().next_look(tx, due, None)
        if at is not None:
            self._later.append(replace(due, wake_at=at, is_pending=True))

    def fire_due(self) -> Ports[int]:
        self._later = []
        count = yield from super().fire_due()
        with self.world.begin(self.client) as tx:
            for due in self._later:
                tx.put(due)
            yield from tx.commit()
        return count


class EnqueuesOnCommit(Mutant):
    """Notifications are inserted after the commit that decided them (``on_commit``)."""

    breaks = frozenset({"I7"})

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self._rows: list[Notification] = []

    def after_firing(self, tx: Transaction, rows: list[Notification]) -> None:
        self._rows = rows

    def fire_due(self) -> Ports[int]:
        count = yield from super().fire_due()
        rows, self._rows = self._rows, []
        with self.world.begin(self.client) as tx:
            for row in rows:
                tx.insert(row, ignore_conflicts=True)
            yield from tx.commit()
        return count


class HasNoToken(Mutant):
    """A result is recorded whoever has taken over the lease meanwhile."""

    breaks = frozenset({"I2", "I5", "I6"})

    def is_latest(self, row: Notification, claim: Claim) -> bool:
        return True


class DoesNotAskAgainAtTheClaim(Mutant):
    """A page that was enqueued is sent, whoever has acknowledged (oncall#4760)."""

    breaks = frozenset({"I4"})

    def unwanted(self, row: Notification, incident: Incident) -> bool:
        return False


class FollowsUpWhoeverHasCome(Mutant):
    """The phone rings for somebody who is at work on it."""

    breaks = frozenset({"I4"})

    def is_answered(self, row: Notification, incident: Incident) -> bool:
        return False


class AsksWithoutTheLock(Mutant):
    """The claim reads the incident and does not hold it: an answer slips between."""

    breaks = frozenset({"I4"})

    def claim_some(self, channel: str, *, wall: datetime) -> Ports[list[Claim]]:
        with self.world.begin(self.client) as tx:
            rows = yield from self.take_sendable(tx, channel, wall=wall)
            claims = []
            for row in rows:
                yield from tx.port("read Incident")
                incident = tx.get(Incident, row.incident)
                assert incident is not None
                if self.unwanted(row, incident):
                    self.supersede(tx, row, wall=wall)
                else:
                    claims.append(self.claim(tx, row, wall=wall))
            if rows:
                yield from tx.commit()
        return claims


class TrustsItsOwnClock(Mutant):
    """Time is what the machine of the node says it is."""

    breaks = frozenset({"I3", "I6", "I9", "I11"})

    def ask_clock(self) -> Ports[datetime]:
        now = yield from super().ask_clock()
        return now + self.client.skew


class CatchesUpInOrder(Mutant):
    """After downtime steps are done as they were due, whatever happened since."""

    breaks = frozenset({"I11"})

    def advance(self, ladder: Ladder, incident: Incident, *, now: datetime) -> Advance:
        blind = Situation(declared_at=incident.declared_at)
        return escalation.advance(
            ladder, incident.progress, blind, self.world.roster(), now=now
        )


class HasTooShortALease(Mutant):
    """A lease ends before the send that it covers may."""

    breaks = frozenset({"I6"})
    lease = SEND_TIMEOUT / 2


class FailsWhatItsWorkerLeft(Mutant):
    """What was in flight when its worker died has failed (GoAlert)."""

    breaks = frozenset({"I2"})

    def claim_some(self, channel: str, *, wall: datetime) -> Ports[list[Claim]]:
        with self.world.begin(self.client) as tx:
            rows = yield from tx.take(
                Notification,
                lambda row: row.channel == channel and self.is_lost(row, wall=wall),
                lambda row: (row.number,),
                limit=1,
            )
            for row in rows:
                self._mark_lost(tx, row, wall=wall)
                state = NotificationState.FAILED
                tx.put(replace(row, state=state, lease_until=None))
            if rows:
                yield from tx.commit()
        return (yield from super().claim_some(channel, wall=wall))


class NeverFreesALostClaim(Mutant):
    """What a dead worker was sending stays so for ever (procrastinate#1518)."""

    breaks = frozenset({"I3"})

    def is_lost(self, row: Notification, *, wall: datetime) -> bool:
        return False


class WaitsOutAnEmptyStep(Mutant):
    """A step that reaches nobody lets the next one wait its time (goalert#4548)."""

    breaks = frozenset({"I8"})

    def advance(self, ladder: Ladder, incident: Incident, *, now: datetime) -> Advance:
        progress = incident.progress
        answer = super().advance(ladder, incident, now=now)
        early = answer.progress.brought_forward
        if dict(early) == dict(progress.brought_forward):
            return answer
        hurried = set(early) - set(progress.brought_forward)
        kept = replace(
            answer.progress,
            brought_forward=progress.brought_forward,
            done=answer.progress.done - hurried,
        )
        return replace(
            answer,
            firings=tuple(one for one in answer.firings if one.step.key not in hurried),
            progress=kept,
            ask_at=escalation.next_look_at(ladder, kept, incident.situation),
        )


class TakesANewKeyToRetry(Mutant):
    """A retry is another message to the provider, which cannot drop it."""

    breaks = frozenset({"I5"})

    def key_of(self, row: Notification) -> str:
        return f"{row.idempotency_key}/{row.attempts}"


class DoesNotMerge(Mutant):
    """Whoever stands behind three late steps is told three times."""

    breaks = frozenset({"I11"})

    def calls(self, advance: Advance) -> tuple[Call, ...]:
        return tuple(call for firing in advance.firings for call in merge((firing,)))


class FallsSilentAtTheEnd(Mutant):
    """Nothing is repeated once the ladder has been climbed."""

    breaks = frozenset({"I7"})

    def advance(self, ladder: Ladder, incident: Incident, *, now: datetime) -> Advance:
        return super().advance(replace(ladder, repeat_after=None), incident, now=now)


class BelievesTheStatus(Mutant):
    """200 is success, whatever the body says (Slack's ``ok: false``)."""

    breaks = frozenset({"I2", "I6"})

    def read(self, reply: Reply) -> Attempt:
        if reply.status == 200:
            return Attempt(outcome=Outcome.DELIVERED)
        return super().read(reply)


class TakesSilenceForSuccess(Mutant):
    """A request that was written has arrived (am#4006)."""

    breaks = frozenset({"I2", "I6"})

    def read(self, reply: Reply) -> Attempt:
        if reply.status is None:
            return Attempt(outcome=Outcome.DELIVERED)
        return super().read(reply)


class GivesUpWhenThrottled(Mutant):
    """429 is a refusal (am#2111, SigNoz#12891)."""

    breaks = frozenset({"I2", "I6"})

    def read(self, reply: Reply) -> Attempt:
        if reply.status == 429:
            return Attempt(outcome=Outcome.PERMANENT)
        return super().read(reply)


class FiresWithoutTheLock(Mutant):
    """Due steps are read and not taken: two engines fire the same one."""

    breaks = frozenset({"I6", "I7", "I11"})

    def fire_due(self) -> Ports[int]:
        now = yield from self.ask_clock()
        with self.world.begin(self.client) as tx:
            yield from tx.port("read DueStep")
            due = tx.select(DueStep, lambda row: row.is_pending and row.wake_at <= now)
            yield from tx.port("read Incident")
            for step in due:
                self._fire(tx, step, now=now)
            if due:
                yield from tx.commit()
        return len(due)


class RepliesBeforeItCommits(Mutant):
    """2xx is answered and the row written after it (Keep's 202)."""

    breaks = frozenset({"I1"})

    def accept(self, name: str, *args: object) -> Port:
        yield "answer 202"
        self.world.answered.add(name)
        yield from super().accept(name, *args)  # type: ignore[arg-type]


class DoesNotMoveOn(Mutant):
    """When every message of a step has failed, nobody else is tried (oncall#1326)."""

    breaks = frozenset({"I8"})

    def is_hopeless(self, tx: Transaction, row: Notification) -> bool:
        return False


class RetriesTheRefused(Mutant):
    """An attempt follows one that the provider refused or took."""

    breaks = frozenset({"I2", "I5"})

    def record(
        self, tx: Transaction, row: Notification, result: Attempt, *, wall: datetime
    ) -> Port:
        yield from super().record(tx, row, result, wall=wall)
        if result.outcome is Outcome.DELIVERED and row.attempts == 1:
            settled = tx.get(Notification, row.key)
            assert settled is not None
            tx.put(replace(settled, state=NotificationState.WAITING))


MUTANTS: tuple[type[Mutant], ...] = tuple(Mutant.__subclasses__())
