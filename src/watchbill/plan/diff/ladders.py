"""Ladders compared: who is told what, when and until when, by severity and route.

Both ladders are composed by the plan itself, for every severity and route, and their
targets are asked of its roster. Somebody on call stays "the primary", whoever that is
in a week; the weeks are compared on their own. What is said alike of several people,
or of every route, is said once.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from itertools import product

from watchbill.core.ladder import (
    ChannelTarget,
    DutyTarget,
    Since,
    Step,
    StopOn,
    Target,
    TurnTarget,
    Verb,
    When,
)
from watchbill.core.routing import Route
from watchbill.core.severity import Urgency
from watchbill.core.temporal import describe
from watchbill.plan.diff.change import Area, Change, Effect, listed
from watchbill.plan.lookup import name_of
from watchbill.plan.model import Plan

Who = tuple[str, str]
"""What kind of recipient and which: a contact, a duty, a channel or a ticket."""

_TICKET: Who = ("ticket", "")

_LOUDNESS = (
    Verb.POSTMORTEM,
    Verb.CREATE_TICKET,
    Verb.POST,
    Verb.NOTIFY,
    Verb.ESCALATE,
    Verb.PAGE,
)
_STOPS = tuple(StopOn)
_DONE = {
    Verb.PAGE: "paged",
    Verb.ESCALATE: "called in",
    Verb.NOTIFY: "told",
    Verb.POST: "posted to",
    Verb.CREATE_TICKET: "created",
    Verb.POSTMORTEM: "asked for the post-mortem",
}
_HOURS = {
    When.ALWAYS: "at any hour",
    When.OPEN_HOURS: "in business hours only",
    When.CLOSED_HOURS: "outside business hours only",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """One thing that somebody gets from a ladder."""

    since: Since
    after: timedelta
    verb: Verb
    until: StopOn
    when: When
    urgency: Urgency

    @property
    def clock(self) -> str:
        """When it is, as in ``15 min`` or ``24 h after the resolution``."""
        late = " after the resolution" if self.since is Since.RESOLVED else ""
        return f"{describe(self.after)}{late}"

    @property
    def place(self) -> tuple[bool, timedelta, str, str, str, str]:
        """Where it comes in the order of time; total, so that order is stable."""
        by = (self.verb, self.until, self.when, self.urgency)
        return (self.since is Since.RESOLVED, self.after, *by)


class Aspect(StrEnum):
    """In which respect two tellings of one person differ."""

    TIME = "time"
    VERB = "verb"
    UNTIL = "until"
    WHEN = "when"
    URGENCY = "urgency"
    PRESENCE = "presence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One aspect in which what somebody gets is different."""

    aspect: Aspect
    before: Telling | None
    after: Telling | None
    #: Whether the person gets something else in both plans.
    gets_more: bool = False


def compare_ladders(old: Plan, new: Plan) -> Iterator[Change]:
    """Yield what is different on the ladders that both plans have."""
    known = {one.key for one in old.severities}
    routes = {one.key for one in old.routing.routes}
    shared = [one for one in new.routing.routes if one.key in routes]
    for severity in new.severities:
        if severity.key in known:
            yield from _somebody_is_paged(old, new, severity.key)
            yield from _compare(old, new, severity.key, shared)


def _compare(
    old: Plan, new: Plan, severity: str, routes: list[Route]
) -> Iterator[Change]:
    """Group differences: alike for several people, then alike for several routes."""
    met: dict[tuple[Difference, Who], list[str]] = defaultdict(list)
    for route in routes:
        before = tellings(old, severity, old.routing.route(route.key))
        after = tellings(new, severity, route)
        for who in dict.fromkeys((*after, *before)):
            pairs = _differences(before.get(who, []), after.get(who, []))
            for one in dict.fromkeys(pairs):
                met[one, who].append(route.key)
    alike: dict[tuple[Difference, tuple[str, ...]], list[Who]] = defaultdict(list)
    for (one, who), found in met.items():
        alike[one, tuple(found)].append(who)
    for (one, where), everybody in alike.items():
        place = severity
        if len(where) < len(routes):
            titles = [new.routing.route(key).title for key in where]
            place = f"{severity} ({', '.join(titles)})"
        yield _change(
            old, new, one, everybody, place, f"{severity}/{','.join(sorted(where))}"
        )


