"""Overrides, absences, hand-overs and feeds: who may what, and what follows."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.conftest import START
from tests.shifts import (
    BACKEND,
    DEVOPS,
    FRONTEND,
    HOUR,
    KEY,
    MOBILE,
    NIGHT,
    at,
    primary,
    put_in,
    span,
)
from watchbill.core.ladder import DutyTarget, ExpertTarget
from watchbill.core.oncall import Duty, Source
from watchbill.core.temporal import Interval
from watchbill.plan import Plan, load
from watchbill.server.oncall import actions, queries
from watchbill.server.oncall.actions import OncallRefusedError
from watchbill.server.oncall.models import (
    Absence,
    FeedToken,
    Handover,
    Override,
)
from watchbill.server.plans import actions as plan_actions
from watchbill.server.plans.models import PlanVersion

pytestmark = pytest.mark.django_db


# ── Nothing yet ─────────────────────────────────────────────────────────────────


def test_with_empty_tables_the_schedule_is_the_plans(plan: Plan) -> None:
    roster = queries.roster(plan, now=START)

    assert (roster.overrides, roster.absences) == ((), ())
    assert primary(plan, START) == DEVOPS
    assert set(queries.duties_of(plan, at=START)) == {DEVOPS, MOBILE, BACKEND}
    assert queries.swaps_to(DEVOPS, plan) == queries.swaps_by(DEVOPS) == []
    assert queries.handovers_of(DEVOPS) == []
    assert queries.find_feed("wbfeed_nothing") is None
    assert actions.expire_swaps(now=START) == 0


def test_without_a_plan_nothing_can_be_changed(db: None) -> None:
    with pytest.raises(OncallRefusedError, match="no plan is in force"):
        put_in()


# ── Overrides ───────────────────────────────────────────────────────────────────


@pytest.mark.req("S4.4-09")
def test_an_override_holds_for_its_stretch_and_not_an_instant_longer(
    plan: Plan,
) -> None:
    made = put_in()

    assert primary(plan, NIGHT.starts_at - timedelta(microseconds=1)) == DEVOPS
    assert primary(plan, NIGHT.starts_at) == FRONTEND
    assert primary(plan, NIGHT.ends_at - timedelta(microseconds=1)) == FRONTEND
    assert primary(plan, NIGHT.ends_at) == DEVOPS
    shift = queries.on_call(plan, KEY, Duty.PRIMARY, at=NIGHT.starts_at)
    assert (shift.source, shift.override) == (Source.OVERRIDE, made.pk)
    assert (made.made_by, made.made_at, made.reason) == ("Dana", START, "concert")


@pytest.mark.req("S4.4-09")
def test_the_roster_of_the_pages_says_the_same_as_the_schedule(plan: Plan) -> None:
    put_in()
    roster = queries.roster(plan, now=START)
    target = DutyTarget(schedule=KEY, duty=Duty.PRIMARY)

    found = roster.people(target, category=None, at=NIGHT.starts_at)

    assert [one.key for one in found] == [FRONTEND]


def test_of_two_overrides_the_later_one_counts(plan: Plan) -> None:
    put_in(FRONTEND)
    put_in("technical_lead")

    assert primary(plan, NIGHT.starts_at) == "technical_lead"


def test_an_override_that_has_begun_in_the_past_begins_now(plan: Plan) -> None:
    made = put_in(during=span(START - 5 * HOUR, START + HOUR))

    assert made.starts_at == START
    assert primary(plan, START - HOUR) == DEVOPS
    assert primary(plan, START) == FRONTEND


@pytest.mark.parametrize(
    ("contact", "during", "duty", "why"),
    [
        (FRONTEND, span(START - 2 * HOUR, START), Duty.PRIMARY, "that time is over"),
        (
            FRONTEND,
            span(START, START + timedelta(days=400)),
            Duty.PRIMARY,
            "longer than 366 days is a change of the plan",
        ),
        ("nobody", NIGHT, Duty.PRIMARY, "knows no contact 'nobody'"),
        (DEVOPS, NIGHT, Duty.SECONDARY, "nobody holds two duties at once"),
        (MOBILE, NIGHT, Duty.SHADOW, "nobody holds two duties at once"),
    ],
)
@pytest.mark.req("S4.4-10")
def test_an_override_that_cannot_be_is_refused_in_a_sentence(
    plan: Plan, contact: str, during: Interval, duty: Duty, why: str
) -> None:
    with pytest.raises(OncallRefusedError, match=why):
        put_in(contact, during, duty=duty)
    assert Override.objects.count() == 0


def test_an_override_of_a_schedule_that_is_not_there_is_refused(plan: Plan) -> None:
    with pytest.raises(OncallRefusedError, match="no schedule 'gone'"):
        actions.override(
            "gone", Duty.PRIMARY, FRONTEND, NIGHT, reason="", by="Dana", now=START
        )


def test_an_override_can_be_called_off_before_it_begins_and_then_never_was(
    plan: Plan,
) -> None:
    made = put_in()

    assert actions.cancel_override(made.pk, by="Eve", now=START)

    assert primary(plan, NIGHT.starts_at) == DEVOPS
    assert not actions.cancel_override(made.pk, by="Eve", now=START)
    made.refresh_from_db()
    assert (made.cancelled_at, made.cancelled_by) == (START, "Eve")


def test_called_off_in_its_middle_what_has_been_stays_true(plan: Plan) -> None:
    made = put_in()
    middle = NIGHT.starts_at + 3 * HOUR

    assert actions.cancel_override(made.pk, by="Eve", now=middle)

    assert primary(plan, middle - HOUR) == FRONTEND
    assert primary(plan, middle) == DEVOPS
    assert not actions.cancel_override(made.pk, by="Eve", now=NIGHT.ends_at)


def test_an_override_for_who_has_left_the_plan_counts_no_more(
    plan: Plan, trm_plan: PlanVersion
) -> None:
    Override.objects.create(
        schedule_key=KEY,
        duty="primary",
        contact_key="long_gone",
        starts_at=NIGHT.starts_at,
        ends_at=NIGHT.ends_at,
        made_by="Dana",
        made_at=START,
    )

    assert primary(plan, NIGHT.starts_at) == DEVOPS
    assert queries.roster(plan, now=START).overrides == ()


def test_a_minute_before_midnight_in_yangon_belongs_to_the_day_before(
    plan: Plan,
) -> None:
    evening = span(at(9, 23, 59), at(10, 0, 0))

    put_in(during=evening)

    assert evening.starts_at == datetime(2026, 2, 9, 17, 29, tzinfo=UTC)
    held = queries.shifts(plan, KEY, during=span(at(9), at(11)), duties=(Duty.PRIMARY,))
    assert [(one.holder, one.during) for one in held] == [
        (DEVOPS, span(at(9), at(9, 23, 59))),
        (FRONTEND, evening),
        (DEVOPS, span(at(10), at(11))),
    ]


# ── Absences ────────────────────────────────────────────────────────────────────


def away(contact: str, during: Interval, now: datetime = START) -> actions.AbsenceMade:
    return actions.add_absence(
        contact, during, kind="leave", note="", by="Dana", now=now
    )


def test_an_absence_says_which_shifts_it_touches_and_who_stands_in(
    plan: Plan,
) -> None:
    leave = span(at(14), at(16))

    preview = queries.touched(plan, BACKEND, leave)
    made = away(BACKEND, leave)

    assert made.touched == preview
    first = made.touched[0]
    assert first.shift.duty is Duty.PRIMARY
    assert first.shift.during == leave
    assert first.stand_in not in {None, BACKEND}
    assert primary(plan, at(15)) == first.stand_in
    assert primary(plan, at(16)) == BACKEND


def test_somebody_who_is_back_early_holds_the_rest(plan: Plan) -> None:
    made = away(BACKEND, span(at(14), at(16)))

    assert actions.cancel_absence(made.absence.pk, by="Dana", now=at(15))

    assert primary(plan, at(14, 12)) != BACKEND
    assert primary(plan, at(15, 12)) == BACKEND
    assert not actions.cancel_absence(made.absence.pk, by="Dana", now=at(17))


def test_who_is_away_cannot_be_put_in(plan: Plan) -> None:
    away(FRONTEND, span(at(9), at(11)))

    with pytest.raises(OncallRefusedError, match="is away from"):
        put_in(FRONTEND)


def test_an_absence_of_nobody_or_of_no_kind_is_refused(plan: Plan) -> None:
    with pytest.raises(OncallRefusedError, match="knows no contact"):
        away("nobody", NIGHT)
    with pytest.raises(OncallRefusedError, match="no kind of absence"):
        actions.add_absence(
            BACKEND, NIGHT, kind="holiday", note="", by="Dana", now=START
        )
    assert Absence.objects.count() == 0


# ── Hand-overs ──────────────────────────────────────────────────────────────────


def write(summary: str = "the import is slow", to: str = BACKEND) -> Handover:
    return actions.write_handover(
        KEY,
        Duty.PRIMARY,
        from_contact=DEVOPS,
        to_contact=to,
        at=at(13, 10),
        summary=summary,
        now=START,
    )


@pytest.mark.req("S4.4-11")
def test_a_summary_is_written_once_more_until_it_is_accepted(plan: Plan) -> None:
    first = write()
    again = write("the import is fixed")

    assert again.pk == first.pk
    assert not queries.handovers_of(FRONTEND)
    assert actions.accept_handover(first.pk, contact_key=BACKEND, now=START)
    assert not actions.accept_handover(first.pk, contact_key=BACKEND, now=START)
    with pytest.raises(OncallRefusedError, match="accepted already"):
        write("too late")
    assert queries.handovers_of(BACKEND)[0].summary == "the import is fixed"


def test_a_hand_over_is_accepted_by_who_takes_over(plan: Plan) -> None:
    made = write()

    with pytest.raises(OncallRefusedError, match="only whoever takes over"):
        actions.accept_handover(made.pk, contact_key=DEVOPS, now=START)
    with pytest.raises(OncallRefusedError, match="write what is open"):
        write("  ")
    with pytest.raises(OncallRefusedError, match="to themselves"):
        write(to=DEVOPS)


# ── Feeds ───────────────────────────────────────────────────────────────────────


def test_a_feed_is_found_by_its_secret_which_is_not_stored(plan: Plan) -> None:
    made = actions.make_feed(contact_key=DEVOPS, made_for=DEVOPS, by="Dana", now=START)

    assert queries.find_feed(made.secret) == made.feed
    assert queries.find_feed(made.secret + "x") is None
    assert made.secret not in str(FeedToken.objects.values().get())
    assert made.secret not in repr(made)
    actions.feed_used(made.feed, now=START)
    made.feed.refresh_from_db()
    assert made.feed.last_used_at == START
    assert not actions.revoke_feed(made.feed.pk, by="Eve", of=BACKEND, now=START)
    assert actions.revoke_feed(made.feed.pk, by="Dana", of=DEVOPS, now=START)
    assert queries.find_feed(made.secret) is None
    assert queries.feeds_of(DEVOPS) == []


def test_a_feed_is_of_one_person_or_of_one_schedule(plan: Plan) -> None:
    for wrong in (
        {"contact_key": DEVOPS, "schedule_key": KEY},
        {},
        {"contact_key": "nobody"},
        {"schedule_key": "gone"},
    ):
        with pytest.raises(OncallRefusedError):
            actions.make_feed(**wrong, made_for=DEVOPS, by="Dana", now=START)


# ── An older plan ───────────────────────────────────────────────────────────────


def test_an_older_plan_is_read_with_the_schedules_and_addresses_of_today(
    plan: Plan, trm_plan: PlanVersion
) -> None:
    text = trm_plan.text.replace(
        "members: [devops_engineer, backend_engineer,",
        "members: [backend_engineer, devops_engineer,",
    ).replace("email: backend@trm.rocks", "email: new-backend@trm.rocks")
    loaded = load(text, name="changed.yaml")
    assert loaded.plan is not None, loaded.errors
    plan_actions.put_in_force(loaded, now=START + HOUR)
    target = DutyTarget(schedule=KEY, duty=Duty.PRIMARY)

    roster = queries.roster(plan, now=START + 2 * HOUR)
    (found,) = roster.people(target, category=None, at=START + 2 * HOUR)

    assert (found.key, found.email) == (BACKEND, "new-backend@trm.rocks")
    assert roster.directory.holders(BACKEND) == (found,)


def test_an_older_plan_does_not_page_who_has_left_by_an_override(
    plan: Plan,
) -> None:
    """Whoever has left the plan in force holds nothing, whichever plan asks."""
    put_in(MOBILE)
    without = replace(
        plan,
        directory=replace(
            plan.directory,
            contacts=tuple(x for x in plan.directory.contacts if x.key != MOBILE),
        ),
    )
    live = replace(queries.live(now=START), current=without)
    target = DutyTarget(schedule=KEY, duty=Duty.PRIMARY)

    (found,) = live.roster(plan).people(target, category=None, at=NIGHT.starts_at)

    assert found.key == DEVOPS


@pytest.mark.req("S2.1-09")
def test_for_a_specialty_the_schedule_of_today_is_asked_before_an_older_plans(
    plan: Plan,
) -> None:
    watch = plan.schedules[KEY]
    (layer,) = watch.layers
    theirs = replace(layer, members=(MOBILE,))
    old = replace(watch, key="old", specialty="payment")
    new = replace(watch, key="new", specialty="payment", layers=(theirs,))
    older = replace(plan, schedules={"old": old})
    current = replace(plan, schedules={"new": new})
    live = replace(queries.live(now=START), current=current)
    target = ExpertTarget(level="L3")

    (found,) = live.roster(older).people(target, category="payment", at=START)

    assert found.key == MOBILE
