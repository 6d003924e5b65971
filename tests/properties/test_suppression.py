"""Mutes against an oracle that looks at everything, one thing at a time."""

import re
from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.core.cast import T0, YANGON
from watchbill.core.labels import AnyMatcher, Labels, Matcher, PatternMatcher
from watchbill.core.maintenance import Daily, Impact, Occurrence, Window
from watchbill.core.suppression import (
    Firing,
    InhibitRule,
    Mute,
    MuteKind,
    Silence,
    mutes,
)

NAMES, VALUES = ("a", "b", "component", "service"), ("", "1", "2")

label_sets = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(VALUES))
plain_matchers = st.builds(
    Matcher,
    name=st.sampled_from(NAMES),
    values=st.sets(st.sampled_from(VALUES), min_size=1, max_size=2).map(frozenset),
    negated=st.booleans(),
)
pattern_matchers = st.builds(
    lambda name, text, negated: PatternMatcher(
        name=name, pattern=re.compile(text), text=text, negated=negated
    ),
    st.sampled_from(NAMES),
    st.sampled_from(["", ".*", ".+", "1|2", "[^1]"]),
    st.booleans(),
)
sides = st.lists(plain_matchers, max_size=2).map(tuple)
rules = st.builds(
    InhibitRule,
    source=sides,
    target=sides,
    equal=st.lists(st.sampled_from(NAMES), unique=True, max_size=2).map(tuple),
    because=st.sampled_from(["", "so it is"]),
)
rule_sets = st.lists(rules, max_size=3).map(tuple)
instants = st.integers(-3, 3).map(lambda hours: T0 + timedelta(hours=hours))
keys = st.sampled_from(["k1", "k2", "k3", "k4"])
alerts = st.dictionaries(keys, label_sets)


@st.composite
def silences(draw: st.DrawFn) -> Silence:
    matchers: list[AnyMatcher] = draw(
        st.lists(plain_matchers | pattern_matchers, max_size=2)
    )
    return Silence(
        key=draw(keys),
        matchers=tuple(matchers),
        starts_at=draw(instants),
        ends_at=draw(instants),
        author="Ana",
        comment="noise",
    )


@st.composite
def windows(draw: st.DrawFn) -> Occurrence:
    window = Window(
        key=draw(keys),
        title="Backup",
        repeats=Daily(),
        starts=draw(st.sampled_from([time(10), time(12), time(13)])),
        duration=draw(st.integers(1, 3)) * timedelta(hours=1),
        zone=YANGON,
        impact=draw(st.sampled_from(Impact)),
        components=frozenset(draw(st.sets(st.sampled_from(VALUES), max_size=2))),
    )
    return window.on(date(2026, 2, 6))


def holds(side: tuple[AnyMatcher, ...], labels: Labels) -> bool:
    return all(matcher.matches(labels) for matcher in side)


def inhibitors(
    one: InhibitRule, labels: Labels, firing: dict[str, dict[str, str]], *, key: str
) -> set[str]:
    """The text of Alertmanager's documentation, word by word."""
    found: set[str] = set()
    if not holds(one.target, labels):
        return found
    for other, theirs in firing.items():
        agree = all(labels.get(n, "") == theirs.get(n, "") for n in one.equal)
        mine_both = holds(one.source, labels) and holds(one.target, labels)
        their_both = holds(one.source, theirs) and holds(one.target, theirs)
        if other == key or (mine_both and their_both):
            continue
        if holds(one.source, theirs) and agree:
            found.add(other)
    return found


def expected_kinds(
    labels: Labels,
    key: str,
    quiet: list[Silence],
    inhibit: tuple[InhibitRule, ...],
    firing: dict[str, dict[str, str]],
    planned: list[Occurrence],
    at: datetime,
) -> list[MuteKind]:
    named = {labels.get("component"), labels.get("service")}
    return [
        *(
            MuteKind.MAINTENANCE
            for one in planned
            if one.window.impact is not Impact.NONE
            and one.during.starts_at <= at < one.during.ends_at
            and (not one.window.components or named & one.window.components)
        ),
        *(
            MuteKind.SILENCE
            for one in quiet
            if one.matchers
            and one.starts_at <= at < one.ends_at
            and holds(one.matchers, labels)
        ),
        *(
            MuteKind.INHIBITION
            for one in inhibit
            if inhibitors(one, labels, firing, key=key)
        ),
    ]


@pytest.mark.req("A52", "S4.2-23")
@given(
    labels=label_sets,
    key=keys,
    quiet=st.lists(silences(), max_size=3),
    inhibit=rule_sets,
    firing=alerts,
    planned=st.lists(windows(), max_size=3),
    at=instants,
)
def test_every_mute_that_holds_is_told_and_no_other(
    labels: dict[str, str],
    key: str,
    quiet: list[Silence],
    inhibit: tuple[InhibitRule, ...],
    firing: dict[str, dict[str, str]],
    planned: list[Occurrence],
    at: datetime,
) -> None:
    def ask(when: datetime) -> tuple[Mute, ...]:
        return mutes(
            labels,
            key=key,
            silences=quiet,
            rules=inhibit,
            firing=Firing.of(inhibit, firing.items()),
            windows=planned,
            at=when,
        )

    found = ask(at)

    kinds = expected_kinds(labels, key, quiet, inhibit, firing, planned, at)
    assert [one.kind for one in found] == kinds
    assert ask(at) == found, "asked twice, answers once"
    assert all(one.text for one in found), "it says why"
    # What says when it ends lasts until then and no longer.
    again = min((one.until for one in found if one.until is not None), default=None)
    assert again is None or again > at
    if again is not None:
        last = set(ask(again - timedelta.resolution))
        assert set(found) <= last
        assert not set(found) <= set(ask(again))


class KeptIndex(RuleBasedStateMachine):
    """An index that is kept up to date answers as one that is made anew."""

    def __init__(self) -> None:
        super().__init__()
        one = Matcher(name="a", values=frozenset({"1"}))
        two = Matcher(name="b", values=frozenset({"1", "2"}))
        absent = Matcher(name="b", values=frozenset({""}))
        self.inhibit = (
            InhibitRule(source=(one,), target=(two,), equal=("service",)),
            InhibitRule(source=(two,), target=(absent,)),
            InhibitRule(source=(), target=(one,), equal=("a", "component")),
        )
        self.kept = Firing(self.inhibit)
        self.alerts: dict[str, dict[str, str]] = {}

    @rule(key=keys, labels=label_sets)
    def fires(self, key: str, labels: dict[str, str]) -> None:
        self.kept.add(key, labels)
        self.alerts[key] = labels

    @rule(key=keys)
    def ends(self, key: str) -> None:
        self.kept.discard(key)
        self.alerts.pop(key, None)

    @invariant()
    def each_is_inhibited_exactly_by_what_fires(self) -> None:
        for key, labels in self.alerts.items():
            for one in self.inhibit:
                possible = inhibitors(one, labels, self.alerts, key=key)
                found = self.kept.source_of(one, labels, key=key)
                assert found in possible if possible else found is None


TestKeptIndex = KeptIndex.TestCase
