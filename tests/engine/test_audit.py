"""The auditor finds what the engine must never leave behind, and says so (I7, I12)."""

from collections.abc import Callable
from copy import copy
from datetime import datetime, timedelta
from functools import partial

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet

from tests.engine.watch import Watch, minutes
from watchbill.core.incidents import IncidentAction
from watchbill.server import clock
from watchbill.server.clock import ScaledClock, VirtualClock
from watchbill.server.engine import audit, metrics, queries
from watchbill.server.engine.models import AuditRun
from watchbill.server.incidents.models import Incident, TimelineEntry
from watchbill.server.incidents.queries import LADDER
from watchbill.server.notifications.models import Notification
from watchbill.server.plans.models import PlanVersion
from watchbill.server.timers import actions as timers
from watchbill.server.timers import queries as timer_queries
from watchbill.server.timers.models import DueStep, DueStepState


def look(watch: Watch) -> AuditRun:
    return audit.audit(now=watch.clock.now(), wall=watch.clock.now())


def without_trigger(watch: Watch, incident: Incident) -> None:
    """Lose the next look as a bug or a hand in the database would."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        cursor.execute("ALTER TABLE watchbill_duestep DISABLE TRIGGER USER")
    DueStep.objects.filter(kind=LADDER, subject_id=incident.pk).delete()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE watchbill_duestep ENABLE TRIGGER USER")


def test_an_ordinary_night_is_clean(watch: Watch) -> None:
    watch.declare("P1")
    watch.declare("P3")
    for number in range(0, 90, 15):
        watch.at(minutes(number))
        assert look(watch).findings == []


def test_a_missing_look_is_found_and_planned(watch: Watch) -> None:
    incident = watch.declare("P1")
    watch.at(minutes(1))
    without_trigger(watch, incident)

    run = look(watch)

    assert run.findings == [
        f"Incident #{incident.pk} is open, and nobody would have looked at its ladder"
        " again."
    ]
    assert run.repaired == 1
    assert DueStep.objects.filter(
        kind=LADDER, subject_id=incident.pk, state=DueStepState.PENDING
    ).exists()
    assert TimelineEntry.objects.filter(
        incident=incident, text__startswith="The audit found"
    ).exists()
    told = len(watch.told)
    watch.at(minutes(10))
    assert len(watch.told) > told
    assert look(watch).is_clean


def test_a_ladder_that_stopped_too_early_is_taken_up_again(watch: Watch) -> None:
    incident = watch.declare("P1")
    watch.at(minutes(1))
    Incident.objects.filter(pk=incident.pk).update(next_due_at=None)
    DueStep.objects.filter(subject_id=incident.pk).update(state=DueStepState.DONE)

    run = look(watch)

    assert run.findings == [
        f"The ladder of incident #{incident.pk} had stopped too early."
    ]
    assert run.repaired == 1


def test_a_step_that_did_not_fire_is_found(watch: Watch) -> None:
    incident = watch.declare("P1")
    watch.sleep_until(minutes(2))
    ladder, promises = look(watch).findings
    assert ladder.startswith(f"The step 'ladder' of #{incident.pk}, due at")
    assert promises.startswith(f"The step 'promises' of #{incident.pk}, due at")


def test_a_quarantined_step_is_found(watch: Watch) -> None:
    incident = watch.declare("P1")
    DueStep.objects.filter(kind=LADDER, subject_id=incident.pk).update(
        quarantined_at=watch.clock.now()
    )
    assert look(watch).findings == [
        f"The step 'ladder' of #{incident.pk} cannot be decided; the log has the"
        " reason."
    ]


def test_messages_that_hang_are_found(watch: Watch) -> None:
    watch.declare("P1")
    watch.settle_without_delivery()
    first, second, *_ = Notification.objects.filter(state="waiting")
    now = watch.clock.now()
    Notification.objects.exclude(pk=second.pk).update(
        next_attempt_at=now + timedelta(hours=1)
    )
    Notification.objects.filter(pk=first.pk).update(
        state="sending", lease_until=now - timedelta(seconds=31)
    )
    late = now - minutes(6)
    Notification.objects.filter(pk=second.pk).update(next_attempt_at=late, due_at=late)

    findings = look(watch).findings

    assert findings == [
        f"Message {first.pk} by {first.channel} was begun, and nobody has taken it up"
        " again.",
        f"Message {second.pk} by {second.channel} waits; its channel is not set up or"
        " too slow.",
    ]


def test_two_audits_in_a_row_that_are_not_clean_declare_one_incident(
    watch: Watch,
) -> None:
    incident = watch.declare("P1")
    DueStep.objects.filter(subject_id=incident.pk).update(
        quarantined_at=watch.clock.now()
    )

    look(watch)
    assert not Incident.objects.filter(group_key=audit.GROUP).exists()
    for _ in range(3):
        look(watch)

    (ours,) = Incident.objects.filter(group_key=audit.GROUP)
    assert ours.title == "watchbill's own audit failed"
    assert f"#{incident.pk} cannot be decided" in ours.summary


def stop_too_early(incident: Incident) -> None:
    Incident.objects.filter(pk=incident.pk).update(next_due_at=None)
    DueStep.objects.filter(subject_id=incident.pk).update(state=DueStepState.DONE)


def test_many_harmless_ends_hide_no_ladder_that_stopped_too_early(watch: Watch) -> None:
    harmless = watch.declare("P4")
    watch.at(timedelta(days=1))
    lost = watch.declare("P1")
    watch.settle()
    stop_too_early(lost)
    harmless.refresh_from_db()
    assert (harmless.status, harmless.next_due_at) == ("triggered", None)
    harmless.pk = None
    count = audit.MOST + 2 * audit.PAGE
    Incident.objects.bulk_create([copy(harmless) for _ in range(count)])

    found = []
    for _ in range(4):
        found += look(watch).findings
        watch.clock.advance(timedelta(seconds=1))

    assert found == [f"The ladder of incident #{lost.pk} had stopped too early."]


def unreadable(known: PlanVersion, *, activated_at: datetime | None) -> PlanVersion:
    """Store a plan as a former watchbill did that was less strict."""
    row = PlanVersion.objects.get(pk=known.pk)
    row.pk, row.text, row.activated_at = None, "nonsense: 1", activated_at
    row.digest = "0" * 64
    row.save(force_insert=True)
    return row


def test_a_plan_that_cannot_be_read_is_a_finding_and_stops_no_audit(
    watch: Watch, trm_plan: PlanVersion
) -> None:
    lost, other = watch.declare("P1"), watch.declare("P1")
    watch.at(minutes(1))
    bad = unreadable(trm_plan, activated_at=None)
    for one in (lost, other):
        stop_too_early(one)
    Incident.objects.filter(pk=other.pk).update(plan_version=bad)

    early, plan = look(watch).findings

    assert early == f"The ladder of incident #{lost.pk} had stopped too early."
    assert plan.startswith(f"The stored plan {bad.pk} does not pass the check")


def test_when_the_plan_in_force_cannot_be_read_the_audit_says_so_and_declares_nothing(
    watch: Watch, trm_plan: PlanVersion
) -> None:
    bad = unreadable(trm_plan, activated_at=watch.clock.now())
    for _ in range(2):
        (finding,) = look(watch).findings
        assert finding.startswith(f"The stored plan {bad.pk} does not pass the check")
    assert not Incident.objects.exists()


@pytest.mark.parametrize(("late", "count"), [(29, 0), (31, 1)])
def test_in_the_demo_a_step_is_late_after_seconds_of_machines(
    watch: Watch, late: int, count: int
) -> None:
    demo = ScaledClock(clock=watch.clock, origin=watch.clock.wall(), rate=60.0)
    with clock.use(demo):
        watch.clock.advance(timedelta(seconds=100))
        timers.ensure("letters", due_at=demo.now() - timedelta(seconds=late) * 60)
        run = audit.audit(now=demo.now(), wall=demo.wall())
    assert len(run.findings) == count


def test_in_the_demo_a_step_that_failed_waits_for_seconds_of_machines(
    watch: Watch,
) -> None:
    demo = ScaledClock(clock=watch.clock, origin=watch.clock.wall(), rate=60.0)
    with clock.use(demo):
        timers.ensure("letters", due_at=demo.now())
        step = DueStep.objects.get(kind="letters")
        timers.postpone_failed(step, "no", now=demo.now())
        step.refresh_from_db()
        assert step.wake_at == demo.now() + timedelta(minutes=1)


def outbox_ages() -> tuple[float, float]:
    """Return the age of the outbox as the metrics and the health page tell it."""
    wall = clock.wall()
    known = queries.facts(wall=wall)
    (line,) = (
        one
        for one in metrics.render().decode().splitlines()
        if one.startswith("watchbill_outbox_oldest_age_seconds{")
    )
    return float(line.split()[1]), queries.overdue(known, wall=wall)[1].total_seconds()


@pytest.mark.parametrize("rate", [1.0, 60.0])
def test_what_waits_for_the_end_of_quiet_hours_grows_old_only_after_it(
    watch: Watch, rate: float
) -> None:
    watch.declare("P1")
    watch.settle_without_delivery()
    (first, *others) = Notification.objects.filter(state="waiting")
    Notification.objects.filter(pk__in=[one.pk for one in others]).delete()
    start = watch.clock.wall()
    Notification.objects.filter(pk=first.pk).update(
        next_attempt_at=start, due_at=start + timedelta(hours=9) * rate
    )
    with clock.use(ScaledClock(clock=watch.clock, origin=start, rate=rate)):
        watch.clock.advance(timedelta(hours=8))
        assert outbox_ages() == (0.0, 0.0)
        watch.clock.advance(timedelta(hours=1, seconds=10))
        assert outbox_ages() == (10.0, 10.0)
        later = clock.wall() + timedelta(seconds=30)
        Notification.objects.filter(pk=first.pk).update(next_attempt_at=later)
        watch.clock.advance(timedelta(seconds=35))
        assert outbox_ages() == (5.0, 5.0)


# ── The trigger ─────────────────────────────────────────────────────────────────


def the_look(incident: Incident) -> QuerySet[DueStep]:
    return DueStep.objects.filter(kind=LADDER, subject_id=incident.pk)


def settle_the_look(incident: Incident) -> None:
    the_look(incident).update(state=DueStepState.DONE)


def delete_the_look(incident: Incident) -> None:
    the_look(incident).delete()


def _harm(incident: Incident, harm: Callable[[Incident], None]) -> None:
    with transaction.atomic():
        harm(incident)
        assert not timer_queries.is_pending(LADDER, incident.pk)  # and no error yet


def give_the_look_away(incident: Incident) -> None:
    the_look(incident).update(kind="letters")


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_strands_an_incident_fails_at_its_commit(
    trm_plan: PlanVersion, virtual_clock: VirtualClock
) -> None:
    watch = Watch(virtual_clock)
    incident = watch.declare("P1")
    watch.settle_without_delivery()
    for harm in (settle_the_look, delete_the_look, give_the_look_away):
        with pytest.raises(IntegrityError, match="nobody will look at its ladder"):
            _harm(incident, harm)
        assert DueStep.objects.filter(kind=LADDER, state=DueStepState.PENDING).exists()

    with transaction.atomic():  # moved away and back before the commit
        settle_the_look(incident)
        timers.plan(LADDER, incident.pk, trm_plan.pk, due_at=virtual_clock.now())
    watch.act(incident, IncidentAction.RESOLVE)
    settle_the_look(incident)

    reopen = partial(Incident.objects.filter(pk=incident.pk).update, status="triggered")
    with pytest.raises(IntegrityError), transaction.atomic():
        reopen(next_due_at=virtual_clock.now())
    assert Incident.objects.get(pk=incident.pk).status == "resolved"


# ── Size ────────────────────────────────────────────────────────────────────────

FILL = """
    INSERT INTO watchbill_incident (title, summary, severity, severity_rank, alert_type,
        category, group_key, status, is_confidential, is_drill, is_user_impacting,
        plan_version_id, declared_at, declared_by, acknowledged_at, acknowledged_by,
        resolved_at, postmortem_url, progress, reached_nobody, grade, promises)
    SELECT 't', '', 'P1', 1, 'payment', '', 'g' || n, 'resolved', false, false, false,
        %(plan)s, %(at)s, '', %(at)s, '', %(at)s, '', '{}', false, 0, '{}'
    FROM generate_series(1, 100000) n;
    INSERT INTO watchbill_duestep (kind, subject_id, due_at, wake_at, state, failures,
        last_error)
    SELECT 'ladder', 1000000 + n, %(later)s, %(later)s,
        CASE n %% 2 WHEN 0 THEN 'pending' ELSE 'done' END, 0, ''
    FROM generate_series(1, 100000) n;
    INSERT INTO watchbill_integration (kind, name, options, sealed_secret, is_drill,
        created_at, accepted)
    VALUES ('alertmanager', 'x', '{}', '', false, %(at)s, 0);
    INSERT INTO watchbill_inboxentry (integration_id, received_at, body, folded_at,
        failures, error)
    SELECT (SELECT id FROM watchbill_integration), %(at)s, '', %(at)s, 0, ''
    FROM generate_series(1, 100000) n;
    ANALYZE watchbill_incident, watchbill_duestep, watchbill_inboxentry;
"""


def test_on_a_hundred_thousand_rows_each_question_is_answered_by_an_index(
    watch: Watch,
) -> None:
    incident = watch.declare("P1")
    watch.settle()
    now = watch.clock.now()
    values: audit.Values = {
        "plan": incident.plan_version_id,
        "at": now - timedelta(days=30),
        "later": now + timedelta(days=1),
    }
    Notification.objects.filter(incident=incident).update(state="delivered")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(FILL, values)
        slow = {}
        for name, question in audit.QUESTIONS.items():
            cursor.execute(
                f"EXPLAIN {question.sql}", audit.parameters(now=now, wall=now)
            )
            plan = "\n".join(row[0] for row in cursor.fetchall())
            big = ("incident", "duestep", "inboxentry")
            if any(f"Seq Scan on watchbill_{table}" in plan for table in big):
                slow[name] = plan
    assert slow == {}, "\n\n".join(slow.values())
    assert look(watch).is_clean
