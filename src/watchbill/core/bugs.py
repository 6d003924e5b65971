"""Bugs: the cause that remains after service is restored, and its hotfix.

An incident and its bug have a clock each (A5). The incident's runs until service is
restored, by a rollback if need be; the bug's until the permanent fix is verified in
production. So an outage may be over after 50 minutes while its bug has four hours.

"Next sprint" is a date (A36): the promise is kept when the fix is verified before
the end of the sprint that follows the one of the report. News that is due "at the
sprint review" is due at the end of the sprint in which the last news fell.

A hotfix goes through *phases*. The first ones are read on the clock that started
with the detection ("by 4 hours"), the later ones last so long from their own
beginning ("30 minutes to 1 hour"), and the last one is a watch over the fixed
system, which the target no longer counts (A7). The two kinds add up to more than the
target when every phase takes as long as it may. So the *latest safe end* of the last
phase on the clock is computed from what must still follow, once as if all of that
took its longest and once its shortest; people are warned at both.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from watchbill.core.temporal import Interval, at_wall


class Disposition(StrEnum):
    """Where the work on a bug goes (S6.1)."""

    HOTFIX = "hotfix"
    SPRINT = "sprint"
    BACKLOG = "backlog"


@dataclass(frozen=True, slots=True, kw_only=True)
class BugLevel:
    """How bad a bug is, and what that promises (S6.1, S6.3)."""

    key: str
    title: str
    #: The severity of the incident that the bug causes.
    severity: str
    #: Within which time of the triage the disposition begins.
    act_within: timedelta
    disposition: Disposition
    #: Within which time of the report a developer answers.
    response: timedelta
    #: Within which time of the report the fix is verified; None: by the next sprint.
    fix: timedelta | None
    #: How often reporters hear of it; None: at the sprint review.
    communicate: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sprint:
    """One sprint, counted from 1."""

    number: int
    #: From 00:00 of its first day to 00:00 of the next sprint's.
    during: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class SprintCalendar:
    """Sprints of equal length, one after the other (S6.3-15)."""

    first_day: date
    days: int
    zone: ZoneInfo

    def __post_init__(self) -> None:
        if self.days < 1:
            message = f"a sprint lasts at least one day, not {self.days}"
            raise ValueError(message)

    def sprint(self, number: int) -> Sprint:
        """Return a sprint by its number; 0 and less lie before the first."""
        starts_on = self.first_day + timedelta(days=(number - 1) * self.days)
        ends_on = starts_on + timedelta(days=self.days)
        during = Interval(
            starts_at=at_wall(starts_on, time(0), self.zone),
            ends_at=at_wall(ends_on, time(0), self.zone),
        )
        return Sprint(number=number, during=during)

    def sprint_at(self, at: datetime) -> Sprint:
        """Return the sprint that contains an instant."""
        day = at.astimezone(self.zone).date()
        return self.sprint((day - self.first_day).days // self.days + 1)

    def next_sprint(self, at: datetime) -> Sprint:
        """Return what "next sprint" means at an instant; at the earliest the first."""
        return self.sprint(max(self.sprint_at(at).number + 1, 1))


def fix_due_at(
    level: BugLevel, sprints: SprintCalendar | None, *, reported_at: datetime
) -> datetime | None:
    """Return when the fix must be verified in production (S6.3-14).

    None when it is due with the next sprint and there is no calendar of sprints;
    the check of the plan reports that.
    """
    if level.fix is not None:
        return reported_at + level.fix
    return None if sprints is None else sprints.next_sprint(reported_at).during.ends_at


def update_due_at(
    level: BugLevel, sprints: SprintCalendar | None, *, told_at: datetime
) -> datetime | None:
    """Return when reporters must hear again, after they last did (S6.3-13).

    None as for :func:`fix_due_at`.
    """
    if level.communicate is not None:
        return told_at + level.communicate
    return None if sprints is None else sprints.sprint_at(told_at).during.ends_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Triage:
    """Who looks at a report first, and how soon (S6.1-01)."""

    who: str
    within: timedelta
    #: For what may be an outage: it jumps the queue (A37).
    suspected_p1_within: timedelta
    #: So many similar reports within that time are suspected to be an outage.
    spike: int
    spike_within: timedelta
    #: Words of a report by which an outage is suspected.
    keywords: frozenset[str]


def triage_due_at(
    triage: Triage, *, reported_at: datetime, is_suspected_p1: bool
) -> datetime:
    """Return by when a report must be triaged (S6.1-09, A37)."""
    within = triage.suspected_p1_within if is_suspected_p1 else triage.within
    return reported_at + within


def suspects_outage(triage: Triage, *, text: str, similar: int) -> bool:
    """Return whether a report may be an outage.

    ``similar`` counts the like reports, this one included, of the last
    ``spike_within``. Words are looked for anywhere: Burmese does not part them.
    """
    folded = text.casefold()
    named = any(word.casefold() in folded for word in triage.keywords)
    return named or similar >= triage.spike


class Bound(StrEnum):
    """How the times of a hotfix phase are read (A7)."""

    #: On the clock that started with the detection.
    ELAPSED = "elapsed"
    #: From the beginning of the phase.
    DURATION = "duration"
    #: From the beginning of the phase, and after the fix: the target is met before.
    WATCH = "watch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """One phase of a hotfix; none can be skipped (S6.2-07)."""

    key: str
    title: str
    bound: Bound
    at_least: timedelta
    at_most: timedelta
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hotfix:
    """The procedure of an urgent fix (S6.2)."""

    target: timedelta
    phases: tuple[Phase, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reckoning:
    """A time twice: if all that is still to come takes longest, and shortest."""

    worst: timedelta
    best: timedelta


def hotfix_total(hotfix: Hotfix) -> Reckoning:
    """Return how long after the detection the fix is in production."""
    clock = [one for one in hotfix.phases if one.bound is Bound.ELAPSED][-1:]
    after = _after_clock(hotfix)
    return Reckoning(
        worst=sum((one.at_most for one in (*clock, *after)), timedelta(0)),
        best=sum((one.at_least for one in (*clock, *after)), timedelta(0)),
    )


def latest_safe_end(hotfix: Hotfix) -> Reckoning:
    """Return when development, the last phase on the clock, must end (A7).

    Counted from the detection; negative when the phases that follow alone take
    longer than the target.
    """
    after = _after_clock(hotfix)
    return Reckoning(
        worst=hotfix.target - sum((one.at_most for one in after), timedelta(0)),
        best=hotfix.target - sum((one.at_least for one in after), timedelta(0)),
    )


def phase_due_at(
    phase: Phase, *, detected_at: datetime, entered_at: datetime
) -> datetime:
    """Return when a phase is late (S6.2-07)."""
    start = detected_at if phase.bound is Bound.ELAPSED else entered_at
    return start + phase.at_most


def _after_clock(hotfix: Hotfix) -> tuple[Phase, ...]:
    return tuple(one for one in hotfix.phases if one.bound is Bound.DURATION)
