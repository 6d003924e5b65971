"""The watch: reminders, doubts, hand-overs and gaps: each said once."""

import threading
from datetime import datetime, time, timedelta

import pytest
from django.db import connections, transaction

from tests.engine.shifts import FRIDAY, MAILS, about, look, prove_all, reach, said
from tests.engine.watch import Watch, minutes
from tests.shifts import (
    BACKEND,
    DEVOPS,
    FRONTEND,
    HOUR,
    MOBILE,
    at,
    put_in,
)
from watchbill.core.incidents import IncidentAction, IncidentStatus
from watchbill.core.temporal import Interval
from watchbill.server.engine import kinds, work
from watchbill.server.engine import watch as engine
from watchbill.server.engine.kinds import Moment
from watchbill.server.incidents import actions as incidents
from watchbill.server.incidents import handing
from watchbill.server.incidents.actions import Actor
from watchbill.server.incidents.models import Incident
from watchbill.server.notifications.models import Notification
from watchbill.server.oncall import actions
from watchbill.server.oncall.models import Handover, ShiftNotice
from watchbill.server.people.models import QuietTime
from watchbill.server.timers import actions as timers

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _planned(watch: Watch) -> None:
    timers.ensure(engine.KIND.name, due_at=watch.clock.now())


# ── Reminders ───────────────────────────────────────────────────────────────────


def test_the_engine_plans_it_by_itself() -> None:
    assert engine.KIND in work.kinds()
    assert engine.KIND.is_recurring


@pytest.mark.req("S4.4-11")
def test_whoever_begins_a_shift_is_reminded_a_day_and_an_hour_before(
    watch: Watch,
) -> None:
    prove_all()
    look(watch, FRIDAY - timedelta(days=1, minutes=1))
    assert said() == []

    look(watch, FRIDAY - timedelta(days=1))
    look(watch, FRIDAY - timedelta(hours=5))
    assert said(BACKEND) == [(BACKEND, "You are primary of DevOps on-call in 24 h")]
    assert said(DEVOPS) == [(DEVOPS, "You are secondary of DevOps on-call in 24 h")]
    assert said(FRONTEND) == [(FRONTEND, "You are shadow of DevOps on-call in 24 h")]

    look(watch, FRIDAY - HOUR)
    look(watch, FRIDAY - minutes(30))
    look(watch, FRIDAY)
    assert said(BACKEND)[1:] == [(BACKEND, "You are primary of DevOps on-call in 1 h")]


@pytest.mark.req("S4.4-09", "S4.4-11")
def test_reminders_follow_the_schedule_as_it_is_and_not_as_it_was(
    watch: Watch,
) -> None:
    prove_all()
    put_in("technical_lead", Interval(starts_at=FRIDAY, ends_at=at(14)), now=at(8, 3))

    look(watch, FRIDAY - HOUR)

    assert ("technical_lead", "You are primary of DevOps on-call in 1 h") in said()
    assert not [
        one for one in said(BACKEND) if "primary" in one[1] and "in 1 h" in one[1]
    ]


def test_after_days_without_an_engine_only_what_is_still_to_come_is_said(
    watch: Watch,
) -> None:
    prove_all()

    look(watch, FRIDAY - minutes(20))

    assert said(BACKEND) == [
        (BACKEND, "You are primary of DevOps on-call in 20 min"),
    ]


@pytest.mark.req("S4.4-11")
def test_who_stands_in_from_one_minute_to_the_next_hears_of_it_once(
    watch: Watch,
) -> None:
    prove_all()
    begins = at(10, 14)
    look(watch, begins)
    sick = Interval(starts_at=begins, ends_at=at(11))
    actions.add_absence(DEVOPS, sick, kind="sick", note="", by=DEVOPS, now=begins)

    look(watch)
    look(watch, begins + minutes(3))

    assert about("from now on") == [
        (BACKEND, "You are primary of DevOps on-call from now on")
    ]


@pytest.mark.req("S4.4-11")
def test_a_reminder_keeps_quiet_hours_and_is_left_out_if_they_last_too_long(
    watch: Watch,
) -> None:
    prove_all()
    QuietTime.objects.create(
        contact_key=BACKEND, starts=time(9), ends=time(12), zone="Asia/Yangon"
    )

    look(watch, FRIDAY - timedelta(days=1))
    look(watch, FRIDAY - HOUR)

    (row,) = Notification.objects.filter(contact_key=BACKEND)
    assert row.due_at == at(12, 12)
    assert ShiftNotice.objects.filter(contact_key=BACKEND).count() == 2


def test_two_engines_at_once_say_it_once(watch: Watch) -> None:
    prove_all()
    watch.clock.move_to(FRIDAY - HOUR)
    now = watch.clock.now()
    timers.hasten(engine.KIND.name, now=now)
    gate = threading.Barrier(3)

    def run() -> None:
        gate.wait(10)
        for _ in range(3):
            kinds.run(engine.KIND, Moment(now=now, wall=now, reach=reach(watch)))
        connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(3)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(20)

    assert len(said(BACKEND)) == 1


