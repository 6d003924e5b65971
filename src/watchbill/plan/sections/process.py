"""Process: how incidents are handled, how bugs are triaged, and the hotfix."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from watchbill.core.bugs import Bound, Disposition
from watchbill.plan.quantities import Count, Fix, News
from watchbill.plan.sections.entry import Entry, Keys, Texts
from watchbill.plan.values import Day, Duration, Key, TargetName, Text


class Clock(StrEnum):
    """At which hours a clock runs (A19)."""

    ALL_HOURS = "24x7"
    BUSINESS = "business"


class Pause(StrEnum):
    """What a resolution clock may wait for; the response clock never waits (A19)."""

    WAITING_ON_REPORTER = "waiting_on_reporter"
    WAITING_ON_VENDOR = "waiting_on_vendor"


class Fulfilment(StrEnum):
    """What meets the resolution target of a severity (A36)."""

    RESOLVED = "resolved"
    #: Accepting into the backlog, or declining with a reply, is enough.
    DISPOSED = "disposed"


class OnUpgrade(StrEnum):
    """What a worse severity does to the resolution clock (A3)."""

    RESTART = "restart"
    CARRY = "carry"


class TeamEntry(Entry):
    """Who is what in the incident response team (S3.1-06, A30)."""

    #: Incidents of these severities activate it; the worst one where it names none.
    severities: Keys = ()
    commander: TargetName
    #: Commands until the commander has come.
    acting_commander: TargetName | None = None
    operations: TargetName
    communications: TargetName
    #: Holds communications outside business hours.
    communications_after_hours: TargetName | None = None
    #: Approves what is said to customers.
    texts: TargetName
    #: The system's own timeline is the scribe when nobody is.
    scribe: TargetName | None = None
    experts: TargetName | None = None


class DigestEntry(Entry):
    """Who hears of a severity by mail, beside the channel (A31)."""

    who: Keys
    #: Between the declaration and the resolution.
    every: Duration


class OverdueEntry(Entry):
    """What a missed resolution target sets off (A34)."""

    #: The owner and the team lead are told again after this time.
    repeat_every: Duration = timedelta(days=1)
    #: Executives are told, from when and how often, by severity.
    executive_update: dict[Key, "ExecutiveUpdateEntry"] = Field(default_factory=dict)
    #: After which time raising the severity is suggested, by severity.
    suggest_raise: dict[Key, Duration] = Field(default_factory=dict)


class ExecutiveUpdateEntry(Entry):
    """News for executives while an incident lasts too long."""

    after: Duration
    every: Duration
    #: Without it, those who get the digest, and else the fallback.
    who: Keys = ()


class MajorEntry(Entry):
    """Which incidents are major (A49)."""

    #: Always.
    severities: Keys = ()
    #: When they last longer than this, by severity.
    lasting: dict[Key, Duration] = Field(default_factory=dict)


class IncidentsEntry(Entry):
    """How incidents are handled beyond their ladder."""

    #: After the declaration of an incident that pages at once (A4).
    first_page_within: Duration = timedelta(seconds=30)
    #: A person's first words on what is going on (A4).
    first_update_within: Duration = timedelta(minutes=10)
    #: An acknowledged incident without activity is paged again (A2).
    ack_timeout: Duration = timedelta(minutes=30)
    #: The severities that this is for; the worst one where it names none (A2).
    ack_timeout_for: Keys = ()
    #: While nobody acknowledges, everybody is paged again this long after the last
    #: step of the ladder, and then after twice the time (A2).
    repeat_after: Duration = timedelta(minutes=30)
    on_upgrade: OnUpgrade = OnUpgrade.RESTART
    #: Later, a new incident is opened and linked (A48).
    reopen_within: Duration = timedelta(hours=72)
    #: Who proposes a severity for what people report; the commander decides (A35).
    severity_proposed_by: Keys = ()
    team: TeamEntry | None = None
    digest: dict[Key, DigestEntry] = Field(default_factory=dict)
    overdue: OverdueEntry = OverdueEntry()
    major: MajorEntry = MajorEntry()


class TriageEntry(Entry):
    """Who looks at a reported bug first, and how soon (S6.1-01, A37)."""

    who: Key
    within: Duration = timedelta(minutes=30)
    #: For what may be an outage: it jumps the queue.
    suspected_p1_within: Duration = timedelta(minutes=5)
    #: So many similar reports are suspected to be an outage.
    spike: Count = 5
    #: Within this time.
    spike_within: Duration = timedelta(minutes=10)
    #: Words by which an outage is suspected, by language.
    keywords: dict[Key, Texts] = Field(default_factory=dict)


class BugLevelEntry(Entry):
    """One row of the triage and of the bug fix SLA (S6.1, S6.3)."""

    title: Text
    severity: Key
    act_within: Duration
    disposition: Disposition
    response: Duration
    fix: Fix
    communicate: News


class SprintEntry(Entry):
    """When sprints begin, so that "next sprint" is a date (S6.3-15, A36)."""

    first_day: Day
    length: Duration = timedelta(days=14)


class BugsEntry(Entry):
    """How bugs are triaged, and what is promised for each level (S6.1, S6.3)."""

    triage: TriageEntry
    levels: Annotated[dict[Key, BugLevelEntry], Field(min_length=1)]
    sprint: SprintEntry | None = None


class PhaseEntry(Entry):
    """One phase of a hotfix (S6.2)."""

    id: Key
    title: Text
    #: How its times are read (A7).
    bound: Bound
    from_: Duration = Field(alias="from")
    to: Duration
    steps: Annotated[Texts, Field(min_length=1)]


class HotfixEntry(Entry):
    """The procedure of an urgent fix (S6.2)."""

    #: From the detection to the verified fix in production.
    target: Duration
    phases: Annotated[tuple[PhaseEntry, ...], Field(min_length=1)]
