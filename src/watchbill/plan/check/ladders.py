"""Ladders: time goes forward, and every step that asks for a person finds one.

A target is *certain* when it leads to somebody with a contact method in every week
and for every kind of alert. A step needs one certain target: the engine would fall
through a step that reaches nobody (S2.2-09), but a plan should not count on that.
"""

from collections.abc import Iterable, Iterator

from watchbill.core.ladder import (
    ChannelTarget,
    DutyTarget,
    ExpertTarget,
    RoleTarget,
    Since,
    Target,
    TurnTarget,
    Verb,
)
from watchbill.core.oncall import Duty, Schedule
from watchbill.core.people import Contact
from watchbill.core.temporal import describe
from watchbill.plan.check.case import Case
from watchbill.plan.check.oncall import has_turns_without_secondary
from watchbill.plan.findings import Code, Finding
from watchbill.plan.schema import StepEntry
from watchbill.plan.source import Path
from watchbill.plan.values import write_duration

_ASKS_PEOPLE = frozenset({Verb.PAGE, Verb.ESCALATE, Verb.NOTIFY})

_Doubt = tuple[Code, str]


def check_ladders(case: Case) -> Iterator[Finding]:
    """Yield what is wrong with the steps, the fallback and the routes' contacts."""
    yield from _without_steps(case)
    for severity, steps in case.file.escalation.items():
        yield from _back_in_time(case, severity, steps)
        for place, step in enumerate(steps):
            yield from _step(case, ("escalation", severity, place), step)
    yield from _fallback(case)
    yield from _route_contacts(case)
    yield from _specialties(case)


def _without_steps(case: Case) -> Iterator[Finding]:
    for key in case.file.severities:
        if key not in case.file.escalation:
            message = (
                f"the severity {key} has no steps: nobody is told of its incidents"
            )
            hint = f'Add "{key}:" under escalation.'
            yield case.at_key(Code.NO_STEPS, ("severities", key), message, hint)


def _back_in_time(
    case: Case, severity: str, steps: tuple[StepEntry, ...]
) -> Iterator[Finding]:
    """Report a step that is due before the one above it, on the same clock."""
    latest: dict[Since, StepEntry] = {}
    for place, step in enumerate(steps):
        before = latest.get(step.from_)
        if before is not None and step.after < before.after:
            message = (
                f"the ladder of {severity} goes back in time: "
                f"{describe(step.after)} after {describe(before.after)}"
            )
            hint = f"Move the step above the one at {write_duration(before.after)}."
            path: Path = ("escalation", severity, place, "after")
            yield case.at(Code.BACK_IN_TIME, path, message, hint)
        latest[step.from_] = step


def _step(case: Case, path: Path, step: StepEntry) -> Iterator[Finding]:
    channels = [isinstance(target, ChannelTarget) for target in step.who]
    where = (*path, "who") if step.who else path
    if step.do is Verb.POST and not (channels and all(channels)):
        message = f'"{step.title}" posts, and needs a channel and nothing else'
        hint = 'Write who: ["#incidents"].'
        yield case.at(Code.WRONG_TARGET, where, message, hint)
    if step.do not in _ASKS_PEOPLE:
        return
    if channels and all(channels):
        message = f'"{step.title}" must reach a person; a channel is nobody'
        hint = "Name a role or a duty, or write do: post."
        yield case.at(Code.WRONG_TARGET, where, message, hint)
        return
    yield from _needs_somebody(case, where, f'"{step.title}"', step.who)


def _fallback(case: Case) -> Iterator[Finding]:
    if not case.file.fallback:
        message = "the plan has no fallback: a page that reaches nobody ends there"
        hint = "Write fallback: [management], or any role that always answers."
        path: Path = ("escalation",)
        if "fallback" in case.file.model_fields_set:
            path = ("fallback",)
        yield case.at_key(Code.NO_FALLBACK, path, message, hint)
        return
    yield from _needs_somebody(case, ("fallback",), "the fallback", case.file.fallback)


def _route_contacts(case: Case) -> Iterator[Finding]:
    for key, route in case.file.alerts.routes.items():
        for rank in ("primary", "secondary", "escalation"):
            path: Path = ("alerts", "routes", key, rank)
            what = f"the {rank} contact of {route.title}"
            targets = (RoleTarget(role=getattr(route, rank)),)
            yield from _needs_somebody(case, path, what, targets)


