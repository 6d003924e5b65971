"""Where the watch is thin."""

from dataclasses import replace
from datetime import time

import pytest

from tests.core.cast import (
    PEOPLE,
    SCHEDULE,
    WEEKLY,
    YANGON,
    absence,
    at,
    between,
    override,
)
from watchbill.core.coverage import (
    BusFactor,
    DoubleDuty,
    bus_factors,
    double_duties,
    gaps,
    overrides_of_absent,
)
from watchbill.core.oncall import Duty
from watchbill.core.people import Directory
from watchbill.core.temporal import WeeklyHours

FORTNIGHT = between("2026-02-06 10:00", "2026-02-20 10:00")
NIGHT = at("2026-02-07 20:00"), at("2026-02-08 08:00")
LEAVE = at("2026-02-07 00:00"), at("2026-02-09 00:00")
WORKDAYS = WeeklyHours(
    days=frozenset(range(5)), starts=time(), ends=time(), zone=YANGON
)
BY_DAY = replace(SCHEDULE, layers=(replace(WEEKLY, hours=(WORKDAYS,)),))


@pytest.mark.req("S4.4-08")
def test_gaps_are_what_nobody_holds_whatever_the_reason() -> None:
    all_away = tuple(absence(one, *LEAVE) for one in ("ana", "ben", "chi"))

    weekends = gaps([BY_DAY], during=FORTNIGHT)
    leave = gaps([SCHEDULE, BY_DAY], during=FORTNIGHT, absences=all_away)

    assert [(one.schedule, one.during) for one in weekends] == [
        ("primary", between("2026-02-07 00:00", "2026-02-09 00:00")),
        ("primary", between("2026-02-14 00:00", "2026-02-16 00:00")),
    ]
    assert [one.during for one in leave] == [
        between("2026-02-07 00:00", "2026-02-09 00:00"),
        between("2026-02-07 00:00", "2026-02-09 00:00"),
        between("2026-02-14 00:00", "2026-02-16 00:00"),
    ]


@pytest.mark.req("S4.4-08")
def test_a_gap_is_one_though_the_reason_changes() -> None:
    friday_off = absence("ana", at("2026-02-06 12:00"), at("2026-02-08 12:00"))
    alone = replace(BY_DAY, layers=(replace(BY_DAY.layers[0], members=("ana",)),))

    found = gaps(
        [alone],
        during=between("2026-02-06 10:00", "2026-02-09 10:00"),
        absences=(friday_off,),
    )

    assert [one.during for one in found] == [
        between("2026-02-06 12:00", "2026-02-09 00:00")
    ]


def test_a_duty_that_a_schedule_does_not_give_out_has_no_gaps() -> None:
    schedule = replace(SCHEDULE, shadow=None)

    assert gaps([schedule], during=FORTNIGHT, duty=Duty.SHADOW) == ()


@pytest.mark.req("S4.4-10", "S4.4-08")
def test_somebody_on_call_in_two_schedules_at_once_is_reported() -> None:
    payments = replace(
        SCHEDULE,
        key="payments",
        layers=(replace(WEEKLY, members=("dan", "ana")),),
        secondary=None,
    )

    found = double_duties([SCHEDULE, payments], during=FORTNIGHT)

    assert found == (
        DoubleDuty(
            contact="ana",
            during=between("2026-02-13 10:00", "2026-02-20 10:00"),
            posts=(("primary", Duty.SECONDARY), ("payments", Duty.PRIMARY)),
        ),
    )


@pytest.mark.req("S4.4-10", "S4.4-09")
@pytest.mark.parametrize("taken_by", ["override", "stand_in", "secondary"])
def test_a_duty_left_to_nobody_by_who_took_over_another_is_reported(
    taken_by: str,
) -> None:
    pair = replace(SCHEDULE, layers=(replace(WEEKLY, members=("ana", "ben")),))
    overrides = {
        "override": (override(Duty.PRIMARY, "ben", *NIGHT),),
        "secondary": (override(Duty.SECONDARY, "ana", *NIGHT),),
    }.get(taken_by, ())
    absences = (absence("ana", *NIGHT),) if taken_by == "stand_in" else ()

    found = double_duties(
        [pair], during=FORTNIGHT, overrides=overrides, absences=absences
    )

    assert [(one.contact, one.during) for one in found] == [
        (
            "ana" if taken_by == "secondary" else "ben",
            between("2026-02-07 20:00", "2026-02-08 08:00"),
        )
    ]


@pytest.mark.req("S4.4-10")
def test_a_layer_of_one_is_no_double_duty() -> None:
    alone = replace(SCHEDULE, layers=(replace(WEEKLY, members=("ana",)),))

    assert double_duties([alone], during=FORTNIGHT) == ()


def test_overrides_by_somebody_absent_are_reported_for_as_long_as_both_last() -> None:
    found = overrides_of_absent(
        SCHEDULE,
        during=FORTNIGHT,
        overrides=(override(Duty.PRIMARY, "dan", *NIGHT),),
        absences=(
            absence("dan", at("2026-02-08 00:00"), at("2026-02-12 00:00")),
            absence("ana", *LEAVE),
        ),
    )

    assert [(one.holder, one.during) for one in found] == [
        ("dan", between("2026-02-08 00:00", "2026-02-08 08:00"))
    ]


@pytest.mark.req("S2.1-08", "S2.1-09")
def test_duties_and_specialties_that_hang_on_one_person_are_reported() -> None:
    pair = replace(
        SCHEDULE, key="pair", layers=(replace(WEEKLY, members=("ana", "ben", "ana")),)
    )
    payments = replace(
        SCHEDULE,
        key="payments",
        layers=(replace(WEEKLY, key="night", members=("dan",)),),
        secondary=None,
        specialty="payments",
    )
    directory = Directory(contacts=PEOPLE)

    found = bus_factors([SCHEDULE, pair, payments], directory)

    assert [(one.number, one) for one in found] == [
        (
            1,
            BusFactor(
                people=("ana", "ben"),
                schedule="pair",
                duty=Duty.SECONDARY,
                layer="weeks",
                taken=1,
            ),
        ),
        (
            1,
            BusFactor(
                people=("dan",), schedule="payments", duty=Duty.PRIMARY, layer="night"
            ),
        ),
        (1, BusFactor(people=("dan",), specialty="database")),
        (1, BusFactor(people=("dan",), specialty="payments")),
    ]
    assert bus_factors([SCHEDULE], Directory(contacts=()), enough=2) == ()
