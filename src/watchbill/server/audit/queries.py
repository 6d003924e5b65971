"""Reading the audit log: a page of it, a stretch of its chain, what was checked."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet

from watchbill.core.ledger import START, Head, SealedLine, Words
from watchbill.server.audit.models import AuditCheck, AuditEntry

PAGE = 50
BATCH = 2000

_COLUMNS = (
    "act",
    "actor_id",
    "actor_kind",
    "actor_name",
    "change",
    "details",
    "remote",
    "subject_id",
    "subject_kind",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which lines are asked for; what is empty does not narrow."""

    actor: str = ""
    act: str = ""
    subject: str = ""
    text: str = ""
    starts_at: datetime | None = None
    ends_at: datetime | None = None


def lines(wanted: Wanted) -> QuerySet[AuditEntry]:
    """Return the lines that are wanted, the newest first."""
    rows = AuditEntry.objects.order_by("-id")
    if wanted.actor:
        rows = rows.filter(
            Q(actor_kind=wanted.actor)
            | Q(actor_id=wanted.actor)
            | Q(actor_name__icontains=wanted.actor)
        )
    if wanted.act:
        rows = rows.filter(act__startswith=wanted.act)
    if wanted.subject:
        rows = rows.filter(_subject(wanted.subject))
    if wanted.text:
        rows = rows.filter(
            Q(details__icontains=wanted.text) | Q(actor_name__icontains=wanted.text)
        )
    if wanted.starts_at is not None:
        rows = rows.filter(at__gte=wanted.starts_at)
    if wanted.ends_at is not None:
        rows = rows.filter(at__lt=wanted.ends_at)
    return rows


def page(wanted: Wanted, *, before: int | None) -> tuple[list[AuditEntry], int | None]:
    """Return a page of lines, and before which the next one begins.

    Pages are cut at a number and not counted, so the thousandth is as quick as the
    first and no line that is written meanwhile moves another.
    """
    rows = lines(wanted)
    if before is not None:
        rows = rows.filter(id__lt=before)
    found = list(rows[: PAGE + 1])
    following = found[PAGE - 1].pk if len(found) > PAGE else None
    return found[:PAGE], following


def subject_kinds() -> list[str]:
    """Return every kind of subject that the log speaks of."""
    return _distinct("subject_kind")


def acts() -> list[str]:
    """Return every act that the log speaks of."""
    return _distinct("act")


def head() -> Head:
    """Return the last sealed line."""
    row = (
        AuditEntry.objects.exclude(position=None)
        .order_by("-position")
        .values_list("position", "hash")
        .first()
    )
    return START if row is None else _head(*row)


def head_at(position: int) -> Head | None:
    """Return the head as it was after a line, None when that line is not there."""
    if position == 0:
        return START
    row = AuditEntry.objects.filter(position=position).values_list("position", "hash")
    found = row.first()
    return None if found is None else _head(*found)


def unsealed() -> int:
    """Return how many lines wait for their seal."""
    return AuditEntry.objects.filter(position=None).count()


def stretch(starts_at: datetime | None, ends_at: datetime | None) -> tuple[int, int]:
    """Return the first and last place of the chain whose line is of a period.

    A chain is cut out in one piece, so a line or two beside the period may lie in it.
    The last is one before the first when there is none.
    """
    rows = lines(Wanted(starts_at=starts_at, ends_at=ends_at)).exclude(position=None)
    places = rows.order_by("position").values_list("position", flat=True)
    first, last = places.first(), places.last()
    return (first or 1, last or 0)


def sealed(first: int, last: int | None = None) -> Iterator[SealedLine]:
    """Yield the lines of the chain from one place to another, both included."""
    while last is None or first <= last:
        rows = AuditEntry.objects.filter(position__gte=first).order_by("position")
        if last is not None:
            rows = rows.filter(position__lte=last)
        batch = list(rows[:BATCH])
        yield from (SealedLine(words=words(one), hash=_hash(one)) for one in batch)
        if len(batch) < BATCH:
            return
        first = (batch[-1].position or 0) + 1


def words(entry: AuditEntry, *, position: int | None = None) -> Words:
    """Return what a line says, as its hash is taken over it."""
    found: dict[str, str | int] = {name: getattr(entry, name) for name in _COLUMNS}
    found["at"] = instant(entry.at)
    found["id"] = entry.pk
    found["position"] = (entry.position or 0) if position is None else position
    return found


def instant(at: datetime) -> str:
    """Return an instant in UTC with all its microseconds."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


def check() -> AuditCheck | None:
    """Return how far the chain was found whole."""
    return AuditCheck.objects.first()


def shown_lately(
    actor: Mapping[str, str], subject: Mapping[str, str], *, since: datetime
) -> bool:
    """Whether the same was shown to the same actor a moment ago."""
    return AuditEntry.objects.filter(
        **actor, **subject, change="shown", at__gte=since
    ).exists()


def _subject(text: str) -> Q:
    kind, _, number = re.sub(r"[\s#:]+", " ", text).strip().partition(" ")
    found = Q(subject_kind=kind.lower())
    return found & Q(subject_id=number) if number else found


def _distinct(column: str) -> list[str]:
    """Return the values of an indexed column, by leaps from one to the next."""
    sql = f"""
        WITH RECURSIVE leap AS (
            (SELECT {column} AS value FROM watchbill_auditentry
             ORDER BY {column} LIMIT 1)
            UNION ALL
            SELECT (SELECT {column} FROM watchbill_auditentry
                    WHERE {column} > leap.value ORDER BY {column} LIMIT 1)
            FROM leap WHERE leap.value IS NOT NULL)
        SELECT value FROM leap WHERE value IS NOT NULL"""  # noqa: S608 - our columns
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return [row[0] for row in cursor.fetchall()]


def _head(position: int | None, digest: Any) -> Head:
    return Head(position=position or 0, hash=bytes(digest or b""))


def _hash(entry: AuditEntry) -> bytes:
    return bytes(entry.hash or b"")
