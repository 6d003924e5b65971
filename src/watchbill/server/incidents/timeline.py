"""The timeline: what is written down of an incident, and who is told to look.

An entry may be *news*: then the engine posts it to the channels to which the incident
is posted (S7.1-01). What a person does or writes is *activity*, which keeps an
acknowledgement alive (A2).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from watchbill.server import bulk
from watchbill.server.incidents.models import Incident, TimelineEntry, TimelineKind
from watchbill.server.web.live import announce, announce_all


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who does something, as the record names them."""

    label: str
    #: The contact of the plan that this is; empty for the system.
    contact_key: str = ""


SYSTEM = Actor(label="watchbill")

_BY_PEOPLE = frozenset({TimelineKind.STATUS, TimelineKind.NOTE})


def record(
    incident: Incident,
    kind: TimelineKind,
    text: str,
    *,
    actor: Actor,
    now: datetime,
    detail: str = "",
    news: str = "",
) -> None:
    """Add an entry to the timeline; ``news`` is the word under which it is posted."""
    TimelineEntry.objects.create(
        incident=incident,
        at=now,
        kind=kind,
        actor=actor.label,
        text=text,
        detail=detail,
        news=news,
    )
    if kind in _BY_PEOPLE and actor != SYSTEM:
        Incident.objects.filter(pk=incident.pk).update(active_at=now)
        incident.active_at = now


def entry(
    incident_id: int,
    kind: TimelineKind,
    text: str,
    *,
    actor: Actor,
    at: datetime,
    detail: str = "",
) -> dict[str, Any]:
    """Return an entry that is no news and no activity, for :func:`record_all`."""
    return {
        "incident_id": incident_id,
        "at": at,
        "kind": kind,
        "actor": actor.label,
        "text": text,
        "detail": detail,
        "news": "",
    }


def record_all(entries: Sequence[Mapping[str, Any]]) -> None:
    """Add entries to the timelines of many incidents."""
    bulk.insert_values(TimelineEntry, entries)


def tell(incident: Incident) -> None:
    """Tell open pages that an incident changed.

    That a confidential one exists is known to its readers only, so its number goes to
    nobody: their pages look again with the list (A15).
    """
    if incident.is_confidential:
        announce("incidents")
    else:
        announce("incident", incident.pk)


def tell_all(numbers: Collection[int]) -> None:
    """Tell open pages that several incidents changed, as :func:`tell` does for one."""
    if not numbers:
        return
    secret = Incident.objects.filter(pk__any=numbers, is_confidential=True)
    hidden = set(secret.values_list("pk", flat=True))
    if hidden:
        announce("incidents")
    announce_all("incident", sorted(set(numbers) - hidden))
