"""Reading alerts for decisions; ``search.py`` finds them for people."""

import json
from collections.abc import Collection, Sequence
from datetime import datetime

from django.db import connection
from django.db.models import Count, F, Q
from psycopg import sql

from watchbill.core.alerts import AlertStatus, Episode
from watchbill.core.labels import Labels
from watchbill.core.routing import DRILL
from watchbill.server.alerts.models import Alert

MOST_SOURCES = 20_000
"""So many firing alerts are asked for what they inhibit; beyond, one may page more."""

_FIRING = Q(status=AlertStatus.FIRING)


def key_of(alert: Alert) -> str:
    """Return the key of a condition among all of all sources."""
    return condition_key(alert.integration_id, alert.fingerprint)


def condition_key(integration_id: int, fingerprint: str) -> str:
    """Return the key of a condition that may have no alert yet."""
    return f"{integration_id}/{fingerprint}"


def hold_current(
    integration_id: int, fingerprints: Collection[str]
) -> dict[str, Alert]:
    """Return and hold the current rows of conditions, by fingerprint.

    Each has ``incident_resolved_at``, as it was when it was read.
    """
    rows = (
        Alert.objects.select_for_update(of=("self",))
        .annotate(incident_resolved_at=F("incident__resolved_at"))
        .filter(
            integration=integration_id,
            fingerprint__any=fingerprints,
            is_current=True,
        )
        .order_by("pk")
    )
    return {alert.fingerprint: alert for alert in rows}


def hold_muted(numbers: Collection[int]) -> list[Alert]:
    """Return and hold alerts that fire and are muted, but for those others hold."""
    rows = Alert.objects.select_for_update(skip_locked=True, of=("self",))
    found = rows.filter(_FIRING, pk__in=numbers, incident=None, is_current=True)
    return list(found.select_related("integration").order_by("pk"))


def episode_of(alert: Alert) -> Episode:
    """Return an alert as the core knows it."""
    return Episode(
        status=AlertStatus(alert.status),
        starts_at=alert.starts_at,
        is_start_claimed=alert.claimed_starts_at is not None,
        last_seen_at=alert.last_seen_at,
        ends_at=alert.ends_at,
        resumed_at=alert.resumed_at,
        expires_at=alert.expires_at,
        count=alert.count,
    )


def going_on(incident_ids: Collection[int]) -> set[int]:
    """Return the incidents of which an alert fires or flaps."""
    rows = Alert.objects.filter(
        _FIRING | Q(is_flapping=True), incident__in=incident_ids, is_current=True
    )
    return set(rows.values_list("incident", flat=True).distinct())


def firing_with(
    fixed: Labels, names: Sequence[str], values: Collection[Sequence[str]]
) -> list[tuple[str, Labels]]:
    """Return key and labels of firing alerts, at most :data:`MOST_SOURCES`.

    They have the ``fixed`` labels, and of the labels with these names one of the
    combinations of ``values``; a missing label has the empty value. None of drills,
    and none whose end nobody would tell: of a revoked integration, or with an incident
    that people have resolved. One pass over what
    fires: an index on labels would cost each of a hundred thousand new alerts more
    than it saves here.
    """
    named = sql.SQL(", ").join([sql.SQL("coalesce(labels ->> %s, '')")] * len(names))
    query = sql.SQL(
        "SELECT integration_id, fingerprint, labels::text FROM watchbill_alert"
        " WHERE status = 'firing' AND is_current AND labels @> %s::jsonb"
        " AND integration_id NOT IN"
        " (SELECT id FROM watchbill_integration"
        "  WHERE is_drill OR revoked_at IS NOT NULL)"
        " AND group_key NOT LIKE %s"
        " AND NOT EXISTS (SELECT FROM watchbill_incident i"
        "  WHERE i.id = incident_id AND i.resolved_at IS NOT NULL)"
        " AND jsonb_build_array({named}) IN"
        " (SELECT one FROM jsonb_array_elements(%s::jsonb) AS one)"
        " ORDER BY id LIMIT %s"
    ).format(named=named)
    asked = json.dumps([*map(list, values)])
    parameters = [json.dumps(fixed), f"%{DRILL}", *names, asked]
    with connection.cursor() as cursor:
        cursor.execute(query, [*parameters, MOST_SOURCES])
        return [
            (condition_key(integration_id, fingerprint), json.loads(labels))
            for integration_id, fingerprint, labels in cursor.fetchall()
        ]


def muted_after(number: int, *, limit: int) -> list[Alert]:
    """Return the next muted alerts that fire, with no more than is judged by."""
    rows = Alert.objects.filter(_FIRING, incident=None, is_current=True)
    columns = (
        *("integration_id", "fingerprint", "labels", "muted_by"),
        *("severity", "is_confidential"),
    )
    return list(rows.filter(pk__gt=number).only(*columns).order_by("pk")[:limit])


def flapping(*, limit: int) -> list[tuple[int, str, list[str]]]:
    """Return integration, fingerprint and flips of alerts whose end is not believed.

    Those first that have been quiet the longest.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT integration_id, fingerprint, flips::text FROM watchbill_alert"
            " WHERE is_flapping AND is_current"
            " ORDER BY (flips ->> -1)::timestamptz NULLS FIRST, id LIMIT %s",
            [limit],
        )
        return [
            (number, fingerprint, json.loads(flips))
            for number, fingerprint, flips in cursor.fetchall()
        ]


def joined_storms(group_keys: Collection[str]) -> dict[str, int]:
    """Return the open incidents of storms that have taken these groups."""
    rows = Alert.objects.filter(
        is_current=True,
        group_key__any=group_keys,
        incident__group_key__startswith="storm/",
        incident__resolved_at=None,
    )
    return dict(rows.order_by("pk").values_list("group_key", "incident"))


def groups_of(incident_ids: Collection[int]) -> dict[int, int]:
    """Return how many groups of alerts each of some incidents has."""
    rows = Alert.objects.filter(incident__in=incident_ids).order_by()
    counted = rows.values("incident").annotate(number=Count("group_key", distinct=True))
    return dict(counted.values_list("incident", "number"))


def groups_begun(*, since: datetime, limit: int) -> list[tuple[str, datetime]]:
    """Return severity and first instant of the groups that came since, latest first.

    Those that have an incident and those that joined a storm; no drills. The severity
    is that with which they came, whatever people have made of the incident since.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT split_part(i.group_key, '/', 2), i.declared_at"
            " FROM watchbill_incident i"
            " WHERE i.declared_at > %(since)s AND i.group_key <> '' AND NOT i.is_drill"
            "   AND i.group_key NOT LIKE 'storm/%%'"
            "   AND EXISTS (SELECT FROM watchbill_alert a WHERE a.incident_id = i.id)"
            " UNION ALL"
            " SELECT split_part(i.group_key, '/', 2), min(a.received_at)"
            " FROM watchbill_incident i JOIN watchbill_alert a ON a.incident_id = i.id"
            " WHERE i.group_key LIKE 'storm/%%' AND i.resolved_at IS NULL"
            "   AND a.received_at > %(since)s GROUP BY i.group_key, a.group_key"
            " ORDER BY 2 DESC LIMIT %(limit)s",
            {"since": since, "limit": limit},
        )
        return [(severity, at) for severity, at in cursor.fetchall()]


def of_incident(incident_id: int) -> list[Alert]:
    """Return the alerts of an incident, the first seen first."""
    return list(Alert.objects.filter(incident=incident_id).order_by("pk"))
