"""Mutes hold back pages, say why, and say until when."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta

import pytest

from tests.core.cast import T0, YANGON
from watchbill.core.labels import Labels, Matcher
from watchbill.core.maintenance import Daily, Impact, Occurrence, Window
from watchbill.core.suppression import (
    Firing,
    InhibitRule,
    Mute,
    MuteKind,
    Silence,
    explaining,
    mutes,
)

HOUR = timedelta(hours=1)

DISK = Silence(
    key="s1",
    matchers=(Matcher(name="alertname", values=frozenset({"DiskFull"})),),
    starts_at=T0,
    ends_at=T0 + HOUR,
    author="Ana",
    comment="the new disk comes at noon",
)


def is_(name: str, *values: str) -> Matcher:
    return Matcher(name=name, values=frozenset(values))


CRITICAL_MUTES_WARNING = InhibitRule(
    source=(is_("severity", "critical"),),
    target=(is_("severity", "warning"),),
    equal=("alertname", "service"),
    because="the critical alert says it",
)


def window(impact: Impact = Impact.DEGRADED, *components: str) -> Occurrence:
    return Window(
        key="nightly",
        title="Nightly backup",
        repeats=Daily(),
        starts=time(12),
        duration=HOUR,
        zone=YANGON,
        impact=impact,
        components=frozenset(components),
    ).on(date(2026, 2, 6))


def asked(
    labels: Labels,
    *,
    key: str = "me",
    silences: tuple[Silence, ...] = (),
    rules: tuple[InhibitRule, ...] = (),
    firing: dict[str, Labels] | None = None,
    windows: tuple[Occurrence, ...] = (),
    at: datetime = T0,
) -> tuple[Mute, ...]:
    return mutes(
        labels,
        key=key,
        silences=silences,
        rules=rules,
        firing=Firing.of(rules, (firing or {}).items()),
        windows=windows,
        at=at,
    )


def test_nothing_that_holds_mutes_nothing() -> None:
    assert asked({"alertname": "DiskFull"}) == ()


def test_a_silence_holds_from_its_first_instant_to_before_its_last() -> None:
    labels = {"alertname": "DiskFull"}
    instant = timedelta.resolution
    found = {
        at: bool(asked(labels, silences=(DISK,), at=at))
        for at in (T0 - instant, T0, T0 + HOUR - instant, T0 + HOUR)
    }

    assert list(found.values()) == [False, True, True, False]


def test_a_silence_says_who_set_it_why_and_until_when() -> None:
    (found,) = asked({"alertname": "DiskFull"}, silences=(DISK,))

    assert found == Mute(
        kind=MuteKind.SILENCE,
        key="s1",
        text="silenced by Ana: the new disk comes at noon",
        until=T0 + HOUR,
    )


def test_a_silence_without_matchers_silences_nothing() -> None:
    empty = Silence(
        key="s2",
        matchers=(),
        starts_at=T0,
        ends_at=T0 + HOUR,
        author="Ana",
        comment="",
    )

    assert asked({"alertname": "DiskFull"}, silences=(empty,)) == ()


def test_a_silence_of_one_source_covers_alerts_of_no_other() -> None:
    labels = {"alertname": "DiskFull"}
    of_seven = replace(DISK, source="7")

    assert [of_seven.covers(labels, source=one) for one in ("7", "8", "")] == [
        *(True, False, False)
    ]
    assert DISK.covers(labels, source="8")
    assert not of_seven.covers({"alertname": "Down"}, source="7")


@pytest.mark.req("S4.2-23")
def test_a_critical_alert_mutes_the_warning_of_the_same_metric() -> None:
    rules = (CRITICAL_MUTES_WARNING,)
    critical = {"alertname": "CpuUsage", "service": "api", "severity": "critical"}
    warning = {**critical, "severity": "warning"}

    (found,) = asked(warning, rules=rules, firing={"a7": critical, "me": warning})

    assert found == Mute(
        kind=MuteKind.INHIBITION,
        key="a7",
        text="inhibited: the critical alert says it",
        until=None,
    )
    assert asked(critical, rules=rules, firing={"me": critical, "b": warning}) == ()
    assert (
        asked({**warning, "service": "web"}, rules=rules, firing={"a7": critical}) == ()
    )


@pytest.mark.parametrize("target", [{}, {"service": ""}])
def test_a_missing_label_equals_an_empty_one(target: dict[str, str]) -> None:
    rules = (CRITICAL_MUTES_WARNING,)
    source = {"alertname": "CpuUsage", "severity": "critical"}
    labels = {"alertname": "CpuUsage", "severity": "warning", **target}

    assert asked(labels, rules=rules, firing={"a": source})


def test_an_alert_that_is_source_and_target_is_muted_only_by_a_mere_source() -> None:
    rule = InhibitRule(
        source=(is_("tier", "core", "both"),), target=(is_("tier", "edge", "both"),)
    )
    both, core, edge = ({"tier": name} for name in ("both", "core", "edge"))

    assert asked(both, rules=(rule,), firing={"me": both}) == ()
    assert asked(both, rules=(rule,), firing={"me": both, "other": both}) == ()
    assert asked(both, rules=(rule,), firing={"me": both, "core": core})
    assert asked(edge, rules=(rule,), firing={"me": edge, "other": both})


def test_an_alert_whose_labels_change_never_mutes_itself() -> None:
    rules = (CRITICAL_MUTES_WARNING,)
    was, now = {"severity": "critical"}, {"severity": "warning"}

    assert asked(now, rules=rules, firing={"me": was}) == ()
    assert asked(now, key="other", rules=rules, firing={"me": was})


def test_a_rule_without_words_of_its_own_names_the_matchers_of_its_source() -> None:
    rule = InhibitRule(source=(is_("tier", "core"),), target=(is_("tier", "edge"),))
    anything = InhibitRule(source=(), target=(is_("tier", "edge"),))
    edge = {"tier": "edge"}

    (named,) = asked(edge, rules=(rule,), firing={"a": {"tier": "core"}})
    (any_,) = asked(edge, rules=(anything,), firing={"a": {"tier": "core"}})

    assert named.text == "inhibited: an alert with tier = core fires"
    assert any_.text == "inhibited: an alert with any labels fires"


def test_an_alert_that_ends_or_changes_mutes_no_longer() -> None:
    rules = (CRITICAL_MUTES_WARNING,)
    firing = Firing.of(rules, [("a", {"severity": "critical"})])
    warning = {"severity": "warning"}

    assert firing.source_of(rules[0], warning, key="me") == "a"
    firing.add("a", {"severity": "critical", "service": "web"})
    assert firing.source_of(rules[0], warning, key="me") is None
    firing.add("a", {"severity": "critical"})
    firing.discard("a")
    firing.discard("never seen")
    assert firing.source_of(rules[0], warning, key="me") is None


def test_a_rule_that_the_index_does_not_know_inhibits_nothing() -> None:
    firing = Firing.of((), [("a", {"severity": "critical"})])

    found = firing.source_of(CRITICAL_MUTES_WARNING, {"severity": "warning"}, key="me")
    assert found is None


@pytest.mark.req("A52", "S5.1-01")
def test_a_maintenance_that_names_nothing_mutes_everything_while_it_is_open() -> None:
    (found,) = asked({"alertname": "Any"}, windows=(window(),))

    assert found == Mute(
        kind=MuteKind.MAINTENANCE,
        key="nightly",
        text="maintenance: Nightly backup",
        until=T0 + HOUR,
    )
    assert asked({}, windows=(window(),), at=T0 + HOUR) == ()
    assert asked({}, windows=(window(),), at=T0 - timedelta.resolution) == ()


@pytest.mark.req("A26", "A52")
def test_a_maintenance_that_users_do_not_notice_mutes_nothing() -> None:
    assert asked({"component": "db"}, windows=(window(Impact.NONE),)) == ()
    assert asked({"component": "db"}, windows=(window(Impact.NONE, "db"),)) == ()


@pytest.mark.req("A52")
@pytest.mark.parametrize(
    ("labels", "is_muted"),
    [
        ({"component": "db"}, True),
        ({"service": "db"}, True),
        ({"component": "web", "service": "db"}, True),
        ({"component": "web"}, False),
        ({"job": "db"}, False),
        ({}, False),
    ],
)
def test_a_maintenance_of_components_mutes_those_alone(
    labels: dict[str, str], *, is_muted: bool
) -> None:
    found = asked(labels, windows=(window(Impact.UNAVAILABLE, "db", "cache"),))

    assert bool(found) is is_muted


@pytest.mark.req("A15", "A26", "A52")
@pytest.mark.parametrize(
    ("impact", "is_worst", "is_confidential", "explains"),
    [
        (Impact.DEGRADED, False, False, True),
        (Impact.DEGRADED, True, False, False),
        (Impact.UNAVAILABLE, True, False, True),
        (Impact.UNAVAILABLE, False, True, False),
        (Impact.UNAVAILABLE, True, True, False),
    ],
)
def test_a_maintenance_holds_back_only_what_it_explains(
    impact: Impact, *, is_worst: bool, is_confidential: bool, explains: bool
) -> None:
    planned = window(impact)

    found = explaining((planned,), is_worst=is_worst, is_confidential=is_confidential)

    assert found == ((planned,) if explains else ())


def test_every_mute_is_told_and_the_first_that_ends_says_when_to_ask_again() -> None:
    labels = {"alertname": "DiskFull", "severity": "warning"}
    source = {"alertname": "DiskFull", "severity": "critical"}
    short = Silence(
        key="s3",
        matchers=DISK.matchers,
        starts_at=T0,
        ends_at=T0 + HOUR / 2,
        author="Ben",
        comment="noise",
    )

    found = asked(
        labels,
        silences=(DISK, short),
        rules=(CRITICAL_MUTES_WARNING,),
        firing={"a": source},
        windows=(window(),),
    )

    assert [one.kind.value for one in found] == [
        "maintenance",
        "silence",
        "silence",
        "inhibition",
    ]


def test_an_index_of_alerts_that_have_ended_takes_no_room() -> None:
    rule = CRITICAL_MUTES_WARNING
    firing = Firing((rule,))
    for number in range(3):
        labels = {"severity": "critical", "alertname": f"A{number}"}
        firing.add(str(number), labels)
        firing.discard(str(number))

    assert (firing._rules, firing._places) == ({rule: {}}, {})
