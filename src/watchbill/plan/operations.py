"""Operations: how a plan is watched, maintained and changed, as values (S4, S5).

What the book decides on, such as a window or a change type, is a value of the book;
what is only shown or posted stands beside it here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from watchbill.core.changes import ApprovalRules, ChangeType, Deputy, Freeze
from watchbill.core.labels import Labels
from watchbill.core.maintenance import (
    AsNeeded,
    Daily,
    Monthly,
    Occurrence,
    OverlapRule,
    Recurrence,
    Weekly,
    Window,
    occurrences,
)
from watchbill.core.monitoring import Baseline, Direction, Grade, MetricRule
from watchbill.core.temporal import Interval, at_wall
from watchbill.plan.phrases import Unit
from watchbill.plan.sections import operations as schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A row of the monitoring stack (S4.1)."""

    key: str
    #: What it is for, such as ``Metrics``; the *component* of the plan's table.
    title: str
    #: Its name, such as ``Prometheus``.
    tool: str
    purpose: str
    dashboard: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A row of the key metrics (S4.2)."""

    rule: MetricRule
    group: str
    unit: str
    #: Where it is posted, which is not what it creates (A12).
    channel: str
    alert: str
    #: Its value in PromQL; of a drop, a counter.
    query: str
    #: The keys of the tool and the runbook that its alerts link.
    tool: str | None
    runbook: str | None
    #: The key of the route of its alerts; None leaves it to the conditions.
    type: str | None
    #: The severity of the incident that a grade creates; absent creates none.
    creates: Mapping[Grade, str]
    #: How long the threshold must be crossed.
    hold: Mapping[Grade, timedelta]
    hold_down: timedelta
    counts: tuple[str, ...]
    ignores: tuple[str, ...]
    origin: tuple[str, ...]

    @property
    def key(self) -> str:
        """The name of the metric in the plan."""
        return self.rule.key

    @property
    def title(self) -> str:
        """The name of the metric in its table."""
        return self.rule.title

    def labels(self, grade: Grade) -> Labels:
        """Return the labels of the alert of a grade."""
        typed = {} if self.type is None else {"alert_type": self.type}
        return {"alertname": self.alert, "severity": grade.value, **typed}


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitoring:
    """What is watched, and from where on it is trouble."""

    tools: Mapping[str, Tool]
    metrics: Mapping[str, Metric]
    #: Without a heartbeat for so long the monitoring itself is down (S4.1-12).
    silence_after: timedelta
    silence_creates: str
    follow_channel_only: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ChecklistStep:
    """A step before or after maintenance (S5.2)."""

    key: str
    text: str
    is_automatic: bool
    is_optional: bool
    origin: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintenance:
    """Planned quiet: when, what before and after, and who gives way."""

    #: In the plan's order.
    windows: tuple[Window, ...]
    notice: timedelta
    #: Roles that may waive the notice of an emergency (A26).
    notice_waived_by: tuple[str, ...]
    overlap: OverlapRule
    #: Keys of windows, the most important first; the others follow.
    priority: tuple[str, ...]
    before: tuple[ChecklistStep, ...]
    after: tuple[ChecklistStep, ...]

    def window(self, key: str) -> Window:
        """Return the window with this key; LookupError when there is none."""
        for window in self.windows:
            if window.key == key:
                return window
        message = f"the plan has no maintenance window {key!r}"
        raise LookupError(message)

    def open_at(self, at: datetime) -> tuple[Occurrence, ...]:
        """Return the occurrences during which an instant lies, in the plan's order."""
        return self.open_between(at, at)

    def open_between(self, first: datetime, last: datetime) -> tuple[Occurrence, ...]:
        """Return the occurrences that are open at any instant up to the last."""
        during = Interval(starts_at=first, ends_at=last + timedelta.resolution)
        return tuple(
            one for window in self.windows for one in occurrences(window, during=during)
        )

    def by_priority(self) -> tuple[Window, ...]:
        """Return the windows, the most important first."""
        ranks = {key: rank for rank, key in enumerate(self.priority)}
        return tuple(
            sorted(self.windows, key=lambda one: ranks.get(one.key, len(ranks)))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What is changed how: approvals, tests, times (S5.3)."""

    types: Mapping[str, ChangeType]
    #: The gates of each level of testing.
    test_levels: Mapping[str, tuple[str, ...]]
    approval: ApprovalRules
    freezes: tuple[Freeze, ...]


def build_monitoring(entry: schema.MonitoringEntry) -> Monitoring:
    """Return the monitoring that a plan describes."""
    return Monitoring(
        tools={
            key: Tool(
                key=key,
                title=tool.title,
                tool=tool.tool,
                purpose=tool.purpose,
                dashboard=tool.dashboard,
            )
            for key, tool in entry.tools.items()
        },
        metrics={key: _metric(key, metric) for key, metric in entry.metrics.items()},
        silence_after=entry.silence_after,
        silence_creates=entry.silence_creates,
        follow_channel_only=entry.follow_channel_only,
    )


def _metric(key: str, entry: schema.MetricEntry) -> Metric:
    created = {
        Grade.WARNING: entry.creates.warning,
        Grade.CRITICAL: entry.creates.critical,
    }
    return Metric(
        rule=MetricRule(
            key=key,
            title=entry.title,
            warning=entry.warning.threshold,
            critical=entry.critical.threshold,
            baseline=_baseline(entry),
        ),
        group=entry.group,
        unit=entry.unit,
        channel=entry.channel,
        alert=entry.alert or _camel_case(key),
        query=entry.query or f"plan:{key.replace('-', '_')}",
        tool=entry.tool,
        runbook=entry.runbook,
        type=entry.type,
        creates={grade: name for grade, name in created.items() if name is not None},
        hold={
            Grade.WARNING: entry.for_.warning,
            Grade.CRITICAL: entry.for_.critical,
        },
        hold_down=entry.hold_down,
        counts=entry.counts,
        ignores=entry.ignores,
        origin=entry.why,
    )


def _baseline(entry: schema.MetricEntry) -> Baseline | None:
    limits = (entry.warning.threshold, entry.critical.threshold)
    if all(one.direction is not Direction.DROP for one in limits):
        return None
    usual = Baseline()
    return Baseline(
        weeks=entry.baseline or usual.weeks,
        sigma=entry.guard or usual.sigma,
        stretches=tuple(sorted(entry.stretches)) or usual.stretches,
    )


def _camel_case(key: str) -> str:
    words = key.replace("-", "_").split("_")
    return "".join(word[:1].upper() + word[1:] for word in words)


def build_maintenance(entry: schema.MaintenanceEntry, zone: ZoneInfo) -> Maintenance:
    """Return the maintenance that a plan describes."""
    return Maintenance(
        windows=tuple(
            _window(key, window, zone) for key, window in entry.windows.items()
        ),
        notice=entry.notice,
        notice_waived_by=entry.notice_waived_by,
        overlap=entry.overlap,
        priority=entry.priority,
        before=tuple(_checklist_step(step) for step in entry.before),
        after=tuple(_checklist_step(step) for step in entry.after),
    )


def _window(key: str, entry: schema.WindowEntry, zone: ZoneInfo) -> Window:
    return Window(
        key=key,
        title=entry.title,
        repeats=recurrence(entry),
        starts=entry.from_,
        duration=entry.duration,
        zone=zone,
        impact=entry.impact,
        heartbeat_grace=entry.heartbeat_grace,
        change_type=entry.change,
        components=frozenset(entry.components),
    )


def recurrence(entry: schema.WindowEntry) -> Recurrence:
    """Return the days of a window; its first day fixes what is left unsaid."""
    repeats = entry.repeats
    days = repeats.days or entry.days
    match repeats.unit:
        case Unit.DAY:
            return Daily()
        case Unit.NEED:
            return AsNeeded(days=days or frozenset())
        case Unit.WEEK:
            if not days and entry.first is not None:
                days = frozenset({entry.first.weekday()})
            return Weekly(
                days=days or frozenset(), every=repeats.every, first_day=entry.first
            )
        case Unit.MONTH:
            return Monthly(
                weekday=min(repeats.days),
                nth=repeats.nth or 1,
                every=repeats.every,
                first_day=entry.first,
            )


def _checklist_step(entry: schema.ChecklistEntry) -> ChecklistStep:
    return ChecklistStep(
        key=entry.id or step_key(entry.step),
        text=entry.step,
        is_automatic=entry.automatic,
        is_optional=entry.optional,
        origin=entry.why,
    )


def step_key(text: str) -> str:
    """Return the key of a step that has none: its words, as in ``run_smoke_tests``."""
    words = "".join(char if char.isalnum() else " " for char in text.lower()).split()
    return "_".join(words)


def build_changes(entry: schema.ChangesEntry, zone: ZoneInfo) -> Changes:
    """Return the rules of change that a plan describes."""
    approval = entry.approval
    return Changes(
        types={
            key: ChangeType(
                key=key,
                title=one.title,
                approvals=tuple(dict.fromkeys(one.approvals)),
                gates=entry.test_levels.get(one.testing, ()),
                testing=one.testing,
                work_time=one.window,
            )
            for key, one in entry.types.items()
        },
        test_levels=entry.test_levels,
        approval=ApprovalRules(
            distinct_people=approval.distinct_people,
            requester_may_approve=approval.requester_may_approve,
            deputy=_deputy(approval.fallback),
            break_glass_within=approval.break_glass_within,
        ),
        freezes=tuple(_freezes(entry.freezes, zone)),
    )


def _deputy(entry: schema.DeputyEntry | None) -> Deputy | None:
    return None if entry is None else Deputy(role=entry.who, after=entry.after)


def _freezes(
    entries: tuple[schema.FreezeEntry, ...], zone: ZoneInfo
) -> Iterator[Freeze]:
    for entry in entries:
        starts_at = at_wall(entry.from_, time(0), zone)
        ends_at = at_wall(entry.to + timedelta(days=1), time(0), zone)
        # A day that the zone left out of its calendar needs no freeze.
        if starts_at < ends_at:
            during = Interval(starts_at=starts_at, ends_at=ends_at)
            yield Freeze(title=entry.title, during=during)
