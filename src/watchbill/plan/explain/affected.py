"""Affected: what a step does in words, and whom a key of the plan moves.

Whom a target means is asked of the plan: everybody who can be meant in any week.
"""

from collections.abc import Iterable, Iterator

from watchbill.core.ladder import (
    ChannelTarget,
    DutyTarget,
    ExpertTarget,
    Since,
    Step,
    StopOn,
    Target,
    TurnTarget,
    Verb,
    When,
)
from watchbill.core.people import Contact, unique
from watchbill.core.routing import Route
from watchbill.core.temporal import describe
from watchbill.plan.explain.keys import Found, Key, step_of
from watchbill.plan.lookup import name_of
from watchbill.plan.model import Plan

_DOES = {
    Verb.PAGE: "pages {}, who should take the incident",
    Verb.ESCALATE: "calls in {} to work on the incident",
    Verb.NOTIFY: "informs {}, from whom nobody waits for an answer",
    Verb.POST: "posts to {}",
    Verb.CREATE_TICKET: "creates a ticket",
    Verb.POSTMORTEM: "asks {} for the post-mortem",
}
_STOPS = {
    StopOn.ACKNOWLEDGED: "It is not done once somebody has acknowledged.",
    StopOn.MITIGATED: "It is not done once service is restored; acknowledging does not"
    " stop it.",
    StopOn.RESOLVED: "It is not done once the incident is resolved; acknowledging does"
    " not stop it.",
    StopOn.NEVER: "Nothing stops it.",
}
_HOURS = {
    When.ALWAYS: "",
    When.OPEN_HOURS: ", in business hours only,",
    When.CLOSED_HOURS: ", outside business hours only,",
}


def step_sentence(plan: Plan, step: Step) -> str:
    """Return what a step does, whom it means, and what stops it."""
    clock = "resolution" if step.since is Since.RESOLVED else "declaration"
    after = f"{describe(step.after)} after the {clock}" if step.after else f"At {clock}"
    whom = " and ".join(_target(plan, one) for one in step.targets)
    does = _DOES[step.verb].format(whom)
    start = f"{after[0].upper()}{after[1:]}{_HOURS[step.when]}"
    return f"{start} it {does}. {_STOPS[step.stop_on]}"


def _target(plan: Plan, target: Target) -> str:
    match target:
        case ChannelTarget(channel=channel):
            return channel
        case DutyTarget(schedule=schedule, duty=duty):
            return f"the {duty} of {plan.schedules[schedule].title}"
        case ExpertTarget(level=level):
            return f"the people of {level} whose specialty is the incident's category"
        case TurnTarget(role=role):
            names = names_of(plan, plan.directory.holders(role))
            return f"one of {', '.join(names)}, another for each incident,"
        case _:
            names = names_of(plan, plan.directory.holders(target.role))
            return ", ".join(names)


def reached(plan: Plan, target: Target) -> tuple[Contact, ...]:
    """Return everybody whom a target can mean, in any week and of any category."""
    directory = plan.directory
    match target:
        case ChannelTarget():
            return ()
        case DutyTarget(schedule=schedule):
            members = plan.schedules[schedule].members
            return tuple(one for one in directory.contacts if one.key in members)
        case ExpertTarget(level=level):
            return directory.at_level(level)
        case _:
            return directory.holders(target.role)


def affected(plan: Plan, found: Found) -> Iterator[Contact]:
    """Yield who is told, or counted on, because of a key."""
    key = found.key
    step = step_of(plan, found)
    if step is not None:
        yield from everybody(plan, step.targets)
    elif key[0] == "fallback":
        yield from everybody(plan, plan.fallback)
    elif key[:2] == ("alerts", "contacting"):
        for route in plan.routing.routes:
            yield from _of_route(plan, route, key)
    elif key[:2] == ("alerts", "routes") and len(key) > 2:
        yield from _of_route(plan, plan.routing.route(key[2]), key)
    elif key[0] in _BY_NAME:
        yield from _of_name(plan, key[0], key[1]) if len(key) > 1 else ()
    else:
        yield from _mentioned(plan, found.value)


_BY_NAME = {
    "aliases",
    "contacts",
    "escalation",
    "groups",
    "levels",
    "on_call",
    "severities",
}


def _of_name(plan: Plan, section: str, name: str) -> Iterator[Contact]:
    """Whom an entry of a section is about, by its name."""
    directory = plan.directory
    match section:
        case "escalation" | "severities":
            for step in plan.steps.get(name, ()):
                yield from everybody(plan, step.targets)
        case "on_call":
            members = plan.schedules[name].members
            yield from (one for one in directory.contacts if one.key in members)
        case "levels":
            yield from directory.at_level(name)
        case "contacts":
            yield from (one for one in directory.contacts if one.key == name)
        case _:
            yield from directory.holders(name)


def everybody(plan: Plan, targets: Iterable[Target]) -> Iterator[Contact]:
    """Yield everybody whom targets can mean, in any week and of any category."""
    for target in targets:
        yield from reached(plan, target)


def _of_route(plan: Plan, route: Route, key: Key) -> Iterator[Contact]:
    roles = {
        "primary": route.primary,
        "secondary": route.secondary,
        "escalation": route.escalation,
    }
    asked = [roles[key[-1]]] if key[-1] in roles else list(roles.values())
    for role in asked:
        yield from plan.directory.holders(role)


def _mentioned(plan: Plan, value: object) -> Iterator[Contact]:
    """People whom a key names outright, as an approval or an owner does."""
    words = value if isinstance(value, tuple) else (value,)
    for word in words:
        if isinstance(word, str) and plan.directory.knows(word):
            yield from plan.directory.holders(word)


def names_of(plan: Plan, contacts: Iterable[Contact]) -> tuple[str, ...]:
    """Return what to call contacts, each once."""
    return tuple(name_of(plan, one) for one in unique(contacts))