def test_an_engine_that_dies_before_it_commits_has_said_nothing_and_says_it_again(
    watch: Watch,
) -> None:
    prove_all()
    watch.clock.move_to(FRIDAY - HOUR)

    def die() -> None:
        with transaction.atomic():
            look(watch)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        die()
    assert said() == []
    assert ShiftNotice.objects.count() == 0

    look(watch)

    assert len(said(BACKEND)) == 1


# ── Whether a page would come ───────────────────────────────────────────────────


@pytest.mark.req("S2.1-15")
def test_doubt_is_told_a_day_before_and_at_the_start_to_the_person_and_the_owners(
    watch: Watch,
) -> None:
    look(watch, FRIDAY - timedelta(days=1))
    told = about("might not reach")
    assert told
    assert all(subject.startswith("A page might not reach") for _, subject in told)
    assert not [one for one in told if "reach you" in one[1]]

    look(watch, FRIDAY)
    look(watch, FRIDAY + minutes(1))

    theirs = [one for one in said(BACKEND) if "reach you" in one[1]]
    assert theirs == [
        (BACKEND, "A page might not reach you as primary of DevOps on-call")
    ]
    assert len(about("might not reach Backend Engineer")) == 2 * len(
        {key for key, _ in about("might not reach Backend Engineer")}
    )


@pytest.mark.req("S2.1-15")
def test_who_has_proven_an_address_is_not_bothered(watch: Watch) -> None:
    prove_all()

    look(watch, FRIDAY - timedelta(days=1))
    look(watch, FRIDAY)

    assert about("might not reach") == []


# ── Hand-over ───────────────────────────────────────────────────────────────────


def taken(watch: Watch, key: str = DEVOPS) -> Incident:
    """An incident that whoever is primary has acknowledged."""
    incident = watch.declare("P1", "payment")
    actor = Actor(label=key, contact_key=key)
    incidents.perform(
        incident.pk, IncidentAction.ACKNOWLEDGE, actor=actor, now=watch.clock.now()
    )
    return incident


@pytest.mark.req("S4.4-11", "S4.4-12")
def test_whoever_leaves_is_asked_for_a_summary_and_told_what_stays(
    watch: Watch,
) -> None:
    prove_all()
    watch.clock.move_to(FRIDAY - 2 * HOUR)
    incident = taken(watch)

    look(watch, FRIDAY - HOUR)
    look(watch, FRIDAY - minutes(5))

    asked = [one for one in said(DEVOPS) if "takes over" in one[1]]
    assert asked == [
        (DEVOPS, "Backend Engineer takes over DevOps on-call at 10:00: what is open?")
    ]
    row = Notification.objects.get(contact_key=DEVOPS, subject=asked[0][1])
    assert f"#{incident.pk} Payments fail" in "\n".join(row.notice["paragraphs"])
    handover = Handover.objects.get()
    assert (handover.from_contact, handover.to_contact, handover.written_at) == (
        DEVOPS,
        BACKEND,
        None,
    )


@pytest.mark.req("S4.4-12")
def test_an_incident_stays_with_who_has_it_when_the_watch_changes_hands(
    watch: Watch,
) -> None:
    watch.clock.move_to(FRIDAY - minutes(5))
    incident = taken(watch)

    look(watch, FRIDAY)

    assert [one.pk for one in handing.held_by(DEVOPS)] == [incident.pk]
    assert handing.held_by(BACKEND) == []
    incident.refresh_from_db()
    assert incident.acknowledged_by == DEVOPS


@pytest.mark.req("S4.4-12")
def test_who_joins_or_comes_again_later_is_not_who_has_it(watch: Watch) -> None:
    watch.clock.move_to(FRIDAY - HOUR)
    incident = taken(watch)
    for after, key in ((minutes(5), BACKEND), (minutes(9), DEVOPS), (HOUR, MOBILE)):
        watch.clock.move_to(FRIDAY - HOUR + after)
        actor = Actor(label=key, contact_key=key)
        incidents.perform(
            incident.pk, IncidentAction.ACKNOWLEDGE, actor=actor, now=watch.clock.now()
        )

    assert [one.pk for one in handing.held_by(DEVOPS)] == [incident.pk]
    assert handing.held_by(BACKEND) == handing.held_by(MOBILE) == []


