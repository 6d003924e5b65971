"""Overrides and swaps: who hears of them, once, and whom the ladder then pages."""

from datetime import datetime
from typing import Any

import pytest

from tests.engine.shifts import FRIDAY, MAILS, look, prove_all, said
from tests.engine.watch import Watch, minutes, plan_with
from tests.shifts import (
    BACKEND,
    DEVOPS,
    FRONTEND,
    HOUR,
    KEY,
    MOBILE,
    NIGHT,
    ask,
    at,
    put_in,
)
from watchbill.core.oncall import Duty, Shift
from watchbill.core.temporal import Interval
from watchbill.plan import Plan
from watchbill.server.engine import watch as engine
from watchbill.server.engine.audit import audit
from watchbill.server.notifications.models import Notification
from watchbill.server.oncall import actions, queries
from watchbill.server.oncall.models import SwapState
from watchbill.server.plans import queries as plans
from watchbill.server.reports.queries import load
from watchbill.server.timers import actions as timers
from watchbill.server.timers.actions import MAX_FAILURES
from watchbill.server.timers.models import DueStep

pytestmark = pytest.mark.django_db(transaction=True)

BROKEN = """\
  broken:
    title: Broken
    members: [cto]
    first_week: 2026-02-06
    handover: "10:00"
"""


@pytest.fixture(autouse=True)
def _planned(watch: Watch) -> None:
    timers.ensure(engine.KIND.name, due_at=watch.clock.now())


# ── Overrides and swaps ─────────────────────────────────────────────────────────


@pytest.mark.req("S4.4-09")
def test_who_is_put_in_and_who_is_relieved_hear_of_it_once(watch: Watch) -> None:
    prove_all()
    put_in(FRONTEND, NIGHT, now=watch.clock.now())

    look(watch)
    look(watch)

    when = "from Mon 9 Feb 20:00 to Tue 10 Feb 08:00 (Asia/Yangon)"
    assert said() == [
        (FRONTEND, f"You are primary of DevOps on-call {when}"),
        (
            DEVOPS,
            f"Frontend Engineer is primary of DevOps on-call instead of you {when}",
        ),
    ]


@pytest.mark.req("S4.4-09")
def test_who_is_asked_gets_a_link_and_the_asker_the_answer(watch: Watch) -> None:
    swap = ask(now=watch.clock.now())
    look(watch)
    look(watch)
    (row,) = Notification.objects.filter(swap=swap)
    assert row.contact_key == FRONTEND
    watch.settle()
    (message,) = [one for one in watch.told if one.who == "frontend"]
    assert [link.label for link in message.notice.links] == ["Answer"]
    assert "/on-call/" in message.notice.links[0].url

    actions.accept_swap(swap.pk, contact_key=FRONTEND, now=watch.clock.now())
    look(watch)
    look(watch)

    assert said(DEVOPS) == [
        (
            DEVOPS,
            "Frontend Engineer accepted: Frontend Engineer is primary of DevOps"
            " on-call from Mon 9 Feb 20:00 to Tue 10 Feb 08:00 (Asia/Yangon)",
        )
    ]
    assert len(said(FRONTEND)) == 1


def test_a_request_to_anybody_goes_to_the_others_of_the_schedule(watch: Watch) -> None:
    ask(asked_of=None, now=watch.clock.now())

    look(watch)

    assert sorted(key for key, _ in said()) == sorted({*MAILS} - {DEVOPS})


def test_a_request_that_waits_in_the_outbox_is_dropped_once_answered(
    watch: Watch,
) -> None:
    swap = ask(now=watch.clock.now())
    look(watch)
    actions.decline_swap(swap.pk, contact_key=FRONTEND, now=watch.clock.now())

    watch.settle()

    assert "frontend" not in {one.who for one in watch.told}


def test_a_request_runs_out_when_its_stretch_begins_and_the_asker_hears(
    watch: Watch,
) -> None:
    prove_all()
    swap = ask(now=watch.clock.now())
    look(watch)

    look(watch, NIGHT.starts_at)

    swap.refresh_from_db()
    assert swap.state == SwapState.EXPIRED
    assert [one for one in said(DEVOPS) if one[1].startswith("Nobody accepted")]


def test_who_was_never_asked_does_not_hear_that_it_was_taken_back(
    watch: Watch,
) -> None:
    swap = ask(now=watch.clock.now())
    actions.withdraw_swap(swap.pk, contact_key=DEVOPS, now=watch.clock.now())

    look(watch)

    assert said() == []


# ── Whom the ladder pages ───────────────────────────────────────────────────────


@pytest.mark.req("S4.4-09")
def test_an_override_changes_whom_the_ladder_pages(watch: Watch) -> None:
    now = watch.clock.now()
    put_in(FRONTEND, Interval(starts_at=now, ends_at=now + 5 * HOUR), now=now)

    watch.declare("P1", "payment")
    watch.at(minutes(1))

    paged = {one.who for one in watch.told if "Page:" in one.notice.subject}
    assert "frontend" in paged
    assert "devops" not in paged


@pytest.mark.req("S4.4-09")
def test_an_override_made_while_an_incident_is_open_counts_from_the_next_step(
    watch: Watch,
) -> None:
    watch.declare("P1", "payment")
    watch.at(minutes(1))
    now = watch.clock.now()
    actions.override(
        KEY,
        Duty.SECONDARY,
        "technical_lead",
        Interval(starts_at=now, ends_at=now + HOUR),
        reason="",
        by="Dana",
        now=now,
    )

    watch.at(minutes(6))

    at_five = [who for when, who in watch.story() if when == 5]
    assert "tech-lead" in at_five
    assert "mobile" not in at_five


