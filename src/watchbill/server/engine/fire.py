"""Firing: what the ladders of incidents say now, done and recorded.

1. Take the due steps whose time has come, and hold their incidents.
2. Ask the core what happens now, incident by incident.
3. Record it: steps dealt with, notifications, tickets, responders, timeline.
4. Move the due step to the next look, or settle it when there is none.

All of it is one transaction, so that a process that dies leaves either the old
state or the new one (I7); ``kinds.py`` says how a batch becomes one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from watchbill.core import escalation
from watchbill.core.escalation import Advance, Call, Firing
from watchbill.core.ladder import Step, Verb
from watchbill.core.messages import Notice, Subject, write
from watchbill.core.notification import Method
from watchbill.core.paging import sends
from watchbill.core.people import Contact
from watchbill.core.roster import Roster
from watchbill.server import bulk
from watchbill.server.engine import kinds, promises
from watchbill.server.engine.kinds import BATCH, Kind, Moment
from watchbill.server.incidents import actions as incidents
from watchbill.server.incidents import queries
from watchbill.server.incidents.models import (
    Incident,
    Responder,
    StepFiring,
    TimelineKind,
)
from watchbill.server.incidents.queries import Facts
from watchbill.server.incidents.timeline import entry, record_all
from watchbill.server.notifications import actions as notifications
from watchbill.server.notifications.actions import Telling
from watchbill.server.oncall import queries as oncall
from watchbill.server.people import queries as people
from watchbill.server.people.queries import Book
from watchbill.server.providers import Reach
from watchbill.server.tickets import actions as tickets
from watchbill.server.tickets.actions import Wanted
from watchbill.server.timers import actions as timer_actions
from watchbill.server.timers.models import DueStep
from watchbill.server.web.live import wake_engine


def fire_due(moment: Moment, *, limit: int = BATCH) -> int:
    """Fire up to ``limit`` due steps of ladders; return how many were looked at."""
    return kinds.run(KIND, moment, limit=limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decided:
    """One incident, and what its ladder says now."""

    step: DueStep
    incident: Incident
    facts: Facts
    advance: Advance
    #: The channels to which each firing is posted, by the key of its step.
    posted: Mapping[str, tuple[str, ...]]


def _fire_all(due: list[DueStep], moment: Moment) -> None:
    held = queries.hold_many(due)
    book = people.book(wall=moment.wall)
    rosters: dict[int, Roster] = {}
    decided = []
    for step in due:
        incident = held[step.subject_id]
        facts = queries.facts_of(incident)
        roster = rosters.get(incident.plan_version_id)
        if roster is None:
            roster = _roster(facts, moment, book)
            rosters[incident.plan_version_id] = roster
        decided.append(_decide(step, incident, facts, roster, moment))
    _record(decided, moment, book)


def _decide(
    step: DueStep, incident: Incident, facts: Facts, roster: Roster, moment: Moment
) -> _Decided:
    advance = escalation.advance(
        facts.ladder, facts.progress, facts.situation, roster, now=moment.now
    )
    return _Decided(
        step=step,
        incident=incident,
        facts=facts,
        advance=advance,
        posted={
            firing.step.key: _postable(firing, facts, moment.reach)
            for firing in advance.firings
        },
    )


def _roster(facts: Facts, moment: Moment, book: Book) -> Roster:
    return oncall.roster(
        facts.plan,
        now=moment.now,
        unreachable=lambda directory: book.unreachable(
            directory, moment.reach.provided
        ),
        reachable=book.with_own_address(),
    )


def _record(decided: list[_Decided], moment: Moment, book: Book) -> None:
    """Write what was decided, each kind of row for all incidents at once."""
    if not decided:
        return
    for one in decided:
        if one.advance.lapsed_at is not None:
            incidents.lapse(one.incident, at=one.advance.lapsed_at, now=moment.now)
    incidents.save_all_progress(
        (one.incident, one.advance.progress, one.advance.ask_at) for one in decided
    )
    fired = [(one, firing) for one in decided for firing in one.advance.firings]
    bulk.insert_values(
        StepFiring, [_firing(one, firing, moment) for one, firing in fired]
    )
    record_all([_entry(one, firing, moment) for one, firing in fired])
    notifications.enqueue_all(
        (
            (one.incident.pk, telling)
            for one in decided
            for telling in _tellings(one, moment, book)
        ),
        now=moment.now,
        wall=moment.wall,
    )
    tickets.open_for_incidents(
        [
            _ticket(one.incident, one.facts)
            for one, firing in fired
            if firing.acts and firing.step.verb is Verb.CREATE_TICKET
        ],
        now=moment.now,
    )
    for one, firing in fired:
        _call_in(one.incident, firing, moment)
    timer_actions.next_looks(
        ((one.step, one.advance.ask_at) for one in decided), now=moment.now
    )
    incidents.tell_all({one.incident.pk for one in decided})
    wake_engine()


def _tellings(one: _Decided, moment: Moment, book: Book) -> Iterator[Telling]:
    incident, facts = one.incident, one.facts
    for call in one.advance.calls():
        yield from _pages(incident, facts, call, moment, book)
    for firing in one.advance.firings:
        for channel in one.posted[firing.step.key]:
            yield _post(incident, facts, firing, channel, moment)
    yield from _news(incident, facts, one.advance, moment)


def _news(
    incident: Incident, facts: Facts, advance: Advance, moment: Moment
) -> Iterator[Telling]:
    """What the channels hear: who was called in, and that paging began anew."""
    if advance.lapsed_at is not None:
        text = "Nobody shows any activity; paging begins anew."
        key = f"{facts.ladder.prefix}lapse/{advance.progress.round}"
        yield from promises.posts(incident, facts, text, key=key, moment=moment)
    for firing in advance.firings:
        if firing.acts and firing.step.verb is Verb.ESCALATE:
            who = ", ".join(contact.label for contact in firing.recipients)
            text = f"{firing.step.title}: {who}"
            key = f"news/{firing.step.key}"
            yield from promises.posts(incident, facts, text, key=key, moment=moment)


def _ticket(incident: Incident, facts: Facts) -> Wanted:
    """The ticket that a step of an incident's ladder opens."""
    owner = facts.plan.routing.route(incident.alert_type).primary
    holders = facts.plan.directory.holders(owner)
    return Wanted(
        incident_id=incident.pk,
        # Agents work on tickets and do not see confidential incidents (A15).
        title="Confidential incident" if incident.is_confidential else incident.title,
        priority=facts.plan.ticket_priority.get(incident.severity, "standard"),
        assigned_to=holders[0].label if holders else owner,
        level=queries.first_level(incident, facts.plan),
    )


