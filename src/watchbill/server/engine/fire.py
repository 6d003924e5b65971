"""Firing: what the ladders of incidents say now, done and recorded.

1. Take the due steps whose time has come, and hold their incidents.
2. Ask the core what happens now, incident by incident.
3. Record it: steps dealt with, notifications, tickets, responders, timeline.
4. Move the due step to the next look, or settle it when there is none.

All of it is one transaction, so that a process that dies leaves either the old
state or the new one (I7). A batch is one transaction for speed; when anything in
it fails, the same steps are done again one by one, and only the one that fails by
itself is pushed back (I10).
"""

import logging
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction

from watchbill.core import escalation
from watchbill.core.escalation import Advance, Call, Firing
from watchbill.core.ladder import Step, Verb
from watchbill.core.messages import Notice, Subject, write
from watchbill.core.notification import Method, contact_methods
from watchbill.core.people import Contact
from watchbill.core.roster import Roster
from watchbill.server import faults
from watchbill.server.engine.channels import Reach
from watchbill.server.incidents import actions as incidents
from watchbill.server.incidents import queries
from watchbill.server.incidents.models import (
    Incident,
    Responder,
    StepFiring,
    TimelineEntry,
    TimelineKind,
)
from watchbill.server.incidents.queries import Facts
from watchbill.server.notifications import actions as notifications
from watchbill.server.notifications.actions import Telling
from watchbill.server.tickets import actions as tickets
from watchbill.server.timers import actions as timer_actions
from watchbill.server.timers import queries as timer_queries
from watchbill.server.timers.models import DueStep
from watchbill.server.web.live import announce, wake_engine

BATCH = 100

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """The two times of one cycle, and who can be reached in it."""

    now: datetime
    wall: datetime
    reach: Reach


def fire_due(moment: Moment, *, limit: int = BATCH) -> int:
    """Fire up to ``limit`` due steps; return how many were looked at."""
    try:
        with transaction.atomic():
            due = timer_queries.take_due(queries.LADDER, now=moment.now, limit=limit)
            _fire_all(due, moment)
            return len(due)
    except Exception:  # the culprit is found and reported one by one below
        logger.warning("a batch of due steps failed; firing them one by one")
        return _fire_singly(moment, limit=limit)


def _fire_singly(moment: Moment, *, limit: int) -> int:
    fired = 0
    while fired < limit:
        with transaction.atomic():
            due = timer_queries.take_due(queries.LADDER, now=moment.now, limit=1)
            if not due:
                return fired
            try:
                with transaction.atomic():
                    _fire_all(due, moment)
            except Exception as error:  # whatever it is, it must stall no other
                if faults.is_lost(error):
                    raise
                logger.exception("the due step %s cannot be decided", due[0])
                text = f"{type(error).__name__}: {error}"
                timer_actions.postpone_failed(due[0], text, now=moment.now)
        fired += 1
    return fired


def _fire_all(due: list[DueStep], moment: Moment) -> None:
    held = queries.hold_many(due)
    for step in due:
        incident = held[step.subject_id]
        facts = queries.facts_of(incident)
        advance = escalation.advance(
            facts.ladder,
            facts.progress,
            facts.situation,
            _roster(facts, moment.reach),
            now=moment.now,
        )
        _record(incident, facts, advance, moment)
        timer_actions.next_look(step, at=advance.ask_at, now=moment.now)
    if due:
        wake_engine()


def _roster(facts: Facts, reach: Reach) -> Roster:
    unreachable = frozenset(
        contact.key
        for contact in facts.plan.directory.contacts
        if not contact_methods(contact, configured=reach.people)
    )
    return facts.plan.roster(unreachable=unreachable)


def _record(incident: Incident, facts: Facts, advance: Advance, moment: Moment) -> None:
    incidents.save_progress(incident, advance.progress, look_at=advance.ask_at)
    posted = {
        firing.step.key: _postable(firing, facts, moment.reach)
        for firing in advance.firings
    }
    StepFiring.objects.bulk_create(
        [
            _firing(incident, one, posted[one.step.key], moment)
            for one in advance.firings
        ]
    )
    TimelineEntry.objects.bulk_create(
        [_entry(incident, one, posted[one.step.key], moment) for one in advance.firings]
    )
    notifications.enqueue(
        [
            *(_page(incident, facts, call, moment) for call in advance.calls()),
            *(
                _post(incident, facts, firing, channel, moment)
                for firing in advance.firings
                for channel in posted[firing.step.key]
            ),
        ],
        incident_id=incident.pk,
        now=moment.now,
        wall=moment.wall,
    )
    for firing in advance.firings:
        _do_more(incident, facts, firing, moment)
    announce("incident", incident.pk)


