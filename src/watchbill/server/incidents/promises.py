"""What is remembered of an incident's promises: what has passed, and what was told.

``Incident.promises`` holds, for each severity the incident had, from when its clocks
ran and how many instants of each series of :mod:`watchbill.core.sla` have passed; and
the last entry of the timeline whose news was told. Under other clocks of the same
severity the count begins anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import msgspec

from watchbill.core import sla
from watchbill.core.sla import Course, Series, Standing
from watchbill.plan import Plan
from watchbill.server import bulk
from watchbill.server.incidents.models import Incident, TimelineEntry
from watchbill.server.stored import Stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """How far the series of one severity have come."""

    since: datetime
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What was told already."""

    passed: Mapping[str, Passed] = field(default_factory=dict)
    #: The number of the last entry of the timeline whose news was told.
    told: int = 0

    def passed_of(self, incident: Incident) -> Mapping[str, int]:
        """Return how far the series of an incident's severity have come."""
        one = self.passed.get(incident.severity)
        if one is None or one.since != incident.started_at:
            return {}
        return one.counts

    def with_passed(
        self, incident: Incident, counts: Mapping[str, int], *, told: int
    ) -> "Memory":
        """Return the memory after a look."""
        now = Passed(since=incident.started_at, counts=counts)
        passed = {**self.passed, incident.severity: now}
        return replace(self, passed=passed, told=told)


_MEMORY = Stored(Memory)


def of(incident: Incident) -> Memory:
    """Return what is remembered of an incident."""
    return _MEMORY.read(incident.promises)


def keep_all(memories: Mapping[int, Memory]) -> None:
    """Write the memories of held incidents, by number."""
    bulk.update(
        Incident,
        (
            {"id": number, "promises": msgspec.to_builtins(one)}
            for number, one in memories.items()
        ),
    )


def news_of_all(told: Mapping[int, int]) -> dict[int, list[TimelineEntry]]:
    """Return the news of incidents that was not told yet, the oldest first.

    Of each the number of the last entry is given whose news was told.
    """
    rows = TimelineEntry.objects.filter(
        incident__in=told, pk__gt=min(told.values(), default=0)
    )
    found: dict[int, list[TimelineEntry]] = {}
    for entry in rows.exclude(news="").order_by("pk"):
        if entry.pk > told[entry.incident_id]:
            found.setdefault(entry.incident_id, []).append(entry)
    return found


def course_of(incident: Incident) -> Course:
    """Return how an incident went, as far as its promises are concerned."""
    return Course(
        started_at=incident.started_at,
        responded_at=incident.acknowledged_at,
        resolved_at=incident.resolved_at,
    )


def standings(
    incident: Incident, plan: Plan, *, now: datetime
) -> dict[Series, Standing | None]:
    """Return how the two promises of an incident stand."""
    terms, course = plan.terms(incident.severity), course_of(incident)
    return {
        Series.RESPONSE: sla.standing(terms.response, Series.RESPONSE, course, now=now),
        Series.RESOLUTION: sla.standing(
            terms.resolution, Series.RESOLUTION, course, now=now
        ),
    }


def suggested_severity(incident: Incident, plan: Plan, *, now: datetime) -> str:
    """Return the severity to which raising is suggested, empty if to none (A34)."""
    if not sla.suggests_raise(
        plan.terms(incident.severity), course_of(incident), now=now
    ):
        return ""
    keys = [one.key for one in plan.severities]
    place = keys.index(incident.severity)
    return keys[place - 1] if place else ""
