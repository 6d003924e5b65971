"""Reading integrations and the inbox."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import F, Q, Sum
from django.db.models.functions import Length

from watchbill.server.intake.models import (
    InboxEntry,
    IntakeRejection,
    Integration,
    IntegrationKey,
)

_WAITING = Q(folded_at=None, quarantined_at=None)


def integrations_waiting(*, now: datetime) -> list[int]:
    """Return the integrations with posts to fold, the longest waiting first.

    It looks at the first waiting post of each, not at all that wait.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT i.id FROM watchbill_integration i CROSS JOIN LATERAL ("
            "   SELECT e.id, e.retry_at FROM watchbill_inboxentry e"
            "   WHERE e.integration_id = i.id"
            "     AND e.folded_at IS NULL AND e.quarantined_at IS NULL"
            "   ORDER BY e.id LIMIT 1) AS first"
            " WHERE first.retry_at IS NULL OR first.retry_at <= %s ORDER BY first.id",
            [now],
        )
        return [number for (number,) in cursor.fetchall()]


def stored_so_far() -> int:
    """Return about how many posts have ever been stored, at next to no cost.

    A number was drawn for each, and for some that were not stored in the end.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT last_value FROM watchbill_inboxentry_id_seq")
        return int(cursor.fetchone()[0])


def hold_integration(integration_id: int) -> bool:
    """Hold an integration, so that its posts are folded by us alone.

    False when another engine holds it.
    """
    rows = Integration.objects.select_for_update(skip_locked=True, no_key=True)
    return rows.filter(pk=integration_id).exists()


def hold_integrations(numbers: Collection[int]) -> list[Integration]:
    """Return and hold several integrations, but for those that others hold."""
    rows = Integration.objects.select_for_update(skip_locked=True, no_key=True)
    return list(rows.filter(pk__in=numbers).order_by("pk"))


def next_waiting(
    integration_id: int, *, now: datetime, limit: int, max_bytes: int
) -> list[InboxEntry]:
    """Return the next posts of a held integration to fold, in the order of arrival.

    Together they have at most ``max_bytes``, unless the first has more. A post that
    waits for its next try holds back the ones behind it, and one that failed before
    comes alone.
    """
    waiting = InboxEntry.objects.filter(_WAITING, integration=integration_id)
    heads = waiting.annotate(size=Length("body")).order_by("pk")
    chosen: list[int] = []
    total = 0
    for pk, size, retry_at in heads.values_list("pk", "size", "retry_at")[:limit]:
        total += size
        if retry_at is not None and (retry_at > now or chosen):
            break
        if chosen and total > max_bytes:
            break
        chosen.append(pk)
        if retry_at is not None:
            break
    rows = InboxEntry.objects.select_related("integration").filter(pk__in=chosen)
    return list(rows.order_by("pk"))


def integrations() -> list[Integration]:
    """Return every integration, those in use first."""
    in_use_first = F("revoked_at").desc(nulls_first=True)
    return list(Integration.objects.order_by(in_use_first, "name", "pk"))


def live_integration(number: int) -> Integration | None:
    """Return an integration that has not been revoked."""
    return Integration.objects.filter(pk=number, revoked_at=None).first()


def rejected_by_integration() -> dict[int, int]:
    """Return how many posts of each integration have been refused."""
    rows = IntakeRejection.objects.exclude(integration=None)
    return dict(rows.values_list("integration").annotate(Sum("count")))


def rejections() -> list[IntakeRejection]:
    """Return what was refused lately, the latest first."""
    rows = IntakeRejection.objects.select_related("integration")
    return list(rows.order_by("-last_at")[:50])


def quarantined_count() -> int:
    """Return how many accepted posts could not be folded."""
    return InboxEntry.objects.exclude(quarantined_at=None).count()


def quarantined() -> list[InboxEntry]:
    """Return accepted posts that could not be folded, the latest first."""
    rows = InboxEntry.objects.exclude(quarantined_at=None).defer("body")
    return list(rows.select_related("integration").order_by("-pk")[:50])


# ── What the console shows ──────────────────────────────────────────────────────────


SLOTS = 12
"""So many parts of the last hour are counted apart."""

_SLOT = timedelta(hours=1) / SLOTS

_MOST_COUNTED = 2_000
"""Beyond so many posts an integration the counting stops, and says so."""

#: The latest posts of each integration by the index of their numbers, which never
#: reads further than ``_MOST_COUNTED`` however many there are.
_RECENT = """
SELECT one.id, recent.slot, count(*), min(recent.received_at)
FROM unnest(%(ids)s::bigint[]) AS one (id)
CROSS JOIN LATERAL (
    SELECT received_at,
        floor(extract(epoch FROM received_at - %(since)s) / %(slot)s)::int AS slot
    FROM watchbill_inboxentry
    WHERE integration_id = one.id
    ORDER BY id DESC
    LIMIT %(most)s
) AS recent
WHERE recent.received_at >= %(since)s
GROUP BY one.id, recent.slot
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How many posts an integration sent in each part of the last hour."""

    slots: tuple[int, ...] = (0,) * SLOTS
    #: When the counting stopped because there were too many; None when it did not.
    counted_since: datetime | None = None

    @property
    def total(self) -> int:
        """The posts counted."""
        return sum(self.slots)


def paces(ids: Collection[int], *, now: datetime) -> dict[int, Pace]:
    """Return the pace of integrations; one that is not there sent nothing."""
    values: dict[str, Any] = {
        "ids": list(ids),
        "since": now - SLOTS * _SLOT,
        "slot": _SLOT.total_seconds(),
        "most": _MOST_COUNTED,
    }
    with connection.cursor() as cursor:
        cursor.execute(_RECENT, values)
        rows = cursor.fetchall()
    return {one: _pace([row for row in rows if row[0] == one]) for one in ids}


def _pace(rows: list[tuple[int, int, int, datetime]]) -> Pace:
    slots = [0] * SLOTS
    for _, slot, count, _ in rows:
        slots[min(max(slot, 0), SLOTS - 1)] += count
    is_cut = sum(slots) >= _MOST_COUNTED
    first = min((row[3] for row in rows), default=None)
    return Pace(slots=tuple(slots), counted_since=first if is_cut else None)


def integration(number: int) -> Integration | None:
    """Return an integration, whether it is in use or not."""
    return Integration.objects.filter(pk=number).first()


def keys_of(ids: Collection[int]) -> dict[int, list[IntegrationKey]]:
    """Return the keys of integrations that were not revoked, the newest first."""
    rows = IntegrationKey.objects.filter(integration__in=ids, revoked_at=None)
    found: dict[int, list[IntegrationKey]] = {}
    for key in rows.order_by("-pk"):
        found.setdefault(key.integration_id, []).append(key)
    return found


def rejections_of(integration_id: int) -> list[IntakeRejection]:
    """Return what was refused of one integration lately, the latest first."""
    rows = IntakeRejection.objects.filter(integration=integration_id)
    return list(rows.order_by("-last_at")[:10])


def events(integration_id: int, *, before: int | None, limit: int) -> list[InboxEntry]:
    """Return the latest posts without their bodies; those with a number below."""
    rows = InboxEntry.objects.filter(integration=integration_id)
    if before is not None:
        rows = rows.filter(pk__lt=before)
    sized = rows.annotate(size=Length("body")).defer("body")
    return list(sized.order_by("-pk")[:limit])


def event(integration_id: int, number: int) -> InboxEntry | None:
    """Return one post of an integration, with its body and who wished for it."""
    rows = InboxEntry.objects.select_related("integration", "made_by")
    return rows.filter(integration=integration_id, pk=number).first()


def any_event(number: int) -> InboxEntry | None:
    """Return a post of any integration, with its body."""
    return InboxEntry.objects.select_related("integration").filter(pk=number).first()


def replays_of(number: int) -> list[InboxEntry]:
    """Return the posts that repeat one, with who wished for them, the latest first."""
    rows = InboxEntry.objects.filter(replay_of=number).select_related("made_by")
    return list(rows.defer("body").order_by("-pk")[:20])


def waiting_since(integration_ids: Collection[int]) -> dict[int, datetime]:
    """Return since when posts of integrations wait to be folded, where any do."""
    rows = InboxEntry.objects.filter(_WAITING, integration__in=integration_ids)
    heads = rows.order_by("integration", "pk").distinct("integration")
    return dict(heads.values_list("integration", "received_at"))


def silent_alerts(
    *, before: datetime, deaf_until: datetime | None, limit: int
) -> list[tuple[int, str]]:
    """Return integration and fingerprint of alerts that were to end ``before``.

    Until ``deaf_until`` nobody could be heard: every lifetime counts from then at the
    earliest. None of which a post may speak that came in time and is not folded yet.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT a.integration_id, a.fingerprint FROM watchbill_alert a"
            " CROSS JOIN LATERAL (SELECT greatest(a.expires_at,"
            "   %(deaf_until)s::timestamptz + (a.expires_at - a.last_seen_at)) AS at"
            " ) AS over"
            " WHERE a.status = 'firing' AND a.is_current"
            "   AND a.expires_at <= %(before)s AND over.at <= %(before)s"
            "   AND NOT EXISTS (SELECT FROM watchbill_inboxentry e"
            "     WHERE e.integration_id = a.integration_id"
            "       AND e.folded_at IS NULL AND e.quarantined_at IS NULL"
            "       AND e.received_at <= over.at)"
            " ORDER BY a.expires_at, a.id LIMIT %(limit)s",
            {"before": before, "deaf_until": deaf_until, "limit": limit},
        )
        return [(number, fingerprint) for number, fingerprint in cursor.fetchall()]
