"""Flapping and storms: any flips at any time, any number of groups."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.cast import T0
from watchbill.core.flapping import FlapRule, after_flip, is_flapping, quiet_at
from watchbill.core.heartbeats import Expectation, late_at
from watchbill.core.storms import StormRule, is_storm

MINUTE = timedelta(minutes=1)

minutes = st.integers(0, 120).map(lambda n: n * MINUTE)
instants = minutes.map(lambda after: T0 + after)
many = st.lists(instants, max_size=12)
flap_rules = st.builds(
    FlapRule, flips=st.integers(1, 6), within=minutes, hold_down=minutes
)
storm_rules = st.builds(StormRule, incidents=st.integers(1, 6), within=minutes)


def remembered(flips: list[datetime], rule: FlapRule) -> tuple[datetime, ...]:
    kept: tuple[datetime, ...] = ()
    for one in flips:
        kept = after_flip(kept, at=one, rule=rule)
    return kept


@pytest.mark.req("S4.2-26")
@given(many, flap_rules, instants)
def test_what_is_remembered_answers_as_all_flips_would_and_is_bounded(
    flips: list[datetime], rule: FlapRule, at: datetime
) -> None:
    kept = remembered(flips, rule)

    assert len(kept) <= rule.flips
    assert list(kept) == sorted(kept)
    assert is_flapping(kept, at=at, rule=rule) is is_flapping(flips, at=at, rule=rule)


@pytest.mark.req("S4.2-26")
@given(many.filter(bool), flap_rules, instants)
def test_without_a_flip_flapping_only_ends_and_it_says_when(
    flips: list[datetime], rule: FlapRule, at: datetime
) -> None:
    ends_at = quiet_at(flips, rule)
    begins = is_flapping(flips, at=max(flips), rule=rule)

    assert not is_flapping(flips, at=ends_at, rule=rule)
    if at < ends_at and begins:
        assert is_flapping(flips, at=at, rule=rule)
    if is_flapping(flips, at=at, rule=rule):
        assert is_flapping(flips, at=ends_at - timedelta.resolution, rule=rule)


@given(many, flap_rules, instants)
def test_one_more_flip_at_the_end_never_makes_an_alert_calmer(
    flips: list[datetime], rule: FlapRule, at: datetime
) -> None:
    last = max([*flips, at])
    before = is_flapping(flips, at=last, rule=rule)
    doubled = after_flip(remembered([*flips, last], rule), at=last, rule=rule)

    # A flip long after the others begins a new count; one at the instant does not.
    if before and flips and max(flips) == last:
        assert is_flapping(doubled, at=last, rule=rule)
    assert quiet_at(doubled, rule) == last + rule.hold_down


@given(many, flap_rules, instants, st.integers(1, 3), minutes)
def test_a_milder_rule_never_flaps_where_a_stricter_one_does_not(
    flips: list[datetime],
    rule: FlapRule,
    at: datetime,
    more: int,
    shorter: timedelta,
) -> None:
    milder = FlapRule(
        flips=rule.flips + more,
        within=max(rule.within - shorter, timedelta(0)),
        hold_down=max(rule.hold_down - shorter, timedelta(0)),
    )

    if is_flapping(flips, at=at, rule=milder):
        assert is_flapping(flips, at=at, rule=rule)


@given(many, storm_rules, instants, instants)
def test_a_storm_is_counted_one_by_one_and_grows_with_every_group(
    declared: list[datetime], rule: StormRule, at: datetime, other: datetime
) -> None:
    recent = [one for one in declared if timedelta(0) <= at - one < rule.within]

    found = is_storm(declared, at=at, rule=rule)

    assert found is (len(recent) > rule.incidents)
    assert found is is_storm(declared, at=at, rule=rule), "asked twice, answers once"
    if found:
        assert is_storm([*declared, other], at=at, rule=rule)


@given(many, storm_rules, instants)
def test_only_the_latest_groups_are_needed(
    declared: list[datetime], rule: StormRule, at: datetime
) -> None:
    past = sorted(one for one in declared if one <= at)

    latest = past[-rule.incidents - 1 :]
    assert is_storm(latest, at=at, rule=rule) is is_storm(declared, at=at, rule=rule)


@given(instants, minutes, minutes, minutes)
def test_a_later_sign_of_life_is_late_later(
    at: datetime, later: timedelta, period: timedelta, grace: timedelta
) -> None:
    expected = Expectation(period=period, grace=grace)

    assert late_at(at, expected) == at + period + grace
    assert late_at(at + later, expected) - late_at(at, expected) == later
