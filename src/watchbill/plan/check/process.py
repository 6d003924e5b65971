"""Process: bugs and the hotfix keep promises that can be kept.

The severities and the bug levels belong to each other one by one. A bug whose fix is
promised sooner than the service is promised back contradicts itself: the permanent
fix includes the service (A5). The phases of a hotfix are added up (A7): if even the
shortest way takes longer than the target, the plan promises the impossible.
"""

from collections.abc import Iterator

from watchbill.core.bugs import (
    Bound,
    Disposition,
    Hotfix,
    hotfix_total,
    latest_safe_end,
)
from watchbill.core.temporal import describe
from watchbill.plan.check.case import Case
from watchbill.plan.check.names import check_role, check_severity, check_target
from watchbill.plan.findings import Code, Finding
from watchbill.plan.process import Bugs
from watchbill.plan.sections.process import IncidentsEntry, PhaseEntry, TeamEntry
from watchbill.plan.source import Path

_ORDER = (Bound.ELAPSED, Bound.DURATION, Bound.WATCH)


def check_process(case: Case) -> Iterator[Finding]:
    """Yield what is wrong with the handling of incidents, bugs and hotfixes."""
    yield from _incidents(case, case.file.incidents)
    if case.plan.bugs is not None:
        yield from _bugs(case, case.plan.bugs)
    if case.plan.hotfix is not None:
        yield from _hotfix(case, case.plan.hotfix)


def _incidents(case: Case, entry: IncidentsEntry) -> Iterator[Finding]:
    for place, role in enumerate(entry.severity_proposed_by):
        path: Path = ("incidents", "severity_proposed_by", place)
        yield from check_role(case, path, role)
    for duty in TeamEntry.model_fields if entry.team else ():
        target = getattr(entry.team, duty)
        if target is not None:
            yield from check_target(case, ("incidents", "team", duty), target)
    for severity, digest in entry.digest.items():
        path = ("incidents", "digest", severity)
        yield from check_severity(case, path, severity, is_key=True)
        for place, role in enumerate(digest.who):
            yield from check_role(case, (*path, "who", place), role)
    for place, severity in enumerate(entry.major.severities):
        path = ("incidents", "major", "severities", place)
        yield from check_severity(case, path, severity)
    for path, severities in (
        (("incidents", "major", "lasting"), entry.major.lasting),
        (("incidents", "overdue", "suggest_raise"), entry.overdue.suggest_raise),
        (("incidents", "overdue", "executive_update"), entry.overdue.executive_update),
    ):
        for severity in severities:
            yield from check_severity(case, (*path, severity), severity, is_key=True)


def _bugs(case: Case, bugs: Bugs) -> Iterator[Finding]:
    yield from check_role(case, ("bugs", "triage", "who"), bugs.triage.who)
    first: dict[str, str] = {}
    for key, level in bugs.levels.items():
        path: Path = ("bugs", "levels", key)
        yield from check_severity(case, (*path, "severity"), level.severity)
        if level.severity in first:
            other = first[level.severity]
            message = f"{key} and {other} are both the bugs of {level.severity}"
            hint = "Give each severity one level of bugs."
            where = (*path, "severity")
            yield case.at(Code.SAME_SEVERITY_TWICE, where, message, hint)
        first.setdefault(level.severity, key)
        yield from _fix_before_service(case, bugs, key)
        yield from _without_sprints(case, bugs, key)
    for severity in case.file.severities:
        if severity not in first:
            message = f"no level of bugs belongs to the severity {severity}"
            hint = f"Add a level with severity: {severity} under bugs."
            path = ("severities", severity)
            yield case.at_key(Code.NO_BUG_LEVEL, path, message, hint)
    sprint = case.file.bugs and case.file.bugs.sprint
    if sprint and (not sprint.length or sprint.length.seconds):
        message = f"a sprint lasts whole days, not {describe(sprint.length)}"
        path = ("bugs", "sprint", "length")
        yield case.at(Code.SPRINT_LENGTH, path, message, "Write 14d.")


