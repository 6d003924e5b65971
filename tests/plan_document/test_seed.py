"""The support plan that watchbill began with is read without losing a fact."""

from datetime import date, time, timedelta

import pytest

from tests.plan_document.samples import SEED, loaded, plan_file
from watchbill.core.ladder import Since, Verb
from watchbill.core.monitoring import Threshold
from watchbill.plan import Cover
from watchbill.plan.document import Fate, import_document
from watchbill.plan.schema import PlanFile

IMPORTED = import_document(SEED, name="support-plan.md")
FILE: PlanFile = plan_file(IMPORTED.text)
MAIL = "@trm.rocks"


def minutes(count: int) -> timedelta:
    return timedelta(minutes=count)


def hours(count: int) -> timedelta:
    return timedelta(hours=count)


def step_facts(severity: str) -> list[tuple[timedelta, Verb, Since]]:
    return [(one.after, one.do, one.from_) for one in FILE.escalation[severity]]


@pytest.mark.req("S0-05", "S0-06")
def test_the_seed_loads_without_errors() -> None:
    assert loaded(IMPORTED).errors == ()


@pytest.mark.req("S0-05", "SE-01")
def test_only_the_summary_and_the_last_remark_have_no_place() -> None:
    unplaced = [one.line for one in IMPORTED.report.of(Fate.UNPLACED)]

    assert unplaced == [11, 13, 427]


@pytest.mark.req("S0-05")
def test_every_line_that_is_not_blank_is_accounted_for_once() -> None:
    written = [
        number for number, text in enumerate(SEED.splitlines(), start=1) if text.strip()
    ]

    assert [one.line for one in IMPORTED.report.accounts] == written
    assert sum(IMPORTED.report.count(fate) for fate in Fate) == len(written)


@pytest.mark.req("S0-01", "S0-02", "S0-03", "S0-04")
def test_the_head_of_the_document() -> None:
    plan = FILE.plan

    assert (plan.title, plan.product) == (
        "Post-Launch Support Plan",
        "TRM Referral Platform",
    )
    assert (plan.version, plan.effective) == ("1.0", date(2026, 2, 6))
    assert (plan.review, plan.owner) == ("quarterly", "operations_team")
    assert plan.time_zone.key == "Asia/Yangon"


@pytest.mark.req("S2.1-01", "S2.1-05", "S2.1-08", "S2.1-11")
def test_the_levels_and_their_cover() -> None:
    assert {key: (one.title, one.cover) for key, one in FILE.levels.items()} == {
        "L1": ("Help Desk", Cover.ALL_HOURS),
        "L2": ("Technical Support", Cover.BUSINESS_HOURS),
        "L3": ("Subject Matter Experts", Cover.ON_CALL),
        "L4": ("Management Escalation", Cover.ON_REQUEST),
    }


@pytest.mark.req("S2.1-02", "S2.1-03", "S2.1-04", "S2.1-06", "S2.1-09", "S2.1-11")
def test_the_contacts() -> None:
    people = [
        (one.level, one.title, (one.email or "").removesuffix(MAIL), one.shift)
        for one in FILE.contacts
    ]

    assert people == [
        ("L1", "Help Desk Lead", "support", "day"),
        ("L1", "Help Desk Agent", "support", "day"),
        ("L1", "Help Desk Agent", "support", "night"),
        ("L1", "Help Desk Agent", "support", "weekend"),
        ("L2", "Technical Lead", "tech-lead", None),
        ("L2", "Backend Engineer", "backend", None),
        ("L2", "Frontend Engineer", "frontend", None),
        ("L2", "Mobile Engineer", "mobile", None),
        ("L2", "DevOps Engineer", "devops", None),
        ("L3", "Security Engineer", "security", None),
        ("L3", "Database Administrator", "dba", None),
        ("L3", "Payment Specialist", "payments", None),
        ("L3", "ML Engineer", "ml", None),
        ("L4", "Engineering Manager", "eng-mgr", None),
        ("L4", "Product Manager", "product", None),
        ("L4", "CTO", "cto", None),
        ("L4", "CEO", "ceo", None),
        # Signs the plan and is in no table of contacts (A43).
        ("L4", "Operations Manager", "", None),
    ]