@pytest.mark.req("S4.4-12")
def test_it_changes_hands_when_both_agree_and_only_then(watch: Watch) -> None:
    watch.clock.move_to(FRIDAY - HOUR)
    incident = taken(watch)
    look(watch)
    now = watch.clock.now()
    leaver = Actor(label="Dev Ops", contact_key=DEVOPS)
    comer = Actor(label="Back End", contact_key=BACKEND)
    handover = Handover.objects.get()
    with pytest.raises(handing.OfferRefusedError, match="only whoever leaves"):
        handing.offer(handover.pk, [incident.pk], actor=comer, now=now)

    (offer,) = handing.offer(handover.pk, [incident.pk], actor=leaver, now=now)

    assert [one.pk for one in handing.held_by(DEVOPS)] == [incident.pk]
    assert [one.pk for one in handing.open_offers_to(BACKEND)] == [offer.pk]
    with pytest.raises(handing.OfferRefusedError, match="not offered to you"):
        handing.accept(offer.pk, actor=leaver, now=now)

    handing.accept(offer.pk, actor=comer, now=now)

    incident.refresh_from_db()
    assert incident.acknowledged_by == "Back End"
    assert handing.held_by(DEVOPS) == []
    assert [one.pk for one in handing.held_by(BACKEND)] == [incident.pk]
    assert handing.open_offers_to(BACKEND) == []
    with pytest.raises(handing.OfferRefusedError, match="answered already"):
        handing.decline(offer.pk, actor=comer, now=now)
    told = len(watch.told)
    watch.settle()
    assert [one for one in watch.told[told:] if "Page:" in one.notice.subject] == []


def test_what_is_not_theirs_or_is_over_is_not_handed_over(watch: Watch) -> None:
    watch.clock.move_to(FRIDAY - HOUR)
    mine, other = taken(watch), taken(watch, MOBILE)
    look(watch)
    now = watch.clock.now()
    leaver = Actor(label=DEVOPS, contact_key=DEVOPS)
    comer = Actor(label=BACKEND, contact_key=BACKEND)
    handover = Handover.objects.get()
    with pytest.raises(handing.OfferRefusedError, match="not yours"):
        handing.offer(handover.pk, [other.pk], actor=leaver, now=now)
    (offer,) = handing.offer(handover.pk, [mine.pk], actor=leaver, now=now)
    incidents.perform(mine.pk, IncidentAction.RESOLVE, actor=leaver, now=now)

    with pytest.raises(handing.OfferRefusedError, match="is over"):
        handing.accept(offer.pk, actor=comer, now=now)


def test_an_incident_that_waits_again_is_nobodys_to_hand_over(watch: Watch) -> None:
    watch.clock.move_to(FRIDAY - HOUR)
    mine = taken(watch)
    look(watch)
    now = watch.clock.now()
    leaver = Actor(label=DEVOPS, contact_key=DEVOPS)
    comer = Actor(label=BACKEND, contact_key=BACKEND)
    handover = Handover.objects.get()
    (offer,) = handing.offer(handover.pk, [mine.pk], actor=leaver, now=now)
    mine.refresh_from_db()
    incidents.lapse(mine, at=now, now=now)

    with pytest.raises(handing.OfferRefusedError, match="nobody"):
        handing.accept(offer.pk, actor=comer, now=now)
    with pytest.raises(handing.OfferRefusedError, match="not yours"):
        handing.offer(handover.pk, [mine.pk], actor=leaver, now=now)
    mine.refresh_from_db()
    assert mine.status == IncidentStatus.TRIGGERED


# ── Two weeks ahead ─────────────────────────────────────────────────────────────


def owners(watch: Watch) -> set[str]:
    return {key for key, subject in said() if subject.startswith("On call: ")}


@pytest.mark.req("S4.4-08")
def test_a_gap_is_told_to_the_owners_fourteen_days_ahead_once_a_day(
    watch: Watch,
) -> None:
    prove_all()
    look(watch, at(9, 8, 59))
    assert owners(watch) == set()
    everybody_away(at(22, 12), at(22, 18), now=at(9, 8, 59))

    look(watch, at(9, 9))
    look(watch, at(9, 15))

    found = about("On call: 1 problem in the coming two weeks")
    assert found
    assert len(found) == len(set(found))
    row = Notification.objects.filter(subject=found[0][1])[0]
    assert row.notice["paragraphs"] == [
        "Nobody is primary of DevOps on-call from Sun 22 Feb 12:00"
        " to Sun 22 Feb 18:00 (Asia/Yangon)."
    ]
    look(watch, at(10, 9))
    assert len(about("On call: 1 problem")) == 2 * len(found)


def test_before_the_morning_and_farther_away_nothing_is_reported(watch: Watch) -> None:
    prove_all()
    everybody_away(at(24, 12), at(24, 18), now=at(9, 9))

    look(watch, at(9, 10))
    look(watch, at(11, 8, 59))

    assert owners(watch) == set()


def everybody_away(starts_at: datetime, ends_at: datetime, *, now: datetime) -> None:
    during = Interval(starts_at=starts_at, ends_at=ends_at)
    for key in MAILS:
        actions.add_absence(key, during, kind="leave", note="", by="Dana", now=now)