def _needs_somebody(
    case: Case, path: Path, what: str, targets: tuple[Target, ...]
) -> Iterator[Finding]:
    """Report that no target of several is certain to lead to somebody."""
    if not all(_is_known(case, target) for target in targets):
        return
    doubts = [_doubt(case, target) for target in targets]
    if not targets:
        message = f"{what} names nobody"
        hint = "Write who: followed by a role, a duty or a group."
        yield case.at(Code.REACHES_NOBODY, path, message, hint)
    elif all(doubt is not None for doubt in doubts):
        code, why = next(doubt for doubt in doubts if doubt is not None)
        hint = "Fill in a contact method, or name somebody else beside it."
        yield case.at(code, path, f"{what} may reach nobody: {why}", hint)


def _is_known(case: Case, target: Target) -> bool:
    """Whether the target leads anywhere; if not, that has been reported."""
    match target:
        case RoleTarget(role=role) | TurnTarget(role=role):
            return case.plan.directory.knows(role)
        case DutyTarget(schedule=schedule):
            found = case.plan.schedules.get(schedule)
            directory = case.plan.directory
            return found is not None and all(
                directory.contact(member) is not None for member in found.members
            )
        case ExpertTarget(level=level):
            return level in case.file.levels
        case ChannelTarget():
            return True


def _doubt(case: Case, target: Target) -> _Doubt | None:
    """Why the target is not certain to lead to somebody; None when it is."""
    match target:
        case RoleTarget(role=role):
            return _doubt_about(case.plan.directory.holders(role), f'"{role}"')
        case TurnTarget(role=role):
            return _doubt_about_each(case.plan.directory.holders(role), role)
        case DutyTarget(schedule=schedule, duty=duty):
            return _doubt_about_duty(case, case.plan.schedules[schedule], duty)
        case ExpertTarget(level=level):
            return _doubt_about_experts(case, level)
        case ChannelTarget(channel=channel):
            return Code.REACHES_NOBODY, f"the channel {channel} is nobody"


def _doubt_about(people: Iterable[Contact], name: str) -> _Doubt | None:
    people = tuple(people)
    if not people:
        return Code.REACHES_NOBODY, f"{name} has no people"
    if any(one.is_reachable for one in people):
        return None
    return Code.ONLY_UNFILLED, f"{name} has no contact method filled in"


def _doubt_about_each(people: tuple[Contact, ...], name: str) -> _Doubt | None:
    """Of those who take turns each must be reachable, as his turn comes."""
    if not people:
        return Code.REACHES_NOBODY, f'"{name}" has no people'
    for one in people:
        if not one.is_reachable:
            return (
                Code.ONLY_UNFILLED,
                f'"{one.key}" takes turns without a contact method',
            )
    return None


def _doubt_about_duty(case: Case, schedule: Schedule, duty: Duty) -> _Doubt | None:
    if duty is Duty.SHADOW:
        return Code.REACHES_NOBODY, "a shadow is never the only one told"
    if duty is Duty.SECONDARY and schedule.secondary is None:
        return Code.REACHES_NOBODY, f"{schedule.title} has no secondary"
    if duty is Duty.SECONDARY and has_turns_without_secondary(schedule):
        return Code.REACHES_NOBODY, f"{schedule.title} has weeks without a secondary"
    members = (one for layer in schedule.layers_behind(duty) for one in layer.members)
    for member in members:
        contact = case.plan.directory.contact(member)
        if contact is not None and not contact.is_reachable:
            why = f'"{member}" is on call without a contact method'
            return Code.ONLY_UNFILLED, why
    return None


def _doubt_about_experts(case: Case, level: str) -> _Doubt | None:
    for category in {route.category for route in case.plan.routing.routes}:
        people = case.plan.directory.experts(level, category)
        name = f'{level} for "{category or "no category"}"'
        if (doubt := _doubt_about(people, name)) is not None:
            return doubt
    return None


def _specialties(case: Case) -> Iterator[Finding]:
    """Remark which routes have no specialist of their own (S2.1-10)."""
    levels = {
        target.level
        for steps in case.file.escalation.values()
        for step in steps
        for target in step.who
        if isinstance(target, ExpertTarget) and target.level in case.file.levels
    }
    expert = case.file.default_expert
    for level in sorted(levels):
        skills = {
            skill
            for one in case.plan.directory.at_level(level)
            for skill in one.expertise
        }
        for key, route in case.file.alerts.routes.items():
            if route.category not in skills:
                path: Path = ("alerts", "routes", key)
                if route.category is not None:
                    path = (*path, "category")
                message = f'nobody at {level} has the specialty of "{route.title}"'
                hint = f'The default expert is asked: "{expert}".' if expert else ""
                yield case.at_key(Code.NO_EXPERT, path, message, hint)
