"""Promises: targets and their breach, and the news of an incident, told in time.

A look at an incident's promises does two things. It tells the *news*: entries of the
timeline that were written to be posted, each once, to the channels to which the
incident's ladder posts, and those about the beginning and the end also to whoever gets
the digest (S7.1-01, A31). And it asks :mod:`watchbill.core.sla` what its targets say:

- A warning goes to whoever works on the incident. While nobody does, paging is under
  way and is the louder warning, so the timeline alone says it. So it is with a missed
  response: a second message about it would say what the page says.
- A missed resolution goes to the owner and the team lead, and again each day (A34).
  The owner is whoever works on it, or the route's first contact; the lead is the
  commander of the plan's team, or the route's last contact.
- Executives hear of it, where the plan says so, once it lasts too long (A34).

Of a confidential incident nothing is posted, and nobody hears who does not work on it
(A15). None of these messages moves the ladder when it fails.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache, partial

from watchbill.core import sla
from watchbill.core.incidents import IncidentStatus
from watchbill.core.ladder import Step, StopOn, Verb
from watchbill.core.messages import Subject, update
from watchbill.core.notification import Method
from watchbill.core.paging import AddressKind, sends
from watchbill.core.people import Contact, UnknownRoleError, unique
from watchbill.core.severity import Urgency
from watchbill.core.sla import Event, Mark, Series
from watchbill.core.temporal import describe
from watchbill.server.engine.kinds import Kind, Moment
from watchbill.server.incidents import promises as memory
from watchbill.server.incidents import queries
from watchbill.server.incidents.models import Incident, TimelineEntry, TimelineKind
from watchbill.server.incidents.promises import Memory
from watchbill.server.incidents.queries import Facts
from watchbill.server.incidents.timeline import SYSTEM, record, tell_all
from watchbill.server.notifications import actions as notifications
from watchbill.server.notifications.actions import Telling
from watchbill.server.oncall import queries as oncall
from watchbill.server.oncall.queries import Live
from watchbill.server.people import queries as people
from watchbill.server.people.queries import Book
from watchbill.server.timers import actions as timers
from watchbill.server.timers.models import DueStep

_TOLD_TO_MANAGEMENT = frozenset({"resolved"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One incident at one look."""

    incident: Incident
    facts: Facts
    moment: Moment
    book: Book
    #: Who is on call, read once for all cases of a round, when the first one asks.
    live: Callable[[], Live]

    @property
    def terms(self) -> sla.Terms:
        """What its severity promises."""
        return self.facts.plan.terms(self.incident.severity)

    @property
    def subject(self) -> Subject:
        """What may be said of it."""
        return queries.subject_of(self.incident, self.facts.plan)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Looked:
    """What came of one look."""

    case: _Case
    answer: sla.Answer
    tellings: tuple[Telling, ...]
    memory: Memory


def _fire(due: list[DueStep], moment: Moment) -> None:
    held = queries.hold_many(due)
    book = people.book(wall=moment.wall)
    live = cache(partial(oncall.live, now=moment.now))
    known = {number: memory.of(incident) for number, incident in held.items()}
    news = memory.news_of_all({number: one.told for number, one in known.items()})
    looked = {}
    for step in due:
        number = step.subject_id
        incident = held[number]
        facts = queries.facts_of(incident)
        case = _Case(
            incident=incident, facts=facts, moment=moment, book=book, live=live
        )
        looked[step] = _look(case, known[number], news.get(number, ()))
    _write(looked, moment)


def _look(case: _Case, known: Memory, news: Sequence[TimelineEntry]) -> _Looked:
    incident = case.incident
    answer = sla.look(
        case.terms,
        memory.course_of(incident),
        known.passed_of(incident),
        now=case.moment.now,
    )
    told = max([known.told, *(entry.pk for entry in news)])
    return _Looked(
        case=case,
        answer=answer,
        tellings=(
            *(telling for entry in news for telling in _of_entry(entry, case)),
            *(telling for event in answer.events for telling in _of_event(event, case)),
        ),
        memory=known.with_passed(incident, answer.passed, told=told),
    )


