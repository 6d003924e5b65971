"""The plan that comes with watchbill says what the support plan's tables say."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from tests.plan.samples import TRM, codes, minimal
from tests.plugins.plan_index import load_index
from watchbill.core.oncall import Duty, holder, on_call
from watchbill.core.routing import classify
from watchbill.core.severity import Urgency, worst
from watchbill.plan import (
    ChannelKind,
    Code,
    Cover,
    Level,
    Plan,
    ReviewCycle,
    bundled,
    load,
)

PLAN = bundled("trm")
MIDNIGHT = datetime(2026, 2, 5, 17, 30, tzinfo=UTC)


def title_of(role: str) -> list[str]:
    return [one.title for one in PLAN.directory.holders(role)]


@pytest.mark.req("S0-05", "S0-06")
def test_the_plan_has_no_errors_and_warns_only_of_real_gaps() -> None:
    loaded = load(TRM, name="plans/trm.yaml")

    assert loaded.errors == ()
    warned = {one.code for one in loaded.findings if one.severity is Level.WARNING}
    assert warned == {
        Code.UNFILLED_CONTACT,
        Code.LONG_WEEK,
        Code.BUS_FACTOR,
        Code.SAME_PERSON_TWICE,
        Code.WINDOWS_OVERLAP,
        Code.WORK_ON_DAY_OFF,
        Code.ONE_APPROVER,
        Code.HOTFIX_MAY_BE_LATE,
        Code.UNSIGNED,
        Code.UNFILLED_VENDOR,
    }


@pytest.mark.req("S0-01", "S0-02", "S0-03", "S0-04", "A50")
def test_the_heading_says_version_date_cycle_and_owner() -> None:
    meta = PLAN.meta

    assert (meta.title, meta.product) == (
        "Post-Launch Support Plan",
        "TRM Referral Platform",
    )
    assert meta.version == "1.0"
    assert meta.effective_at == MIDNIGHT
    assert meta.review_cycle is ReviewCycle.QUARTERLY
    assert PLAN.directory.knows(meta.owner)
    assert meta.languages == ("my", "en")


@pytest.mark.req("S2.1-01", "S2.1-05", "S2.1-08")
def test_the_four_levels_have_their_hours() -> None:
    assert [(one.key, one.cover) for one in PLAN.levels] == [
        ("L1", Cover.ALL_HOURS),
        ("L2", Cover.BUSINESS_HOURS),
        ("L3", Cover.ON_CALL),
        ("L4", Cover.ON_REQUEST),
    ]
    assert PLAN.level("L1").title == "Help Desk"


@pytest.mark.req("S2.1-02", "S2.1-03", "S2.1-04", "S2.1-06", "S2.1-09", "S2.1-11")
@pytest.mark.parametrize(
    ("level", "people"),
    [
        (
            "L1",
            [
                ("Help Desk Lead", "support@trm.rocks", "day"),
                ("Help Desk Agent", "support@trm.rocks", "day"),
                ("Help Desk Agent", "support@trm.rocks", "night"),
                ("Help Desk Agent", "support@trm.rocks", "weekend"),
            ],
        ),
        (
            "L2",
            [
                ("Technical Lead", "tech-lead@trm.rocks", None),
                ("Backend Engineer", "backend@trm.rocks", None),
                ("Frontend Engineer", "frontend@trm.rocks", None),
                ("Mobile Engineer", "mobile@trm.rocks", None),
                ("DevOps Engineer", "devops@trm.rocks", None),
            ],
        ),
        (
            "L3",
            [
                ("Security Engineer", "security@trm.rocks", None),
                ("Database Administrator", "dba@trm.rocks", None),
                ("Payment Specialist", "payments@trm.rocks", None),
                ("ML Engineer", "ml@trm.rocks", None),
            ],
        ),
        (
            "L4",
            [
                ("Engineering Manager", "eng-mgr@trm.rocks", None),
                ("Product Manager", "product@trm.rocks", None),
                ("CTO", "cto@trm.rocks", None),
                ("CEO", "ceo@trm.rocks", None),
                # Not in the table; a signer of the plan (A43).
                ("Operations Manager", None, None),
            ],
        ),
    ],
)
def test_every_contact_of_the_table_is_there(
    level: str, people: list[tuple[str, str | None, str | None]]
) -> None:
    team = PLAN.directory.at_level(level)

    assert [(one.title, one.email, one.shift) for one in team] == people


@pytest.mark.req("S2.1-06", "S2.1-07", "S2.1-09")
@pytest.mark.parametrize(
    ("contact", "expertise"),
    [
        ("technical_lead", {"full-stack"}),
        ("backend_engineer", {"api", "database"}),
        ("frontend_engineer", {"ui-ux"}),
        ("mobile_engineer", {"ios", "android"}),
        ("devops_engineer", {"infrastructure"}),
        ("security_engineer", {"security"}),
        ("database_administrator", {"mongodb"}),
        ("payment_specialist", {"payment-gateways"}),
        ("ml_engineer", {"ai-ml"}),
    ],
)
def test_expertise_is_that_of_the_table(contact: str, expertise: set[str]) -> None:
    (one,) = PLAN.directory.holders(contact)

    assert expertise <= one.expertise


@pytest.mark.req("S2.1-14")
def test_placeholders_load_and_are_reported_for_every_contact() -> None:
    found = load(TRM, name="trm").findings

    assert all(one.is_placeholder for one in PLAN.directory.contacts)
    assert all(one.phone is None for one in PLAN.directory.contacts)
    unfilled = [one for one in found if one.code is Code.UNFILLED_CONTACT]
    assert len(unfilled) == len(PLAN.directory.contacts) == 18


@pytest.mark.req("S2.1-14")
def test_an_unfilled_contact_cannot_be_the_only_target_of_a_page() -> None:
    unfilled = ('phone: "+95 9 250 000 001"', 'phone: "+95-xxx-xxx-xxxx"')

    alone = minimal(unfilled, ("who: on_call.primary,", "who: ben,"))
    beside = minimal(
        unfilled,
        ("who: on_call.primary,", "who: [ben, manager],"),
        ("primary: ben", "primary: chi"),
    )

    assert Code.ONLY_UNFILLED in codes(alone)
    assert alone.plan is None
    assert Code.ONLY_UNFILLED not in codes(beside)
    assert beside.plan is not None


@pytest.mark.req("S2.1-12")
def test_a_person_may_hold_several_roles_and_a_role_several_people() -> None:
    plan = minimal(
        ("title: Desk, name", "roles: [lead, clerk], title: Desk, name")
    ).plan
    assert plan is not None
    agents = PLAN.directory.holders("help_desk_agent")

    assert [one.shift for one in agents] == ["day", "night", "weekend"]
    assert plan.directory.holders("lead") == plan.directory.holders("clerk")


@pytest.mark.req("S2.1-01", "A21")
def test_the_help_desk_covers_every_minute_and_the_night_agent_is_named() -> None:
    found = load(TRM, name="trm").findings

    assert Code.UNCOVERED_HOURS not in {one.code for one in found}
    (long_week,) = (one for one in found if one.code is Code.LONG_WEEK)
    assert "help_desk_night" in long_week.message
    assert "84 h" in long_week.message


@pytest.mark.req("S2.1-01")
def test_a_minute_without_help_desk_is_reported() -> None:
    late = TRM.replace(
        'night: {days: mon-sun, from: "20:00"', 'night: {days: mon-sun, from: "20:01"'
    )

    (gap,) = (
        one
        for one in load(late, name="trm").findings
        if one.code is Code.UNCOVERED_HOURS
    )
    assert "Mon 20:00-20:01" in gap.message
    assert gap.message.endswith("and 3 more")


@pytest.mark.req("A22")
def test_each_single_specialist_is_reported() -> None:
    found = load(TRM, name="trm").findings

    alone = [one for one in found if one.code is Code.BUS_FACTOR]
    assert len(alone) == 4


@pytest.mark.req("S2.1-10")
def test_the_administrator_answers_where_no_specialty_fits() -> None:
    experts = PLAN.directory.experts("L3", "mobile")

    assert [one.key for one in experts] == ["database_administrator"]


@pytest.mark.req("A20")
def test_business_hours_are_weekdays_in_yangon_without_holidays() -> None:
    hours = PLAN.business_hours
    zone = PLAN.meta.zone

    assert hours.contains(datetime(2026, 2, 6, 9, 0, tzinfo=zone))
    assert not hours.contains(datetime(2026, 2, 6, 18, 0, tzinfo=zone))
    assert not hours.contains(datetime(2026, 2, 7, 12, 0, tzinfo=zone))
    assert not hours.contains(datetime(2026, 4, 16, 12, 0, tzinfo=zone))


@pytest.mark.req(
    "S3.1-01", "S3.1-02", "S3.1-03", "S3.1-10", "S3.1-11", "S3.1-12", "S3.1-18",
    "S3.1-19", "S3.1-20", "S3.1-25", "S3.1-26", "S3.1-27", "A4",
)  # fmt: skip
@pytest.mark.parametrize(
    ("key", "title", "first", "count", "response", "resolution", "urgency"),
    [
        ("P1", "Critical", "Production system completely unavailable", 4,
         timedelta(minutes=5), timedelta(hours=1), Urgency.HIGH),
        ("P2", "High", "Core features not working (job posting, referrals)", 4,
         timedelta(minutes=15), timedelta(hours=4), Urgency.HIGH),
        ("P3", "Medium", "Non-critical features impaired", 4,
         timedelta(hours=1), timedelta(hours=24), Urgency.LOW),
        ("P4", "Low", "Cosmetic issues", 4,
         timedelta(hours=4), timedelta(hours=72), Urgency.LOW),
    ],
)  # fmt: skip
def test_each_severity_has_its_criteria_and_targets(
    key: str,
    title: str,
    first: str,
    count: int,
    response: timedelta,
    resolution: timedelta,
    urgency: Urgency,
) -> None:
    severity = PLAN.severity(key)

    assert severity.title == title
    assert (severity.criteria[0], len(severity.criteria)) == (first, count)
    assert severity.response_target == response
    assert severity.resolution_target == resolution
    assert severity.urgency is urgency
    assert severity.rank == int(key[1])


@pytest.mark.req("A61", "S3.1-33")
def test_data_loss_of_a_single_user_is_a_p1_whichever_criterion_is_read_first() -> None:
    criteria = ("Data loss or corruption", "Single user issues")
    fitting = [one for one in PLAN.severities if {*criteria} & {*one.criteria}]

    assert [one.key for one in fitting] == ["P1", "P3"]
    assert worst(fitting).key == worst(reversed(fitting)).key == "P1"


@pytest.mark.req("S3.1-14", "S3.1-22", "S3.1-23", "S3.1-29", "A33")
def test_tickets_have_a_priority_and_a_team() -> None:
    assert PLAN.ticket_priority == {"P2": "high", "P3": "standard", "P4": "low"}
    assert PLAN.ticket_team == {"P2": "engineering", "P3": "L1", "P4": "L1"}


@pytest.mark.req("S4.1-10")
def test_only_small_incidents_resolve_by_themselves() -> None:
    assert PLAN.auto_resolve == {"P3", "P4"}


@pytest.mark.req(
    "S4.3-01", "S4.3-02", "S4.3-03", "S4.3-04", "S4.3-05", "S4.3-08", "S4.3-10", "A10"
)
@pytest.mark.parametrize(
    ("route", "titles"),
    [
        (
            "infrastructure",
            ["DevOps Engineer", "Technical Lead", "Engineering Manager"],
        ),
        ("application", ["Backend Engineer", "Technical Lead", "Technical Lead"]),
        ("mobile", ["Mobile Engineer", "Backend Engineer", "Technical Lead"]),
        ("payment", ["Payment Specialist", "DevOps Engineer", "CTO"]),
        ("security", ["Security Engineer", "CTO", "CEO"]),
        ("business", ["Product Manager", "Technical Lead", "Engineering Manager"]),
    ],
)
def test_each_route_leads_to_the_people_of_the_table(
    route: str, titles: list[str]
) -> None:
    found = PLAN.routing.route(route)

    ranks = (found.primary, found.secondary, found.escalation)
    assert [title for rank in ranks for title in title_of(rank)] == titles


@pytest.mark.req("A10")
def test_the_full_stack_gap_is_reported() -> None:
    (same,) = (
        one
        for one in load(TRM, name="trm").findings
        if one.code is Code.SAME_PERSON_TWICE
    )

    assert same.message == (
        "Application Errors: secondary and escalation are the same: Technical Lead"
    )


@pytest.mark.req("S4.3-06", "A11")
def test_route_contacts_are_told_for_p1_and_p2_only() -> None:
    times = {
        key: (one.primary, one.secondary, one.escalation)
        for key, one in PLAN.routing.contacting.items()
    }

    def minutes(*counts: int) -> tuple[timedelta, ...]:
        return tuple(timedelta(minutes=count) for count in counts)

    assert times == {"P1": minutes(0, 5, 15), "P2": minutes(0, 15, 30)}


@pytest.mark.req("A15")
def test_only_security_is_confidential() -> None:
    assert [one.key for one in PLAN.routing.routes if one.confidential] == ["security"]


@pytest.mark.req("S4.3-07", "A12", "A60", "A62", "S4.3-10")
@pytest.mark.parametrize(
    ("labels", "route", "severity"),
    [
        ({"alert_type": "payment", "severity": "critical"}, "payment", "P1"),
        (
            {"alertname": "PaymentGatewayDown", "severity": "warning"},
            "payment",
            "P3",
        ),
        ({"service": "payments", "severity": "critical"}, "payment", "P1"),
        ({"alertname": "PlatformDown", "severity": "critical"}, "infrastructure", "P1"),
        ({"alert_type": "security", "severity": "critical"}, "security", "P1"),
        ({"alert_type": "security", "severity": "warning"}, "security", "P3"),
        ({"alertname": "HighErrorRate", "severity": "critical"}, "application", "P2"),
        ({"alertname": "DiskFull", "severity": "critical"}, "infrastructure", "P2"),
        ({"platform": "ios", "severity": "warning"}, "mobile", "P3"),
        ({"alert_type": "business", "severity": "critical"}, "business", "P3"),
        ({"alertname": "Unheard", "severity": "info"}, "infrastructure", "P4"),
        ({}, "infrastructure", "P3"),
    ],
)
def test_an_alert_gets_one_type_and_one_severity(
    labels: dict[str, str], route: str, severity: str
) -> None:
    found = classify(PLAN.routing, labels)

    assert (found.route.key, found.severity) == (route, severity)


@pytest.mark.req("S4.3-07")
def test_an_alert_that_no_route_takes_is_known_as_such() -> None:
    assert classify(PLAN.routing, {"alertname": "Unheard"}).is_catch_all


@pytest.mark.req("S4.4-01", "S4.4-02", "S4.4-04", "S4.4-06", "S4.4-10", "A23")
def test_the_weeks_run_from_friday_to_thursday() -> None:
    schedule = PLAN.schedules["primary-oncall"]
    zone = PLAN.meta.zone
    noons = [datetime(2026, 2, day, 12, tzinfo=zone) for day in (13, 20, 27)]
    weeks = [on_call(schedule, Duty.PRIMARY, at=noon) for noon in noons]

    starts = [one.during.starts_at.astimezone(zone) for one in weeks]
    assert [one.date() for one in starts] == [
        date(2026, 2, 13), date(2026, 2, 20), date(2026, 2, 27),
    ]  # fmt: skip
    assert {one.time() for one in starts} == {time(10, 0)}
    assert [one.weekday() for one in starts] == [4, 4, 4]
    secondary = holder(schedule, Duty.SECONDARY, at=noons[1])
    shadow = holder(schedule, Duty.SHADOW, at=noons[0])
    assert secondary == weeks[0].holder
    assert shadow == weeks[1].holder


@pytest.mark.req("A23")
def test_the_first_members_hold_the_watch_from_midnight_of_the_first_day() -> None:
    schedule = PLAN.schedules["primary-oncall"]
    noon = datetime(2026, 2, 6, 12, tzinfo=PLAN.meta.zone)

    at_midnight = [holder(schedule, one, at=PLAN.meta.effective_at) for one in Duty]
    at_noon = [holder(schedule, one, at=noon) for one in Duty]

    assert at_midnight == at_noon
    assert at_noon[0] == "devops_engineer"


@pytest.mark.req("S7.1-01", "S7.1-02", "S7.1-03", "S7.1-04", "S7.1-05", "S7.1-06")
@pytest.mark.parametrize(
    ("key", "kind", "audience"),
    [
        ("#incidents", ChannelKind.SLACK, "Engineering"),
        ("#alerts", ChannelKind.SLACK, "Engineering"),
        ("#support", ChannelKind.SLACK, "Support"),
        ("email", ChannelKind.EMAIL, "All staff"),
        ("weekly-standup", ChannelKind.MEETING, "Engineering"),
        ("monthly-review", ChannelKind.MEETING, "Management"),
    ],
)
def test_each_internal_channel_has_its_audience(
    key: str, kind: ChannelKind, audience: str
) -> None:
    channel = PLAN.channels[key]

    assert (channel.kind, channel.audience) == (kind, audience)


@pytest.mark.req("S7.1-07")
def test_a_channel_that_is_used_but_not_declared_is_refused() -> None:
    without = TRM.replace('  "#incidents": {', '  "#incident": {')

    assert "#business" in PLAN.channels
    assert codes(load(without, name="trm")) >= {Code.UNKNOWN_CHANNEL}


@pytest.mark.req("S4.3-08")
def test_a_route_to_a_role_that_nobody_holds_is_refused() -> None:
    without = TRM.replace("  mobile_lead: mobile_engineer\n", "")
    loaded = load(without, name="trm")

    assert loaded.plan is None
    (error,) = loaded.errors
    assert (error.code, "mobile_lead" in error.message) == (Code.UNKNOWN_ROLE, True)


def test_what_the_plan_does_not_have_is_not_found() -> None:
    plan: Plan = PLAN
    for ask in (
        lambda: plan.severity("P9"),
        lambda: plan.level("L9"),
        lambda: plan.ladder("P9", "payment"),
        lambda: plan.ladder("P1", "nowhere"),
    ):
        with pytest.raises(LookupError):
            ask()


def test_labels_can_be_excluded() -> None:
    plan = minimal(
        ("shop: {title: Shop,", "shop: {match: [{not env: [test, dev]}], title: Shop,")
    ).plan
    assert plan is not None

    assert not classify(plan.routing, {"env": "live"}).is_catch_all
    assert classify(plan.routing, {"env": "dev"}).is_catch_all


@pytest.mark.req("S0-05")
def test_every_reason_quoted_in_the_plan_exists() -> None:
    quoted = {
        origin
        for steps in PLAN.steps.values()
        for step in steps
        for origin in step.origin
    }

    assert quoted <= load_index().keys()
