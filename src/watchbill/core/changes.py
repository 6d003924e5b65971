"""Changes: when work on production may be scheduled, and when it may start.

A change type asks for the approval of some roles, for a level of testing, and for a
time. Two roles are two people (A9): one who holds both counts once, and nobody
approves his own change. What somebody said last counts; one rejection by somebody
who is asked blocks the change, and an edit voids whatever was said before it
(S5.3-06, S5.3-07).

Testing is a set of gates, and each must have passed (A8). Work of an ordinary type
lies wholly inside one maintenance window and outside every freeze; a type that may
run *anytime* is bound by neither (S5.3-08, S5.3-10). Such urgent work cannot wait
for a person who sleeps: after a while a deputy may approve in anybody's place, and
from then on the glass may be broken, for an approval within a day (A28).

:func:`decide` names every obstacle at once, so that a person is not sent back three
times, and says when to ask again.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from watchbill.core.temporal import Interval, describe


class WorkTime(StrEnum):
    """When changes of a type may be made."""

    ANYTIME = "anytime"
    MAINTENANCE = "maintenance"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeType:
    """One row of the table of changes (S5.3)."""

    key: str
    title: str
    #: The roles that must agree, all of them.
    approvals: tuple[str, ...]
    #: What must have passed, by the name of its gate.
    gates: tuple[str, ...]
    #: The plan's name for this set of gates, such as ``minimal``.
    testing: str
    work_time: WorkTime

    @property
    def is_urgent(self) -> bool:
        """Whether it may run anytime, also in a freeze, and need not wait long."""
        return self.work_time is WorkTime.ANYTIME


@dataclass(frozen=True, slots=True, kw_only=True)
class Deputy:
    """Who may approve an urgent change in anybody's place, after a while (A28)."""

    role: str
    after: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRules:
    """How approvals count (A9, A28)."""

    distinct_people: bool = True
    requester_may_approve: bool = False
    deputy: Deputy | None = None
    #: Within this time broken glass must be approved; None forbids breaking it.
    break_glass_within: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    """A time in which only urgent changes are made, such as Thingyan."""

    title: str
    during: Interval


class Ruling(StrEnum):
    """What an approver says."""

    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """What one person said about a change."""

    contact: str
    ruling: Ruling
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What the rules need to know of one change."""

    type: ChangeType
    requester: str
    requested_at: datetime
    #: When the work is to be done; None until it is scheduled.
    planned: Interval | None = None
    components: frozenset[str] = frozenset()
    #: In the order in which they were given.
    approvals: tuple[Approval, ...] = ()
    #: The last material edit; what was approved before it is void.
    edited_at: datetime | None = None
    passed_gates: frozenset[str] = frozenset()
    glass_broken_at: datetime | None = None


class ObstacleKind(StrEnum):
    """What stands between a change and its start."""

    NOT_SCHEDULED = "not_scheduled"
    OUTSIDE_WINDOW = "outside_window"
    FROZEN = "frozen"
    REJECTED = "rejected"
    NOT_APPROVED = "not_approved"
    NOT_TESTED = "not_tested"
    TOO_EARLY = "too_early"
    TOO_LATE = "too_late"


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    """One reason why a change may not start."""

    kind: ObstacleKind
    #: A sentence for the person who is refused.
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The answer of :func:`decide`."""

    obstacles: tuple[Obstacle, ...]
    #: When time alone may change the answer; None when only people can.
    ask_at: datetime | None = None
    #: Broken glass stands for the approval; it must be given by then.
    approve_by: datetime | None = None

    @property
    def may_start(self) -> bool:
        """Whether nothing stands in the way."""
        return not self.obstacles


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """The times that bind ordinary changes."""

    #: Maintenance as it is planned, windows that were called for included.
    windows: tuple[Interval, ...] = ()
    freezes: tuple[Freeze, ...] = ()


def decide(
    change: Change,
    rules: ApprovalRules,
    calendar: Calendar,
    holders: Mapping[str, Collection[str]],
    *,
    now: datetime,
) -> Decision:
    """Return whether work may start, every reason why not, and when to ask again.

    ``holders`` are the contacts who answer to each role of the rules.
    """
    approve_by = _approve_by(change, rules, now=now)
    approval = _approval_obstacles(change, rules, holders, now=now)
    if approve_by is not None:
        approval = tuple(
            one for one in approval if one.kind is not ObstacleKind.NOT_APPROVED
        )
    obstacles = (
        *schedule_obstacles(change.type, change.planned, calendar),
        *approval,
        *_untested(change),
        *_off_time(change, now=now),
    )
    missing = missing_approvals(change, rules, holders, now=now)
    return Decision(
        obstacles=obstacles,
        ask_at=_ask_at(change, rules, now=now),
        approve_by=approve_by if missing else None,
    )


def schedule_obstacles(
    change_type: ChangeType, planned: Interval | None, calendar: Calendar
) -> tuple[Obstacle, ...]:
    """Return why a change of this type cannot be planned for this time (S5.3-08)."""
    if change_type.is_urgent:
        return ()
    if planned is None:
        reason = f"{change_type.title} needs a maintenance window"
        return (Obstacle(kind=ObstacleKind.NOT_SCHEDULED, reason=reason),)
    found = []
    if not any(_is_inside(planned, window) for window in calendar.windows):
        reason = f"{change_type.title} must lie wholly inside one maintenance window"
        found.append(Obstacle(kind=ObstacleKind.OUTSIDE_WINDOW, reason=reason))
    for freeze in calendar.freezes:
        if freeze.during.overlaps(planned):
            reason = f"{freeze.title}: only urgent changes are made"
            found.append(Obstacle(kind=ObstacleKind.FROZEN, reason=reason))
    return tuple(found)