@pytest.mark.req("S2.1-06", "S2.1-09")
def test_the_specialties() -> None:
    known = {one.id: one.expertise for one in FILE.contacts if one.expertise}

    assert known == {
        "technical_lead": ("full-stack",),
        "backend_engineer": ("api", "database"),
        "frontend_engineer": ("ui-ux",),
        "mobile_engineer": ("ios", "android"),
        "devops_engineer": ("infrastructure",),
        "security_engineer": ("security",),
        "database_administrator": ("mongodb",),
        "payment_specialist": ("payment-gateways", "payment"),
        "ml_engineer": ("ai-ml-services",),
    }


@pytest.mark.req("S3.1-01", "S3.1-10", "A4")
def test_the_severities() -> None:
    facts = {
        key: (one.title, one.response, one.resolution, len(one.criteria))
        for key, one in FILE.severities.items()
    }

    assert facts == {
        "P1": ("Critical", minutes(5), hours(1), 4),
        "P2": ("High", minutes(15), hours(4), 4),
        "P3": ("Medium", hours(1), hours(24), 4),
        "P4": ("Low", hours(4), hours(72), 4),
    }
    assert FILE.severities["P2"].criteria == (
        "Core features not working (job posting, referrals)",
        "Significant performance degradation",
        "Mobile apps crashing",
        "Payment delays",
    )
    assert [len(one.actions) for one in FILE.severities.values()] == [5, 4, 3, 3]


@pytest.mark.req("S2.2-01", "S2.2-02", "S3.2-05", "A1", "A2")
def test_matrix_tree_and_text_become_one_ladder() -> None:
    assert step_facts("P1") == [
        (minutes(0), Verb.PAGE, Since.DECLARED),
        (minutes(0), Verb.POST, Since.DECLARED),
        (minutes(2), Verb.PAGE, Since.DECLARED),
        (minutes(5), Verb.PAGE, Since.DECLARED),
        (minutes(10), Verb.PAGE, Since.DECLARED),
        (minutes(15), Verb.ESCALATE, Since.DECLARED),
        (minutes(30), Verb.NOTIFY, Since.DECLARED),
        (hours(1), Verb.NOTIFY, Since.DECLARED),
        (hours(2), Verb.NOTIFY, Since.DECLARED),
        (hours(24), Verb.POSTMORTEM, Since.RESOLVED),
    ]
    assert "who: [technical_lead, L3 by category]" in IMPORTED.text


@pytest.mark.req("S3.2-08", "S3.2-10", "S3.2-11", "A18", "A32")
def test_the_ladder_of_p2_has_both_dates_of_the_post_mortem() -> None:
    assert step_facts("P2") == [
        (minutes(0), Verb.CREATE_TICKET, Since.DECLARED),
        (minutes(0), Verb.PAGE, Since.DECLARED),
        (minutes(10), Verb.PAGE, Since.DECLARED),
        (hours(1), Verb.ESCALATE, Since.DECLARED),
        (hours(2), Verb.NOTIFY, Since.DECLARED),
        (hours(4), Verb.NOTIFY, Since.DECLARED),
        (hours(24), Verb.POSTMORTEM, Since.RESOLVED),
        (hours(48), Verb.POSTMORTEM, Since.RESOLVED),
    ]


@pytest.mark.req("S3.2-12", "S3.2-15", "A33")
def test_the_ladders_of_p3_and_p4_go_to_l2() -> None:
    for severity, after in (("P3", 4), ("P4", 24)):
        assert step_facts(severity) == [
            (minutes(0), Verb.CREATE_TICKET, Since.DECLARED),
            (hours(after), Verb.ESCALATE, Since.DECLARED),
        ]


