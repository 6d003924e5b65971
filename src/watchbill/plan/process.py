"""Process: how incidents are handled, how bugs are triaged, and the hotfix.

The promises of a severity beyond its two targets are its *handling*: what is done
first, at which hours its clocks run, what may pause them, and when a breach is
announced before it happens.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from zoneinfo import ZoneInfo

from watchbill.core.bugs import BugLevel, Hotfix, Phase, SprintCalendar, Triage
from watchbill.core.reviews import Within
from watchbill.core.team import Team
from watchbill.plan.rows import row
from watchbill.plan.sections.entry import Entry
from watchbill.plan.sections.process import (
    BugsEntry,
    Clock,
    Fulfilment,
    HotfixEntry,
    IncidentsEntry,
    OnUpgrade,
    Pause,
    TeamEntry,
)

_DAY = timedelta(days=1)
_LAST_CALL = timedelta(minutes=5)
_TOO_SHORT_FOR_IT = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Handling:
    """What a severity asks for beyond its targets (S3.1)."""

    #: In the order of the plan.
    actions: tuple[str, ...] = ()
    clock: Clock = Clock.ALL_HOURS
    #: What the resolution clock may wait for.
    pause: tuple[Pause, ...] = ()
    #: Shares of a target at which a breach is announced.
    warn_at: tuple[float, ...] = (0.75, 0.9)
    #: When people meet about the post-mortem; None when they need not.
    postmortem_review: Within | None = None
    fulfilled_by: Fulfilment = Fulfilment.RESOLVED


def warnings_before(handling: Handling, target: timedelta) -> tuple[timedelta, ...]:
    """Return after which times a breach of the target is announced (S3.1-36).

    The last one leaves at least five minutes, where the target has fifteen.
    """
    latest = target if target < _TOO_SHORT_FOR_IT else target - _LAST_CALL
    times = (min(target * share, latest) for share in handling.warn_at)
    return tuple(sorted(set(times)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """Who hears of an incident by mail, and how often while it lasts (A31)."""

    who: tuple[str, ...]
    every: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutiveUpdate:
    """News for executives while an incident lasts too long (A34)."""

    after: timedelta
    every: timedelta
    #: Empty: whoever gets the digest, and else the fallback.
    who: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentRules:
    """How incidents are handled beyond their ladder."""

    first_page_within: timedelta
    first_update_within: timedelta
    ack_timeout: timedelta
    #: Empty: the worst severity.
    ack_timeout_for: frozenset[str]
    repeat_after: timedelta
    on_upgrade: OnUpgrade
    reopen_within: timedelta
    severity_proposed_by: tuple[str, ...]
    #: None when the plan names no team.
    team: Team | None
    #: Severities that activate it. Empty: the worst one.
    team_for: frozenset[str]
    #: By severity.
    digests: Mapping[str, Digest]
    #: How often owner and lead are told again of a missed target (A34).
    repeat_breach_every: timedelta
    #: By severity.
    executive_updates: Mapping[str, ExecutiveUpdate]
    #: After which time raising the severity is suggested, by severity.
    suggest_raise: Mapping[str, timedelta]
    #: Severities whose incidents are always major.
    always_major: frozenset[str]
    #: After which time an incident is major, by severity.
    major_after: Mapping[str, timedelta]

    def is_major(
        self, severity: str, *, lasted: timedelta, is_flagged: bool = False
    ) -> bool:
        """Return whether an incident is a major one (A49)."""
        limit = self.major_after.get(severity)
        too_long = limit is not None and lasted > limit
        return is_flagged or too_long or severity in self.always_major


@dataclass(frozen=True, slots=True, kw_only=True)
class Bugs:
    """How bugs are triaged, and what is promised for each level."""

    triage: Triage
    #: Worst first, by key.
    levels: Mapping[str, BugLevel]
    sprints: SprintCalendar | None

    def level_of(self, severity: str) -> BugLevel | None:
        """Return the level of the bugs that cause incidents of a severity."""
        levels = self.levels.values()
        return next((one for one in levels if one.severity == severity), None)


def build_handling(entries: Mapping[str, Entry]) -> dict[str, Handling]:
    """Return what each severity asks for beyond its targets."""
    names = [one.name for one in fields(Handling)]
    return {
        key: Handling(**{name: getattr(entry, name) for name in names})
        for key, entry in entries.items()
    }


def build_incident_rules(entry: IncidentsEntry) -> IncidentRules:
    """Return how incidents are handled."""
    return IncidentRules(
        first_page_within=entry.first_page_within,
        first_update_within=entry.first_update_within,
        ack_timeout=entry.ack_timeout,
        ack_timeout_for=frozenset(entry.ack_timeout_for),
        repeat_after=entry.repeat_after,
        on_upgrade=entry.on_upgrade,
        reopen_within=entry.reopen_within,
        severity_proposed_by=entry.severity_proposed_by,
        team=None if entry.team is None else _team(entry.team),
        team_for=frozenset(() if entry.team is None else entry.team.severities),
        digests={key: row(Digest, one) for key, one in entry.digest.items()},
        repeat_breach_every=entry.overdue.repeat_every,
        executive_updates={
            key: row(ExecutiveUpdate, one)
            for key, one in entry.overdue.executive_update.items()
        },
        suggest_raise=entry.overdue.suggest_raise,
        always_major=frozenset(entry.major.severities),
        major_after=entry.major.lasting,
    )


def _team(entry: TeamEntry) -> Team:
    return Team(**{one.name: getattr(entry, one.name) for one in fields(Team)})


def build_bugs(entry: BugsEntry, zone: ZoneInfo) -> Bugs:
    """Return how bugs are triaged and fixed."""
    words = (word for words in entry.triage.keywords.values() for word in words)
    return Bugs(
        triage=row(Triage, entry.triage, keywords=frozenset(words)),
        levels={
            key: row(BugLevel, level, key=key) for key, level in entry.levels.items()
        },
        sprints=None
        if entry.sprint is None
        else SprintCalendar(
            first_day=entry.sprint.first_day,
            # A sprint of less than a day is reported; it counts as one.
            days=max(entry.sprint.length // _DAY, 1),
            zone=zone,
        ),
    )


def build_hotfix(entry: HotfixEntry) -> Hotfix:
    """Return the procedure of an urgent fix."""
    return Hotfix(
        target=entry.target,
        phases=tuple(
            Phase(
                key=one.id,
                title=one.title,
                bound=one.bound,
                at_least=one.from_,
                at_most=one.to,
                steps=one.steps,
            )
            for one in entry.phases
        ),
    )
