"""Who: who would get an alert now, without sending anything (S4.3-09).

The answer is made of the very functions that sort, mute and escalate a real alert,
asked for the same instant and the same facts. It has two parts that are kept apart:
what would become of the alert as things stand, and whom an incident of its own would
reach. An alert that is muted tells nobody now, and whoever asks wants to know both.

Nothing is remembered: neither flips nor times of earlier signals count, as the alert
that is asked about has never come.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from watchbill.core.heartbeats import is_watchdog
from watchbill.core.labels import Labels
from watchbill.core.maintenance import Occurrence
from watchbill.core.roster import Roster
from watchbill.core.routing import Classification
from watchbill.core.severity import worst
from watchbill.core.storms import is_storm, storm_key
from watchbill.core.suppression import Firing, Mute, Silence, explaining, mutes
from watchbill.core.temporal import describe
from watchbill.plan.model import Plan
from watchbill.plan.simulate import Line, follow, suppose
from watchbill.plan.sorting import sort

FIRST_HOUR = timedelta(hours=1)


class Becomes(StrEnum):
    """What becomes of an alert."""

    #: The monitoring says that it lives; it is no alert at all.
    SIGN_OF_LIFE = "sign_of_life"
    #: It is recorded, and nobody is told while a mute lasts.
    MUTED = "muted"
    #: It joins an incident that is open, which goes its way.
    JOINED = "joined"
    #: Too many of its severity came; it joins the incident that these share.
    STORM = "storm"
    #: It gets an incident of its own.
    DECLARED = "declared"


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What holds at the instant for which it is asked."""

    #: With overrides, and whom no channel reaches; None for the plan's own.
    roster: Roster | None = None
    silences: Sequence[Silence] = ()
    #: None when no other alert fires.
    firing: Firing | None = None
    #: None for the windows that the plan's calendar names.
    windows: Sequence[Occurrence] | None = None
    #: The open incidents of groups, by group key, as a person would call them.
    open_groups: Mapping[str, str] = field(default_factory=dict)
    #: By severity, when new groups of alerts came of late.
    declared: Mapping[str, Sequence[datetime]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class WhoGets:
    """What would become of an alert, and whom an incident of it reaches."""

    becomes: Becomes
    #: One sentence that says why it becomes that.
    reason: str
    classification: Classification
    #: Everything that holds back its pages, also where it would join an incident.
    mutes: tuple[Mute, ...]
    #: The open incident that it would join, muted or not; None for none.
    joins: str | None
    #: Whom an incident of its own would reach within the time asked for.
    lines: tuple[Line, ...]


def who_gets(
    plan: Plan,
    labels: Labels,
    *,
    now: datetime,
    given: Circumstances,
    source: str = "",
    within: timedelta = FIRST_HOUR,
) -> WhoGets:
    """Return what would become of an alert with these labels, and who hears of it.

    ``source`` is where it would come from: a silence may be of the alerts of one
    source alone, as those are that its key made.
    """
    found = sort(plan, labels)
    muted = _mutes(plan, labels, given, found, source=source, at=now)
    joins = given.open_groups.get(found.group_key)
    becomes, reason = _becomes(plan, labels, given, found, muted, now=now)
    incident = suppose(plan, declared_at=now, labels=labels)
    return WhoGets(
        becomes=becomes,
        reason=reason,
        classification=found,
        mutes=muted,
        joins=joins,
        lines=follow(plan, incident, until=now + within, roster=given.roster),
    )


def _mutes(
    plan: Plan,
    labels: Labels,
    given: Circumstances,
    found: Classification,
    *,
    source: str,
    at: datetime,
) -> tuple[Mute, ...]:
    rules = plan.alerting.inhibit
    open_windows: Iterable[Occurrence] = (
        plan.maintenance.open_at(at) if given.windows is None else given.windows
    )
    return mutes(
        labels,
        # The alert that is asked about has no key of its own yet.
        key="",
        source=source,
        silences=given.silences,
        rules=rules,
        firing=given.firing or Firing(rules),
        windows=explaining(
            open_windows,
            is_worst=found.severity == worst(plan.severities).key,
            is_confidential=found.is_confidential,
        ),
        at=at,
    )


def _becomes(
    plan: Plan,
    labels: Labels,
    given: Circumstances,
    found: Classification,
    muted: tuple[Mute, ...],
    *,
    now: datetime,
) -> tuple[Becomes, str]:
    rule = plan.alerting.storm
    severity = found.severity
    if is_watchdog(plan.alerting.watchdog, labels):
        return Becomes.SIGN_OF_LIFE, (
            "it is the sign of life of the monitoring: its absence for "
            f"{describe(plan.alerting.silence_after)} opens an incident"
        )
    if muted:
        return Becomes.MUTED, f"nobody is told: {muted[0].text}"
    if joins := given.open_groups.get(found.group_key):
        return Becomes.JOINED, f"{joins} is open for the same group of alerts"
    lately = given.declared.get(severity, ())
    if rule and not found.is_apart and is_storm(lately, at=now, rule=rule):
        key = storm_key(severity, found.route.key)
        shared = given.open_groups.get(key, "one incident of their route")
        return Becomes.STORM, (
            f"more than {rule.incidents} new groups of {severity} came within "
            f"{describe(rule.within)}: further ones share {shared}"
        )
    return Becomes.DECLARED, "no incident is open for its group of alerts"
