"""A storm is more new groups of one severity than people can take."""

from datetime import timedelta

from tests.core.cast import T0
from watchbill.core.routing import regroup
from watchbill.core.storms import StormRule, is_storm, storm_key

SECOND = timedelta(seconds=1)
RULE = StormRule(incidents=3, within=60 * SECOND)


def test_as_many_as_the_rule_allows_are_no_storm_and_one_more_is() -> None:
    declared = [T0 + n * SECOND for n in range(4)]

    assert not is_storm(declared[:3], at=T0 + 3 * SECOND, rule=RULE)
    assert is_storm(declared, at=T0 + 4 * SECOND, rule=RULE)


def test_a_storm_is_over_when_fewer_come() -> None:
    declared = [T0 + n * SECOND for n in range(4)]

    assert is_storm(declared, at=T0 + 59 * SECOND, rule=RULE)
    assert not is_storm(declared, at=T0 + 60 * SECOND, rule=RULE)


def test_what_was_declared_later_than_the_instant_does_not_count() -> None:
    assert not is_storm([T0 + SECOND] * 10, at=T0, rule=RULE)


def test_the_incident_of_a_storm_belongs_to_no_group_of_alerts() -> None:
    assert storm_key("P2", "web") == "storm/P2/web"
    assert regroup(storm_key("P2", "web"), severity="P1") == ""
