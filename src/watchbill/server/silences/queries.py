"""Reading silences, and the alerts that they are about."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db.models import Q, QuerySet

from watchbill.core import suppression
from watchbill.core.alerts import AlertStatus
from watchbill.core.labels import matches_all
from watchbill.server.alerts.models import Alert
from watchbill.server.incidents import queries as incidents
from watchbill.server.silences.matching import (
    Written,
    compiled,
    compiled_one,
    sure_labels,
)
from watchbill.server.silences.models import Silence

SHOWN = 6
"""Of what a silence matches, so many are listed and the rest counted."""

_CHUNK = 2_000


class SilenceState(StrEnum):
    """Where a silence stands; the words are Alertmanager's."""

    ACTIVE = "active"
    PENDING = "pending"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The firing alerts that some matchers match now."""

    count: int
    #: The first of them.
    alerts: tuple[Alert, ...]
    #: Open incidents of theirs, which go on regardless, by number.
    incidents: tuple[tuple[int, str], ...]


def state_of(silence: Silence, *, at: datetime) -> SilenceState:
    """Return where a silence stands at an instant."""
    if silence.ends_at <= at:
        return SilenceState.EXPIRED
    return SilenceState.PENDING if at < silence.starts_at else SilenceState.ACTIVE


def active(at: datetime) -> tuple[suppression.Silence, ...]:
    """Return the silences in force, ready to be asked; the oldest first."""
    rows = Silence.objects.filter(starts_at__lte=at, ends_at__gt=at).order_by("pk")
    return tuple(
        suppression.Silence(
            key=str(row.public_id),
            matchers=compiled(row.matchers),
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            author=row.created_by,
            comment=row.comment,
            source="" if row.integration_id is None else str(row.integration_id),
        )
        for row in rows
    )


def live_count(*, at: datetime) -> int:
    """Return how many have not ended."""
    return Silence.objects.filter(ends_at__gt=at).count()


def active_count(*, at: datetime) -> int:
    """Return how many are in force."""
    return Silence.objects.filter(starts_at__lte=at, ends_at__gt=at).count()


def listed(state: SilenceState, *, at: datetime) -> QuerySet[Silence]:
    """Return the silences in a state: what changes next, or ended last, first."""
    rows = Silence.objects.select_related("integration")
    match state:
        case SilenceState.ACTIVE:
            found = rows.filter(starts_at__lte=at, ends_at__gt=at)
            return found.order_by("ends_at", "pk")
        case SilenceState.PENDING:
            found = rows.filter(starts_at__gt=at, ends_at__gt=at)
            return found.order_by("starts_at", "pk")
        case SilenceState.EXPIRED:
            return rows.filter(ends_at__lte=at).order_by("-ends_at", "-pk")


def find(public_id: uuid.UUID | str) -> Silence | None:
    """Return a silence by the id that people and clients know."""
    return (
        Silence.objects.select_related("integration").filter(public_id=public_id)
    ).first()


def preview(matchers: Sequence[Written], *, confidential: bool) -> Preview:
    """Return which firing alerts the matchers match now.

    Raises `MatcherError` for a bad pattern. Confidential alerts and those of
    confidential incidents are left out unless ``confidential``.
    """
    count = 0
    shown: list[Alert] = []
    open_ones: dict[int, str] = {}
    for alert in _matching(matchers, confidential=confidential):
        count += 1
        if len(shown) < SHOWN:
            shown.append(alert)
        incident = alert.incident
        if incident is not None and incidents.is_open(incident):
            open_ones[incident.pk] = incident.title
    return Preview(
        count=count, alerts=tuple(shown), incidents=tuple(sorted(open_ones.items()))
    )


def _matching(matchers: Sequence[Written], *, confidential: bool) -> Iterator[Alert]:
    conditions = [compiled_one(one) for one in matchers]
    rows = Alert.objects.filter(status=AlertStatus.FIRING, is_current=True)
    if not confidential:
        rows = rows.filter(
            Q(incident=None) | Q(incident__is_confidential=False),
            is_confidential=False,
        )
    rows = rows.filter(labels__contains=sure_labels(matchers))
    found = rows.select_related("incident").order_by("-pk").iterator(_CHUNK)
    return (alert for alert in found if matches_all(conditions, alert.labels))
