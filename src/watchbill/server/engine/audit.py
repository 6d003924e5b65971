"""The auditor: looks for what the engine must never leave behind (I7).

Every few seconds it asks the database a handful of questions to which the right answer
is an empty list: an open incident at whose ladder nobody will look, a step that is
due and was not fired, a message that hangs, a post that nobody folded. What it can
mend it mends at once, by planning the missing look. What it found stands in
``AuditRun``, on the console and in ``/health/engine``, and the heartbeat stops; when
two audits in a row are not clean, an incident is declared, because then something is
broken that does not mend itself. That takes a plan that can be read; without one the
silent heartbeat has to tell it.

Each question has its own index and at most :data:`MOST` answers, and the engine gives
each a limit of time, so that the auditor is quick on a full database too: one that was
too slow and had been switched off is how another product lost pages. Whether a ladder
that has ended should have is not the database's to say. So each audit asks the plan
about the incidents that are newest and about :data:`PAGE` of the others, turn and turn
about, and has looked at all of them after a few audits.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from django.db import connection, transaction

from watchbill.core import escalation
from watchbill.core.incidents import OPEN_STATUSES, IncidentStatus
from watchbill.server import clock, faults
from watchbill.server.engine import measures, timekeeping, witness
from watchbill.server.engine.kinds import Kind, Moment
from watchbill.server.engine.models import AuditRun
from watchbill.server.incidents import actions as incidents
from watchbill.server.incidents import queries as incident_queries
from watchbill.server.incidents.actions import SYSTEM, Declaration
from watchbill.server.incidents.models import Incident, TimelineKind
from watchbill.server.notifications.actions import LEASE
from watchbill.server.plans import queries as plans
from watchbill.server.plans.queries import NoPlanInForceError, PlanUnreadableError
from watchbill.server.timers import actions as timers
from watchbill.server.timers.models import DueStep

EVERY = timedelta(seconds=20)
"""Often enough that one audit that is not clean does not yet stop the heartbeat."""

BUDGET = timedelta(seconds=10)
MOST = 20
PAGE = 200
"""How many of the older incidents whose ladders have ended one audit looks at."""

STEP_LATE = timedelta(seconds=30)
MESSAGE_LATE = timedelta(minutes=5)
POST_LATE = timedelta(minutes=2)

Values = Mapping[str, datetime | int]

logger = logging.getLogger(__name__)

GROUP = "watchbill/audit"
"""The group key of the incident that says that an audit failed."""

_OPEN = ", ".join(f"'{status}'" for status in sorted(OPEN_STATUSES))


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Something to which the right answer is an empty list."""

    sql: str
    #: What one answer means; the row's columns stand in it by position.
    text: str