def _call_in(incident: Incident, firing: Firing, moment: Moment) -> None:
    """What an escalation does besides telling: its people respond, and own tickets."""
    if firing.acts and firing.step.verb is Verb.ESCALATE:
        _add_responders(incident, firing, moment.now)
        levels = [contact.level for contact in firing.recipients]
        if levels:
            tickets.hand_on(incident.pk, level=max(levels))


def _add_responders(incident: Incident, firing: Firing, now: datetime) -> None:
    Responder.objects.bulk_create(
        [
            Responder(
                incident=incident,
                contact_key=contact.key,
                label=contact.label,
                role=contact.title or "responder",
                since=now,
            )
            for contact in firing.recipients
        ],
        ignore_conflicts=True,
    )


def _postable(firing: Firing, facts: Facts, reach: Reach) -> tuple[str, ...]:
    """The channels of an acting step that can be posted to."""
    if not firing.acts:
        return ()
    known = facts.plan.channels
    return tuple(
        name
        for name in firing.channels
        if name in known and known[name].can_be_posted_to(reach.posts)
    )


def _firing(one: _Decided, firing: Firing, moment: Moment) -> dict[str, Any]:
    posted = one.posted[firing.step.key]
    return {
        "incident_id": one.incident.pk,
        "step_key": firing.step.key,
        "title": firing.step.title,
        "verb": firing.step.verb,
        "reason": firing.reason,
        "explanation": firing.explanation,
        "due_at": firing.due_at,
        "fired_at": moment.now,
        "is_late": firing.is_late,
        "told": [*(contact.label for contact in firing.recipients), *posted],
    }


