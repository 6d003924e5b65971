"""What kind of alert this is, how bad, and whose it is."""

from dataclasses import replace

import pytest

from watchbill.core.labels import Matcher
from watchbill.core.routing import Route, RoutingTable, SeverityRule, classify


def route(key: str, *matchers: Matcher, category: str | None = None) -> Route:
    return Route(
        key=key,
        title=key.capitalize(),
        primary="devops",
        secondary="lead",
        escalation="dba",
        category=category,
        any_of=tuple((matcher,) for matcher in matchers),
    )


def has(name: str, *values: str) -> Matcher:
    return Matcher(name=name, values=frozenset(values))


TABLE = RoutingTable(
    routes=(
        route("database", has("job", "mongo"), has("team", "data"), category="mongodb"),
        route("application", has("job", "web", "mongo")),
        route("infrastructure"),
    ),
    catch_all="infrastructure",
    severity_rules=(
        SeverityRule(severity="P1", condition=(has("alertname", "SiteDown"),)),
    ),
    severity_labels={"critical": "P1", "warning": "P3"},
    default_severity="P4",
)


@pytest.mark.req("S4.3-07")
def test_the_first_route_whose_condition_holds_takes_the_alert() -> None:
    found = classify(TABLE, {"job": "mongo"})

    assert found.route.key == "database"
    assert found.category == "mongodb"
    assert not found.is_catch_all
    assert found.reason == (
        "Database because job = mongo; P4 because no rule names its severity"
    )


@pytest.mark.req("S4.3-07")
def test_any_one_condition_of_a_route_is_enough() -> None:
    assert classify(TABLE, {"team": "data"}).route.key == "database"


@pytest.mark.req("S4.3-07")
def test_what_no_route_takes_goes_to_the_catch_all_and_says_so() -> None:
    found = classify(TABLE, {"job": "cron"})

    assert found.route.key == "infrastructure"
    assert found.is_catch_all
    assert "because no other route takes it" in found.reason


@pytest.mark.req("S4.3-09")
@pytest.mark.parametrize(
    ("labels", "severity", "why"),
    [
        (
            {"alertname": "SiteDown", "severity": "warning"},
            "P1",
            "P1 because alertname = SiteDown",
        ),
        ({"severity": "warning"}, "P3", "P3 because severity = warning"),
        ({"severity": "odd"}, "P4", "P4 because no rule names its severity"),
        ({}, "P4", "P4 because no rule names its severity"),
    ],
)
def test_severity_comes_from_a_rule_then_the_label_then_the_default(
    labels: dict[str, str], severity: str, why: str
) -> None:
    found = classify(TABLE, labels)

    assert found.severity == severity
    assert found.reason.endswith(why)


def test_a_category_label_is_heard_before_the_routes_category() -> None:
    assert classify(TABLE, {"job": "mongo", "category": "ai"}).category == "ai"


@pytest.mark.req("S4.1-09")
def test_alerts_that_agree_on_the_grouping_labels_share_a_group() -> None:
    table = replace(TABLE, group_by=("alertname", "region"))

    one = classify(table, {"alertname": "A", "region": "mm", "host": "1"})
    same = classify(table, {"host": "2", "region": "mm", "alertname": "A"})
    other = classify(table, {"alertname": "A", "region": "sg"})
    elsewhere = classify(table, {"alertname": "A", "region": "mm", "job": "web"})

    assert one.group_key == same.group_key
    assert len({one.group_key, other.group_key, elsewhere.group_key}) == 3


def test_an_absent_grouping_label_groups_like_an_empty_one() -> None:
    assert classify(TABLE, {}).group_key == classify(TABLE, {"alertname": ""}).group_key


def test_a_route_that_the_plan_lacks_is_named() -> None:
    with pytest.raises(LookupError, match="no route 'payments'"):
        TABLE.route("payments")