QUESTIONS: Mapping[str, Question] = {
    "stranded": Question(
        sql=f"""
            SELECT i.id FROM watchbill_incident i
            WHERE i.status IN ({_OPEN}) AND i.next_due_at IS NOT NULL
              AND NOT EXISTS (
                SELECT FROM watchbill_duestep d
                WHERE d.kind = 'ladder' AND d.subject_id = i.id
                  AND d.state = 'pending')
            ORDER BY i.id LIMIT %(most)s""",  # noqa: S608 - literals of the core
        text="Incident #{0} is open, and nobody would have looked at its ladder again.",
    ),
    "late_step": Question(
        sql="""
            SELECT kind, subject_id, due_at FROM watchbill_duestep
            WHERE state = 'pending' AND wake_at < %(step_late)s
            ORDER BY wake_at LIMIT %(most)s""",
        text="The step {0!r} of #{1}, due at {2:%Y-%m-%d %H:%M:%S}, did not fire.",
    ),
    "quarantined_step": Question(
        sql="""
            SELECT kind, subject_id FROM watchbill_duestep
            WHERE state = 'pending' AND quarantined_at IS NOT NULL
            ORDER BY id LIMIT %(most)s""",
        text="The step {0!r} of #{1} cannot be decided; the log has the reason.",
    ),
    "stuck_message": Question(
        sql="""
            SELECT id, channel FROM watchbill_notification
            WHERE state = 'sending' AND lease_until < %(lease_late)s
            ORDER BY lease_until LIMIT %(most)s""",
        text="Message {0} by {1} was begun, and nobody has taken it up again.",
    ),
    "late_message": Question(
        sql="""
            SELECT id, channel FROM watchbill_notification
            WHERE state = 'waiting' AND next_attempt_at < %(message_late)s
              AND due_at < %(message_due)s
            ORDER BY next_attempt_at LIMIT %(most)s""",
        text="Message {0} by {1} waits; its channel is not set up or too slow.",
    ),
    "late_post": Question(
        sql="""
            SELECT DISTINCT ON (integration_id) integration_id, received_at
            FROM watchbill_inboxentry
            WHERE folded_at IS NULL AND quarantined_at IS NULL
              AND received_at < %(post_late)s
            ORDER BY integration_id, id LIMIT %(most)s""",
        text="A post of {1:%Y-%m-%d %H:%M:%S} to integration {0} was not folded.",
    ),
    "unseen_post": Question(
        sql="""
            SELECT p.id, p.integration_id FROM (
                SELECT id, integration_id, quarantined_at FROM watchbill_inboxentry
                WHERE quarantined_at IS NOT NULL ORDER BY id DESC LIMIT %(most)s) p
            WHERE p.quarantined_at > %(lately)s AND NOT EXISTS (
                SELECT FROM watchbill_incident i
                WHERE i.group_key <> ''
                  AND i.group_key = 'quarantine/' || p.integration_id
                  AND (i.resolved_at IS NULL OR i.resolved_at >= p.quarantined_at))
            ORDER BY p.id""",
        text="Post {0} to integration {1} was not understood, and nobody was told.",
    ),
}


def parameters(*, now: datetime, wall: datetime) -> Values:
    """Return what the questions are asked with."""
    rate = clock.rate()
    return {
        "most": MOST,
        "step_late": now - STEP_LATE * rate,
        "lease_late": wall - LEASE,
        "message_late": wall - MESSAGE_LATE,
        # Follow-ups and what waits for the end of quiet hours are not late.
        "message_due": now - MESSAGE_LATE * rate,
        "post_late": now - POST_LATE * rate,
        "lately": now - timedelta(days=1),
    }


@transaction.atomic
def audit(*, now: datetime, wall: datetime) -> AuditRun:
    """Look at everything once, mend what can be mended, and record it."""
    findings: list[str] = []
    stranded: list[int] = []
    for name, question in QUESTIONS.items():
        rows = _ask(question.sql, parameters(now=now, wall=wall))
        findings += [question.text.format(*row) for row in rows]
        if name == "stranded":
            stranded += [row[0] for row in rows]
    before = AuditRun.objects.order_by("-finished_at").first()
    early, unreadable = _ended_too_early(turn=before.pk if before is not None else 0)
    findings += [
        f"The ladder of incident #{one} had stopped too early." for one in early
    ]
    findings += sorted({*unreadable, *_unreadable_in_force(now=now)})
    repaired = sum(_repair(one, now=now) for one in (*stranded, *early))
    run = AuditRun.objects.create(
        started_at=wall,
        finished_at=clock.wall(),
        is_clean=not findings,
        findings=findings[:100],
        repaired=repaired,
    )
    if findings and before is not None and not before.is_clean:
        _declare(findings, now=now)
    return run


def _ask(sql: str, values: Values) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())


def _ended_too_early(*, turn: int) -> tuple[list[int], set[str]]:
    """Return incidents whose ladder is said to be at its end, and is not.

    And what is wrong with the plans that could not be asked about theirs.
    """
    early: list[int] = []
    unreadable: set[str] = set()
    for incident in _ended(turn=turn):
        try:
            if _next_look(incident) is not None:
                early.append(incident.pk)
        except PlanUnreadableError as error:
            unreadable.add(str(error))
    return early, unreadable