def _do_more(incident: Incident, facts: Facts, firing: Firing, moment: Moment) -> None:
    """What a step does besides telling: a ticket, or responders."""
    if not firing.acts:
        return
    if firing.step.verb is Verb.CREATE_TICKET:
        owner = facts.plan.routing.route(incident.alert_type).primary
        holders = facts.plan.directory.holders(owner)
        tickets.open_for_incident(
            incident.pk,
            # Agents work on tickets and do not see confidential incidents (A15).
            title="Confidential incident"
            if incident.is_confidential
            else incident.title,
            priority=facts.plan.ticket_priority.get(incident.severity, "standard"),
            assigned_to=holders[0].label if holders else owner,
            now=moment.now,
        )
    if firing.step.verb is Verb.ESCALATE:
        _add_responders(incident, firing, moment.now)


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
        if name in known and known[name].kind in reach.posts
    )


def _firing(
    incident: Incident, firing: Firing, posted: tuple[str, ...], moment: Moment
) -> StepFiring:
    return StepFiring(
        incident=incident,
        step_key=firing.step.key,
        title=firing.step.title,
        verb=firing.step.verb,
        reason=firing.reason,
        explanation=firing.explanation,
        due_at=firing.due_at,
        fired_at=moment.now,
        is_late=firing.is_late,
        told=[*(contact.label for contact in firing.recipients), *posted],
    )


def _entry(
    incident: Incident, firing: Firing, posted: tuple[str, ...], moment: Moment
) -> TimelineEntry:
    missing = sorted(set(firing.channels) - set(posted)) if firing.acts else []
    told = [*(contact.label for contact in firing.recipients), *posted]
    parts = [firing.explanation]
    if missing:
        parts.append(f"not posted to {', '.join(missing)}: no channel for it is set up")
    nobody = firing.step.contacts_people and not firing.recipients
    is_warning = (firing.step.contacts_people and firing.acts and nobody) or (
        firing.reason is escalation.FiringReason.REACHED_NOBODY
    )
    return TimelineEntry(
        incident=incident,
        at=moment.now,
        kind=TimelineKind.WARNING if is_warning else TimelineKind.STEP,
        actor=incidents.SYSTEM.label,
        text=_sentence(firing, told),
        detail="; ".join(part for part in parts if part),
    )


def _sentence(firing: Firing, told: list[str]) -> str:
    title = firing.step.title
    if not firing.acts:
        return f"{title}: not done, {firing.explanation}"
    return f"{title}: {', '.join(told)}" if told else title


def _page(incident: Incident, facts: Facts, call: Call, moment: Moment) -> Telling:
    later = call.step_once_answered
    return Telling(
        contact_key=call.contact.key,
        recipient=_name(call.contact),
        methods=contact_methods(call.contact, configured=moment.reach.people),
        notice=_said(incident, facts, call, call.step, moment),
        step=call.step,
        stop_on=call.stop_on,
        once_answered=None
        if later is None
        else (later, _said(incident, facts, call, later, moment)),
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
    # A post has no one to answer it; it reads like a notice without a request.
    step = replace(firing.step, verb=Verb.POST)
    return Telling(
        contact_key="",
        recipient=channel,
        methods=(Method(channel=facts.plan.channels[channel].kind, address=channel),),
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
        is_late=firing.is_late,
    )


def _name(contact: Contact) -> str:
    if contact.name and contact.title:
        return f"{contact.name}, {contact.title}"
    return contact.label


def _subject(incident: Incident, facts: Facts) -> Subject:
    return Subject(
        number=incident.pk,
        title=incident.title,
        summary=incident.summary,
        severity=facts.plan.severity(incident.severity),
        alert_type=facts.plan.routing.route(incident.alert_type).title,
        status=incident.status,
        declared_at=incident.declared_at,
        is_drill=incident.is_drill,
        is_confidential=incident.is_confidential,
    )
