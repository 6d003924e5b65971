"""How much of the watch each person carries, and how it is shared out."""

from dataclasses import replace
from datetime import date, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from tests.core.cast import SCHEDULE, T0, WEEKLY, YANGON, absence, at, between
from watchbill.core.oncall import Duty, resolve
from watchbill.core.recurrence import Unit
from watchbill.core.workload import (
    Burden,
    Call,
    OffHours,
    Workload,
    fair,
    workloads,
)

HOUR = timedelta(hours=1)
WEEK = between("2026-02-06 10:00", "2026-02-13 10:00")
THREE_WEEKS = between("2026-02-06 10:00", "2026-02-27 10:00")
#: Union Day is on a Thursday.
OFF_HOURS = OffHours(zone=YANGON, holidays=frozenset({date(2026, 2, 12)}))
DAILY = replace(
    WEEKLY, rhythm=replace(WEEKLY.rhythm, unit=Unit.DAY), members=("ana", "ben", "chi")
)


def loads(*calls: Call) -> dict[str, Workload]:
    found = workloads(
        resolve(SCHEDULE, during=THREE_WEEKS),
        calls,
        during=WEEK,
        off_hours=OFF_HOURS,
    )
    return {one.contact: one for one in found}


def call(hours: float, incident: int) -> Call:
    return Call(contact="ana", at=T0 + hours * HOUR, incident=incident)


@pytest.mark.req("S4.4-13", "A59")
def test_hours_are_counted_by_duty_and_those_that_weigh_more_beside() -> None:
    found = loads()

    assert {who: one.hours for who, one in found.items()} == {
        "ana": {Duty.PRIMARY: 168 * HOUR},
        "ben": {Duty.SHADOW: 168 * HOUR},
        "chi": {Duty.SECONDARY: 168 * HOUR},
    }
    for who in ("ana", "chi"):
        assert found[who].burdens == {
            Burden.HOURS: 168 * HOUR,
            Burden.NIGHT: 7 * 12 * HOUR,
            Burden.WEEKEND: 48 * HOUR,
            Burden.HOLIDAY: 24 * HOUR,
        }
    # Whoever learns carries nothing.
    assert found["ben"].burden(Burden.HOURS) == timedelta(0)
    assert [one.share for one in found.values()] == [1.0, 0.0, 1.0]


@pytest.mark.req("S4.4-13")
def test_pages_are_counted_with_those_by_night_and_their_incidents() -> None:
    found = loads(call(1, 1), call(2, 1), call(9, 2), call(400, 3))["ana"]

    assert (found.pages, found.night_pages, found.incidents) == (3, 1, 2)


@pytest.mark.req("S4.4-13")
def test_two_schedules_at_once_count_twice_in_hours_and_once_in_share() -> None:
    other = replace(SCHEDULE, key="other")
    shifts = (*resolve(SCHEDULE, during=WEEK), *resolve(other, during=WEEK))

    ana = workloads(shifts, during=WEEK, off_hours=OFF_HOURS)[0]

    assert (ana.hours[Duty.PRIMARY], ana.share) == (336 * HOUR, 1.0)


@pytest.mark.req("S4.4-13")
@pytest.mark.parametrize(
    ("hours", "worst", "is_warned"),
    [
        ((1, 2), 2, False),
        ((1, 2, 12.9), 3, True),
        ((1, 2, 13), 2, False),
        ((0, 5, 10, 15, 20), 3, True),
    ],
)
def test_more_than_two_incidents_within_twelve_hours_are_warned_of(
    hours: tuple[float, ...], worst: int, *, is_warned: bool
) -> None:
    found = loads(*(call(hour, number) for number, hour in enumerate(hours)))["ana"]
    warning = f"{worst} incidents within 12 hours; more than 2 are too many"

    assert found.worst_incidents == worst
    assert (warning in found.warnings) is is_warned
    assert found.worst_at == T0 + hours[0] * HOUR


@pytest.mark.req("S4.4-13")
def test_more_than_a_quarter_of_the_time_on_call_is_warned_of() -> None:
    eight = tuple("abcdefgh")
    schedule = replace(SCHEDULE, layers=(replace(WEEKLY, members=eight),))
    eight_weeks = between("2026-02-06 10:00", "2026-04-03 10:00")

    fine = workloads(
        resolve(schedule, during=eight_weeks), during=eight_weeks, off_hours=OFF_HOURS
    )

    assert [one.warnings for one in fine] == [()] * 8
    assert loads()["ana"].warnings == (
        "on call 100% of the time; more than 25% is too much",
    )