def _ended(*, turn: int) -> list[Incident]:
    """Return the newest incidents whose ladder has ended, and a page of the others."""
    rows = Incident.objects.filter(
        status=IncidentStatus.TRIGGERED, next_due_at=None
    ).order_by("-pk")
    pages = max(1, ceil((rows.count() - MOST) / PAGE))
    first = MOST + turn % pages * PAGE
    return [*rows[:MOST], *rows[first : first + PAGE]]


def _unreadable_in_force(*, now: datetime) -> set[str]:
    """Return what is wrong with the plan in force if it cannot be read."""
    try:
        plans.plan_of(plans.in_force(now=now).pk)
    except NoPlanInForceError:
        return set()
    except PlanUnreadableError as error:
        return {str(error)}
    return set()


def _next_look(incident: Incident) -> datetime | None:
    facts = incident_queries.facts_of(incident)
    return escalation.next_look_at(facts.ladder, facts.progress, facts.situation)


def _repair(incident_id: int, *, now: datetime) -> bool:
    """Plan the look that an incident lacks; False when it lacks none any more."""
    held = incident_queries.hold(incident_id)
    if held.due is not None or not incident_queries.is_open(held.incident):
        return False
    timers.plan(
        incident_queries.LADDER, incident_id, held.incident.plan_version_id, due_at=now
    )
    Incident.objects.filter(pk=incident_id).update(next_due_at=now)
    incidents.record(
        held.incident,
        TimelineKind.WARNING,
        "The audit found that nobody would look at this ladder again; it is looked at"
        " now.",
        actor=SYSTEM,
        now=now,
    )
    return True


def _declare(findings: list[str], *, now: datetime) -> None:
    """Have somebody look: two audits in a row were not clean."""
    if incident_queries.open_group(GROUP) is not None:
        return
    try:
        table = plans.plan_of(plans.in_force(now=now).pk).routing
    except (NoPlanInForceError, PlanUnreadableError):
        return
    declaration = Declaration(
        title="watchbill's own audit failed",
        summary="Two audits in a row found what must not be, so that pages may be"
        f" missing. {' '.join(findings[:5])}",
        severity=table.severity_labels.get("critical", table.default_severity),
        alert_type=table.catch_all,
        group_key=GROUP,
    )
    incidents.declare(declaration, actor=SYSTEM, now=now)


def _fire(due: list[DueStep], moment: Moment) -> None:
    before = AuditRun.objects.order_by("-finished_at").first()
    audit(now=moment.now, wall=moment.wall)
    if before is not None:
        _measure(moment.wall - before.started_at, moment)
    timekeeping.melt()
    _witness(moment)
    for step in due:
        at = moment.now + EVERY * clock.rate()
        timers.next_look(step, at=at, now=moment.now)


def _witness(moment: Moment) -> None:
    """Have the audit log checked, without the audit depending on it (ADR 0018)."""
    try:
        with transaction.atomic():
            witness.look(now=moment.now, wall=moment.wall)
    except Exception as error:  # the audit and its heartbeat must not go with it
        if faults.is_lost(error):
            raise
        logger.exception("the audit log cannot be checked")


def _measure(elapsed: timedelta, moment: Moment) -> None:
    """Count what people did since the last audit; one node audits, so once."""
    taken = Incident.objects.filter(
        acknowledged_at__gt=moment.now - elapsed * clock.rate(),
        acknowledged_at__lte=moment.now,
    ).values_list("declared_at", "acknowledged_at")
    for declared_at, acknowledged_at in taken[:1000]:
        if acknowledged_at is not None:
            measures.acknowledged(acknowledged_at - declared_at)


KIND = Kind(name="audit", fire=_fire, budget=BUDGET, is_recurring=True)