def _write(looked: Mapping[DueStep, _Looked], moment: Moment) -> None:
    """Write what came of all looks, each kind of row at once."""
    every = looked.values()
    notifications.enqueue_all(
        ((one.case.incident.pk, telling) for one in every for telling in one.tellings),
        now=moment.now,
        wall=moment.wall,
    )
    for one in every:
        for event in one.answer.events:
            _record(event, one.case)
    memory.keep_all({one.case.incident.pk: one.memory for one in every})
    timers.next_looks(
        ((step, one.answer.ask_at) for step, one in looked.items()), now=moment.now
    )
    tell_all(
        {one.case.incident.pk for one in every if one.tellings or one.answer.events}
    )


# ── What is told ────────────────────────────────────────────────────────────────


def posts(
    incident: Incident, facts: Facts, text: str, *, key: str, moment: Moment
) -> Iterator[Telling]:
    """Yield what tells the channels of an incident's ladder that something changed."""
    subject = queries.subject_of(incident, facts.plan)
    yield from _posts(facts, subject, text, key=key, moment=moment)


def _posts(
    facts: Facts, subject: Subject, text: str, *, key: str, moment: Moment
) -> Iterator[Telling]:
    if subject.is_confidential:
        return
    zone, now = facts.plan.meta.zone, moment.now
    for channel in facts.ladder.channels:
        known = facts.plan.channels.get(channel)
        if known is None or not known.can_be_posted_to(moment.reach.posts):
            continue
        yield Telling(
            contact_key="",
            recipient=channel,
            methods=(Method(channel=known.provider, address=known.address),),
            notice=update(
                subject, text, key=f"{subject.number}/{key}", zone=zone, now=now
            ),
            step=_step(key, Verb.POST),
            stop_on=StopOn.NEVER,
            at=now,
        )


def _of_entry(entry: TimelineEntry, case: _Case) -> Iterator[Telling]:
    """What an entry of the timeline that is news tells to whom."""
    is_status = entry.news in set(IncidentStatus)
    subject = case.subject
    if is_status:
        subject = replace(subject, status=entry.news)
    key = f"news/{entry.pk}"
    text = _sentence(entry)
    yield from _posts(case.facts, subject, text, key=key, moment=case.moment)
    if entry.news in _TOLD_TO_MANAGEMENT and case.terms.digest_every is not None:
        yield from _to_management(text, subject, key=key, case=case)


def _sentence(entry: TimelineEntry) -> str:
    return f"{entry.text}. {entry.detail}" if entry.detail else entry.text


def _of_event(event: Event, case: _Case) -> Iterator[Telling]:
    key = f"{case.facts.ladder.prefix}{event.series}/{event.number}"
    match event.series:
        case Series.RESPONSE:
            return
        case Series.RESOLUTION:
            if not event.is_over:
                yield from _about_resolution(event, key, case)
        case Series.DIGEST:
            text = _progress(case)
            yield from _to_management(text, case.subject, key=key, case=case)
        case Series.EXECUTIVES:
            if not case.incident.is_confidential:
                text = f"It lasts longer than it should. {_progress(case)}"
                yield from _to(
                    _executives(case), text, key=key, case=case, urgency=Urgency.LOW
                )


def _about_resolution(event: Event, key: str, case: _Case) -> Iterator[Telling]:
    holders = _holders(case)
    if event.mark is Mark.WARNING:
        who = holders
    elif case.incident.is_confidential:
        who = holders or _owners(case)
    else:
        who = unique((*(holders or _owners(case)), *_leads(case)))
    urgency = case.subject.severity.urgency
    yield from _to(who, _said(event, case), key=key, case=case, urgency=urgency)


def _to_management(
    text: str, subject: Subject, *, key: str, case: _Case
) -> Iterator[Telling]:
    """A digest goes by mail, and never about a confidential incident (A31, A15)."""
    digest = case.facts.plan.incidents.digests.get(case.incident.severity)
    if digest is None or subject.is_confidential:
        return
    yield from _to(
        _people(digest.who, case),
        text,
        key=key,
        case=case,
        urgency=Urgency.LOW,
        only=AddressKind.EMAIL,
        subject=subject,
    )


