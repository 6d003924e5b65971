"""Who answers to a target at an instant, and who can be reached."""

from dataclasses import replace

import pytest

from tests.core.cast import (
    ANA,
    BEN,
    CHI,
    DAN,
    SCHEDULE,
    T0,
    WEEKLY,
    absence,
    at,
    channel,
    duty,
    override,
    role,
    roster,
)
from watchbill.core.ladder import ExpertTarget, Target, TurnTarget
from watchbill.core.oncall import Duty
from watchbill.core.people import Contact
from watchbill.core.roster import Roster


@pytest.mark.req("S4.4-09", "S2.1-09")
@pytest.mark.parametrize(
    ("target", "people"),
    [
        (role("devops"), (ANA, BEN)),
        (role("everybody"), (ANA, BEN, CHI)),
        (duty(Duty.PRIMARY), (ANA,)),
        (duty(Duty.SECONDARY), (CHI,)),
        (duty(Duty.SHADOW), (BEN,)),
        (ExpertTarget(level="L3"), (DAN,)),
        (channel("#incidents"), ()),
    ],
)
def test_each_kind_of_target_means_people(
    target: Target, people: tuple[Contact, ...]
) -> None:
    assert roster().people(target, category="database", at=T0) == people


@pytest.mark.req("S4.4-09")
def test_a_duty_means_whoever_holds_it_at_that_instant() -> None:
    night = override(Duty.PRIMARY, "dan", T0, at("2026-02-07 08:00"))
    watch = roster(overrides=(night,))
    primary = duty(Duty.PRIMARY)

    assert watch.people(primary, category=None, at=T0) == (DAN,)
    assert watch.people(primary, category=None, at=at("2026-02-14 00:00")) == (BEN,)


def test_a_duty_held_by_somebody_who_left_means_nobody() -> None:
    watch = roster(
        overrides=(override(Duty.PRIMARY, "eve", T0, at("2026-02-08 00:00")),)
    )

    assert watch.people(duty(Duty.PRIMARY), category=None, at=T0) == ()


@pytest.mark.req("S4.4-07")
def test_only_the_primarys_duty_has_a_shadow() -> None:
    watch = roster()

    assert watch.shadows(duty(Duty.PRIMARY), category=None, at=T0) == (BEN,)
    assert watch.shadows(duty(Duty.SECONDARY), category=None, at=T0) == ()
    assert watch.shadows(role("devops"), category=None, at=T0) == ()


@pytest.mark.req("S2.1-14")
def test_reaching_needs_a_method_and_a_channel_that_serves_it() -> None:
    watch = roster("ben")

    assert watch.can_reach(ANA)
    assert not watch.can_reach(BEN)
    assert not watch.can_reach(replace(ANA, email=None))


def test_an_absent_holder_is_passed_over() -> None:
    watch = roster(absences=(absence("ana", T0, at("2026-02-08 00:00")),))

    assert watch.people(duty(Duty.PRIMARY), category=None, at=T0) == (BEN,)
    assert watch.shadows(duty(Duty.PRIMARY), category=None, at=T0) == ()


def of_databases(watch: Roster, *members: str) -> Roster:
    """The same roster with a schedule of these members for the databases."""
    databases = replace(
        SCHEDULE,
        key="databases",
        layers=(replace(WEEKLY, members=members),),
        specialty="database",
    )
    return replace(watch, schedules={**watch.schedules, "databases": databases})


@pytest.mark.req("S2.1-08", "S2.1-09")
def test_the_primary_of_a_specialtys_schedule_answers_before_its_experts() -> None:
    watch = of_databases(roster(), "chi")
    experts = ExpertTarget(level="L3")

    assert watch.people(experts, category="database", at=T0) == (CHI,)
    # No schedule stands for these: the default expert answers.
    assert watch.people(experts, category="payments", at=T0) == (DAN,)
    assert watch.people(experts, category=None, at=T0) == (DAN,)


@pytest.mark.req("S2.1-09", "S2.1-14", "S2.2-09")
def test_the_experts_answer_where_their_specialtys_primary_cannot_be_reached() -> None:
    experts = ExpertTarget(level="L3")
    watch = of_databases(roster("chi"), "chi", "ben")

    assert watch.people(experts, category="database", at=T0) == (DAN,)
    assert watch.shadows(experts, category="database", at=T0) == ()


@pytest.mark.req("S4.4-07", "S2.1-08")
def test_the_shadow_of_a_specialtys_schedule_gets_the_copies_of_its_primary() -> None:
    experts = ExpertTarget(level="L3")
    watch = of_databases(roster(), "chi", "ben", "ana")

    assert watch.people(experts, category="database", at=T0) == (CHI,)
    assert watch.shadows(experts, category="database", at=T0) == (BEN,)
    # The experts answer for these, and nobody learns from them.
    assert watch.shadows(experts, category="payments", at=T0) == ()


@pytest.mark.req("S2.1-08", "S2.1-09")
def test_the_experts_answer_while_nobody_holds_the_watch_of_their_specialty() -> None:
    layer = replace(WEEKLY, last_day=T0.date().replace(day=1))
    databases = replace(
        SCHEDULE, key="databases", layers=(layer,), specialty="database"
    )
    watch = replace(roster(), schedules={"databases": databases})

    experts = watch.people(ExpertTarget(level="L3"), category="database", at=T0)

    assert experts == (DAN,)


@pytest.mark.req("S2.1-12")
def test_one_of_a_role_in_turn_is_another_for_each_incident() -> None:
    in_turn = TurnTarget(role="everybody")

    def asked(number: int, watch: Roster) -> tuple[Contact, ...]:
        return watch.people(in_turn, category=None, at=T0, turn=number)

    assert [asked(number, roster()) for number in (3, 4, 5, 6)] == [
        (ANA,),
        (BEN,),
        (CHI,),
        (ANA,),
    ]
    leave = (absence("ana", T0, at("2026-02-08 00:00")),)
    assert asked(3, roster("chi", absences=leave)) == (BEN,)
    # Nobody can be reached: it is one of all, and the step says whom it missed.
    assert asked(4, roster("ana", "ben", "chi")) == (BEN,)
