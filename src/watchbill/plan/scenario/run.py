"""Running: a story is told to the engine, and what it does is compared.

A story is complete: whatever is done between its first and last line and is not
written there is a difference, for the page that nobody expected is the one worth
knowing of. A line of ``...`` leaves a stretch of time open. A copy to a shadow asks
for nothing and is not part of a story.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from watchbill.core.escalation import FiringReason
from watchbill.core.ladder import StopOn, Verb
from watchbill.core.oncall import Schedule, on_call
from watchbill.core.routing import classify
from watchbill.core.temporal import at_wall
from watchbill.plan.findings import START
from watchbill.plan.lookup import (
    UnknownNameError,
    find_category,
    find_contact,
    find_people,
    find_route,
    find_severity,
    name_of,
)
from watchbill.plan.model import Plan
from watchbill.plan.scenario.faults import Fault, FaultError, StoryCode, fault
from watchbill.plan.scenario.parse import NOBODY, NOTHING, OTHERS
from watchbill.plan.scenario.script import (
    Declared,
    Deed,
    DutyLine,
    Expected,
    Moment,
    Phrase,
    Story,
    WallClock,
)
from watchbill.plan.simulate import Incident, Line, follow, suppose
from watchbill.plan.validate import did_you_mean
from watchbill.plan.values import write_duration

Done = tuple[Verb, str]
"""A verb and the contact key or channel it reaches; empty for a ticket."""

_Found = TypeVar("_Found")

_NOTHING = Expected(deeds=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that was done or expected, in words."""

    text: str
    #: Which step did it and why; empty of what was only expected.
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """One line or one instant at which story and plan disagree."""

    #: The line of the story; None for an instant that no line stands for.
    line: int | None
    #: What is asked there, such as ``+5m`` or ``on call primary``.
    place: str
    at: datetime | None
    missing: tuple[Event, ...]
    surplus: tuple[Event, ...]
    #: The right side that would be true.
    correct: str
    elapsed: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of one story."""

    story: Story
    faults: tuple[Fault, ...] = ()
    mismatches: tuple[Mismatch, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether the plan does what the story says."""
        return not self.faults and not self.mismatches


def check(story: Story, plan: Plan) -> Result:
    """Return whether the plan does what a story says, and where it does not."""
    teller = _Teller(story, plan)
    parts = (teller.alerts, teller.duties, teller.time_line)
    faults: list[Fault] = []
    mismatches: list[Mismatch] = []
    for part in parts:
        try:
            mismatches += part()
        except FaultError as error:
            faults.append(error.fault)
    found = () if faults else tuple(mismatches)
    return Result(story=story, faults=tuple(faults), mismatches=found)


def unknown_plan(story: Story, message: str) -> Fault:
    """Return the fault of a story whose plan cannot be used."""
    span = START if story.plan is None else story.plan.span
    hint = "Name a file beside this one, or trm."
    return fault(StoryCode.UNKNOWN_PLAN, span, message, hint).fault