def _entry(one: _Decided, firing: Firing, moment: Moment) -> dict[str, Any]:
    posted = one.posted[firing.step.key]
    missing = sorted(set(firing.channels) - set(posted)) if firing.acts else []
    told = [*(contact.label for contact in firing.recipients), *posted]
    parts = [firing.explanation]
    if missing:
        parts.append(f"not posted to {', '.join(missing)}: no channel for it is set up")
    nobody = firing.step.contacts_people and not firing.recipients
    is_warning = (firing.step.contacts_people and firing.acts and nobody) or (
        firing.reason is escalation.FiringReason.REACHED_NOBODY
    )
    return entry(
        one.incident.pk,
        TimelineKind.WARNING if is_warning else TimelineKind.STEP,
        _sentence(firing, told),
        actor=incidents.SYSTEM,
        at=moment.now,
        detail="; ".join(part for part in parts if part),
    )


def _sentence(firing: Firing, told: list[str]) -> str:
    title = firing.step.title
    if not firing.acts:
        return f"{title}: not done, {firing.explanation}"
    return f"{title}: {', '.join(told)}" if told else title


def _pages(
    incident: Incident, facts: Facts, call: Call, moment: Moment, book: Book
) -> Iterator[Telling]:
    """Yield the messages by which one person is told."""
    later = call.step_once_answered
    notice = _said(incident, facts, call, call.step, moment)
    once_answered = (
        None if later is None else (later, _said(incident, facts, call, later, moment))
    )
    for send in sends(
        book.methods_of(call.contact),
        moment.reach.provided,
        book.wishes_of(call.contact.key),
        urgency=notice.urgency,
        asks=call.step.verb in {Verb.PAGE, Verb.ESCALATE} and not call.is_copy,
        failover=facts.plan.communication.failover,
        now=moment.now,
    ):
        yield Telling(
            contact_key=call.contact.key,
            recipient=_name(call.contact),
            methods=send.methods,
            notice=notice,
            step=call.step,
            stop_on=call.stop_on,
            at=send.at,
            is_follow_up=send.is_follow_up,
            once_answered=once_answered,
            is_copy=call.is_copy,
            is_late=call.is_late,
        )


def _said(
    incident: Incident, facts: Facts, call: Call, step: Step, moment: Moment
) -> Notice:
    return write(
        _subject(incident, facts),
        step,
        because=call.because,
        key=f"{incident.pk}/{call.step.key}/{call.contact.key}",
        links=(),
        zone=facts.plan.meta.zone,
        now=moment.now,
        is_copy=call.is_copy,
        is_late=call.is_late,
    )


def _post(
    incident: Incident, facts: Facts, firing: Firing, channel: str, moment: Moment
) -> Telling:
    place = facts.plan.channels[channel]
    # A post has no one to answer it; it reads like a notice without a request.
    step = replace(firing.step, verb=Verb.POST)
    return Telling(
        contact_key="",
        recipient=channel,
        methods=(Method(channel=place.provider, address=place.address),),
        notice=write(
            _subject(incident, facts),
            step,
            because=(firing.step,),
            key=f"{incident.pk}/{step.key}/{channel}",
            links=(),
            zone=facts.plan.meta.zone,
            now=moment.now,
            is_late=firing.is_late,
        ),
        step=step,
        stop_on=step.stop_on,
        at=moment.now,
        is_late=firing.is_late,
    )


def _name(contact: Contact) -> str:
    if contact.name and contact.title:
        return f"{contact.name}, {contact.title}"
    return contact.label


def _subject(incident: Incident, facts: Facts) -> Subject:
    return queries.subject_of(incident, facts.plan)


KIND = Kind(name=queries.LADDER, fire=_fire_all)
"""What asks the ladders; the engine fires it before all else."""
