"""Fingerprints and matchers."""

import re

import pytest

from watchbill.core.labels import Matcher, PatternMatcher, fingerprint, matches_all


@pytest.mark.req("S4.1-09")
def test_a_fingerprint_does_not_depend_on_the_order_of_labels() -> None:
    assert fingerprint({"a": "1", "b": "2"}) == fingerprint({"b": "2", "a": "1"})


def test_a_fingerprint_stays_what_it_was_when_it_was_stored() -> None:
    labels = {"alertname": "DiskFull", "instance": "db-1"}

    assert fingerprint(labels) == "515a07f968c824245d897371d9bbbf58"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"ab": "c"}, {"a": "bc"}),
        ({"a": "b", "c": "d"}, {"a": "bcd"}),
        ({"a": "1", "b": ""}, {"a": "1b"}),
        ({"a": "b\0c"}, {"a\0b": "c"}),
        ({}, {"": ""}),
        ({"a": "\ud83d\ude00"}, {"a": "\U0001f600"}),
        ({"a": "é"}, {"a": "e\u0301"}),
    ],
)
def test_different_labels_have_different_fingerprints(
    one: dict[str, str], other: dict[str, str]
) -> None:
    assert fingerprint(one) != fingerprint(other)


def test_half_a_surrogate_pair_is_no_reason_to_lose_an_alert() -> None:
    assert len(fingerprint({"host": "\ud800"})) == 32


def test_a_matcher_takes_any_of_its_values() -> None:
    matcher = Matcher(name="env", values=frozenset({"prod", "staging"}))

    assert matcher.matches({"env": "prod"})
    assert not matcher.matches({"env": "dev"})
    assert str(matcher) == "env = prod or staging"


def test_an_absent_label_has_the_empty_value() -> None:
    absent = Matcher(name="env", values=frozenset({""}))
    present = Matcher(name="env", values=frozenset({""}), negated=True)

    assert absent.matches({})
    assert absent.matches({"env": ""})
    assert present.matches({"env": "prod"})
    assert not present.matches({})
    assert str(present) == "env != (none)"


def test_no_matchers_match_anything_and_all_must_hold() -> None:
    prod = Matcher(name="env", values=frozenset({"prod"}))
    not_db = Matcher(name="job", values=frozenset({"db"}), negated=True)

    assert matches_all((), {})
    assert matches_all((prod, not_db), {"env": "prod", "job": "web"})
    assert not matches_all((prod, not_db), {"env": "prod", "job": "db"})


def pattern(text: str, *, negated: bool = False) -> PatternMatcher:
    return PatternMatcher(
        name="instance", pattern=re.compile(text), text=text, negated=negated
    )


def test_a_pattern_fits_the_whole_value_or_not_at_all() -> None:
    assert pattern("db-[0-9]+").matches({"instance": "db-12"})
    assert not pattern("db-[0-9]+").matches({"instance": "old-db-12"})
    assert not pattern("db-[0-9]+").matches({"instance": "db-12\n"})
    assert pattern("db-[0-9]+", negated=True).matches({"instance": "web-1"})


def test_a_pattern_reads_an_absent_label_as_an_empty_one() -> None:
    assert pattern(".*").matches({})
    assert not pattern(".+").matches({})
    assert pattern(".+", negated=True).matches({})


def test_patterns_and_values_hold_together() -> None:
    prod = Matcher(name="env", values=frozenset({"prod"}))

    assert matches_all((prod, pattern("db.*")), {"env": "prod", "instance": "db-1"})
    assert not matches_all((prod, pattern("db.*")), {"env": "prod"})


def test_a_pattern_is_written_as_it_was_and_compared_by_that() -> None:
    assert str(pattern("db.*")) == "instance =~ db.*"
    assert str(pattern("", negated=True)) == "instance !~ (none)"
    assert pattern("a|b") == PatternMatcher(
        name="instance", pattern=re.compile("(?:a|b)"), text="a|b"
    )