class _Teller:
    """Tells one story to one plan."""

    def __init__(self, story: Story, plan: Plan) -> None:
        self.story = story
        self.plan = plan

    def alerts(self) -> Iterator[Mismatch]:
        """Compare what alerts become (S4.3-09)."""
        for alert in self.story.alerts:
            said = alert.expected
            if said is None:
                continue
            found = classify(self.plan.routing, alert.labels or {})
            actual = (found.severity, found.route.key)
            if self._severity_and_route(said) != actual:
                true = f"{found.severity} {found.route.title}"
                yield Mismatch(
                    line=alert.line,
                    place="alert",
                    at=None,
                    missing=(Event(text=said.text),),
                    surplus=(Event(text=true, why=found.reason),),
                    correct=true,
                )

    def duties(self) -> Iterator[Mismatch]:
        """Compare who is on call."""
        for line in self.story.duties:
            at = self._instant(line.at)
            holder = on_call(self._schedule(line), line.duty, at=at).holder
            contact = self.plan.directory.contact(holder) if holder else None
            expected = self._holder(line.expected)
            if expected != (contact.key if contact else None):
                true = name_of(self.plan, contact) if contact else NOBODY
                yield Mismatch(
                    line=line.line,
                    place=f"on call {line.duty}",
                    at=at,
                    missing=(Event(text=line.expected.text),),
                    surplus=(Event(text=true),),
                    correct=true,
                )

    def time_line(self) -> Iterator[Mismatch]:
        """Compare what is done about the incident, instant by instant."""
        declared = self.story.incident
        if declared is None:
            return
        incident = self._incident(declared)
        end = incident.declared_at + self.story.moments[-1].elapsed
        unreachable = self._unreachable()
        lines = follow(self.plan, incident, until=end, unreachable=unreachable)
        done: dict[timedelta, list[Line]] = {}
        for line in lines:
            if not line.is_copy and line.reason is not FiringReason.CONFIDENTIAL:
                done.setdefault(line.elapsed, []).append(line)
        moments = {one.elapsed: one for one in self.story.moments}
        for elapsed in sorted({*done, *moments}):
            moment = moments.get(elapsed)
            if moment is None and self._is_open(elapsed):
                continue
            found = self._compare(incident, elapsed, moment, done.get(elapsed, []))
            if found is not None:
                yield found

    def _compare(
        self,
        incident: Incident,
        elapsed: timedelta,
        moment: Moment | None,
        lines: list[Line],
    ) -> Mismatch | None:
        expected = (moment.expected if moment else None) or _NOTHING
        wanted = dict(self._wanted(expected.deeds))
        actual = {_done(line): line for line in reversed(lines)}
        missing = [one for one in wanted if one not in actual]
        surplus = [one for one in _in_order(lines) if one not in wanted]
        if expected.is_open:
            surplus = []
        if not missing and not surplus:
            return None
        is_open = expected.is_open
        kept = [one for one in _in_order(lines) if not is_open or one in wanted]
        correct = "; ".join([*self._sentences(kept), *[OTHERS] * is_open])
        return Mismatch(
            line=moment.line if moment else None,
            place=f"+{write_duration(elapsed)}",
            at=incident.declared_at + elapsed,
            elapsed=elapsed,
            missing=tuple(Event(text=wanted[one]) for one in missing),
            surplus=tuple(self._event(one, actual[one]) for one in surplus),
            correct=correct or NOTHING,
        )

    def _event(self, done: Done, line: Line) -> Event:
        origin = f"; {', '.join(line.step.origin)}" if line.step.origin else ""
        why = f"{line.step.title}: {line.why}{origin}"
        return Event(text=" ".join(self._sentences([done])), why=why)

    def _sentences(self, done: list[Done]) -> Iterator[str]:
        """What is done, one part a verb: ``page A, B``."""
        by_verb: dict[Verb, list[str]] = {}
        for verb, key in done:
            by_verb.setdefault(verb, []).append(self._name(key))
        for verb, names in by_verb.items():
            spelling = (
                "escalate to" if verb is Verb.ESCALATE else verb.replace("_", " ")
            )
            yield f"{spelling} {', '.join(names)}".strip()

    def _name(self, key: str) -> str:
        contact = self.plan.directory.contact(key)
        return key if contact is None else name_of(self.plan, contact)

    def _wanted(self, deeds: Iterable[Deed]) -> Iterator[tuple[Done, str]]:
        for deed in deeds:
            if not deed.whom:
                yield (deed.verb, ""), " ".join(self._sentences([(deed.verb, "")]))
            for phrase in deed.whom:
                for key in self._keys(deed.verb, phrase):
                    done = (deed.verb, key)
                    yield done, " ".join(self._sentences([done]))

    def _keys(self, verb: Verb, phrase: Phrase) -> tuple[str, ...]:
        if phrase.text == NOBODY:
            return (NOBODY,)
        if verb is not Verb.POST:
            return tuple(one.key for one in self._ask(find_people, phrase))
        if phrase.text not in self.plan.channels:
            message = f'the plan has no channel "{phrase.text}"'
            hint = did_you_mean(phrase.text, list(self.plan.channels))
            raise fault(StoryCode.UNKNOWN_NAME, phrase.span, message, hint)
        return (phrase.text,)

    def _incident(self, declared: Declared) -> Incident:
        at = self._instant(declared.at)
        route = category = severity = None
        if declared.route is not None:
            route, category = self._ask(find_category, declared.route)
        if declared.severity is not None:
            severity = self._severity(declared.severity)
        incident = suppose(
            self.plan,
            declared_at=at,
            severity=severity,
            route=route,
            category=category,
            labels=declared.labels,
        )
        events = dict(self._events(at))
        return replace(
            incident,
            acknowledged_at=events.get(StopOn.ACKNOWLEDGED),
            mitigated_at=events.get(StopOn.MITIGATED),
            resolved_at=events.get(StopOn.RESOLVED),
        )

    def _events(self, declared_at: datetime) -> Iterator[tuple[StopOn, datetime]]:
        for moment in self.story.moments:
            for happening in moment.happenings:
                if happening.by is not None:
                    self._ask(find_contact, happening.by)
                yield happening.event, declared_at + moment.elapsed

    def _severity(self, said: Phrase) -> str:
        try:
            return find_severity(self.plan, said.text)
        except UnknownNameError as error:
            message = f'"{said.text}" is neither a severity nor a word of stories'
            raise fault(
                StoryCode.UNKNOWN_NAME, said.span, message, error.hint
            ) from error

    def _severity_and_route(self, said: Phrase) -> tuple[str, str]:
        word, _, route = said.text.partition(" ")
        severity = self._ask(find_severity, replace(said, text=word))
        return severity, self._ask(find_route, replace(said, text=route.strip())).key

    def _schedule(self, line: DutyLine) -> Schedule:
        schedules = self.plan.schedules
        if line.schedule is not None and line.schedule.text in schedules:
            return schedules[line.schedule.text]
        if line.schedule is None and len(schedules) == 1:
            return next(iter(schedules.values()))
        said = line.schedule
        message = (
            f'the plan has no schedule "{said.text}"'
            if said
            else (f"the plan has {len(schedules)} schedules; say which")
        )
        hint = did_you_mean(said.text if said else "", list(schedules))
        span = said.span if said else line.span
        raise fault(StoryCode.UNKNOWN_NAME, span, message, hint)

    def _holder(self, said: Phrase) -> str | None:
        if said.text == NOBODY:
            return None
        return self._ask(find_contact, said).key

    def _unreachable(self) -> frozenset[str]:
        keys: set[str] = set()
        for phrase in self.story.unreachable:
            keys |= {one.key for one in self._ask(find_people, phrase)}
        return frozenset(keys)

    def _ask(self, find: Callable[[Plan, str], _Found], phrase: Phrase) -> _Found:
        """What a phrase means; a name that means nothing is a fault at its place."""
        try:
            return find(self.plan, phrase.text)
        except UnknownNameError as error:
            raise fault(
                StoryCode.UNKNOWN_NAME, phrase.span, error.message, error.hint
            ) from error

    def _instant(self, clock: WallClock | None) -> datetime:
        if clock is None:
            return self.plan.meta.effective_at
        return at_wall(clock.day, clock.wall, self.plan.meta.zone)

    def _is_open(self, elapsed: timedelta) -> bool:
        after = (one for one in self.story.moments if one.elapsed > elapsed)
        return next(after).after_gap


def _done(line: Line) -> Done:
    if line.contact is not None:
        return line.verb, line.contact.key
    if line.reason is FiringReason.REACHED_NOBODY:
        return line.verb, NOBODY
    return line.verb, "" if line.whom == "-" else line.whom


def _in_order(lines: list[Line]) -> list[Done]:
    return list(dict.fromkeys(_done(line) for line in lines))