@pytest.mark.req("S4.1-01")
def test_the_monitoring_stack() -> None:
    assert [(one.title, one.tool) for one in FILE.monitoring.tools.values()] == [
        ("Metrics", "Prometheus"),
        ("Logs", "ELK Stack"),
        ("APM", "New Relic"),
        ("Uptime", "Pingdom"),
        ("Error Tracking", "Sentry"),
        ("RUM", "LogRocket"),
    ]
    addresses = {one.dashboard for one in FILE.monitoring.tools.values()}
    assert "https://grafana.trm.rocks/d/metrics" in addresses
    assert len(addresses) == 6


@pytest.mark.req("S4.2-01", "S4.2-09", "S4.2-13", "S4.2-17", "A13")
def test_the_thresholds() -> None:
    def shown(limit: Threshold) -> str:
        return f"{limit.direction} {limit.limit}"

    facts = {
        one.title: (
            shown(one.warning.threshold),
            shown(one.critical.threshold),
            one.channel,
        )
        for one in FILE.monitoring.metrics.values()
    }
    assert facts == {
        "CPU Usage": ("above 70", "above 85", "#alerts"),
        "Memory Usage": ("above 75", "above 90", "#alerts"),
        "Disk Usage": ("above 80", "above 90", "#alerts"),
        "Response Time (p95)": ("above 300", "above 500", "#alerts"),
        "Error Rate": ("above 0.1", "above 1", "pagerduty"),
        "Database Connections": ("above 80", "above 95", "#alerts"),
        "Payment Success Rate": ("below 98", "below 95", "pagerduty"),
        "User Login Success": ("below 99", "below 97", "#alerts"),
        "Job Application Rate": ("drop 5", "drop 10", "#business"),
        "Referral Completion": ("drop 10", "drop 20", "#business"),
    }


@pytest.mark.req("S4.3-01", "S4.3-05", "A10")
def test_the_routes_and_the_aliases_that_they_need() -> None:
    routes = {
        one.title: (one.primary, one.secondary, one.escalation)
        for one in FILE.alerts.routes.values()
    }

    assert routes == {
        "Infrastructure": ("devops_engineer", "technical_lead", "engineering_manager"),
        "Application Errors": ("backend_lead", "full_stack", "technical_lead"),
        "Mobile Crashes": ("mobile_lead", "backend_lead", "technical_lead"),
        "Payment Issues": ("payment_lead", "devops_engineer", "cto"),
        "Security": ("security_lead", "cto", "ceo"),
    }
    assert FILE.aliases == {
        "backend_lead": "backend_engineer",
        "devops_lead": "devops_engineer",
        "full_stack": "technical_lead",
        "mobile_lead": "mobile_engineer",
        "payment_lead": "payment_specialist",
        "security_lead": "security_engineer",
    }


@pytest.mark.req("S4.4-01", "A23")
def test_the_on_call_weeks() -> None:
    schedule = FILE.on_call["primary-oncall"]

    assert schedule.first_week == date(2026, 2, 6)
    assert schedule.handover == time(10)
    assert schedule.members == (
        "devops_engineer",
        "backend_engineer",
        "frontend_engineer",
        "mobile_engineer",
    )


@pytest.mark.req("S5.1-01", "S5.1-02", "S5.1-03", "S5.1-04", "S5.1-05", "A24")
def test_the_maintenance_windows() -> None:
    facts = [
        (one.title, one.from_, one.to, one.duration, str(one.impact))
        for one in FILE.maintenance.windows.values()
    ]

    assert facts == [
        ("Security Patches", time(2), time(4), hours(2), "degraded"),
        ("Database Maintenance", time(2), time(6), hours(4), "degraded"),
        ("Dependency Updates", time(2), time(4), hours(2), "degraded"),
        ("Performance Optimization", time(2), time(6), hours(4), "degraded"),
        ("Full System Backup", time(1), time(2), hours(1), "none"),
        ("Log Rotation", time(0), time(1), hours(1), "none"),
    ]
    often = IMPORTED.tree["maintenance"]
    assert "every 3 months on third sun" in str(often)
    assert "monthly on first sun" in str(often)
    assert FILE.maintenance.windows["dependency_updates"].first == date(2026, 2, 8)


