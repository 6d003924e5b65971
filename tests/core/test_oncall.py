"""Who holds the watch at any instant."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from tests.core.cast import ROTATION, YANGON, at, override
from watchbill.core.oncall import Duty, Rotation, on_call, shift_at, shifts
from watchbill.core.temporal import Interval

FIRST_WEEKS = Interval(starts_at=at("2026-02-06 10:00"), ends_at=at("2026-02-27 10:00"))


def duties(instant: str) -> tuple[str | None, str | None, str | None]:
    primary, secondary, shadow = (
        on_call(ROTATION, duty, at=at(instant)) for duty in Duty
    )
    return primary, secondary, shadow


@pytest.mark.req("S4.4-02", "S4.4-04", "A23")
def test_the_first_weeks_run_from_friday_to_friday_at_ten() -> None:
    weeks = [
        (
            f"{shift.during.starts_at.astimezone(YANGON):%a %d %b %H:%M}",
            f"{shift.during.ends_at.astimezone(YANGON):%a %d %b %H:%M}",
            shift.primary,
        )
        for shift in shifts(ROTATION, during=FIRST_WEEKS)
    ]

    assert weeks == [
        ("Fri 06 Feb 10:00", "Fri 13 Feb 10:00", "ana"),
        ("Fri 13 Feb 10:00", "Fri 20 Feb 10:00", "ben"),
        ("Fri 20 Feb 10:00", "Fri 27 Feb 10:00", "chi"),
    ]


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
    assert duties(instant) == expected


@pytest.mark.req("A23")
@pytest.mark.parametrize(
    "instant", ["2026-02-06 00:00", "2026-02-06 09:59", "2026-02-05 23:59"]
)
def test_before_the_first_handover_the_first_week_already_holds_the_watch(
    instant: str,
) -> None:
    assert duties(instant) == ("ana", "chi", "ben")


@pytest.mark.req("A23")
def test_the_weeks_before_the_first_one_tile_like_any_other() -> None:
    before = shift_at(ROTATION, at=at("2026-02-06 09:59"))

    assert before.during.starts_at == at("2026-01-30 10:00")
    assert before.during.ends_at == at("2026-02-06 10:00")
    assert before.primary == "ana"


@pytest.mark.req("S4.4-03")
def test_the_rotation_runs_on_for_years_without_an_entry() -> None:
    assert duties("2031-02-14 12:00") == ("ben", "ana", "chi")
    assert duties("2031-02-21 12:00") == ("chi", "ben", "ana")


@pytest.mark.req("S4.4-10")
def test_a_rotation_of_one_has_neither_secondary_nor_shadow() -> None:
    alone = replace(ROTATION, members=("ana",))
    shift = shift_at(alone, at=at("2026-02-06 12:00"))

    assert [shift.holder(duty) for duty in Duty] == ["ana", None, None]


@pytest.mark.req("S4.4-10")
def test_a_rotation_of_two_has_no_shadow() -> None:
    pair = replace(ROTATION, members=("ana", "ben"))
    shift = shift_at(pair, at=at("2026-02-06 12:00"))

    assert [shift.holder(duty) for duty in Duty] == ["ana", "ben", None]


def test_a_rotation_may_go_without_shadow() -> None:
    rotation = replace(ROTATION, shadow_offset=None)

    assert on_call(rotation, Duty.SHADOW, at=at("2026-02-06 12:00")) is None


def test_a_rotation_without_members_is_refused() -> None:
    with pytest.raises(ValueError, match="'primary' has no members"):
        replace(ROTATION, members=())


@pytest.mark.req("S4.4-09")
def test_an_override_takes_precedence_for_its_half_open_stretch_only() -> None:
    night = override(
        Duty.PRIMARY, "dan", at("2026-02-06 20:00"), at("2026-02-07 08:00")
    )

    def primary(instant: str) -> str | None:
        return on_call(ROTATION, Duty.PRIMARY, at=at(instant), overrides=(night,))

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
    noon = at("2026-02-07 13:00")

    assert on_call(ROTATION, Duty.PRIMARY, at=noon, overrides=(long, short)) == "chi"
    assert on_call(ROTATION, Duty.PRIMARY, at=noon, overrides=(short, long)) == "dan"


@pytest.mark.req("S4.4-09")
def test_an_override_of_another_duty_or_rotation_changes_nothing() -> None:
    week = override(Duty.SHADOW, "dan", at("2026-02-06 10:00"), at("2026-02-13 10:00"))
    other = replace(week, rotation="secondary", duty=Duty.PRIMARY)
    noon = at("2026-02-07 12:00")

    assert on_call(ROTATION, Duty.PRIMARY, at=noon, overrides=(week, other)) == "ana"
    assert on_call(ROTATION, Duty.SHADOW, at=noon, overrides=(week, other)) == "dan"


@pytest.mark.req("S4.4-10", "S4.4-09")
def test_a_secondary_who_takes_over_the_primary_is_not_also_the_secondary() -> None:
    taken = override(
        Duty.PRIMARY, "chi", at("2026-02-06 20:00"), at("2026-02-07 08:00")
    )
    midnight = at("2026-02-07 00:00")

    held = [on_call(ROTATION, duty, at=midnight, overrides=(taken,)) for duty in Duty]

    assert held == ["chi", None, "ben"]


@pytest.mark.req("S4.4-10", "S4.4-09")
def test_a_swap_of_primary_and_secondary_is_two_overrides() -> None:
    night = at("2026-02-06 20:00"), at("2026-02-07 08:00")
    swap = (
        override(Duty.PRIMARY, "chi", *night),
        override(Duty.SECONDARY, "ana", *night),
    )
    midnight = at("2026-02-07 00:00")

    held = [on_call(ROTATION, duty, at=midnight, overrides=swap) for duty in Duty]

    assert held == ["chi", "ana", "ben"]


@pytest.mark.req("A57")
def test_a_week_across_a_zone_change_is_an_hour_shorter_or_longer() -> None:
    rotation = replace(ROTATION, zone=ZoneInfo("America/New_York"))
    lengths = {
        shift.during.ends_at - shift.during.starts_at
        for shift in islice(
            shifts(
                rotation,
                during=Interval(
                    starts_at=datetime(2026, 2, 1, tzinfo=UTC),
                    ends_at=datetime(2027, 2, 1, tzinfo=UTC),
                ),
            ),
            52,
        )
    }

    assert lengths == {timedelta(hours=hours) for hours in (167, 168, 169)}


@pytest.mark.req("A57", "S4.4-08")
def test_a_handover_on_the_day_that_samoa_skipped_comes_a_day_later() -> None:
    samoa = ZoneInfo("Pacific/Apia")
    rotation = replace(ROTATION, first_day=date(2011, 12, 2), zone=samoa)
    change = datetime(2011, 12, 30, 20, 0, tzinfo=UTC)

    before = shift_at(rotation, at=change - timedelta(microseconds=1))
    after = shift_at(rotation, at=change)

    assert before.during.ends_at == after.during.starts_at == change
    assert f"{change.astimezone(samoa):%Y-%m-%d %H:%M}" == "2011-12-31 10:00"
    assert (before.primary, after.primary) == ("ana", "ben")


@pytest.mark.req("A57", "S4.4-08")
def test_after_midnight_has_passed_once_the_watch_is_not_handed_back() -> None:
    # St. John's put its clocks back at 00:01, to 23:01 of the day before.
    rotation = Rotation(
        key="primary",
        title="Primary",
        members=("ana", "ben"),
        first_day=date(2006, 10, 22),
        handover=time(0, 0),
        zone=ZoneInfo("America/St_Johns"),
    )
    handover = datetime(2006, 10, 29, 2, 30, tzinfo=UTC)

    for passed in (0, 1, 5, 60, 61):
        shift = shift_at(rotation, at=handover + timedelta(minutes=passed))
        assert (shift.primary, shift.during.starts_at) == ("ben", handover)
