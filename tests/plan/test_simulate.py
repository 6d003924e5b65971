"""The dry run says who would be contacted, how and when."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.plan.samples import minimal
from watchbill.core.escalation import FiringReason
from watchbill.core.ladder import Verb
from watchbill.plan import bundled, render_table, simulate

PLAN = bundled("trm")
#: Tuesday noon in Yangon: DevOps is primary, Mobile secondary, Backend shadow.
NOON = datetime(2026, 2, 10, 5, 30, tzinfo=UTC)


@pytest.mark.req("S3.2-22", "S4.3-09")
def test_labels_decide_route_and_severity_as_for_a_real_alert() -> None:
    lines = simulate(
        PLAN,
        labels={"alert_type": "payment", "severity": "critical"},
        declared_at=NOON,
        until=NOON,
    )

    assert [(one.verb, one.whom, one.is_copy) for one in lines] == [
        (Verb.PAGE, "DevOps Engineer", False),
        (Verb.PAGE, "Backend Engineer", True),
        (Verb.POST, "#incidents", False),
        (Verb.PAGE, "Payment Specialist", False),
    ]
    assert lines[0].how == ("e-mail devops@trm.rocks",)


@pytest.mark.req("S3.2-22")
def test_acknowledging_ends_the_paging_and_not_the_matrix() -> None:
    lines = simulate(
        PLAN,
        severity="P1",
        route="infrastructure",
        declared_at=NOON,
        acknowledged_at=NOON + timedelta(minutes=3),
        until=NOON + timedelta(minutes=30),
    )

    after = [
        (one.elapsed, one.verb, one.whom)
        for one in lines
        if one.elapsed >= timedelta(minutes=3)
    ]
    assert after == [
        (timedelta(minutes=15), Verb.ESCALATE, "Technical Lead"),
        (timedelta(minutes=15), Verb.ESCALATE, "Database Administrator"),
        (timedelta(minutes=30), Verb.NOTIFY, "Engineering Manager"),
    ]


@pytest.mark.req("A15")
def test_a_confidential_incident_is_posted_nowhere() -> None:
    lines = simulate(
        PLAN, severity="P1", route="security", declared_at=NOON, until=NOON
    )

    (post,) = (one for one in lines if one.verb is Verb.POST)
    assert (post.whom, post.reason) == ("(nobody)", FiringReason.CONFIDENTIAL)


@pytest.mark.req("S2.2-09")
def test_a_plan_whose_people_cannot_be_reached_shows_the_fallback() -> None:
    everybody = frozenset(one.key for one in PLAN.directory.contacts)

    lines = simulate(
        PLAN,
        severity="P1",
        declared_at=NOON,
        until=NOON + timedelta(minutes=10),
        unreachable=everybody,
    )

    tries = [one.elapsed for one in lines if one.step.key.startswith("fallback/")]
    assert tries == [timedelta(minutes=count) for count in (0, 5, 10)]


def test_a_category_label_chooses_the_expert() -> None:
    lines = simulate(
        PLAN,
        labels={"alert_type": "application", "category": "ml"},
        severity="P2",
        declared_at=NOON,
        acknowledged_at=NOON,
        until=NOON + timedelta(hours=1),
    )

    assert [one.whom for one in lines if one.verb is Verb.ESCALATE] == ["ML Engineer"]


@pytest.mark.req("S3.2-22")
def test_the_table_shows_local_time_person_method_and_reason() -> None:
    plan = minimal().plan
    assert plan is not None

    table = render_table(
        plan, simulate(plan, declared_at=NOON, until=NOON + timedelta(minutes=40))
    )

    head, rule, *rows = table.splitlines()
    assert head.split() == ["Time", "Elapsed", "Does", "Whom", "How", "Why"]
    assert set(rule) == {"-", " "}
    assert rows == [
        "Tue 2026-02-10 12:00  0 min    page      Ben   phone +959250000001"
        "     Page the on-call: due at 0 min elapsed",
        "Tue 2026-02-10 12:15  15 min   escalate  Dao   e-mail dao@example.com"
        "  Escalate to the manager: due at 15 min elapsed",
    ]