def _fix_before_service(case: Case, bugs: Bugs, key: str) -> Iterator[Finding]:
    level = bugs.levels[key]
    severity = case.file.severities.get(level.severity)
    if severity and level.fix is not None and level.fix < severity.resolution:
        message = (
            f"{level.title} bugs are fixed within {describe(level.fix)}, sooner than "
            f"{level.severity} promises service back ({describe(severity.resolution)})"
        )
        hint = "The permanent fix includes the service: give it at least as long."
        path: Path = ("bugs", "levels", key, "fix")
        yield case.at(Code.FIX_BEFORE_SERVICE, path, message, hint)


def _without_sprints(case: Case, bugs: Bugs, key: str) -> Iterator[Finding]:
    level = bugs.levels[key]
    named = [("fix", level.fix), ("communicate", level.communicate)]
    for name, value in named:
        if value is None and bugs.sprints is None:
            message = f"{level.title} bugs wait for a sprint, and sprints have no dates"
            hint = "Write sprint: {first_day: 2026-02-09, length: 14d} under bugs."
            path: Path = ("bugs", "levels", key, name)
            yield case.at(Code.NO_SPRINTS, path, message, hint)


def _hotfix(case: Case, hotfix: Hotfix) -> Iterator[Finding]:
    entries = case.file.hotfix.phases if case.file.hotfix else ()
    wrong = [*_phases(case, entries)]
    yield from wrong
    if not wrong:
        yield from _too_long(case, hotfix)
    promised = [
        level
        for level in (case.plan.bugs.levels.values() if case.plan.bugs else ())
        if level.disposition is Disposition.HOTFIX and level.fix is not None
    ]
    for level in promised:
        if level.fix is not None and level.fix != hotfix.target:
            message = (
                f"the target of a hotfix is {describe(hotfix.target)}, and "
                f"{level.title} bugs are fixed within {describe(level.fix)}"
            )
            hint = "Say one time in both places."
            path: Path = ("hotfix", "target")
            yield case.at(Code.OTHER_HOTFIX_TARGET, path, message, hint)


def _phases(case: Case, entries: tuple[PhaseEntry, ...]) -> Iterator[Finding]:
    """Report phases that end before they begin, or stand in the wrong order."""
    seen: set[str] = set()
    before: PhaseEntry | None = None
    for place, one in enumerate(entries):
        path: Path = ("hotfix", "phases", place)
        if one.id in seen:
            message = f'two phases have the id "{one.id}"'
            yield case.at(Code.DUPLICATE_ID, (*path, "id"), message)
        seen.add(one.id)
        if one.to < one.from_:
            message = f"{one.title} ends at {describe(one.to)}, before it begins"
            yield case.at(Code.PHASE_ORDER, (*path, "to"), message)
        if before and _ORDER.index(one.bound) < _ORDER.index(before.bound):
            message = (
                f'{one.title} has the bound "{one.bound}", and the phase before it '
                f'"{before.bound}"'
            )
            hint = (
                "First the phases on the clock, then those that last, then the watch."
            )
            where = (*path, "bound")
            yield case.at(Code.PHASE_ORDER, where, message, hint)
        on_clock = before and before.bound is one.bound is Bound.ELAPSED
        if before and on_clock and one.from_ < before.from_:
            message = f"{one.title} begins before {before.title}"
            yield case.at(Code.PHASE_ORDER, (*path, "from"), message)
        before = one


def _too_long(case: Case, hotfix: Hotfix) -> Iterator[Finding]:
    total, end = hotfix_total(hotfix), latest_safe_end(hotfix)
    path: Path = ("hotfix", "target")
    if total.best > hotfix.target:
        message = (
            f"a hotfix takes at least {describe(total.best)}, and its target is "
            f"{describe(hotfix.target)}"
        )
        hint = "Shorten the phases, or promise more time."
        yield case.at(Code.HOTFIX_TOO_LONG, path, message, hint)
    elif total.worst > hotfix.target:
        message = (
            f"a hotfix may take {describe(total.worst)}, and its target is "
            f"{describe(hotfix.target)}"
        )
        hint = (
            f"Development must end by {describe(end.worst)} to be safe, and by "
            f"{describe(end.best)} at the latest; watchbill warns at both."
        )
        yield case.at(Code.HOTFIX_MAY_BE_LATE, path, message, hint)
