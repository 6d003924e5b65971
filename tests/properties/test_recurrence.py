"""Turns against hand-overs that are counted one by one along the calendar."""

from bisect import bisect_right
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.properties.watch import (
    ALL_ZONES,
    DAY,
    MINUTE,
    ODD_ZONES,
    first_showing,
    handovers,
    is_handed_over_on,
    moments,
    rhythms,
    zone_changes,
)
from watchbill.core.recurrence import Rhythm


@st.composite
def cases(draw: st.DrawFn, zones: st.SearchStrategy[str]) -> tuple[Rhythm, datetime]:
    zone = draw(zones)
    near = draw(moments(zone))
    return draw(rhythms(zone, near)), near


any_case = cases(st.sampled_from(ALL_ZONES) | st.sampled_from(ODD_ZONES))


def expected_number(rhythm: Rhythm, at: datetime) -> int:
    """How many hand-overs have passed, less one; before the first, how many are due."""
    counted = handovers(rhythm, at)
    if counted and at >= counted[0]:
        return bisect_right(counted, at) - 1
    days = (rhythm.first_day - at.date()).days + 4
    due = 0
    for number in range(1, days):
        day = rhythm.first_day - number * DAY
        if is_handed_over_on(rhythm, day):
            due += first_showing(day, rhythm.handover, rhythm.zone) > at
    return -1 - due


@pytest.mark.req("S4.4-02", "S4.4-03", "S4.4-04", "A57")
@given(any_case, st.integers(-200 * 1440, 3000))
def test_the_turn_of_an_instant_is_the_count_of_hand_overs(
    case: tuple[Rhythm, datetime], minute: int
) -> None:
    rhythm, near = case
    at = near + minute * MINUTE

    turn = rhythm.turn_at(at)

    assert at in turn.during
    assert turn.number == expected_number(rhythm, at)
    assert rhythm.turn(turn.number) == turn


@pytest.mark.req("S4.4-03", "S4.4-08", "A57")
@given(any_case, st.integers(-500, 500))
def test_turns_tile_time_without_gap_or_overlap(
    case: tuple[Rhythm, datetime], number: int
) -> None:
    rhythm, _ = case
    turns = [rhythm.turn(number)]
    for _ in range(12):
        turns.append(rhythm.turn(turns[-1].number + 1))

    for one, following in pairwise(turns):
        assert one.during.ends_at == following.during.starts_at
        assert one.number < following.number
    assert all(rhythm.turn_at(one.during.starts_at) == one for one in turns)
    assert all(rhythm.turn_at(one.during.ends_at - MINUTE) == one for one in turns)


@pytest.mark.req("A57", "S4.4-08")
@settings(max_examples=1)
@given(st.integers(0, 2**32))
def test_in_every_zone_a_daily_hand_over_holds_across_some_change(seed: int) -> None:
    random = Random(seed)
    for name in ALL_ZONES:
        changes = zone_changes(name) or (datetime.fromisoformat("2026-02-06T00:00Z"),)
        change = random.choice(changes)
        zone = ZoneInfo(name)
        # As the clocks show it at the change, where most goes wrong.
        wall = change.astimezone(zone).time().replace(fold=0)
        rhythm = Rhythm(first_day=change.date() - 3 * DAY, handover=wall, zone=zone)
        daily = replace(rhythm, weekdays=frozenset(range(7)))
        counted = handovers(daily, change + DAY)
        for minute in (-1440, -61, -31, -1, 0, 1, 29, 59, 61, 1440):
            at = change + minute * MINUTE
            assert daily.turn_at(at).number == bisect_right(counted, at) - 1, name
