"""Fingerprints and matchers."""

import pytest

from watchbill.core.labels import Matcher, fingerprint, matches_all


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
