"""What surrounds the simulated engine: the plan, the database, providers, connections.

Also whom the plan can reach, which people may change at any moment, and the notes of
what really happened, which the laws are checked against and no engine can read.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from tests.simulation.provider import Providers, Reply, Request
from tests.simulation.rows import Incident
from tests.simulation.store import Lost, Store, Transaction
from watchbill.core.firing import Call
from watchbill.core.incidents import IncidentAction
from watchbill.core.ladder import Ladder, Verb
from watchbill.core.oncall import Override
from watchbill.core.paging import (
    AddressKind,
    ContactMethod,
    MethodKind,
    Provided,
    Rule,
    Send,
    Wishes,
    plan_methods,
    sends,
)
from watchbill.core.people import Contact
from watchbill.core.roster import Roster
from watchbill.core.severity import Urgency
from watchbill.plan import Plan, load

#: A Sunday, 02:30 in Yangon: Ana has the watch, Chi is the secondary.
START = datetime(2026, 2, 7, 20, 0, tzinfo=UTC)

PLAN_TEXT = Path(__file__).with_name("plan.yaml").read_text()

PATIENT = Wishes(
    high=(
        Rule(kind=MethodKind.CHAT),
        Rule(kind=MethodKind.EMAIL, after=timedelta(minutes=1)),
    )
)
"""Mail me only if I have not answered in the chat."""

PROVIDED = (
    Provided(channel="slack", kind=MethodKind.CHAT, reaches=AddressKind.SLACK),
    Provided(channel="email", kind=MethodKind.EMAIL, reaches=AddressKind.EMAIL),
)


@cache
def small_plan() -> Plan:
    """Return the plan of the simulation: few rungs, short waits."""
    plan = load(PLAN_TEXT, name="plan.yaml").plan
    assert plan is not None
    return plan


@dataclass(eq=False)
class Client:
    """One process as the database and the network see it."""

    name: str
    is_cut_off: bool = False
    is_stopped: bool = False
    #: How wrong the clock of its machine is; no decision may depend on it (I9).
    skew: timedelta = timedelta(0)


@dataclass(eq=False, kw_only=True)
class Flight:
    """One request between its claim and its result, as seen from outside."""

    notification: str
    attempt: int
    client: Client
    #: Its process was suspended, or the clock was set, while it was under way.
    is_disturbed: bool = False


@dataclass
class World:
    plan: Plan = field(default_factory=small_plan)
    store: Store = field(default_factory=lambda: Store(now=START))
    providers: Providers = field(default_factory=Providers)
    #: People of whom no address works any more.
    deaf: set[str] = field(default_factory=set)
    overrides: tuple[Override, ...] = ()
    #: How everybody wants to be told.
    wishes: Wishes = field(default_factory=Wishes)
    #: Posts that were answered 2xx.
    answered: set[str] = field(default_factory=set)
    #: What people did, once it was committed.
    acted: list[tuple[str, IncidentAction, str]] = field(default_factory=list)
    #: What a process learned of each attempt.
    learned: dict[tuple[str, int], Reply] = field(default_factory=dict)
    #: What a process attempts by a channel: the notification and the attempt's number.
    claims: dict[tuple[Client, str], tuple[str, int]] = field(default_factory=dict)
    sent: list[tuple[Request, str, int, Client]] = field(default_factory=list)

    def begin(self, client: Client) -> Transaction:
        """Open a transaction, if there is a connection."""
        self.check_connection(client)
        return self.store.begin(client)

    def check_connection(self, client: Client) -> None:
        """Fail when the client cannot reach the database."""
        if client.is_cut_off:
            raise Lost

    def send(
        self, request: Request, notification: str, attempt: int, client: Client
    ) -> Reply:
        """Hand a request to its provider, and note from whom it came."""
        self.sent.append((request, notification, attempt, client))
        return self.providers.take(request)

    def ladder(self, incident: Incident) -> Ladder:
        """Return the ladder of an incident."""
        return self.ladders(incident)[-1]

    def ladders(self, incident: Incident) -> list[Ladder]:
        """Return the ladders of all severities that an incident had."""
        return [
            self._ladder(severity, incident.route, grade=grade)
            for grade, severity in enumerate(incident.severities)
        ]

    def _ladder(self, severity: str, route: str, *, grade: int) -> Ladder:
        ladder = self.plan.ladder(severity, route)
        return ladder.prefixed(f"{grade}/") if grade else ladder

    def roster(self) -> Roster:
        """Return who stands behind the targets now."""
        unreachable = frozenset(
            contact.key
            for contact in self.plan.directory.contacts
            if not self._methods(contact)
        )
        roster = self.plan.roster(unreachable=unreachable)
        return replace(roster, overrides=self.overrides)

    def sends(self, call: Call, *, now: datetime) -> tuple[Send, ...]:
        """Return the messages of one call, as the person's rules say."""
        urgency = Urgency.LOW if call.is_copy else call.step.urgency
        return sends(
            self._methods(call.contact),
            PROVIDED,
            self.wishes,
            urgency=urgency,
            asks=call.step.verb in {Verb.PAGE, Verb.ESCALATE} and not call.is_copy,
            now=now,
        )

    def _methods(self, contact: Contact) -> tuple[ContactMethod, ...]:
        if contact.key in self.deaf:
            return ()
        served = {one.reaches for one in PROVIDED}
        return tuple(one for one in plan_methods(contact) if one.kind in served)