@pytest.mark.req("S5.2-01", "S5.2-06", "S5.2-13")
def test_the_checklists() -> None:
    before, after = FILE.maintenance.before, FILE.maintenance.after

    assert (len(before), len(after)) == (6, 7)
    assert before[0].step == "Notify users 48 hours in advance"
    assert (before[5].step, before[5].optional) == ("Enable maintenance mode", True)
    assert after[6].step == "Document any issues"
    assert FILE.maintenance.notice == hours(48)


@pytest.mark.req("S5.3-01", "S5.3-03", "S5.3-05", "A9")
def test_the_changes() -> None:
    facts = [
        (one.title, one.approvals, one.testing, str(one.window))
        for one in FILE.changes.types.values()
    ]

    assert facts == [
        ("Hotfix", ("technical_lead",), "minimal", "anytime"),
        ("Bug Fix", ("product_manager",), "full", "maintenance"),
        (
            "Feature Release",
            ("product_manager", "technical_lead"),
            "full",
            "maintenance",
        ),
        ("Infrastructure", ("devops_lead",), "staging", "maintenance"),
        (
            "Database Schema",
            ("database_administrator", "technical_lead"),
            "full",
            "maintenance",
        ),
    ]


@pytest.mark.req("S6.1-01", "S6.3-01", "A5")
def test_the_bug_levels_of_tree_and_table() -> None:
    assert FILE.bugs is not None
    facts = [
        (one.title, one.severity, one.act_within, str(one.disposition), one.fix)
        for one in FILE.bugs.levels.values()
    ]

    assert facts == [
        ("Critical", "P1", minutes(0), "hotfix", hours(4)),
        ("High", "P2", hours(4), "sprint", hours(24)),
        ("Medium", "P3", hours(24), "backlog", hours(72)),
        ("Low", "P4", hours(72), "backlog", None),
    ]
    assert (FILE.bugs.triage.who, FILE.bugs.triage.within) == ("L1", minutes(30))
    news = [one.communicate for one in FILE.bugs.levels.values()]
    assert news == [hours(2), timedelta(days=1), timedelta(days=7), None]
    response = [one.response for one in FILE.bugs.levels.values()]
    assert response == [minutes(15), hours(1), hours(4), hours(24)]


@pytest.mark.req("S6.2-01", "A7")
def test_the_hotfix_phases() -> None:
    assert FILE.hotfix is not None
    facts = [
        (one.title, str(one.bound), one.from_, one.to, len(one.steps))
        for one in FILE.hotfix.phases
    ]

    assert facts == [
        ("Detection", "elapsed", minutes(0), minutes(15), 3),
        ("Response", "elapsed", minutes(15), minutes(30), 3),
        ("Development", "elapsed", minutes(30), hours(4), 3),
        ("Testing", "duration", minutes(30), hours(1), 3),
        ("Deployment", "duration", minutes(15), minutes(30), 3),
        ("Post-Deployment", "watch", hours(1), hours(24), 3),
    ]
    assert FILE.hotfix.target == hours(4)


@pytest.mark.req("S7.1-01", "S7.2-01")
def test_the_channels() -> None:
    internal = {
        key: (str(one.kind), one.audience) for key, one in FILE.channels.items()
    }

    assert internal["#incidents"] == ("slack", "Engineering")
    assert internal["#support"] == ("slack", "Support")
    assert internal["email"] == ("email", "All staff")
    assert internal["weekly-standup"] == ("meeting", "Engineering")
    assert internal["monthly-review"] == ("meeting", "Management")
    external = [
        (one.title, one.purpose, one.frequency)
        for one in FILE.communication.external.values()
    ]
    assert external == [
        ("Status Page", "Service status", "Real-time"),
        ("Twitter/X", "Public updates", "As needed"),
        ("Email Newsletter", "Scheduled maintenance", "48 hours prior"),
        ("In-App Notifications", "User-facing issues", "As needed"),
        ("Blog", "Post-mortems", "After major incidents"),
    ]


