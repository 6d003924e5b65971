"""Writing lines by hand, sealing lines, and checking the chain.

Most lines are written by the database itself. By hand is written what changes no row:
that personal data was shown, that somebody was refused.

**Sealing** comes after the commit. Were the chain extended in the transaction of each
change, every change would wait for the one before it to commit, and one that holds
incidents could wait for one that wants them. So lines are written without a place and,
within about a second, sealed by one engine at a time, in batches. Their order in the
chain is that of sealing; ``id`` and ``at`` say when they were written.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import islice

from django.db import connection, transaction

from watchbill.core.ledger import START, Head, verify
from watchbill.core.ledger import seal as next_head
from watchbill.server.audit import acting, queries
from watchbill.server.audit.models import ActorKind, AuditCheck, AuditEntry, Change

SEALED_AT_ONCE = 500
CHECKED_AT_ONCE = 2000
SHOWN_AGAIN_AFTER = timedelta(minutes=10)
"""An open page asks again every few seconds; that is one look and not hundreds."""

_LOCK = 0x77626175
"""Of the one who seals: "wbau"."""


def record(
    act: str,
    *,
    wall: datetime,
    subject: tuple[str, str] = ("", ""),
    change: Change = Change.DONE,
    details: Mapping[str, str] | None = None,
) -> AuditEntry:
    """Write a line about what changes no row; no secret belongs into ``details``."""
    one = acting.current()
    kind, number = subject
    return AuditEntry.objects.create(
        at=wall,
        act=act,
        actor_kind=one.kind if one else ActorKind.ENGINE,
        actor_id=one.id if one else "",
        actor_name=one.name if one else "watchbill",
        remote=one.remote if one else "",
        change=change,
        subject_kind=kind or "act",
        subject_id=number,
        details=json.dumps(dict(details or {}), sort_keys=True, ensure_ascii=False),
    )


def record_shown(
    by: acting.Acting, subject: tuple[str, str], *, wall: datetime
) -> None:
    """Write that somebody was shown personal data, once for each look (SC-05)."""
    kind, number = subject
    who = {"actor_kind": by.kind, "actor_id": by.id, "remote": by.remote, "act": by.act}
    what = {"subject_kind": kind, "subject_id": number}
    if queries.shown_lately(who, what, since=wall - SHOWN_AGAIN_AFTER):
        return
    AuditEntry.objects.create(
        at=wall, actor_name=by.name, change=Change.SHOWN, **who, **what
    )


# ── Sealing ─────────────────────────────────────────────────────────────────────


@transaction.atomic
def seal_some(*, limit: int = SEALED_AT_ONCE, waits: bool = False) -> int:
    """Seal the lines that wait; return how many were sealed.

    None while another engine seals, which is as good, unless ``waits``.
    """
    if not _may_seal(waits=waits):
        return 0
    head = queries.head()
    waiting = list(AuditEntry.objects.filter(position=None).order_by("id")[:limit])
    seals: list[tuple[int, Head]] = []
    for entry in waiting:
        head = next_head(head, queries.words(entry, position=head.position + 1))
        seals.append((entry.pk, head))
    _write(seals)
    return len(seals)


def seal_all() -> Head:
    """Seal everything that waits, and return the head; for exports and checks.

    It waits for an engine that seals: that one may have begun before the newest lines
    were written, and an export would miss them.
    """
    while seal_some(waits=True):
        pass
    return queries.head()


def _may_seal(*, waits: bool) -> bool:
    with connection.cursor() as cursor:
        if waits:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
            return True
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        return bool(cursor.fetchone()[0])


def _write(seals: list[tuple[int, Head]]) -> None:
    if not seals:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE watchbill_auditentry e SET position = s.position, hash = s.hash"
            " FROM unnest(%s::bigint[], %s::bigint[], %s::bytea[])"
            " AS s (id, position, hash) WHERE e.id = s.id",
            [
                [number for number, _ in seals],
                [head.position for _, head in seals],
                [head.hash for _, head in seals],
            ],
        )


# ── Checking ────────────────────────────────────────────────────────────────────


@transaction.atomic
def check_some(*, wall: datetime, limit: int = CHECKED_AT_ONCE) -> str:
    """Check the lines since the last check, and go on reading the old ones again.

    Returns what was found broken when it was not known before; empty otherwise. What
    was broken stays so: no later check takes it back.
    """
    kept = _kept_check(wall)
    until = Head(position=kept.position, hash=bytes(kept.hash))
    finding = _missing(until)
    again = Head(position=kept.again_position, hash=bytes(kept.again_hash))
    if again.position >= until.position:
        again = START
    if not finding:
        until, finding = _follow(until, limit)
    if not finding:
        again, finding = _follow(again, limit)
    is_news = bool(finding) and not kept.finding
    AuditCheck.objects.filter(pk=kept.pk).update(
        position=until.position,
        hash=until.hash,
        again_position=again.position,
        again_hash=again.hash,
        checked_at=wall,
        finding=kept.finding or finding,
    )
    return finding if is_news else ""


def _kept_check(wall: datetime) -> AuditCheck:
    AuditCheck.objects.bulk_create(
        [
            AuditCheck(
                pk=1,
                position=0,
                hash=START.hash,
                again_position=0,
                again_hash=START.hash,
                checked_at=wall,
            )
        ],
        ignore_conflicts=True,
    )
    return AuditCheck.objects.select_for_update().get(pk=1)


def _missing(until: Head) -> str:
    """Say that the line up to which all was whole is gone or another; or nothing."""
    found = queries.head_at(until.position)
    if found is None:
        last = queries.head().position
        return (
            f"line {until.position} was there and is gone; the log ends at line {last}"
        )
    if found != until:
        return f"line {until.position} is another one than was checked before"
    return ""


def _follow(after: Head, limit: int) -> tuple[Head, str]:
    # So many lines and not so many places: in a stretch of places that is empty, no
    # line would stand that says so.
    lines = islice(queries.sealed(after.position + 1), limit)
    verdict = verify(lines, after=after)
    return verdict.head, verdict.broken
