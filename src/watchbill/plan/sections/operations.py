"""Operations: monitoring, maintenance and changes as they are written (S4, S5).

Every key that stands for a decision has that decision as its default; a plan that
says nothing of a section has no rows in it.
"""

from datetime import timedelta
from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from watchbill.core.changes import WorkTime
from watchbill.core.maintenance import Impact, OverlapRule
from watchbill.plan.phrases import (
    LimitText,
    RepeatsText,
    Sigma,
    Unit,
    Url,
    Weeks,
)
from watchbill.plan.sections.alerting import WatchdogEntry
from watchbill.plan.sections.entry import Entry, Keys, Texts
from watchbill.plan.values import (
    ChannelKey,
    Day,
    Days,
    Duration,
    Key,
    OneOrMore,
    Text,
    Truth,
    WallTime,
)


class ToolEntry(Entry):
    """A row of the monitoring stack (S4.1)."""

    title: Text
    tool: Text
    purpose: Text
    dashboard: Url | None = None


class GradedSeverityEntry(Entry):
    """What each grade of a metric creates; nothing where it says nothing (A12)."""

    warning: Key | None = None
    critical: Key | None = None


class GradedTimeEntry(Entry):
    """How long a threshold must be crossed before the grade holds."""

    warning: Duration = timedelta(minutes=15)
    critical: Duration = timedelta(minutes=5)


class MetricEntry(Entry):
    """A row of the key metrics (S4.2)."""

    title: Text
    group: Text
    unit: Text = "%"
    warning: LimitText
    critical: LimitText
    channel: ChannelKey
    #: The name of its alerts; without it, the key in CamelCase.
    alert: Text | None = None
    #: Its value in PromQL, in its unit; of a drop, a counter of the events. Without it,
    #: a series that bears its key, such as plan:cpu_usage (S4.2-21).
    query: Text | None = None
    #: The tool whose dashboard its alerts link; the first that has one otherwise.
    tool: Key | None = None
    #: The runbook that its alerts link (S4.2-24).
    runbook: Key | None = None
    #: The route of its alerts, which they name in the label ``alert_type``.
    type: Key | None = None
    creates: GradedSeverityEntry = Field(default_factory=GradedSeverityEntry)
    for_: GradedTimeEntry = Field(default_factory=GradedTimeEntry, alias="for")
    #: A metric that hovers at its threshold does not clear sooner (S4.2-26).
    hold_down: Duration = timedelta(minutes=5)
    baseline: Weeks | None = None
    guard: Sigma | None = None
    stretches: Annotated[tuple[Duration, ...], OneOrMore] = ()
    #: Which failures count, and which are the user's own (A14).
    counts: Texts = ()
    ignores: Texts = ()
    why: Texts = ()


class MonitoringEntry(Entry):
    """What is watched, with which tools, and from where on it is trouble (S4)."""

    tools: dict[Key, ToolEntry] = Field(default_factory=dict)
    silence_after: Duration = timedelta(minutes=5)
    silence_creates: Key = "P2"
    #: null: no alert is a sign of life of the monitoring.
    watchdog: WatchdogEntry | None = WatchdogEntry()
    #: Metrics are posted where the table says, and create nothing (A12).
    follow_channel_only: Truth = False
    metrics: dict[Key, MetricEntry] = Field(default_factory=dict)


class WindowEntry(Entry):
    """A row of the maintenance windows (S5.1)."""

    title: Text
    repeats: RepeatsText
    days: Days | None = None
    first: Day | None = None
    from_: WallTime = Field(alias="from")
    to: WallTime
    duration: Duration
    impact: Impact
    heartbeat_grace: Duration | None = None
    components: Keys = ()
    change: Key | None = None
    why: Texts = ()

    @model_validator(mode="after")
    def _can_be_counted(self) -> Self:
        if not timedelta(0) < self.duration <= timedelta(days=1):
            _refuse("a window lasts up to a day", "Write duration: 2h.")
        if self.days and self.repeats.unit in {Unit.DAY, Unit.MONTH}:
            _refuse("the days are those of repeats", "Leave out days.")
        if self.first and self.repeats.unit in {Unit.DAY, Unit.NEED}:
            _refuse("it has no first day to count from", "Leave out first.")
        if self.repeats.every > 1 and self.first is None:
            message = f"every {self.repeats.every} {self.repeats.unit}s from when on?"
            _refuse(message, "Write first: 2026-02-08.")
        has_days = bool(self.days or self.repeats.days)
        if self.repeats.unit is Unit.NEED and not has_days:
            _refuse("as needed, but on which days?", "Write days: sun.")
        if self.repeats.unit is Unit.WEEK and not (has_days or self.first):
            _refuse("each week, but on which days?", "Write days: sun.")
        if self.days and self.repeats.days and self.days != self.repeats.days:
            _refuse("the days differ from those of repeats", "Leave out days.")
        return self


def _refuse(message: str, hint: str) -> None:
    raise PydanticCustomError("unreadable", "", {"message": message, "hint": hint})


class ChecklistEntry(Entry):
    """A step before or after the work (S5.2)."""

    step: Text
    id: Key | None = None
    #: The system does it at its time (S5.2-17).
    automatic: Truth = False
    optional: Truth = False
    why: Texts = ()


class MaintenanceEntry(Entry):
    """Planned quiet: when, what before and after, and who gives way (S5)."""

    notice: Duration = timedelta(hours=48)
    #: Who may waive the notice of an emergency, with a reason (A26).
    notice_waived_by: Keys = ()
    overlap: OverlapRule = OverlapRule.SHIFT
    #: The most important first.
    priority: Keys = ()
    windows: dict[Key, WindowEntry] = Field(default_factory=dict, max_length=50)
    before: tuple[ChecklistEntry, ...] = ()
    after: tuple[ChecklistEntry, ...] = ()


class DeputyEntry(Entry):
    """Who may approve an urgent change when nobody answers (A28)."""

    who: Key
    after: Duration = timedelta(minutes=15)


class ApprovalEntry(Entry):
    """How approvals count (A9, A28)."""

    distinct_people: Truth = True
    requester_may_approve: Truth = False
    fallback: DeputyEntry | None = None
    break_glass_within: Duration = timedelta(hours=24)


class FreezeEntry(Entry):
    """Days on which only urgent changes are made; both are included."""

    title: Text
    from_: Day = Field(alias="from")
    to: Day

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.to < self.from_:
            _refuse("the freeze ends before it begins", "Write from before to.")
        return self


class ChangeTypeEntry(Entry):
    """A row of the change table (S5.3)."""

    title: Text
    approvals: Annotated[Keys, Field(min_length=1)]
    testing: Key
    window: WorkTime
    why: Texts = ()


_MINIMAL = ("ci_green", "review", "staging_smoke")


def _test_levels() -> dict[str, tuple[str, ...]]:
    return {
        "minimal": _MINIMAL,
        "staging": ("staging_deploy", "staging_smoke"),
        "full": (*_MINIMAL, "regression", "integration", "acceptance_signoff"),
    }


class ChangesEntry(Entry):
    """What is changed how: approvals, tests, times (S5.3)."""

    #: The gates of each level of testing (A8).
    test_levels: dict[Key, Annotated[Keys, Field(min_length=1)]] = Field(
        default_factory=_test_levels
    )
    approval: ApprovalEntry = Field(default_factory=ApprovalEntry)
    freezes: tuple[FreezeEntry, ...] = ()
    types: dict[Key, ChangeTypeEntry] = Field(default_factory=dict)