@pytest.mark.req("S7.3-01", "A16")
def test_the_status_page() -> None:
    assert FILE.status_page is not None
    facts = {
        key: (str(one.state), one.update_every, one.update)
        for key, one in FILE.status_page.levels.items()
    }

    assert facts == {
        "P1": ("major_outage", minutes(30), None),
        "P2": ("partial_outage", hours(1), None),
        "P3": ("degraded_performance", hours(4), None),
        "P4": ("maintenance", None, "before and after"),
    }


@pytest.mark.req("S8.1-01", "S8.2-01")
def test_runbooks_and_knowledge() -> None:
    facts = [(one.title, one.location) for one in FILE.runbooks.values()]
    assert facts == [
        ("Incident Response", "/docs/runbooks/incident-response.md"),
        ("Deployment Procedures", "/docs/runbooks/deployment.md"),
        ("Database Recovery", "/docs/runbooks/db-recovery.md"),
        ("Payment Troubleshooting", "/docs/runbooks/payments.md"),
        ("Security Incident", "/docs/runbooks/security.md"),
        ("Performance Tuning", "/docs/runbooks/performance.md"),
    ]
    assert {one.updated for one in FILE.runbooks.values()} == {date(2026, 2, 6)}
    assert [one.url for one in FILE.knowledge_base.values()] == [
        "https://wiki.trm.rocks",
        "https://api.trm.rocks/docs",
        "https://help.trm.rocks",
    ]


@pytest.mark.req("S9.1-01", "S9.2-01", "A55")
def test_reviews_and_improvement() -> None:
    facts = [
        (one.title, one.frequency, one.participants, one.output)
        for one in FILE.reviews.values()
    ]

    assert facts == [
        ("Incident Review", ("P1", "P2"), ("engineering",), "Post-mortem"),
        ("Weekly Metrics", "weekly", ("support", "engineering"), "Trend report"),
        ("Monthly Review", "monthly", ("all_staff",), "Improvement plan"),
        ("Quarterly Planning", "quarterly", ("management",), "Roadmap updates"),
    ]
    assert len(FILE.improvement) == 5


@pytest.mark.req("SA-01", "SB-01", "SC-01", "SD-01", "A43", "A45", "A47")
def test_the_appendices_and_the_signers() -> None:
    assert [one.title for one in FILE.emergency_procedures.values()] == [
        "Database failover procedure",
        "Payment provider switch procedure",
        "DDoS response procedure",
        "Data breach response procedure",
    ]
    assert [str(one.category) for one in FILE.vendors.values()] == [
        "hosting",
        "payment",
        "third_party",
        "security",
    ]
    assert FILE.compliance.retention.raw_alerts.months == 13
    assert FILE.compliance.audit == ("Audit procedures",)
    obligations = [one.title for one in FILE.compliance.obligations.values()]
    assert obligations == ["Regulatory requirements"]
    assert FILE.plan.signers == ("operations_manager", "engineering_manager", "cto")


@pytest.mark.req("A10", "A13", "A21", "A24", "A43")
def test_guesses_name_the_line_and_the_decision() -> None:
    lines = {
        one.line: {remark.decision for remark in one.remarks if remark.decision}
        for one in IMPORTED.report.of(Fate.GUESSED)
    }

    assert lines[83] == {"A4"}
    assert lines[187] == {"A13"}
    assert lines[195] == {"A10"}
    assert lines[220] == {"A24"}
    assert lines[294] == {"A7"}
    assert lines[421] == {"A43"}
    filled = {one.key: one.decision for one in IMPORTED.report.defaults}
    assert filled["shifts.night.from"] == "A21"
    assert filled["business_hours.days"] == "A20"