def tellings(plan: Plan, severity: str, route: Route) -> dict[Who, list[Telling]]:
    """Return what everybody gets of an incident of a severity and route, in order."""
    found: dict[Who, set[Telling]] = defaultdict(set)
    for step in plan.ladder(severity, route.key).steps:
        for who in _whom(plan, step, route):
            found[who].add(
                Telling(
                    since=step.since,
                    after=step.after,
                    verb=step.verb,
                    until=step.stop_on,
                    when=step.when,
                    urgency=step.urgency,
                )
            )
    return {who: sorted(each, key=lambda one: one.place) for who, each in found.items()}


def _whom(plan: Plan, step: Step, route: Route) -> Iterator[Who]:
    if step.verb is Verb.POST and route.confidential:
        return
    if not step.targets:
        yield _TICKET
    for target in step.targets:
        yield from _recipients(plan, target, route)


def _recipients(plan: Plan, target: Target, route: Route) -> Iterator[Who]:
    match target:
        case ChannelTarget(channel=channel):
            yield "channel", channel
        case DutyTarget(schedule=schedule, duty=duty):
            yield "duty", f"{schedule} {duty}"
        case TurnTarget(role=role):
            yield "turn", role
        case _:
            roster = plan.roster()
            at = plan.meta.effective_at
            for contact in roster.people(target, category=route.category, at=at):
                if roster.can_reach(contact):
                    yield "contact", contact.key


def _differences(before: list[Telling], after: list[Telling]) -> Iterator[Difference]:
    """Pair what is alike, and say how each pair, and what has no pair, differs."""
    gone = [one for one in before if one not in after]
    come = [one for one in after if one not in before]
    pairs: list[tuple[Telling, Telling]] = []
    for one, other in sorted(product(gone, come), key=_distance):
        if one in gone and other in come and _same_hours(one, other):
            gone.remove(one)
            come.remove(other)
            pairs.append((one, other))
    for one, other in pairs:
        yield from _aspects(one, other)
    for one in gone:
        yield _presence(before=one, gets_more=bool(after))
    for other in come:
        yield _presence(after=other, gets_more=bool(before))


def _presence(
    *, before: Telling | None = None, after: Telling | None = None, gets_more: bool
) -> Difference:
    return Difference(
        aspect=Aspect.PRESENCE, before=before, after=after, gets_more=gets_more
    )


def _same_hours(one: Telling, other: Telling) -> bool:
    """What moves from inside to outside business hours is gone and come instead."""
    hours = one.when is other.when or When.ALWAYS in {one.when, other.when}
    return hours and one.since is other.since


def _distance(pair: tuple[Telling, Telling]) -> tuple[object, ...]:
    """How little a pair is alike; the same seen from the other plan."""
    one, other = pair
    apart = abs(one.after - other.after)
    ends = sorted((one.place, other.place))
    return (one.verb is not other.verb, apart, ends)


def _aspects(before: Telling, after: Telling) -> Iterator[Difference]:
    differs = {
        Aspect.TIME: before.after != after.after,
        Aspect.VERB: before.verb is not after.verb,
        Aspect.UNTIL: before.until is not after.until,
        Aspect.WHEN: before.when is not after.when,
        Aspect.URGENCY: before.urgency is not after.urgency,
    }
    for aspect, is_so in differs.items():
        if is_so:
            yield Difference(aspect=aspect, before=before, after=after)


def _effect(one: Difference) -> Effect:
    before, after = one.before, one.after
    if before is None or after is None:
        return Effect.LOUDER if before is None else Effect.QUIETER
    louder = {
        Aspect.TIME: after.after < before.after,
        Aspect.VERB: _LOUDNESS.index(after.verb) > _LOUDNESS.index(before.verb),
        Aspect.UNTIL: _STOPS.index(after.until) > _STOPS.index(before.until),
        Aspect.WHEN: after.when is When.ALWAYS,
        Aspect.URGENCY: after.urgency is Urgency.HIGH,
    }
    return Effect.LOUDER if louder[one.aspect] else Effect.QUIETER


def _change(
    old: Plan,
    new: Plan,
    one: Difference,
    everybody: list[Who],
    place: str,
    key: str,
) -> Change:
    names = [_name(old, new, who) for who in sorted(everybody)]
    before, after = _ends(one)
    return Change(
        area=Area.LADDER,
        effect=_effect(one),
        text=_sentence(one, names, place),
        key=f"{key}/{','.join('/'.join(who) for who in sorted(everybody))}",
        before=before,
        after=after,
    )