def missing_approvals(
    change: Change,
    rules: ApprovalRules,
    holders: Mapping[str, Collection[str]],
    *,
    now: datetime,
) -> tuple[str, ...]:
    """Return the roles whose approval is still missing, in the plan's order.

    Where people must be distinct, each stands for one role, chosen so that as few
    roles as possible are missing.
    """
    said_yes = [
        person
        for person, ruling in _rulings(change).items()
        if ruling is Ruling.APPROVED and _counts(person, change, rules)
    ]
    answers: dict[str, list[str]] = {}
    for role in change.type.approvals:
        asked = _asked(role, change, rules, holders, now=now)
        answers[role] = [one for one in said_yes if one in asked]
    if not rules.distinct_people:
        return tuple(role for role, people in answers.items() if not people)
    return _unmatched(answers)


def collides(one: Change, other: Change) -> bool:
    """Return whether two changes touch a component at the same time (S5.3-10)."""
    if one.planned is None or other.planned is None:
        return False
    together = not one.components.isdisjoint(other.components)
    return together and one.planned.overlaps(other.planned)


def deputy_at(change: Change, rules: ApprovalRules) -> datetime | None:
    """Return from when the deputy may approve; None for one that can wait."""
    if rules.deputy is None or not change.type.is_urgent:
        return None
    return change.requested_at + rules.deputy.after


def _approval_obstacles(
    change: Change,
    rules: ApprovalRules,
    holders: Mapping[str, Collection[str]],
    *,
    now: datetime,
) -> tuple[Obstacle, ...]:
    asked = {
        person
        for role in change.type.approvals
        for person in _asked(role, change, rules, holders, now=now)
    }
    rejections = tuple(
        Obstacle(kind=ObstacleKind.REJECTED, reason=f"{person} has rejected it")
        for person, ruling in _rulings(change).items()
        if ruling is Ruling.REJECTED and person in asked
    )
    missing = missing_approvals(change, rules, holders, now=now)
    return rejections + tuple(
        Obstacle(
            kind=ObstacleKind.NOT_APPROVED,
            reason=f"the approval of {role} is missing",
        )
        for role in missing
    )


def _rulings(change: Change) -> dict[str, Ruling]:
    """What each person said last, after the last edit."""
    return {
        one.contact: one.ruling
        for one in change.approvals
        if change.edited_at is None or one.at > change.edited_at
    }


def _counts(person: str, change: Change, rules: ApprovalRules) -> bool:
    return rules.requester_may_approve or person != change.requester


def _asked(
    role: str,
    change: Change,
    rules: ApprovalRules,
    holders: Mapping[str, Collection[str]],
    *,
    now: datetime,
) -> Collection[str]:
    """Who may approve for a role: its holders, and by now the deputy as well."""
    people = holders.get(role, ())
    deputy_from = deputy_at(change, rules)
    if rules.deputy is None or deputy_from is None or now < deputy_from:
        return people
    return {*people, *holders.get(rules.deputy.role, ())}


def _unmatched(answers: Mapping[str, list[str]]) -> tuple[str, ...]:
    """The roles left without a person of their own: augmenting paths, role by role."""
    stands_for: dict[str, str] = {}

    def place(role: str, tried: set[str]) -> bool:
        for person in answers[role]:
            if person in tried:
                continue
            tried.add(person)
            if person not in stands_for or place(stands_for[person], tried):
                stands_for[person] = role
                return True
        return False

    return tuple(role for role in answers if not place(role, set()))


def _untested(change: Change) -> tuple[Obstacle, ...]:
    return tuple(
        Obstacle(
            kind=ObstacleKind.NOT_TESTED,
            reason=f"{change.type.testing} testing needs {gate}",
        )
        for gate in change.type.gates
        if gate not in change.passed_gates
    )


def _off_time(change: Change, *, now: datetime) -> tuple[Obstacle, ...]:
    """Why an ordinary change may not start at this very minute."""
    planned = change.planned
    if change.type.is_urgent or planned is None or now in planned:
        return ()
    if now < planned.starts_at:
        reason = f"it begins in {describe(planned.starts_at - now)}"
        return (Obstacle(kind=ObstacleKind.TOO_EARLY, reason=reason),)
    reason = f"its time ended {describe(now - planned.ends_at)} ago"
    return (Obstacle(kind=ObstacleKind.TOO_LATE, reason=reason),)


def _approve_by(
    change: Change, rules: ApprovalRules, *, now: datetime
) -> datetime | None:
    """Until when broken glass must be approved; None while it does not count."""
    broken_at, within = change.glass_broken_at, rules.break_glass_within
    if broken_at is None or within is None or not change.type.is_urgent:
        return None
    allowed_from = deputy_at(change, rules) or change.requested_at
    return broken_at + within if allowed_from <= now else None


def _ask_at(change: Change, rules: ApprovalRules, *, now: datetime) -> datetime | None:
    """The next instant at which the answer may differ without anybody acting."""
    times = [deputy_at(change, rules)]
    if change.planned is not None and not change.type.is_urgent:
        times += [change.planned.starts_at, change.planned.ends_at]
    return min((one for one in times if one is not None and one > now), default=None)


def _is_inside(planned: Interval, window: Interval) -> bool:
    return window.starts_at <= planned.starts_at and planned.ends_at <= window.ends_at
