"""The watch against an oracle that stands it minute by minute."""

from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties.watch import (
    ALL_ZONES,
    DAY,
    HOUR,
    MINUTE,
    ODD_ZONES,
    Oracle,
    absence_lists,
    moments,
    override_lists,
    schedules,
)
from watchbill.core.oncall import (
    DUTIES,
    Absence,
    Duty,
    Override,
    Schedule,
    Shift,
    Source,
    by_holder,
    holder,
    on_call,
    resolve,
)
from watchbill.core.temporal import Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """A schedule with what was entered, near a moment of interest."""

    schedule: Schedule
    overrides: tuple[Override, ...]
    absences: tuple[Absence, ...]
    near: datetime

    def resolve(self, during: Interval) -> tuple[Shift, ...]:
        return resolve(
            self.schedule,
            during=during,
            overrides=self.overrides,
            absences=self.absences,
        )

    def oracle(self) -> Oracle:
        return Oracle(
            self.schedule, self.overrides, self.absences, until=self.near + 8 * DAY
        )


@st.composite
def watches(draw: st.DrawFn, zones: st.SearchStrategy[str]) -> Watch:
    zone = draw(zones)
    near = draw(moments(zone))
    return Watch(
        schedule=draw(schedules(zone, near)),
        overrides=draw(override_lists(near)),
        absences=draw(absence_lists(near)),
        near=near,
    )


any_watch = watches(st.sampled_from(ALL_ZONES))
odd_watch = watches(st.sampled_from(ODD_ZONES))


def around(near: datetime, days: int = 3) -> Interval:
    return Interval(starts_at=near - days * DAY, ends_at=near + days * DAY)


def of(duty: Duty, shifts: tuple[Shift, ...]) -> list[Shift]:
    return [one for one in shifts if one.duty is duty]


def check_against_oracle(watch: Watch) -> None:
    """Ask it every three hours, and to the minute wherever anybody takes over."""
    oracle, during = watch.oracle(), around(watch.near)
    shifts = watch.resolve(during)
    for place, duty in enumerate(DUTIES):
        mine = of(duty, shifts)
        asked = {during.starts_at + number * 3 * HOUR for number in range(48)}
        for one in mine:
            asked |= {one.during.starts_at, one.during.ends_at - MINUTE}
        for at in asked:
            (shift,) = (one for one in mine if at in one.during)
            assert shift.holder == oracle.holders(at)[place], (duty, at)


@pytest.mark.req("S4.4-01", "S4.4-04", "S4.4-08", "S4.4-09", "S4.4-10", "A23", "A57")
@given(any_watch)
def test_the_resolver_agrees_with_the_oracle_in_every_zone(watch: Watch) -> None:
    check_against_oracle(watch)


@pytest.mark.req("S4.4-08", "S4.4-09", "S4.4-10", "A23", "A57")
@given(odd_watch)
def test_the_resolver_agrees_with_the_oracle_where_clocks_are_odd(watch: Watch) -> None:
    check_against_oracle(watch)


@pytest.mark.req("S4.4-08", "A57")
@given(odd_watch)
def test_every_minute_around_a_zone_change_is_held_as_the_oracle_says(
    watch: Watch,
) -> None:
    oracle = watch.oracle()
    shifts = watch.resolve(around(watch.near, 1))
    held = {duty: of(duty, shifts) for duty in DUTIES}

    for minute in range(-90, 90):
        at = watch.near + minute * MINUTE
        holders = tuple(
            next(one.holder for one in held[duty] if at in one.during)
            for duty in DUTIES
        )
        assert holders == oracle.holders(at)


@pytest.mark.req("S4.4-08")
@given(any_watch)
def test_shifts_tile_what_was_asked_and_two_that_meet_differ(watch: Watch) -> None:
    during = around(watch.near, 20)
    shifts = watch.resolve(during)

    assert [one.duty for one in shifts] == sorted(
        (one.duty for one in shifts), key=DUTIES.index
    )
    for duty in DUTIES:
        mine = of(duty, shifts)
        assert mine[0].during.starts_at == during.starts_at
        assert mine[-1].during.ends_at == during.ends_at
        for one, following in pairwise(mine):
            assert one.during.ends_at == following.during.starts_at
            assert replace(one, during=during) != replace(following, during=during)
        joined = list(by_holder(mine))
        assert all(one.holder != after.holder for one, after in pairwise(joined))


@pytest.mark.req("S4.4-09")
@given(any_watch, st.integers(-4000, 3000), st.integers(1, 4000))
def test_a_part_of_the_time_is_resolved_like_the_whole(
    watch: Watch, start: int, length: int
) -> None:
    starts_at = watch.near + start * MINUTE
    part = Interval(starts_at=starts_at, ends_at=starts_at + length * MINUTE)

    cut = [
        replace(one, during=both)
        for one in watch.resolve(around(watch.near, 8))
        if (both := one.during.intersection(part)) is not None
    ]

    assert list(watch.resolve(part)) == cut


@pytest.mark.req("S4.4-09")
@given(any_watch, st.sampled_from(Duty), st.integers(-3000, 3000))
def test_the_shift_of_an_instant_is_the_one_that_the_calendar_shows(
    watch: Watch, duty: Duty, minute: int
) -> None:
    at = watch.near + minute * MINUTE
    entered = {"overrides": watch.overrides, "absences": watch.absences}
    shift = on_call(watch.schedule, duty, at=at, **entered)  # type: ignore[arg-type]

    year = Interval(starts_at=at - 365 * DAY, ends_at=at + 365 * DAY)
    shown = of(duty, watch.resolve(year))

    assert [one for one in shown if at in one.during] == [shift]
    assert holder(watch.schedule, duty, at=at, **entered) == shift.holder  # type: ignore[arg-type]


@pytest.mark.req("S4.4-10", "S4.4-09")
@given(any_watch)
def test_every_shift_tells_the_truth_about_why_it_is_held(watch: Watch) -> None:
    entered = {(one.number, one.contact) for one in watch.overrides}
    for shift in watch.resolve(around(watch.near)):
        assert (shift.holder is None) == (shift.source is Source.NOBODY)
        assert shift.holder is None or shift.holder != shift.instead_of
        if shift.source in {Source.OVERRIDE, Source.SWAP}:
            assert (shift.override, shift.holder) in entered
        if shift.source in {Source.LAYER, Source.FOLLOWS}:
            assert shift.instead_of is None
            assert shift.layer is not None
        if shift.source is Source.STAND_IN:
            assert shift.instead_of in {one.contact for one in watch.absences}


@pytest.mark.req("S4.4-09")
@given(any_watch)
def test_the_order_in_which_absences_are_entered_changes_nothing(watch: Watch) -> None:
    turned = replace(watch, absences=watch.absences[::-1])

    assert turned.resolve(around(watch.near)) == watch.resolve(around(watch.near))