@pytest.mark.req("S4.4-09")
def test_a_page_that_was_decided_goes_to_who_held_the_watch_then(watch: Watch) -> None:
    watch.declare("P1", "payment")
    watch.settle_without_delivery()
    now = watch.clock.now()
    put_in(FRONTEND, Interval(starts_at=now, ends_at=now + HOUR), now=now)

    watch.settle()

    assert "devops" in {one.who for one in watch.told}


@pytest.mark.req("S4.4-09", "S0-07")
def test_an_open_incident_pages_who_is_on_call_by_the_plan_in_force(
    watch: Watch,
) -> None:
    watch.declare("P1", "payment")
    watch.at(minutes(1))
    plan_with(
        watch.clock,
        (
            "members: [devops_engineer, backend_engineer, frontend_engineer,"
            " mobile_engineer]",
            "members: [devops_engineer, backend_engineer, frontend_engineer, cto]",
        ),
    )

    watch.at(minutes(6))

    at_five = [who for when, who in watch.story() if when == 5]
    assert "cto" in at_five
    assert "mobile" not in at_five


@pytest.mark.req("S3.2-01")
def test_a_role_that_is_asked_in_turn_gets_each_incident_to_another_one(
    watch: Watch,
) -> None:
    plan_with(
        watch.clock,
        (
            "who: on_call.primary-oncall.secondary,",
            'who: "one of help_desk_agent in turn",',
        ),
    )
    plan = queries.plan_now(now=watch.clock.now())
    assert plan is not None
    holders = plan.directory.holders("help_desk_agent")
    firsts = [watch.declare("P1", "payment") for _ in holders]

    watch.at(minutes(6))

    rows = Notification.objects.filter(contact_key__in=[one.key for one in holders])
    asked = {row.incident_id: row.contact_key for row in rows if "Page:" in row.subject}
    assert asked == {one.pk: holders[one.pk % len(holders)].key for one in firsts}
    assert len(set(asked.values())) == len(holders)


@pytest.mark.req("S4.4-13")
def test_the_load_counts_hours_pages_and_incidents(watch: Watch) -> None:
    begins = watch.clock.now()
    watch.declare("P1", "payment")
    watch.at(minutes(1))
    plan = queries.plan_now(now=begins)
    assert plan is not None

    found = {
        one.contact: one
        for one in load(plan, Interval(starts_at=begins, ends_at=begins + 2 * HOUR))
    }

    devops = found[DEVOPS]
    assert devops.hours == {Duty.PRIMARY: 2 * HOUR}
    assert (devops.pages, devops.night_pages, devops.incidents) == (1, 1, 1)
    assert found[MOBILE].hours == {Duty.SECONDARY: 2 * HOUR}
    assert found[MOBILE].pages == 0


def test_a_schedule_that_cannot_be_looked_at_silences_no_other(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    prove_all()
    version = plan_with(watch.clock, ("on_call:\n", f"on_call:\n{BROKEN}"))
    plan = plans.plan_of(version.pk)
    assert next(iter(plan.schedules)) == "broken"
    shifts = queries.shifts

    def fail(plan: Plan, key: str, **given: Any) -> tuple[Shift, ...]:
        if key == "broken":
            raise ZeroDivisionError
        return shifts(plan, key, **given)

    monkeypatch.setattr(queries, "shifts", fail)
    when = FRIDAY - HOUR
    look(watch, when)

    assert ("backend_engineer", "You are primary of DevOps on-call in 1 h") in said()
    step = DueStep.objects.get(kind=engine.KIND.name)
    assert "the schedule broken: ZeroDivisionError" in step.last_error
    assert step.wake_at == when + minutes(1)

    for number in range(1, MAX_FAILURES):
        look(watch, when + minutes(number))
    step.refresh_from_db()
    assert step.quarantined_at is not None
    assert step.wake_at == when + minutes(MAX_FAILURES)
    run = audit(now=watch.clock.now(), wall=watch.clock.now())
    assert any("'watch'" in one for one in run.findings)

    monkeypatch.undo()
    look(watch, when + minutes(MAX_FAILURES))
    healed = DueStep.objects.get(pk=step.pk)
    assert (healed.failures, healed.quarantined_at) == (0, None)


def test_the_coming_two_weeks_are_looked_at_each_hour(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[datetime] = []

    def findings(watching: Any) -> tuple[()]:
        looked.append(watching.now)
        return ()

    monkeypatch.setattr(engine, "_findings", findings)

    for when in (at(9, 9), at(9, 9, 1), at(9, 17), at(10, 9)):
        look(watch, when)

    assert looked == [at(9, 9), at(9, 17), at(10, 9)]


@pytest.mark.req("S4.4-09")
def test_a_new_version_tells_whom_it_puts_in_and_whom_it_relieves_at_once(
    watch: Watch,
) -> None:
    prove_all()
    look(watch, at(9, 20))
    before = len(said())
    plan_with(
        watch.clock,
        (
            "members: [devops_engineer, backend_engineer, frontend_engineer,"
            " mobile_engineer]",
            "members: [backend_engineer, devops_engineer, frontend_engineer,"
            " mobile_engineer]",
        ),
    )

    look(watch, at(9, 20, 1))
    look(watch, at(9, 20, 2))

    told = [one for one in said()[before:] if "primary" in one[1]]
    assert told == [
        (BACKEND, "You are primary of DevOps on-call from now on"),
        (
            DEVOPS,
            "Backend Engineer is primary of DevOps on-call instead of you from now on",
        ),
    ]
