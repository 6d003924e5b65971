"""Names: every name in a plan leads to something, and to one thing only."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from watchbill.core.ladder import (
    ChannelTarget,
    DutyTarget,
    ExpertTarget,
    RoleTarget,
    Target,
    TurnTarget,
)
from watchbill.plan.check.case import Case
from watchbill.plan.check.oncall import written_layers
from watchbill.plan.findings import Code, Finding
from watchbill.plan.source import Path
from watchbill.plan.validate import did_you_mean

MAX_EXPANSION = 10_000
"""People a group may lead to, counted with repetition; more is a runaway."""

MAX_CHAIN = 20
"""Groups and aliases that may lead to one another in a row."""


def check_names(case: Case) -> Iterator[Finding]:
    """Yield every name that leads nowhere, in a circle, or to two things."""
    yield from _contacts(case)
    yield from _role_names(case)
    yield from _circles(case)
    yield from _schedules(case)
    yield from _targets(case)
    yield from _severities(case)
    yield from _routes(case)


def unknown_name(
    case: Case, code: Code, path: Path, what: str, name: str, known: Iterable[str]
) -> Finding:
    """Return the finding that a name leads to none of the things it may mean."""
    message = f'the plan has no {what} "{name}"'
    return case.at(code, path, message, did_you_mean(name, list(known)))


def check_role(case: Case, path: Path, name: str) -> Iterator[Finding]:
    """Yield a finding if no contact, alias, group or level has the name (S4.3-08)."""
    known = case.roles
    if name not in known:
        message = f'nobody answers to the role "{name}"'
        hint = did_you_mean(name, sorted(known)) or "Define it under aliases or groups."
        yield case.at(Code.UNKNOWN_ROLE, path, message, hint)


def _contacts(case: Case) -> Iterator[Finding]:
    seen: dict[str, int] = {}
    for place, entry in enumerate(case.file.contacts):
        path: Path = ("contacts", place)
        if entry.id in seen:
            line = case.document.span(("contacts", seen[entry.id], "id")).line
            message = f'two contacts have the id "{entry.id}"'
            hint = f"The first one stands in line {line}."
            yield case.at(Code.DUPLICATE_ID, (*path, "id"), message, hint)
        seen.setdefault(entry.id, place)
        if entry.level not in case.file.levels:
            yield unknown_name(
                case,
                Code.UNKNOWN_LEVEL,
                (*path, "level"),
                "level",
                entry.level,
                case.file.levels,
            )
        if entry.shift is not None and entry.shift not in case.file.shifts:
            yield unknown_name(
                case,
                Code.UNKNOWN_SHIFT,
                (*path, "shift"),
                "shift",
                entry.shift,
                case.file.shifts,
            )
    expert = case.file.default_expert
    if expert is not None and expert not in seen:
        path = ("default_expert",)
        yield unknown_name(case, Code.UNKNOWN_EXPERT, path, "contact", expert, seen)


def _role_names(case: Case) -> Iterator[Finding]:
    yield from check_role(case, ("plan", "owner"), case.file.plan.owner)
    for alias, role in case.file.aliases.items():
        yield from check_role(case, ("aliases", alias), role)
    for group, members in case.file.groups.items():
        for place, role in enumerate(members):
            yield from check_role(case, ("groups", group, place), role)
    yield from _ambiguous(case)


def _ambiguous(case: Case) -> Iterator[Finding]:
    """Report a level, alias or group whose name already means something else."""
    roles = {role for one in case.plan.directory.contacts for role in one.roles}
    meant = dict.fromkeys(roles, "a role")
    sections: tuple[tuple[str, str, Iterable[str]], ...] = (
        ("levels", "a level", case.file.levels),
        ("aliases", "an alias", case.file.aliases),
        ("groups", "a group", case.file.groups),
    )
    for section, kind, names in sections:
        for name in names:
            if name in meant:
                message = f'"{name}" is already {meant[name]} of this plan'
                hint = "Give one of them another name."
                yield case.at_key(Code.AMBIGUOUS_NAME, (section, name), message, hint)
            meant.setdefault(name, kind)


def _circles(case: Case) -> Iterator[Finding]:
    """Report aliases and groups that lead back to themselves, or far too far."""
    leads: dict[str, tuple[str, ...]] = {
        **{alias: (role,) for alias, role in case.file.aliases.items()},
        **case.plan.directory.groups,
    }
    for name in sorted(_on_circles(leads)):
        message = f'"{name}" leads back to itself'
        yield case.at_key(Code.ROLE_CYCLE, _where(case, name), message)
    for name in _runaways(leads):
        message = f'"{name}" leads through too many aliases and groups'
        hint = "List the people directly."
        yield case.at_key(Code.ROLE_CYCLE, _where(case, name), message, hint)


def _where(case: Case, name: str) -> Path:
    if name in case.file.groups:
        return ("groups", name)
    return ("aliases", name) if name in case.file.aliases else ("levels", name)


def _on_circles(leads: Mapping[str, tuple[str, ...]]) -> set[str]:
    """The names that lead to a circle and are led to by one."""
    inward = _without_ends(leads)
    outward: dict[str, list[str]] = {name: [] for name in inward}
    for name in inward:
        for to in inward & set(leads[name]):
            outward[to].append(name)
    return _without_ends(outward)


def _without_ends(leads: Mapping[str, Iterable[str]]) -> set[str]:
    """The names left when those that lead nowhere are taken away until none is."""
    left = {name: {to for to in tos if to in leads} for name, tos in leads.items()}
    led_by: dict[str, list[str]] = {name: [] for name in leads}
    for name, tos in left.items():
        for to in tos:
            led_by[to].append(name)
    ends = [name for name, tos in left.items() if not tos]
    while ends:
        end = ends.pop()
        for name in led_by[end]:
            left[name].discard(end)
            if not left[name]:
                ends.append(name)
    return {name for name, tos in left.items() if tos}


def _runaways(leads: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """The names whose expansion is too long or too large, innermost first."""
    size: dict[str, int] = {}
    depth: dict[str, int] = {}
    waiting = set(leads) - _on_circles(leads)
    while ready := {one for one in waiting if not waiting & set(leads[one])}:
        waiting -= ready
        for name in sorted(ready):
            size[name] = sum(size.get(to, 1) for to in leads[name])
            depth[name] = 1 + max((depth.get(to, 0) for to in leads[name]), default=0)
            if size[name] > MAX_EXPANSION or depth[name] > MAX_CHAIN:
                yield name
                return


def _schedules(case: Case) -> Iterator[Finding]:
    """Report members, shifts and specialties of a schedule that the plan lacks."""
    ids = [one.key for one in case.plan.directory.contacts]
    for path, entry in written_layers(case):
        for place, member in enumerate(entry.members or ()):
            if member not in ids:
                where = (*path, "members", place)
                code = Code.UNKNOWN_MEMBER
                yield unknown_name(case, code, where, "contact", member, ids)
        for place, hours in enumerate(entry.hours):
            if isinstance(hours, str) and hours not in case.file.shifts:
                where = (*path, "hours", place)
                known = case.file.shifts
                code = Code.UNKNOWN_SHIFT
                yield unknown_name(case, code, where, "shift", hours, known)
    for key, schedule in case.file.on_call.items():
        wanted, skills = schedule.specialty, case.plan.directory.specialties
        if wanted is not None and wanted not in skills:
            where = ("on_call", key, "specialty")
            message = f'nobody has the specialty "{wanted}"'
            hint = did_you_mean(wanted, sorted(skills))
            yield case.at(Code.UNKNOWN_SPECIALTY, where, message, hint)


def _targets(case: Case) -> Iterator[Finding]:
    for place, target in enumerate(case.file.fallback):
        yield from check_target(case, ("fallback", place), target)
    for severity, steps in case.file.escalation.items():
        for place, step in enumerate(steps):
            path: Path = ("escalation", severity, place)
            for number, target in enumerate(step.who):
                yield from check_target(case, (*path, "who", number), target)
        ids = Counter(step.id for step in steps if step.id is not None)
        for place, step in enumerate(steps):
            if step.id is not None and ids[step.id] > 1:
                path = ("escalation", severity, place, "id")
                message = f'two steps of {severity} have the id "{step.id}"'
                yield case.at(Code.DUPLICATE_ID, path, message)


def check_target(case: Case, path: Path, target: Target) -> Iterator[Finding]:
    """Yield a finding if a target leads to nothing that the plan has."""
    match target:
        case RoleTarget(role=role) | TurnTarget(role=role):
            yield from check_role(case, path, role)
        case DutyTarget(schedule=schedule):
            if schedule not in case.file.on_call:
                code, known = Code.UNKNOWN_SCHEDULE, case.file.on_call
                yield unknown_name(case, code, path, "schedule", schedule, known)
        case ExpertTarget(level=level):
            if level not in case.file.levels:
                code = Code.UNKNOWN_LEVEL
                yield unknown_name(case, code, path, "level", level, case.file.levels)
        case ChannelTarget(channel=channel):
            if channel not in case.file.channels:
                message = f'the channel "{channel}" is used but not declared'
                hint = did_you_mean(channel, list(case.file.channels))
                yield case.at(Code.UNKNOWN_CHANNEL, path, message, hint)


def _severities(case: Case) -> Iterator[Finding]:
    """Report what speaks of a severity that the plan does not have."""
    known = case.file.severities
    for key, entry in known.items():
        if entry.ticket is not None:
            path: Path = ("severities", key, "ticket", "team")
            yield from check_role(case, path, entry.ticket.team)
    for path, name, is_key in _severity_mentions(case):
        yield from check_severity(case, path, name, is_key=is_key)


def check_severity(
    case: Case, path: Path, name: str, *, is_key: bool = False
) -> Iterator[Finding]:
    """Yield a finding if the plan has no such severity."""
    if name not in case.file.severities:
        message = f'the plan has no severity "{name}"'
        hint = did_you_mean(name, list(case.file.severities))
        report = case.at_key if is_key else case.at
        yield report(Code.UNKNOWN_SEVERITY, path, message, hint)


def _severity_mentions(case: Case) -> Iterator[tuple[Path, str, bool]]:
    """Where a severity is named, its name, and whether it is the key."""
    alerts = case.file.alerts
    for name in case.file.escalation:
        yield ("escalation", name), name, True
    for name in alerts.contacting:
        yield ("alerts", "contacting", name), name, True
    if "after_hours" in alerts.model_fields_set:
        for name in alerts.after_hours:
            yield ("alerts", "after_hours", name), name, True
    if "auto_resolve" in alerts.model_fields_set:
        for place, name in enumerate(alerts.auto_resolve):
            yield ("alerts", "auto_resolve", place), name, False
    yield ("alerts", "severity", "default"), alerts.severity.default, False
    for label, name in alerts.severity.labels.items():
        yield ("alerts", "severity", "labels", label), name, False
    for place, rule in enumerate(alerts.severity.rules):
        yield ("alerts", "severity", "rules", place, "severity"), rule.severity, False


def _routes(case: Case) -> Iterator[Finding]:
    alerts = case.file.alerts
    if alerts.catch_all not in alerts.routes:
        path: Path = ("alerts", "catch_all")
        code = Code.UNKNOWN_ROUTE
        yield unknown_name(case, code, path, "route", alerts.catch_all, alerts.routes)
    for key, route in alerts.routes.items():
        for name in route.contacting:
            if name not in case.file.severities:
                path = ("alerts", "routes", key, "contacting", name)
                message = f'the plan has no severity "{name}"'
                hint = did_you_mean(name, list(case.file.severities))
                yield case.at_key(Code.UNKNOWN_SEVERITY, path, message, hint)
        for rank in ("primary", "secondary", "escalation"):
            path = ("alerts", "routes", key, rank)
            yield from check_role(case, path, getattr(route, rank))
