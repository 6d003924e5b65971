"""Who would get this alert now, answered by the functions that decide of real ones."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watchbill.core.labels import Matcher
from watchbill.core.oncall import Duty, Override
from watchbill.core.routing import classify
from watchbill.core.suppression import Firing, MuteKind, Silence
from watchbill.core.temporal import Interval
from watchbill.plan import bundled, simulate
from watchbill.plan.who import Becomes, Circumstances, WhoGets, who_gets

PLAN = bundled("trm")
HOUR = timedelta(hours=1)

#: Monday, 9 February 2026, 12:00 in Yangon; no window is open.
NOON = datetime(2026, 2, 9, 5, 30, tzinfo=UTC)

PAYMENT = {"alertname": "PaymentGatewayDown", "severity": "critical"}
LATENCY = {"alertname": "HighLatency", "service": "api", "severity": "critical"}

QUIET = Silence(
    key="s1",
    matchers=(Matcher(name="service", values=frozenset({"api"})),),
    starts_at=NOON,
    ends_at=NOON + HOUR,
    author="Ana",
    comment="load test",
)


def asked(
    labels: dict[str, str], given: Circumstances | None = None, *, at: datetime = NOON
) -> WhoGets:
    return who_gets(PLAN, labels, now=at, given=given or Circumstances())


@pytest.mark.req("S4.3-09", "S4.3-04")
def test_route_severity_and_group_are_told_with_their_reasons() -> None:
    found = asked(PAYMENT).classification

    assert (found.route.key, found.severity, found.category) == (
        "payment",
        "P1",
        "payment",
    )
    assert found.route_reason.startswith("Payment Issues because alertname =")
    assert found.severity_reason == "P1 because payments fail (S3.1-01, A12, A60)"
    assert found.group_key.startswith("payment/P1/")
    assert not found.is_catch_all


@pytest.mark.req("S4.3-07", "S4.3-09")
def test_an_alert_that_no_route_takes_says_so() -> None:
    found = asked({"alertname": "Strange"}).classification

    assert found.is_catch_all
    assert found.route_reason == "Infrastructure because no other route takes it"
    assert found.severity_reason == "P3 because no rule names its severity"


@pytest.mark.req("S4.3-09", "S3.2-22")
def test_the_first_hour_is_that_of_a_simulation() -> None:
    found = asked(PAYMENT)

    assert found.becomes is Becomes.DECLARED
    assert found.reason == "no incident is open for its group of alerts"
    assert found.lines == simulate(
        PLAN, declared_at=NOON, until=NOON + HOUR, labels=PAYMENT
    )
    assert {one.elapsed for one in found.lines} >= {timedelta(0), HOUR}
    assert all(one.why for one in found.lines)


@pytest.mark.req("S4.3-09", "S4.4-04")
def test_who_has_taken_over_the_watch_now_is_the_one_who_is_told() -> None:
    swap = Override(
        schedule="primary-oncall",
        duty=Duty.PRIMARY,
        contact="mobile_engineer",
        during=Interval(starts_at=NOON - HOUR, ends_at=NOON + HOUR),
    )

    found = asked(PAYMENT, Circumstances(roster=PLAN.roster(overrides=(swap,))))

    paged = [one.whom for one in found.lines if one.elapsed == timedelta(0)]
    before = [one.whom for one in asked(PAYMENT).lines if one.elapsed == timedelta(0)]
    assert "Mobile Engineer" in paged
    assert "Mobile Engineer" not in before


@pytest.mark.req("S4.3-09", "A52")
def test_a_silenced_alert_tells_nobody_and_says_whom_it_would_have_told() -> None:
    found = asked(LATENCY, Circumstances(silences=(QUIET,)))

    assert found.becomes is Becomes.MUTED
    assert found.reason == "nobody is told: silenced by Ana: load test"
    assert [one.until for one in found.mutes] == [NOON + HOUR]
    assert found.lines == asked(LATENCY).lines != ()


@pytest.mark.req("S4.3-09", "A52")
def test_a_silence_of_one_source_mutes_the_alerts_of_that_source_alone() -> None:
    given = Circumstances(silences=(replace(QUIET, source="7"),))

    def becomes(source: str) -> Becomes:
        return who_gets(PLAN, LATENCY, now=NOON, given=given, source=source).becomes

    assert becomes("7") is Becomes.MUTED
    assert becomes("8") is becomes("") is Becomes.DECLARED


@pytest.mark.req("S4.3-09", "S4.2-23")
def test_what_fires_now_inhibits_the_alert_that_is_asked_about() -> None:
    warning = {**LATENCY, "severity": "warning"}
    firing = Firing.of(PLAN.alerting.inhibit, [("7", LATENCY)])

    (mute,) = asked(warning, Circumstances(firing=firing)).mutes

    assert (mute.kind, mute.key) == (MuteKind.INHIBITION, "7")
    assert asked(warning).mutes == ()


@pytest.mark.req("S4.3-09", "A52")
def test_the_windows_of_the_plan_mute_unless_others_are_given() -> None:
    window = PLAN.maintenance.windows[0]
    noticed = next(
        one
        for day in range(1, 29)
        for hour in range(24)
        for one in PLAN.maintenance.open_at(datetime(2026, 3, day, hour, tzinfo=UTC))
        if one.window.impact.value != "none" and not one.window.components
    )
    at = noticed.during.starts_at

    (mute,) = asked(LATENCY, at=at).mutes
    assert (mute.kind, mute.until) == (MuteKind.MAINTENANCE, noticed.during.ends_at)
    assert asked(LATENCY, Circumstances(windows=()), at=at).mutes == ()
    other = replace(window, components=frozenset({"elsewhere"})).on(date(2026, 3, 1))
    assert asked(LATENCY, Circumstances(windows=(other,)), at=at).mutes == ()


@pytest.mark.req("S4.3-09", "S4.1-09")
def test_an_alert_whose_group_has_an_open_incident_joins_it() -> None:
    key = classify(PLAN.routing, LATENCY).group_key
    given = Circumstances(open_groups={key: "#12 The API is slow"})

    found = asked(LATENCY, given)

    assert (found.becomes, found.joins) == (Becomes.JOINED, "#12 The API is slow")
    assert found.reason == "#12 The API is slow is open for the same group of alerts"
    muted = asked(LATENCY, replace(given, silences=(QUIET,)))
    assert (muted.becomes, muted.joins) == (Becomes.MUTED, "#12 The API is slow")


@pytest.mark.req("S4.3-09", "A15")
def test_in_a_storm_of_its_severity_an_alert_shares_an_incident() -> None:
    found = classify(PLAN.routing, LATENCY)
    severity, route = found.severity, found.route.key
    recent = [NOON - timedelta(seconds=n) for n in range(21)]
    given = Circumstances(declared={severity: recent})

    assert asked(LATENCY, given).becomes is Becomes.STORM
    assert asked(LATENCY, given).reason == (
        "more than 20 new groups of P2 came within 5 min: further ones share one"
        " incident of their route"
    )
    named = replace(given, open_groups={f"storm/P2/{route}": "#40 Storm"})
    assert asked(LATENCY, named).reason.endswith("further ones share #40 Storm")
    # What is confidential is not mixed with the rest (A15).
    security = {"alert_type": "security", "severity": "critical"}
    many = replace(given, declared={"P1": recent})
    assert asked(security, many).becomes is Becomes.DECLARED
    assert asked(PAYMENT, many).becomes is Becomes.STORM
    # The P1 is counted by itself and never hides in it.
    assert asked(PAYMENT, given).becomes is Becomes.DECLARED


@pytest.mark.req("S4.3-09", "S4.1-12")
def test_the_watchdog_is_no_alert() -> None:
    found = asked({"alertname": "Watchdog", "service": "api"})

    assert found.becomes is Becomes.SIGN_OF_LIFE
    assert found.reason == (
        "it is the sign of life of the monitoring: its absence for 5 min opens an"
        " incident"
    )


_names = st.sampled_from(["alertname", "service", "severity", "alert_type", "x"])
_values = st.sampled_from(["HighLatency", "api", "critical", "warning", "payment", ""])


@pytest.mark.req("S4.3-09")
@settings(deadline=None, max_examples=30)
@given(
    labels=st.dictionaries(_names, _values),
    hours=st.integers(0, 24 * 14),
    silenced=st.booleans(),
)
def test_any_labels_get_one_answer_with_a_reason(
    labels: dict[str, str], hours: int, *, silenced: bool
) -> None:
    at = NOON + hours * HOUR
    given = Circumstances(
        silences=(replace(QUIET, ends_at=at + HOUR),) if silenced else ()
    )

    found = asked(labels, given, at=at)

    assert found == asked(labels, given, at=at)
    assert found.reason
    assert found.classification == classify(PLAN.routing, labels)
    assert bool(found.mutes) is (found.becomes is Becomes.MUTED)
    assert all(at <= one.at <= at + HOUR for one in found.lines)