def _ends(one: Difference) -> tuple[str, str]:
    before, after = (
        "" if each is None else _value(one.aspect, each)
        for each in (one.before, one.after)
    )
    return before, after


def _value(aspect: Aspect, telling: Telling) -> str:
    match aspect:
        case Aspect.UNTIL:
            return f"{telling.clock}, until {telling.until}"
        case Aspect.WHEN:
            return f"{telling.clock}, {_HOURS[telling.when]}"
        case Aspect.URGENCY:
            return f"{telling.clock}, {telling.urgency} urgency"
        case _:
            return f"{_DONE[telling.verb]} at {telling.clock}"


def _sentence(one: Difference, names: list[str], place: str) -> str:
    who, are = listed(names), "is" if len(names) == 1 else "are"
    before, after = one.before, one.after
    if before is None or after is None:
        return _presence_sentence(one, f"{who} {are}", place)
    done, at = _DONE[after.verb], f"on {place} at {after.clock}"
    match one.aspect:
        case Aspect.TIME:
            delta = describe(abs(after.after - before.after))
            way = "earlier" if after.after < before.after else "later"
            clocks = f"{after.clock} instead of {before.clock}"
            return f"{who} {are} {done} {delta} {way} on {place} ({clocks})"
        case Aspect.VERB:
            return f"{who} {are} {done} instead of {_DONE[before.verb]} {at}"
        case Aspect.WHEN:
            hours = f"{_HOURS[after.when]}, before {_HOURS[before.when]}"
            return f"{who} {are} {done} {at} {hours}"
        case Aspect.URGENCY:
            may = "may be woken" if after.urgency is Urgency.HIGH else "is not woken"
            may = may.replace("is ", f"{are} ") if len(names) > 1 else may
            return f"{who} {may} {at}"
        case _:
            stops = f"{_stop(after.until)} instead of {_stop(before.until)}"
            return f"{who} {are} {done} {at} {stops}"


def _stop(until: StopOn) -> str:
    return "whatever happens" if until is StopOn.NEVER else f"until it is {until}"


def _presence_sentence(one: Difference, who: str, place: str) -> str:
    told = one.after or one.before
    done = "" if told is None else _DONE[told.verb]
    if one.after is None and one.before is not None:
        at = one.before.clock
        if one.gets_more:
            return f"{who} not {done} on {place} at {at} any more"
        return f"{who} no longer {done} on {place} (was at {at})"
    at = "" if told is None else f"{told.clock}{_only(told.when)}"
    more = "also " if one.gets_more else ""
    return f"{who} {more}{done} on {place} at {at}"


def _only(when: When) -> str:
    return "" if when is When.ALWAYS else f" {_HOURS[when]}"


def _name(old: Plan, new: Plan, who: Who) -> str:
    kind, key = who
    if kind == "duty":
        schedule, duty = key.rsplit(" ", 1)
        plan = new if schedule in new.schedules else old
        return f"the {duty} of {plan.schedules[schedule].title}"
    if kind == "turn":
        return f"one of {key} in turn"
    if kind == "contact":
        return person(old, new, key)
    return "a ticket" if kind == "ticket" else key


def person(old: Plan, new: Plan, key: str) -> str:
    """Return what to call a contact of either plan, as in ``the CTO``."""
    plan = new if new.directory.contact(key) else old
    contact = plan.directory.contact(key)
    name = key if contact is None else name_of(plan, contact)
    return name if name == key else f"the {name}"


def _somebody_is_paged(old: Plan, new: Plan, severity: str) -> Iterator[Change]:
    before, after = (_pages(plan, severity) for plan in (old, new))
    if before is not after:
        said = "somebody is paged" if after else "nobody is paged"
        yield Change(
            area=Area.LADDER,
            effect=Effect.LOUDER if after else Effect.QUIETER,
            text=f"{said} on {severity} {'now' if after else 'any more'}",
            key=f"{severity}/pages",
            before="somebody" if before else "nobody",
            after="somebody" if after else "nobody",
        )


def _pages(plan: Plan, severity: str) -> bool:
    told: Iterable[Telling] = (
        one
        for route in plan.routing.routes
        for each in tellings(plan, severity, route).values()
        for one in each
    )
    return any(one.verb is Verb.PAGE for one in told)