@pytest.mark.req("A57")
def test_the_night_in_which_clocks_change_counts_as_long_as_it_is() -> None:
    off = OffHours(zone=ZoneInfo("America/New_York"))
    new_york = ZoneInfo("America/New_York")

    spring = between("2026-03-08 00:00", "2026-03-09 00:00")
    night = replace(
        spring,
        starts_at=at("2026-03-07 20:00", new_york),
        ends_at=at("2026-03-08 08:00", new_york),
    )

    assert off.burdens(night)[Burden.NIGHT] == 11 * HOUR


def given(**options: object) -> list[str | None]:
    asked = {
        "during": between("2026-02-06 00:00", "2026-02-21 00:00"),
        "off_hours": OFF_HOURS,
    }
    turns = fair(DAILY, **{**asked, **options})  # type: ignore[arg-type]
    return [one.contact for one in turns]


@pytest.mark.req("S4.4-03")
def test_turns_are_shared_out_evenly_with_nights_weekends_and_holidays() -> None:
    turns = fair(
        DAILY,
        during=between("2026-02-06 00:00", "2026-05-07 00:00"),
        off_hours=OFF_HOURS,
    )
    weekends = {
        who: sum(
            (
                OFF_HOURS.burdens(one.during)[Burden.WEEKEND]
                for one in turns
                if one.contact == who
            ),
            timedelta(0),
        )
        for who in DAILY.members
    }
    counts = [sum(one.contact == who for one in turns) for who in DAILY.members]

    assert sum(counts) == len(turns) == 90
    assert max(counts) - min(counts) <= 1
    assert max(weekends.values()) - min(weekends.values()) <= 24 * HOUR
    assert turns[0].turn == 0
    assert turns[0].during.starts_at == at("2026-02-06 10:00")


def test_the_same_question_has_the_same_answer() -> None:
    assert given() == given()


def test_nobody_gets_a_turn_while_absent_and_nobody_two_in_a_row() -> None:
    leave = (absence("ana", at("2026-02-08 12:00"), at("2026-02-12 12:00")),)

    found = given(absences=leave)

    # The turns of the 8th to the 12th share an instant with the leave.
    assert "ana" not in found[2:7]
    assert all(one != after for one, after in pairwise(found))
    assert abs(found.count("ana") - found.count("ben")) <= 1


def test_rest_gives_way_where_there_are_too_few_and_nobody_is_named_if_none() -> None:
    two_away = tuple(
        absence(one, at("2026-02-08 12:00"), at("2026-02-12 12:00"))
        for one in ("ana", "ben")
    )
    third = absence("chi", at("2026-02-10 12:00"), at("2026-02-10 13:00"))

    found = given(absences=(*two_away, third))

    assert found[2:7] == ["chi", "chi", None, "chi", "chi"]


def test_whoever_carries_more_already_gets_less() -> None:
    carried = {"ana": Workload(contact="ana", burdens={Burden.HOURS: 120 * HOUR})}

    found = given(carried=carried, rest=0)

    assert found.count("ana") < found.count("ben")
    assert found.count("ana") < found.count("chi")


def test_a_rest_of_several_turns_holds_from_the_first_turn_on() -> None:
    much = Workload(contact="", burdens={Burden.HOURS: 1000 * HOUR})
    others = ("ben", "chi", "dan")

    turns = fair(
        replace(DAILY, members=("ana", *others)),
        during=between("2026-02-06 10:00", "2026-02-14 10:00"),
        off_hours=OFF_HOURS,
        carried=dict.fromkeys(others, much),
        rest=3,
    )

    # Ana carries least by far, and still gets no more than every fourth turn.
    assert [n for n, one in enumerate(turns) if one.contact == "ana"] == [0, 4]


def test_nights_may_be_another_time() -> None:
    off = replace(OFF_HOURS, night_starts=time(22), night_ends=time(6))

    assert off.burdens(WEEK)[Burden.NIGHT] == 7 * 8 * HOUR
    assert off.is_night(at("2026-02-06 22:00"))
    assert not off.is_night(at("2026-02-06 21:59"))
