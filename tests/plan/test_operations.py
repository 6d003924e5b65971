"""Monitoring, maintenance and changes say what the support plan's tables say."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice

import pytest

from tests.plan.samples import TRM, codes, minimal
from tests.plugins.plan_index import load_index
from watchbill.core.changes import (
    Approval,
    Calendar,
    Change,
    Ruling,
    WorkTime,
    decide,
    schedule_obstacles,
)
from watchbill.core.ladder import When
from watchbill.core.maintenance import (
    AsNeeded,
    Daily,
    Impact,
    Monthly,
    OverlapRule,
    Recurrence,
    Weekly,
    occurrences,
    overlaps,
)
from watchbill.core.monitoring import Baseline, Grade, judge
from watchbill.core.routing import AfterHours, classify
from watchbill.core.temporal import Interval
from watchbill.plan import ChannelKind, Code, Finding, bundled, load, simulate
from watchbill.plan.phrases import parse_repeats, write_limit, write_repeats

PLAN = bundled("trm")
ZONE = PLAN.meta.zone
SUNDAY = frozenset({6})
YEAR = Interval(
    starts_at=PLAN.meta.effective_at,
    ends_at=PLAN.meta.effective_at + timedelta(days=365),
)


def found(code: Code, text: str = TRM) -> list[Finding]:
    return [one for one in load(text, name="trm").findings if one.code is code]


def local(*when: int) -> datetime:
    year, month, day, hour, minute = when
    return datetime(year, month, day, hour, minute, tzinfo=ZONE).astimezone(UTC)


def minutes(*counts: int) -> tuple[timedelta, ...]:
    return tuple(timedelta(minutes=one) for one in counts)


# ── Monitoring ────────────────────────────────────────────────────────────────────


@pytest.mark.req(
    "S4.1-01", "S4.1-02", "S4.1-03", "S4.1-04", "S4.1-05", "S4.1-06", "S4.1-07",
    "S4.1-13",
)  # fmt: skip
def test_every_row_of_the_monitoring_stack_is_there() -> None:
    rows = [
        (one.title, one.tool, one.purpose, one.dashboard)
        for one in PLAN.monitoring.tools.values()
    ]

    assert rows == [
        (
            "Metrics", "Prometheus", "System metrics",
            "https://grafana.trm.rocks/d/metrics",
        ),
        ("Logs", "ELK Stack", "Log aggregation", "https://kibana.trm.rocks"),
        ("APM", "New Relic", "Application performance", "https://one.newrelic.com"),
        ("Uptime", "Pingdom", "Availability monitoring", "https://my.pingdom.com"),
        ("Error Tracking", "Sentry", "Error monitoring", "https://sentry.io/trm"),
        ("RUM", "LogRocket", "User session replay", "https://app.logrocket.com"),
    ]  # fmt: skip


@pytest.mark.req("S4.1-12")
def test_a_silent_monitoring_is_a_p2_after_five_minutes() -> None:
    assert PLAN.monitoring.silence_after == timedelta(minutes=5)
    assert PLAN.monitoring.silence_creates == "P2"


@pytest.mark.req(
    "S4.2-01", "S4.2-02", "S4.2-03", "S4.2-04", "S4.2-05", "S4.2-06", "S4.2-07",
    "S4.2-08", "S4.2-09", "S4.2-10", "S4.2-11", "S4.2-12", "S4.2-13", "S4.2-14",
    "S4.2-15", "S4.2-16", "S4.2-17", "S4.2-18", "S4.2-19", "S4.2-20",
)  # fmt: skip
def test_every_row_of_the_key_metrics_is_there() -> None:
    rows = [
        (
            one.group,
            one.title,
            write_limit(one.rule.warning, one.unit),
            write_limit(one.rule.critical, one.unit),
            one.channel,
        )
        for one in PLAN.monitoring.metrics.values()
    ]

    system, business = "System Health", "Business Metrics"
    assert rows == [
        (system, "CPU Usage", "> 70%", "> 85%", "#alerts"),
        (system, "Memory Usage", "> 75%", "> 90%", "#alerts"),
        (system, "Disk Usage", "> 80%", "> 90%", "#alerts"),
        (system, "Response Time (p95)", "> 300ms", "> 500ms", "#alerts"),
        (system, "Error Rate", "> 0.1%", "> 1%", "pagerduty"),
        (system, "Database Connections", "> 80%", "> 95%", "#alerts"),
        (business, "Payment Success Rate", "< 98%", "< 95%", "pagerduty"),
        (business, "User Login Success", "< 99%", "< 97%", "#alerts"),
        (business, "Job Application Rate", "drop > 5%", "drop > 10%", "#business"),
        (business, "Referral Completion", "drop > 10%", "drop > 20%", "#business"),
    ]


@pytest.mark.req("A12")
def test_pagerduty_is_a_channel_that_pages() -> None:
    assert PLAN.channels["pagerduty"].kind is ChannelKind.PAGER


@pytest.mark.req("S4.2-22")
def test_a_cpu_at_exactly_seventy_percent_is_fine() -> None:
    rule = PLAN.monitoring.metrics["cpu_usage"].rule

    assert judge(rule, Decimal(70)).grade is Grade.FINE
    assert judge(rule, Decimal("70.1")).grade is Grade.WARNING


@pytest.mark.req("A12", "A60", "A62", "S4.3-10")
def test_what_a_metric_creates_is_what_the_rules_make_of_its_alert() -> None:
    metrics = PLAN.monitoring.metrics.values()
    created = {
        one.key: tuple(one.creates[grade] for grade in _GRADES) for one in metrics
    }
    classified = {
        one.key: tuple(
            classify(PLAN.routing, one.labels(grade)).severity for grade in _GRADES
        )
        for one in metrics
    }

    assert created == classified
    assert created.pop("payment_success_rate") == ("P2", "P1")
    assert created.pop("job_application_rate") == ("P3", "P3")
    assert created.pop("referral_completion") == ("P3", "P3")
    assert set(created.values()) == {("P3", "P2")}
    assert found(Code.OTHER_SEVERITY) == []


_GRADES = (Grade.WARNING, Grade.CRITICAL)


@pytest.mark.req("A12")
def test_strictly_by_the_table_metrics_create_nothing_to_disagree_about() -> None:
    strict = TRM.replace("follow_channel_only: false", "follow_channel_only: true")
    strict = strict.replace("creates: {warning: P2, critical: P1}", "creates: {}")

    assert load(strict, name="trm").errors == ()
    assert found(Code.OTHER_SEVERITY, strict) == []


@pytest.mark.req("A13")
def test_drops_are_guarded_against_chance_by_default() -> None:
    metrics = PLAN.monitoring.metrics
    said = metrics["job_application_rate"].rule.baseline

    assert said == metrics["referral_completion"].rule.baseline == Baseline()
    assert said is not None
    rule = metrics["job_application_rate"].rule
    assert said.minimum_expected(rule.warning) == 3600
    assert said.minimum_expected(rule.critical) == 900
    assert metrics["cpu_usage"].rule.baseline is None


@pytest.mark.req("A13")
def test_the_drop_of_the_document_is_read_as_what_it_means() -> None:
    literal = TRM.replace('warning: "drop > 5%"', 'warning: "< 5% drop"')

    plan = load(literal, name="trm").plan

    assert plan is not None
    assert plan.monitoring == PLAN.monitoring
    (remark,) = found(Code.DROP_TURNED, literal)
    assert remark.hint == 'It is read as "drop > 5%" (A13); write that.'
    assert found(Code.DROP_TURNED) == []


@pytest.mark.req("A14")
def test_failures_of_the_user_do_not_count() -> None:
    metrics = PLAN.monitoring.metrics

    assert metrics["payment_success_rate"].ignores == ("card declined", "empty wallet")
    assert metrics["user_login_success"].ignores == ("wrong password",)
    assert "timeout" in metrics["user_login_success"].counts


@pytest.mark.req("A60")
def test_failing_payments_are_critical_after_two_minutes() -> None:
    hold = PLAN.monitoring.metrics["payment_success_rate"].hold

    assert hold[Grade.CRITICAL] == timedelta(minutes=2)


def test_an_alert_without_a_name_is_called_after_its_metric() -> None:
    plan = minimal(
        (
            "channels:",
            "monitoring: {metrics: {disk-usage_root: {title: Disk, group: System, "
            'warning: "> 80%", critical: "> 90%", channel: "#incidents"}}}\nchannels:',
        )
    ).plan
    assert plan is not None

    labels = plan.monitoring.metrics["disk-usage_root"].labels(Grade.WARNING)

    assert labels == {"alertname": "DiskUsageRoot", "severity": "warning"}


# ── Maintenance ───────────────────────────────────────────────────────────────────


@pytest.mark.req(
    "S5.1-01", "S5.1-02", "S5.1-03", "S5.1-04", "S5.1-05", "S5.1-06", "A24"
)
@pytest.mark.parametrize(
    ("key", "title", "repeats", "starts", "hours"),
    [
        ("security_patches", "Security Patches", AsNeeded(days=SUNDAY), 2, 2),
        ("database", "Database Maintenance", Monthly(weekday=6, nth=1), 2, 4),
        (
            "dependencies", "Dependency Updates",
            Weekly(days=SUNDAY, every=2, first_day=date(2026, 2, 8)), 2, 2,
        ),
        (
            "performance", "Performance Optimization",
            Monthly(weekday=6, nth=3, every=3, first_day=date(2026, 2, 15)), 2, 4,
        ),
        ("backup", "Full System Backup", Daily(), 1, 1),
        ("log_rotation", "Log Rotation", Daily(), 0, 1),
    ],
)  # fmt: skip
def test_every_row_of_the_windows_is_there(
    key: str, title: str, repeats: Recurrence, starts: int, hours: int
) -> None:
    window = PLAN.maintenance.window(key)

    assert (window.title, window.repeats) == (title, repeats)
    assert (window.starts, window.duration) == (time(starts), timedelta(hours=hours))
    assert window.zone is ZONE


@pytest.mark.req("S5.1-08")
def test_all_six_windows_end_after_their_duration_and_others_are_refused() -> None:
    assert found(Code.WINDOW_LENGTH) == []
    shorter = TRM.replace(
        'to: "06:00"\n      duration: 4h', 'to: "06:00"\n      duration: 3h'
    )

    assert [one.message for one in found(Code.WINDOW_LENGTH, shorter)] == [
        "Database Maintenance lasts 4 h from 02:00 to 06:00, and says 3 h",
        "Performance Optimization lasts 4 h from 02:00 to 06:00, and says 3 h",
    ]


@pytest.mark.req("S5.1-07")
def test_the_first_sunday_window_begins_on_saturday_in_utc() -> None:
    (first,) = islice(
        occurrences(PLAN.maintenance.window("dependencies"), during=YEAR), 1
    )

    assert first.during.starts_at == datetime(2026, 2, 7, 19, 30, tzinfo=UTC)


@pytest.mark.req("S5.1-09", "A24")
def test_the_colliding_sundays_of_the_plans_first_year_are_reported() -> None:
    overlap = "Dependency Updates and {} overlap on {} days of the coming year: {}"

    assert [one.message for one in found(Code.WINDOWS_OVERLAP)] == [
        overlap.format(
            "Database Maintenance", 5,
            "2026-04-05, 2026-05-03, 2026-09-06, 2026-10-04, 2026-11-01",
        ),
        overlap.format("Performance Optimization", 2, "2026-05-17, 2026-11-15"),
    ]  # fmt: skip
    assert [one.message for one in found(Code.WORK_ON_DAY_OFF)] == [
        "Dependency Updates falls on Thingyan: 2026-04-19"
    ]


@pytest.mark.req("A24")
def test_the_lower_window_moves_past_thingyan() -> None:
    first, second = found(Code.WINDOWS_OVERLAP)

    assert "2026-04-05 to 2026-04-26, 2026-05-03 to 2026-05-10" in first.hint
    assert "2026-05-17 to 2026-05-24" in second.hint


@pytest.mark.req("A24")
def test_the_order_of_priority_is_that_of_the_decision() -> None:
    maintenance = PLAN.maintenance

    assert maintenance.overlap is OverlapRule.SHIFT
    assert [one.key for one in maintenance.by_priority()] == [
        "security_patches", "database", "performance", "dependencies", "backup",
        "log_rotation",
    ]  # fmt: skip
    yielding = {
        one.yields.window.key
        for one in overlaps(maintenance.by_priority(), during=YEAR)
    }
    assert yielding == {"dependencies"}


@pytest.mark.req("A24")
def test_overlaps_can_be_refused() -> None:
    refusing = TRM.replace("overlap: shift", "overlap: refuse")

    assert load(refusing, name="trm").plan is None
    assert len(found(Code.OVERLAP_REFUSED, refusing)) == 2


@pytest.mark.req("A24")
def test_the_quarter_never_meets_thingyan() -> None:
    window = PLAN.maintenance.window("performance")

    days = [one.day for one in occurrences(window, during=YEAR)]

    assert days == [
        date(2026, 2, 15), date(2026, 5, 17), date(2026, 8, 16), date(2026, 11, 15),
    ]  # fmt: skip


@pytest.mark.req("A25", "S5.1-13")
def test_jobs_without_slack_are_remarked_and_missed_after_a_quarter_of_an_hour() -> (
    None
):
    remarks = [one.message for one in found(Code.NO_SLACK)]
    day = date(2026, 2, 8)
    due = {
        key: PLAN.maintenance.window(key).on(day).heartbeat_due_at
        for key in ("backup", "log_rotation", "database")
    }

    assert [one.split(" ends at ")[0] for one in remarks] == [
        "Full System Backup",
        "Log Rotation",
    ]
    assert due == {
        "backup": local(2026, 2, 8, 2, 15),
        "log_rotation": local(2026, 2, 8, 1, 15),
        "database": None,
    }


@pytest.mark.req("A26", "S5.2-01")
def test_users_are_told_two_days_ahead_of_what_they_notice() -> None:
    maintenance = PLAN.maintenance

    assert maintenance.notice == timedelta(hours=48)
    assert [one.key for one in maintenance.windows if one.impact is Impact.NONE] == [
        "backup",
        "log_rotation",
    ]
    waiver = maintenance.notice_waived_by
    assert waiver == ("technical_lead", "engineering_manager")


@pytest.mark.req("A27")
def test_patches_and_updates_have_a_change_type() -> None:
    types = {one.key: one.change_type for one in PLAN.maintenance.windows}

    assert types["security_patches"] == "infrastructure"
    assert types["dependencies"] == "bug_fix"


@pytest.mark.req(
    "S5.2-01", "S5.2-02", "S5.2-03", "S5.2-04", "S5.2-05", "S5.2-06", "S5.2-17"
)
def test_every_step_before_maintenance_is_there() -> None:
    steps = PLAN.maintenance.before

    assert [one.text for one in steps] == [
        "Notify users 48 hours in advance",
        "Create maintenance ticket",
        "Verify backup completion",
        "Prepare rollback plan",
        "Alert on-call team",
        "Enable maintenance mode",
    ]
    assert [one.key for one in steps if one.is_optional] == ["maintenance_mode"]
    assert [one.key for one in steps if one.is_automatic] == [
        "notify_users",
        "create_ticket",
        "alert_on_call",
    ]


@pytest.mark.req(
    "S5.2-07", "S5.2-08", "S5.2-09", "S5.2-10", "S5.2-11", "S5.2-12", "S5.2-13",
    "S5.2-17", "A52",
)  # fmt: skip
def test_every_step_after_maintenance_is_there() -> None:
    steps = PLAN.maintenance.after

    assert [one.text for one in steps] == [
        "Verify all services running",
        "Run smoke tests",
        "Check monitoring dashboards",
        "Verify no alerts triggered",
        "Update status page",
        "Send completion notification",
        "Document any issues",
    ]
    assert not any(one.is_optional for one in steps)
    automatic = {one.key for one in steps if one.is_automatic}
    assert automatic == {"verify_no_alerts", "status_page", "completion_notice"}


@pytest.mark.req("A24")
@pytest.mark.parametrize(
    "text",
    [
        "daily",
        "as needed",
        "weekly on sun",
        "weekly on wed, sun",
        "every 2 weeks on sun",
        "monthly on first sun",
        "monthly on last fri",
        "every 3 months on third sun",
    ],
)
def test_a_recurrence_is_written_as_it_was_read(text: str) -> None:
    plan = minimal(
        (
            "channels:",
            f"maintenance: {{windows: {{w: {{title: W, repeats: '{text}', "
            f'{_beside(text)}from: "02:00", to: "04:00", duration: 2h, impact: none'
            "}}}\nchannels:",
        )
    ).plan
    assert plan is not None

    assert write_repeats(plan.maintenance.window("w").repeats) == text


def _beside(text: str) -> str:
    """What must stand beside the recurrence for it to be counted."""
    if text == "as needed":
        return "days: sun, "
    day = "2026-02-15" if "months" in text else "2026-02-08"
    return f"first: {day}, " if parse_repeats(text).every > 1 else ""


# ── Changes ───────────────────────────────────────────────────────────────────────

FULL = (
    "ci_green", "review", "staging_smoke", "regression", "integration",
    "acceptance_signoff",
)  # fmt: skip


@pytest.mark.req("S5.3-01", "S5.3-02", "S5.3-03", "S5.3-04", "S5.3-05", "A8", "A9")
@pytest.mark.parametrize(
    ("key", "title", "approvers", "testing", "gates", "window"),
    [
        (
            "hotfix", "Hotfix", ["Technical Lead"], "minimal", FULL[:3],
            WorkTime.ANYTIME,
        ),
        (
            "bug_fix", "Bug Fix", ["Product Manager"], "full", FULL,
            WorkTime.MAINTENANCE,
        ),
        (
            "feature", "Feature Release", ["Product Manager", "Technical Lead"],
            "full", FULL, WorkTime.MAINTENANCE,
        ),
        (
            "infrastructure", "Infrastructure", ["DevOps Engineer"], "staging",
            ("staging_deploy", "staging_smoke"), WorkTime.MAINTENANCE,
        ),
        (
            "database_schema", "Database Schema",
            ["Database Administrator", "Technical Lead"], "full", FULL,
            WorkTime.MAINTENANCE,
        ),
    ],
)  # fmt: skip
def test_every_row_of_the_change_table_is_there(
    key: str,
    title: str,
    approvers: list[str],
    testing: str,
    gates: tuple[str, ...],
    window: WorkTime,
) -> None:
    one = PLAN.changes.types[key]

    assert one.title == title
    holders = [PLAN.directory.holders(role) for role in one.approvals]
    assert [people[0].title for people in holders] == approvers
    assert (one.testing, one.gates, one.work_time) == (testing, gates, window)


@pytest.mark.req("A8", "A9", "A28")
def test_a_plan_that_says_nothing_of_approvals_has_the_decisions() -> None:
    plan = minimal().plan
    assert plan is not None
    changes = plan.changes

    assert changes.test_levels == PLAN.changes.test_levels
    assert changes.approval.distinct_people
    assert not changes.approval.requester_may_approve
    assert changes.approval.break_glass_within == timedelta(hours=24)
    assert changes.approval.deputy is None


@pytest.mark.req("S5.3-13", "A28")
def test_a_hotfix_at_night_falls_to_the_engineering_manager() -> None:
    asked_at = local(2026, 2, 8, 3, 0)
    yes = Approval(
        contact="engineering_manager",
        ruling=Ruling.APPROVED,
        at=asked_at + timedelta(minutes=16),
    )
    hotfix = PLAN.changes.types["hotfix"]
    change = Change(
        type=hotfix,
        requester="devops_engineer",
        requested_at=asked_at,
        approvals=(yes,),
        passed_gates=frozenset(hotfix.gates),
    )
    holders = {
        role: [one.key for one in PLAN.directory.holders(role)]
        for role in ("technical_lead", "engineering_manager")
    }

    answers = [
        decide(change, PLAN.changes.approval, Calendar(), holders, now=now).may_start
        for now in (asked_at + one for one in minutes(14, 16))
    ]

    assert answers == [False, True]


@pytest.mark.req("S5.3-08", "S5.3-10")
def test_a_feature_fits_into_a_window_and_not_into_thingyan() -> None:
    window = PLAN.maintenance.window("dependencies")
    calendar = Calendar(
        windows=tuple(one.during for one in occurrences(window, during=YEAR)),
        freezes=PLAN.changes.freezes,
    )
    feature = PLAN.changes.types["feature"]

    def obstacles(day: int, month: int) -> list[str]:
        planned = window.on(date(2026, month, day)).during
        found = schedule_obstacles(feature, planned, calendar)
        return [one.kind.value for one in found]

    assert obstacles(22, 3) == []
    assert obstacles(29, 3) == ["outside_window"]
    assert obstacles(19, 4) == ["frozen"]


@pytest.mark.req("S5.3-10")
def test_a_freeze_lasts_from_the_first_midnight_to_the_end_of_its_last_day() -> None:
    (freeze,) = PLAN.changes.freezes

    assert freeze.title == "Thingyan"
    assert freeze.during.starts_at == local(2026, 4, 12, 0, 0)
    assert freeze.during.ends_at == local(2026, 4, 23, 0, 0)


@pytest.mark.req("S5.3-06", "A9")
def test_who_asks_cannot_approve_and_the_check_says_where_that_hurts() -> None:
    stuck = [one.message.split(" asks")[0] for one in found(Code.ONE_APPROVER)]

    # A hotfix has the Engineering Manager besides.
    assert stuck == [
        "Bug Fix cannot be approved when Product Manager",
        "Feature Release cannot be approved when Product Manager or Technical Lead",
        "Infrastructure cannot be approved when DevOps Engineer",
        "Database Schema cannot be approved when Database Administrator or "
        "Technical Lead",
    ]


@pytest.mark.req("A9")
def test_one_person_in_both_roles_can_never_approve() -> None:
    both = TRM.replace(
        "approvals: [product_manager, technical_lead]",
        "approvals: [full_stack, technical_lead]",
    )

    (error,) = load(both, name="trm").errors

    assert error.code is Code.TOO_FEW_APPROVERS
    assert "only Technical Lead can approve it" in error.message
    lenient = both.replace("distinct_people: true", "distinct_people: false")
    assert load(lenient, name="trm").errors == ()


# ── The route's own times ─────────────────────────────────────────────────────────


@pytest.mark.req("A6")
def test_security_reaches_the_cto_after_a_quarter_of_an_hour_and_no_ceo() -> None:
    routed = {
        (severity, step.key): step.after
        for severity in ("P1", "P2")
        for step in PLAN.ladder(severity, "security").steps
        if step.key.startswith("route/")
    }

    assert routed == {
        ("P1", "route/primary"): timedelta(0),
        ("P1", "route/secondary"): timedelta(minutes=15),
        ("P2", "route/primary"): timedelta(0),
        ("P2", "route/secondary"): timedelta(minutes=15),
    }


@pytest.mark.req("A6", "S3.2-09")
def test_the_ceo_hears_of_a_security_incident_by_the_matrix_alone() -> None:
    declared_at = local(2026, 2, 9, 12, 0)
    lines = simulate(
        PLAN,
        declared_at=declared_at,
        until=declared_at + timedelta(hours=3),
        severity="P1",
        route="security",
    )

    told = {
        key: [
            line.elapsed for line in lines if line.contact and line.contact.key == key
        ]
        for key in ("cto", "ceo")
    }

    assert told["cto"][0] == timedelta(minutes=15)
    assert told["ceo"] == [timedelta(hours=2)]


@pytest.mark.req("A6")
def test_other_routes_keep_the_times_of_the_table() -> None:
    routing = PLAN.routing
    payment = routing.route("payment")

    assert routing.contacting_of(payment, "P1") == routing.contacting["P1"]
    assert routing.contacting_of(payment, "P3") is None


@pytest.mark.req("A29")
def test_after_hours_a_p1_pages_and_a_p2_is_for_the_on_call_only() -> None:
    hours = PLAN.routing.after_hours
    whens = {
        severity: {
            step.when
            for step in PLAN.ladder(severity, "payment").steps
            if step.key.startswith("route/")
        }
        for severity in ("P1", "P2")
    }

    assert hours == {
        "P1": AfterHours.PAGE,
        "P2": AfterHours.ON_CALL_ONLY,
        "P3": AfterHours.QUEUE,
        "P4": AfterHours.QUEUE,
    }
    assert whens == {"P1": {When.ALWAYS}, "P2": {When.OPEN_HOURS}}


@pytest.mark.req("A29", "A32")
@pytest.mark.parametrize(
    ("declared_at", "told"),
    [
        (local(2026, 2, 9, 12, 0), ["payment_specialist", "devops_engineer"]),
        (local(2026, 2, 8, 2, 30), ["devops_engineer"]),
    ],
)
def test_a_p2_at_night_pages_whoever_is_on_call_and_not_the_route(
    declared_at: datetime, told: list[str]
) -> None:
    lines = simulate(
        PLAN,
        declared_at=declared_at,
        until=declared_at + timedelta(minutes=20),
        severity="P2",
        route="payment",
    )

    people = [one.contact.key for one in lines if one.contact and not one.is_copy]
    assert list(dict.fromkeys(people)) == told


@pytest.mark.req("S0-05")
def test_every_reason_quoted_in_the_operations_exists() -> None:
    origins = [one.origin for one in PLAN.monitoring.metrics.values()]
    steps = (*PLAN.maintenance.before, *PLAN.maintenance.after)
    origins += [one.origin for one in steps]
    quoted = {why for origin in origins for why in origin}

    assert {f"S4.2-{number:02}" for number in range(1, 21)} <= quoted
    assert {f"S5.2-{number:02}" for number in range(1, 14)} <= quoted
    assert quoted <= load_index().keys()


@pytest.mark.req("S7.1-07")
def test_a_metric_that_posts_to_an_undeclared_channel_is_refused() -> None:
    broken = TRM.replace('channel: "#business"', 'channel: "#biznes"', 1)

    loaded = load(broken, name="trm")

    assert loaded.plan is None
    assert Code.UNKNOWN_CHANNEL in codes(loaded)
