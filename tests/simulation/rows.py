"""The rows that the engine works on: the columns of the product's tables it decides by.

Every name is that of the product's model or column, so that what the simulation does
can be read beside ``server/engine``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from watchbill.core.alerts import AlertStatus, Episode
from watchbill.core.escalation import FiringReason, Progress
from watchbill.core.incidents import OPEN_STATUSES, IncidentStatus
from watchbill.core.ladder import Situation, StopOn
from watchbill.core.notification import NotificationState, Outcome
from watchbill.core.regrade import Grade

OPEN = frozenset({NotificationState.WAITING, NotificationState.SENDING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """What a source posted: a row of the inbox."""

    number: int
    #: By which the client tells its posts apart; the same again when it repeats one.
    name: str
    fingerprint: str
    status: AlertStatus
    received_at: datetime
    #: What became of it; empty while it waits.
    disposition: str = ""

    @property
    def key(self) -> str:
        return str(self.number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    fingerprint: str
    episode: Episode | None
    incident: str = ""

    @property
    def key(self) -> str:
        return self.fingerprint


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    number: int
    route: str
    group_key: str
    declared_at: datetime
    progress: Progress
    status: IncidentStatus = IncidentStatus.TRIGGERED
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""
    #: When it was last taken; ``acknowledged_at`` is when it first was.
    taken_at: datetime | None = None
    active_at: datetime | None = None
    #: Who came, and when they last did.
    joined: Mapping[str, datetime] = field(default_factory=dict)
    #: From when its severity's clocks run, and how often that changed.
    started_at: datetime
    grades: tuple[Grade, ...]
    severities: tuple[str, ...]
    mitigated_at: datetime | None = None
    resolved_at: datetime | None = None

    @property
    def key(self) -> str:
        return str(self.number)

    @property
    def severity(self) -> str:
        return self.severities[-1]

    @property
    def situation(self) -> Situation:
        waits = self.status is IncidentStatus.TRIGGERED
        return Situation(
            declared_at=self.started_at,
            acknowledged_at=None if waits else self.taken_at,
            active_at=self.active_at,
            holders=tuple(self.joined),
            mitigated_at=self.mitigated_at,
            resolved_at=self.resolved_at,
        )

    @property
    def is_open(self) -> bool:
        return self.status in OPEN_STATUSES


@dataclass(frozen=True, slots=True, kw_only=True)
class DueStep:
    incident: str
    wake_at: datetime
    is_pending: bool = True

    @property
    def key(self) -> str:
        return self.incident


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFiring:
    incident: str
    step_key: str
    contacts_people: bool
    stop_on: StopOn
    reason: FiringReason
    due_at: datetime
    fired_at: datetime
    is_late: bool
    acts: bool
    #: Keys of the people it reaches.
    told: tuple[str, ...]

    @property
    def key(self) -> str:
        return f"{self.incident}/{self.step_key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    #: In the order of insertion.
    number: int
    incident: str
    step_key: str
    verb: str
    stop_on: StopOn
    contact_key: str
    recipient: str
    channel: str
    address: str
    idempotency_key: str
    created_at: datetime
    #: Not before this instant of the plan's time.
    due_at: datetime
    next_attempt_at: datetime
    is_urgent: bool
    is_copy: bool = False
    is_late: bool = False
    is_follow_up: bool = False
    #: Contact methods not tried yet: channel and address.
    next_methods: tuple[tuple[str, str], ...] = ()
    state: NotificationState = NotificationState.WAITING
    attempts: int = 0
    lease_until: datetime | None = None
    may_be_duplicate: bool = False

    @property
    def key(self) -> str:
        return self.idempotency_key

    @property
    def wake_at(self) -> datetime:
        """When something must be done about an open one."""
        return self.lease_until or max(self.next_attempt_at, self.due_at)

    @property
    def page(self) -> tuple[str, str, str, str]:
        """What it is about, whatever its key says (I5)."""
        who = self.contact_key or self.recipient
        return (self.incident, self.step_key, who, self.channel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    notification: str
    number: int
    node: str
    started_at: datetime
    finished_at: datetime | None = None
    outcome: Outcome | None = None

    @property
    def key(self) -> str:
        return f"{self.notification}#{self.number}"
