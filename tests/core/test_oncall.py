"""Who holds the watch at any instant, and why."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.core.cast import (
    SCHEDULE,
    WEEKLY,
    YANGON,
    absence,
    at,
    between,
    override,
)
from watchbill.core.layers import Layer
from watchbill.core.oncall import (
    DUTIES,
    Absence,
    Duty,
    Follow,
    Override,
    Schedule,
    Shift,
    Source,
    by_holder,
    holder,
    on_call,
    resolve,
    together,
)
from watchbill.core.recurrence import Unit
from watchbill.core.temporal import Interval, WeeklyHours

FIRST_WEEKS = between("2026-02-06 10:00", "2026-02-27 10:00")
MONDAY = between("2026-02-16 00:00", "2026-02-17 00:00")

NIGHTS = Layer(
    key="nights",
    members=("dan", "eve"),
    rhythm=replace(WEEKLY.rhythm, unit=Unit.DAY, handover=time(20)),
    hours=(
        WeeklyHours(
            days=frozenset(range(7)), starts=time(20), ends=time(8), zone=YANGON
        ),
    ),
)
DAYS = Layer(
    key="days",
    members=("ana", "ben", "chi"),
    rhythm=WEEKLY.rhythm,
    hours=(
        WeeklyHours(
            days=frozenset(range(5)), starts=time(8), ends=time(20), zone=YANGON
        ),
    ),
)


def held(
    instant: str,
    schedule: Schedule = SCHEDULE,
    *,
    overrides: tuple[Override, ...] = (),
    absences: tuple[Absence, ...] = (),
) -> tuple[str | None, ...]:
    """Who is primary, secondary and shadow."""
    return tuple(
        holder(schedule, duty, at=at(instant), overrides=overrides, absences=absences)
        for duty in DUTIES
    )


def told(shifts: tuple[Shift, ...]) -> list[str]:
    """Shifts as somebody would write them on a wall."""
    return [
        f"{one.during.starts_at.astimezone(YANGON):%a %d %H:%M} {one.duty}: "
        f"{one.holder or 'nobody'} ({one.source}"
        f"{f' for {one.instead_of}' if one.instead_of else ''})"
        for one in shifts
    ]


@pytest.mark.req("S4.4-01", "S4.4-02", "S4.4-04", "A23")
def test_the_first_weeks_of_the_plan_run_from_friday_to_friday_at_ten() -> None:
    shifts = resolve(SCHEDULE, during=FIRST_WEEKS)

    assert told(shifts) == [
        "Fri 06 10:00 primary: ana (layer)",
        "Fri 13 10:00 primary: ben (layer)",
        "Fri 20 10:00 primary: chi (layer)",
        "Fri 06 10:00 secondary: chi (follows)",
        "Fri 13 10:00 secondary: ana (follows)",
        "Fri 20 10:00 secondary: ben (follows)",
        "Fri 06 10:00 shadow: ben (follows)",
        "Fri 13 10:00 shadow: chi (follows)",
        "Fri 20 10:00 shadow: ana (follows)",
    ]
    assert {one.layer for one in shifts} == {"weeks"}
    assert shifts[2].during.ends_at == at("2026-02-27 10:00")


@pytest.mark.req("S4.4-01", "S4.4-02", "A23")
@pytest.mark.parametrize(
    ("instant", "expected"),
    [
        ("2026-02-06 10:00", ("ana", "chi", "ben")),
        ("2026-02-12 23:59", ("ana", "chi", "ben")),
        ("2026-02-13 09:59", ("ana", "chi", "ben")),
        ("2026-02-13 10:00", ("ben", "ana", "chi")),
        ("2026-02-13 23:59", ("ben", "ana", "chi")),
        ("2026-02-26 23:59", ("chi", "ben", "ana")),
        ("2026-02-27 10:00", ("ana", "chi", "ben")),
    ],
)
def test_each_week_has_a_primary_last_weeks_primary_and_next_weeks_primary(
    instant: str, expected: tuple[str, str, str]
) -> None:
    assert held(instant) == expected


@pytest.mark.req("A23")
@pytest.mark.parametrize(
    "instant", ["2026-02-06 00:00", "2026-02-06 09:59", "2026-02-05 23:59"]
)
def test_before_the_first_handover_the_first_week_already_holds_the_watch(
    instant: str,
) -> None:
    assert held(instant) == ("ana", "chi", "ben")


@pytest.mark.req("S4.4-03")
def test_the_rotation_runs_on_for_years_without_an_entry() -> None:
    assert held("2031-02-14 12:00") == ("ben", "ana", "chi")
    assert held("2031-02-21 12:00") == ("chi", "ben", "ana")


@pytest.mark.req("S4.4-10")
@pytest.mark.parametrize(
    ("members", "expected"),
    [
        (("ana",), ("ana", None, None)),
        (("ana", "ben"), ("ana", "ben", None)),
        (("ana", "ana", "ben"), ("ana", "ben", None)),
    ],
)
def test_too_few_members_leave_the_lesser_duties_to_nobody(
    members: tuple[str, ...], expected: tuple[str | None, ...]
) -> None:
    few = replace(SCHEDULE, layers=(replace(WEEKLY, members=members),))

    assert held("2026-02-06 12:00", few) == expected


def test_a_schedule_may_go_without_shadow() -> None:
    schedule = replace(SCHEDULE, shadow=None)
    (shift,) = resolve(schedule, during=FIRST_WEEKS, duties=(Duty.SHADOW,))

    assert schedule.duties == (Duty.PRIMARY, Duty.SECONDARY)
    assert (shift.during, shift.holder, shift.layer) == (FIRST_WEEKS, None, None)


def test_what_has_no_members_or_no_layers_is_refused() -> None:
    with pytest.raises(ValueError, match="layer 'weeks' has no members"):
        replace(WEEKLY, members=())
    with pytest.raises(ValueError, match="schedule 'primary' has no layers"):
        replace(SCHEDULE, layers=())


@pytest.mark.req("S4.4-08", "A21")
def test_a_later_layer_covers_an_earlier_one_while_its_hours_last() -> None:
    schedule = replace(SCHEDULE, layers=(WEEKLY, NIGHTS))

    assert told(resolve(schedule, during=MONDAY)) == [
        "Mon 16 00:00 primary: eve (layer)",
        "Mon 16 08:00 primary: ben (layer)",
        "Mon 16 20:00 primary: dan (layer)",
        "Mon 16 00:00 secondary: dan (follows)",
        "Mon 16 08:00 secondary: ana (follows)",
        "Mon 16 20:00 secondary: eve (follows)",
        "Mon 16 00:00 shadow: nobody (nobody for dan)",
        "Mon 16 08:00 shadow: chi (follows)",
        "Mon 16 20:00 shadow: nobody (nobody for eve)",
    ]


@pytest.mark.req("S4.4-08")
def test_where_no_layer_is_active_there_is_a_gap() -> None:
    schedule = replace(SCHEDULE, layers=(DAYS,))
    weekend = between("2026-02-13 12:00", "2026-02-16 12:00")

    primary = resolve(schedule, during=weekend, duties=(Duty.PRIMARY,))

    assert told(primary) == [
        "Fri 13 12:00 primary: ben (layer)",
        "Fri 13 20:00 primary: nobody (nobody)",
        "Mon 16 08:00 primary: ben (layer)",
    ]
    assert [one.layer for one in primary] == ["days", None, "days"]
    assert held("2026-02-14 12:00", schedule) == (None, None, None)


def test_hours_of_one_layer_that_meet_or_overlap_are_one_stretch() -> None:
    (evening,) = NIGHTS.hours
    late = replace(evening, starts=time(6), ends=time(12))
    schedule = replace(
        SCHEDULE, layers=(replace(NIGHTS, members=("dan",), hours=(late, evening)),)
    )

    assert told(resolve(schedule, during=MONDAY, duties=(Duty.PRIMARY,))) == [
        "Mon 16 00:00 primary: dan (layer)",
        "Mon 16 12:00 primary: nobody (nobody)",
        "Mon 16 20:00 primary: dan (layer)",
    ]


def test_a_layer_holds_from_its_first_day_to_the_end_of_its_last() -> None:
    relief = Layer(
        key="relief",
        members=("dan",),
        rhythm=WEEKLY.rhythm,
        first_day=date(2026, 2, 17),
        last_day=date(2026, 2, 18),
    )
    schedule = replace(SCHEDULE, layers=(WEEKLY, relief))
    during = between("2026-02-16 00:00", "2026-02-20 00:00")

    assert told(resolve(schedule, during=during, duties=(Duty.PRIMARY,))) == [
        "Mon 16 00:00 primary: ben (layer)",
        "Tue 17 00:00 primary: dan (layer)",
        "Thu 19 00:00 primary: ben (layer)",
    ]


@pytest.mark.req("A23")
def test_only_the_lowest_layer_holds_before_its_first_day() -> None:
    first = replace(WEEKLY, first_day=date(2026, 2, 6), last_day=date(2026, 2, 7))
    over = replace(first, key="over", members=("dan",))
    schedule = replace(SCHEDULE, layers=(first, over))
    during = between("2026-01-01 00:00", "2026-03-01 00:00")

    assert told(resolve(schedule, during=during, duties=(Duty.PRIMARY,))) == [
        "Thu 01 00:00 primary: ana (layer)",
        "Fri 06 00:00 primary: dan (layer)",
        "Sun 08 00:00 primary: nobody (nobody)",
    ]


def test_a_secondary_may_have_layers_of_its_own() -> None:
    schedule = replace(SCHEDULE, secondary=(NIGHTS,), shadow=Follow(offset=1))

    assert held("2026-02-16 12:00", schedule) == ("ben", None, "chi")
    assert held("2026-02-16 21:00", schedule) == ("ben", "dan", "chi")
    assert schedule.members == ("ana", "ben", "chi", "dan", "eve")


@pytest.mark.req("S4.4-09")
def test_an_override_takes_precedence_for_its_half_open_stretch_only() -> None:
    night = override(
        Duty.PRIMARY, "dan", at("2026-02-06 20:00"), at("2026-02-07 08:00")
    )

    def primary(instant: str) -> str | None:
        return held(instant, overrides=(night,))[0]

    assert primary("2026-02-06 19:59") == "ana"
    assert primary("2026-02-06 20:00") == "dan"
    assert primary("2026-02-07 07:59") == "dan"
    assert primary("2026-02-07 08:00") == "ana"


@pytest.mark.req("S4.4-09")
def test_of_two_overrides_the_one_entered_later_wins() -> None:
    long = override(Duty.PRIMARY, "dan", at("2026-02-06 12:00"), at("2026-02-08 12:00"))
    short = override(
        Duty.PRIMARY, "chi", at("2026-02-07 12:00"), at("2026-02-07 18:00")
    )
    noon = "2026-02-07 13:00"

    assert held(noon, overrides=(long, short))[0] == "chi"
    assert held(noon, overrides=(short, long))[0] == "dan"


@pytest.mark.req("S4.4-09")
def test_an_override_of_another_duty_or_schedule_changes_nothing() -> None:
    week = override(Duty.SHADOW, "dan", at("2026-02-06 10:00"), at("2026-02-13 10:00"))
    other = replace(week, schedule="secondary", duty=Duty.PRIMARY)

    found = held("2026-02-07 12:00", overrides=(week, other))

    assert found == ("ana", "chi", "dan")


@pytest.mark.req("S4.4-09")
def test_a_shift_says_which_override_made_it_and_whose_turn_it_is() -> None:
    night = replace(
        override(Duty.PRIMARY, "dan", at("2026-02-12 20:00"), at("2026-02-13 12:00")),
        number=7,
    )
    swap = replace(
        override(Duty.PRIMARY, "ben", at("2026-02-13 10:00"), at("2026-02-13 14:00")),
        number=8,
        is_swap=True,
    )
    during = between("2026-02-12 00:00", "2026-02-14 00:00")

    shifts = resolve(
        SCHEDULE, during=during, duties=(Duty.PRIMARY,), overrides=(night, swap)
    )

    assert told(shifts) == [
        "Thu 12 00:00 primary: ana (layer)",
        "Thu 12 20:00 primary: dan (override for ana)",
        "Fri 13 10:00 primary: ben (swap)",
        "Fri 13 14:00 primary: ben (layer)",
    ]
    assert [one.override for one in shifts] == [None, 7, 8, None]


@pytest.mark.req("S4.4-10", "S4.4-09")
def test_a_secondary_who_takes_over_the_primary_is_not_also_the_secondary() -> None:
    taken = override(
        Duty.PRIMARY, "chi", at("2026-02-06 20:00"), at("2026-02-07 08:00")
    )

    assert held("2026-02-07 00:00", overrides=(taken,)) == ("chi", None, "ben")


@pytest.mark.req("S4.4-10", "S4.4-09")
def test_an_override_for_who_holds_a_greater_duty_leaves_it_to_nobody() -> None:
    both = override(
        Duty.SECONDARY, "ana", at("2026-02-06 20:00"), at("2026-02-07 08:00")
    )
    shift = on_call(
        SCHEDULE, Duty.SECONDARY, at=at("2026-02-07 00:00"), overrides=(both,)
    )

    assert (shift.holder, shift.source, shift.during) == (
        None,
        Source.NOBODY,
        both.during,
    )
    assert (shift.instead_of, shift.override) == ("chi", 0)


@pytest.mark.req("S4.4-10", "S4.4-09")
def test_a_swap_of_primary_and_secondary_is_two_overrides() -> None:
    night = at("2026-02-06 20:00"), at("2026-02-07 08:00")
    swap = (
        override(Duty.PRIMARY, "chi", *night),
        override(Duty.SECONDARY, "ana", *night),
    )

    assert held("2026-02-07 00:00", overrides=swap) == ("chi", "ana", "ben")


@pytest.mark.req("S4.4-08", "S4.4-10")
@pytest.mark.parametrize(
    ("absent", "expected"),
    [
        (["ana"], ("ben", "chi", None)),
        (["chi"], ("ana", "ben", None)),
        (["ben"], ("ana", "chi", None)),
        (["ana", "ben"], ("chi", None, None)),
        (["ana", "ben", "chi"], (None, None, None)),
    ],
)
def test_the_next_who_is_there_and_free_stands_in_for_an_absent_member(
    absent: list[str], expected: tuple[str | None, ...]
) -> None:
    leave = tuple(
        absence(one, at("2026-02-06 00:00"), at("2026-02-08 00:00")) for one in absent
    )

    assert held("2026-02-07 12:00", absences=leave) == expected
    assert held("2026-02-08 00:00", absences=leave) == ("ana", "chi", "ben")


def test_a_fourth_member_stands_in_for_whoever_of_the_others_is_absent() -> None:
    four = replace(WEEKLY, members=("ana", "ben", "chi", "dan"))
    schedule = replace(SCHEDULE, layers=(four,))
    leave = (absence("dan", at("2026-02-06 00:00"), at("2026-02-08 00:00")),)

    (shift,) = resolve(
        schedule,
        during=between("2026-02-07 00:00", "2026-02-07 12:00"),
        duties=(Duty.SECONDARY,),
        absences=leave,
    )

    assert (shift.holder, shift.source, shift.instead_of) == (
        "ben",
        Source.STAND_IN,
        "dan",
    )


def test_an_override_counts_though_its_contact_is_absent() -> None:
    night = override(
        Duty.PRIMARY, "dan", at("2026-02-06 20:00"), at("2026-02-07 08:00")
    )
    leave = (absence("dan", at("2026-02-06 00:00"), at("2026-02-08 00:00")),)

    assert held("2026-02-07 00:00", overrides=(night,), absences=leave)[0] == "dan"


def test_on_call_returns_the_whole_shift_around_an_instant() -> None:
    shift = on_call(SCHEDULE, Duty.PRIMARY, at=at("2026-02-15 12:00"))

    assert (shift.holder, shift.during) == (
        "ben",
        between("2026-02-13 10:00", "2026-02-20 10:00"),
    )


def test_a_shift_without_end_is_cut_a_year_to_either_side() -> None:
    alone = replace(SCHEDULE, layers=(replace(WEEKLY, members=("ana",)),))
    noon = at("2026-02-15 12:00")
    year = timedelta(days=365)

    shift = on_call(alone, Duty.PRIMARY, at=noon)

    assert shift.during == Interval(starts_at=noon - year, ends_at=noon + year)


def test_shifts_of_one_holder_are_joined_where_the_reason_does_not_matter() -> None:
    weeks = override(
        Duty.PRIMARY, "dan", at("2026-02-08 10:00"), at("2026-02-16 10:00")
    )
    shifts = resolve(
        SCHEDULE, during=FIRST_WEEKS, duties=(Duty.PRIMARY,), overrides=(weeks,)
    )

    joined = [(one.holder, one.during) for one in by_holder(shifts)]

    assert len(shifts) == 5
    assert joined[1] == ("dan", weeks.during)
    assert [who for who, _ in joined] == ["ana", "dan", "ben", "chi"]
    assert list(by_holder(())) == []


def test_stretches_are_those_in_which_nobody_of_several_changes() -> None:
    during = between("2026-02-06 10:00", "2026-02-20 10:00")
    night = override(
        Duty.PRIMARY, "dan", at("2026-02-07 20:00"), at("2026-02-08 08:00")
    )
    # Ana takes her own turn over: another reason, and nobody changes.
    same = override(Duty.PRIMARY, "ana", at("2026-02-09 20:00"), at("2026-02-10 08:00"))

    found = together(
        *(
            resolve(SCHEDULE, during=during, duties=(duty,), overrides=(night, same))
            for duty in (Duty.PRIMARY, Duty.SECONDARY)
        )
    )

    assert list(found) == [
        (between("2026-02-06 10:00", "2026-02-07 20:00"), ("ana", "chi")),
        (between("2026-02-07 20:00", "2026-02-08 08:00"), ("dan", "chi")),
        (between("2026-02-08 08:00", "2026-02-13 10:00"), ("ana", "chi")),
        (between("2026-02-13 10:00", "2026-02-20 10:00"), ("ben", "ana")),
    ]


@pytest.mark.req("S4.4-09")
def test_a_stretch_is_taken_by_whoever_is_asked_or_by_a_member() -> None:
    assert SCHEDULE.takers(None) == ("ana", "ben", "chi")
    assert SCHEDULE.takers("dan") == ("dan",)


def test_a_duty_is_held_by_members_of_its_own_layers_or_of_those_it_follows() -> None:
    own = replace(SCHEDULE, secondary=(NIGHTS,), shadow=None)

    assert [own.layers_behind(duty) for duty in DUTIES] == [(WEEKLY,), (NIGHTS,), ()]
    assert SCHEDULE.layers_behind(Duty.SECONDARY) == (WEEKLY,)


def test_instants_may_be_given_in_any_zone() -> None:
    tokyo = ZoneInfo("Asia/Tokyo")
    during = Interval(
        starts_at=FIRST_WEEKS.starts_at.astimezone(tokyo),
        ends_at=FIRST_WEEKS.ends_at.astimezone(tokyo),
    )

    shifts = resolve(SCHEDULE, during=during)

    assert shifts == resolve(SCHEDULE, during=FIRST_WEEKS)
    assert {one.during.starts_at.tzinfo for one in shifts} == {UTC}


@pytest.mark.req("A57")
def test_nights_last_an_hour_less_or_more_when_clocks_change() -> None:
    new_york = ZoneInfo("America/New_York")
    nights = replace(
        NIGHTS,
        members=("dan",),
        rhythm=replace(NIGHTS.rhythm, zone=new_york),
        hours=tuple(replace(one, zone=new_york) for one in NIGHTS.hours),
    )
    year = Interval(
        starts_at=datetime(2026, 1, 1, 17, tzinfo=UTC),
        ends_at=datetime(2027, 1, 1, 17, tzinfo=UTC),
    )

    shifts = resolve(
        replace(SCHEDULE, layers=(nights,)), during=year, duties=(Duty.PRIMARY,)
    )
    lengths = [one.during.length for one in shifts if one.holder]

    assert sorted(set(lengths)) == [timedelta(hours=hours) for hours in (11, 12, 13)]
    assert len(lengths) == 365
