"""Ladders: what is to happen at which time elapsed.

A *step* names a time, a verb, its targets and the event after which it is no
longer wanted. "Escalate to" adds somebody who works on the incident, "notify"
informs somebody who does not; the record keeps them apart (S3.2-17).

The ladder of one incident is the union of three tables (A1): the paging loop and
the matrix of its severity, and the three contacts of its route (A11). It is
composed once, from the version of the plan under which the incident was declared,
and that version stays with it (S0-07).
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import dropwhile

from watchbill.core.oncall import Duty
from watchbill.core.routing import AfterHours, Contacting, Route
from watchbill.core.severity import Urgency


class Verb(StrEnum):
    """What a step does; the record keeps them apart (S3.2-17)."""

    PAGE = "page"
    ESCALATE = "escalate"
    NOTIFY = "notify"
    POST = "post"
    CREATE_TICKET = "create_ticket"
    POSTMORTEM = "postmortem"


class StopOn(StrEnum):
    """The event after which a step is no longer wanted."""

    ACKNOWLEDGED = "acknowledged"
    MITIGATED = "mitigated"
    RESOLVED = "resolved"
    NEVER = "never"


class Since(StrEnum):
    """The event from which a step's time is counted."""

    DECLARED = "declared"
    RESOLVED = "resolved"


class When(StrEnum):
    """At which hours a step applies, asked for the instant it is due."""

    ALWAYS = "always"
    OPEN_HOURS = "open_hours"
    CLOSED_HOURS = "closed_hours"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleTarget:
    """Everybody who answers to a role, alias or group."""

    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyTarget:
    """Whoever holds a duty of a schedule at the instant of firing."""

    schedule: str
    duty: Duty


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnTarget:
    """One of those who answer to a role, another for each incident (round robin)."""

    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpertTarget:
    """Who is on call for the incident's category, else the people of a level whose
    specialty it is (S2.1-09).
    """

    level: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelTarget:
    """A channel, such as ``#incidents``; it is posted to and never paged."""

    channel: str


Target = RoleTarget | DutyTarget | TurnTarget | ExpertTarget | ChannelTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One rung of a ladder."""

    #: Unique within the ladder and stable across versions of the plan.
    key: str
    title: str
    after: timedelta
    verb: Verb
    targets: tuple[Target, ...] = ()
    stop_on: StopOn = StopOn.RESOLVED
    since: Since = Since.DECLARED
    when: When = When.ALWAYS
    urgency: Urgency = Urgency.HIGH
    #: The requirements and decisions it stands for, such as ``S3.2-05``.
    origin: tuple[str, ...] = ()

    @property
    def contacts_people(self) -> bool:
        """Whether the step is about reaching a person."""
        return self.verb in {Verb.PAGE, Verb.ESCALATE, Verb.NOTIFY}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """All steps of one incident, in the order of the plan."""

    steps: tuple[Step, ...]
    #: Tried when a step reaches nobody and no later one is left (I8).
    fallback: tuple[Target, ...] = ()
    #: After the last step, unacknowledged pages are repeated; None never does (I7).
    repeat_after: timedelta | None = None
    #: An acknowledgement lapses after so long without activity; None never does (A2).
    ack_timeout: timedelta | None = None
    #: Begins the keys of all its steps, also of those that are made while it is
    #: climbed; it keeps the steps of two ladders of one incident apart.
    prefix: str = ""

    @property
    def pages(self) -> bool:
        """Whether somebody is asked to take the incident."""
        return any(step.verb is Verb.PAGE for step in self.steps)

    @property
    def paged(self) -> tuple[Target, ...]:
        """Everybody who is asked to work on the incident, by whichever step."""
        return tuple(
            target
            for step in self.steps
            if step.verb in {Verb.PAGE, Verb.ESCALATE}
            for target in step.targets
        )

    @property
    def channels(self) -> tuple[str, ...]:
        """Every channel to which a step posts, in the order of first mention."""
        named = (
            target.channel
            for step in self.steps
            for target in step.targets
            if isinstance(target, ChannelTarget)
        )
        return tuple(dict.fromkeys(named))

    def prefixed(self, prefix: str) -> "Ladder":
        """Return the same ladder with steps of other keys."""
        steps = tuple(replace(one, key=f"{prefix}{one.key}") for one in self.steps)
        return replace(self, steps=steps, prefix=prefix)

    def step(self, key: str) -> Step | None:
        """Return the step with this key."""
        return next((step for step in self.steps if step.key == key), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What the ladder needs to know of an incident."""

    #: From when the times of the ladder are counted (A3).
    declared_at: datetime
    #: When it was last taken; None while it waits for somebody.
    acknowledged_at: datetime | None = None
    #: When a person last did or wrote anything about it.
    active_at: datetime | None = None
    #: The contacts who took it.
    holders: tuple[str, ...] = ()
    mitigated_at: datetime | None = None
    resolved_at: datetime | None = None
    category: str | None = None
    #: The incident's number: whose turn it is where a role is asked in turn.
    turn: int = 0
    #: Nothing of it is posted to a channel by itself (A15).
    confidential: bool = False

    def stop_reason(self, stop_on: StopOn) -> str | None:
        """Return why what stops on this event is not wanted, None while it is.

        A later event stands for the earlier ones: what was resolved at once needs
        nobody to acknowledge it any more.
        """
        events = (
            (StopOn.ACKNOWLEDGED, self.acknowledged_at),
            (StopOn.MITIGATED, self.mitigated_at),
            (StopOn.RESOLVED, self.resolved_at),
        )
        enough = dropwhile(lambda event: event[0] is not stop_on, events)
        happened = next((name for name, at in enough if at is not None), None)
        return None if happened is None else f"the incident is {happened}"


def compose(
    steps: tuple[Step, ...],
    route: Route,
    contacting: Contacting | None,
    *,
    after_hours: AfterHours = AfterHours.PAGE,
    fallback: tuple[Target, ...] = (),
    repeat_after: timedelta | None = None,
    ack_timeout: timedelta | None = None,
) -> Ladder:
    """Return the ladder of an incident: its severity's steps and its route's.

    Without ``contacting`` the severity pages nobody by route (A11). Steps keep
    the order of the plan, the route's after the severity's.
    """
    when = When.ALWAYS if after_hours is AfterHours.PAGE else When.OPEN_HOURS
    routed = () if contacting is None else _route_steps(route, contacting, when=when)
    return Ladder(
        steps=steps + routed,
        fallback=fallback,
        repeat_after=repeat_after,
        ack_timeout=ack_timeout,
    )


def _route_steps(
    route: Route, contacting: Contacting, *, when: When
) -> tuple[Step, ...]:
    ranks = (
        ("primary", route.primary, contacting.primary),
        ("secondary", route.secondary, contacting.secondary),
        ("escalation", route.escalation, contacting.escalation),
    )
    return tuple(
        Step(
            key=f"route/{rank}",
            title=f"{route.title}: {rank} contact",
            after=after,
            verb=Verb.PAGE,
            targets=(RoleTarget(role=role),),
            stop_on=StopOn.ACKNOWLEDGED,
            when=when,
            origin=("S4.3-06", "A11"),
        )
        for rank, role, after in ranks
        if after is not None
    )
