"""Incidents at a hand-over: they stay with whoever has them, unless both agree.

The watch changes hands by the clock; an incident does not (S4.4-12). Whoever leaves
may offer the open incidents that they hold to whoever comes, and accepting one makes
the other its holder: the acknowledgement goes on under the new name, and no ladder
begins anew. Roles of the response team are taken as at any other time.
"""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from watchbill.core.incidents import OPEN_STATUSES, IncidentStatus
from watchbill.server.incidents import queries, team
from watchbill.server.incidents.actions import replan
from watchbill.server.incidents.models import (
    Incident,
    IncidentOffer,
    Responder,
    TimelineKind,
)
from watchbill.server.incidents.timeline import Actor, record, tell
from watchbill.server.oncall import queries as oncall

_TAKEN = OPEN_STATUSES - {IncidentStatus.TRIGGERED}


class OfferRefusedError(ValueError):
    """An incident cannot be handed over so; the message says why."""


def held_by(contact_key: str) -> list[Incident]:
    """Return the open incidents that a contact has, the oldest first.

    Whoever joined later helps, and the incident stays with who acknowledged it.
    """
    if not contact_key:
        return []
    rows = Incident.objects.filter(status__in=_TAKEN, holder=contact_key)
    return list(rows.order_by("pk"))


def open_offers_to(contact_key: str) -> list[IncidentOffer]:
    """Return the incidents that are offered to a contact and still open."""
    rows = IncidentOffer.objects.select_related("incident").filter(
        to_contact=contact_key,
        decided_at=None,
        incident__status__in=OPEN_STATUSES,
    )
    return list(rows.order_by("pk"))


@transaction.atomic
def offer(
    handover_id: int, incident_ids: Collection[int], *, actor: Actor, now: datetime
) -> list[IncidentOffer]:
    """Offer open incidents that the actor holds to whoever takes the watch over."""
    handover = oncall.handover(handover_id)
    if handover is None or handover.from_contact != actor.contact_key:
        message = "only whoever leaves the watch offers incidents"
        raise OfferRefusedError(message)
    made = []
    for incident in queries.hold_all(incident_ids).values():
        if not _is_with(incident, actor.contact_key):
            message = f"#{incident.pk} is not yours to hand over"
            raise OfferRefusedError(message)
        one, _ = IncidentOffer.objects.get_or_create(
            incident=incident,
            handover=handover,
            defaults={
                "from_contact": handover.from_contact,
                "to_contact": handover.to_contact,
                "offered_at": now,
            },
        )
        made.append(one)
    return made


@transaction.atomic
def accept(offer_id: int, *, actor: Actor, now: datetime) -> IncidentOffer:
    """Take an incident over; its ladder goes on as if the actor had taken it."""
    found = _to(offer_id, actor)
    held = queries.hold(found.incident_id)
    found = _to(offer_id, actor)
    incident = held.incident
    if found.decided_at is not None:
        message = "that offer was answered already"
        raise OfferRefusedError(message)
    if not _is_with(incident, found.from_contact):
        message = f"#{incident.pk} is over, or nobody or somebody else has it by now"
        raise OfferRefusedError(message)
    former = incident.acknowledged_by
    Incident.objects.filter(pk=incident.pk).update(
        acknowledged_by=actor.label, holder=actor.contact_key, taken_at=now
    )
    incident.refresh_from_db()
    team.join(incident, actor, now=now)
    Responder.objects.filter(incident=incident, contact_key=found.from_contact).update(
        joined_at=None
    )
    text = f"{actor.label} took over from {former}"
    record(incident, TimelineKind.STATUS, text, actor=actor, now=now)
    replan(held, queries.progress_of(incident), now=now)
    tell(incident)
    return _decide(found, is_accepted=True, now=now)


@transaction.atomic
def decline(offer_id: int, *, actor: Actor, now: datetime) -> IncidentOffer:
    """Leave an incident with whoever has it."""
    found = _to(offer_id, actor)
    queries.hold(found.incident_id)
    found = _to(offer_id, actor)
    if found.decided_at is not None:
        message = "that offer was answered already"
        raise OfferRefusedError(message)
    return _decide(found, is_accepted=False, now=now)


def _is_with(incident: Incident, contact_key: str) -> bool:
    """Whether somebody has an incident; one that waits again is nobody's (A2)."""
    return incident.status in _TAKEN and incident.holder == contact_key != ""


def _to(offer_id: int, actor: Actor) -> IncidentOffer:
    found = IncidentOffer.objects.filter(pk=offer_id).first()
    if found is None or found.to_contact != actor.contact_key:
        message = "that incident was not offered to you"
        raise OfferRefusedError(message)
    return found


def _decide(found: IncidentOffer, *, is_accepted: bool, now: datetime) -> IncidentOffer:
    found.decided_at, found.is_accepted = now, is_accepted
    found.save(update_fields=["decided_at", "is_accepted"])
    return found