def _to(
    contacts: tuple[Contact, ...],
    text: str,
    *,
    key: str,
    case: _Case,
    urgency: Urgency,
    only: AddressKind | None = None,
    subject: Subject | None = None,
) -> Iterator[Telling]:
    zone, now = case.facts.plan.meta.zone, case.moment.now
    about = subject or case.subject
    for contact in contacts:
        methods = case.book.methods_of(contact)
        found = sends(
            tuple(one for one in methods if only is None or one.kind is only),
            case.moment.reach.provided,
            case.book.wishes_of(contact.key),
            urgency=urgency,
            asks=False,
            failover=case.facts.plan.communication.failover,
            now=now,
        )
        for send in found:
            yield Telling(
                # Nobody is asked for anything, so no failure may move the ladder.
                contact_key="",
                recipient=contact.label,
                methods=send.methods,
                notice=update(
                    about,
                    text,
                    key=f"{about.number}/{key}/{contact.key}",
                    zone=zone,
                    now=now,
                    urgency=urgency,
                ),
                step=_step(f"{key}/{contact.key}", Verb.NOTIFY, urgency),
                stop_on=StopOn.NEVER,
                at=send.at,
            )


def _step(key: str, verb: Verb, urgency: Urgency = Urgency.LOW) -> Step:
    return Step(
        key=key,
        title="News of the incident",
        after=timedelta(0),
        verb=verb,
        stop_on=StopOn.NEVER,
        urgency=urgency,
    )


# ── To whom ─────────────────────────────────────────────────────────────────────


def _holders(case: _Case) -> tuple[Contact, ...]:
    """Who works on it."""
    directory = case.facts.plan.directory
    found = (directory.contact(key) for key in case.facts.situation.holders)
    return tuple(one for one in found if one is not None)


def _owners(case: _Case) -> tuple[Contact, ...]:
    route = case.facts.plan.routing.route(case.incident.alert_type)
    return _people((route.primary,), case)


def _leads(case: _Case) -> tuple[Contact, ...]:
    plan = case.facts.plan
    if plan.incidents.team is None:
        route = plan.routing.route(case.incident.alert_type)
        return _people((route.escalation,), case)
    roster = case.live().roster(plan)
    return roster.people(
        plan.incidents.team.commander,
        category=case.incident.category or None,
        at=case.moment.now,
        turn=case.incident.pk,
    )


def _executives(case: _Case) -> tuple[Contact, ...]:
    plan = case.facts.plan
    rule = plan.incidents.executive_updates[case.incident.severity]
    digest = plan.incidents.digests.get(case.incident.severity)
    named = rule.who or (() if digest is None else digest.who)
    if named:
        return _people(named, case)
    roster = case.live().roster(plan)
    category = case.incident.category or None
    return unique(
        contact
        for target in plan.fallback
        for contact in roster.people(
            target, category=category, at=case.moment.now, turn=case.incident.pk
        )
    )


def _people(roles: tuple[str, ...], case: _Case) -> tuple[Contact, ...]:
    directory = case.facts.plan.directory
    found: list[Contact] = []
    for role in roles:
        try:
            found.extend(directory.holders(role))
        except UnknownRoleError:  # an old plan may name a role that it never defined
            continue
    return unique(found)


# ── What is written down ────────────────────────────────────────────────────────

_TARGETS = {Series.RESPONSE: "Response", Series.RESOLUTION: "Resolution"}


def _record(event: Event, case: _Case) -> None:
    """Write a warning or a breach down, at the instant at which it happened."""
    if event.series not in _TARGETS:
        return
    record(
        case.incident,
        TimelineKind.WARNING,
        _said(event, case),
        actor=SYSTEM,
        now=event.at,
    )
    if event.mark is Mark.BREACH:
        column = f"{event.series}_missed_at"
        Incident.objects.filter(pk=case.incident.pk).update(**{column: event.at})


def _said(event: Event, case: _Case) -> str:
    terms = case.terms
    promise = terms.response if event.series is Series.RESPONSE else terms.resolution
    within = timedelta(0) if promise is None else promise.within
    name = _TARGETS[event.series]
    target = describe(within)
    due_at = case.incident.started_at + within
    if event.mark is Mark.WARNING:
        return f"{name} is due in {describe(due_at - event.at)} (target {target})"
    if event.mark is Mark.BREACH:
        return f"{name} target of {target} missed"
    return f"{name} target of {target} missed {describe(event.at - due_at)} ago"


def _progress(case: _Case) -> str:
    """How an incident stands, in one or two sentences."""
    incident = case.incident
    lasted = describe(case.moment.now - incident.declared_at)
    holder = incident.acknowledged_by
    who = f"{holder} has taken it" if holder else "Nobody has taken it yet"
    return f"{incident.status.capitalize()}, for {lasted}. {who}."


KIND = Kind(name=queries.PROMISES, fire=_fire)
"""What looks at the promises; a page never waits for it."""
