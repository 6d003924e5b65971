"""An alert flaps when it comes and goes too fast, until it has been quiet."""

from datetime import datetime, timedelta

import pytest

from tests.core.cast import T0
from watchbill.core.flapping import FlapRule, after_flip, is_flapping, quiet_at

MINUTE = timedelta(minutes=1)
RULE = FlapRule(flips=4, within=30 * MINUTE, hold_down=10 * MINUTE)


def flips(*minutes: int) -> tuple[datetime, ...]:
    found: tuple[datetime, ...] = ()
    for minute in minutes:
        found = after_flip(found, at=T0 + minute * MINUTE, rule=RULE)
    return found


@pytest.mark.req("S4.2-26")
def test_the_fourth_flip_in_half_an_hour_is_flapping() -> None:
    assert not is_flapping(flips(0, 5, 10), at=T0 + 10 * MINUTE, rule=RULE)
    assert is_flapping(flips(0, 5, 10, 15), at=T0 + 15 * MINUTE, rule=RULE)
    assert is_flapping(flips(0, 10, 20, 30), at=T0 + 30 * MINUTE, rule=RULE)
    assert not is_flapping(flips(0, 10, 20, 31), at=T0 + 31 * MINUTE, rule=RULE)


@pytest.mark.req("S4.2-26")
def test_it_flaps_until_it_has_been_quiet_for_the_hold_down() -> None:
    seen = flips(0, 5, 10, 15)

    assert quiet_at(seen, RULE) == T0 + 25 * MINUTE
    assert is_flapping(seen, at=T0 + 25 * MINUTE - timedelta.resolution, rule=RULE)
    assert not is_flapping(seen, at=T0 + 25 * MINUTE, rule=RULE)


def test_a_hold_down_that_is_longer_than_the_time_of_the_flips_is_kept() -> None:
    patient = FlapRule(flips=2, within=MINUTE, hold_down=60 * MINUTE)
    seen = (T0, T0 + MINUTE)

    assert is_flapping(seen, at=T0 + 60 * MINUTE, rule=patient)
    assert not is_flapping(seen, at=T0 + 61 * MINUTE, rule=patient)


def test_a_flap_after_a_quiet_of_minutes_is_flapping_again() -> None:
    assert is_flapping(flips(0, 5, 10, 15, 26), at=T0 + 26 * MINUTE, rule=RULE)


def test_only_the_flips_that_count_are_remembered() -> None:
    assert flips(*range(100)) == flips(96, 97, 98, 99)


def test_a_flip_that_becomes_known_late_counts_at_its_time() -> None:
    assert flips(0, 10, 5) == flips(0, 5, 10)
    assert flips(7, 7) == (T0 + 7 * MINUTE,) * 2


def test_what_never_flipped_does_not_flap() -> None:
    assert not is_flapping((), at=T0, rule=RULE)


def test_no_flips_at_all_cannot_be_too_many() -> None:
    with pytest.raises(ValueError, match="cannot flap at 0 flips"):
        FlapRule(flips=0, within=MINUTE, hold_down=MINUTE)
