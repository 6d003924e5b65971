"""Every kind of due step is fired alike, and none of them delays another (I10)."""

from datetime import timedelta

from django.db import connection, transaction

from tests.engine.watch import Watch
from watchbill.server.clock import VirtualClock
from watchbill.server.engine import kinds
from watchbill.server.engine.kinds import Kind, Moment
from watchbill.server.timers import actions as timers
from watchbill.server.timers.models import DueStep, DueStepState

HOUR = timedelta(hours=1)


def moment_of(watch: Watch) -> Moment:
    now = watch.clock.now()
    return Moment(now=now, wall=now, reach=watch.channels.reach)


def plan(watch: Watch, kind: str, *subjects: int) -> None:
    for subject in subjects:
        timers.plan(kind, subject, None, due_at=watch.clock.now())


def settled(kind: str) -> list[int]:
    rows = DueStep.objects.filter(kind=kind, state=DueStepState.DONE)
    return list(rows.order_by("subject_id").values_list("subject_id", flat=True))


def end_all(due: list[DueStep], moment: Moment) -> None:
    for step in due:
        if step.subject_id == 13:
            raise ValueError("thirteen is poison")
        timers.next_look(step, at=None, now=moment.now)


def test_a_poisoned_step_of_any_kind_is_pushed_back_and_the_others_are_fired(
    watch: Watch,
) -> None:
    plan(watch, "letters", 12, 13, 14)

    fired = kinds.run(Kind(name="letters", fire=end_all), moment_of(watch))

    assert fired == 3
    assert settled("letters") == [12, 14]
    bad = DueStep.objects.get(kind="letters", subject_id=13)
    assert (bad.failures, bad.last_error) == (1, "ValueError: thirteen is poison")
    assert bad.wake_at > watch.clock.now()


def test_after_five_failures_a_step_is_quarantined_and_still_tried_rarely(
    watch: Watch,
) -> None:
    plan(watch, "letters", 13)
    kind = Kind(name="letters", fire=end_all)

    for number in range(1, 6):
        kinds.run(kind, moment_of(watch))
        step = DueStep.objects.get(kind="letters")
        assert step.failures == number
        assert (step.quarantined_at is not None) is (number == 5)
        watch.clock.move_to(step.wake_at)

    assert DueStep.objects.get(kind="letters").state == DueStepState.PENDING
    DueStep.objects.filter(kind="letters").update(subject_id=1)
    kinds.run(kind, moment_of(watch))
    assert settled("letters") == [1]


def test_a_storm_of_one_kind_leaves_the_ladder_its_turn(watch: Watch) -> None:
    DueStep.objects.bulk_create(
        DueStep(
            kind="letters",
            subject_id=number,
            due_at=watch.clock.now() - HOUR,
            wake_at=watch.clock.now() - HOUR,
        )
        for number in range(100, 5000)
    )
    incident = watch.declare("P1")

    watch.settle_without_delivery()

    assert incident.firings.exists()
    assert settled("letters") == []


def test_the_index_by_kind_finds_what_is_due_behind_a_storm(watch: Watch) -> None:
    DueStep.objects.bulk_create(
        DueStep(
            kind="letters",
            subject_id=number,
            due_at=watch.clock.now() - HOUR,
            wake_at=watch.clock.now() - HOUR,
        )
        for number in range(20_000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE watchbill_duestep")
        cursor.execute(
            "EXPLAIN SELECT id FROM watchbill_duestep WHERE kind = 'ladder'"
            " AND state = 'pending' AND wake_at <= %s ORDER BY wake_at, id LIMIT 100",
            [watch.clock.now()],
        )
        text = "\n".join(row[0] for row in cursor.fetchall())
    assert "duestep_by_kind" in text or "duestep_one_pending" in text
    assert "Seq Scan" not in text


def test_a_statement_that_takes_too_long_counts_as_a_failure_of_its_step(
    watch: Watch,
) -> None:
    def sleep(_due: list[DueStep], _moment: Moment) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(20)")

    plan(watch, "letters", 1)
    kind = Kind(name="letters", fire=sleep, budget=timedelta(milliseconds=50))

    kinds.run(kind, moment_of(watch))

    step = DueStep.objects.get(kind="letters")
    assert step.failures == 1
    assert "statement timeout" in step.last_error


def test_a_deadlock_is_no_fault_of_the_step(watch: Watch) -> None:
    def deadlock(_due: list[DueStep], _moment: Moment) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DO $$ BEGIN RAISE EXCEPTION SQLSTATE '40P01'; END $$")

    plan(watch, "letters", 1)

    kinds.run(Kind(name="letters", fire=deadlock), moment_of(watch))

    step = DueStep.objects.get(kind="letters")
    assert (step.failures, step.last_error) == (0, "")
    assert step.wake_at == watch.clock.now() + timedelta(seconds=1)


def test_what_is_done_afterwards_is_done_outside_the_transaction(watch: Watch) -> None:
    depths: list[int] = []
    kind = Kind(
        name="letters",
        fire=end_all,
        afterwards=lambda _moment: depths.append(len(connection.savepoint_ids)),
    )
    before = len(connection.savepoint_ids)

    assert kinds.run(kind, moment_of(watch)) == 0
    assert depths == []
    plan(watch, "letters", 1)
    kinds.run(kind, moment_of(watch))

    assert depths == [before]


def test_recurring_work_is_planned_once_however_many_nodes_start(
    db: None, virtual_clock: VirtualClock
) -> None:
    for _node in range(3):
        with transaction.atomic():
            timers.ensure("audit", due_at=virtual_clock.now())
    assert DueStep.objects.filter(kind="audit").count() == 1
