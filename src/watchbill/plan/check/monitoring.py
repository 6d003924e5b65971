"""Monitoring: thresholds in the right order, and metrics that mean what rules say."""

from collections.abc import Iterator

from watchbill.core.monitoring import Grade
from watchbill.core.routing import classify
from watchbill.plan.check.case import Case
from watchbill.plan.check.names import unknown_name
from watchbill.plan.check.shortlist import Shortlist
from watchbill.plan.findings import Code, Finding
from watchbill.plan.operations import Metric
from watchbill.plan.phrases import write_limit
from watchbill.plan.sections.operations import MetricEntry
from watchbill.plan.source import Path
from watchbill.plan.validate import did_you_mean

_GRADES = (Grade.WARNING, Grade.CRITICAL)


def check_monitoring(case: Case) -> Iterator[Finding]:
    """Yield what is wrong or wanting in the tools and the metrics."""
    yield from _tools(case)
    yield from _silence(case)
    routes = Shortlist(case.plan.routing)
    for key, entry in case.file.monitoring.metrics.items():
        path: Path = ("monitoring", "metrics", key)
        yield from _thresholds(case, path, entry)
        yield from _units(case, path, entry)
        yield from _turned(case, path, entry)
        yield from _names(case, path, entry)
        yield from _severities(case, routes, path, case.plan.monitoring.metrics[key])


def _tools(case: Case) -> Iterator[Finding]:
    for key, tool in case.file.monitoring.tools.items():
        if tool.dashboard is None:
            message = f"{tool.tool} has no dashboard: an alert cannot lead there"
            path: Path = ("monitoring", "tools", key)
            yield case.at_key(
                Code.NO_DASHBOARD, path, message, "Write dashboard: https://..."
            )


def _silence(case: Case) -> Iterator[Finding]:
    entry = case.file.monitoring
    if "silence_creates" in entry.model_fields_set:
        path: Path = ("monitoring", "silence_creates")
        yield from _severity(case, path, entry.silence_creates)


def _severity(case: Case, path: Path, name: str) -> Iterator[Finding]:
    known = case.file.severities
    if name not in known:
        code = Code.UNKNOWN_SEVERITY
        yield unknown_name(case, code, path, "severity", name, known)


def _thresholds(case: Case, path: Path, entry: MetricEntry) -> Iterator[Finding]:
    """Report a warning that does not come before the critical threshold."""
    warning, critical = entry.warning.threshold, entry.critical.threshold
    if not warning.precedes(critical):
        message = (
            f"{entry.title} is critical at {_written(entry, Grade.CRITICAL)} before "
            f"it is a warning at {_written(entry, Grade.WARNING)}"
        )
        if warning.direction is not critical.direction:
            message = f"the thresholds of {entry.title} look to different sides"
        hint = "A value on its way must cross the warning first."
        yield case.at(Code.THRESHOLDS_CROSSED, (*path, "warning"), message, hint)


def _written(entry: MetricEntry, grade: Grade) -> str:
    limit = entry.warning if grade is Grade.WARNING else entry.critical
    return write_limit(limit.threshold, limit.unit)


def _units(case: Case, path: Path, entry: MetricEntry) -> Iterator[Finding]:
    for grade, limit in (
        (Grade.WARNING, entry.warning),
        (Grade.CRITICAL, entry.critical),
    ):
        if limit.unit != entry.unit:
            written = limit.unit or "no unit"
            message = f"{entry.title} is in {entry.unit}, its {grade} is in {written}"
            hint = f"Write unit: {limit.unit}" if limit.unit else "Write the unit."
            yield case.at(Code.OTHER_UNIT, (*path, grade.value), message, hint)


def _turned(case: Case, path: Path, entry: MetricEntry) -> Iterator[Finding]:
    """Remark that "< 5% drop" was not taken at its word (A13)."""
    for grade, limit in (
        (Grade.WARNING, entry.warning),
        (Grade.CRITICAL, entry.critical),
    ):
        if limit.is_turned:
            read = write_limit(limit.threshold, limit.unit)
            message = f"{entry.title}: a drop below the threshold is no {grade}"
            hint = f'It is read as "{read}" (A13); write that.'
            yield case.at(Code.DROP_TURNED, (*path, grade.value), message, hint)


def _names(case: Case, path: Path, entry: MetricEntry) -> Iterator[Finding]:
    channels, routes = case.file.channels, case.file.alerts.routes
    if entry.channel not in channels:
        message = f'the channel "{entry.channel}" is used but not declared'
        hint = did_you_mean(entry.channel, list(channels))
        yield case.at(Code.UNKNOWN_CHANNEL, (*path, "channel"), message, hint)
    if entry.type is not None and entry.type not in routes:
        code, where = Code.UNKNOWN_ROUTE, (*path, "type")
        yield unknown_name(case, code, where, "route", entry.type, routes)
    for place, what, known in (
        ("tool", "tool", case.file.monitoring.tools),
        ("runbook", "runbook", case.file.runbooks),
    ):
        named = getattr(entry, place)
        if named is not None and named not in known:
            code, where = Code.UNKNOWN_LINK, (*path, place)
            yield unknown_name(case, code, where, what, named, known)
    for grade in _GRADES:
        created = getattr(entry.creates, grade.value)
        if created is not None:
            yield from _severity(case, (*path, "creates", grade.value), created)


def _severities(
    case: Case, routes: Shortlist, path: Path, metric: Metric
) -> Iterator[Finding]:
    """Report that the rules for alerts say otherwise of a metric's alert (A12)."""
    alerts = case.file.alerts
    if (
        case.plan.monitoring.follow_channel_only
        or alerts.catch_all not in alerts.routes
    ):
        return
    for grade, created in metric.creates.items():
        if created not in case.file.severities:
            continue
        labels = metric.labels(grade)
        found = classify(routes.table(labels), labels)
        if found.severity != created:
            message = (
                f"{metric.title}, {grade}, creates {created}, and alerts.severity "
                f"makes its alert {found.severity}"
            )
            hint = f"That is {found.reason}."
            where = (*path, "creates", grade.value)
            yield case.at(Code.OTHER_SEVERITY, where, message, hint)
        elif metric.type is not None and found.route.key != metric.type:
            message = (
                f"{metric.title} is of the type {metric.type}, and its alert takes "
                f"the route {found.route.key}"
            )
            hint = f'Add "- {{alert_type: {metric.type}}}" to its conditions.'
            yield case.at(Code.OTHER_SEVERITY, (*path, "type"), message, hint)
